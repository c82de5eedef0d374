"""The explorers of chapter 4: two agents that walk, a training to repeat, temperature and discount on a map."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import torch
import torch.nn.functional as F
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from helm_book.explorer import Steps, explore_numbers
from helm_book.figures.grid import lanes
from helm_book.figures.rooms import Agent, explore_walks
from helm_book.figures.style import COLORS, HALO, panels
from helm_book.figures.tables import moving_table, table_numbers
from helm_study import records
from helm_study.contrastive import contrastive_ablation as ablation
from helm_study.contrastive import lesson
from helm_tutorial import diagnosis
from helm_tutorial.worlds.gridworld import Gridworld, geodesic_distances, goal_distances, load_gridworld

HORIZONS = (3, 5, 12)
FIRST = 8  # the start shown first, where three steps part the two models on seed 0

# ---------------------------------------------------------------- lost and arriving


def explore_arrivals(exact: Mapping, contrastive: Mapping):
    """Let the reader watch the same planner walk with two models, side by side.

    Args:
        exact: the record ``exp3``, whose ``walks`` hold those of the exact and tame model.
        contrastive: the record ``exp4``, whose ``walks`` hold those of the lesson's model.
    """
    recorded = {"exact": exact["walks"]["tame_exact"], "contrastive": contrastive["walks"]["lesson"]}
    shares = {
        "exact": {T: exact["metrics"][f"success_tame_exact_T{T}"]["mean"] for T in HORIZONS},
        "contrastive": {T: contrastive["metrics"][f"success_lesson_T{T}"]["mean"] for T in HORIZONS},
    }

    def badge(name: str) -> Callable[..., str]:
        return lambda horizon, start: f"{100 * shares[name][horizon]:.0f} % of all starts arrive"

    agents = {
        "exact": Agent("Exact and tame", COLORS["reconstruction"], badge("exact")),
        "contrastive": Agent("Contrastive", COLORS["contrastive"], badge("contrastive")),
    }

    def walks(horizon: int, start: int) -> dict[str, list[int]]:
        return {name: found[str(horizon)][start - 1] for name, found in recorded.items()}

    count = len(recorded["exact"][str(HORIZONS[0])])
    return explore_walks(
        load_gridworld(),
        agents,
        walks,
        title="Lost and arriving",
        controls={"horizon": HORIZONS, "start": range(1, count + 1)},
        start={"horizon": HORIZONS[0], "start": FIRST},
        labels={"horizon": "steps imagined", "start": "start (1 is MiniGrid's own)"},
    )


def own_start(contrastive: Mapping) -> str:
    """What the lesson's agent does from MiniGrid's own start, at each horizon on seed 0, in words.

    Args:
        contrastive: the record ``exp4``.
    """
    to_goal = room()[2]
    walks = contrastive["walks"]["lesson"]
    arriving = [T for T in HORIZONS if not to_goal[walks[str(T)][0][-1]]]
    lost = [T for T in HORIZONS if T not in arriving]
    if not arriving:
        return "does not arrive"
    words = f"arrives if it imagines {_in_a_row(arriving)} steps"
    return f"{words}, and does not if it imagines {_in_a_row(lost)}" if lost else words


def _in_a_row(numbers: Sequence[int]) -> str:
    *first, last = (str(number) for number in numbers)
    return f"{', '.join(first)} or {last}" if first else last


# ---------------------------------------------------------------- latents in a plane


@cache
def room() -> tuple[Gridworld, Tensor, Tensor]:
    """The room, the steps between its states, and from each to the goal."""
    world = load_gridworld()
    return world, geodesic_distances(world), goal_distances(world)


def stage_latents(figure: Figure, axes: Axes) -> dict[str, Artist]:
    """Draw an empty plane for the latents of all states, and its colour bar; return what moves in it.

    The artists take what :func:`latent_numbers` gives.
    """
    axes.set(xlim=(-1.04, 1.04), ylim=(1.04, -1.04), aspect="equal")
    axes.set_axis_off()
    (lines,) = axes.plot([], [], color=COLORS["faint"], linewidth=0.7)
    farthest = float(room()[2].max())
    dots = axes.scatter([0], [0], c=[0.0], s=14, cmap="viridis_r", vmin=0, vmax=farthest, zorder=3)
    figure.colorbar(
        dots,
        ax=axes,
        label="steps to the goal",
        location="bottom",
        shrink=0.6,
        aspect=30,
        pad=0.0,
        ticks=range(0, int(farthest) + 1, 4),
    )
    look = {"textcoords": "offset points", "color": COLORS["goal"], "weight": "bold", "va": "top", "zorder": 4}
    goal = axes.annotate("goal", (0, 0), (7, -5), path_effects=HALO, **look)
    return {"lines": lines, "dots": dots, "goal": goal}


def latent_numbers(plane: Tensor) -> dict[str, object]:
    """Numbers for the artists of :func:`stage_latents`, from places of all states, shape ``(N, 2)``."""
    world, _, to_goal = room()
    plane = (plane / 0.0105).round() * 0.0105  # about a pixel: an explorer's page keeps equal numbers once
    x, y = torch.cat([plane, torch.full((1, 2), torch.nan)])[lanes(room()[0])].T
    return {"lines": (x, y), "dots": (*plane.T, to_goal), "goal": (*plane[world.goals].mean(dim=0), "goal")}


# ---------------------------------------------------------------- a training to repeat

UPDATES, BETWEEN = 300, 25


@cache
def recorded_runs() -> dict[tuple[float, float], tuple[Tensor, list[float]]]:
    """What the record ``ablation`` keeps of each training: places ``(K, N, 2)`` and rank correlations."""
    record = ablation_record()
    return {pair: ablation.embedding(record, *pair) for pair in ablation.GRID}


@cache
def ablation_record() -> dict:
    """The record ``ablation``."""
    return records.load("ablation")


def trained_latents(
    build: Callable[..., nn.Module], train: Callable[..., float], temperature: float, gamma: float, updates: int
) -> list[Tensor]:
    """Train a model and return the latents of all states before each update and after the last.

    The draws are those of :func:`helm_study.contrastive.lesson.trained_lesson` with seed 0. The latents are those that
    ``train`` itself computes at each update, so it must encode all states once an update, as the lesson does.
    """
    world = room()[0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build(world.features.shape[1], world.num_actions)
    generator = torch.Generator().manual_seed(0)
    walks = world.random_walks(1000, 50, generator=generator)
    kept: list[Tensor] = []
    hook = model.encoder.register_forward_hook(lambda _, seen, z: kept.append(F.normalize(z.detach(), dim=-1)))
    train(model, world.features, walks.states, walks.actions, generator, gamma=gamma, tau=temperature, updates=updates)
    hook.remove()
    return [*kept, diagnosis.latents(model, world)]


def explore_training(build: Callable[..., nn.Module] = lesson.WorldModel, train: Callable[..., float] = lesson.train):
    """Let the reader train anew with another temperature or discount; a page shows recorded trainings.

    Args:
        build: called with the sizes of an observation and of an action; by default the lesson's model.
        train: called as :func:`helm_study.contrastive.lesson.train` is, the default.
    """
    world, geodesic, _ = room()
    checkpoints = [update for update in ablation_record()["embedding"]["checkpoints"] if update <= UPDATES]

    def stage(figure: Figure) -> dict[str, Artist]:
        left, right = panels(figure, 2, widths=[1.25, 1], heights=[1.25, 1])
        artists = stage_latents(figure, left)
        left.set_title("144 latents, flattened")
        for _, course in recorded_runs().values():
            right.plot(checkpoints, course[: len(checkpoints)], color=COLORS["faint"], linewidth=0.7, alpha=0.6)
        right.set(xlim=(-5, UPDATES + 5), ylim=(0, 1), xlabel="updates", title="Rank correlation")
        right.text(UPDATES, 0.04, "grey: all recorded settings", ha="right", fontsize=9, color="#666666")
        (artists["course"],) = right.plot([], [], "-o", color=COLORS["contrastive"], markersize=4, zorder=4)
        return artists

    def scene(plane: Tensor, updates: list[int], course: list[float], temperature: float, gamma: float, when: str):
        numbers = latent_numbers(plane) | {"course": (updates, course)}
        return numbers, (
            f"Temperature {temperature:g}, discount {gamma:g}, {when}: after {updates[-1]} updates the rank "
            f"correlation of latent distance with steps is {course[-1]:.2f}; untrained it was {course[0]:.2f}."
        )

    def retrain(temperature: float, gamma: float):
        kept = trained_latents(build, train, temperature, gamma, UPDATES)
        updates = list(range(0, len(kept), BETWEEN))
        course = [diagnosis.metric_correlation(kept[update], geodesic) for update in updates]
        centre, basis, _ = ablation.display_plane(kept[-1], world.positions)
        return scene((kept[-1] - centre) @ basis, updates, course, temperature, gamma, "trained just now")

    def look_up(temperature: float, gamma: float):
        planes, course = recorded_runs()[temperature, gamma]
        last = len(checkpoints)
        return scene(planes[last - 1], checkpoints, course[:last], temperature, gamma, "recorded")

    return explore_numbers(
        stage,
        retrain,
        {"temperature": ablation.TEMPERATURES, "gamma": ablation.GAMMAS},
        start={"temperature": 0.1, "gamma": 0.8},
        title="Train it again",
        labels={"temperature": "temperature τ", "gamma": "discount γ"},
        figsize=(7.2, 3.7),
        narrow=(3.4, 5.4),
        recorded=look_up,
    )


# ---------------------------------------------------------------- temperature and discount on a map


def explore_map():
    """Let the reader choose temperature and discount on the map of what arrives, and play that training."""
    record, runs = ablation_record(), recorded_runs()
    metrics, checkpoints = record["metrics"], record["embedding"]["checkpoints"]
    named = {(gamma, temperature): ablation.label(temperature, gamma) for temperature, gamma in ablation.GRID}
    shares = {pair: metrics[f"success_{name}"]["mean"] for pair, name in named.items()}

    def build(figure: Figure) -> dict[str, Artist]:
        plane, table = panels(figure, 2, widths=[1.25, 1], heights=[1.3, 1])
        artists = stage_latents(figure, plane)
        plane.set_title("144 latents, seed 0")
        artists["order"] = plane.text(0, 0.99, "", transform=plane.transAxes, va="top")
        table.set(xlabel=r"discount $\gamma$", ylabel=r"temperature $\tau$", title="starts that arrive, %")
        return artists | moving_table(table, ablation.GAMMAS, ablation.TEMPERATURES)

    def move(temperature: float, gamma: float, update: int):
        at = checkpoints.index(update)
        planes, course = runs[temperature, gamma]
        measures = ("greedy_accuracy", "prediction_accuracy", "success")
        best, right, arrives = (100 * metrics[f"{m}_{named[gamma, temperature]}"]["mean"] for m in measures)
        numbers = latent_numbers(planes[at]) | {"order": f"rank correlation {course[at]:.2f}"}
        return numbers | table_numbers(ablation.GAMMAS, ablation.TEMPERATURES, shares, (gamma, temperature)), (
            f"Temperature {temperature:g}, discount {gamma:g}, after {update} updates: rank correlation "
            f"{course[at]:.2f}. At the end, mean over {len(record['seeds'])} seeds: the best-looking action is right "
            f"from {best:.0f} % of the starts, {right:.0f} % of the next states are predicted, and {arrives:.0f} % of "
            "the starts arrive."
        )

    return explore_numbers(
        build,
        move,
        {"temperature": ablation.TEMPERATURES, "gamma": ablation.GAMMAS, "update": Steps(checkpoints, 0.6)},
        start={"temperature": 0.1, "gamma": 0.8, "update": checkpoints[-1]},
        title="Latents as they train",
        labels={"temperature": "temperature τ", "gamma": "discount γ", "update": "updates"},
        figsize=(7.2, 3.9),
        narrow=(3.4, 5.7),
        drag={"frame": ("gamma", "temperature")},
    )
