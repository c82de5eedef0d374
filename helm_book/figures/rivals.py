"""Planners against one another: what they reach for as many imagined plans, and for as much time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helm_book.figures.intervals import upright
from helm_book.figures.style import COLORS, apart, label_line, panels

RIVAL_COLORS = {"gradient": "contrastive", "cross_entropy": "helm", "path_integral": "both", "shooting": "report"}
"""Colour of each planner, by its name in the palette."""

RIVAL_NAMES = {
    "gradient": "gradient",
    "cross_entropy": "cross-entropy",
    "path_integral": "path integral",
    "shooting": "random plans",
}
"""Each planner as figures and prose call it."""

SHARES = ([0, 0.25, 0.5, 0.75, 1.0], ["0", "25 %", "50 %", "75 %", "100 %"])
LEAST = 1e-6
"""Shares of avoidable cost below this are drawn there."""

TIMES = (0.5, 400.0)
"""Milliseconds at the ends of the right panel of :func:`build_rivals`."""


def build_rivals(figure: Figure, budgets: Sequence[int]) -> dict:
    """Success against imagined plans, and against time, a line a planner; returns the artists that move."""
    left, right = panels(figure, 2)
    artists = {}
    for name, color in RIVAL_COLORS.items():
        color = COLORS[color]
        for side, axes in (("plans", left), ("time", right)):
            (artists[f"{name} {side}"],) = axes.plot([], [], color=color, marker="o", markersize=6)
        (artists[f"{name} intervals"],) = left.plot([], [], color=color, linewidth=1.2)
        artists[f"{name} name"] = left.annotate(
            "",
            (budgets[-1], 1),
            xytext=(8, 0),
            textcoords="offset points",
            color=color,
            va="center",
            fontsize=9,
            fontweight="bold",
        )
    (artists["greedy"],) = left.plot([], [], color=COLORS["neither"], linestyle=":", linewidth=1.5)
    artists["greedy name"] = left.annotate(
        "",
        (budgets[-1], 0),
        xytext=(8, 0),
        textcoords="offset points",
        color=COLORS["neither"],
        va="center",
        fontsize=9,
        fontweight="bold",
    )
    left.set(xscale="log", xlim=(budgets[0] * 0.8, budgets[-1] * 7), xlabel="plans imagined a decision, T calls each")
    left.set_xticks(budgets, [str(budget) for budget in budgets])
    left.minorticks_off()
    right.set(xscale="log", xlim=TIMES, xlabel="milliseconds a decision")
    right.set_xticks([1, 10, 100], ["1", "10", "100"])
    for axes in (left, right):
        axes.set(ylim=(0, 1.34))
        axes.set_yticks(*SHARES)
    left.set_title("share of starts that arrive")
    right.set_title("the same, against time")
    return artists


def move_rivals(
    metrics: Mapping[str, Mapping], budgets: Sequence[int], seeds: int, model: str, horizon: int
) -> tuple[dict, str]:
    """Numbers for :func:`build_rivals`, and the caption, for one of the record's models and horizons."""
    numbers, ends, said = {}, {}, []
    for name in RIVAL_COLORS:
        rows = [metrics[f"success_{name}_{model}_T{horizon}_B{budget}"] for budget in budgets]
        times = [metrics[f"milliseconds_{name}_{model}_T{horizon}_B{budget}"]["mean"] for budget in budgets]
        means = [row["mean"] for row in rows]
        numbers[f"{name} plans"] = (budgets, means)
        numbers[f"{name} time"] = (np.clip(times, *TIMES), means)
        numbers[f"{name} intervals"] = upright(budgets, rows)
        ends[name] = means[-1]
        shares = ", ".join(f"{100 * mean:.0f}" for mean in means)
        said.append(f"{RIVAL_NAMES[name]} {shares} % ({times[-1]:.0f} ms at {budgets[-1]})")
    greedy = ends["greedy"] = metrics[f"success_greedy_{model}"]["mean"]
    for name, height in apart(ends, 0.09).items():
        numbers[f"{name} name"] = (budgets[-1], height, RIVAL_NAMES.get(name, "greedy"))
    numbers["greedy"] = ([budgets[0] * 0.8, budgets[-1]], [greedy, greedy])
    plans = ", ".join(map(str, budgets))
    return numbers, (
        f"Model “{model}”, plans of {horizon} steps, a model call each; {plans} plans a decision: "
        + "; ".join(said)
        + f". Greedy: {100 * greedy:.0f} %. Recorded; n = {seeds} seeds, 95 % intervals."
    )


def show_excess(axes: Axes, metrics: Mapping[str, Mapping], controls: int, horizons: Sequence[int]) -> Axes:
    """How much avoidable cost each search leaves, at least :data:`LEAST`, against the numbers that a plan has."""
    sizes = [controls * horizon for horizon in horizons]
    for name, color in RIVAL_COLORS.items():
        rows = [metrics[f"excess_{name}_A{controls}_T{horizon}"] for horizon in horizons]
        means = [max(row["mean"], LEAST) for row in rows]
        low = [max(row["low"], min(row["values"]), LEAST) for row in rows]
        axes.fill_between(
            sizes, low, [max(row["high"], LEAST) for row in rows], color=COLORS[color], alpha=0.18, linewidth=0
        )
        axes.plot(sizes, means, color=COLORS[color], marker="o", markersize=5)
    axes.set(xscale="log", yscale="log", xlabel="numbers in a plan", ylim=(0.4 * LEAST, 2.5))
    axes.set_xticks(sizes[::2], [str(size) for size in sizes[::2]])
    axes.minorticks_off()
    axes.set_title(f"{controls} number{'s' if controls > 1 else ''} a step")
    return axes


def name_excess(axes: Axes, metrics: Mapping[str, Mapping], controls: int, horizons: Sequence[int]) -> None:
    """Write the planners' names at the right ends of the lines of :func:`show_excess`."""
    ends = {name: max(metrics[f"excess_{name}_A{controls}_T{horizons[-1]}"]["mean"], LEAST) for name in RIVAL_COLORS}
    decades = {name: float(np.log10(end)) for name, end in ends.items()}
    for name, raised in apart(decades, 0.4).items():
        lift = 30.0 * (raised - decades[name])  # points a decade
        label_line(axes, controls * horizons[-1], ends[name], RIVAL_NAMES[name], COLORS[RIVAL_COLORS[name]], lift=lift)
