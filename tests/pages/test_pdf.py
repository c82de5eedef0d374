"""The book as one PDF: every page, whole, with nothing to click on that leads out of it by mistake."""

from __future__ import annotations

import pytest
from built_pages import PAGES

pytestmark = pytest.mark.skipif(not PAGES, reason="the book is not built: make book")


@pytest.fixture(scope="session")
def bound(browser):
    import pdf

    return pdf.bind([(name, *pdf.print_page(browser, name)) for name in ("book/intro", "book/two_pillars")])


def test_it_has_a_bookmark_a_page_and_is_named(bound):
    assert [entry["/Title"] for entry in bound.outline] == [
        "Planning by gradient, and the two ways it dies",
        "Two pillars, weighed",
    ]
    assert bound.metadata.title == "The Two Pillars of Gradient Planning"


def test_explorers_are_figures_and_what_is_folded_is_open(bound):
    text = "\n".join(page.extract_text() for page in bound.pages)
    assert text.count("Two pillars, weighed") >= 2, "the title of a page is missing"
    assert "The two-by-two" in text, "the explorer is missing"
    assert not {"Reset", "Show me"} & set(bound.pages[-5].extract_text().split("\n")), "controls are printed"
    assert "use_style()" not in text, "the code of a figure is printed"


def test_links_to_a_page_lead_inside_and_none_says_where_it_was_printed(bound):
    import pdf

    inside, addresses = 0, []
    for page in bound.pages:
        for reference in page.get("/Annots", ()):
            link = reference.get_object()
            inside += "/Dest" in link
            addresses.append(link.get("/A", {}).get("/URI", ""))
    assert inside
    assert not [address for address in addresses if address.startswith((pdf.ORIGIN, "file:"))]


def test_every_page_of_the_book_is_printed():
    import pdf

    assert {f"{name}.html" for name in pdf.pages()} == {page for page in PAGES if page.startswith("book/")}
