"""Figures of chapter 2's studies: shares over seeds, what a fit keeps, coverage against dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from IPython.display import Markdown
from matplotlib.axes import Axes

from helm_book.figures.style import COLORS
from helm_study import records
from helm_study.words import in_points, in_words
from helm_tutorial.funnel.descent import arrived, descend, start_grid
from helm_tutorial.funnel.landscape import report_energy


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


def two_goals() -> dict[str, float]:
    """Return where the energy itself is lowest.

    Returns:
        ``away``: distance of a lowest point from the bowl's centre. ``deep``: its energy. ``top``: a bound on the
        curvature of the energy.
    """
    energy, fine = report_energy(), start_grid(points=400).double()
    lowest = descend(energy, fine[energy(fine).argmin()][None], steps=300, step_size=0.02)[:, -1]
    return {"away": float(lowest.norm()), "deep": float(energy(lowest)), "top": energy.highest_curvature()}


def overlong_steps() -> dict[str, float]:
    """Return the least and the greatest coverage with the report's overlong step, as ``least`` and ``most``.

    The starts are shifted by billionths: descent leaps from hollow to hollow, so coverage depends on rounding.
    """
    shares = []
    for shift in range(5):
        ends = descend(report_energy(), start_grid().double() + shift * 1e-9, steps=100, step_size=0.1)[:, -1]
        shares.append(float(arrived(ends).double().mean()))
    return {"least": min(shares), "most": max(shares)}


def noise_gain(record: Mapping) -> str:
    """Return by how many points noise on a plan helps descent, with its interval, paired by seed.

    Args:
        record: the record of ``plans``.
    """
    return in_points(records.paired(record["metrics"], "success_plan_mollified", "success_plan_raw"), " points")


COVERED = {
    "network fitted to the energy": ("flat", "flat"),
    "invariance, the report's setting": ("helm_recipe", "helm_recipe"),
    "invariance, this chapter's setting": ("helm", "helm"),
    "Gaussian mollification": ("gaussian", "gaussian"),
    "coarse to fine": ("coarse_to_fine", "coarse_to_fine"),
}
"""Landscape -> its names in the record: of coverage, and of the share led to a global minimum."""


def coverage_table(record: Mapping, raw: float) -> Markdown:
    """Table of coverage and of the share of starts led to a global minimum, by landscape, over seeds.

    Args:
        record: the record of ``exp2``.
        raw: coverage of the energy itself, with a step that is safe there.
    """
    metrics = record["metrics"]
    head = "| descent on | arrive at the bowl's centre | the report | led to a lowest point |\n|---|---|---|---|\n"
    led = in_words(metrics["global_share_restarts"], ".1%")
    lines = [f"| the energy itself, safe step | **{100 * raw:.1f} %** | | {led} |"]
    for words, (name, led) in COVERED.items():
        found = metrics[f"coverage_{name}"]
        told = "" if found["reported"] is None or name == "helm" else f"{100 * found['reported']:.1f} %"
        share = in_words(metrics[f"global_share_{led}"], ".1%")
        lines.append(f"| {words} | {in_words(found, '.1%')} | {told} | {share} |")
    seeds = record["seeds"]
    note = (
        f"\n\n*Mean over {len(seeds)} seeds ({seeds[0]} to {seeds[-1]}), 95 % CI. Networks and Gaussian: the report's "
        "100 steps of 0.1, safe on smooth landscapes and overlong on the fitted network. Coarse to fine: the derived "
        "schedule of eight levels. For the last column, descent on the energy itself follows.*"
    )
    return Markdown(head + "\n".join(lines) + note)


PLANNED = {
    "raw": "the cost itself, one plan",
    "mollified_half": "noise of width 0.5",
    "mollified": "noise of width 1",
    "mollified_double": "noise of width 2",
    "coarse_to_fine": "noise of width 2, 1, 0.5, then none",
    "restarts": "the cost itself, eight plans, the best kept",
    "search": "random plans, the best kept, no gradient",
}
"""Planner in the record ``plans`` -> what it descends, in words."""


def plans_table(record: Mapping) -> Markdown:
    """Table of the shares of plans that arrive, by planner, over seeds.

    Args:
        record: the record of ``plans``.
    """
    metrics, config = record["metrics"], record["config"]
    head = "| planner: descent on | plans that arrive | cost: last distance only |\n|---|---|---|\n"
    lines = []
    for name, words in PLANNED.items():
        last = metrics.get(f"success_plan_{name}_last")
        shown = in_words(last) if last else "not run"
        lines.append(f"| {words} | {in_words(metrics[f'success_plan_{name}'])} | {shown} |")
    note = (
        f"\n\n*Mean over {len(record['seeds'])} seeds, with a 95 % interval: Student's t over seeds (95 % CI from here "
        f"on). A seed trains a model and plans once from each of {config['starts']} starts; all planners imagine "
        f"{config['budget']} plans of {config['horizon']} actions.*"
    )
    return Markdown(head + "\n".join(lines) + note)
