"""Both lives of an explorer of frames: what they show."""

from __future__ import annotations

import base64
import io
import json
import re

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from helm_book.explorer import Steps, explore
from helm_book.explorer.controls import check_controls
from helm_book.explorer.drawing import draw_frame, new_figure
from helm_book.explorer.markup import address_of
from helm_book.explorer.static import DRAWN, WEIGHT_BUDGET, encode

SIZE = (1.6, 1.0)
COLOURS = {"red": "#ff0000", "green": "#00ff00", "blue": "#0000ff"}


def paint(figure, colour, shade):
    """The whole figure in one colour, so that a pixel tells which frame it is."""
    figure.clear()
    figure.patch.set_facecolor([1 - shade * (1 - int(COLOURS[colour][i : i + 2], 16) / 255) for i in (1, 3, 5)])
    return f"{colour} at <{shade:g}>"


def grow(figure, degree):
    """A drawing that updates its artists."""
    if not figure.axes:
        figure.subplots().plot([], [])
        figure.axes[0].set(xlim=(0, 1), ylim=(0, 1))
    x = np.linspace(0, 1, 50)
    figure.axes[0].lines[0].set_data(x, x**degree)
    return f"x to the power {degree}"


CONTROLS = {"colour": list(COLOURS), "shade": [0.25, 0.5, 1.0]}


@pytest.fixture
def static(monkeypatch):
    monkeypatch.setenv("HELM_EXPLORER", "static")


@pytest.fixture
def live(monkeypatch):
    monkeypatch.delenv("HELM_EXPLORER", raising=False)


def centre(data: bytes) -> np.ndarray:
    picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    return picture[picture.shape[0] // 2, picture.shape[1] // 2].astype(int)


def expected(colour, shade) -> np.ndarray:
    return np.array([255 * (1 - shade * (1 - int(COLOURS[colour][i : i + 2], 16) / 255)) for i in (1, 3, 5)])


def page_data(html: str) -> dict:
    return json.loads(re.search(r'class="helm-data">(.*?)</script>', html, re.DOTALL)[1])


def still(html: str) -> str:
    return re.search(r'src="data:image/webp;base64,([^"]*)"', html)[1]


# ---------------------------------------------------------------- live


def test_live_redraws_through_draw_at_each_move(live):
    explorer = explore(paint, CONTROLS, title="Paint", figsize=SIZE)
    assert isinstance(explorer, ipywidgets.VBox)
    assert isinstance(explorer.inputs["colour"], ipywidgets.ToggleButtons)
    assert isinstance(explorer.inputs["shade"], ipywidgets.SelectionSlider)
    for i, colour in enumerate(CONTROLS["colour"]):
        for j, shade in enumerate(CONTROLS["shade"]):
            explorer.inputs["colour"].value = i
            explorer.inputs["shade"].value = j
            assert np.abs(centre(explorer.png) - expected(colour, shade)).max() <= 1
            assert f"{colour} at &lt;{shade:g}&gt;" in explorer.caption.value


def test_live_draws_on_demand_and_remembers(live):
    calls = []

    def draw(figure, k):
        calls.append(k)
        return f"k is {k}"

    explorer = explore(draw, {"k": range(9)}, figsize=SIZE)
    assert calls == [4]
    for k in (0, 4, 0, 8):
        explorer.inputs["k"].value = k
    assert calls == [4, 0, 8]


def test_live_steps_play_by_a_widget_that_moves_the_slider_and_follows_it(live):
    controls = {"degree": Steps([1, 2, 3, 4], 0.1), "again": [1, 2]}
    explorer = explore(lambda figure, degree, again: grow(figure, degree), controls, figsize=SIZE)
    player, slider = explorer.players["degree"], explorer.inputs["degree"]
    assert list(explorer.players) == ["degree"]
    assert (player.min, player.max, player.value, player.interval) == (0, 3, 2, 100)
    player.value = 3
    assert slider.value == 3
    assert "x to the power 4" in explorer.caption.value
    slider.value = 0
    assert player.value == 0
    assert "x to the power 1" in explorer.caption.value
    explorer.reset()
    assert (player.value, slider.value) == (2, 2)


def test_live_reset_goes_to_the_start_in_one_drawing(live):
    calls = []

    def draw(figure, a, b):
        calls.append((a, b))
        return f"{a} {b}"

    explorer = explore(draw, {"a": [1, 2, 3], "b": [1, 2, 3]}, start={"a": 1, "b": 3}, figsize=SIZE)
    explorer.inputs["a"].value, explorer.inputs["b"].value = 2, 0
    explorer._frames.clear()
    calls.clear()
    explorer.reset()
    assert calls == [(1, 3)]
    assert "1 3" in explorer.caption.value


def test_live_shows_a_later_error_instead_of_losing_it(live):
    def draw(figure, k):
        if k == 0:
            raise ZeroDivisionError("no <zero>")
        return f"k is {k}"

    explorer = explore(draw, {"k": [0, 1, 2]}, figsize=SIZE)
    explorer.inputs["k"].value = 0
    assert "draw failed at k = 0: ZeroDivisionError: no &lt;zero&gt;" in explorer.caption.value
    assert explorer.picture.layout.visibility == "hidden"
    explorer.inputs["k"].value = 2
    assert "k is 2" in explorer.caption.value
    assert explorer.picture.layout.visibility is None


def test_the_two_lives_never_mix(monkeypatch):
    monkeypatch.setenv("HELM_EXPLORER", "live")
    assert not hasattr(explore(grow, {"degree": [1, 2]}, figsize=SIZE), "_repr_html_")
    monkeypatch.setenv("HELM_EXPLORER", "static")
    page = explore(grow, {"degree": [1, 2]}, figsize=SIZE)
    displays = {name for name in dir(page) if name.startswith("_repr_") or name == "_ipython_display_"}
    assert displays == {"_repr_html_"}
    assert "widget" not in page._repr_html_()
    assert not re.search(
        r"(?:https?:)?//[a-z]", re.sub(r"base64,[^\"]*|<script.*?</script>", "", page.html, flags=re.S)
    )


@pytest.mark.parametrize("life", ["live", "static"])
def test_no_figure_is_left_in_pyplot(life, monkeypatch):
    monkeypatch.setenv("HELM_EXPLORER", life)
    before = plt.get_fignums()
    explore(grow, {"degree": [1, 2]}, figsize=SIZE)
    assert plt.get_fignums() == before


# ---------------------------------------------------------------- static


def test_static_frames_are_the_drawings(static):
    page = explore(paint, CONTROLS, start={"colour": "blue"}, title="Paint", figsize=SIZE)
    data = page_data(page.html)
    assert page.combinations == 9
    assert data["names"] == data["labels"] == ["colour", "shade"]
    assert data["sizes"] == [3, 3]
    assert data["texts"] == [["red", "green", "blue"], ["0.25", "0.5", "1"]]
    assert data["keys"] == [["red", "green", "blue"], ["0.25", "0.5", "1.0"]]
    (drawn,) = data["sizesDrawn"]
    for i, colour in enumerate(CONTROLS["colour"]):
        for j, shade in enumerate(CONTROLS["shade"]):
            k = 3 * i + j
            frame = drawn["frames"][drawn["shown"][k]] or still(page.html)
            assert np.abs(centre(base64.b64decode(frame)) - expected(colour, shade)).max() <= 1
            assert data["captions"][k] == f"{colour} at <{shade:g}>"
    # The page without scripts: the start frame, with its caption as the alternative text.
    assert drawn["frames"][drawn["shown"][3 * 2 + 1]] is None
    assert 'alt="blue at &lt;0.5&gt;"' in page.html
    assert ">blue at &lt;0.5&gt;</figcaption>" in page.html
    assert 'width="160" height="100"' in page.html


def test_static_bytes_are_a_function_of_the_input(static):
    pages = [explore(grow, {"degree": [1, 2, 3]}, title="Powers", figsize=SIZE).html for _ in range(2)]
    assert pages[0] == pages[1]
    assert '<figure class="helm-explorer tex2jax_ignore mathjax_ignore" id="powers"' in pages[0]


def test_a_narrow_picture_is_drawn_beside_the_wide_one(static):
    page = explore(paint, CONTROLS, start={"colour": "blue"}, figsize=SIZE, narrow=(1.0, 1.2))
    data = page_data(page.html)
    assert [len(drawn["shown"]) for drawn in data["sizesDrawn"]] == [9, 9]
    pictures = re.findall(r'width="(\d+)" height="(\d+)" (?:alt="[^"]*" )?(?:srcset|src)="data', page.html)
    assert pictures == [("100", "120"), ("160", "100")]
    narrow = re.search(r'srcset="data:image/webp;base64,([^"]*)"', page.html)[1]
    assert np.abs(centre(base64.b64decode(narrow)) - expected("blue", 0.5)).max() <= 1
    for i, drawn in enumerate(data["sizesDrawn"]):
        frames = [frame for frame in drawn["frames"] if frame]
        assert len(frames) == 8
        sizes = {Image.open(io.BytesIO(base64.b64decode(frame))).size for frame in frames}
        assert sizes == {[(320, 200), (200, 240)][i]}


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("The two-by-two", "the-two-by-two"),
        ("Growth of ‖Jᵀ‖, step 3!", "growth-of-j-step-3"),
        ("β", "explorer"),
        (None, "colour-shade"),
        ("a" * 59 + " b", "a" * 59),
    ],
)
def test_a_link_names_an_explorer_by_its_title(title, name):
    assert address_of(title, check_controls(CONTROLS, {}, {})) == name


def test_static_stores_equal_frames_once(static):
    def draw(figure, k):
        figure.clear()
        figure.text(0.5, 0.5, str(k // 5))
        return f"k is {k}"

    data = page_data(explore(draw, {"k": range(10)}, figsize=SIZE).html)
    (drawn,) = data["sizesDrawn"]
    assert len(drawn["frames"]) == 2
    assert drawn["shown"] == [0] * 5 + [1] * 5
    assert len(set(data["captions"])) == 10


def test_a_colour_map_is_not_banded_and_the_ground_stays_white():
    x, y = np.meshgrid(np.linspace(-3, 3, 200), np.linspace(-3, 3, 200))
    figure = new_figure((6.4, 4.0), 2.0)
    figure.colorbar(figure.subplots().imshow(np.sin(x) * np.cos(y)))
    drawn, _ = draw_frame(lambda figure: "waves", figure, (), ())
    shown = Image.open(io.BytesIO(base64.b64decode(encode(drawn)))).convert("RGB")
    assert shown.getpixel((0, 0)) == (255, 255, 255)
    assert np.abs(np.asarray(shown, int) - np.asarray(drawn, int)).max() <= 8  # of 255 levels


def test_noise_is_not_kept_exactly():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 320, 3), dtype=np.uint8))
    assert len(noise.getcolors(1 << 24)) > DRAWN
    written = base64.b64decode(encode(noise))
    assert b"VP8 " in written[:32] and len(written) < 60_000  # lossless would be "VP8L"
    drawn = base64.b64decode(encode(Image.new("RGB", (200, 320), "#123456")))
    assert b"VP8L" in drawn[:32]


def test_a_caption_cannot_leave_its_place(static):
    def draw(figure, k):
        return f'</script><b title="{k}">'

    page = explore(draw, {"k": [1, 2]}, title="<i>", figsize=SIZE)
    assert page.html.count("</script>") == 1
    assert "<b " not in page.html and "<i>" not in page.html
    assert page_data(page.html)["captions"] == ['</script><b title="1">', '</script><b title="2">']


def test_heavy_frames_are_drawn_less_finely(static, monkeypatch):
    page = explore(grow, {"degree": [1, 2, 3]}, figsize=SIZE)
    assert page.density == 2.0
    assert page.weight < WEIGHT_BUDGET
    monkeypatch.setattr("helm_book.explorer.static.WEIGHT_BUDGET", page.weight // 2)
    coarse = explore(grow, {"degree": [1, 2, 3]}, figsize=SIZE)
    assert coarse.density < 2.0
    width, _ = Image.open(io.BytesIO(base64.b64decode(still(coarse.html)))).size
    assert width == 160 * coarse.density
    assert 'width="160"' in coarse.html  # as large as before


# ---------------------------------------------------------------- the values as texts


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1, 2, 50], ("1", "2", "50")),
        ([-1.0, 0.0, 0.5], ("−1", "0", "0.5")),
        (np.linspace(0, 1, 7), ("0", "0.167", "0.333", "0.5", "0.667", "0.833", "1")),
        ([1000.0, 1000.5, 123456.0, 2e7], ("1000", "1000.5", "123456", "2·10⁷")),
        ([1e-5, 0.001], ("1·10⁻⁵", "0.001")),
        ([0.1 + 0.2, 0.4], ("0.3", "0.4")),
        (["a", "b"], ("a", "b")),
    ],
)
def test_values_are_written_for_readers(values, texts):
    (control,) = check_controls({"k": values}, {}, {})
    assert control.texts == texts


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=8, unique=True))
def test_distinct_numbers_have_distinct_texts(values):
    (control,) = check_controls({"k": values}, {}, {})
    assert len(set(control.texts)) == len(values)
    assert control.values[control.start] == values[len(values) // 2]
