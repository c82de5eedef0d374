"""Figures of the chapter on directed distances: ways, pictures of and in a world, measures of many models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from torch import Tensor

from helm_book.explorer import LiveExplorer, StaticExplorer, Steps, explore_numbers
from helm_book.figures import rooms
from helm_book.figures.intervals import show_metrics
from helm_book.figures.style import COLORS, panels
from helm_tutorial.diagnosis import rank_correlation
from helm_tutorial.worlds.gridworld import ACTIONS, TILE, Gridworld


def show_strip(axes: Sequence[Axes], world: Gridworld, states: Sequence[int], *, margin: int = 1) -> Sequence[Axes]:
    """A way as a strip of rooms, one an axes, over each the action that leads there.

    Args:
        axes: at least as many as there are states; those left over stay empty.
        world: where.
        states: the way, each state one action after the one before.
        margin: cells shown around the cells of the way.

    Raises:
        ValueError: no action leads from a state to the next, or there are too few axes.
    """
    if len(axes) < len(states):
        raise ValueError(f"axes must be at least as many as the {len(states)} states, got {len(axes)}")
    cells = world.positions[torch.as_tensor(states)]
    (left, top), (right, bottom) = (
        (cells.min(dim=0).values - margin).tolist(),
        (cells.max(dim=0).values + margin).tolist(),
    )
    captions = ["start"]
    for before, after in pairwise(states):
        actions = (world.transitions[before] == after).nonzero().flatten().tolist()
        if not actions:
            raise ValueError(f"states must follow one another by one action, got {before} before {after}")
        captions.append(f"{len(captions)}: {ACTIONS[actions[0]]}")
    for panel, state, caption in zip(axes, states, captions, strict=False):
        rooms.draw_room(panel, world)
        rooms.moving_agent(panel).set_xy(np.transpose(rooms.agent_at(world, state)))
        panel.set(xlim=(left - 0.5, right + 0.5), ylim=(bottom + 0.5, top - 0.5))
        panel.set_title(caption, loc="center", fontsize=9, fontweight="normal")
    for panel in axes:
        panel.set_axis_off()
    return axes


def show_asymmetry(axes: Axes, geodesic: Tensor, latent: Tensor, color: str) -> Axes:
    """By how much the way back is longer: latent distance against steps, median and the 80 % band of the pairs.

    Args:
        axes: where to draw.
        geodesic: steps from each state to each other, shape ``(N, N)``.
        latent: latent distance of the same, shape ``(N, N)``.
        color: of the marks.
    """
    different = ~torch.eye(len(geodesic), dtype=torch.bool)
    steps, latents = (geodesic.T - geodesic)[different], (latent.T - latent)[different]
    values = steps.unique()
    low, median, high = torch.stack([latents[steps == v].quantile(torch.tensor([0.1, 0.5, 0.9])) for v in values]).T
    axes.vlines(values, low, high, color=color, alpha=0.3, linewidth=9)
    axes.plot(values, median, "o", color=color)
    axes.axhline(0.0, color="#888888", linewidth=1, zorder=0)
    axes.set(xlabel="steps back − steps there", ylabel="latent distance back − there", xticks=values.tolist())
    return axes


def show_measures(
    axes: Sequence[Axes],
    metrics: Mapping[str, Mapping],
    rows: Sequence[tuple[str, str, str]],
    measures: Mapping[str, tuple[str, tuple[float, float] | None]],
) -> Sequence[Axes]:
    """Several measures of several models, an axes a measure, a row a model, as :func:`show_metrics` draws each.

    Args:
        axes: one a measure; the names of the rows stand beside the first in each row of a figure's grid.
        metrics: of a record.
        rows: ``(model, label, colour name)``, top to bottom.
        measures: ``{pattern: (title, limits)}``, the pattern with ``{}`` where a metric's name has the model.
    """
    for panel, (pattern, (title, limits)) in zip(axes, measures.items(), strict=True):
        present = {pattern.format(model): metrics[pattern.format(model)] for model, _, _ in rows}
        # Where no seed has a value, such as a path's length if none arrives, there is nothing to draw.
        nothing = {"values": [], "low": np.nan, "high": np.nan, "mean": np.nan}
        drawn = {name: nothing if metric["mean"] is None else metric for name, metric in present.items()}
        show_metrics(
            panel, drawn, [(pattern.format(m), label, color) for m, label, color in rows], xlabel="", title=title
        )
        if limits is not None:
            panel.set_xlim(*limits)
        first = panel.get_subplotspec() is None or panel.get_subplotspec().is_first_col()
        if not first:
            panel.set_yticklabels([])
    return axes


def field_picture(world: Gridworld, values: Tensor, *, size: int = 360) -> np.ndarray:
    """A number for each state as a picture of numbers, four triangles a cell; not a number where there are walls.

    Unlike the triangles of :func:`helm_book.figures.rooms.show_distances` it fits into one image for every world, so
    that an explorer can move from one world to another.

    Args:
        world: whose states they are.
        values: shape ``(N,)``, none below 0; the largest becomes 1.
        size: of the picture, at most; a cell has a whole number of dots.
    """
    rows, columns = _shape(world)
    dots = size // max(rows, columns)
    state_at = np.full((rows, columns, 4), -1)
    state_at[world.positions[:, 1], world.positions[:, 0], world.headings] = np.arange(world.num_states)
    y, x = (np.indices((rows * dots, columns * dots)) + 0.5) / dots
    right, down = x % 1 - 0.5, y % 1 - 0.5
    across = np.abs(right) >= np.abs(down)
    heading = np.where(across, np.where(right >= 0, 0, 2), np.where(down >= 0, 1, 3))
    state = state_at[y.astype(int), x.astype(int), heading]
    shares = np.asarray(values / values.max().clamp_min(1e-12), dtype=float)
    return np.where(state >= 0, shares[state], np.nan)


LINES = {"straight line": "neither", "steps": "true", "latent": "contrastive"}
"""The distances of :func:`explore_places`, and the colours of their lines."""


def explore_places(
    places: Mapping[str, Gridworld],
    fields: Mapping[tuple[str, str], Tensor],
    walked: Mapping[str, Sequence[int]],
    **options: object,
) -> LiveExplorer | StaticExplorer:
    """Let the reader walk through several worlds, over maps of several distances to the goal.

    Args:
        places: square worlds, by the names on their buttons.
        fields: the distances of all states by the name of the world and that of one of :data:`LINES`, ``"steps"``
            among them.
        walked: the states of an episode in each world, its start included.
        **options: as for :func:`helm_book.explorer.explore_numbers`, for example ``guess`` or ``title``.
    """
    pictures = {shown: field_picture(places[shown[0]], values) for shown, values in fields.items()}
    most = max(len(states) for states in walked.values()) - 1

    def build(figure: Figure) -> dict:
        room, course = panels(figure, 2, widths=[1.15, 1], heights=[1.45, 1])
        room.set(xlim=(0, 1), ylim=(1, 0), aspect="equal", facecolor=rooms.WALL, xticks=[], yticks=[])
        room.spines[:].set_visible(False)
        first = next(iter(pictures.values()))
        field = room.imshow(first, extent=(0, 1, 1, 0), vmin=0, vmax=1, cmap="viridis_r", interpolation="nearest")
        bar = figure.colorbar(field, ax=room, orientation="horizontal", shrink=0.6, aspect=30, pad=0.02)
        bar.set_ticks([0, 1], labels=["at the goal", "farthest"])
        course.set(xlim=(-0.5, most + 0.5), ylim=(-0.04, 1.3), xlabel="steps walked", yticks=[0, 0.5, 1])
        course.set_title("distance to the goal (largest: 1)")
        goal = Polygon([(0, 0)] * 4, facecolor=rooms.GOAL, edgecolor="black", linewidth=0.8, zorder=2)
        artists = {
            "field": field,
            "goal": room.add_patch(goal),
            "walked": rooms.moving_trail(room, "white", outline="black", linewidth=1.5),
            "agent": rooms.moving_agent(room, edgecolor="white", linewidth=0.6),
        }
        for height, (name, color) in zip((0.99, 0.92, 0.85), LINES.items(), strict=True):
            (artists[name],) = course.plot([], [], color=COLORS[color], marker="o", markersize=3, linewidth=1.6)
            put = {"transform": course.transAxes, "ha": "right", "va": "top", "weight": "bold"}
            course.text(0.99, height, name, color=COLORS[color], **put)
        (artists["now"],) = course.plot([], [], color=COLORS["faint"], linewidth=1)
        return artists

    def move(world: str, distance: str, step: int) -> tuple[dict, str]:
        place, states = places[world], walked[world]
        at = min(step, len(states) - 1)
        size, true = _shape(place)[0], fields[world, "steps"]

        def fit(x, y):
            return (np.asarray(x) + 0.5) / size, (np.asarray(y) + 0.5) / size

        column, row = place.positions[place.goals[0]].tolist()
        corners = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]).T
        numbers = {
            "field": pictures[world, distance],
            "goal": fit(column + corners[0], row + corners[1]),
            "walked": fit(*rooms.trail(place, states[: at + 1])),
            "agent": fit(*rooms.agent_at(place, int(states[at]))),
            "now": ([at, at], [0, 1.02]),
        }
        for name in LINES:
            numbers[name] = (range(len(states)), (fields[world, name] / fields[world, name].max())[states])
        left = int(true[states[at]])
        end = "it has arrived." if left == 0 else f"{left} {'step is' if left == 1 else 'steps are'} left."
        order = rank_correlation(fields[world, distance][place.starts], true[place.starts])
        return numbers, (
            f"{world}, {distance}: over all starts this distance to the goal follows the steps with rank correlation "
            f"{order:.2f}. After {at} {'step' if at == 1 else 'steps'} of the recorded episode, {end}"
        )

    return explore_numbers(
        build,
        move,
        {"world": list(places), "distance": list(LINES), "step": Steps(range(most + 1), 0.3)},
        labels={"step": "steps walked"},
        figsize=(7.4, 4.5),
        narrow=(3.4, 6.4),
        drag={"now": ("step", None)},
        gliding=["walked", "agent"],
        **options,
    )


def show_pixels(axes: Axes, world: Gridworld, state: int, *, cell: tuple[int, int] | None = None) -> Axes:
    """The picture that a model sees, pixel by pixel, with lines between the cells; axes count in cells.

    Args:
        axes: where to draw.
        world: one that is observed as pixels.
        state: where the agent stands.
        cell: (column, row) of the one cell to show, all by default.

    Raises:
        ValueError: the world is not observed as pixels.
    """
    if world.view.kind != "pixels":
        raise ValueError(f"world must be observed as pixels, got {world.view.kind!r}")
    picture = world.images[state].numpy()
    rows, columns = (size // TILE for size in picture.shape[:2])
    axes.imshow(picture, extent=(-0.5, columns - 0.5, rows - 0.5, -0.5), interpolation="nearest")
    if cell is None:
        axes.vlines(np.arange(1, columns) - 0.5, -0.5, rows - 0.5, color="white", linewidth=0.7, alpha=0.7)
        axes.hlines(np.arange(1, rows) - 0.5, -0.5, columns - 0.5, color="white", linewidth=0.7, alpha=0.7)
    else:
        column, row = cell
        axes.set(xlim=(column - 0.5, column + 0.5), ylim=(row + 0.5, row - 0.5))
    axes.set_axis_off()
    return axes


def _shape(world: Gridworld) -> tuple[int, int]:
    """Rows and columns of a world that is seen cell by cell."""
    columns, rows = world.images.shape[1:3]
    return int(rows), int(columns)
