"""Static explorers in a browser: steps that play, rolling lines, links to a setting, drags in the picture."""

from __future__ import annotations

import re

import pytest
from explorer_pages import Reader, middles, needs_chromium, sync_api
from explorer_scenes import caption_of_point as at

pytestmark = needs_chromium

expect = sync_api.expect
BLOCKS, TEAL, POINTED = range(3)


# ---------------------------------------------------------------- steps that play


def test_steps_play_pause_end_by_themselves_and_begin_again(visit, address):
    pointed = Reader(visit(address), POINTED)
    expect(pointed.play).to_have_text("Play")
    expect(pointed.play).to_have_accessible_name("Play: horizon")
    pointed.play.click()
    expect(pointed.play).to_have_accessible_name("Pause: horizon")
    pointed.shows(at(2.0, 10))
    expect(pointed.play).to_have_text("Play")  # by itself
    seen = pointed.figure.evaluate(
        """async (figure) => {
            const seen = [], caption = figure.querySelector("figcaption");
            const watch = new MutationObserver(() => seen.push(caption.textContent));
            watch.observe(caption, { childList: true });
            figure.querySelector(".helm-play").click();
            while (!caption.textContent.includes("horizon 6")) await new Promise(requestAnimationFrame);
            figure.querySelector(".helm-play").click();
            await new Promise(done => setTimeout(done, 200));
            return seen;
        }"""
    )
    assert seen == [at(2.0, horizon) for horizon in range(1, 7)]
    expect(pointed.play).to_have_text("Play")
    pointed.shows(at(2.0, 6))
    # Whatever else the reader does ends it.
    pointed.play.click()
    pointed.slider("growth").press("Home")
    expect(pointed.play).to_have_text("Play")
    pointed.play.click()
    pointed.reset.click()
    expect(pointed.play).to_have_text("Play")
    pointed.shows(at(2.0, 8))


def test_without_motion_a_press_turns_one_page_and_lines_stand_at_once(page):
    pointed = Reader(page, POINTED)
    expect(pointed.play).to_have_accessible_name("Next: horizon")
    for horizon in (9, 10, 1, 2):
        pointed.play.click()
        pointed.shows(at(2.0, horizon))
    page.wait_for_timeout(150)
    pointed.shows(at(2.0, 2))
    page.emulate_media(reduced_motion="no-preference")
    expect(pointed.play).to_have_text("Play")


LENGTHS = """async (figure, milliseconds) => {
    const line = figure.querySelector("[data-artist=curve] path"), lengths = [];
    const slider = figure.querySelector("[data-control=growth] input");
    slider.value = 0;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    const end = performance.now() + milliseconds;
    while (performance.now() < end) {
        await new Promise(requestAnimationFrame);
        lengths.push(line.getTotalLength());
    }
    return lengths;
}"""


def test_a_rolling_line_grows_to_its_whole_and_stands_at_once_without_motion(visit, address):
    page = visit(address)
    pointed = Reader(page, POINTED)
    pointed.drawn()
    lengths = pointed.figure.evaluate(LENGTHS, 1800)
    assert lengths == sorted(lengths) and lengths[0] < 0.5 * lengths[-1]
    page.emulate_media(reduced_motion="reduce")
    pointed.reset.click()
    pointed.shows(at(2.0, 8))
    still = pointed.figure.evaluate(LENGTHS, 200)
    assert still[1:] == [lengths[-1]] * (len(still) - 1)


# ---------------------------------------------------------------- links


def test_a_link_restores_every_control_on_a_fresh_page(visit, page, address):
    blocks, pointed = Reader(page, BLOCKS), Reader(page, POINTED)
    blocks.slider("height").fill("6")
    blocks.figure.get_by_role("radio", name="black").check(force=True)
    blocks.link.click()
    expect(blocks.link).to_have_text(re.compile("^Link (copied|in the address bar)$"))
    assert page.url == f"{address}#blocks?height=7&colour=black"
    fresh = visit(page.url)
    Reader(fresh, BLOCKS).shows("A black block, 7 tenths high")
    expect(Reader(fresh, BLOCKS).slider("height")).to_have_attribute("aria-valuetext", "7")
    expect(fresh.get_by_role("radio", name="black")).to_be_checked()
    Reader(fresh, POINTED).shows(at(2.0, 8))
    pointed.slider("growth").fill("1")
    pointed.slider("horizon").fill("2")
    pointed.link.click()
    page.wait_for_url("**#point-norm?growth=1.5&horizon=3")
    fresh = visit(page.url)
    Reader(fresh, POINTED).shows(at(1.5, 3))
    expect(Reader(fresh, POINTED).figure).to_be_in_viewport()


def test_a_link_within_the_page_is_followed_and_ends_the_playing(visit, address):
    page = visit(address)
    blocks, pointed = Reader(page, BLOCKS), Reader(page, POINTED)
    pointed.shows(at(2.0, 8))
    pointed.play.click()
    page.evaluate("location.hash = '#point-norm?horizon=4'")
    pointed.shows(at(2.0, 4))
    page.wait_for_timeout(250)
    pointed.shows(at(2.0, 4))
    page.evaluate("location.hash = '#blocks?colour=black'")
    blocks.shows("A black block, 2 tenths high")
    pointed.shows(at(2.0, 4))


@pytest.mark.parametrize(
    "fragment",
    [
        "#blocks?depth=3",
        "#blocks?height=77&colour=red",
        "#block?height=7",
        "#blocks",
        "#?height=7",
        "#%E0%A4%A",
        "#a?%",
    ],
)
def test_a_link_to_what_is_not_there_is_ignored(page, fragment):
    blocks, pointed = Reader(page, BLOCKS), Reader(page, POINTED)
    page.evaluate("(to) => { location.hash = to; }", fragment)
    page.wait_for_timeout(50)
    blocks.shows("A gold block, 2 tenths high")
    pointed.shows(at(2.0, 8))


def test_what_a_link_does_name_rightly_is_set(visit, address):
    page = visit(f"{address}#blocks?depth=3&height=5&colour=red")
    Reader(page, BLOCKS).shows("A gold block, 5 tenths high")


# ---------------------------------------------------------------- drags


def test_pointer_and_arrow_keys_in_the_picture_set_the_nearest_values(page):
    pointed = Reader(page, POINTED)
    pointed.drawn()
    surface = pointed.drag.nth(1)  # over the first: sets the horizon across and the growth up
    surface.scroll_into_view_if_needed()
    box = surface.bounding_box()

    def place(u, v):
        return box["x"] + u * box["width"], box["y"] + (1 - v) * box["height"]

    page.mouse.click(*place(0.34, 0.5))  # the axis runs from 0 to 10; up, 1.2 to 2.5 lie at its lower end
    pointed.shows(at(2.5, 3))
    page.mouse.move(*place(0.72, 0.035))
    page.mouse.down()
    pointed.shows(at(1.5, 7))
    page.mouse.move(*place(0.56, 0.001), steps=3)
    pointed.shows(at(1.2, 6))
    page.mouse.move(*place(1.4, 0.9))  # outside, still held
    pointed.shows(at(2.5, 10))
    page.mouse.up()
    page.mouse.move(*place(0.2, 0.1))
    pointed.shows(at(2.5, 10))
    for key, growth, horizon in [
        ("ArrowRight", 2.5, 10), ("ArrowLeft", 2.5, 9), ("ArrowDown", 2.0, 9), ("ArrowUp", 2.5, 9),
    ]:  # fmt: skip
        surface.press(key)
        pointed.shows(at(growth, horizon))
    first = pointed.drag.nth(0)
    first.press("ArrowUp")  # sets the horizon only
    pointed.shows(at(2.5, 9))
    first.press("ArrowLeft")
    pointed.shows(at(2.5, 8))
    (mark,) = middles(pointed.overlay()["dot"]["marks"])
    left, _, width, _ = (float(x) for x in pointed.figure.locator("clipPath rect").evaluate(
        "r => ['x', 'y', 'width', 'height'].map(name => r.getAttribute(name))"
    ))  # fmt: skip
    assert mark[0] == pytest.approx(left + 0.8 * width, abs=0.03)
