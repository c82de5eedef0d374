"""The life without a kernel: every frame drawn ahead, in one piece of HTML."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import itertools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure
from PIL import Image

from helm_tutorial.explorer.controls import Control, describe
from helm_tutorial.explorer.drawing import CSS_DPI, draw_frame, new_figure

LIMIT = 400
"""Most combinations of values that are drawn."""

WEIGHT_BUDGET = 1_000_000
"""Bytes of HTML above which the frames are drawn less finely."""

DENSITIES = (2.0, 1.5, 1.25)
"""Image pixels for each CSS pixel: the first that keeps within the budget."""


@dataclass(frozen=True)
class StaticExplorer:
    """The explorer as self-contained HTML.

    Attributes:
        html: a ``<figure class="helm-explorer">``; equal input gives equal bytes.
        title: its heading or the names of its controls.
        frames: how many combinations it holds.
        density: image pixels for each CSS pixel.
    """

    html: str
    title: str
    frames: int
    density: float

    @property
    def weight(self) -> int:
        """Bytes of the HTML."""
        return len(self.html.encode())

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"explore({self.title})"


def draw_static(draw: Callable, controls: tuple[Control, ...], title: str | None, figsize) -> StaticExplorer:
    count = math.prod(len(control.values) for control in controls)
    if count > LIMIT:
        sizes = " x ".join(f"{len(control.values)} of {control.name!r}" for control in controls)
        raise ValueError(f"controls must make at most {LIMIT} combinations, got {sizes} = {count}")
    begin = tuple(control.start for control in controls)
    first = tuple(0 for _ in controls)
    last = tuple(len(control.values) - 1 for control in controls)
    figure = new_figure(figsize, DENSITIES[0])
    _check_repeats(draw, figure, controls, last)
    for density in DENSITIES:
        figure.set_dpi(CSS_DPI * density)
        coarsest = density == DENSITIES[-1]
        if not coarsest:  # three frames tell whether it is worth drawing them all
            samples = [_encode(draw_frame(draw, figure, controls, at)[0]) for at in (begin, first, last)]
            if sum(map(len, samples)) / len(samples) * count > WEIGHT_BUDGET:
                continue
        page = _write_html(controls, title, figsize, *_draw_all(draw, figure, controls))
        if coarsest or len(page.encode()) <= WEIGHT_BUDGET:
            break
    return StaticExplorer(page, title or ", ".join(control.label for control in controls), count, density)


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
        shown.append(frames.setdefault(_encode(picture), len(frames)))
        captions.append(caption)
    return list(frames), shown, captions


def _count_artists(figure: Figure) -> int:
    return sum(len(parent.get_children()) for parent in (figure, *figure.axes))


def _encode(picture: Image.Image) -> str:
    """WebP in base64: 256 colours kept exactly, or quality 80 where that is much smaller (photographs, noise).

    The 256 colours are chosen to keep the largest error small, so that neither the white ground nor a smooth
    colour map changes to the eye: at most 1 to 7 of 255 levels off in curves, filled contours and colour maps,
    at 10 to 18 KiB for 640x400 at twice the density, where quality 80 takes 14 to 22 KiB and is off by 50 to 100
    around letters and lines.
    """
    few = picture.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).convert("RGB")
    drawing = _webp(few, lossless=True, quality=50, method=2)  # lossless: "quality" is effort
    photograph = _webp(picture, quality=80)
    return base64.b64encode(drawing if len(drawing) <= 1.25 * len(photograph) else photograph).decode()


def _webp(picture: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, "webp", **options)
    return out.getvalue()


def _write_html(controls, title, figsize, frames: list[str], shown: list[int], captions: list[str]) -> str:
    begin = 0
    for control in controls:
        begin = begin * len(control.values) + control.start
    data = {
        "sizes": [len(control.values) for control in controls],
        "texts": [control.texts for control in controls],
        "shown": shown,
        "captions": captions,
        # The start frame is in the <img> already.
        "frames": [None if i == shown[begin] else frame for i, frame in enumerate(frames)],
    }
    # "<" is written so that no caption can end the script element.
    block = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    still = frames[shown[begin]]
    name = title or "Explore " + ", ".join(control.label for control in controls)
    key = "helm-" + hashlib.sha256("\0".join([name, still, block]).encode()).hexdigest()[:10]
    inputs = "".join(_control_html(control, f"{key}-{control.name}") for control in controls)
    heading = f'<p class="helm-title">{html.escape(title)}</p>\n' if title else ""
    caption = html.escape(captions[begin])
    shown_at = html.escape(describe(controls, [control.start for control in controls]))
    width, height = (round(inches * CSS_DPI) for inches in figsize)
    # Captions are plain text: the two "ignore" classes keep the mathematics typesetter off them, and
    # "dark-light" keeps the theme from dimming the picture.
    return f"""\
<figure class="helm-explorer tex2jax_ignore mathjax_ignore" id="{key}" aria-label="{html.escape(name)}">
{heading}<div class="helm-stage"><img class="helm-still dark-light" width="{width}" height="{height}" \
alt="{caption}" src="data:image/webp;base64,{still}"></div>
<form class="helm-controls" autocomplete="off"><fieldset disabled>
{inputs}</fieldset></form>
<p class="helm-note">Shown at {shown_at}; the controls need JavaScript.</p>
<button class="helm-reset" type="button" disabled>Reset</button>
<script type="application/json" class="helm-data">{block}</script>
<figcaption class="helm-caption" aria-live="polite">{caption}</figcaption>
</figure>
"""


def _control_html(control: Control, key: str) -> str:
    label = html.escape(control.label)
    if control.is_choice:
        choices = "".join(
            f'<label><input type="radio" name="{key}" value="{i}"{" checked" if i == control.start else ""}>'
            f"<span>{html.escape(text)}</span></label>"
            for i, text in enumerate(control.texts)
        )
        return (
            f'<div class="helm-control helm-choice" data-control="{control.name}" role="radiogroup" '
            f'aria-label="{label}"><span class="helm-label">{label}</span>'
            f'<div class="helm-options">{choices}</div></div>\n'
        )
    text = html.escape(control.texts[control.start])
    end = len(control.values) - 1
    # The slider itself announces its value text: the output is for the eye.
    return (
        f'<div class="helm-control" data-control="{control.name}"><label class="helm-label" for="{key}">{label}</label>'
        f'<input id="{key}" type="range" min="0" max="{end}" step="1" value="{control.start}" aria-valuetext="{text}" '
        f'style="--helm-filled:{control.start / end:.4g}"><output for="{key}" aria-live="off">{text}</output></div>\n'
    )
