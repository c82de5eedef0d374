"""Figures of the page on nine models: which fails how, what each advises, and what the spectral penalty does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from IPython.display import Markdown
from matplotlib.figure import Figure
from torch import Tensor

from helm_book.explorer import explore_numbers
from helm_book.figures.directed import show_measures
from helm_book.figures.grid import show_advice
from helm_book.figures.style import COLORS, is_narrow
from helm_study import records
from helm_study.words import formatted, in_points, in_words
from helm_tutorial.models.settings import Settings
from helm_tutorial.worlds.gridworld import ACTIONS, Gridworld, goal_distances

NAMES = {
    "reconstruction": "reconstruction",
    "variance_covariance": "variance-covariance",
    "variance_covariance_spectral": "variance-covariance with the penalty",
    "latent_prediction": "latent prediction",
    "latent_prediction_unstopped": "latent prediction without stop-gradient",
    "reconstruction_profiles": "reconstruction of rows and columns",
    "reconstruction_spectral_profiles": "reconstruction of rows and columns with the penalty",
    "latent_prediction_profiles": "latent prediction of rows and columns",
    "latent_prediction_unstopped_profiles": "latent prediction of rows and columns without stop-gradient",
}
"""The world models of ``exp3`` as tables name them."""

ROWS = [
    ("reconstruction", "reconstruction", "reconstruction"),
    ("variance_covariance", "variance-covariance", "variance_covariance"),
    ("variance_covariance_spectral", "… with the penalty", "helm"),
    ("latent_prediction", "latent prediction", "latent_prediction"),
    ("latent_prediction_unstopped", "… no stop-gradient", "neither"),
    ("reconstruction_profiles", "rows: reconstruction", "reconstruction"),
    ("reconstruction_spectral_profiles", "… with the penalty", "helm"),
    ("latent_prediction_profiles", "rows: latent prediction", "latent_prediction"),
    ("latent_prediction_unstopped_profiles", "… no stop-gradient", "neither"),
]
MEASURES = {
    "latent_spread_{}": ("spread over untrained", None),
    "effective_rank_{}": ("effective rank", (0, 33)),
    "prediction_accuracy_{}": ("prediction accuracy", (-0.03, 1.03)),
    "rollout_accuracy_{}_T12": ("the same after 12 steps", (-0.03, 1.03)),
    "rollout_jacobian_{}_T25": ("Jacobian, T = 25", None),
    "metric_correlation_{}": ("rank correlation", (-0.1, 1.03)),
    "descent_share_{}": ("descent share", (-0.03, 1.03)),
    "greedy_accuracy_{}": ("best-looking action", (-0.03, 1.03)),
}
IDENTITY = Settings().latent ** 0.5
"""Frobenius norm of the identity on the latents."""


def plot_measures(figure: Figure, record: Mapping, *, blind: float) -> Figure:
    """Eight measures of the nine models of ``exp3``, a dot for each seed.

    Args:
        figure: where to draw.
        record: a record of ``exp3``.
        blind: share of the starts from which a blind guess is right, a dashed line.
    """
    grid = figure.subplots(4, 2)
    show_measures(grid.flat, record["metrics"], ROWS, MEASURES)
    figure.get_layout_engine().set(hspace=0.05, wspace=0.06)
    for axes, pattern in zip(grid.flat, MEASURES, strict=True):
        if pattern.startswith(("latent_spread", "rollout_jacobian")):
            axes.set_xscale("log")
    grid.flat[-1].axvline(blind, color="#888888", linestyle="--", linewidth=1)
    return figure


PATHOLOGIES: dict[str, tuple[str, str, Callable[[float], bool]]] = {
    "shrunk": ("spread below half of the untrained", "latent_spread_{}", lambda x: x < 0.5),
    "cannot tell states apart": ("prediction accuracy below 99 %", "prediction_accuracy_{}", lambda x: x < 0.99),
    "loses its way in imagination": (
        "accuracy after 12 steps below 90 %",
        "rollout_accuracy_{}_T12",
        lambda x: x < 0.9,
    ),
    "expansive": ("Jacobian above that of the identity", "rollout_jacobian_{}_T25", lambda x: x > IDENTITY),
    "out of order": ("rank correlation below 0.5", "metric_correlation_{}", lambda x: x < 0.5),
    "points astray": (
        "best-looking action wrong from more than a tenth of the starts",
        "greedy_accuracy_{}",
        lambda x: x < 0.9,
    ),
}
"""What can be wrong with a model: what that means, a metric, and the values of its mean that are wrong."""


def ill(record: Mapping, pathology: str) -> set[str]:
    """Names of the models of ``exp3`` that have one of :data:`PATHOLOGIES`, in the mean over seeds."""
    _, pattern, wrong = PATHOLOGIES[pathology]
    return {name for name in NAMES if wrong(record["metrics"][pattern.format(name)]["mean"])}


def pathology_table(record: Mapping) -> Markdown:
    """Which of the nine models has which of the six pathologies, and what each pathology means."""
    found = {name: ill(record, name) for name in PATHOLOGIES}
    rows = [f"| | {' | '.join(PATHOLOGIES)} |", "|---|" + "---|" * len(PATHOLOGIES)]
    for name, label in NAMES.items():
        rows.append(f"| {label} | {' | '.join('✗' if name in who else '' for who in found.values())} |")
    meanings = "; ".join(f"*{name}*: {meaning}" for name, (meaning, _, _) in PATHOLOGIES.items())
    return Markdown("\n".join(rows) + f"\n\nA cross means, in the mean over seeds: {meanings}.")


# ---------------------------------------------------------------- advice


def right(world: Gridworld, actions: Tensor) -> Tensor:
    """Whether each state's action is the first of a shortest path to the goal, shape ``(N,)``."""
    to_goal = goal_distances(world)
    return to_goal[world.transitions.gather(1, actions[:, None])[:, 0]] < to_goal


def explore_advice(world: Gridworld, advice: Mapping[tuple[str, str], Tensor]):
    """Let the reader compare what models and rules advise in each state of a room.

    Args:
        world: the room.
        advice: ``(model, way of asking)`` -> an action for each state, shape ``(N,)``; every model is asked in every
            way.
    """
    models, ways = (list(dict.fromkeys(key[place] for key in advice)) for place in (0, 1))
    off = goal_distances(world) > 0
    colours = {"wrong": COLORS["flat"], "right": COLORS["true"]}

    def build(figure):
        axes = figure.subplots()
        nobody = torch.full((world.num_states,), -1)
        show_advice(axes, world, nobody, nobody > 0, title="Action advised in each state", mark=int(world.goals[0]))
        artists = {
            name: axes.plot([], [], color=color, linewidth=1.2 if is_narrow(figure) else 1.6, zorder=4)[0]
            for name, color in colours.items()
        }
        low, high = axes.get_ylim()[0], axes.get_ylim()[1]
        axes.set_ylim(low + 0.8, high)
        words = {"va": "top", "fontsize": 9, "weight": "bold"}
        axes.text(0.6, 6.65, "on a shortest path", color=colours["right"], **words)
        axes.text(6.4, 6.65, "on none", color=colours["wrong"], ha="right", **words)
        return artists

    def move(model, way):
        actions = advice[model, way]
        good = right(world, actions)
        share = float(good[world.starts].float().mean())
        return {
            "right": arrows(world, actions, off & good),
            "wrong": arrows(world, actions, off & ~good),
        }, f"{way}, {model}: the action is on a shortest path from {100 * share:.0f} % of the starts."

    return explore_numbers(
        build,
        move,
        {"model": models, "way": ways},
        start={"model": models[0], "way": ways[1]},
        title="Which way?",
        labels={"way": "advice by"},
        figsize=(5.2, 4.9),
        narrow=(3.4, 3.6),
    )


def arrows(world: Gridworld, actions: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
    """One line, with gaps, that draws an arrow for each state of ``which``, as :func:`show_advice` places them."""
    ways = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    turn = torch.tensor([-1, 1, 0])  # left, right, forward
    heading = world.headings[which]
    way = ways[(heading + turn[actions[which]]) % 4]
    across = way.flip(1) * torch.tensor([-1.0, 1.0])
    middle = world.positions[which] + 0.3 * ways[heading]
    tip, tail = middle + 0.15 * way, middle - 0.15 * way
    barbs = [tip - 0.11 * way + side * 0.08 * across for side in (1, -1)]
    gap = torch.full_like(tip, torch.nan)
    line = torch.stack([tail, tip, barbs[0], tip, barbs[1], gap], dim=1).flatten(0, 1)
    return line[:, 0], line[:, 1]


def shares_table(record: Mapping, gradient: Mapping[str, float]) -> Markdown:
    """How often a model's advice is right: by the plan's gradient, and by the best-looking next state as recorded.

    Args:
        record: a record of ``exp3``.
        gradient: model -> share of the starts from which the gradient's favourite first action is right, measured
            live.
    """
    rows = [
        f"| share of the starts | {' | '.join(NAMES[name] for name in gradient)} |",
        "|---|" + "---|" * len(gradient),
    ]
    lines = {
        "the gradient's favourite first action is right (seed 0)": [
            f"**{formatted(s, '.0%')}**" for s in gradient.values()
        ]
    }
    for what, pattern in (
        ("the best-looking action is right", "greedy_accuracy_{}"),
        ("some action lowers the distance", "descent_share_{}"),
    ):
        lines[what] = [in_words(record["metrics"][pattern.format(name)]) for name in gradient]
    rows += [f"| {what} | {' | '.join(cells)} |" for what, cells in lines.items()]
    return Markdown("\n".join(rows))


# ---------------------------------------------------------------- the penalty

PAIRS = {
    "variance-covariance, cells": ("variance_covariance", "variance_covariance_spectral"),
    "reconstruction, rows and columns": ("reconstruction_profiles", "reconstruction_spectral_profiles"),
}
BEFORE_AFTER = {
    "Jacobian, T = 25": ("rollout_jacobian_{}_T25", ""),
    "prediction accuracy": ("prediction_accuracy_{}", ".0%"),
    "the same after 12 steps": ("rollout_accuracy_{}_T12", ".0%"),
    "best-looking action right": ("greedy_accuracy_{}", ".0%"),
    "starts that arrive, horizon 12": ("success_{}", ".0%"),
    "steps over shortest path": ("path_ratio_{}", ".2f"),
}


def tamed_table(record: Mapping) -> Markdown:
    """Two models of ``exp3`` without and with the spectral penalty, and the paired change of success."""
    metrics = record["metrics"]
    rows = ["| | without | with the penalty | change, paired |", "|---|---|---|---|"]
    for label, pair in PAIRS.items():
        rows.append(f"| **{label}** | | | |")
        for what, (pattern, style) in BEFORE_AFTER.items():
            plain, tamed = (metrics[pattern.format(name)] for name in pair)
            told = [in_words(cell, style or (".1e" if cell["mean"] > 1000 else ".1f")) for cell in (plain, tamed)]
            gain = ""
            if style == ".0%":
                gain = in_points(records.paired(metrics, pattern.format(pair[1]), pattern.format(pair[0])), " points")
            rows.append(f"| {what} | {' | '.join(told)} | {gain} |")
    return Markdown("\n".join(rows))


def plot_growth(figure: Figure, norms: Mapping[str, tuple[list[int], list[float]]]) -> Figure:
    """Norm of the rollout's Jacobian against the horizon, a line a model, and the identity's norm.

    Args:
        figure: where to draw.
        norms: name of a colour -> horizons and norms.
    """
    axes = figure.subplots()
    for name, (horizons, values) in norms.items():
        axes.semilogy(horizons, values, "o-", color=COLORS[name], markersize=4)
        axes.annotate(
            NAMES[name], (horizons[-1], values[-1]), xytext=(0, 7), textcoords="offset points", color=COLORS[name],
            ha="right", weight="bold",
        )  # fmt: skip
    axes.axhline(IDENTITY, color=COLORS["neither"], linestyle="--", linewidth=1)
    axes.text(1, IDENTITY / 1.3, "identity", color="#666666", va="top", fontsize=9)
    axes.set(xlabel="horizon $T$", ylabel="norm of the Jacobian")
    axes.set_ylim(bottom=IDENTITY / 3)
    return figure


FACE_RIGHT_THEN_GO = tuple(ACTIONS.index(name) for name in ("forward", "left", "left", "right"))
"""Action of the rule that looks at no latent, for each heading: face right, then go."""
