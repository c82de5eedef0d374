"""The page draws an explorer's numbers: place by place as they were written down, and pixel by pixel as matplotlib."""

from __future__ import annotations

import io

import numpy as np
import pytest
from explorer_pages import Reader, as_static, needs_chromium, payload_of, require_payload_is_drawn, write_page
from explorer_scenes import CONTROLS, NARROW, POINT, WIDE, build_all, build_point, move_all, move_point
from PIL import Image

from helm_book.explorer import explore_numbers
from helm_book.explorer.controls import check_controls
from helm_book.explorer.live import LiveNumbers
from helm_book.explorer.scene import Scene

pytestmark = needs_chromium

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


def shot(reader) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(reader.stage.screenshot())).convert("RGB"), int)


def require_alike(found: np.ndarray, wanted: np.ndarray, boxes=()) -> None:
    """Pixels alike, or like a neighbour: two hands set the letters and smooth the edges, and round half pixels.

    Within each of ``boxes`` (left, top, width, height) what is inked counts, so that a thin line counts as much as
    an image does.
    """
    assert found.shape == wanted.shape
    shifts = [np.roll(wanted, (i, j), axis=(0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    off = np.min([np.abs(found - shifted).max(axis=2) for shifted in shifts], axis=0)
    assert off.mean() < 1, off.mean()
    assert (off > 64).mean() < 0.003, (off > 64).mean()
    for left, top, width, height in np.array(boxes, int):
        place = np.s_[top + 2 : top + height - 2, left + 2 : left + width - 2]
        inked = (wanted[place].min(axis=2) < 240) | (found[place].min(axis=2) < 240)
        assert off[place][inked].mean() < 16, (left, top, off[place][inked].mean())


@pytest.mark.parametrize(("width", "figsize"), [(1000, WIDE), (390, NARROW)])
def test_the_page_draws_its_numbers_as_matplotlib_does(visit, address, all_kinds, width, figsize):
    matplotlib = LiveNumbers(Scene(build_all, move_all, check_controls(CONTROLS, {}, {})), figsize)
    reader, data, size = Reader(visit(address, width=width)), payload_of(all_kinds.html), int(width < 576)
    reader.drawn()
    for at in [(0, 0), (2, 1), (4, 0), (4, 1)]:
        reader.set(at)
        reader.shows(move_all(CONTROLS["k"][at[0]], CONTROLS["mode"][at[1]])[1])
        require_payload_is_drawn(data, at, size, reader.overlay())
        picture, _ = matplotlib.draw(at)
        require_alike(shot(reader), np.asarray(picture.reduce(2), int), data["stages"][size]["boxes"])


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
