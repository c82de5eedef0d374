"""The explorers and tables of chapter 3: an agent that gets lost, how far the goal looks, what search hides."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import torch
from IPython.display import Markdown

from helm_book.explorer import LiveExplorer, StaticExplorer, explore_numbers
from helm_book.figures.rooms import Agent, explore_walks, show_distances
from helm_book.figures.style import COLORS, is_narrow
from helm_study.play import Planning, blind_search, episode_limit
from helm_study.stability.stability_alone import LARGER_ROOM, TAME_HORIZONS
from helm_study.words import formatted, in_words
from helm_tutorial.diagnosis import latent_distances, latents, rank_correlation
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.worlds.gridworld import Gridworld, geodesic_distances, goal_distances, load_gridworld

SMALL_ROOM = "MiniGrid-Empty-8x8-v0"
COLOR = COLORS["reconstruction"]
LATENT = 32


# ---------------------------------------------------------------- an agent that walks as it plans


def explore_walk(record: Mapping) -> LiveExplorer | StaticExplorer:
    """Let the reader watch the exact and tame model's agent, with three horizons, from MiniGrid's start and others.

    Args:
        record: the record of ``exp3``, whose seed 0 walked.
    """
    walks = record["walks"]["tame_exact"]
    labels = {"horizon": "steps imagined ahead", "start": "start (1 is MiniGrid's own)"}
    return explore_walks(
        load_gridworld(SMALL_ROOM),
        {"agent": _agent(record, "tame_exact")},
        lambda horizon, start: {"agent": walks[str(horizon)][start - 1]},
        title="An agent that plans",
        controls={"horizon": list(TAME_HORIZONS), "start": list(range(1, len(walks["3"]) + 1))},
        start={"horizon": 3, "start": 1},
        labels=labels,
    )


def explore_larger_room(record: Mapping, *, shown: int = 6) -> LiveExplorer | StaticExplorer:
    """Let the reader watch the agent of the same recipe in the larger room, with the longest horizon.

    Args:
        record: the record of ``exp3``, whose seed 0 walked.
        shown: starts to choose from.
    """
    walks = record["walks"]["larger_room"]["12"][:shown]
    return explore_walks(
        load_gridworld(LARGER_ROOM),
        {"agent": _agent(record, "larger_room")},
        lambda start: {"agent": walks[start - 1]},
        title="Twelve steps ahead, sixteen cells wide",
        controls={"start": list(range(1, len(walks) + 1))},
        start={"start": 1},
        labels={"start": "start (1 is MiniGrid's own)"},
        interval=0.2,
    )


def _agent(record: Mapping, label: str) -> Agent:
    """The agent of seed 0, with the two badges of its model."""
    right, tame = (
        record["metrics"][name]["values"][0]
        for name in (f"prediction_accuracy_{label}", f"rollout_jacobian_{label}_T25")
    )
    badge = f"next state right {100 * right:.0f} % · Jacobian {tame:.1f} (identity: {LATENT**0.5:.1f})"
    return Agent("Exact and tame", COLOR, badge)


def steps_left(record: Mapping, label: str, horizon: int) -> int:
    """Steps to go where the recorded walk of seed 0 from the environment's own start ended.

    Args:
        record: the record of ``exp3``.
        label: ``"tame_exact"`` or ``"larger_room"``.
        horizon: the planner's.
    """
    world = load_gridworld(SMALL_ROOM if label == "tame_exact" else LARGER_ROOM)
    return int(goal_distances(world)[record["walks"][label][str(horizon)][0][-1]])


# ---------------------------------------------------------------- how far the goal looks


def explore_distances(model: WorldModel, world: Gridworld) -> LiveExplorer | StaticExplorer:
    """Let the reader press a cell to make it the goal, and compare steps to go with the model's latent distance.

    Args:
        model: with a method ``encode``.
        world: its room.
    """
    z, geodesic = latents(model, world), geodesic_distances(world)
    columns, rows = (sorted(set(part.tolist())) for part in world.positions.T)
    farthest, longest = float(latent_distances(z, z).max()), int(geodesic.max())
    aside = 0.11 * (world.headings.float() - 1.5)  # dots of four headings, side by side

    def build(figure):
        artists = {}
        if is_narrow(figure):
            grid = figure.subplots(3, 1, height_ratios=[1.25, 1.25, 1])
        else:
            grid = figure.subplots(1, 3, width_ratios=[1, 1, 1.05])
        fields = (("steps", "steps to go", (0, longest)), ("latent", "latent distance", (0, farthest)))
        for axes, (name, words, limits) in zip(grid, fields, strict=False):
            artists[name] = show_distances(axes, world, torch.zeros(world.num_states), limits=limits)
            axes.set_title(words.capitalize())
            bar = figure.colorbar(artists[name], ax=axes, orientation="horizontal", shrink=0.85, pad=0.03, aspect=25)
            bar.outline.set_visible(False)
            bar.set_ticks(range(0, int(limits[1]) + 1, 4))
            look = {"linewidth": 3, "color": COLORS["goal"], "zorder": 5}
            (artists[f"{name} goal"],) = axes.plot([], [], **look)
        dots = {"linestyle": "none", "marker": "o", "markersize": 2.6, "color": COLORS["faint"]}
        (artists["states"],) = grid[2].plot([], [], **dots)
        (artists["median"],) = grid[2].plot([], [], "-o", color=COLOR, markersize=5, markevery=None)
        grid[2].set(xlim=(-0.6, longest + 0.6), ylim=(0, 1.03 * farthest), xlabel="steps to go")
        grid[2].set_xticks(range(0, longest + 1, 4))
        grid[2].set_title("One dot a state")
        grid[2].set_ylabel("latent distance")
        return artists

    def move(column, row):
        goals = ((world.positions == torch.tensor([column, row])).all(dim=1)).nonzero()[:, 0]
        steps = geodesic[:, goals].amin(dim=1)
        looks = latent_distances(z, z[goals]).amin(dim=1)
        away = steps > 0
        met = steps[away].unique()
        frame = (
            [column - 0.46, column + 0.46, column + 0.46, column - 0.46, column - 0.46],
            [row - 0.46, row - 0.46, row + 0.46, row + 0.46, row - 0.46],
        )
        order = rank_correlation(looks[away], steps[away])
        median = [float(looks[steps == k].median()) for k in met]
        half = len(median) // 2
        return {
            "steps": steps,
            "latent": looks,
            "steps goal": frame,
            "latent goal": frame,
            "states": (steps[away] + aside[away], looks[away]),
            "median": (met, median),
        }, (
            f"Goal in column {column}, row {row}. One step away the latent distance is {median[0]:.1f} in the median, "
            f"{half} steps away {median[half - 1]:.1f}, and the largest median is {max(median):.1f}. Rank "
            f"correlation with the steps to go: {order:.2f}."
        )

    goal = world.positions[world.goals[0]].tolist()
    return explore_numbers(
        build,
        move,
        {"column": columns, "row": rows},
        start={"column": goal[0], "row": goal[1]},
        title="Steps to go and latent distance",
        labels={"column": "goal in column", "row": "goal in row"},
        figsize=(7.4, 3.0),
        narrow=(3.4, 8.6),
        drag={"steps goal": ("column", "row"), "latent goal": ("column", "row")},
    )


# ---------------------------------------------------------------- tables


FAILURES = {
    "latent prediction with a stop-gradient, cells": ("latent_prediction", None, "success_latent_prediction"),
    "variance-covariance, cells": ("variance_covariance", None, "success_variance_covariance"),
    "reconstruction, cells": ("reconstruction", "success_reconstruction_T3", "success_reconstruction"),
    "latent prediction with a stop-gradient, rows and columns": (
        "latent_prediction_profiles",
        "success_latent_prediction_profiles_T3",
        "success_latent_prediction_profiles",
    ),
    "**this chapter's**: reconstruction, rows and columns, penalty": (
        "reconstruction_spectral_profiles",
        "success_tame_exact_T3",
        "success_tame_exact_T12",
    ),
}
"""Model in words -> its name in the record, and the names of its success at three and at twelve steps."""


def failures_table(record: Mapping) -> Markdown:
    """Table that tells collapse from misalignment, over seeds.

    Args:
        record: the record of ``exp3``.
    """
    metrics, some = record["metrics"], len(record["starts"]["some"])
    lines = [
        "| model, what it sees | arrives, T = 3 | T = 12 | next state right | order | direction | spread |",
        "|---|---|---|---|---|---|---|",
    ]
    for words, (name, three, twelve) in FAILURES.items():
        cells = [
            in_words(metrics[three]) if three else "not run",
            in_words(metrics[twelve]),
            formatted(metrics[f"prediction_accuracy_{name}"]["mean"], ".0%"),
            formatted(metrics[f"metric_correlation_{name}"]["mean"], ".2f"),
            formatted(metrics[f"greedy_accuracy_{name}"]["mean"], ".0%"),
            formatted(metrics[f"latent_spread_{name}"]["mean"], ".2g"),
        ]
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    note = (
        f"\n\n*Mean over {len(record['seeds'])} seeds, with a 95 % interval: Student's t over seeds (95 % CI from here "
        "on). Spread is here relative: trained over untrained. All 140 starts for this chapter's model, and "
        "at T = 12 for latent prediction and reconstruction "
        f"of cells; else {some}, drawn by a seeded permutation.*"
    )
    return Markdown("\n".join(lines) + note)


@cache
def blind_share(env: str, horizon: int, *, plans: int = Planning().plans) -> float:
    """Share of starts from which a perfect search without distances arrives, mean over runs."""
    world, draw = load_gridworld(env), torch.Generator().manual_seed(0)
    limit, runs = episode_limit(world, Planning()), 10 if env == SMALL_ROOM else 2
    found = [blind_search(world, horizon, plans, limit=limit, generator=draw) for _ in range(runs)]
    return float(torch.stack(found).double().mean())


def within_reach(env: str, horizon: int) -> float:
    """Share of starts whose goal is at most ``horizon`` steps away."""
    world = load_gridworld(env)
    return float((goal_distances(world)[world.starts] <= horizon).double().mean())


def search_table(record: Mapping) -> Markdown:
    """Table of the shares of starts that arrive, by room and horizon, with a gradient, without, and with no distance.

    Args:
        record: the record of ``exp3``.
    """
    metrics, plans = record["metrics"], Planning().plans
    lines = [
        "| room, horizon | goal within reach | our planner | random plans | search without distances |",
        "|---|---|---|---|---|",
    ]
    rows = [("8x8", SMALL_ROOM, "tame_exact", horizon) for horizon in TAME_HORIZONS]
    for room, env, label, horizon in [*rows, ("16x16", LARGER_ROOM, "larger_room", 12)]:
        cells = [
            f"{100 * within_reach(env, horizon):.0f} %",
            in_words(metrics[f"success_{label}_T{horizon}"]),
            in_words(metrics[f"success_search_{label}_T{horizon}"]),
            f"{100 * blind_share(env, horizon):.0f} %",
        ]
        lines.append(f"| {room}, T = {horizon} | " + " | ".join(cells) + " |")
    note = (
        f"\n\n*Share of starts that arrive: {len(record['seeds'])} seeds, 95 % CI; in the larger room "
        f"{len(record['starts']['larger_room'])} starts. An episode ends after twice the longest way, 24 and 56 steps. "
        f"Random plans: {plans} for each decision, as many as ours "
        "imagines (eight plans, 50 descent steps and 5 scorings), scored by the same model, and no gradient. "
        "Search without distances uses as many random plans in the true room.*"
    )
    return Markdown("\n".join(lines) + note)


def script_table(record: Mapping) -> Markdown:
    """Table of the report's two experiments as its scripts run them, over seeds.

    Args:
        record: the record of ``script``.
    """
    metrics = record["metrics"]
    lines = [
        "| trained on | plans that arrive | the report | distance left, in cells | next state right |",
        "|---|---|---|---|---|",
    ]
    for words, name in (("latent prediction", "baseline"), ("latent prediction and InfoNCE", "contrastive")):
        cells = [
            in_words(metrics[f"success_script_{name}"]),
            f"{100 * metrics[f'success_script_{name}']['reported']:.0f} %",
            in_words(metrics[f"final_distance_script_{name}"], ".1f"),
            in_words(metrics[f"prediction_accuracy_script_{name}"]),
        ]
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    note = f"\n\n*{len(record['seeds'])} seeds with {record['config']['plans']} plans each, 95 % CI.*"
    return Markdown("\n".join(lines) + note)


def corner_told(record: Mapping) -> dict[str, object]:
    """What the chapter's first sentence says of the walk from MiniGrid's own start, three steps ahead."""
    left = steps_left(record, "tame_exact", 3)
    stays = f"walks along the wall into a corner and stays there, {left} steps from the goal"
    ends = record["metrics"]["final_distance_start_tame_exact_T3"]["values"]
    return {"ends": stays if left else "arrives", "lost": ends.count(5.0)}


def larger_room_told(record: Mapping) -> dict[str, object]:
    """What the chapter says of twelve steps ahead in both rooms: search without distances, and single seeds."""
    far, found = blind_share(LARGER_ROOM, 12), record["metrics"]["success_larger_room_T12"]["values"]
    return {
        "blind": blind_share(SMALL_ROOM, 12),
        "far": far,
        "low": min(found),
        "high": max(found),
        "better": sum(share > far for share in found),
        "table": search_table(record).data,
    }


def script_told(record: Mapping, world: Gridworld) -> dict[str, object]:
    """What the chapter says of the report's scripts: single seeds, and the start's distance in MiniGrid's room."""
    arrivals = record["metrics"]["success_script_contrastive"]["values"]
    ends = world.positions[[world.start, int(world.goals[0])]].float()
    return {
        "low": min(arrivals),
        "high": max(arrivals),
        "straight": float(torch.dist(*ends)),
        "table": script_table(record).data,
    }
