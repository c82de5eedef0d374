"""Explorers in a browser: controls, phones, what is read when, scripts off, playing, rolling, links, drags."""

from __future__ import annotations

import re

import pytest
from explorer_pages import Reader, as_static, middles, needs_chromium, sync_api, write_page
from explorer_scenes import POINT, build_point, move_point
from explorer_scenes import caption_of_point as at

from helm_book.explorer import GuessNumber, explore, explore_numbers

pytestmark = needs_chromium

expect = sync_api.expect
BLOCKS, TEAL, POINTED = range(3)
FILLED = """async (img) => {
    await new Promise(done => setTimeout(done, 150));
    await img.decode();
    const canvas = new OffscreenCanvas(img.naturalWidth, img.naturalHeight);
    const ink = canvas.getContext("2d");
    ink.drawImage(img, 0, 0);
    const column = ink.getImageData(canvas.width / 2, 0, 1, canvas.height).data;
    let dark = 0;
    for (let i = 2; i < column.length; i += 4) dark += column[i] < 200;
    return dark / canvas.height;
}"""


def filled(reader) -> float:
    """Share of the picture's middle column that is not white, once the wanted frame is in place."""
    return reader.picture.evaluate(FILLED)


def test_keys_move_picture_caption_and_texts(page):
    blocks = Reader(page, BLOCKS)
    blocks.shows("A gold block, 2 tenths high")
    assert filled(blocks) == pytest.approx(0.2, abs=0.02)
    slider = blocks.slider("height")
    slider.focus()
    for key, height in [("ArrowRight", 3), ("End", 9), ("PageDown", 8), ("ArrowLeft", 7), ("Home", 1), ("PageUp", 2)]:
        page.keyboard.press(key)
        blocks.shows(f"A gold block, {height} tenths high")
        expect(slider).to_have_attribute("aria-valuetext", str(height))
        expect(blocks.figure.locator("[data-control=height] output")).to_have_text(str(height))
        assert filled(blocks) == pytest.approx(height / 10, abs=0.02)
    pointed = Reader(page, POINTED)
    pointed.slider("horizon").focus()
    for key, horizon in [("Home", 1), ("ArrowRight", 2), ("ArrowUp", 3), ("End", 10), ("ArrowDown", 9)]:
        page.keyboard.press(key)
        pointed.shows(at(2.0, horizon))
        assert pointed.overlay()["value"]["texts"][0]["words"] == f"{2.0**horizon:.3g}"


def test_choices_are_reached_by_keyboard_and_by_pointer(page):
    blocks = Reader(page, BLOCKS)
    blocks.figure.get_by_role("radio", name="black").click()
    blocks.shows("A black block, 2 tenths high")
    page.keyboard.press("ArrowRight")
    blocks.shows("A gold block, 2 tenths high")
    expect(blocks.figure.get_by_role("radio", name="gold")).to_be_checked()


def test_the_last_of_many_quick_moves_wins(page):
    blocks = Reader(page, BLOCKS)
    blocks.slider("height").evaluate(
        "(input) => { for (const i of [5, 2, 8, 0, 6]) { input.value = i; "
        "input.dispatchEvent(new Event('input', { bubbles: true })); } }"
    )
    blocks.shows("A gold block, 7 tenths high")
    assert filled(blocks) == pytest.approx(0.7, abs=0.02)


def test_controls_say_what_they_are(page):
    blocks, pointed = Reader(page, BLOCKS), Reader(page, POINTED)
    expect(blocks.figure).to_have_attribute("aria-label", "Blocks")
    expect(blocks.figure.get_by_role("slider", name="height")).to_be_enabled()
    expect(blocks.figure.get_by_role("radiogroup", name="colour")).to_be_visible()
    expect(blocks.caption).to_have_attribute("aria-live", "polite")
    pointed.drawn()
    assert pointed.drag.count() == 2
    expect(pointed.drag.nth(1)).to_have_accessible_name(re.compile("arrow keys, to set horizon and growth"))


def test_it_fits_a_phone_and_a_finger(page):
    page.set_viewport_size({"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for index in range(3):
        reader = Reader(page, index)
        for target in [*reader.figure.locator("input[type=range]").all(), reader.reset, reader.link]:
            assert target.bounding_box()["height"] >= 44
    for option in Reader(page, BLOCKS).figure.locator(".helm-options label").all():
        assert option.bounding_box()["height"] >= 36


def test_a_window_made_narrow_and_wide_again_shows_the_same_setting(page):
    blocks, pointed = Reader(page, BLOCKS), Reader(page, POINTED)
    blocks.slider("height").fill("6")
    pointed.slider("horizon").fill("2")
    for width, shape in ((390, 1.0), (900, 1.6), (390, 1.0)):
        page.set_viewport_size({"width": width, "height": 900})
        for reader, caption in ((blocks, "A gold block, 7 tenths high"), (pointed, at(2.0, 3))):
            reader.shows(caption)
            picture = reader.picture.element_handle()
            page.wait_for_function("([i, shape]) => Math.abs(i.width / i.height - shape) < 0.02", arg=[picture, shape])
        assert filled(blocks) == pytest.approx(0.7, abs=0.02)
        pointed.figure.and_(page.locator(f"[data-helm-drawn='{int(width < 576)}']")).wait_for()
        assert pointed.overlay()["value"]["texts"][0]["words"] == "8"
        assert pointed.figure.locator(".helm-overlay").count() == 1
        assert pointed.drag.count() == 2


def test_data_are_read_only_when_a_figure_comes_near(visit, tmp_path, pointed):
    other = as_static(
        explore_numbers, build_point, move_point, POINT, title="Far", guess=GuessNumber("Guess.", 3, low=0, high=9)
    )
    page = visit(write_page(tmp_path / "far.html", pointed, other, gap=3000))
    near, far = Reader(page, 0), Reader(page, 1)
    near.drawn()
    page.wait_for_timeout(300)
    assert far.figure.locator(".helm-overlay").count() == 0
    far.figure.scroll_into_view_if_needed()
    far.drawn()
    page = visit(write_page(tmp_path / "far.html", other, pointed, gap=3000))
    Reader(page, 0).drawn()
    page.wait_for_timeout(300)
    assert Reader(page, 1).figure.evaluate("f => f.dataset.helmDrawn") is None
    Reader(page, 1).slider("growth").press("Home")  # focusing it brings it near
    Reader(page, 1).shows(at(1.2, 8))


def test_without_scripts_the_start_frame_stands(visit, address):
    page = visit(address, scripts=False)
    for index, caption, shown in (
        (BLOCKS, "A gold block, 2 tenths high", "Shown at height 2, colour gold"),
        (POINTED, at(2.0, 8), "Shown at growth 2, horizon 8"),
    ):
        reader = Reader(page, index)
        expect(reader.picture).to_be_visible()
        expect(reader.caption).to_have_text(caption)
        expect(reader.figure.get_by_text(shown)).to_be_visible()
        for hidden in (reader.link, reader.reset, *reader.figure.locator("input").all()):
            expect(hidden).to_be_hidden()


def test_the_page_below_stays_where_it_is_while_the_caption_changes(visit, tmp_path):
    def paint(figure, words):
        figure.clear()
        return "Said at length. " * words

    page = visit(write_page(tmp_path / "page.html", as_static(explore, paint, {"words": [1, 5, 30]}, figsize=(3, 2))))
    reader = Reader(page)
    reader.slider("words").press("Home")
    reader.shows("Said at length.")
    short = reader.figure.bounding_box()["height"]
    reader.slider("words").press("End")
    reader.shows(re.compile("^(Said at length. ?){30}$"))
    assert reader.figure.bounding_box()["height"] == pytest.approx(short, abs=1)
    page.set_viewport_size({"width": 240, "height": 800})
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    high = reader.figure.bounding_box()["height"]
    reader.slider("words").press("Home")
    reader.shows("Said at length.")
    assert reader.figure.bounding_box()["height"] == pytest.approx(high, abs=1)


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


UNKNOWN = ("blocks?depth=3", "blocks?height=77&colour=red", "block?height=7", "blocks", "?height=7", "%E0%A4%A", "a?%")


def test_of_a_link_what_is_not_there_is_ignored_and_the_rest_is_set(page):
    blocks, pointed = Reader(page, BLOCKS), Reader(page, POINTED)
    for fragment in UNKNOWN:
        page.evaluate("(to) => { location.hash = to; }", f"#{fragment}")
        page.wait_for_timeout(50)
        blocks.shows("A gold block, 2 tenths high")
        pointed.shows(at(2.0, 8))
    page.evaluate("location.hash = '#blocks?depth=3&height=5&colour=red'")
    blocks.shows("A gold block, 5 tenths high")


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
