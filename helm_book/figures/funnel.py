"""Figures of chapter 2: what a filter keeps, how many starts arrive, and landscapes that move.

The functions named ``stage_...`` draw what stays and return the artists that an explorer of numbers moves, by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from helm_book.figures.style import COLORS, is_narrow, label_line
from helm_tutorial.funnel.descent import start_grid

HIGHEST = 12.0
"""Height above the lowest point at which a moving landscape is white."""


def heights(energy: Callable[[Tensor], Tensor], *, half_width: float = 3.0, points: int = 61) -> Tensor:
    """Energy above its lowest point on a square grid, shape ``(points, points)``, ``a₁`` along the rows.

    Args:
        energy: ``(B, 2) -> (B,)``.
        half_width: of the square.
        points: of the grid along each axis.
    """
    with torch.no_grad():
        values = energy(start_grid(half_width=half_width, points=points)).reshape(points, points).T.double()
    return values - values.min()


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
        axes.scatter(percent, [row] * len(percent), s=30, color=COLORS[color], zorder=3, clip_on=False)
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


def three_panels(figure: Figure) -> list[Axes]:
    """A landscape on the left and two panels on its right; one below the other in a figure drawn for a phone."""
    if is_narrow(figure):
        return list(figure.subplots(3, 1, height_ratios=(1.75, 1, 1)))
    grid = figure.add_gridspec(2, 2, width_ratios=(1.2, 1))
    return [figure.add_subplot(place) for place in (grid[:, 0], grid[0, 1], grid[1, 1])]


def circle(radius: float) -> tuple[Tensor, Tensor]:
    """Both coordinates of a circle around the origin, for a moving line."""
    angle = torch.linspace(0.0, 2.0 * math.pi, 91)
    return radius * angle.cos(), radius * angle.sin()


def stage_landscape(axes: Axes, *, radius: float = 0.5, half_width: float = 3.0, points: int = 61) -> dict[str, Artist]:
    """Axes for a landscape that moves: ``landscape`` takes :func:`heights`, ``target`` a :func:`circle`.

    Greys are the same at every setting, black 5 below the lowest point and white at :data:`HIGHEST` above it.

    Args:
        axes: where to draw.
        radius: of the target around the origin.
        half_width: of the square that is shown.
        points: of the image along each axis.
    """
    edge = half_width * points / (points - 1)  # an image's values stand at the centres of its cells
    image = axes.imshow(
        torch.zeros(points, points).numpy(), origin="lower", extent=(-edge, edge, -edge, edge), cmap="Greys_r",
        vmin=-5.0, vmax=HIGHEST, interpolation="bilinear", zorder=1,
    )  # fmt: skip
    bar = axes.figure.colorbar(image, ax=axes, label="energy above its lowest", shrink=0.6, aspect=25)
    bar.ax.set_ylim(0.0, HIGHEST)
    (target,) = axes.plot(*circle(radius), color=COLORS["contrastive"], linewidth=2.5, zorder=4)
    axes.set_aspect("equal")
    axes.set(xlim=(-half_width, half_width), ylim=(-half_width, half_width), xlabel="$a_1$", ylabel="$a_2$")
    return {"landscape": image, "target": target}


def stage_descents(axes: Axes) -> dict[str, Artist]:
    """Lines and ends of descents that move, for :func:`descents`: green and filled inside the target, else orange."""
    styles = {"trapped": ("flat", "white", 6), "arriving": ("contrastive", COLORS["contrastive"], 7)}
    artists: dict[str, Artist] = {}
    for name, (color, face, order) in styles.items():
        (artists[name],) = axes.plot([], [], color=COLORS[color], linewidth=1.2, zorder=5)
        (artists[f"{name}_ends"],) = axes.plot(
            [], [], "o", markersize=5, color=COLORS[color], markerfacecolor=face, zorder=order
        )
    return artists


def descents(paths: Tensor, *, radius: float = 0.5) -> dict[str, tuple[Tensor, Tensor]]:
    """Numbers of :func:`stage_descents`: the paths ``(B, N, 2)`` as one line with gaps, and where they end."""
    inside = paths[:, -1].norm(dim=1) < radius
    numbers = {}
    for name, chosen in (("arriving", paths[inside]), ("trapped", paths[~inside])):
        gap = torch.full((len(chosen), 1, 2), math.nan, dtype=paths.dtype)
        line = torch.cat([chosen, gap], dim=1).reshape(-1, 2)[:-1]
        for artist, points in ((name, line), (f"{name}_ends", chosen[:, -1])):
            points = points if len(points) else torch.full((1, 2), math.nan)
            numbers[artist] = (points[:, 0], points[:, 1])
    return numbers


def stage_slice(
    axes: Axes, energy: Callable[[Tensor], Tensor], x: Tensor, *, direction: tuple[float, float] = (1.0, 0.0),
    radius: float = 0.5,
) -> dict[str, Artist]:  # fmt: skip
    """Axes for a slice that moves: ``slice`` takes its energies, over the faint slice of ``energy`` and the target.

    Args:
        axes: where to draw.
        energy: ``(B, 2) -> (B,)``, drawn once.
        x: positions along the slice, shape ``(N,)``.
        direction: the slice's points are ``x`` times it.
        radius: half the width of the shaded target along the slice, in units of ``x``.
    """
    axes.axvspan(-radius, radius, color=COLORS["contrastive"], alpha=0.15, linewidth=0)
    # wider than the line that moves, so that it is seen below that one where the two agree
    axes.plot(x, slice_of(energy, x, direction=direction)[1], color=COLORS["faint"], linewidth=4.0, alpha=0.7)
    (line,) = axes.plot([], [], color=COLORS["gaussian"], zorder=3)
    axes.set_xlim(float(x[0]), float(x[-1]))
    return {"slice": line}


def slice_of(
    energy: Callable[[Tensor], Tensor], x: Tensor, *, direction: tuple[float, float] = (1.0, 0.0)
) -> tuple[Tensor, Tensor]:
    """Positions and energies of the points ``x`` times ``direction``, for a moving line."""
    with torch.no_grad():
        return x, energy(x.unsqueeze(1) * torch.tensor(direction, dtype=x.dtype))
