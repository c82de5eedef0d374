"""Static explorers in a browser: controls, phones, windows, what is read when, scripts off, no network."""

from __future__ import annotations

import re

import pytest
from explorer_pages import Reader, as_static, needs_chromium, sync_api, write_page
from explorer_scenes import POINT, build_point, move_point
from explorer_scenes import caption_of_point as at

from helm_book.explorer import GuessNumber, explore_numbers

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


# ---------------------------------------------------------------- controls


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


def test_reset_restores_the_start_and_neighbours_stay_as_they_are(page):
    blocks, teal, pointed = (Reader(page, i) for i in range(3))
    start = blocks.picture.get_attribute("src")
    blocks.slider("height").fill("8")
    blocks.figure.get_by_role("radio", name="black").check(force=True)
    blocks.shows("A black block, 9 tenths high")
    teal.slider("k").fill("0")
    teal.shows("A teal block, 1 tenths high")
    pointed.shows(at(2.0, 8))
    pointed.slider("growth").fill("0")
    pointed.shows(at(1.2, 8))
    blocks.reset.click()
    blocks.shows("A gold block, 2 tenths high")
    assert blocks.slider("height").input_value() == "1"
    expect(blocks.picture).to_have_attribute("src", start)
    teal.shows("A teal block, 1 tenths high")
    pointed.shows(at(1.2, 8))
    pointed.reset.click()
    pointed.shows(at(2.0, 8))
    assert pointed.overlay()["value"]["texts"][0]["words"] == "256"


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


# ---------------------------------------------------------------- windows, laziness, scripts off


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
