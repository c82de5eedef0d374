"""Figures of chapter 1 and its pages of Going deeper: spectra, the critical weight, networks, planners, conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown
from matplotlib.axes import Axes

from helm_book.figures.style import COLORS, LABELS
from helm_study.words import in_words
from helm_tutorial.cliff.linear_system import LinearSystem, expansive_system

NOWHERE = [float("nan")], [float("nan")]
"""What a curve of an explorer gets where it shows nothing."""

TRAINED = {"s": 40, "facecolor": "white", "edgecolor": COLORS["true"], "linewidth": 1.5, "zorder": 3}
"""How the dots of trained models look on a closed-form curve."""


def drawn_system(*, low: float = 1.1, high: float = 1.3, num_actions: int = 1, coupling: float = 0.0) -> LinearSystem:
    """The system of seed 0 with eigenvalues from ``low`` to ``high``, four dimensions, float64."""
    generator = torch.Generator().manual_seed(0)
    return expansive_system(generator, low=low, high=high, num_actions=num_actions, coupling=coupling)


def plot_spectra(axes: Axes, spectra: Mapping[str, Sequence[float]]) -> Axes:
    """Moduli of eigenvalues, one row a model, with the line at 1 that separates growth from decay.

    Args:
        axes: where to draw.
        spectra: name of a model -> moduli of its eigenvalues.
    """
    names = list(spectra)
    for row, name in enumerate(names):
        moduli = list(spectra[name])
        axes.scatter(moduli, [row] * len(moduli), s=60, color=COLORS[name], zorder=3)
    axes.axvline(1.0, color=COLORS["goal"], linewidth=1)
    axes.set_yticks(range(len(names)), [LABELS[name] for name in names])
    for tick, name in zip(axes.get_yticklabels(), names, strict=True):
        tick.set_color(COLORS[name])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("modulus of each eigenvalue (right of the line: grows at every step)")
    return axes


def plot_radius(
    axes: Axes,
    weights: Sequence[float],
    radii: Sequence[float],
    *,
    critical: float,
    trained: Sequence[tuple[float, float]] = (),
) -> Axes:
    """Spectral radius against the penalty weight, and where it crosses 1: to the left the norm has no limit.

    Args:
        axes: where to draw.
        weights: penalty weights.
        radii: spectral radius of the closed-form optimum at each.
        critical: the weight of the phase transition.
        trained: weight and spectral radius of trained models, drawn as dots.
    """
    axes.axvspan(min(weights), critical, color=COLORS["flat"], alpha=0.1, linewidth=0)
    axes.axhline(1.0, color=COLORS["goal"], linewidth=1)
    axes.plot(weights, radii, color=COLORS["helm"])
    if trained:
        axes.scatter(*zip(*trained, strict=True), **TRAINED)
        axes.annotate("trained", trained[0], xytext=(7, 3), textcoords="offset points", fontsize=9)
    low = axes.get_xaxis_transform()  # along the foot of the picture
    foot = {"xycoords": low, "textcoords": "offset points", "fontsize": 9}
    axes.annotate("expansive", (critical, 0.0), xytext=(-5, 5), ha="right", color=COLORS["flat"], **foot)
    axes.annotate("contracting", (critical, 0.0), xytext=(5, 5), color=COLORS["helm"], **foot)
    mark = rf"$\lambda^* = {critical:.3f}$"
    axes.annotate(mark, (critical, 1.0), xytext=(6, 6), textcoords="offset points", color=COLORS["goal"])
    axes.set_xlim(min(weights), max(weights))
    axes.set_xlabel(r"penalty weight $\lambda$")
    return axes


def plot_shares(axes: Axes, rows: Sequence[tuple[str, str, Sequence[float], float | None]]) -> Axes:
    """Share of values below each level, a staircase a row on a logarithmic axis, with the report's figure marked on it.

    Args:
        axes: where to draw.
        rows: label, colour name, values, the report's figure or ``None``.
    """
    everything = [value for row in rows for value in row[2]]
    low, high = min(everything) / 30, max(everything) * 3  # room for a name at the left
    for row, (label, color, values, reported) in enumerate(rows):
        rising = sorted(values)
        shares = [100 * k / len(rising) for k in range(len(rising) + 1)]
        axes.step([low, *rising, high], [*shares, 100.0], where="post", color=COLORS[color])
        middle = (row + 1) * len(rising) // (len(rows) + 1)  # names at different heights, on either side in turn
        axes.annotate(
            label,
            (rising[middle], shares[middle]),
            xytext=(8 if row % 2 else -8, 4),
            textcoords="offset points",
            ha="left" if row % 2 else "right",
            color=COLORS[color],
            fontweight="bold",
        )
        if reported is not None:
            below = 100 * sum(value < reported for value in rising) / len(rising)
            axes.plot([reported], [below], "x", color=COLORS["true"], markersize=9, markeredgewidth=2, zorder=4)
            axes.annotate(
                f"report: {reported:g}", (reported, below), xytext=(8, -12), textcoords="offset points", fontsize=9
            )
    axes.set(xscale="log", xlim=(low, high), ylim=(0, 103), ylabel="networks below, per cent")
    return axes


def plot_report_networks(axes: Axes, record: Mapping) -> Axes:
    """Share of the report's networks below each level of its measure, without a penalty and with either one.

    Args:
        axes: where to draw.
        record: the record of ``exp1``.
    """
    kinds = (("exact penalty", "helm", "exact"), ("printed penalty", "report", "helm"), ("no penalty", "flat", "flat"))
    found = {kind: record["metrics"][f"jacobian_{kind}_relu_T50"] for _, _, kind in kinds}
    rows = [(label, color, found[kind]["values"], found[kind]["reported"]) for label, color, kind in kinds]
    plot_shares(axes, rows)
    axes.set_xlabel("norm of the gradient of the summed last state, $T = 50$, one rollout a network")
    axes.set_title(f"The report's measure, {len(record['seeds'])} networks of each kind (recorded)")
    return axes


def show_report_networks(record: Mapping) -> None:
    """Show :func:`plot_report_networks` as a figure of its own."""
    _, axes = plt.subplots(figsize=(7.2, 3.4))
    plot_report_networks(axes, record)
    plt.show()


def report_medians(record: Mapping) -> dict[str, float]:
    """Return the median of the report's measure over the networks of each kind.

    Args:
        record: the record of ``exp1``.

    Returns:
        ``flat``, ``printed`` and ``exact``, for no penalty, the printed and the exact one.
    """
    kinds = {"flat": "flat", "printed": "helm", "exact": "exact"}
    return {name: median(record["metrics"][f"jacobian_{kind}_relu_T50"]["values"]) for name, kind in kinds.items()}


REMEDIES = {
    "gradient descent": ("flat", "gradient", "a backward pass through the rollout a step"),
    "feedback inside the rollout": ("feedback", "feedback", "the same, and one matrix"),
    "**multiple shooting**": ("multiple_shooting", "multiple_shooting", "one-step Jacobians"),
}
"""Planner -> its names in the record, on linear systems and on bent ones, and what it asks of the model."""


def remedies_table(record: Mapping) -> Markdown:
    """Table of the shares of plans of 50 steps that arrive on the true system, by planner, over seeds.

    Args:
        record: the record of ``exp1``.
    """
    metrics = record["metrics"]
    head = "| planner, model, 50 steps | linear, four actions | bent, four actions | what it asks of the model |\n"
    lines = [
        f"| {planner}, true model | {in_words(metrics[f'plan_success_system_{name}_T50_A4'])} | "
        f"{in_words(metrics[f'plan_success_bent_{bent}_T50'])} | {asks} |"
        for planner, (name, bent, asks) in REMEDIES.items()
    ]
    helm = in_words(metrics["plan_success_system_helm_T50_A4"])
    lines.insert(1, f"| gradient descent, HELM model | {helm} | not run | the same |")
    seeds, settings = record["seeds"], record["config"]
    note = (
        f"\n\n*Mean over {len(seeds)} seeds ({seeds[0]} to {seeds[-1]}), with a 95 % interval: Student's t over seeds "
        f"(95 % CI from here on). A seed has {settings['trials']} tasks on a linear system of {settings['dimension']} "
        f"dimensions and {settings['bent_trials']} on a bent one.*"
    )
    return Markdown(head + "|---|---|---|---|\n" + "\n".join(lines) + note)


def plot_conditions(
    axes: Axes, horizons: Sequence[int], curves: Sequence[tuple[str, str, Sequence[float], Sequence[float]]]
) -> Axes:
    """Condition numbers over the horizon, logarithmic: measured as lines, bounds as dots.

    Args:
        axes: where to draw.
        horizons: the horizons.
        curves: label, colour name, measured values, bounds.
    """
    for label, color, values, bounds in curves:
        axes.semilogy(horizons, values, color=COLORS[color])
        axes.semilogy(horizons, bounds, ":", color=COLORS[color], linewidth=1.5)
        axes.annotate(
            label,
            (horizons[-1], values[-1]),
            xytext=(-2, 6),
            textcoords="offset points",
            ha="right",
            color=COLORS[color],
            fontweight="bold",
        )
    axes.set(xlabel="horizon $T$", ylabel="condition number")
    return axes
