"""One visual language: a colour for each model, the same in every chapter, safe for colour-blind readers.

The palette is Okabe and Ito's.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
from IPython import get_ipython
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib_inline.config import InlineBackend

COLORS = {
    "true": "#222222",
    "flat": "#D55E00",
    "helm": "#0072B2",
    "report": "#E69F00",
    "gaussian": "#56B4E9",
    "reconstruction": "#D55E00",
    "latent_prediction": "#6B4C2A",
    "variance_covariance": "#56B4E9",
    "contrastive": "#009E73",
    "both": "#CC79A7",
    "neither": "#8A8A8A",
    "goal": "#CC3311",
    "faint": "#B8B8B8",
}
"""Colour of each model or role, by name."""

LABELS = {
    "true": "true system",
    "flat": "flat model",
    "helm": "HELM",
    "report": "report's printed penalty",
    "gaussian": "Gaussian mollification",
    "reconstruction": "reconstruction",
    "latent_prediction": "latent prediction",
    "variance_covariance": "variance-covariance",
    "contrastive": "contrastive",
    "both": "both pillars",
    "neither": "neither pillar",
}
"""Name of each model as the prose and the figures write it."""

HALO = [withStroke(linewidth=3, foreground="white")]
"""The ``path_effects`` that put white around a label where a line may pass behind it."""


def use_style() -> None:
    """Set matplotlib's defaults for a chapter: called once, in its set-up cell."""
    mpl.rcParams.update(
        {
            "figure.figsize": (7.2, 4.0),
            "figure.dpi": 110,
            "savefig.dpi": 110,
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 11,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.labelsize": 10,
            "font.size": 10,
            "lines.linewidth": 2.0,
            "legend.frameon": False,
            "image.cmap": "viridis",
        }
    )
    shell = get_ipython()
    if shell is not None:  # two pixels where a page shows one: sharp on screens that have them
        InlineBackend.instance(parent=shell).figure_formats = {"retina"}


def is_narrow(figure: Figure) -> bool:
    """Whether a figure is drawn for a phone."""
    return figure.get_figwidth() < 5


def panels(figure: Figure, count: int, *, widths: list[float] | None = None, heights: list[float] | None = None):
    """``count`` axes beside one another, or one below the other in a figure drawn for a phone.

    Args:
        figure: where to draw.
        count: how many axes.
        widths: their relative widths where they stand side by side.
        heights: their relative heights where they stand one below the other.

    Returns:
        An array of axes.
    """
    if is_narrow(figure):
        return figure.subplots(count, 1, height_ratios=heights, squeeze=False)[:, 0]
    return figure.subplots(1, count, width_ratios=widths, squeeze=False)[0]


def label_line(axes: Axes, x: float, y: float, text: str, color: str, *, lift: float = 0.0, **kwargs) -> None:
    """Write ``text`` beside a line's end in its colour, ``lift`` points up: a direct label, no legend."""
    axes.annotate(
        text,
        (x, y),
        xytext=(8, lift),
        textcoords="offset points",
        color=color,
        va="center",
        fontweight="bold",
        **kwargs,
    )


def apart(heights: Mapping[str, float], least: float) -> dict[str, float]:
    """The heights, from below, each raised to at least ``least`` above the one before: room for labels."""
    raised: dict[str, float] = {}
    for name in sorted(heights, key=heights.get):
        raised[name] = max(heights[name], max(raised.values(), default=-float("inf")) + least)
    return raised
