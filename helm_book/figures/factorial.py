"""The two-by-two of the pillars as one picture that moves: four cells at a horizon, and each cell over the horizons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from helm_book.figures.intervals import upright
from helm_book.figures.style import COLORS, HALO, apart, is_narrow, panels

CELLS = {"neither": "neither", "spectral": "helm", "contrastive": "contrastive", "both": "both"}
"""Colour of each cell of the factorial, in the order in which they stand."""

SHARES = ([0, 0.25, 0.5, 0.75, 1.0], ["0", "25 %", "50 %", "75 %", "100 %"])


def build_factorial(figure: Figure, horizons: Sequence[int]) -> dict:
    """Bars for the four cells beside one line for each over the ``horizons``; returns the artists that move."""
    left, right = panels(figure, 2, widths=[1, 1.15])
    colors = [COLORS[color] for color in CELLS.values()]
    names = list(CELLS)
    artists = {"bars": left.bar(names, [0.5] * 4, color=colors, width=0.66, alpha=0.85)}
    (artists["intervals"],) = left.plot([], [], color="black", linewidth=1.4)
    (artists["seeds"],) = left.plot([], [], "o", color="black", markersize=3.5, alpha=0.6, linestyle="none")
    (artists["chosen bar"],) = left.plot([], [], color="black", linewidth=2)
    left.set(ylim=(0, 1.16), title="share of starts that arrive")
    left.tick_params(axis="x", length=0, labelsize=8.5 if is_narrow(figure) else 9)
    for label, color in zip(left.get_xticklabels(), colors, strict=True):
        label.set_color(color)
    left.set_yticks(*SHARES)
    for k, cell in enumerate(CELLS):
        style = {"ha": "center", "fontweight": "bold", "path_effects": HALO, "zorder": 5}
        artists[f"share {cell}"] = left.annotate(
            "", (k, 0), xytext=(0, 4), textcoords="offset points", color=colors[k], **style
        )
        (artists[f"line {cell}"],) = right.plot([], [], color=colors[k], linewidth=1.6, alpha=0.75)
        artists[f"name {cell}"] = right.annotate(
            "",
            (0, 0),
            xytext=(11, 0),
            textcoords="offset points",
            color=colors[k],
            va="center",
            fontsize=9,
            fontweight="bold",
        )
    (artists["chosen line"],) = right.plot([], [], color="black", linewidth=3, zorder=3)
    (artists["chosen intervals"],) = right.plot([], [], color="black", linewidth=1.4, zorder=3)
    (artists["now"],) = right.plot(
        [], [], "o", color="white", markeredgecolor="black", markersize=11, markeredgewidth=2
    )
    artists["now"].set_zorder(4)
    right.set(xlim=(0, 1.45 * max(horizons)), ylim=(0, 1.16), xlabel="horizon T", xticks=horizons)
    right.set_yticks(*SHARES)
    right.set_title("over horizons; black: chosen")
    return artists


def move_factorial(
    metrics: Mapping[str, Mapping], horizons: Sequence[int], seeds: int, planner: str, cell: str, horizon: int
) -> tuple[dict, str]:
    """Numbers for :func:`build_factorial`, and the caption.

    Args:
        metrics: of the record ``pillars``.
        horizons: those of the record.
        seeds: how many seeds it has.
        planner: ``"plain"`` or ``"ours"``.
        cell: the chosen one of :data:`CELLS`.
        horizon: the chosen one of ``horizons``.
    """
    suffix = "_plain" if planner == "plain" else ""

    def at(name: str, T: int) -> Mapping:
        return metrics[f"success_{name}_T{T}{suffix}"]

    here = {name: at(name, horizon) for name in CELLS}
    chosen, place = here[cell], list(CELLS).index(cell)
    numbers = {
        "bars": [row["mean"] for row in here.values()],
        "intervals": upright(range(len(CELLS)), here.values()),
        "seeds": (
            [k + 0.22 for k, row in enumerate(here.values()) for _ in row["values"]],
            [v for row in here.values() for v in row["values"]],
        ),
        "chosen bar": (
            place + 0.36 * np.array([-1, -1, 1, 1]),
            [0, chosen["mean"], chosen["mean"], 0],
        ),
        "chosen line": (horizons, [at(cell, T)["mean"] for T in horizons]),
        "chosen intervals": upright(horizons, [at(cell, T) for T in horizons]),
        "now": ([horizon], [chosen["mean"]]),
    }
    for k, (name, row) in enumerate(here.items()):
        top = min(1.0, max(row["high"], *row["values"]))
        numbers[f"share {name}"] = (k, top, f"{100 * row['mean']:.0f} %")
        numbers[f"line {name}"] = (horizons, [at(name, T)["mean"] for T in horizons])
    for name, height in apart({name: at(name, horizons[-1])["mean"] for name in CELLS}, 0.075).items():
        numbers[f"name {name}"] = (horizons[-1], height, name)
    others = ", ".join(f"{name} {100 * row['mean']:.0f} %" for name, row in here.items() if name != cell)
    interval = f"{100 * max(0.0, chosen['low']):.0f} to {100 * min(1.0, chosen['high']):.0f} %"
    caption = (
        f"{'The plain' if planner == 'plain' else 'Our'} planner, looking {horizon} steps ahead. Cell “{cell}”: "
        f"{100 * chosen['mean']:.0f} % of starts arrive (95 % interval over {seeds} seeds: {interval}); "
        f"the others: {others}. Recorded; dots are seeds."
    )
    return numbers, caption
