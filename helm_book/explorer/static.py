"""The life without a kernel, frame by frame: every picture drawn ahead."""

from __future__ import annotations

import base64
import io
import itertools
import math
from collections.abc import Callable, Sequence

from matplotlib.figure import Figure
from PIL import Image

from helm_book.explorer.controls import Control, describe
from helm_book.explorer.drawing import CSS_DPI, draw_frame, new_figure
from helm_book.explorer.guess import Guess
from helm_book.explorer.markup import StaticExplorer, control_data, script_json, write_html

LIMIT = 400
"""Most combinations of values that are drawn."""

WEIGHT_BUDGET = 1_000_000
"""Bytes of HTML above which the frames are drawn less finely."""

DRAWN = 4096
"""Colours up to which a picture counts as drawn; the book's have some 300 to 1500."""

DENSITIES = (2.0, 1.5, 1.25)
"""Image pixels for each CSS pixel, the first that keeps within the budget."""


def draw_static(
    draw: Callable,
    controls: tuple[Control, ...],
    title: str | None,
    figsizes: Sequence[tuple[float, float]],
    guess: Guess | None = None,
) -> StaticExplorer:
    """Draw every combination at each of the figure sizes, as finely as the budget allows."""
    count = require_combinations(controls, LIMIT)
    begin = tuple(control.start for control in controls)
    first = tuple(0 for _ in controls)
    last = tuple(len(control.values) - 1 for control in controls)
    figures = [new_figure(figsize, DENSITIES[0]) for figsize in figsizes]
    for figure in figures:
        _check_repeats(draw, figure, controls, last)
    for density in DENSITIES:
        for figure in figures:
            figure.set_dpi(CSS_DPI * density)
        coarsest = density == DENSITIES[-1]
        if not coarsest:  # three frames of each size tell whether it is worth drawing them all
            samples = [
                len(encode(draw_frame(draw, figure, controls, at)[0]))
                for figure in figures
                for at in (begin, first, last)
            ]
            if sum(samples) / 3 * count > WEIGHT_BUDGET:
                continue
        page = _write_page(controls, title, figsizes, [_draw_all(draw, figure, controls) for figure in figures], guess)
        if coarsest or len(page.encode()) <= WEIGHT_BUDGET:
            break
    return StaticExplorer(page, title or ", ".join(control.label for control in controls), count, density)


def require_combinations(controls: Sequence[Control], limit: int) -> int:
    """How many combinations the controls make.

    Raises:
        ValueError: more than ``limit``.
    """
    count = math.prod(len(control.values) for control in controls)
    if count > limit:
        sizes = " x ".join(f"{len(control.values)} of {control.name!r}" for control in controls)
        raise ValueError(f"controls must make at most {limit} combinations, got {sizes} = {count}")
    return count


def _check_repeats(draw: Callable, figure: Figure, controls: tuple[Control, ...], at: tuple[int, ...]) -> None:
    """Raise where a second call with the same values leaves more artists than the first."""
    counts = []
    for _ in range(2):
        draw_frame(draw, figure, controls, at)
        counts.append(_count_artists(figure))
    if counts[1] > counts[0]:
        raise ValueError(
            f"draw must show its values alone, but a second call at {describe(controls, at, ' = ')} added to the "
            f"first ({counts[0]} artists, then {counts[1]}): clear the figure or update its artists"
        )


def _draw_all(draw: Callable, figure: Figure, controls: tuple[Control, ...]) -> tuple[list[str], list[int], list[str]]:
    """Every distinct frame, and for each combination (the last control moves fastest) its frame and caption."""
    frames: dict[str, int] = {}
    shown, captions = [], []
    for at in itertools.product(*(range(len(control.values)) for control in controls)):
        picture, caption = draw_frame(draw, figure, controls, at)
        shown.append(frames.setdefault(encode(picture), len(frames)))
        captions.append(caption)
    return list(frames), shown, captions


def _count_artists(figure: Figure) -> int:
    return sum(len(parent.get_children()) for parent in (figure, *figure.axes))


def encode(picture: Image.Image) -> str:
    """WebP in base64: 256 colours kept exactly, or quality 80 where there are many and that is much smaller (noise).

    The 256 colours are chosen to keep the largest error small, so that neither the white ground nor a smooth
    colour map changes to the eye: at most 1 to 7 of 255 levels off in curves, filled contours and colour maps,
    at 10 to 18 KiB for 640x400 at twice the density, where quality 80 takes 14 to 22 KiB and is off by 50 to 100
    around letters and lines.
    """
    few = picture.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).convert("RGB")
    drawing = _webp(few, lossless=True, quality=50, method=2)  # lossless: "quality" is effort
    if picture.getcolors(DRAWN) is None:  # None: more than so many
        photograph = _webp(picture, quality=80)
        drawing = drawing if len(drawing) <= 1.25 * len(photograph) else photograph
    return base64.b64encode(drawing).decode()


def _webp(picture: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, "webp", **options)
    return out.getvalue()


def _write_page(controls, title, figsizes, drawn: list[tuple[list[str], list[int], list[str]]], guess) -> str:
    begin = 0
    for control in controls:
        begin = begin * len(control.values) + control.start
    stills = [frames[shown[begin]] for frames, shown, _ in drawn]
    captions = drawn[0][2]
    data = control_data(controls) | {
        "captions": captions,
        # The start frame is in the <img> already.
        "sizesDrawn": [
            {"shown": shown, "frames": [None if i == shown[begin] else frame for i, frame in enumerate(frames)]}
            for frames, shown, _ in drawn
        ],
    }
    return write_html("frames", script_json(data), stills, figsizes, controls, captions[begin], title, guess)
