"""Guess first: what a guess writes, how it waits in a notebook, and how a page asks, answers and opens."""

from __future__ import annotations

import re

import ipywidgets
import numpy as np
import pytest
from explorer_pages import Reader, as_static, needs_chromium, sync_api, write_page
from explorer_scenes import POINT, build_point, move_point, paint_bars
from explorer_scenes import caption_of_point as at
from hypothesis import given
from hypothesis import strategies as st

from helm_book.explorer import GuessChoice, GuessCurve, GuessNumber, Steps, explore, explore_numbers
from helm_book.explorer.guess import WAITING, reply

expect = sync_api.expect
NUMBER = GuessNumber(
    "The norm at horizon 6 is", 64, low=1, high=1000, log=True, unit="units", explain="It doubles <each> step.",
    hides=["dot", "value"],
)  # fmt: skip
CHOICE = GuessChoice("Which way does it go?", ["up & away", "down"], "up & away", explain="Growth is above one.")
CURVE = GuessCurve("Sketch the norm.", "curve", [1, 4, 7, 10], explain="A straight line on this axis.", hides=["dot"])


def point(guess, title=None, **options):
    controls = POINT | {"horizon": Steps(POINT["horizon"], 0.05)}
    return explore_numbers(build_point, move_point, controls, figsize=(5, 3), title=title, guess=guess, **options)


@given(st.floats(1e-6, 1e6), st.floats(1e-3, 1e6), st.booleans())
def test_the_guesses_of_a_slider_differ_and_are_short(low, width, log):
    texts = GuessNumber("?", low, low=low, high=low + width, log=log, unit="m").texts
    assert 20 < len(texts) <= 61 and len(set(texts)) == len(texts)
    assert all(text.endswith(" m") for text in texts)
    if log and width > 10 * low:
        assert all(len(re.sub(r"·.*|[^0-9]", "", text).strip("0")) <= 2 for text in texts)


def test_a_reply_says_what_was_guessed_and_what_holds():
    assert reply(CHOICE, 0) == "You guessed right. Growth is above one."
    assert reply(CHOICE, 1) == "You guessed “down”; the answer is “up & away”. Growth is above one."
    assert reply(CHOICE, None) == "The answer: “up & away”. Growth is above one."
    assert reply(GuessNumber("?", 0.5, low=0, high=1), None) == "It is 0.5."
    assert reply(NUMBER, 0).startswith("You guessed 1 units; it is 64 units.")


def require_waiting(explorer, waits):
    for widget in (*explorer.inputs.values(), *explorer.players.values()):
        assert widget.disabled == waits


def test_live_waits_for_a_number_and_hides_what_tells_it(live):
    explorer, open_one = point(NUMBER), point(None)
    require_waiting(explorer, True)
    require_waiting(open_one, False)
    assert WAITING in explorer.caption.value
    assert explorer.png != open_one.png
    explorer.guess.commit.click()
    assert "Move the slider first" in explorer.guess.reply.value
    require_waiting(explorer, True)
    explorer.guess.entry.value = 0
    explorer.guess.commit.click()
    assert "You guessed 1 units; it is 64 units. It doubles &lt;each&gt; step." in explorer.guess.reply.value
    require_waiting(explorer, False)
    assert explorer.png == open_one.png
    assert at(2.0, 6) in explorer.caption.value
    explorer.inputs["horizon"].value = 0
    assert at(2.0, 1) in explorer.caption.value


def test_live_asks_for_a_choice_before_it_answers(live):
    explorer = explore(paint_bars, {"height": range(1, 10), "colour": ["black", "gold"]}, guess=CHOICE)
    assert explorer.guess.entry.value is None
    explorer.guess.commit.click()
    assert "Choose one first" in explorer.guess.reply.value
    require_waiting(explorer, True)
    explorer.guess.entry.index = 0
    explorer.guess.commit.click()
    assert "You guessed right." in explorer.guess.reply.value
    require_waiting(explorer, False)


def test_live_draws_a_sketch_and_keeps_it_beside_its_curve(live):
    explorer, open_one = point(CURVE), point(None)
    before = explorer.png
    explorer.guess.commit.click()
    assert "Draw first" in explorer.guess.reply.value
    require_waiting(explorer, True)
    explorer.guess.entry.children[1].value = 0.9
    assert explorer.png != before
    explorer.guess.commit.click()
    assert "Dashed: your sketch. A straight line on this axis." in explorer.guess.reply.value
    require_waiting(explorer, False)
    assert explorer.png != open_one.png
    for inputs in (explorer.inputs, open_one.inputs):
        inputs["growth"].value = 0  # another curve than the one sketched
    assert explorer.png == open_one.png


@pytest.mark.parametrize("guess", [NUMBER, CURVE, CHOICE], ids=["number", "curve", "choice"])
def test_live_shows_without_a_guess(live, guess):
    explorer = point(guess)
    explorer.guess.skip.click()
    require_waiting(explorer, False)
    assert explorer.png == point(None).png
    assert guess.explain.replace("<", "&lt;").replace(">", "&gt;") in explorer.guess.reply.value


# What ipywidgets 7.7.1, Colab's, does not know of the widgets used here.
LATER = {"tabbable", "playing", "repeat", "show_repeat", "tooltip"}


@pytest.mark.parametrize("guess", [None, NUMBER, CURVE, CHOICE], ids=["none", "number", "curve", "choice"])
def test_live_uses_nothing_that_colab_lacks(live, guess, monkeypatch):
    plain = ipywidgets.Widget.__init__
    given = []

    def watched(self, *arguments, **options):
        given.extend((type(self).__name__, name) for name in options)
        plain(self, *arguments, **options)

    monkeypatch.setattr(ipywidgets.Widget, "__init__", watched)
    explorer = point(guess, title="Point")
    explorer.inputs["horizon"].value = 0
    later = {(kind, name) for kind, name in given if name in LATER}
    assert later <= {("Button", "tooltip")}  # 7 has it for buttons
    assert ("Button", "description") in given


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A page with each kind of guess, and one explorer of frames that asks."""
    explorers = [as_static(point, guess, title, narrow=(3.2, 3.0)) for guess, title in
                 ((NUMBER, "Number"), (CHOICE, "Choice"), (CURVE, "Curve"))]  # fmt: skip
    frames = {"height": range(1, 10), "colour": ["black", "gold"]}
    explorers.append(as_static(explore, paint_bars, frames, title="Frames", guess=CHOICE, figsize=(3, 2)))
    return write_page(tmp_path_factory.mktemp("page") / "page.html", *explorers)


@pytest.fixture
def readers(visit, asked):
    page = visit(asked, motion=False)
    return [Reader(page, i) for i in range(4)]


def resize(reader, width: int) -> None:
    reader.page.set_viewport_size({"width": width, "height": 900})
    reader.figure.and_(reader.page.locator(f"[data-helm-drawn='{int(width < 576)}']")).wait_for()


def visible(reader) -> set[str]:
    reader.drawn()
    return {name for name, artist in reader.overlay().items() if artist["visible"]}


@needs_chromium
def test_the_page_waits_and_hides_what_tells_the_answer(readers):
    for reader, shown in zip(readers, [{"curve"}, {"curve", "dot", "value"}, {"value"}, None], strict=True):
        reader.figure.scroll_into_view_if_needed()
        reader.waits(True)
        for button in (reader.link, reader.reset):
            expect(button).to_be_disabled()
        expect(reader.figure.get_by_text("Guess first.")).to_be_visible()
        expect(reader.figure.locator(".helm-answer")).to_be_hidden()
        expect(reader.reply).to_have_text("")
        if shown:
            assert visible(reader) == shown
            assert reader.drag.count() == 0
    for reader in (readers[0], readers[2]):
        reader.shows(WAITING)
    readers[1].shows(at(2.0, 6))


@needs_chromium
def test_a_number_is_guessed_on_a_slider(readers):
    reader, *others = readers
    slider = reader.figure.get_by_role("slider", name="your guess")
    reader.commit.click()
    expect(reader.reply).to_have_text("Move the slider first, or ask to be shown.")
    reader.waits(True)
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "1 units")
    expect(reader.figure.locator(".helm-guess output")).to_have_text("1 units")
    slider.press("ArrowRight")
    reader.commit.click()
    expect(reader.reply).to_have_text("You guessed 1.1 units; it is 64 units. It doubles <each> step.")
    expect(reader.commit).to_be_hidden()
    reader.waits(False)
    reader.shows(at(2.0, 6))
    assert visible(reader) == {"curve", "dot", "value"}
    reader.slider("horizon").press("Home")
    reader.shows(at(2.0, 1))
    reader.play.click()
    reader.shows(at(2.0, 2))
    for other in others:
        other.waits(True)


@needs_chromium
@pytest.mark.parametrize("index", [1, 3])
def test_a_choice_must_be_made_before_it_is_answered(readers, index):
    reader = readers[index]
    reader.commit.click()
    expect(reader.reply).to_have_text("Choose one first, or ask to be shown.")
    reader.waits(True)
    reader.figure.get_by_role("radio", name="down").check(force=True)
    reader.figure.get_by_role("radio", name="down").press("ArrowUp")
    reader.commit.press("Enter")
    expect(reader.reply).to_have_text("You guessed right. Growth is above one.")
    reader.waits(False)
    expect(reader.link).to_be_enabled()


def sketch(reader) -> np.ndarray:
    """Heights of the sketched points, 0 to 1 of the axes."""
    box = {k: float(reader.figure.locator("clipPath rect").get_attribute(k)) for k in ("x", "y", "width", "height")}
    points = reader.figure.locator(".helm-sketched").get_attribute("points")
    xy = np.array([pair.split(",") for pair in points.split()], float)
    np.testing.assert_allclose((xy[:, 0] - box["x"]) / box["width"], [0.1, 0.4, 0.7, 1.0], atol=2e-3)
    return 1 - (xy[:, 1] - box["y"]) / box["height"]


@needs_chromium
def test_a_curve_is_sketched_by_pointer_and_by_keys(readers):
    reader = readers[2]
    reader.figure.scroll_into_view_if_needed()
    reader.drawn()
    handles = reader.figure.locator(".helm-handle")
    assert handles.count() == 4
    for i, place in enumerate(("1", "4", "7", "10")):
        expect(handles.nth(i)).to_have_role("slider")
        expect(handles.nth(i)).to_have_accessible_name(f"your guess at horizon T {place}")
    np.testing.assert_allclose(sketch(reader), 0.5)
    reader.commit.click()
    expect(reader.reply).to_have_text("Draw first, or ask to be shown.")
    reader.waits(True)
    first = handles.first
    for key, now, text in [
        ("ArrowUp", 26, "1.2e+02"), ("PageUp", 31, "3e+02"), ("ArrowLeft", 30, "2.5e+02"), ("End", 50, "1e+04"),
        ("ArrowUp", 50, "1e+04"), ("Home", 0, "1"), ("PageDown", 0, "1"), ("ArrowRight", 1, "1.2"),
    ]:  # fmt: skip
        first.press(key)
        expect(first).to_have_attribute("aria-valuenow", str(now))
        expect(first).to_have_attribute("aria-valuetext", text)
    box, mouse = reader.figure.locator(".helm-sketch").bounding_box(), reader.page.mouse
    mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.8 * box["height"])
    mouse.down()
    mouse.move(box["x"] + 0.99 * box["width"], box["y"] + 0.2 * box["height"], steps=12)
    mouse.up()
    mouse.move(box["x"] + 0.7 * box["width"], box["y"])
    mouse.down(button="right")
    mouse.up(button="right")
    drawn = sketch(reader)
    assert drawn[0] == pytest.approx(0.02)
    assert drawn[1] == pytest.approx(0.3, abs=0.12) and drawn[2] == pytest.approx(0.5, abs=0.2)
    assert drawn[3] == pytest.approx(0.8, abs=0.03)
    # A fast stroke sets every point where it crosses it.
    mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.1 * box["height"])
    mouse.down()
    mouse.move(box["x"] + 0.98 * box["width"], box["y"] + 0.98 * box["height"])
    mouse.up()
    drawn = sketch(reader)
    np.testing.assert_allclose(drawn, [0.9, 0.6, 0.3, 0.02], atol=0.02)
    # A phone that is turned keeps the sketch, before and after it is compared.
    resize(reader, 390)
    np.testing.assert_allclose(sketch(reader), drawn, atol=1e-3)
    reader.commit.click()
    expect(reader.reply).to_have_text("Dashed: your sketch. A straight line on this axis.")
    resize(reader, 900)
    np.testing.assert_allclose(sketch(reader), drawn, atol=1e-3)
    assert handles.count() == 0
    assert visible(reader) == {"curve", "dot", "value"}
    # It stands beside the curve that was asked for, and no other.
    reader.slider("horizon").press("Home")
    expect(reader.figure.locator(".helm-sketched")).to_be_visible()
    reader.slider("growth").press("Home")
    expect(reader.figure.locator(".helm-sketched")).to_be_hidden()
    resize(reader, 390)
    expect(reader.figure.locator(".helm-sketched")).to_be_hidden()
    reader.reset.click()
    expect(reader.figure.locator(".helm-sketched")).to_be_visible()


@needs_chromium
def test_whoever_asks_is_shown_the_answer(readers):
    for reader, said in zip(
        readers, ["It is 64 units.", "The answer: “up & away”.", "A straight", "The answer: “up"], strict=True
    ):
        reader.figure.scroll_into_view_if_needed()
        reader.skip.press("Enter")
        expect(reader.reply).to_contain_text(said)
        expect(reader.reply).to_be_focused()  # from where the keyboard goes on
        reader.waits(False)
        expect(reader.skip).to_be_hidden()
    assert readers[2].figure.locator(".helm-sketched, .helm-sketch").count() == 0
    readers[2].shows(at(2.0, 6))


@needs_chromium
def test_a_link_to_a_setting_lifts_the_guess(visit, asked):
    page = visit(f"{asked}#curve?growth=1.5&horizon=9")
    readers = [Reader(page, i) for i in range(4)]
    readers[2].shows(at(1.5, 9))
    readers[2].waits(False)
    assert visible(readers[2]) == {"curve", "dot", "value"}
    assert readers[2].figure.locator(".helm-sketched, .helm-sketch").count() == 0
    readers[0].waits(True)
    page.evaluate("location.hash = '#number?horizon=2'")
    readers[0].shows(at(2.0, 2))
    expect(readers[0].reply).to_contain_text("It is 64 units.")
    readers[3].waits(True)
    page.evaluate("location.hash = '#frames?height=3'")
    readers[3].shows("A gold block, 3 tenths high")
    readers[2].shows(at(1.5, 9))


@needs_chromium
def test_without_scripts_question_and_answer_can_be_read(visit, asked):
    page = visit(asked, scripts=False)
    answers = ["It is 64 units. It doubles <each> step.", "The answer: “up & away”. Growth", "A straight", "The answer"]
    for i, answer in enumerate(answers):
        reader = Reader(page, i)
        # The whole picture, where the guess hides a part of it.
        expect(reader.figure.locator("img").last).to_be_visible()
        expect(reader.figure.locator("img:visible")).to_have_count(1)
        expect(reader.figure.locator(".helm-question")).to_be_visible()
        expect(reader.figure.locator(".helm-answer")).to_contain_text(answer)
        expect(reader.figure.locator(".helm-answer")).to_be_visible()
        for hidden in (reader.commit, reader.skip, *reader.figure.locator("input").all()):
            expect(hidden).to_be_hidden()


@needs_chromium
def test_on_paper_the_question_has_its_answer_and_the_picture_is_whole(readers):
    page, reader = readers[2].page, readers[2]
    reader.figure.scroll_into_view_if_needed()
    reader.drawn()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(reader.figure.locator(".helm-answer")).to_be_visible()
    expect(reader.figure.locator("img:visible")).to_have_class("helm-complete dark-light")
    for hidden in (reader.figure.locator(".helm-overlay"), reader.figure.locator(".helm-sketch")):
        expect(hidden).to_be_hidden()
    expect(reader.caption).to_have_text(at(2.0, 6))
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    reader.shows(WAITING)
    reader.skip.click()
    page.emulate_media(media="print")
    expect(reader.figure.locator("img:visible")).to_have_class("helm-still dark-light")
