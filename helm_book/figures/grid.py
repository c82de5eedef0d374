"""Plots of a grid world: the cells of a path, advice for each state, and distances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from helm_book.figures.style import COLORS
from helm_tutorial.worlds.gridworld import Gridworld

OUTLINE = [patheffects.withStroke(linewidth=4.5, foreground="white")]


def path_of(world: Gridworld, states: Sequence[int] | Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows of the cells that a path of states goes through, each of shape ``(n,)``."""
    columns, rows = world.positions[torch.as_tensor(states)].numpy().T
    return columns, rows


def lanes(world: Gridworld) -> Tensor:
    """States along every row and column, each way, in the order in which steps forward join them.

    Lane follows lane, and after each comes ``N``, one past the last state, which marks a gap. Shape ``(L,)``.
    """
    along = torch.tensor([0, 1, 0, 1])[world.headings]  # the axis that a step forward moves along
    states, headings = range(world.num_states), world.headings.tolist()
    lane = world.positions[states, 1 - along].tolist()
    place = world.positions[states, along].tolist()
    order: list[int] = []
    for heading in range(4):
        for number in sorted(set(lane)):
            on = [s for s in states if headings[s] == heading and lane[s] == number]
            order += [*sorted(on, key=lambda s: place[s]), world.num_states]
    return torch.tensor(order)


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
