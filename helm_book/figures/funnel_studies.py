"""Figures of chapter 2's studies: shares over seeds, what a fit keeps, coverage against dimension."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from helm_book.figures.style import COLORS


def plot_kept(axes: Axes, rows: Sequence[tuple[str, str, Sequence[float], Sequence[float]]]) -> Axes:
    """How much of the slow and of the fast ripples each function keeps, in per cent, one dot a seed.

    Args:
        axes: where to draw.
        rows: label, colour name, fraction of the slow and of the fast ripples kept, one number a seed each.
    """
    for row, (_, color, slow, fast) in enumerate(rows):
        for values, shift, marker, face in ((slow, -0.16, "o", COLORS[color]), (fast, 0.16, "s", "white")):
            percent = [100.0 * value for value in values]
            axes.plot(
                percent, [row + shift] * len(percent), marker, color=COLORS[color], markerfacecolor=face, markersize=6
            )
            if row == 0:
                axes.annotate(
                    "slow ripples" if face != "white" else "fast ripple",
                    (max(percent), row + shift),
                    xytext=(9, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=9,
                )
    axes.set_yticks(range(len(rows)), [row[0] for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    highest = 100.0 * max(max(*slow, *fast) for _, _, slow, fast in rows)
    axes.axvline(0.0, color=COLORS["faint"], linewidth=1)
    axes.set_xlim(-0.08 * highest, 1.12 * highest)
    axes.set_xlabel("amplitude kept, %")
    return axes


def plot_dimensions(
    axes: Axes, dimensions: Sequence[int], curves: Sequence[tuple[str, str, str, Sequence[Sequence[float]]]]
) -> Axes:
    """Coverage against dimension: a line through the means, one dot a seed.

    Args:
        axes: where to draw.
        dimensions: along the axis, evenly spaced as powers of 2.
        curves: label, colour name, line style, and for each dimension the coverage of each seed.
    """
    ends = []
    for label, color, style, values in curves:
        means = [100.0 * sum(seeds) / len(seeds) for seeds in values]
        axes.plot(dimensions, means, style, color=COLORS[color], linewidth=1.6)
        for dimension, seeds in zip(dimensions, values, strict=True):
            axes.plot(
                [dimension] * len(seeds), [100.0 * seed for seed in seeds], "o", color=COLORS[color], markersize=4
            )
        ends.append((means[-1], label, color))
    ends.sort()
    heights, gap = [], 8.5  # so that labels of lines that end together do not overlap, nor stand above the axes
    for end, _, _ in ends:
        heights.append(max(end, heights[-1] + gap) if heights else end)
    top = 102.0 + gap
    for index in reversed(range(len(heights))):
        top = heights[index] = min(heights[index], top - gap)
    for height, (end, label, color) in zip(heights, ends, strict=True):
        axes.annotate(
            label, (dimensions[-1], end), xytext=(dimensions[-1] * 1.13, height), va="center", fontsize=9,
            color=COLORS[color], fontweight="bold", annotation_clip=False,
        )  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_xticks(dimensions, [str(dimension) for dimension in dimensions])
    axes.minorticks_off()
    axes.set_ylim(-3, 106)
    axes.set_xlabel("dimension $d$")
    axes.set_ylabel("coverage, %")
    return axes
