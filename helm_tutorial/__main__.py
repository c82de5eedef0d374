"""The command line, ``python -m helm_tutorial``, which runs :mod:`helm_study`."""

import sys

from helm_study.__main__ import begin

if __name__ == "__main__":
    sys.exit(begin())
