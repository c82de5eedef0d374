"""Plots of a grid world: the real environment's rendering, paths on it, and distances over it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from helm_book.figures.style import COLORS
from helm_tutorial.worlds.gridworld import Gridworld

TILE = 48  # pixels of a cell in the environment's rendering
SMALL_TILE = 24  # the same where there are many pictures
OUTLINE = [patheffects.withStroke(linewidth=4.5, foreground="white")]


def show_world(axes: Axes, world: Gridworld, state: int | None = None) -> Axes:
    """The environment's own rendering with the agent in ``state``, its start by default; axes count in cells."""
    _show_frame(axes, world_frame(world, world.start if state is None else state, tile=TILE), TILE)
    return axes


def world_frame(world: Gridworld, state: int, *, tile: int = SMALL_TILE) -> np.ndarray:
    """The environment's own rendering with the agent in ``state``, bytes ``(rows * tile, columns * tile, 3)``."""
    return world.open(state).unwrapped.get_frame(highlight=False, tile_size=tile)


def moving_world(axes: Axes, world: Gridworld, *, below: float = 0.0) -> AxesImage:
    """An image that takes the frames of :func:`world_frame`, for an explorer of numbers; axes count in cells.

    Args:
        axes: where to draw.
        world: whose frames they are.
        below: cells of free space under the room, for words.
    """
    image = _show_frame(axes, world_frame(world, world.start), SMALL_TILE)
    axes.set_ylim(axes.get_ylim()[0] + below, -0.5)
    return image


def _show_frame(axes: Axes, frame: np.ndarray, tile: int) -> AxesImage:
    columns, rows = frame.shape[1] / tile, frame.shape[0] / tile
    image = axes.imshow(frame, extent=(-0.5, columns - 0.5, rows - 0.5, -0.5), interpolation="bilinear")
    axes.set_axis_off()
    return image


def moving_path(axes: Axes, color: str, *, end: str = "", outline: bool = True, **line) -> Line2D:
    """A line over :func:`moving_world` that takes the ``(x, y)`` of :func:`path_of`, ``end`` the marker at its end."""
    look = {"marker": end, "markevery": [-1], "markersize": 9, "markeredgecolor": "white"} if end else {}
    effects = OUTLINE if outline else []
    (drawn,) = axes.plot([], [], color=color, path_effects=effects, zorder=3, **look, **line)
    return drawn


def path_of(world: Gridworld, states: Sequence[int] | Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows of the cells that a path of states goes through, each of shape ``(n,)``."""
    columns, rows = world.positions[torch.as_tensor(states)].numpy().T
    return columns, rows


def draw_path(axes: Axes, world: Gridworld, states: Sequence[int] | Tensor, color: str, **line) -> Axes:
    """A path over :func:`show_world`: a line through the cells of ``states`` and a dot where it ends."""
    positions = world.positions[torch.as_tensor(states)].float()
    axes.plot(
        positions[:, 0], positions[:, 1], color=color, path_effects=OUTLINE, solid_capstyle="round", zorder=3, **line
    )
    axes.plot(*positions[-1].tolist(), "o", color=color, markeredgecolor="white", markersize=9, zorder=4)
    return axes


def show_field(
    axes: Axes,
    world: Gridworld,
    values: Tensor,
    *,
    title: str,
    mark: int | None = None,
    cmap: str = "viridis_r",
    limits: tuple[float, float] | None = None,
):
    """A number for each state, drawn as four triangles a cell, one for each heading.

    Args:
        axes: where to draw.
        world: whose states they are.
        values: shape ``(N,)``.
        title: of the axes.
        mark: a state whose cell gets a frame, for example the goal's.
        cmap: colour map; the default is dark far from the goal.
        limits: values at the map's two ends, those of ``values`` by default.

    Returns:
        The collection, for a colour bar.
    """
    corners = torch.tensor([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    # Heading right is the triangle at the cell's right edge, and so on clockwise.
    edges = {0: (1, 2), 1: (2, 3), 2: (3, 0), 3: (0, 1)}
    triangles = []
    for position, heading in zip(world.positions.float(), world.headings.tolist(), strict=True):
        first, second = edges[heading]
        triangles.append(torch.stack([position, position + corners[first], position + corners[second]]).numpy())
    collection = PolyCollection(triangles, array=values.numpy(), edgecolors="white", linewidths=0.3, cmap=cmap)
    if limits is not None:
        collection.set_clim(*limits)
    axes.add_collection(collection)
    if mark is not None:
        x, y = world.positions[mark].tolist()
        square = corners[[0, 1, 2, 3, 0]] + torch.tensor([x, y])
        axes.plot(square[:, 0], square[:, 1], color=COLORS["goal"], linewidth=2.5, zorder=3)
    low, high = world.positions.min(dim=0).values - 0.6, world.positions.max(dim=0).values + 0.6
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal", title=title)
    axes.set_axis_off()
    return collection


def show_advice(
    axes: Axes, world: Gridworld, actions: Tensor, right: Tensor, *, title: str, mark: int | None = None
) -> Axes:
    """One action for each state, as an arrow to where the agent then heads: dark where it is right, else orange.

    A cell has up to four arrows, one for each heading: that of the agent who faces right starts at the cell's right
    edge, and so on. An arrow along the heading is a step forward, one across it a turn.

    Args:
        axes: where to draw.
        world: whose states they are.
        actions: indices of :data:`helm_tutorial.worlds.gridworld.ACTIONS`, shape ``(N,)``; states with -1 have no
            arrow.
        right: whether the action is right, shape ``(N,)``.
        title: of the axes.
        mark: a state whose cell gets a frame, for example the goal's.
    """
    ways = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    turn = torch.tensor([-1, 1, 0])  # left, right, forward
    shown = actions >= 0
    heading = world.headings[shown]
    at = world.positions[shown] + 0.3 * ways[heading]
    way = 0.3 * ways[(heading + turn[actions[shown]]) % 4]
    tail = at - way / 2
    for colour, which in ((COLORS["flat"], ~right[shown]), (COLORS["true"], right[shown])):
        axes.quiver(
            *tail[which].T.numpy(),
            *way[which].T.numpy(),
            color=colour,
            angles="xy",
            scale_units="xy",
            scale=1,
            width=0.008,
            headwidth=4.5,
            headlength=4.5,
            headaxislength=4,
            zorder=2,
        )
    low, high = world.positions.min(dim=0).values - 0.6, world.positions.max(dim=0).values + 0.6
    for x, y in world.positions.unique(dim=0).tolist():
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="#F4F4F4", edgecolor="white", linewidth=1.5))
    if mark is not None:
        x, y = world.positions[mark].tolist()
        axes.add_patch(
            Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=COLORS["goal"], linewidth=2.5, zorder=3)
        )
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal", title=title)
    axes.set_axis_off()
    return axes


def show_distance_bands(axes: Axes, geodesic: Tensor, latent: Tensor, color: str, *, title: str = "") -> Axes:
    """Latent distance against geodesic distance: median, and the band that holds 80 % of the pairs.

    Args:
        axes: where to draw.
        geodesic: steps between pairs, shape ``(P,)``.
        latent: latent distance of the same pairs, shape ``(P,)``.
        color: of line and band.
        title: of the axes.
    """
    steps = geodesic.unique()
    steps = steps[steps.isfinite() & (steps > 0)]
    quantiles = torch.stack([latent[geodesic == k].quantile(torch.tensor([0.1, 0.5, 0.9])) for k in steps])
    axes.fill_between(steps, quantiles[:, 0], quantiles[:, 2], color=color, alpha=0.25, linewidth=0)
    axes.plot(steps, quantiles[:, 1], color=color, marker="o", markersize=4)
    axes.set(xlabel="geodesic distance (steps)", ylabel="latent distance", title=title, ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return axes


def show_embedding(axes: Axes, world: Gridworld, latents: Tensor, values: Tensor, *, title: str, **scatter):
    """The latents' first two principal components, a dot a state, coloured by ``values`` ``(N,)``.

    Lines join states that one action leads between.

    Returns:
        The dots, for a colour bar.
    """
    centred = latents - latents.mean(dim=0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    # The sign of a singular vector is arbitrary: let the start lie at the lower left.
    plane = centred @ directions[:2].T
    plane = plane * torch.where(plane[world.start] > 0, -1.0, 1.0)
    source = torch.arange(world.num_states).repeat_interleave(world.transitions.shape[1])
    target = world.transitions.reshape(-1)
    moved = source != target
    pairs = torch.stack([plane[source[moved]], plane[target[moved]]])
    axes.plot(pairs[..., 0].numpy(), pairs[..., 1].numpy(), color=COLORS["faint"], linewidth=0.4, zorder=1)
    dots = axes.scatter(plane[:, 0], plane[:, 1], c=values, s=16, zorder=2, **scatter)
    goals = plane[world.goals]
    axes.scatter(goals[:, 0], goals[:, 1], s=70, facecolors="none", edgecolors=COLORS["goal"], linewidths=1.8, zorder=3)
    axes.set(title=title, xticks=[], yticks=[], xlabel="first principal component", ylabel="second")
    return dots


def show_action_probabilities(axes: Axes, probabilities: Tensor, names: Sequence[str]) -> AxesImage:
    """The relaxed actions of a plan, shape ``(T, A)``, as a strip: one row an action, one column a step, dark is 1.

    Returns:
        The image; it takes ``probabilities.T``.
    """
    horizon, count = probabilities.shape
    image = axes.imshow(
        probabilities.T.numpy(),
        extent=(0.5, horizon + 0.5, count - 0.5, -0.5),
        cmap="Greys",
        vmin=0,
        vmax=1,
        aspect="auto",
        interpolation="nearest",
    )
    axes.set(yticks=range(count), yticklabels=names, xlabel="step of the plan")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[:].set_visible(False)
    return image
