"""Figures of chapter 2: landscapes with descents, slices, where descent arrives, what a filter keeps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Circle
from torch import Tensor

from helm_tutorial.descent import start_grid
from helm_tutorial.figures.style import COLORS, label_line


def plot_landscape(
    axes: Axes,
    energy: Callable[[Tensor], Tensor],
    *,
    paths: Tensor | None = None,
    radius: float = 0.5,
    half_width: float = 3.0,
    points: int = 101,
) -> Axes:
    """Filled contours of a two-dimensional energy, the target's circle, and descents on top.

    Args:
        axes: where to draw.
        energy: ``(B, 2) -> (B,)``.
        paths: descents, shape ``(B, steps + 1, 2)``; ends inside the circle are filled, the others hollow.
        radius: of the target around the origin.
        half_width: of the square that is shown.
        points: of the drawing's grid along each axis.
    """
    grid = start_grid(half_width=half_width, points=points)
    with torch.no_grad():
        heights = energy(grid).reshape(points, points).T.double().numpy()
    axis = grid[:points, 1].numpy()
    axes.contourf(
        axis, axis, heights, levels=24, cmap="Greys_r", vmin=heights.min() - 0.4 * (heights.max() - heights.min())
    )
    axes.add_patch(Circle((0.0, 0.0), radius, fill=False, edgecolor=COLORS["contrastive"], linewidth=2.5, zorder=4))
    if paths is not None:
        inside = paths[:, -1].norm(dim=1) < radius
        for path, arrived in zip(paths, inside.tolist(), strict=True):
            color = COLORS["contrastive"] if arrived else COLORS["flat"]
            axes.plot(path[:, 0], path[:, 1], color=color, linewidth=0.9, alpha=0.9)
            axes.plot(*path[-1].tolist(), "o", markersize=5, color=color, markerfacecolor=color if arrived else "white")
    axes.set_aspect("equal")
    axes.set_xlim(-half_width, half_width)
    axes.set_ylim(-half_width, half_width)
    axes.set_xlabel("$a_1$")
    axes.set_ylabel("$a_2$")
    return axes


def plot_arrivals(axes: Axes, arrived: Tensor, *, half_width: float = 3.0) -> Axes:
    """Which starts of a square grid arrive: filled where they do.

    Args:
        axes: where to draw.
        arrived: booleans of a two-dimensional :func:`~helm_tutorial.descent.start_grid`, shape ``(points²,)``.
        half_width: of the grid.
    """
    points = round(len(arrived) ** 0.5)
    colors = ListedColormap(["#EFEFEF", COLORS["contrastive"]])
    half_cell = half_width / (points - 1)
    extent = (-half_width - half_cell, half_width + half_cell) * 2
    image = arrived.reshape(points, points).T.int().numpy()
    axes.imshow(image, origin="lower", extent=extent, cmap=colors, vmin=0, vmax=1, interpolation="nearest")
    axes.set_aspect("equal")
    axes.set_xlabel("start $a_1$")
    axes.set_ylabel("start $a_2$")
    return axes


def plot_slice(
    axes: Axes,
    energies: Mapping[str, tuple[Callable[[Tensor], Tensor], str]],
    *,
    half_width: float = 3.0,
    radius: float | None = 0.5,
    centre: bool = True,
) -> Axes:
    """Energies along the line ``a = (x, 0)``.

    Args:
        axes: where to draw.
        energies: label -> energy ``(B, 2) -> (B,)`` and colour name; labels stand at the right end.
        half_width: of the line.
        radius: of the target, shaded; ``None`` for none.
        centre: shift each energy to be 0 at its lowest shown point, so that filters' constants do not matter.
    """
    x = torch.linspace(-half_width, half_width, 601)
    line = torch.stack([x, torch.zeros_like(x)], dim=1)
    if radius is not None:
        axes.axvspan(-radius, radius, color=COLORS["contrastive"], alpha=0.12, linewidth=0)
    for label, (energy, color) in energies.items():
        with torch.no_grad():
            heights = energy(line).double()
        if centre:
            heights = heights - heights.min()
        axes.plot(x, heights, color=COLORS[color])
        label_line(axes, half_width, float(heights[-1]), label, COLORS[color], annotation_clip=False)
    axes.set_xlim(-half_width, half_width)
    axes.set_xlabel("$a_1$ (at $a_2 = 0$)")
    axes.set_ylabel("energy above its lowest point" if centre else "energy")
    return axes


def plot_factors(
    axes: Axes, curves: Sequence[tuple[str, str, Callable[[Tensor], Tensor]]], *, marks: Sequence[float], highest: float
) -> Axes:
    """Fraction of a sine that each filter keeps, against the length of its frequency.

    Args:
        axes: where to draw.
        curves: label, colour name, and the fraction kept as a function of ``|ω|``.
        marks: frequencies to mark with vertical lines.
        highest: end of the horizontal axis.
    """
    frequency = torch.linspace(0.0, highest, 400, dtype=torch.float64)
    for mark in marks:
        axes.axvline(mark, color=COLORS["faint"], linewidth=1)
    ends = []
    for label, color, kept in curves:
        values = kept(frequency)
        axes.plot(frequency, values, color=COLORS[color])
        ends.append((float(values[-1]), label, color))
    height = -math.inf
    for end, label, color in sorted(ends):
        height = max(end, height + 0.07)  # so that labels of lines that end together do not overlap
        label_line(axes, highest, height, label, COLORS[color], annotation_clip=False)
    axes.set_xlim(0.0, highest)
    axes.set_ylim(0.0, 1.03)
    axes.set_xlabel(r"length of the frequency, $|\omega|$")
    axes.set_ylabel("fraction kept")
    return axes


def plot_coverage(axes: Axes, rows: Sequence[tuple[str, str, Sequence[float], float | None]]) -> Axes:
    """Coverage in per cent, one dot a seed, with the report's figure as a cross.

    Args:
        axes: where to draw.
        rows: label, colour name, coverage of each seed as a fraction, the report's or ``None``.
    """
    for row, (_, color, values, reported) in enumerate(rows):
        percent = [100.0 * value for value in values]
        axes.barh(row, sum(percent) / len(percent), height=0.55, color=COLORS[color], alpha=0.3)
        axes.scatter(percent, [row] * len(percent), s=30, color=COLORS[color], zorder=3)
        axes.annotate(
            f"{sum(percent) / len(percent):.1f} %",
            (max([*percent, 100.0 * (reported or 0.0)]), row),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=COLORS[color],
            fontweight="bold",
            annotation_clip=False,
        )
        if reported is not None:
            axes.scatter([100.0 * reported], [row], s=70, marker="x", color=COLORS["true"], linewidth=2, zorder=4)
    axes.set_yticks(range(len(rows)), [row[0] for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("starts that reach the bottom of the bowl, %")
    return axes


def plot_levels(axes: Axes, levels: Sequence[tuple[float, Callable[[Tensor], Tensor], Tensor]]) -> Axes:
    """Slices of ever sharper energies, one below the other, with one descent carried from each to the next.

    Args:
        axes: where to draw.
        levels: width, energy, and the descent on it, shape ``(steps + 1, 2)``; coarse first. The slice and the descent
            are seen along the diagonal, ``a = (x, x)``.
    """
    x = torch.linspace(-3.0, 3.0, 601)
    line = torch.stack([x, x], dim=1)
    spacing = 5.0
    for index, (sigma, energy, path) in enumerate(levels):
        shift = -spacing * index
        with torch.no_grad():
            heights = energy(line)
            lowest = float(heights.min())
            along = path.mean(dim=1).to(x.dtype)
            on_path = energy(torch.stack([along, along], dim=1)) - lowest + shift
        axes.plot(x, heights - lowest + shift, color=COLORS["gaussian"] if sigma else COLORS["true"], linewidth=1.5)
        axes.plot(along, on_path, "o-", color=COLORS["helm"], markersize=3, linewidth=1, zorder=3)
        label_line(axes, 3.0, float(heights[-1]) - lowest + shift, rf"$\sigma = {sigma:g}$", COLORS["true"])
    axes.set_xlabel("position along the diagonal, $a_1 = a_2$")
    axes.set_ylabel("energy, each level shifted down")
    axes.set_yticks([])
    return axes
