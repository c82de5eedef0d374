"""The static explorer in a browser: keyboard, captions, several on a page, scripts off, no network."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import helm_tutorial
from helm_tutorial.explorer import explore

sync_api = pytest.importorskip("playwright.sync_api", reason="the page tests need playwright")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=f"no Chromium found (looked for {', '.join(NAMES)})")


def bars(figure, height, colour):
    figure.clear()
    figure.add_axes((0, 0, 1, height / 10)).set_facecolor(colour)
    return f"A {colour} block, {height} tenths high"


def write_page(path: Path) -> Path:
    """A page with two explorers, the first of which appears twice over."""
    before = os.environ.get("HELM_EXPLORER")
    os.environ["HELM_EXPLORER"] = "static"
    try:
        two = explore(bars, {"height": range(1, 10), "colour": ["black", "gold"]}, start={"height": 2}, title="Blocks")
        one = explore(lambda figure, k: bars(figure, k, "teal"), {"k": range(1, 10)}, figsize=(3.2, 2.0))
    finally:
        if before is None:
            del os.environ["HELM_EXPLORER"]
        else:
            os.environ["HELM_EXPLORER"] = before
    assets = Path(helm_tutorial.__file__).parent / "explorer" / "page"
    path.write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Explorers</title>'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<style>{(assets / 'explorer.css').read_text(encoding='utf-8')}</style>"
        f"<script>{(assets / 'explorer.js').read_text(encoding='utf-8')}</script></head>"
        f"<body>{two.html}{one.html}{two.html}</body></html>",
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("page") / "page.html").as_uri()


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    """The page, alive; anything said on the console, or asked of the network, fails the test."""
    context = browser.new_context(viewport={"width": 900, "height": 700}, offline=True)
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if request.url.startswith("http") else None)
    page.goto(address)
    page.wait_for_function("document.querySelectorAll('[data-helm-ready=true]').length === 3")
    yield page
    context.close()
    assert said == []


class Explorer:
    """What a reader meets in one figure."""

    def __init__(self, page, index):
        self.figure = page.locator("figure.helm-explorer").nth(index)
        self.caption = self.figure.locator("figcaption")
        self.picture = self.figure.locator("img")
        self.reset = self.figure.locator("button")

    def slider(self, name):
        return self.figure.locator(f"[data-control={name}] input[type=range]")

    def shows(self, caption):
        sync_api.expect(self.caption).to_have_text(caption)
        sync_api.expect(self.picture).to_have_attribute("alt", caption)

    def filled(self) -> float:
        """Share of the picture's middle column that is not white, once the wanted frame is in place."""
        return self.picture.evaluate(
            """async (img) => {
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
        )


def test_keys_move_picture_caption_and_texts(page):
    blocks = Explorer(page, 0)
    blocks.shows("A gold block, 2 tenths high")
    assert blocks.filled() == pytest.approx(0.2, abs=0.02)
    slider = blocks.slider("height")
    slider.focus()
    for key, height in [("ArrowRight", 3), ("End", 9), ("PageDown", 8), ("ArrowLeft", 7), ("Home", 1), ("PageUp", 2)]:
        page.keyboard.press(key)
        blocks.shows(f"A gold block, {height} tenths high")
        sync_api.expect(slider).to_have_attribute("aria-valuetext", str(height))
        sync_api.expect(blocks.figure.locator("[data-control=height] output")).to_have_text(str(height))
        assert blocks.filled() == pytest.approx(height / 10, abs=0.02)


def test_choices_are_reached_by_keyboard_and_by_pointer(page):
    blocks = Explorer(page, 0)
    blocks.figure.get_by_role("radio", name="black").click()
    blocks.shows("A black block, 2 tenths high")
    page.keyboard.press("ArrowRight")
    blocks.shows("A gold block, 2 tenths high")
    sync_api.expect(blocks.figure.get_by_role("radio", name="gold")).to_be_checked()


def test_reset_restores_the_start(page):
    blocks = Explorer(page, 0)
    start = blocks.picture.get_attribute("src")
    blocks.slider("height").fill("8")
    blocks.figure.get_by_role("radio", name="black").check(force=True)
    blocks.shows("A black block, 9 tenths high")
    assert blocks.filled() == pytest.approx(0.9, abs=0.02)
    blocks.reset.click()
    blocks.shows("A gold block, 2 tenths high")
    assert blocks.slider("height").input_value() == "1"
    sync_api.expect(blocks.picture).to_have_attribute("src", start)


def test_explorers_of_a_page_do_not_interfere(page):
    blocks, teal, twin = (Explorer(page, i) for i in range(3))
    teal.slider("k").fill("0")
    teal.shows("A teal block, 1 tenths high")
    twin.figure.get_by_role("radio", name="black").check(force=True)
    twin.shows("A black block, 2 tenths high")
    blocks.shows("A gold block, 2 tenths high")
    sync_api.expect(blocks.figure.get_by_role("radio", name="gold")).to_be_checked()
    twin.reset.click()
    twin.shows("A gold block, 2 tenths high")
    teal.shows("A teal block, 1 tenths high")


def test_the_last_of_many_quick_moves_wins(page):
    blocks = Explorer(page, 0)
    blocks.slider("height").evaluate(
        "(input) => { for (const i of [5, 2, 8, 0, 6]) { input.value = i; "
        "input.dispatchEvent(new Event('input', { bubbles: true })); } }"
    )
    blocks.shows("A gold block, 7 tenths high")
    assert blocks.filled() == pytest.approx(0.7, abs=0.02)


def test_controls_say_what_they_are(page):
    blocks = Explorer(page, 0)
    sync_api.expect(blocks.figure).to_have_attribute("aria-label", "Blocks")
    sync_api.expect(blocks.figure.get_by_role("slider", name="height")).to_be_enabled()
    sync_api.expect(blocks.figure.get_by_role("radiogroup", name="colour")).to_be_visible()
    sync_api.expect(blocks.caption).to_have_attribute("aria-live", "polite")


def test_it_fits_a_phone_and_a_finger(page):
    page.set_viewport_size({"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for index in range(3):
        explorer = Explorer(page, index)
        for target in [*explorer.figure.locator("input[type=range]").all(), explorer.reset]:
            assert target.bounding_box()["height"] >= 44
    for option in Explorer(page, 0).figure.locator(".helm-options label").all():
        assert option.bounding_box()["height"] >= 36


def test_without_scripts_the_start_frame_stands(browser, address):
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(address)
    blocks = page.locator("figure.helm-explorer").first
    sync_api.expect(blocks.locator("img")).to_be_visible()
    sync_api.expect(blocks.locator("figcaption")).to_have_text("A gold block, 2 tenths high")
    sync_api.expect(blocks.get_by_text("Shown at height 2, colour gold")).to_be_visible()
    sync_api.expect(blocks.locator("button")).to_be_hidden()
    context.close()
