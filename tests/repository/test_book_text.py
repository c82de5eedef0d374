"""The extensions that change a page's text: citations lead to entries, and what belongs together does not break."""

import io
import re
import sys
from pathlib import Path

import pytest
from pybtex.database import parse_string
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "book" / "_extensions"))
from helm_bibliography import cited_as

ENTRIES = r"""
@misc{one, title = {One}, author = {{McCoy}, Ann}, year = {2001}}
@misc{two, title = {Two}, author = {L{\'e}onard, B. and van der Berg, C.}, year = {2002}}
@misc{four, title = {Four}, author = {Adams, D. and Baker, E. and Clark, F. and Zimmer, G.}, year = {2004}}
@misc{same, title = {The same again}, author = {Adams, D. and Ito, H. and Clark, F. and Zimmer, G.}, year = {2004}}
@misc{late, title = {Late}, author = {Moore, K.}, year = {2005}}
"""


@pytest.fixture
def build(tmp_path):
    def build(text: str, **more: object) -> tuple[str, str, str]:
        """A book of two pages: the first page, the bibliography, and the warnings."""
        (tmp_path / "index.md").write_text(f"# Page\n\n{text}\n\n```{{toctree}}\nbibliography\n```\n")
        (tmp_path / "bibliography.md").write_text("# Bibliography\n\n```{bibliography}\n:all:\n```\n")
        (tmp_path / "all.bib").write_text(ENTRIES)
        settings = {
            "extensions": ["helm_bibliography", "helm_markup", "myst_nb", "sphinxcontrib.bibtex"],
            "myst_enable_extensions": ["dollarmath"],
            "bibtex_bibfiles": ["all.bib"],
            "bibtex_default_style": "book",
            "bibtex_cite_id": "cite-{key}",
            **more,
        }
        places = (str(tmp_path), None, str(tmp_path / "html"), str(tmp_path / "trees"))
        warnings = io.StringIO()
        Sphinx(*places, "html", settings, None, warning=warnings, freshenv=True).build(force_all=True)
        pages = [(tmp_path / "html" / name).read_text() for name in ("index.html", "bibliography.html")]
        return *pages, warnings.getvalue()

    return build


def test_up_to_three_authors_are_named_and_accents_are_letters():
    cited = {key: cited_as(entry) for key, entry in parse_string(ENTRIES, "bibtex").entries.items()}
    assert cited["one"] == "McCoy (2001)"
    assert cited["two"] == "Léonard and van der Berg (2002)"
    assert cited["four"] == "Adams et al. (2004)"


def test_a_citation_leads_to_its_entry_and_entries_are_sorted_by_name(build):
    page, bibliography, warnings = build(
        "[McCoy (2001)](bibliography.md), after [Moore, 2005](bibliography.md). "
        "All are in the [bibliography](bibliography.md)."
    )
    assert 'href="bibliography.html#cite-one"' in page
    assert 'href="bibliography.html#cite-late"' in page
    assert re.search(r'href="bibliography.html"[^>]*>(<span[^>]*>)?bibliography<', page)
    assert 'id="cite-one"' in bibliography
    ids = re.findall(r'id="cite-(\w+)"', bibliography)
    assert ids.index("one") < ids.index("late")  # a name's braces do not put McCoy behind Moore
    assert "is cited" not in warnings


@pytest.mark.parametrize("citation", ["Nobody (1999)", "Adams et al. (2004)"])
def test_a_citation_of_no_entry_or_of_two_is_a_warning(build, citation):
    assert f"'{citation}' is cited, and the bibliography has" in build(f"See [{citation}](bibliography.md).")[2]


def test_no_line_ends_within_what_belongs_together(build):
    page, _, _ = build(
        "At T = 12 it gains 95 % (+3 to −7), for every $z$, and ($a$) too; not at `T = 12`. In $b$ no mark follows. "
        "On 2026-11-23, with seed 0, -2.5 (-3 to -1) within 1e-06, or 2.5e-12; not x-1, nor `1e-06`.\n\n"
        "```python\n# NBVAL_CHECK_OUTPUT\nprint(1)\n```"
    )
    parts = ("T\xa0=\xa012", "95\xa0%", "(+3\xa0to\xa0−7)", "2026‑11‑23", "seed\xa00, −2.5 (−3\xa0to\xa0−1)")
    for whole in (*parts, "within 10⁻⁶", "2.5·10⁻¹²", "x-1", ">1e-06<"):
        assert whole in page
    assert "T = 12</span></code>" in page or '<span class="pre">T</span> <span class="pre">=</span>' in page
    together = re.findall(
        r'<span class="helm-together">(\(?)<span class="math[^"]*">[^<]*</span>([,.;)]*)</span>', page
    )
    assert together == [("", ","), ("(", ")")]
    assert "NBVAL" not in page


def test_an_example_keeps_the_minus_that_python_reads(build):
    page, _, _ = build("-1 in prose.\n\n```{eval-rst}\n>>> abs(-1.0)\n1.0\n```")
    assert "−1 in prose" in page and "−1.0" not in page
