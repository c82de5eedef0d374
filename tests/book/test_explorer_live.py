"""The life of an explorer in a notebook: what it redraws, plays, resets, remembers and says."""

from __future__ import annotations

import io
import re

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
from explorer_scenes import CONTROLS, POINT, WIDE, build_all, build_point, move_all, move_point, paint_bars
from PIL import Image

from helm_book.explorer import Steps, explore, explore_numbers
from helm_book.explorer.drawing import new_figure

SIZE = (3.0, 2.0)
BLOCKS = {"colour": ["red", "green"], "height": [2, 5, 9]}


def paint(figure, colour, height):
    return f"<{paint_bars(figure, height, colour)}>"


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), int)


def test_frames_are_redrawn_through_draw_at_each_move(live):
    explorer = explore(paint, BLOCKS, title="Paint", figsize=SIZE)
    assert isinstance(explorer, ipywidgets.VBox)
    assert isinstance(explorer.inputs["colour"], ipywidgets.ToggleButtons)
    assert isinstance(explorer.inputs["height"], ipywidgets.SelectionSlider)
    for i, rgb in enumerate(([255, 0, 0], [0, 128, 0])):
        for j, height in enumerate(BLOCKS["height"]):
            explorer.inputs["colour"].value = i
            explorer.inputs["height"].value = j
            column = pixels(explorer.png)[:, 100]
            assert (column == rgb).all(axis=1).mean() == pytest.approx(height / 10, abs=0.02)
            assert f"&lt;A {BLOCKS['colour'][i]} block, {height} tenths high&gt;" in explorer.caption.value


def test_each_setting_is_drawn_once_and_reset_draws_the_start_alone(live):
    calls = []

    def draw(figure, a, b):
        calls.append((a, b))
        return f"{a} {b}"

    explorer = explore(draw, {"a": [1, 2, 3], "b": [1, 2, 3]}, start={"a": 1, "b": 3}, figsize=SIZE)
    for a in (0, 1, 0, 2):
        explorer.inputs["a"].value = a
    assert calls == [(1, 3), (2, 3), (3, 3)]
    explorer.inputs["b"].value = 0
    explorer._frames.clear()
    calls.clear()
    explorer.reset()
    assert calls == [(1, 3)] and "1 3" in explorer.caption.value


@pytest.mark.parametrize("kind", ["frames", "numbers"])
def test_steps_play_by_a_widget_that_moves_the_slider_and_follows_it(live, kind):
    controls = {"growth": [1.5, 2.0], "horizon": Steps([1, 2, 3, 4], 0.1)}

    def draw(figure, growth, horizon):
        figure.clear()
        figure.text(0, 0, f"{growth} {horizon}")
        return move_point(growth, horizon)[1]

    explorer = (
        explore(draw, controls, figsize=SIZE)
        if kind == "frames"
        else explore_numbers(
            build_point, move_point, controls, figsize=SIZE, rolling=["curve"], drag={"dot": ("horizon", None)}
        )
    )
    start, player, slider = explorer.png, explorer.players["horizon"], explorer.inputs["horizon"]
    assert list(explorer.players) == ["horizon"]
    assert (player.min, player.max, player.value, player.interval) == (0, 3, 2, 100)
    player.value = 3
    assert slider.value == 3
    assert move_point(2.0, 4)[1] in explorer.caption.value
    slider.value = 0
    assert player.value == 0
    assert move_point(2.0, 1)[1] in explorer.caption.value and explorer.png != start
    explorer.reset()
    assert (player.value, slider.value) == (2, 2) and explorer.png == start


def test_a_later_error_is_shown_in_place_of_the_caption_until_the_next_move(live):
    def draw(figure, horizon):
        if horizon == 10:
            raise ZeroDivisionError("no <zero>")
        return "drawn"

    def move(growth, horizon):
        moved, caption = move_point(growth, horizon)
        return (moved | {"curve": ([1], [1, 2])} if horizon == 10 else moved), caption

    for explorer, said in (
        (explore(draw, {"horizon": POINT["horizon"]}), "draw failed at horizon = 10: ZeroDivisionError: no &lt;zero"),
        (explore_numbers(build_point, move, POINT, figsize=SIZE), "numbers of &#x27;curve&#x27; do not fit"),
    ):
        before = explorer.caption.value
        explorer.inputs["horizon"].value = 9
        assert said in explorer.caption.value and explorer.picture.layout.visibility == "hidden"
        explorer.reset()
        assert explorer.caption.value == before and explorer.picture.layout.visibility is None


def give_plainly(artists, numbers):
    """As a user of matplotlib would."""
    for name, value in numbers.items():
        artist = artists[name]
        if name in ("curve", "end", "logs"):
            artist.set_data(*value)
        elif name in ("fixed", "tinted"):
            artist.set_offsets(np.column_stack(value[:2]))
            artist.set_array(value[2] if name == "tinted" else None)
        elif name in ("cells", "edged"):
            artist.set_array(value)
        elif name == "bars":
            for patch, height in zip(artist.patches, value, strict=True):
                patch.set_height(height)
        elif name == "shape":
            artist.set_xy(np.transpose(value))
        elif name == "words":
            artist.set_text(value)
        elif name == "note":
            artist.xy = value[:2]
            artist.set_text(value[2])
        else:
            artist.set_data(value)


def test_numbers_redraw_what_a_fresh_drawing_shows(live, recwarn):
    explorer = explore_numbers(build_all, move_all, CONTROLS, figsize=WIDE)
    assert [str(w.message) for w in recwarn if "gridspecs" in str(w.message)] == []  # axes placed by hand
    for k, mode in [(4, 1), (0, 0), (2, 1)]:
        explorer.inputs["k"].value, explorer.inputs["mode"].value = k, mode
        numbers, caption = move_all(CONTROLS["k"][k], CONTROLS["mode"][mode])
        assert caption in explorer.caption.value
        figure = new_figure(WIDE, 2.0)
        give_plainly(build_all(figure), numbers)
        figure.set_layout_engine("none")
        figure.canvas.draw()
        fresh = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)
        assert np.abs(pixels(explorer.png) - fresh).max() <= 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: explore(paint, BLOCKS, title="<b>", figsize=SIZE),
        lambda: explore_numbers(build_point, move_point, POINT, title="<b>", figsize=SIZE),
    ],
    ids=["frames", "numbers"],
)
def test_the_two_lives_never_mix_and_leave_no_figure_in_pyplot(make, monkeypatch):
    before = plt.get_fignums()
    monkeypatch.setenv("HELM_EXPLORER", "live")
    assert not hasattr(make(), "_repr_html_")
    monkeypatch.setenv("HELM_EXPLORER", "static")
    page = make()
    assert plt.get_fignums() == before
    displays = {name for name in dir(page) if name.startswith("_repr_") or name == "_ipython_display_"}
    assert displays == {"_repr_html_"}
    html = page._repr_html_()
    assert "widget" not in html and "<b>" not in html and html.count("</script>") == 1
    assert not re.search(r"(?:https?:)?//[a-z]", re.sub(r"base64,[^\"]*|<script.*?</script>", "", html, flags=re.S))
    assert html == make().html  # bytes are a function of the input
