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
"""Bytes of pictures above which they are drawn less finely."""

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
    for density in DENSITIES:
        figure.set_dpi(CSS_DPI * density)
        samples = [_encode(draw_frame(draw, figure, controls, at)[0]) for at in (begin, first, last)]
        if sum(map(len, samples)) / len(samples) * count <= WEIGHT_BUDGET:
            break
    before = _count_artists(figure)
    draw_frame(draw, figure, controls, last)
    if _count_artists(figure) > before:
        raise ValueError(
            f"draw must show its values alone, but a second call at {describe(controls, last, ' = ')} added to the "
            f"first ({before} artists, then {_count_artists(figure)}): clear the figure or update its artists"
        )

    frames: dict[str, int] = {}  # WebP as base64 -> where it is stored
    shown, captions = [], []
    for at in itertools.product(*(range(len(control.values)) for control in controls)):  # the last moves fastest
        picture, caption = draw_frame(draw, figure, controls, at)
        shown.append(frames.setdefault(_encode(picture), len(frames)))
        captions.append(caption)
    page = _write_html(controls, title, figsize, list(frames), shown, captions)
    return StaticExplorer(page, title or ", ".join(c.label for c in controls), count, density)


def _count_artists(figure: Figure) -> int:
    return sum(len(parent.get_children()) for parent in (figure, *figure.axes))


def _encode(picture: Image.Image) -> str:
    """WebP in base64, the smaller of two: 256 colours kept exactly (drawings) or quality 80 (photographs).

    For line plots and filled contours the first is a third to a half smaller than the second and nearer to
    the drawing (root-mean-square error 1.1 to 1.4 grey levels against 2.7 to 2.9).
    """
    few = picture.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    # The quantiser rounds white down by one level, which would show as an edge against the page's white.
    few.putpalette([255 if level == 254 else level for level in few.getpalette()])
    encoded = []
    for image, options in (
        (few.convert("RGB"), {"lossless": True, "quality": 50, "method": 2}),
        (picture, {"quality": 80}),
    ):
        out = io.BytesIO()
        image.save(out, "webp", **options)
        encoded.append(out.getvalue())
    return base64.b64encode(min(encoded, key=len)).decode()


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
