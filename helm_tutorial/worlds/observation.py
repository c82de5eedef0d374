"""Observations of a gridworld: by cells, by rows and columns, or as pixels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX, STATE_TO_IDX
from torch import Tensor

from helm_tutorial._check import require_choice

KINDS = ("cells", "profiles", "pixels")
"""Kinds of observation; see :class:`View`."""


@dataclass(frozen=True)
class View:
    """Turn a world's images into observations.

    ``"cells"``: object, colour and state of each cell are categories, so each becomes a one-hot vector.

    ``"profiles"``: how often each category occurs in each row and in each column. Only the agent moves, so profiles
    distinguish the states as well as cells do. What a network learns about one cell then holds for its whole row and
    column; from one-hot cells it has to learn each cell separately.

    ``"pixels"``: the rendered image, red, green and blue.

    Entries that are the same in every state are left out of cells and profiles. Profiles and pixels are centred and
    scaled to suit a network; cells are left as they are.

    Attributes:
        kind: one of :data:`KINDS`.
        varying: which entries differ between states, shape ``(entries,)``; ``None`` for pixels.
        centre: subtracted from each observation: the mean over the states, or 0 for cells.
        scale: factor applied after that, so that observations have mean square 1; 1 for cells.
    """

    kind: str
    varying: Tensor | None
    centre: Tensor
    scale: float

    def __call__(self, images: Tensor) -> Tensor:
        """Map images ``(..., width, height, 3)`` to observations ``(..., F)``.

        Pixels come row by row, as MiniGrid renders them: ``(..., height, width, 3)`` becomes
        ``(..., 3, height, width)``.
        """
        return (_raw(self.kind, images, self.varying) - self.centre) * self.scale

    def restore(self, observations: Tensor) -> Tensor:
        """Undo the centring and scaling of observations.

        The result holds ones and zeros, counts, or pixels between 0 and 1. Nothing is rounded.
        """
        return observations / self.scale + self.centre


def view_of(kind: str, images: Tensor) -> View:
    """Build the view of a world from one image of each state.

    ``images`` has the shape that :class:`View` takes, with one row for each state.
    """
    require_choice("observation", kind, KINDS)
    varying = None
    if kind != "pixels":
        entries = _entries(kind, images)
        varying = (entries != entries[:1]).any(dim=0)
    raw = _raw(kind, images, varying)
    if kind == "cells":
        return View(kind, varying, torch.zeros(raw.shape[1]), 1.0)
    centre = raw.mean(dim=0)
    return View(kind, varying, centre, float((raw - centre).square().mean().clamp_min(1e-12).rsqrt()))


def _raw(kind: str, images: Tensor, varying: Tensor | None) -> Tensor:
    if kind == "pixels":
        return images.float().movedim(-1, -3) / 255.0
    return _entries(kind, images)[..., varying].float()


def _entries(kind: str, images: Tensor) -> Tensor:
    """One-hot categories by cell, or their counts by row and by column.

    Each entry is one byte, because there are many.
    """
    sizes = (len(OBJECT_TO_IDX), len(COLOR_TO_IDX), len(STATE_TO_IDX) + 1)  # an agent's state is one of 4 headings
    cells = torch.cat([images[..., c, None] == torch.arange(size) for c, size in enumerate(sizes)], dim=-1)
    if kind == "cells":
        return cells.flatten(start_dim=-3)
    return torch.cat([cells.sum(dim=side).to(torch.uint8).flatten(-2) for side in (-3, -2)], dim=-1)
