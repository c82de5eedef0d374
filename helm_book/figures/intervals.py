"""Plots of results over seeds: every seed a dot, the mean a bar, its interval a line, the report's figure a mark."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from matplotlib.axes import Axes

from helm_book.figures.style import COLORS, label_line


def show_metrics(
    axes: Axes,
    metrics: Mapping[str, Mapping],
    rows: Sequence[tuple[str, str, str]],
    *,
    xlabel: str,
    title: str = "",
    reported: Collection[str] = (),
) -> Axes:
    """One row a metric, from the ``metrics`` of a record.

    Args:
        axes: where to draw.
        metrics: ``{name: {"values", "mean", "low", "high", "reported"}}`` as ``reproduce`` writes it.
        rows: ``(metric name, label, colour name)``, top to bottom.
        xlabel: the quantity and its unit.
        title: of the axes.
        reported: names of the metrics beside which the report's figure stands, a cross: those that measure what it did.
    """
    for row, (name, _, color) in enumerate(rows):
        metric = metrics[name]
        values = [value for value in metric["values"] if value is not None]
        axes.plot([metric["low"], metric["high"]], [row, row], color=COLORS[color], linewidth=7, alpha=0.25)
        axes.plot(values, [row] * len(values), "o", color=COLORS[color], markersize=5, alpha=0.7, linestyle="none")
        axes.plot([metric["mean"]], [row], "|", color=COLORS[color], markersize=18, markeredgewidth=2.5)
        if name in reported:
            axes.plot([metric["reported"]], [row], "x", color=COLORS["goal"], markersize=8, markeredgewidth=2)
    axes.set(
        yticks=range(len(rows)),
        yticklabels=[label for _, label, _ in rows],
        ylim=(len(rows) - 0.5, -0.5),
        xlabel=xlabel,
        title=title,
    )
    axes.spines["left"].set_visible(False)
    axes.tick_params(left=False)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    return axes


def show_over_horizons(
    axes: Axes,
    metrics: Mapping[str, Mapping],
    pattern: str,
    cells: Sequence[str],
    horizons: Sequence[int],
    *,
    together: str = "",
) -> Axes:
    """A line with whiskers for each cell over horizons, side by side; ``pattern`` has ``{cell}`` and ``{T}`` in it.

    ``together`` is one name for all lines, where they end too near one another for a name each.
    """
    ends, apart = {}, 0.9  # steps between neighbours: whiskers would hide one another
    for place, cell in enumerate(cells):
        rows = [metrics[pattern.format(cell=cell, T=T)] for T in horizons]
        color = COLORS["helm" if cell == "spectral" else cell]
        means = [row["mean"] for row in rows]
        # A mean of norms has an interval that may reach below 0, which a logarithmic axis cannot show.
        low = [max(row["low"], min(v for v in row["values"] if v is not None)) for row in rows]
        beside = [T + apart * (place - (len(cells) - 1) / 2) for T in horizons]
        axes.vlines(beside, low, [row["high"] for row in rows], color=color, linewidth=1.6)
        axes.plot(beside, means, color=color, marker="o", markersize=5, linewidth=1.5)
        if math.isfinite(means[-1]):
            ends[cell] = means[-1]
    last, written = horizons[-1] + apart * (len(cells) - 1) / 2, -math.inf
    if together:
        label_line(axes, last, sum(ends.values()) / len(ends), together, "#444444")
        ends.clear()
    for cell in sorted(ends, key=ends.get):
        # Shares that end within a few points of one another: the upper label moves up, 11 points for 0.06.
        written = max(ends[cell], written + 0.06)
        color = COLORS["helm" if cell == "spectral" else cell]
        label_line(axes, last, ends[cell], cell, color, lift=11.0 * (written - ends[cell]) / 0.06)
    axes.set(xlabel="horizon $T$", xticks=horizons)
    axes.margins(x=0.18)
    return axes


def show_pillars(axes: Axes, metrics: Mapping[str, Mapping], cells: Sequence[str], *, horizon: int) -> Axes:
    """The world models in the plane of the two pillars: rollout Jacobian across, metric alignment up, a dot a seed."""
    for cell in cells:
        jacobian = metrics[f"rollout_jacobian_{cell}_T{horizon}"]["values"]
        alignment = metrics[f"metric_correlation_{cell}"]["values"]
        color = COLORS["helm" if cell == "spectral" else cell]
        axes.plot(jacobian, alignment, "o", color=color, markersize=7, alpha=0.75, linestyle="none")
        at = (math.exp(sum(map(math.log, jacobian)) / len(jacobian)), max(alignment))
        axes.annotate(cell, at, xytext=(0, 8), textcoords="offset points", color=color, ha="center", fontweight="bold")
    axes.set(
        xscale="log",
        ylim=(-0.1, 1.1),
        xlabel=f"norm of the rollout Jacobian over {horizon} steps (tame on the left)",
        ylabel="rank correlation with steps",
    )
    axes.margins(x=0.12)
    return axes


def upright(
    places: Sequence[float], rows: Sequence[Mapping], *, bounds: tuple[float, float] = (0.0, 1.0)
) -> tuple[list, list]:
    """One line's points for intervals, by default of shares: upright from ``low`` to ``high``, gaps between."""
    x = [value for place in places for value in (place, place, math.nan)]
    y = [value for row in rows for value in (max(bounds[0], row["low"]), min(bounds[1], row["high"]), math.nan)]
    return x, y
