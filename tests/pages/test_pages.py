"""Every built page: silent, self-contained, readable on a phone, in the light and in the dark."""

from __future__ import annotations

import pytest
from built_pages import PAGES

pytestmark = pytest.mark.skipif(not PAGES, reason="the book is not built: make book")

AT_REST = "() => new Promise(done => requestIdleCallback(() => setTimeout(done, 200)))"  # what it does late, it did
HEADINGS = "() => [...document.querySelectorAll('h1')].map(h => h.textContent)"
BAD_ALTS = """() => [...document.querySelectorAll('img')]
    .filter(i => !i.hasAttribute('alt') || /\\.(png|svg|webp|jpe?g)$/.test(i.alt)
                 || (i.closest('article') && i.alt.trim().split(/\\s+/).length < 3))
    .map(i => `${i.src.slice(0, 80)} alt=${i.alt}`)"""
BROKEN_IMAGES = """() => [...document.querySelectorAll('img')]
    .filter(i => i.loading !== 'lazy' && i.complete && !i.naturalWidth).map(i => i.src.slice(0, 80))"""
FORMULA_ERRORS = "() => [...document.querySelectorAll('mjx-merror')].map(e => e.textContent)"
UNSET_FORMULAS = "() => [...document.querySelectorAll('.math')].filter(e => !e.querySelector('mjx-container')).length"
WIDER_THAN_PAGE = """() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const scrolls = e => { for (let p = e.parentElement; p; p = p.parentElement)
        if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(p).overflowX)) return true; return false; };
    return [`page ${document.documentElement.scrollWidth} px`, ...[...document.body.querySelectorAll('*')]
        .filter(e => e.getBoundingClientRect().right > width + 1 && !scrolls(e))
        .map(e => `${e.tagName}.${e.className} ${Math.round(e.getBoundingClientRect().right)} px`)].slice(0, 6);
}"""
FIRST_EXPLORER = """() => {
    const box = document.querySelector('.helm-explorer').getBoundingClientRect();
    return [box.top + scrollY, box.bottom + scrollY];
}"""
TURN = "theme => { document.documentElement.dataset.theme = theme; }"
BRIGHTNESS = """() => {
    const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).map(Number);
    return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}"""
IMAGES_ON_DARK = """() => [...document.querySelectorAll(
        '.bd-article .cell_output img, .helm-explorer img, .helm-panels img')]
    .filter(i => getComputedStyle(i).backgroundColor !== 'rgb(255, 255, 255)').map(i => i.alt.slice(0, 60))"""


# Pages of the reference are made alike: one of them in every run, the others in make whole.
IN_TURN = [
    pytest.param(page, marks=pytest.mark.whole if page.startswith("book/api/") and "planning" not in page else [])
    for page in PAGES
]


@pytest.mark.parametrize("page", IN_TURN)
def test_a_page_from_its_folder_is_silent_well_formed_and_fits_a_phone_in_both_themes(reader, page):
    visit = reader.open(page, by="file", theme="dark")  # the other tests come by http
    visit.page.evaluate(AT_REST)
    headings = visit.page.evaluate(HEADINGS)
    assert len(headings) == 1, headings
    assert visit.page.evaluate(BAD_ALTS) == []
    assert visit.page.evaluate(BROKEN_IMAGES) == []
    assert visit.page.evaluate(FORMULA_ERRORS) == []
    assert visit.page.evaluate(UNSET_FORMULAS) == 0
    visit.page.set_viewport_size({"width": 360, "height": 800})
    for theme, (darkest, brightest) in (("dark", (0.0, 0.2)), ("light", (0.8, 1.0))):
        visit.page.evaluate(TURN, theme)
        assert visit.page.evaluate(WIDER_THAN_PAGE) == []
        assert darkest <= visit.page.evaluate(BRIGHTNESS) <= brightest
        assert theme == "light" or visit.page.evaluate(IMAGES_ON_DARK) == []
    assert visit.complaints == []


def test_the_opening_begins_with_a_figure_to_play_with(reader):
    page = reader.open("book/intro.html", width=1440).page
    top, bottom = page.evaluate(FIRST_EXPLORER)
    assert top < 600 and bottom < 1050


def test_the_first_visit_is_light_even_where_the_system_is_dark(browser, address):
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(f"{address}book/intro.html")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    context.close()
