"""Every explorer of every built page, asked, answered and moved the way a reader does it: no kernel, no network."""

from __future__ import annotations

import io

import explorer_pages
import numpy as np
import pytest
from built_pages import PAGES, WALK, WITH_EXPLORERS
from PIL import Image

pytestmark = pytest.mark.skipif(not PAGES, reason="the book is not built: make book")
# The same tests of every page: of the walk's in every run, of the others in make whole.
IN_TURN = [pytest.param(page, marks=[] if page in WALK else pytest.mark.whole) for page in WITH_EXPLORERS]


# In one question to the page: asked piece by piece, the answers are longer on their way than in the making.
STATE = """async (figure) => {
    const still = figure.querySelector(".helm-still");
    const shown = () => figure.dataset.kind === "frames" ? still.currentSrc
        : [...figure.querySelectorAll(".helm-overlay [data-artist]")].map((group) => group.outerHTML).join("\\n")
            .replaceAll(' style=""', "");  // once hidden, then shown
    let before, settled = shown();
    for (let k = 0; k < 100 && settled !== before; k++) {
        await new Promise((done) => setTimeout(done, 8));
        [before, settled] = [settled, shown()];
    }
    return [settled, figure.querySelector("figcaption").innerText, still.getAttribute("alt")];
}"""


class Explorer(explorer_pages.Reader):
    """An explorer of a built page."""

    @property
    def name(self) -> str:
        return self.figure.get_attribute("id")

    @property
    def kind(self) -> str:
        return self.figure.get_attribute("data-kind")

    def data(self) -> dict:
        """The numbers of an explorer of numbers, unpacked here."""
        return explorer_pages.payload(self.figure.locator(".helm-data").text_content())

    def answer(self) -> None:
        """Skip the question, if there is one."""
        if self.skip.count():
            self.skip.click()
            self.waits(False)
            assert self.reply.inner_text().strip(), f"{self.name} does not answer"
            assert self.skip.is_hidden()

    def state(self) -> tuple[str, str, str]:
        """Picture, caption and alternative text; the picture is awaited, it changes once it is decoded."""
        return tuple(self.figure.evaluate(STATE))


def open_explorers(reader, page: str, **options) -> tuple[object, list[Explorer]]:
    """The page without motion or formulas, and its explorers, each alive and near enough to have read its data."""
    visit = reader.open(page, formulas=False, motion=False, **options)
    visit.page.wait_for_function("!document.querySelector('.helm-explorer:not([data-helm-ready=true])')")
    explorers = [Explorer(visit.page, i) for i in range(visit.page.locator("figure.helm-explorer").count())]
    for explorer in explorers:
        explorer.figure.scroll_into_view_if_needed()
        if explorer.kind == "numbers":
            explorer.drawn()
    return visit, explorers


def press(slider, key: str) -> int:
    """The slider's position after ``key``."""
    slider.press(key)
    return int(slider.input_value())


def move_sliders(explorer: Explorer) -> None:
    """Each to both ends: picture, caption and texts follow, and the same place shows the same again."""
    for slider in explorer.figure.locator(".helm-controls input[type=range]").all():
        what = f"{explorer.name}: {slider.get_attribute('id')}"
        last = int(slider.get_attribute("max"))
        assert press(slider, "Home") == 0
        low, low_text = explorer.state(), slider.get_attribute("aria-valuetext")
        assert press(slider, "End") == last
        high, high_text = explorer.state(), slider.get_attribute("aria-valuetext")
        assert low[0] != high[0], f"the picture does not follow {what}"
        assert low[1] != high[1], f"the caption does not follow {what}"
        assert low_text and high_text and low_text != high_text, f"aria-valuetext does not follow {what}"
        assert high[1].split() == high[2].split(), "the alternative text is not the caption"
        assert press(slider, "ArrowLeft") == last - 1
        assert press(slider, "ArrowUp") == last
        assert explorer.state() == high, f"the same position of {what} shows something else the second time"


def make_choices(explorer: Explorer) -> None:
    """Each choice of each group: captions differ, and pictures do."""
    groups = explorer.figure.locator(".helm-controls [role=radiogroup]:has(input[type=radio])").all()
    grouped = sum(group.locator("input[type=radio]").count() for group in groups)
    choices = explorer.figure.locator(".helm-controls input[type=radio]").count()
    assert grouped == choices, "a choice is not grouped for a screen reader"
    for group in groups:
        choices = group.locator("input[type=radio]").all()
        states = []
        for choice in choices:
            choice.check(force=True)
            states.append(explorer.state())
        assert len({caption for _, caption, _ in states}) == len(choices), "two choices have the same caption"
        assert len({picture for picture, _, _ in states}) > 1, "the picture does not follow the choice"


@pytest.mark.parametrize("page", IN_TURN)
def test_controls_move_their_own_picture_and_caption_reset_restores_steps_play_and_links_restore(reader, page):
    visit, explorers = open_explorers(reader, page)
    assert explorers, f"{page} has no explorer"
    for explorer in explorers:
        explorer.answer()
    starts = [explorer.state() for explorer in explorers]
    for i, explorer in enumerate(explorers):
        move_sliders(explorer)
        make_choices(explorer)
        explorer.reset.click()
        sliders = explorer.figure.locator(".helm-controls input[type=range]").all()
        for slider in sliders:
            press(slider, "Home" if int(slider.input_value()) else "End")
        if not sliders:
            make_choices(explorer)  # ends with the last of each group
        assert explorer.state() != starts[i]
        others = [other.state() for j, other in enumerate(explorers) if j != i]
        assert others == starts[:i] + starts[i + 1 :], "one explorer moves another"
        explorer.reset.click()
        assert explorer.state() == starts[i], f"the reset button of {explorer.name} does not restore the start"
    linked = []
    for explorer in explorers:
        for button in explorer.play.all():
            slider = button.locator("xpath=..").locator("input[type=range]")
            press(slider, "Home")
            before = explorer.state()
            explorer_pages.sync_api.expect(button).to_have_text("Next")  # this reader asks for no motion
            button.click()
            assert slider.input_value() == "1"
            assert explorer.state()[:2] != before[:2], f"a step of {explorer.name} shows nothing new"
        for surface in explorer.drag.all():
            surface.scroll_into_view_if_needed()
            box = surface.bounding_box()
            seen = set()
            for u, v in ((0.05, 0.95), (0.95, 0.05)):
                surface.click(position={"x": u * box["width"], "y": v * box["height"]}, force=True)
                seen.add(explorer.state()[1])
            assert len(seen) == 2, f"pressing in the picture of {explorer.name} sets nothing"
        wanted = explorer.state()
        explorer.link.click()
        visit.page.wait_for_url(f"**#{explorer.name}?*")
        linked.append((visit.page.url.partition("#")[2], wanted))
    # The first link opens another reader's page, the others are followed on it.
    fresh = reader.open(f"{page}#{linked[0][0]}", formulas=False)
    for i, (fragment, wanted) in enumerate(linked):
        if i:
            fresh.page.goto(f"{fresh.page.url.partition('#')[0]}#{fragment}")
        restored = Explorer(fresh.page, i)
        assert fragment.startswith(f"{restored.name}?")
        restored.figure.scroll_into_view_if_needed()
        if restored.kind == "numbers":
            restored.drawn()
        restored.waits(False)
        assert restored.state() == wanted, f"the link {fragment} does not restore its setting"
    assert visit.complaints == fresh.complaints == []


def settings(sizes: list[int], name: str) -> list[tuple[int, ...]]:
    """Both ends of everything, and three settings in between."""
    random = np.random.default_rng(len(name))
    between = [tuple(int(random.integers(size)) for size in sizes) for _ in range(3)]
    return [tuple(0 for _ in sizes), tuple(size - 1 for size in sizes), *between]


AT_WHOLE_PIXELS = """() => document.querySelectorAll('.helm-stage').forEach((stage) => {
    const { left, top } = stage.getBoundingClientRect();
    stage.style.translate = `${Math.round(left) - left}px ${Math.round(top + scrollY) - top - scrollY}px`;
})"""


def shot(explorer) -> np.ndarray:
    explorer.page.evaluate(AT_WHOLE_PIXELS)
    return np.asarray(Image.open(io.BytesIO(explorer.stage.screenshot(animations="disabled"))).convert("RGB"), np.int16)


def require_same_picture(explorer, still) -> None:
    """The drawing looks as the picture did that stood in its place on a page without scripts."""
    explorer.figure.evaluate("f => f.querySelectorAll('.helm-sketch, .helm-sketched').forEach(e => e.remove())")
    found, wanted = shot(explorer), shot(still)
    height, wide = np.minimum(found.shape, wanted.shape)[:2]
    assert np.abs(np.subtract(found.shape, wanted.shape)).max() <= 1, explorer.name
    found, wanted = found[:height, :wide], wanted[:height, :wide]
    shifts = [np.roll(wanted, (i, j), axis=(0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    off = np.min([np.abs(found - shifted).max(axis=2) for shifted in shifts], axis=0)
    assert off.mean() < 8, explorer.name  # 256 colours, each off by 7 levels at most
    assert (off > 64).mean() < 0.01, explorer.name


def require_readable_without_scripts(explorer: Explorer) -> None:
    """The start as a picture, its caption, the question with its answer, and nothing that would need a script."""
    picture = explorer.figure.locator("img:visible")  # one: whole, where a guess would hide a part of it
    assert picture.get_attribute("src").startswith("data:image/")
    box = picture.bounding_box()
    assert box["width"] > 100 and box["height"] > 50
    assert explorer.caption.inner_text().strip()
    assert explorer.figure.locator("input:visible, button:visible").count() == 0
    if explorer.figure.locator(".helm-guess").count():
        assert explorer.figure.locator(".helm-question").is_visible()
        assert explorer.figure.locator(".helm-answer").is_visible()


def require_usable_by_finger(explorer: Explorer, width: int) -> None:
    """Every slider is long and high enough, and within the screen."""
    for slider in explorer.figure.locator("input[type=range]:visible").all():
        box = slider.bounding_box()
        assert box["width"] >= 160 and box["height"] >= 24, box
        assert box["x"] >= 0 and box["x"] + box["width"] <= width, box


def require_numbers_drawn(explorer: Explorer, at: tuple[int, ...], narrow: bool) -> None:
    """The setting ``at`` shows its own caption and the lines and points that its numbers say."""
    data = explorer.data()
    explorer.set(at)
    caption = explorer_pages.looked_up(data["captions"], at, data["sizes"])
    explorer_pages.sync_api.expect(explorer.picture).to_have_attribute("alt", caption)
    explorer_pages.require_payload_is_drawn(data, at, int(narrow and len(data["stages"]) > 1), explorer.overlay())


@pytest.mark.parametrize(
    "page", [*IN_TURN[:2], *(pytest.param(page, marks=pytest.mark.whole) for page in WITH_EXPLORERS[2:])]
)
def test_the_still_picture_becomes_the_drawing_unnoticed_and_the_drawing_shows_the_numbers(reader, page):
    visit, explorers = open_explorers(reader, page)
    visit.page.add_style_tag(content="#pst-back-to-top { display: none !important; }")  # lies over the page
    still = reader.open(page, scripts=False, formulas=False).page
    for i, explorer in enumerate(explorers):
        require_readable_without_scripts(Explorer(still, i))
        if explorer.kind != "numbers":
            continue
        # What readers without scripts see where a guess hides a part.
        if explorer.figure.locator(".helm-complete").count():
            explorer.answer()
            explorer.state()  # settled
        require_same_picture(explorer, Explorer(still, i))
        explorer.answer()
        for at in settings(explorer.data()["sizes"], explorer.name):
            require_numbers_drawn(explorer, at, narrow=False)
    assert visit.complaints == []


@pytest.mark.parametrize("page", IN_TURN)
def test_on_a_phone_sliders_fit_a_finger_and_the_narrow_drawing_shows_the_numbers(reader, page):
    visit, explorers = open_explorers(reader, page, width=360)
    for explorer in explorers:
        explorer.answer()
        require_usable_by_finger(explorer, 360)
        if explorer.kind == "numbers":
            require_numbers_drawn(explorer, settings(explorer.data()["sizes"], explorer.name)[-1], narrow=True)
    assert visit.complaints == []
