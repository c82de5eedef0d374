"""A table of shares that takes numbers, a frame around the row and column chosen: for an explorer of two settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from helm_book.figures.style import COLORS

CORNERS_ACROSS, CORNERS_UP = (0, 1, 1, 0, 0), (0, 0, 1, 1, 0)


def moving_table(axes: Axes, across: Sequence[float], up: Sequence[float]) -> dict[str, Artist]:
    """Boxes of equal width and height around ``across`` and ``up``, with a word each, and a frame.

    The axes count in the values themselves, however unevenly they lie, so that a reader who presses a box
    chooses its values (``drag={"frame": ...}``).

    Args:
        axes: where to draw; its ticks become the values.
        across: values of the columns, rising, two or more.
        up: values of the rows, rising, two or more, the first at the bottom.

    Returns:
        The moving artists by name, which take what :func:`table_numbers` gives. Their names are ``table``, ``frame``,
        and ``share_0_0`` and so on, row by row from below.
    """
    edges = []
    for axis, set_scale, values in ((axes.xaxis, axes.set_xscale, across), (axes.yaxis, axes.set_yscale, up)):
        knots, places = _scale(values)
        there, back = partial(np.interp, xp=knots, fp=places), partial(np.interp, xp=places, fp=knots)
        set_scale("function", functions=(there, back))
        axis.set_ticks(list(values), labels=[f"{value:g}" for value in values])
        axis.set_ticks([], minor=True)
        edges.append(knots[::2])
    axes.set(xlim=edges[0][[0, -1]], ylim=edges[1][[0, -1]])
    boxes = [_corners(edges[0][j : j + 2], edges[1][i : i + 2]) for i in range(len(up)) for j in range(len(across))]
    # The map goes on where no share does: a word in black is read on every colour.
    table = PolyCollection([np.stack(box, axis=1) for box in boxes], array=np.zeros(len(boxes)), cmap="Greens")
    table.set_clim(0.2, 1.6)
    axes.add_collection(table)
    artists: dict[str, Artist] = {"table": table}
    for i, y in enumerate(up):
        for j, x in enumerate(across):
            artists[f"share_{i}_{j}"] = axes.text(x, y, "", ha="center", va="center", zorder=3)
    (artists["frame"],) = axes.plot([], [], color=COLORS["goal"], linewidth=3, zorder=4, clip_on=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return artists


def table_numbers(
    across: Sequence[float], up: Sequence[float], shares: Mapping[tuple[float, float], float], at: tuple[float, float]
) -> dict[str, object]:
    """Numbers for the artists of :func:`moving_table`.

    Args:
        across: as there.
        up: as there.
        shares: between 0 and 1, for each ``(across, up)``; written in per cent.
        at: the ``(across, up)`` that the frame is drawn around.
    """
    edges = [_scale(values)[0][::2] for values in (across, up)]
    j, i = list(across).index(at[0]), list(up).index(at[1])
    words = {f"share_{i}_{j}": f"{100 * shares[x, y]:.0f}" for i, y in enumerate(up) for j, x in enumerate(across)}
    frame = _corners(edges[0][j : j + 2], edges[1][i : i + 2])
    return {"table": [shares[x, y] for y in up for x in across], "frame": frame, **words}


def _scale(values: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Edges and values in turn, and their places: a value is in the middle of its box, boxes are one wide."""
    values = np.asarray(values, dtype=float)
    middles = (values[1:] + values[:-1]) / 2
    edges = np.concatenate([[2 * values[0] - middles[0]], middles, [2 * values[-1] - middles[-1]]])
    knots = np.empty(2 * len(values) + 1)
    knots[::2], knots[1::2] = edges, values
    return knots, np.arange(len(knots)) / 2


def _corners(across: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return across[list(CORNERS_ACROSS)], up[list(CORNERS_UP)]
