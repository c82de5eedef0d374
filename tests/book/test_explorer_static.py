"""What an explorer of frames writes for the page, and how controls and captions are written for readers."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from helm_book.explorer import explore
from helm_book.explorer.controls import check_controls, in_digits
from helm_book.explorer.drawing import draw_frame, new_figure
from helm_book.explorer.markup import address_of
from helm_book.explorer.static import DRAWN, WEIGHT_BUDGET, encode

SIZE = (1.6, 1.0)
COLOURS = {"red": "#ff0000", "green": "#00ff00", "blue": "#0000ff"}
CONTROLS = {"colour": list(COLOURS), "shade": [0.25, 0.5, 1.0]}


def expected(colour, shade) -> np.ndarray:
    return np.array([255 * (1 - shade * (1 - int(COLOURS[colour][i : i + 2], 16) / 255)) for i in (1, 3, 5)])


def paint(figure, colour, shade):
    """The whole figure in one colour, so that a pixel tells which frame it is."""
    figure.clear()
    figure.patch.set_facecolor(expected(colour, shade) / 255)
    return f"{colour} at <{shade:g}>"


def picture(webp: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(webp))).convert("RGB")


def require_shade(webp: str, colour, shade) -> None:
    shown = np.asarray(picture(webp), int)
    assert np.abs(shown[shown.shape[0] // 2, shown.shape[1] // 2] - expected(colour, shade)).max() <= 1


def page_data(html: str) -> dict:
    return json.loads(re.search(r'class="helm-data">(.*?)</script>', html, re.DOTALL)[1])


def still(html: str) -> str:
    return re.search(r'src="data:image/webp;base64,([^"]*)"', html)[1]


def test_frames_are_the_drawings(static):
    page = explore(paint, CONTROLS, start={"colour": "blue"}, title="Paint it", figsize=SIZE)
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
            require_shade(drawn["frames"][drawn["shown"][k]] or still(page.html), colour, shade)
            assert data["captions"][k] == f"{colour} at <{shade:g}>"
    # The page without scripts: the start frame, with its caption as the alternative text.
    assert drawn["frames"][drawn["shown"][3 * 2 + 1]] is None
    assert '<figure class="helm-explorer tex2jax_ignore mathjax_ignore" id="paint-it"' in page.html
    assert 'alt="blue at &lt;0.5&gt;"' in page.html and ">blue at &lt;0.5&gt;</figcaption>" in page.html
    assert 'width="160" height="100"' in page.html


def test_a_narrow_picture_is_drawn_beside_the_wide_one(static):
    page = explore(paint, CONTROLS, start={"colour": "blue"}, figsize=SIZE, narrow=(1.0, 1.2))
    pictures = re.findall(r'width="(\d+)" height="(\d+)" (?:alt="[^"]*" )?(?:srcset|src)="data', page.html)
    assert pictures == [("100", "120"), ("160", "100")]
    require_shade(re.search(r'srcset="data:image/webp;base64,([^"]*)"', page.html)[1], "blue", 0.5)
    for drawn, size in zip(page_data(page.html)["sizesDrawn"], [(320, 200), (200, 240)], strict=True):
        frames = [frame for frame in drawn["frames"] if frame]
        assert len(drawn["shown"]) == 9 and len(frames) == 8
        assert {picture(frame).size for frame in frames} == {size}


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


def test_equal_frames_are_stored_once(static):
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
    shown = picture(encode(drawn))
    assert shown.getpixel((0, 0)) == (255, 255, 255)
    assert np.abs(np.asarray(shown, int) - np.asarray(drawn, int)).max() <= 8  # of 255 levels


def test_noise_is_not_kept_exactly():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 320, 3), dtype=np.uint8))
    assert len(noise.getcolors(1 << 24)) > DRAWN
    written = base64.b64decode(encode(noise))
    assert b"VP8 " in written[:32] and len(written) < 60_000  # lossless would be "VP8L"
    assert b"VP8L" in base64.b64decode(encode(Image.new("RGB", (200, 320), "#123456")))[:32]


def test_a_caption_cannot_leave_its_place(static):
    page = explore(lambda figure, k: f'</script><b title="{k}">', {"k": [1, 2]}, figsize=SIZE)
    assert page.html.count("</script>") == 1 and "<b " not in page.html
    assert page_data(page.html)["captions"] == ['</script><b title="1">', '</script><b title="2">']


def test_heavy_frames_are_drawn_less_finely(static, monkeypatch):
    page = explore(paint, CONTROLS, figsize=SIZE)
    assert page.density == 2.0 and page.weight < WEIGHT_BUDGET
    monkeypatch.setattr("helm_book.explorer.static.WEIGHT_BUDGET", page.weight // 2)
    coarse = explore(paint, CONTROLS, figsize=SIZE)
    assert coarse.density < 2.0
    assert picture(still(coarse.html)).width == 160 * coarse.density
    assert 'width="160"' in coarse.html  # as large as before


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


def test_captions_write_three_digits_or_a_power_of_ten():
    numbers = (0.0, 0.0123, 1.234e-5, -0.004, 1712.4, 4.98e6)
    assert [*map(in_digits, numbers)] == ["0", "0.0123", "1.23·10⁻⁵", "−4·10⁻³", "1710", "4.98·10⁶"]
