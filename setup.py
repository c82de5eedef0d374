"""Name the packages, which pyproject.toml cannot: those of three houses, and the records, which the book keeps.

The records travel with the package so that the chapters open on Colab too.
"""

from setuptools import find_packages, setup

RECORDS = "helm_study.recorded"
houses = find_packages(include=["helm_tutorial*", "helm_study*", "helm_book*"])
setup(packages=[*houses, RECORDS], package_dir={RECORDS: "book/records"})
