"""Figures of *The penalty on paper*: the model that a weight shrinks, and the norms of the trained models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median

from IPython.display import Markdown

from helm_book.explorer import explore_numbers
from helm_book.explorer.controls import in_digits
from helm_book.figures.cliff import NOWHERE, TRAINED, plot_radius
from helm_book.figures.cliff_explorers import in_round_numbers
from helm_book.figures.style import COLORS, is_narrow
from helm_tutorial.cliff.closed_forms import (
    action_jacobian_norms,
    critical_weight,
    lyapunov_limit,
    relative_distance,
    ridge_optimum,
)
from helm_tutorial.cliff.linear_system import LinearSystem, spectral_radius

WEIGHTS = [round(0.001 * k, 3) for k in range(201)]


def explore_shrinkage(true: LinearSystem, trained: Mapping[float, LinearSystem]):
    """Let the reader choose the weight of the exact penalty: radius, error and norm of the model that it leaves.

    Args:
        true: the system.
        trained: penalty weight -> a trained model of the system, drawn as dots.
    """
    critical = critical_weight(true)
    optima = {weight: ridge_optimum(true, weight) for weight in WEIGHTS}
    radii = {weight: spectral_radius(model.W) for weight, model in optima.items()}
    errors = {weight: 100 * relative_distance(model, true) for weight, model in optima.items()}

    def build(figure):
        if is_narrow(figure):
            above, below, norm = figure.subplots(3, 1, height_ratios=(1.1, 0.9, 1.1))
        else:
            places = figure.subplot_mosaic([["above", "norm"], ["below", "norm"]], width_ratios=(1.15, 1))
            above, below, norm = (places[name] for name in ("above", "below", "norm"))
        dots = [(weight, spectral_radius(model.W)) for weight, model in trained.items()]
        plot_radius(above, WEIGHTS, list(radii.values()), critical=critical, trained=dots)
        above.set(ylim=(0.65, 1.35), xlabel="", title="Spectral radius")  # the weight is named below
        above.tick_params(labelbottom=False)
        below.axvspan(0, critical, color=COLORS["flat"], alpha=0.1, linewidth=0)
        below.plot(WEIGHTS, list(errors.values()), color=COLORS["true"])
        below.scatter(list(trained), [100 * relative_distance(model, true) for model in trained.values()], **TRAINED)
        below.set(xlim=(0, 0.2), ylim=(0, 50), xlabel=r"penalty weight $\lambda$", title="One-step error, per cent")
        norm.set(xlim=(0, 50), yscale="log", ylim=(0.3, 1e6), xlabel="horizon $T$", title="Norm of the Jacobian")
        dot = {"color": COLORS["true"], "markersize": 9, "zorder": 4}
        return {
            "radius": above.plot([], [], "o", **dot)[0],
            "error": below.plot([], [], "o", **dot)[0],
            "growing": norm.plot([], [], color=COLORS["flat"])[0],
            "settling": norm.plot([], [], color=COLORS["helm"])[0],
            "limit": norm.plot([], [], color=COLORS["helm"], linewidth=1, linestyle=":")[0],
            "level": norm.annotate("", (50, 1.0), xytext=(0, 5), textcoords="offset points", ha="right", va="bottom"),
        }

    def move(weight):
        radius, error = radii[weight], errors[weight]
        curve = range(1, 51), action_jacobian_norms(optima[weight], 50)
        settles = radius < 1 - 1e-9
        if settles:
            limit = lyapunov_limit(optima[weight])
            fate = f"below 1: the norm levels off at {in_digits(limit)}"
            level = 50, limit, f"limit {in_digits(limit)}"
        elif radius < 1 + 1e-9:
            fate = "the transition itself: the norm has no limit, but grows only as the square root of T"
            level = 50, 10.0, "no limit"
        else:
            fate = f"above 1: the norm has no limit, and at 50 steps it is {in_digits(curve[1][-1])}"
            level = 50, 1.0, ""
        return {
            "radius": ([weight], [radius]),
            "error": ([weight], [error]),
            "growing": NOWHERE if settles else curve,
            "settling": curve if settles else NOWHERE,
            "limit": ([0, 50], [level[1]] * 2) if settles else NOWHERE,
            "level": level,
        }, (
            f"Penalty weight {weight:g}: spectral radius {radius:.3f}, {fate}. "
            f"The price is a relative one-step error of {error:.1f} %."
        )

    return explore_numbers(
        build,
        move,
        {"weight": WEIGHTS},
        start={"weight": 0.05},
        title="From expansive to contracting: the penalty weight",
        labels={"weight": "penalty weight"},
        figsize=(7.2, 4.4),
        narrow=(3.4, 5.4),
        drag={"radius": ("weight", None), "error": ("weight", None)},
    )


def least_ratio(record: Mapping, above: str, below: str) -> float:
    """Smallest ratio of two metrics of one seed."""
    values = (record["metrics"][name]["values"] for name in (above, below))
    return min(a / b for a, b in zip(*values, strict=True))


def network_numbers(record: Mapping) -> dict[str, float]:
    """How the report's two figures compare with the ReLU networks of ``exp1``.

    Returns:
        ``networks``: of each kind. ``below_flat`` and ``below_printed``: networks below the report's figure.
        ``lowered``: seeds on which the printed penalty lowers the measure. ``middle``, ``least`` and ``most``: median,
        smallest and largest factor over seeds. ``reported``: the report's factor.
    """
    flat, printed = (record["metrics"][f"jacobian_{name}_relu_T50"] for name in ("flat", "helm"))
    factors = [a / b for a, b in zip(flat["values"], printed["values"], strict=True)]
    return {
        "networks": len(factors),
        "below_flat": sum(value < flat["reported"] for value in flat["values"]),
        "below_printed": sum(value < printed["reported"] for value in printed["values"]),
        "lowered": sum(factor > 1 for factor in factors),
        "middle": median(factors),
        "least": min(factors),
        "most": max(factors),
        "reported": flat["reported"] / printed["reported"],
    }


def norms_table(record: Mapping) -> Markdown:
    """Norm, spectral radius and one-step error of the linear models of ``exp1``: the range over seeds."""
    rows = ["| linear model | norm at 50 steps | spectral radius | one-step error |", "|---|---|---|---|"]
    for label, name in (("no penalty", "flat"), ("printed penalty", "report"), ("exact penalty", "helm")):
        cells = [
            _span(record["metrics"].get(f"{quantity}_{name}{end}"), words)
            for quantity, end, words in (
                ("jacobian", "_T50", in_round_numbers),
                ("spectral_radius", "", "{:.2f}".format),
                ("one_step_error", "", "{:.1%}".format),
            )
        ]
        rows.append(f"| {label} | {' | '.join(cells)} |")
    return Markdown("\n".join(rows))


def _span(metric: Mapping | None, words: Callable[[float], str]) -> str:
    """Smallest and largest value over seeds, as ``words`` writes a number."""
    if metric is None:
        return "not recorded"
    low, high = (words(value).replace("%", " %") for value in (min(metric["values"]), max(metric["values"])))
    return low if low == high else f"{low.removesuffix(' %')} to {high}"
