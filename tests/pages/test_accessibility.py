"""Every built page by axe-core, and what axe cannot see: the order of headings, the keyboard's way through a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from built_pages import CHAPTERS, HTML, PAGES, WALK

pytestmark = pytest.mark.skipif(not PAGES, reason="the book is not built: make book")

READ = [page for page in PAGES if page != "index.html"]  # it only leads to the first page
FIRST = "book/intro.html"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GRAVE = ("serious", "critical")
# A formula is a hundred elements, all made alike: these pages have them within text, on their own, and folded.
WITH_FORMULAS = ("book/notation.html", "book/regularity_forms.html")
COLOURS = "color-contrast"
ALIKE = "book/api/"  # pages made alike: the overview above them and one of them are judged for all
ONE_OF_THEM = f"{ALIKE}planning.html"
# What a narrow page changes is the frame around its text, the same on all pages, and the room that things have.
WHOLE_ON_A_PHONE = (FIRST, CHAPTERS[0])
ASKED_ON_A_PHONE = ("target-size", "scrollable-region-focusable", "meta-viewport", "css-orientation-lock")
# Of itself axe leaves them to a human, and with them a look that only they have: a number in code is one digit.
JUDGE_SINGLE_LETTERS = "axe._audit.checks['color-contrast'].options.ignoreLength = true"
TURN = "theme => { document.documentElement.dataset.theme = theme; }"
OPEN_WHAT_IS_FOLDED = """() => document.querySelectorAll('details').forEach(e => { e.open = true; })"""
SETTLED = "() => new Promise(done => setTimeout(done, 450))"  # the theme notices a new size after 300 ms
# Judging a colour is slow, and a page repeats few looks: two elements of each are judged, and all of an explorer.
MARK_LOOKS = """() => {
    const seen = new Map(), grounds = new Map([[null, '']]);
    const ground = (e) => {
        if (!grounds.has(e)) {
            const s = getComputedStyle(e), paint = [s.backgroundColor, s.backgroundImage, s.opacity, s.position].join();
            grounds.set(e, ground(e.parentElement) + (paint === 'rgba(0, 0, 0, 0),none,1,static' ? '' : `;${paint}`));
        }
        return grounds.get(e);
    };
    for (const e of document.querySelectorAll('body *')) {
        if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility()) continue;
        const style = getComputedStyle(e), look = [style.color, style.fontSize, style.fontWeight, ground(e)].join();
        seen.set(look, (seen.get(look) ?? 0) + 1);
        if (seen.get(look) <= 2 || e.closest('.helm-explorer')) e.dataset.look = seen.size;
    }
    return seen.size;
}"""
# Words of code are thousands of elements that differ in their colour alone; axe looks at every element of a page.
UNMARKED_CODE_IS_PLAIN = """() => {
    for (const e of [...document.querySelectorAll('pre span, code span, .sig span, .sig em')].reverse())
        if (!e.matches('[data-look]') && !e.querySelector('[data-look]')) e.replaceWith(...e.childNodes);
}"""
# Copy buttons lie over the code, invisible until the mouse comes: with them axe cannot tell what a letter stands on.
UNCOVER = ".copybtn, .bd-header-article { display: none !important; } * { transition: none !important; }"
# What of the focused element is to be told: nothing where it is there to be seen and looks different from how it looks
# without the focus. An explorer draws its ring around the thumb or beside the hidden radio button: that is looked at
# on its own. None when the last stop is behind us.
UNSEEN_FOCUS = """() => {
    const e = document.activeElement;
    if (e === document.body) return null;
    if (e.closest('.helm-explorer')) return '';
    const look = () => { const s = getComputedStyle(e);
        return [s.outlineStyle === 'none' ? '' : s.outline, s.boxShadow, s.borderColor, s.backgroundColor,
                s.textDecoration].join(); };
    const focused = look(), seen = e.checkVisibility({opacityProperty: true});
    e.blur();
    const blurred = look();
    e.focus({preventScroll: true});
    if (seen && focused !== blurred) return '';
    return `${e.tagName}.${e.className} ${(e.textContent || e.ariaLabel || '').trim().slice(0, 60)}`;
}"""


class Outline(HTMLParser):
    """A page's language and the levels of its headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.language, self.levels = None, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "html":
            self.language = dict(attributes).get("lang")
        elif tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self.levels.append(int(tag[1]))


def run_axe(page, what: str, options: dict, within: str | None = None) -> Iterator[tuple[str, str, str, str]]:
    """Impact, rule, element and reason of everything that axe objects to."""
    axe_script = pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe_script)
        page.evaluate(JUDGE_SINGLE_LETTERS)
    violations = page.evaluate(
        "([within, options]) => axe.run(within ?? document, options).then((found) => found.violations)",
        [within, {"resultTypes": ["violations"], **options}],
    )
    for violation in violations:
        for node in violation["nodes"]:
            checks = node["any"] + node["all"] + node["none"]
            reason = "; ".join(dict.fromkeys(check["message"] for check in checks)) or violation["help"]
            yield node["impact"], violation["id"], f"{what}: {' '.join(map(str, node['target']))}", reason


def judge(page: str, findings: list[tuple[str, str, str, str]]) -> None:
    """Print what is not grave as a table, fail on the rest."""
    slight = Counter((impact, rule, reason) for impact, rule, _, reason in findings if impact not in GRAVE)
    for (impact, rule, reason), count in slight.items():
        print(f"\n{page:<28}{impact:<10}{rule:<28}{count:>4}   {reason[:120]}")
    grave = [f"{impact} {rule}, {where}\n    {reason}" for impact, rule, where, reason in findings if impact in GRAVE]
    assert not grave, f"axe finds {len(grave)} on {page}:\n" + "\n".join(grave[:20])


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[] if page in (ONE_OF_THEM, *WALK, *WITH_FORMULAS) else pytest.mark.whole)
        for page in READ
        if not page.startswith(ALIKE) or page == ONE_OF_THEM
    ],
)
def test_axe_finds_nothing_serious(reader, page):
    visit = reader.open(page, width=360, formulas=page in WITH_FORMULAS)
    if page not in WITH_FORMULAS:
        visit.page.evaluate("document.querySelectorAll('.math').forEach(e => e.remove())")
    visit.page.evaluate(OPEN_WHAT_IS_FOLDED)
    structure = {"runOnly": RULES, "rules": {COLOURS: {"enabled": False}}}
    narrow = {"runOnly": {"type": "rule", "values": ASKED_ON_A_PHONE}}
    findings = [*run_axe(visit.page, "360 px wide", structure if page in WHOLE_ON_A_PHONE else narrow)]
    visit.page.set_viewport_size({"width": 1280, "height": 800})
    uncovered = visit.page.add_style_tag(content=UNCOVER)
    for theme in ("light", "dark"):
        visit.page.evaluate(TURN, theme)
        assert visit.page.evaluate(MARK_LOOKS) > 5
    visit.page.evaluate(UNMARKED_CODE_IS_PLAIN)
    for theme in ("dark", "light"):  # colours do not depend on the width
        visit.page.evaluate(TURN, theme)
        findings += run_axe(visit.page, theme, {"runOnly": {"type": "rule", "values": [COLOURS]}}, "[data-look]")
    uncovered.evaluate("style => style.remove()")
    findings += run_axe(visit.page, "1280 px wide", structure)
    judge(page, findings)


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.whole)])
def test_axe_finds_nothing_serious_in_what_opens_over_a_page(reader, theme):
    findings = []
    phone = reader.open(FIRST, theme=theme, width=360).page
    phone.locator(".primary-toggle").click()
    phone.locator("dialog[open] .bd-links").wait_for()
    phone.evaluate(SETTLED)
    findings += run_axe(phone, "menu", {"runOnly": RULES})
    desktop = reader.open(FIRST, theme=theme).page
    desktop.keyboard.press("Control+k")
    desktop.locator("#pst-search-dialog[open]").wait_for()
    desktop.evaluate(SETTLED)
    findings += run_axe(desktop, "search dialog", {"runOnly": RULES})
    results = reader.open("search.html?q=gradient", theme=theme).page
    results.locator("#search-results li a").first.wait_for()
    results.evaluate(SETTLED)
    findings += run_axe(results, "search results", {"runOnly": RULES})
    judge(FIRST, findings)


@pytest.mark.parametrize("page", READ)
def test_headings_come_in_order_and_the_page_names_its_language(page):
    outline = Outline((HTML / page).read_text(encoding="utf-8"))
    assert outline.language == "en"
    assert outline.levels[0] == 1
    assert outline.levels.count(1) == 1
    steps = list(zip(outline.levels, outline.levels[1:], strict=False))
    assert [(above, below) for above, below in steps if below > above + 1] == [], "a level is skipped"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", [FIRST, *CHAPTERS[-1:]])
def test_the_keyboard_skips_to_the_text_and_shows_where_it_is(reader, name, theme):
    page = reader.open(name, theme=theme).page
    page.add_style_tag(content="* { transition: none !important; }")
    page.keyboard.press("Tab")
    assert page.locator("#pst-skip-link a").evaluate("e => e === document.activeElement")
    assert page.locator("#pst-skip-link").bounding_box()["y"] >= 0, "the skip link stays out of sight"
    unseen, stops = [], 0
    page.keyboard.press("Tab")
    while (told := page.evaluate(UNSEEN_FOCUS)) is not None:
        stops += 1
        unseen += [told] if told else []
        page.keyboard.press("Tab")
    assert 20 < stops < 1000
    assert unseen == [], "these do not show that they are focused"
    page.evaluate("scrollTo(0, 0); document.activeElement.blur()")
    page.locator("#pst-skip-link a").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    inside = "() => document.querySelector('main').contains(document.activeElement)"
    assert page.evaluate(inside), "the skip link does not lead into the text"
