"""Figures of the page on discount and temperature: how soon, how warm, and what the latents do beyond the border."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import torch
from IPython.display import Markdown
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from helm_book.explorer import explore_numbers
from helm_book.figures.grid import lanes, show_distance_bands
from helm_book.figures.style import COLORS, is_narrow, panels
from helm_book.figures.tables import moving_table, table_numbers
from helm_study.contrastive import contrastive_ablation as ablation
from helm_study.words import in_words
from helm_tutorial.diagnosis import latent_distances
from helm_tutorial.worlds.gridworld import Gridworld, goal_distances, load_gridworld

TEMPERATURES, GAMMAS = ablation.TEMPERATURES, ablation.GAMMAS
WALK = 50
"""Steps of a random walk of the data."""


def successor_measure(world: Gridworld, gamma: float) -> Tensor:
    """Probability of drawing each state as the positive of each, for walks that never end, shape ``(N, N)``."""
    walk = _random_walk(world)
    return (1 - gamma) * torch.linalg.solve(torch.eye(len(walk)).double() - gamma * walk, walk)


def _random_walk(world: Gridworld) -> Tensor:
    return torch.nn.functional.one_hot(world.transitions).double().mean(dim=1)


def visits(world: Gridworld) -> Tensor:
    """Share that each state has in walks of 50 random steps from uniform starts, shape ``(N,)``."""
    walk = _random_walk(world)
    here, total = torch.full((len(walk),), 1 / len(walk)).double(), 0.0
    for _ in range(WALK):
        here = here @ walk
        total = total + here
    return total / WALK


def span(world: Gridworld, gamma: float) -> float:
    """Widest range of ``log p(y | x) / p(y)`` that any state ``x`` has over all other states ``y``."""
    ratio = (successor_measure(world, gamma) / visits(world)).log()
    own = torch.eye(len(ratio), dtype=torch.bool)
    most, least = (ratio.masked_fill(own, sign * torch.inf).sort(dim=1).values for sign in (-1, 1))
    return float((most[:, -1] - least[:, 0]).max())


@cache
def border() -> tuple[list[float], list[float]]:
    """Discounts, and the temperatures at which the score's span of ``2 / tau`` is the ratio's in the room."""
    world = load_gridworld("MiniGrid-Empty-8x8-v0")
    gammas = torch.linspace(0.01, 0.97, 25).tolist()
    return gammas, [2 / span(world, gamma) for gamma in gammas]


def plot_fall(axes: Axes, steps: Tensor, soon: Tensor, gamma: float) -> Axes:
    """Probability of being a positive against steps: its range over pairs of states, and the two bounds.

    Args:
        axes: where to draw.
        steps: from each state to each other, shape ``(N, N)``.
        soon: the successor measure, shape ``(N, N)``.
        gamma: the discount.
    """
    far = torch.arange(1, int(steps.max()) + 1)
    found = [soon[steps == d] for d in far]
    axes.fill_between(far, [f.min() for f in found], [f.max() for f in found], color=COLORS["contrastive"], alpha=0.3)
    axes.semilogy(far, [f.median() for f in found], "o-", color=COLORS["contrastive"], markersize=4)
    bounds = {"nearest possible": gamma ** (far - 1.0), "one way only": (1 - gamma) * gamma ** (far - 1.0) / 3.0**far}
    for bound in bounds.values():
        axes.semilogy(far, bound, color="#777777", linestyle="--", linewidth=1)
    axes.annotate(
        "upper bound",
        (far[-1], bounds["nearest possible"][-1]),
        xytext=(0, 18),
        textcoords="offset points",
        ha="right",
        color="#666666",
    )
    axes.annotate(
        "lower bound",
        (far[4], bounds["one way only"][4]),
        xytext=(-4, -4),
        textcoords="offset points",
        ha="right",
        va="top",
        color="#666666",
    )
    axes.set(xlabel="steps from $x$ to $y$", ylabel="$p(y \\mid x)$")
    return axes


def plot_bands(sides: Sequence[Axes], steps: Tensor, latents: Mapping[str, Tensor]) -> Sequence[Axes]:
    """Latent distance against steps with one-step and with geometric positives, an axes each.

    Args:
        sides: two axes.
        steps: from each state to each other, shape ``(N, N)``.
        latents: ``one step`` and ``geometric`` -> the latents of all states, shape ``(N, D)``.
    """
    other = ~torch.eye(len(steps), dtype=torch.bool)
    titles = {"one step": ("one step ahead", "report"), "geometric": ("a geometric number ahead", "contrastive")}
    for axes, (name, (title, color)) in zip(sides, titles.items(), strict=True):
        distance = latent_distances(latents[name], latents[name])[other]
        show_distance_bands(axes, steps[other], distance, COLORS[color], title=title)
        axes.set_ylabel("latent distance" if axes is sides[0] else "")
    return sides


MEASURES = {
    "starts that arrive": "success",
    "best action right": "greedy_accuracy",
    "prediction right": "prediction_accuracy",
    "rank correlation": "metric_correlation",
}


def explore_measures(record: Mapping):
    """Let the reader choose a measure and a box of discount and temperature, beside the border of theory.

    Args:
        record: a record of ``ablation``, with its pictures of training.
    """
    metrics, checkpoints = record["metrics"], record["embedding"]["checkpoints"]
    pairs = {(gamma, tau): ablation.label(tau, gamma) for tau in TEMPERATURES for gamma in GAMMAS}
    shares = {
        measure: {pair: metrics[f"{name}_{label}"]["mean"] for pair, label in pairs.items()}
        for measure, name in MEASURES.items()
    }
    courses = {pair: record["embedding"]["runs"][label]["metric_correlation"] for pair, label in pairs.items()}
    places = range(len(checkpoints))  # evenly spaced, as on a scale of ratios

    def build(figure):
        table, course = panels(figure, 2, widths=[1.05, 1], heights=[1.2, 1])
        table.set(xlabel=r"discount $\gamma$", ylabel=r"temperature $\tau$")
        artists = moving_table(table, GAMMAS, TEMPERATURES)
        artists["measure"] = table.text(
            0, 1.03, "", transform=table.transAxes, weight="bold", fontsize=10 if is_narrow(figure) else 11
        )
        dashes = {"linestyle": "--", "zorder": 2, "alpha": 0.8}
        (artists["border"],) = table.plot([], [], color=COLORS["helm"], linewidth=2, **dashes)
        for values in courses.values():
            course.plot(places, values, color=COLORS["faint"], linewidth=0.7)
        shown = places[1::2] if is_narrow(figure) else places
        names = [checkpoints[place] for place in shown]
        course.set(ylim=(-0.1, 1.0), xlabel="updates", xticks=shown, xticklabels=names)
        course.set_title("Rank correlation in training")
        (artists["course"],) = course.plot([], [], "o-", color=COLORS["contrastive"], zorder=3)
        return artists

    def move(measure, temperature, gamma):
        pair = (gamma, temperature)
        chosen = metrics[f"{MEASURES[measure]}_{pairs[pair]}"]
        percent = measure != "rank correlation"
        numbers = table_numbers(GAMMAS, TEMPERATURES, shares[measure], pair)
        low, mean, high = (
            f"{100 * chosen[key]:.0f} %" if percent else f"{chosen[key]:.2f}" for key in ("low", "mean", "high")
        )
        side = "below" if temperature < 2 / span_of(gamma) else "above"
        course, seed = courses[pair], record["embedding"]["seed"]
        words = f"γ = {gamma:g}, τ = {temperature:g}, {side} the line. "
        words += f"{measure.capitalize()}: {mean} ({low} to {high}). On seed {seed} the rank correlation is at most "
        words += f"{max(course):.2f} in training and {course[-1]:.2f} at its end."
        return {
            **numbers,
            "measure": f"{measure}, {'%' if percent else 'hundredths'}",
            "border": border(),
            "course": (places, course),
        }, words

    return explore_numbers(
        build,
        move,
        {"measure": list(MEASURES), "temperature": TEMPERATURES, "gamma": GAMMAS},
        start={"measure": "starts that arrive", "temperature": 0.2, "gamma": 0.0},
        title="Four measures of 25 trainings",
        labels={"temperature": "temperature τ", "gamma": "discount γ"},
        figsize=(7.2, 3.8),
        narrow=(3.4, 6.2),
        drag={"frame": ("gamma", "temperature")},
    )


@cache
def span_of(gamma: float) -> float:
    """The :func:`span` in the room for a discount of :data:`GAMMAS`; infinite at 0."""
    return span(load_gridworld("MiniGrid-Empty-8x8-v0"), gamma)


def plot_moments(figure: Figure, record: Mapping, temperature: float, gamma: float, updates: Sequence[int]) -> Figure:
    """Recorded latents of one training at several moments, in the plane in which the last ones vary most.

    Args:
        figure: where to draw.
        record: a record of ``ablation``.
        temperature: one of :data:`TEMPERATURES`.
        gamma: one of :data:`GAMMAS`.
        updates: numbers of updates, all of them among the record's checkpoints.
    """
    world = load_gridworld("MiniGrid-Empty-8x8-v0")
    coordinates, correlations = ablation.embedding(record, temperature, gamma)
    to_goal, lines = goal_distances(world), lanes(world)
    row = figure.subplots(1, len(updates))
    for axes, update in zip(row, updates, strict=True):
        at = record["embedding"]["checkpoints"].index(update)
        points = torch.cat([coordinates[at], torch.full((1, 2), torch.nan)])
        axes.plot(*points[lines].T, color=COLORS["faint"], linewidth=0.5)
        dots = axes.scatter(*coordinates[at].T, c=to_goal, s=9, cmap="viridis_r", zorder=3)
        axes.set(xlim=(-1.05, 1.05), ylim=(1.05, -1.05), aspect="equal")
        axes.set_title(f"{update} updates: {correlations[at]:.2f}", fontsize=9)
        axes.set_axis_off()
    figure.colorbar(dots, ax=list(row), label="steps to the goal", shrink=0.7)
    return figure


BOXES = [
    (0.8, 0.1), (0.8, 0.2), (0.8, 0.5), (0.8, 1.0), (0.0, 0.05), (0.0, 0.1), (0.0, 0.2), (0.95, 0.05), (0.95, 0.2),
    (0.95, 1.0),
]  # fmt: skip


def boxes_table(record: Mapping) -> Markdown:
    """Some boxes of discount and temperature in full, from a record of ``ablation``: mean and interval."""
    rows = ["| γ | τ | the line | arrives | best action right | prediction right |", "|---|---|---|---|---|---|"]
    for gamma, tau in BOXES:
        label = ablation.label(tau, gamma)
        measures = ("success", "greedy_accuracy", "prediction_accuracy")
        cells = [in_words(record["metrics"][f"{measure}_{label}"]) for measure in measures]
        side = "below" if tau < 2 / span_of(gamma) else "above"
        rows.append(f"| {gamma:g} | {tau:g} | {side} | {' | '.join(cells)} |")
    return Markdown("\n".join(rows))


def together_table(exp3: Mapping, exp4: Mapping, record: Mapping) -> Markdown:
    """Order, direction, prediction and success of six models side by side, from three records."""
    rows = [
        "| | rank correlation | best-looking action right | prediction right | arrives |",
        "|---|---|---|---|---|",
    ]
    for label, name, source in (
        ("reconstruction", "reconstruction", exp3),
        ("latent prediction", "latent_prediction", exp3),
        ("one-step positives, τ = 0.1", ablation.label(0.1, 0.0), record),
        ("one-step positives, τ = 0.05", ablation.label(0.05, 0.0), record),
        ("γ = 0.95, τ = 0.05", ablation.label(0.05, 0.95), record),
        ("γ = 0.8, τ = 0.1", "one_encoder", exp4),
    ):
        cells = [
            in_words(source["metrics"][f"{measure}_{name}"], style)
            for measure, style in (
                ("metric_correlation", ".2f"),
                ("greedy_accuracy", ".0%"),
                ("prediction_accuracy", ".0%"),
                ("success", ".0%"),
            )
        ]
        rows.append(f"| {label} | {' | '.join(cells)} |")
    return Markdown("\n".join(rows))
