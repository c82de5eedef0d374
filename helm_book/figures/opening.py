"""Explorers of the book's opening: a ball to drop, and the four experiments in small."""

from __future__ import annotations

import math
from functools import cache

import torch
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from torch import Tensor

from helm_book.explorer import Steps, explore_numbers
from helm_book.figures.cliff_explorers import ARRIVED, SHOWN, TURN, descents, in_round_numbers, plane_goal, plane_matrix
from helm_book.figures.funnel import heights, slice_of, stage_slice
from helm_book.figures.funnel_paths import resample
from helm_book.figures.rooms import (
    agent_at,
    mark_goal,
    moving_agent,
    moving_start,
    moving_trail,
    show_distances,
    trail,
)
from helm_book.figures.style import COLORS, HALO, LABELS, panels
from helm_study import records
from helm_study.contrastive import latent_map
from helm_tutorial.funnel.descent import basin_coverage, descend, start_grid
from helm_tutorial.funnel.landscape import RuggedEnergy, convexity_width, mollify, report_energy
from helm_tutorial.worlds.gridworld import Gridworld, goal_distances, load_gridworld

# ---------------------------------------------------------------- the ball

LEDGE = tuple(0.25 * k for k in range(-11, 12))  # where a ball may be dropped, along each axis
ROLL = 200  # steps of a descent
RADIUS = 0.5  # of the target around the centre of the bowl
TRACK = 20  # points of a path that is drawn, at most
BALLS = {"rugged": COLORS["flat"], "mollified": COLORS["helm"]}


@cache
def least_width() -> float:
    """The least width of smoothing that makes the landscape convex."""
    return convexity_width(report_energy())


@cache
def landscapes() -> dict[str, RuggedEnergy]:
    """The rugged energy, and the same mollified by :func:`least_width`."""
    return {"rugged": report_energy(), "mollified": mollify(report_energy(), least_width())}


@cache
def rolls(landscape: str, x: float) -> Tensor:
    """Descents from ``x`` and each height of :data:`LEDGE`, shape ``(len(LEDGE), ROLL + 1, 2)``.

    The steps are those of :func:`safe_step`.
    """
    energy = landscapes()[landscape]
    starts = torch.tensor([[x, y] for y in LEDGE], dtype=torch.float64)
    return descend(energy, starts, steps=ROLL, step_size=safe_step(energy))


def safe_step(energy: RuggedEnergy) -> float:
    """A step with which descent never climbs: one over the largest curvature, and at most 0.1."""
    return min(0.1, 1.0 / energy.highest_curvature())


def explore_ball():
    """Let the reader drop a ball on the rugged and on the mollified landscape, on both at once."""

    def build(figure):
        artists = {}
        for axes, (name, energy) in zip(panels(figure, 2), landscapes().items(), strict=True):
            show_heights(axes, energy)
            axes.set_title(name.capitalize())
            (artists[f"{name}_drop"],) = axes.plot(
                [], [], "o", color=COLORS["true"], markerfacecolor="white", markeredgewidth=2, markersize=8, zorder=5
            )
            (artists[f"{name}_ball"],) = axes.plot(
                [], [], "-o", color=BALLS[name], linewidth=2.5, markevery=[-1], markersize=12,
                markeredgecolor="white", path_effects=HALO, zorder=6,
            )  # fmt: skip
            artists[f"{name}_fate"] = axes.text(
                0.5, 0.04, "", transform=axes.transAxes, ha="center", weight="bold", color=BALLS[name],
                path_effects=HALO,
            )  # fmt: skip
        return artists

    def move(x, y):
        numbers, words = {}, []
        for name in landscapes():
            path = rolls(name, x)[LEDGE.index(y)]
            drawn = resample(path, spacing=0.12, most=TRACK)
            numbers |= {f"{name}_drop": ([x], [y]), f"{name}_ball": drawn.T}
            far = float(path[-1].norm())
            inside = far < RADIUS
            numbers[f"{name}_fate"] = "it arrives" if inside else "it is trapped"
            fate = "comes to rest in the target" if inside else "is trapped outside the target"
            words.append(f"{name.capitalize()}: it {fate}, {far:.2f} from the centre.")
        return numbers, f"Dropped at ({x:g}, {y:g}). {' '.join(words)}".replace("-", "\N{MINUS SIGN}")

    return explore_numbers(
        build,
        move,
        {"x": list(LEDGE), "y": list(LEDGE)},
        start={"x": -2.25, "y": 1.5},
        title="Drop a ball",
        labels={"x": "dropped at, across", "y": "dropped at, up"},
        figsize=(7.2, 3.6),
        narrow=(3.4, 6.6),
        rolling=["rugged_ball", "mollified_ball"],
        drag={"rugged_drop": ("x", "y"), "mollified_drop": ("x", "y")},
    )


def show_heights(axes: Axes, energy: RuggedEnergy) -> None:
    """A landscape from above, dark where it is low, and the circle that a ball should come to rest in."""
    axis = torch.linspace(-3.0, 3.0, 121)
    height = heights(energy, points=121).clamp_max(12.0)
    axes.contourf(axis, axis, height, levels=16, cmap="Greys_r", vmin=-5.0, vmax=12.0)
    axes.contour(axis, axis, height, levels=16, colors="white", linewidths=0.4, alpha=0.7)
    axes.add_patch(Circle((0.0, 0.0), RADIUS, fill=False, edgecolor=COLORS["contrastive"], linewidth=2.5, zorder=4))
    axes.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
    axes.set_axis_off()


# ---------------------------------------------------------------- the four experiments in small

PLANS = {  # what is multiplied at each step: one direction and the other, by name and as a system of the chapter
    "unequal": ("Unequal: × 1.2 and × 0.9", (1.2, "shrinks by 0.9")),
    "equal": ("Equal: × 1.3 and × 1.3", (1.3, "stretches as much")),
}
HORIZONS = (5, 10, 15, 20, 30, 40)
IMPROVED = (0, 1, 2, 5, 13, 35, 100)  # descent steps that are shown


def plans(horizon: int) -> list[tuple[Tensor, Tensor, float, float]]:
    """What :func:`~helm_book.figures.cliff_explorers.descents` finds for each system of :data:`PLANS`."""
    return [descents(horizon)[system] for _, system in PLANS.values()]


def explore_plan():
    """Let the reader lengthen a plan, in a system that stretches unequally and in one that stretches equally."""

    def build(figure):
        artists = {}
        for axes, (name, (title, _)) in zip(panels(figure, 2), PLANS.items(), strict=True):
            axes.set(xlim=(-0.3, 1.2), ylim=(-0.3, 1.1), aspect="equal", title=title)
            axes.set_axis_off()
            for (x, y), word in (((0.0, 0.0), "start"), (plane_goal().tolist(), "goal")):
                axes.annotate(word, (x, y), xytext=(-9, 0), textcoords="offset points", ha="right", va="center")
            axes.plot(*plane_goal().tolist(), "x", color=COLORS["goal"], markersize=11, markeredgewidth=3)
            axes.plot(0, 0, "o", color=COLORS["true"], markersize=5)
            color = COLORS["flat" if name == "unequal" else "helm"]
            (artists[f"{name}_path"],) = axes.plot([], [], "-", color=color, linewidth=2)
            (artists[f"{name}_dots"],) = axes.plot([], [], "o", color=color, markersize=3)
            (artists[f"{name}_end"],) = axes.plot([], [], "o", color=color, markersize=9)
            for height, part in ((0.1, "norm"), (0.03, "ratio")):
                artists[f"{name}_{part}"] = axes.text(
                    0.98, height, "", transform=axes.transAxes, ha="right", fontsize=9, path_effects=HALO
                )
        unequal = figure.axes[0]
        along = (plane_matrix(1, 0)[:, 0] / plane_matrix(1, 0)[:, 0].norm()).tolist()
        unequal.axline((0.0, 0.0), along, color=COLORS["faint"], linewidth=1, zorder=0)
        unequal.annotate(
            "stretched direction", along, xytext=(8, -4), textcoords="offset points", fontsize=8, color="#666666",
            rotation=math.degrees(TURN), rotation_mode="anchor", ha="center", va="top",
        )  # fmt: skip
        return artists

    def move(horizon, step):
        numbers, words = {}, []
        at = SHOWN.index(step)
        for (name, (title, _)), (paths, gaps, norm, ratio) in zip(PLANS.items(), plans(horizon), strict=True):
            numbers |= {
                f"{name}_path": paths[at].T,
                f"{name}_dots": paths[at].T,
                f"{name}_end": paths[at, -1:].T,
                f"{name}_norm": f"norm of the Jacobian: {in_round_numbers(norm)}",
                f"{name}_ratio": f"ratio of curvatures: {in_round_numbers(ratio)}",
            }
            fate = "it arrives" if float(gaps[at]) < ARRIVED else "it does not arrive"
            words.append(
                f"{title.partition(':')[0]} stretches: {fate}, {float(gaps[at]):.2f} from the goal "
                f"(norm {in_round_numbers(norm)}, ratio {in_round_numbers(ratio)})."
            )
        return numbers, f"{horizon} steps planned, {step} descent steps. {' '.join(words)}"

    return explore_numbers(
        build,
        move,
        {"horizon": list(HORIZONS), "step": Steps(list(IMPROVED), interval=0.6)},
        start={"horizon": 20, "step": IMPROVED[-1]},
        title="A plan, improved by descent",
        labels={"horizon": "steps planned ahead", "step": "descent steps"},
        figsize=(7.2, 3.9),
        narrow=(3.4, 7.2),
    )


WIDTHS = tuple(round(0.03 * k, 2) for k in range(21))
GRID = 15  # starts along each axis


@cache
def coverage(width: float) -> float:
    """Share of a grid of starts from which descent on the landscape smoothed by ``width`` ends in the target.

    The steps are those of :func:`safe_step`.
    """
    smooth = mollify(report_energy(), width)
    starts = start_grid(points=GRID).double()
    return basin_coverage(smooth, starts, steps=ROLL, step_size=safe_step(smooth), radius=RADIUS)


def explore_width():
    """Let the reader smooth the landscape, and see how its section changes and how many starts arrive."""
    across = torch.linspace(-3.0, 3.0, 121, dtype=torch.float64)

    def build(figure):
        section, share = panels(figure, 2, widths=[1.15, 1])
        artists = stage_slice(section, report_energy(), across, radius=RADIUS)
        artists["slice"].set_color(COLORS["helm"])
        section.set(ylim=(-2.4, 6.4), yticks=[], xlabel="action", ylabel="cost", title="A section; grey: not smoothed")
        (artists["curve"],) = share.plot([], [], color=COLORS["faint"], linewidth=2)
        (artists["dot"],) = share.plot([], [], "o", color=COLORS["helm"], markersize=10)
        share.set(xlim=(-0.02, 0.62), ylim=(-4, 106), xlabel="width of the smoothing", ylabel="starts that arrive, %")
        share.set_title("Who arrives in the target?")
        return artists

    def move(width):
        smooth = mollify(report_energy(), width)
        smooth = RuggedEnergy(smooth.frequencies, smooth.amplitudes)  # smoothing lifts it: sections begin at one level
        percent = 100 * coverage(width)
        return (
            {
                "slice": slice_of(smooth, across),
                "curve": (WIDTHS, [100 * coverage(w) for w in WIDTHS]),
                "dot": ([width], [percent]),
            },
            f"Smoothed by {width:.2f}: {percent:.0f} % of {GRID * GRID} dropped balls come to rest in the target.",
        )

    return explore_numbers(
        build,
        move,
        {"width": list(WIDTHS)},
        start={"width": 0.3},
        title="How much smoothing is enough?",
        labels={"width": "width of the smoothing"},
        figsize=(7.2, 3.2),
        narrow=(3.4, 5.4),
        drag={"dot": ("width", None)},
    )


MODELS = ("reconstruction", "contrastive")


@cache
def room() -> Gridworld:
    """The room of chapters 3 and 4."""
    return load_gridworld()


@cache
def nearness(model: str) -> Tensor:
    """Latent distance of each state to the goal over the largest, for one of :data:`MODELS`, from the record."""
    record = records.load("maps")
    goal = record["maps"]["cells"].index(room().positions[room().goals[0]].tolist())
    distance = latent_map.distances(record, model)[goal]
    return distance / distance.max()


@cache
def walks(model: str) -> dict[int, list[int]]:
    """The states that the planner visited, by the state that it began in, from the record."""
    kept = records.load("maps")["maps"]["objectives"][model]["walks"]
    return {walk[0]: walk for walk in kept}


def explore_lost():
    """Let the reader send an agent off in the latents of a model that only learned to predict."""
    return _explore_rooms(
        ("reconstruction",),
        title="Perfect prediction, no slope",
        figsize=(7.2, 4.3),
        narrow=(3.4, 7.2),
        course=True,
    )


def explore_found():
    """Let the reader send two agents off from one cell, in the latents of two models."""
    return _explore_rooms(MODELS, title="The same start in two latent spaces", figsize=(7.2, 4.3), narrow=(3.4, 7.6))


def _explore_rooms(models, *, title, figsize, narrow, course=False):
    world, to_goal = room(), goal_distances(room())
    heading = int(world.headings[world.start])
    longest = max(len(walk) for model in models for walk in walks(model).values()) - 1
    steps = list(range(longest + 1))

    def build(figure):
        drawn = panels(
            figure, len(models) + course, widths=[1.1, 1] if course else None, heights=[1.5, 1] if course else None
        )
        artists = {}
        for axes, model in zip(drawn, models, strict=False):
            field = show_distances(axes, world, nearness(model), limits=(0.0, 1.0), below=0.75)
            mark_goal(axes, world)
            axes.set_title(LABELS[model].capitalize())
            artists[f"{model}_start"] = moving_start(axes, COLORS[model], outline="white")
            artists[f"{model}_walk"] = moving_trail(axes, COLORS[model], outline="white", linewidth=2.5)
            artists[f"{model}_agent"] = moving_agent(axes)
            artists[f"{model}_fate"] = axes.text(
                3.5, 7.95, "", color=COLORS[model], weight="bold", ha="center", va="center"
            )
        bar = figure.colorbar(
            field, ax=list(drawn[: len(models)]), orientation="horizontal", shrink=0.5, aspect=30, pad=0.01
        )
        bar.set_ticks([0, 1], labels=["at the goal", "farthest"])
        if course:
            color = COLORS[models[0]]
            drawn[1].set(xlim=(-0.6, longest + 0.6), ylim=(-0.5, float(to_goal.max()) + 0.5))
            drawn[1].set(xlabel="steps taken", title="Steps to the goal")
            (artists["course"],) = drawn[1].plot([], [], color=color)
            (artists["now"],) = drawn[1].plot([], [], "o", color=color, markersize=9)
        return artists

    def move(column, row, step):
        here = world.index((column, row), heading)
        numbers, words = {}, []
        for model in models:
            walk = walks(model).get(here, [here])  # on the goal there is nowhere to go
            seen = walk[: step + 1]
            left = to_goal[seen].int().tolist()
            fate = f"{left[-1]} steps to go" if left[-1] else f"there after {len(seen) - 1} steps"
            numbers |= {
                f"{model}_walk": trail(world, seen),
                f"{model}_agent": agent_at(world, seen[-1]),
                f"{model}_start": ([column], [row]),
                f"{model}_fate": fate,
            }
            words.append(f"{LABELS[model].capitalize()}: {fate}.")
        if course:
            numbers |= {"course": (range(len(left)), left), "now": ([len(left) - 1], left[-1:])}
        return numbers, f"From column {column}, row {row}, after {step} steps at most. {' '.join(words)}"

    drag: dict = {f"{model}_start": ("column", "row") for model in models}
    return explore_numbers(
        build,
        move,
        {"step": Steps(steps, interval=0.25), "column": list(range(1, 7)), "row": list(range(1, 7))},
        start={"column": 1, "row": 1, "step": longest},
        title=title,
        labels={"column": "start in column", "row": "start in row", "step": "steps taken"},
        figsize=figsize,
        narrow=narrow,
        drag=drag | ({"now": ("step", None)} if course else {}),
        gliding=[f"{model}_{part}" for model in models for part in ("walk", "agent")],
    )
