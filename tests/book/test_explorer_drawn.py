"""What a page draws from numbers is what the package computes: every kind of artist, read back from the SVG."""

from __future__ import annotations

import io

import numpy as np
import pytest
from explorer_pages import (
    Reader,
    as_static,
    corners,
    middles,
    needs_chromium,
    payload_of,
    require_payload_is_drawn,
    rgb,
    write_page,
)
from explorer_scenes import CONTROLS, NARROW, POINT, WIDE, build_all, build_point, move_all, move_point
from PIL import Image

from helm_book.explorer import explore_numbers
from helm_book.explorer.controls import check_controls
from helm_book.explorer.drawing import new_figure
from helm_book.explorer.live import LiveNumbers
from helm_book.explorer.scene import Scene

pytest_plugins = ["explorer_browser"]
pytestmark = needs_chromium

CLOSE = 2e-4  # of the sides of the axes
SETTINGS = [(0, 0), (2, 1), (4, 0), (4, 1)]
WINDOWS = [(1000, WIDE), (390, NARROW)]
# Pictures begin at whole pixels, so that they can be compared.
AT_THE_CORNER = "body, .helm-explorer { margin: 0 !important; padding: 0 !important; border: 0 !important; }" + (
    ".helm-title { display: none; }"
)


@pytest.fixture(scope="module")
def all_kinds():
    return as_static(explore_numbers, build_all, move_all, CONTROLS, figsize=WIDE, narrow=NARROW, title="All kinds")


@pytest.fixture(scope="module")
def address(all_kinds, tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("page") / "page.html", all_kinds, style=AT_THE_CORNER)


@pytest.fixture(scope="module")
def point_address(tmp_path_factory):
    point = as_static(explore_numbers, build_point, move_point, POINT, figsize=(6, 3.2), title="Point")
    return write_page(tmp_path_factory.mktemp("page") / "page.html", point, style=AT_THE_CORNER)


class Expected:
    """Where matplotlib, by itself, puts the data of each artist: CSS pixels from the upper left of the figure."""

    def __init__(self, figsize):
        self.figure = new_figure(figsize, 2.0)
        self.artists = build_all(self.figure)

    def axes(self, name):
        artist = self.artists[name]
        return artist.patches[0].axes if name == "bars" else artist.axes

    def pixels(self, name, x, y) -> np.ndarray:
        points = self.axes(name).transData.transform(np.column_stack([x, y])) / 2
        return np.column_stack([points[:, 0], self.figure.bbox.height / 2 - points[:, 1]])

    def same(self, name, found, wanted):
        box = self.axes(name).get_window_extent()
        sides = np.array([box.width, box.height]) / 2
        assert np.shape(found) == np.shape(wanted), name
        # Besides, the page writes hundredths of a pixel.
        assert np.all(np.abs(np.asarray(found) - wanted) <= CLOSE * sides + 0.006), name

    def same_box(self, name, found, left, right, bottom, top):
        wanted = self.pixels(name, [left, right], [bottom, top])
        x, y, width, height = (float(found[k]) for k in ("x", "y", "width", "height"))
        self.same(name, [[x, y], [x + width, y + height]], [wanted.min(0), wanted.max(0)])


def require_colors(color_map, scaled, found):
    """Each found colour lies within one of the page's 254 levels of the value's place in the colour map."""
    palette = (color_map(np.linspace(0, 1, 254))[:, :3] * 255).round().astype(int)
    for value, color in zip(np.ravel(scaled), found, strict=True):
        levels = np.flatnonzero((palette == np.array(color)).all(axis=1))
        assert len(levels) and np.abs(levels - 253 * value).min() <= 1, (value, color)


@pytest.mark.parametrize(("width", "figsize"), WINDOWS)
def test_the_page_draws_what_move_returns(visit, address, width, figsize):
    reader, expected = Reader(visit(address, width=width)), Expected(figsize)
    reader.drawn()
    for at in SETTINGS:
        reader.set(at)
        numbers, caption = move_all(CONTROLS["k"][at[0]], CONTROLS["mode"][at[1]])
        reader.shows(caption)
        drawn = reader.overlay()
        assert set(drawn) == set(numbers)
        require_strokes(expected, numbers, drawn)
        require_marks(expected, numbers, drawn)
        require_surfaces(expected, numbers, drawn)
        require_words(expected, numbers, drawn)


def require_strokes(expected, numbers, drawn):
    for name in ("curve", "end", "logs"):
        x, y = numbers[name]
        for line in drawn[name]["lines"]:
            points = expected.pixels(name, x, y)
            expected.same(name, np.concatenate(corners(line["d"])), points[np.isfinite(y)])
            assert line["clip-path"].startswith("url(#all-kinds-box-")
    gap = int(np.flatnonzero(np.isnan(numbers["curve"][1]))[0])
    assert [len(stroke) for stroke in corners(drawn["curve"]["lines"][0]["d"])] == [gap, 8 - gap]
    outline, line = drawn["curve"]["lines"]
    assert (outline["stroke"], line["stroke"]) == ("#ffffff", "#0072b2")
    assert float(line["stroke-width"]) == pytest.approx(2 * 100 / 72)
    assert drawn["logs"]["opacity"] == "0.5"
    assert drawn["end"]["lines"][0]["stroke-dasharray"]
    x, y = numbers["end"]
    expected.same("end", middles(drawn["end"]["marks"]), expected.pixels("end", x[-1:], y[-1:]))


def require_marks(expected, numbers, drawn):
    expected.same("fixed", middles(drawn["fixed"]["marks"]), expected.pixels("fixed", *numbers["fixed"]))
    assert {(mark["fill"], mark["stroke"]) for mark in drawn["fixed"]["marks"]} == {("#cc79a7", "#000000")}
    x, y, c = numbers["tinted"]
    seen = np.isfinite(y) & (x <= 1)
    expected.same("tinted", middles(drawn["tinted"]["marks"]), expected.pixels("tinted", x, y)[seen])
    fills = [rgb(mark["fill"]) for mark in drawn["tinted"]["marks"]]
    require_colors(expected.artists["tinted"].cmap, (c[seen] + 1) / 2, fills)
    assert all(mark["stroke"] == mark["fill"] for mark in drawn["tinted"]["marks"])


def require_surfaces(expected, numbers, drawn):
    # Rows from the top of the box, columns from its left.
    for name, rows in {
        "upper": numbers["upper"],
        "lower": numbers["lower"][::-1],
        "turned": numbers["turned"][:, ::-1],
    }.items():
        (image,) = drawn[name]["images"]
        expected.same_box(name, image, *expected.artists[name].get_extent())
        assert image["size"] == list(rows.shape)
        found = image["rgba"].astype(int)
        require_colors(expected.artists[name].cmap, rows, found[:, :3])
        assert (found[:, 3] == 255).all()
    (photo,) = drawn["photo"]["images"]
    expected.same_box("photo", photo, *expected.artists["photo"].get_extent())
    found = photo["rgba"].astype(int).reshape(48, 48, 4)[12::24, 12::24, :3]
    assert np.abs(found - numbers["photo"][12::24, 12::24].astype(int)).max() <= 10

    for name in ("cells", "edged"):
        polygons = drawn[name]["lines"]
        require_colors(expected.artists[name].cmap, numbers[name] / 10, [rgb(polygon["fill"]) for polygon in polygons])
        for path, polygon in zip(expected.artists[name].get_paths(), polygons, strict=True):
            expected.same(name, corners(polygon["d"])[0], expected.pixels(name, *path.vertices.T))
    assert all(polygon["stroke"] == polygon["fill"] for polygon in drawn["cells"]["lines"])
    assert {polygon["stroke"] for polygon in drawn["edged"]["lines"]} == {"#ffffff"}
    assert float(drawn["edged"]["lines"][0]["stroke-width"]) == pytest.approx(0.8 * 100 / 72)

    for i, (bar, height) in enumerate(zip(drawn["bars"]["bars"], numbers["bars"], strict=True)):
        expected.same_box("bars", bar, i - 0.4, i + 0.4, 0, height)
    assert [bar["fill"] for bar in drawn["bars"]["bars"]] == ["#e69f00", "#56b4e9", "#000000"]


def require_words(expected, numbers, drawn):
    (words,), (note,) = drawn["words"]["texts"], drawn["note"]["texts"]
    assert (words["words"], note["words"]) == (numbers["words"], numbers["note"][2])
    assert (words["text-anchor"], note["text-anchor"]) == ("middle", "end")
    expected.same("words", [[float(words["x"]), float(words["y"])]], expected.pixels("words", [1.0], [4.0]))
    x, y, _ = numbers["note"]
    aside = expected.pixels("note", [x], [y]) + np.array([6, -8]) * 100 / 72
    expected.same("note", [[float(note["x"]), float(note["y"])]], aside)


def test_the_page_draws_its_own_data(visit, address, all_kinds):
    reader = Reader(visit(address, width=390))
    data = payload_of(all_kinds.html)
    for at in [(0, 0), (0, 1), (3, 1), (4, 1)]:
        reader.drawn()
        reader.set(at)
        require_payload_is_drawn(data, at, 1, reader.overlay())


def shot(reader) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(reader.stage.screenshot())).convert("RGB"), int)


def require_alike(found: np.ndarray, wanted: np.ndarray) -> None:
    """Pixels alike, or like a neighbour: two hands set the letters and smooth the edges, and round half pixels."""
    assert found.shape == wanted.shape
    shifts = [np.roll(wanted, (i, j), axis=(0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    off = np.min([np.abs(found - shifted).max(axis=2) for shifted in shifts], axis=0)
    assert off.mean() < 1, off.mean()
    assert (off > 64).mean() < 0.003, (off > 64).mean()


@pytest.mark.parametrize(("width", "figsize"), WINDOWS)
def test_the_page_looks_as_matplotlib_draws_it(visit, address, width, figsize):
    controls = check_controls(CONTROLS, {}, {})
    matplotlib = LiveNumbers(Scene(build_all, move_all, controls), figsize)
    reader = Reader(visit(address, width=width))
    reader.drawn()
    for at in SETTINGS:
        reader.set(at)
        found = shot(reader)
        picture, _ = matplotlib.draw(at)
        require_alike(found, np.asarray(picture.reduce(2), int))


@pytest.mark.parametrize(("which", "width"), [("address", 1000), ("address", 390), ("point_address", 1000)])
def test_the_still_picture_becomes_the_drawing_unnoticed(visit, request, which, width):
    where = request.getfixturevalue(which)
    before = shot(Reader(visit(where, width=width, scripts=False)))
    reader = Reader(visit(where, width=width))
    reader.drawn()
    require_alike(shot(reader), before)


def test_the_drawing_lies_over_the_picture_at_every_size(visit, address):
    page = visit(address)
    reader = Reader(page)
    reader.drawn()
    for width in (1200, 700, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        reader.figure.and_(page.locator(f"[data-helm-drawn='{int(width < 576)}']")).wait_for()
        overlay = reader.figure.locator(".helm-overlay")
        over, under = overlay.bounding_box(), reader.picture.bounding_box()
        assert over == pytest.approx(under, abs=0.6)
        ratio = overlay.evaluate("s => s.viewBox.baseVal.width / s.viewBox.baseVal.height")
        assert over["width"] / over["height"] == pytest.approx(ratio, rel=0.01)
