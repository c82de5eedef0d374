"""Figures of the page on search and geometry: who arrives, with how short plans, and what distances say on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from IPython.display import Markdown
from matplotlib.axes import Axes
from torch import Tensor

from helm_book.explorer import explore_numbers
from helm_book.figures.intervals import show_metrics
from helm_book.figures.rooms import agent_at, draw_room, moving_agent, moving_trail, trail
from helm_book.figures.style import COLORS, LABELS, panels
from helm_book.figures.watched_episode import WatchedEpisode, jumps
from helm_study import records
from helm_study.stability.stability_alone import SHORT
from helm_study.words import in_points, in_words
from helm_tutorial.worlds.gridworld import ACTIONS, Gridworld, goal_distances

ARRIVALS = [
    ("success_report_planner_reconstruction", "reconstruction, one open-loop plan", "reconstruction"),
    ("success_reconstruction", "reconstruction, our planner", "reconstruction"),
    ("success_search_reconstruction", "reconstruction, random plans", "reconstruction"),
    ("success_variance_covariance", "variance-covariance, our planner", "variance_covariance"),
    ("success_search_variance_covariance", "variance-covariance, random plans", "variance_covariance"),
    ("success_latent_prediction", "latent prediction, our planner", "latent_prediction"),
    ("success_random_actions", "random actions", "neither"),
]
COMPARED = ("reconstruction", "variance_covariance")
HORIZON = 12


def plot_arrivals(axes: Axes, record: Mapping) -> Axes:
    """Share of the starts that arrive, planner by planner, from ``exp3``; the report's figure is a cross."""
    show_metrics(axes, record["metrics"], ARRIVALS, xlabel="share of starts that arrive", reported=[ARRIVALS[0][0]])
    axes.set_xlim(-0.02, 1.02)
    return axes


def gains_table(record: Mapping) -> Markdown:
    """What the gradient adds to random plans, paired by seed, for two models of ``exp3``."""
    rows = [
        "| model | our planner | random plans | what the gradient adds | steps over shortest path |",
        "|---|---|---|---|---|",
    ]
    for name in COMPARED:
        first, second = f"success_{name}", f"success_search_{name}"
        gain = records.paired(record["metrics"], first, second)
        cells = [in_words(record["metrics"][first]), in_words(record["metrics"][second]), in_points(gain, " points")]
        cells.append(in_words(record["metrics"][f"path_ratio_{name}"], ".2f"))
        rows.append(f"| {LABELS[name]} | {' | '.join(cells)} |")
    return Markdown("\n".join(rows))


LINES = {
    "reconstruction": ("reconstruction, cells", "reconstruction"),
    "reconstruction_profiles": ("reconstruction, rows and columns", "report"),
    "latent_prediction_profiles": ("latent prediction, rows and columns", "latent_prediction"),
}
HORIZONS = (*SHORT, HORIZON)


def at_horizon(record: Mapping, name: str, horizon: int) -> Mapping:
    """The metric of ``exp3`` that says how often a model arrives with plans of so many steps."""
    return record["metrics"][f"success_{name}_T{horizon}" if horizon in SHORT else f"success_{name}"]


def plot_horizons(axes: Axes, record: Mapping, wandering: Mapping[int, Sequence[float]]) -> Axes:
    """Share of the starts that arrive against the horizon, and that of search without distances.

    Args:
        axes: where to draw.
        record: a record of ``exp3``.
        wandering: plans of a decision -> share that arrives with each of :data:`HORIZONS`.
    """
    for plans, shares in wandering.items():
        axes.plot(HORIZONS, shares, color="#666666", linestyle="--", marker="o", markersize=4)
        at = (HORIZONS[1] + HORIZONS[2]) / 2
        axes.annotate(
            f"no distances, {plans} plans", (at, (shares[1] + shares[2]) / 2), xytext=(4, -4),
            textcoords="offset points", color="#666666", va="top", fontsize=9,
        )  # fmt: skip
    for shift, (name, (label, color)) in zip((-0.1, 0.0, 0.1), LINES.items(), strict=True):
        found = [at_horizon(record, name, T) for T in HORIZONS]
        means = [metric["mean"] for metric in found]
        error = [[m["mean"] - m["low"] for m in found], [m["high"] - m["mean"] for m in found]]
        x = [T + shift for T in HORIZONS]
        axes.errorbar(x, means, error, color=COLORS[color], marker="o", markersize=5, label=label)
    axes.set(xlabel="horizon $T$", ylabel="share of starts that arrive", xticks=HORIZONS, ylim=(0, 1.03))
    axes.legend(loc="lower right", fontsize=9)
    return axes


def episode_numbers(world: Gridworld, watched: WatchedEpisode, horizon: int) -> dict[str, float]:
    """What the decisions of one episode have in common: means over decisions, and over restarts where there are any.

    Returns:
        ``relaxed_first`` and ``relaxed_last``: cost of the relaxed plans. ``decoded_first`` and ``decoded_last``: cost
        of the decoded ones, at the first and the last scoring. ``jumps`` and ``decoded_jumps``: share of the imagined
        steps that no action makes. ``ends``: share of the last relaxed plans imagined to end on the goal.
        ``reaches``: share of the plans kept that are imagined to reach it. ``scored``: iterations before the first
        scoring.
    """
    to_goal, decisions = goal_distances(world), watched.decisions

    def mean(measure) -> float:
        return sum(float(measure(d)) for d in decisions) / len(decisions)

    return {
        "relaxed_first": mean(lambda d: d.cost[0].mean()),
        "relaxed_last": mean(lambda d: d.cost[-1].mean()),
        "decoded_first": mean(lambda d: d.decoded_cost[0].mean()),
        "decoded_last": mean(lambda d: d.decoded_cost[-1].mean()),
        "jumps": mean(lambda d: jumps(world, d.imagined[-1]) / horizon),
        "decoded_jumps": mean(lambda d: jumps(world, d.plan_imagined) / horizon),
        "ends": mean(lambda d: to_goal[d.imagined[-1][-1]] == 0),
        "reaches": mean(lambda d: (to_goal[d.plan_imagined] == 0).any()),
        "scored": int(decisions[0].scored[0]),
    }


def shortest_path(world: Gridworld) -> list[int]:
    """States of a shortest path from the environment's own start to the goal, both included."""
    to_goal, walk = goal_distances(world), [world.start]
    while to_goal[walk[-1]] > 0:
        after = world.transitions[walk[-1]]
        walk.append(int(after[to_goal[after].argmin()]))
    return walk


def explore_shortest_path(world: Gridworld, distances: Mapping[str, Tensor]):
    """Let the reader walk a shortest path and ask at each step what the latent distance says.

    Args:
        world: the room.
        distances: name of a model in :data:`helm_book.figures.style.LABELS` -> latent distance of each state to the
            goal, shape ``(N,)``.
    """
    walk, to_goal = shortest_path(world), goal_distances(world)
    true = to_goal / to_goal.max()
    share = {name: values / values.max() for name, values in distances.items()}
    colors = {LABELS[name]: name for name in distances}

    def build(figure):
        room, course = panels(figure, 2, widths=[1, 1.25], heights=[1.2, 1])
        draw_room(room, world)
        course.plot(true[walk], color=COLORS["faint"])
        course.text(0.3, float(true[walk[0]]) + 0.05, "true distance", color="#666666")
        course.set(xlim=(-0.4, len(walk) - 0.6), ylim=(-0.05, 1.25), xlabel="steps walked")
        course.set_title("Distance (largest in the room: 1)")
        artists = {"trail": moving_trail(room, COLORS["helm"]), "agent": moving_agent(room)}
        for place, name in enumerate(distances):
            (artists[name],) = course.plot([], [], "o-", color=COLORS[name], markersize=4, zorder=3)
            artists[f"{name}_label"] = course.text(0.98, 0.98, "", transform=course.transAxes, ha="right", va="top")
            artists[f"{name}_label"].set(color=COLORS[name], weight="bold", zorder=3 + place)
        ring = {"color": COLORS["true"], "fillstyle": "none", "markersize": 12, "zorder": 4}
        (artists["here"],) = course.plot([], [], "o", **ring)
        (artists["true_here"],) = course.plot([], [], "o", color="#777777", markersize=7, zorder=4)
        return artists

    def move(model, step):
        name, here = colors[model], walk[step]
        after = world.transitions[here]
        looks = int(distances[name][after].argmin())
        right = "on a shortest path" if to_goal[after[looks]] < to_goal[here] else "on no shortest path"
        advice = f"One step ahead, {ACTIONS[looks]} looks best: it is {right}."
        if step == len(walk) - 1:
            advice = "This is the goal."
        numbers = {
            "trail": trail(world, walk[: step + 1]),
            "agent": agent_at(world, here),
            "here": ([step], [share[name][here]]),
            "true_here": ([step], [true[here]]),
        }
        for other in distances:
            shown = other == name
            numbers[other] = (range(len(walk)), share[other][walk]) if shown else ([], [])
            numbers[f"{other}_label"] = "latent distance" if shown else ""
        return numbers, (
            f"{model.capitalize()}, after {step} of {len(walk) - 1} steps: the true distance is "
            f"{100 * true[here]:.0f} % of the largest in the room, "
            f"the latent distance {100 * share[name][here]:.0f} %. {advice}"
        )

    return explore_numbers(
        build,
        move,
        {"model": list(colors), "step": list(range(len(walk)))},
        start={"model": next(iter(colors)), "step": 5},
        title="Step by step to the goal",
        labels={"step": "steps walked"},
        figsize=(7.2, 3.7),
        narrow=(3.4, 6.2),
        gliding=["agent", "trail"],
        drag={"here": ("step", None)},
    )
