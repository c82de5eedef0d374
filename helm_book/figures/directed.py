"""Figures of the chapter on directed distances: ways, pictures of and in a world, measures of many models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from helm_book.figures.grid import SMALL_TILE, world_frame
from helm_book.figures.intervals import show_metrics
from helm_tutorial.worlds.gridworld import ACTIONS, TILE, Gridworld

WALL = (118, 118, 118)
"""Colour of cells where nobody can stand, in :func:`field_picture`."""


def show_strip(axes: Sequence[Axes], world: Gridworld, states: Sequence[int], *, margin: int = 1) -> Sequence[Axes]:
    """A way as a strip of the environment's own renderings, one an axes, under each the action that leads there.

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
        frame = world_frame(world, state)
        rows, columns = (size / SMALL_TILE for size in frame.shape[:2])
        panel.imshow(frame, extent=(-0.5, columns - 0.5, rows - 0.5, -0.5), interpolation="bilinear")
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


def field_picture(world: Gridworld, values: Tensor, *, size: int = 304, cmap: str = "viridis_r") -> np.ndarray:
    """A number for each state as a square picture, bytes ``(size, size, 3)``: four triangles a cell, walls grey.

    Unlike the triangles of :func:`helm_book.figures.grid.show_field` it has the same shape for every world, so
    that an explorer can move from one world to another.

    Args:
        world: whose states they are.
        values: shape ``(N,)``, none below 0; the largest stands at the dark end of the colour map, 0 at the other.
        size: of the picture in pixels.
        cmap: the colour map.
    """
    rows, columns = _shape(world)
    colors = (255 * mpl.colormaps[cmap](np.asarray(values / values.max().clamp_min(1e-12), dtype=float))[:, :3]).round()
    state_at = np.full((rows, columns, 4), -1)
    state_at[world.positions[:, 1], world.positions[:, 0], world.headings] = np.arange(world.num_states)
    at = (np.arange(size) + 0.5) / size
    x, y = np.meshgrid(at * columns, at * rows)
    right, down = x % 1 - 0.5, y % 1 - 0.5
    across = np.abs(right) >= np.abs(down)
    heading = np.where(across, np.where(right >= 0, 0, 2), np.where(down >= 0, 1, 3))
    state = state_at[y.astype(int), x.astype(int), heading]
    return np.where(state[..., None] >= 0, colors[state], np.array(WALL)).astype(np.uint8)


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


def path_in_picture(world: Gridworld, states: Sequence[int] | Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Where a path of states goes in :func:`field_picture`, both ends of each axis being 0 and 1: ``(x, y)``."""
    rows, columns = _shape(world)
    x, y = world.positions[torch.as_tensor(states)].numpy().T
    return (x + 0.5) / columns, (y + 0.5) / rows


def _shape(world: Gridworld) -> tuple[int, int]:
    """Rows and columns of a world that is seen cell by cell."""
    columns, rows = world.images.shape[1:3]
    return int(rows), int(columns)
