"""One frame: a figure outside pyplot, drawn at one value of each control."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from helm_book.explorer.controls import Control, describe

CSS_DPI = 100
"""CSS pixels for each inch of a figure."""


def new_figure(figsize: tuple[float, float], density: float) -> Figure:
    figure = Figure(figsize=figsize, dpi=CSS_DPI * density, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def render(figure: Figure) -> None:
    """Lay the figure out and draw it."""
    with warnings.catch_warnings():
        # A drawing may place all its axes itself and leave the layout nothing to do.
        warnings.filterwarnings("ignore", message="There are no gridspecs with layoutgrids")
        figure.canvas.draw()


def draw_frame(draw: Callable, figure: Figure, controls: tuple[Control, ...], at: Sequence[int]):
    """The picture (an RGB image) and the caption at one position of each control."""
    values = {control.name: control.values[i] for control, i in zip(controls, at, strict=True)}
    where = describe(controls, at, " = ")
    try:
        caption = draw(figure, **values)
        render(figure)
    except Exception as error:
        raise RuntimeError(f"draw failed at {where}: {type(error).__name__}: {error}") from error
    if not isinstance(caption, str) or not caption.strip():
        raise ValueError(f"draw must return its caption, a non-empty string; at {where} it returned {caption!r}")
    return Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB"), one_line(caption)


def one_line(caption: str) -> str:
    """The caption without line breaks of its own, and with none between a number and its per cent sign."""
    return " ".join(caption.split()).replace(" %", "\u00a0%")
