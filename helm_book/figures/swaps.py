"""What a gradient at a corner of the simplex is worth: how well it ranks swaps, and who arrives by asking it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helm_book.figures.intervals import upright
from helm_book.figures.rivals import SHARES
from helm_book.figures.style import COLORS, HALO, apart, label_line, panels

ASKED_COLORS = {"gradient": "contrastive", "guided": "flat", "unguided": "neither", "cross_entropy": "helm"}
"""Colour of each planner, by its name in the palette."""

ASKED_NAMES = {
    "gradient": "followed",
    "guided": "asked",
    "unguided": "by chance",
    "cross_entropy": "cross-entropy",
}
"""Each planner as figures and prose call it, by what it does with a gradient, or that it has none."""

LONGEST = 4.3
"""Steps divided by the geodesic distance at the upper end of the right panel of :func:`build_asked`."""


def show_ranking(axes: Axes, metrics: Mapping[str, Mapping], horizons: Sequence[int]) -> Axes:
    """Rank correlation of first-order with true changes of the cost against the horizon, a line a model."""
    for name, label in (("both", "both pillars"), ("contrastive", "contrastive only")):
        rows = [metrics[f"rank_correlation_{name}_T{horizon}"] for horizon in horizons]
        means, color = [row["mean"] for row in rows], COLORS[name]
        axes.fill_between(
            horizons, [row["low"] for row in rows], [row["high"] for row in rows], color=color, alpha=0.2, linewidth=0
        )
        axes.plot(horizons, means, color=color, marker="o", markersize=6)
        label_line(axes, horizons[-1], means[-1], label, color)
    axes.axhline(0, color=COLORS["faint"], linewidth=1, zorder=0)
    axes.set(xlabel="steps in a plan", xticks=horizons, xlim=(0, 84), ylim=(-0.1, 1.02))
    axes.set_title("rank correlation, first-order and true change")
    return axes


def build_asked(figure: Figure) -> dict:
    """Who arrives, and by which ways, from nothing and from the last plan, a line a planner; returns the artists."""
    left, right = panels(figure, 2)
    artists = {}
    for name, color in ASKED_COLORS.items():
        for side, axes in (("share", left), ("path", right)):
            (artists[f"{name} {side}"],) = axes.plot([], [], color=COLORS[color], marker="o", markersize=7)
            (artists[f"{name} {side} interval"],) = axes.plot([], [], color=COLORS[color], linewidth=1.2)
        artists[f"{name} name"] = left.annotate(
            "",
            (1, 1),
            xytext=(12, 0),
            textcoords="offset points",
            color=COLORS[color],
            va="center",
            fontsize=9,
            fontweight="bold",
            path_effects=HALO,
        )
    for axes in (left, right):
        axes.set_xticks([0, 1], ["from nothing", "from the\nlast plan"])
    left.set(xlim=(-0.3, 2.3), ylim=(0, 1.3))
    left.set_yticks(*SHARES)
    left.set_title("share of starts that arrive")
    right.set(xlim=(-0.3, 1.3), ylim=(0.9, LONGEST))
    right.set_title("steps ÷ fewest possible")
    return artists


def move_asked(metrics: Mapping[str, Mapping], seeds: int, model: str, horizon: int, budget: int) -> tuple[dict, str]:
    """Numbers for :func:`build_asked`, and the caption, for one of the record's models, horizons and budgets."""
    numbers, ends, said = {}, {}, []
    for place, name in enumerate(ASKED_COLORS):
        keys = [f"{name}_{model}_T{horizon}_B{budget}{suffix}" for suffix in ("", "_kept")]
        beside = [at + 0.03 * (place - 1.5) for at in (0, 1)]  # intervals would hide one another
        for side, measure, top in (("share", "success", 1.0), ("path", "path_ratio", LONGEST)):
            rows = [metrics[f"{measure}_{key}"] for key in keys]
            numbers[f"{name} {side}"] = (beside, [min(row["mean"], top) for row in rows])
            numbers[f"{name} {side} interval"] = upright(beside, rows, bounds=(0.0, top))
        shares = [100 * metrics[f"success_{key}"]["mean"] for key in keys]
        paths = [metrics[f"path_ratio_{key}"]["mean"] for key in keys]
        spent = metrics[f"milliseconds_{keys[1]}"]["mean"]
        ends[name] = shares[1] / 100
        said.append(
            f"{ASKED_NAMES[name].capitalize()}: {shares[0]:.0f} → {shares[1]:.0f} % arrive, path {paths[0]:.2f} → "
            f"{paths[1]:.2f}, {spent:.0f} ms."
        )
    for name, height in apart(ends, 0.09).items():
        numbers[f"{name} name"] = (1, height, ASKED_NAMES[name])
    return numbers, (
        f"Model “{model}”, {budget} plans of {horizon} steps a decision; from nothing → from the last plan. "
        f"{' '.join(said)} (Path: steps ÷ fewest, of those that arrive; time of a decision from the last plan.) "
        f"Recorded; n = {seeds} seeds, 95 % intervals."
    )
