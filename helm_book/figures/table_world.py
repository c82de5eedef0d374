"""An episode in an environment whose places form a table, over the latent distance to its goal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from helm_book.figures.grid import OUTLINE
from helm_book.figures.style import COLORS


def show_walk_in_table(
    axes: Axes, columns: int, places: Tensor, values: Tensor, path: Sequence[int] | Tensor, *, label: str
) -> Axes:
    """A path through a table of places, each place coloured by its value.

    Args:
        axes: where to draw.
        columns: of the table; place ``i`` is in row ``i // columns``.
        places: places that have a value, shape ``(N,)``; all others stay grey.
        values: their values, shape ``(N,)``.
        path: places visited, in order; ends at the goal, which gets a frame.
        label: of the colour bar.
    """
    rows = int(torch.as_tensor(places).max()) // columns + 1
    table = np.full((rows, columns), np.nan)
    table.flat[torch.as_tensor(places).numpy()] = values.numpy()
    axes.set_facecolor(COLORS["faint"])
    image = axes.imshow(table, cmap="viridis_r")
    y, x = np.divmod(torch.as_tensor(path).numpy(), columns)
    axes.plot(x, y, color=COLORS["flat"], linewidth=2, path_effects=OUTLINE, zorder=3)
    axes.plot(x[0], y[0], "o", color=COLORS["flat"], markeredgecolor="white", markersize=9, zorder=4)
    corner = (x[-1] - 0.5, y[-1] - 0.5)
    axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=COLORS["goal"], linewidth=2.5, zorder=5))
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(False)
    axes.figure.colorbar(image, ax=axes, label=label, shrink=0.6)
    return axes
