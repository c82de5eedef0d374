"""Descents on many energies at once, for the figures and explorers of chapter 2."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from helm_tutorial._check import require_count, require_real, require_shape
from helm_tutorial.funnel.descent import arrived, descend
from helm_tutorial.funnel.landscape import Energy, RuggedEnergy


def descend_each(
    energies: Sequence[RuggedEnergy], starts: Tensor, *, steps: int = 100, step_size: float = 0.1
) -> Tensor:
    """:func:`descend` on each of ``N`` energies of the same frequencies, all at once.

    Returns:
        The whole paths, shape ``(N, B, steps + 1, A)``.

    Raises:
        ValueError: there are no energies, their frequencies differ, or an argument is out of range.
    """
    stacked, points = _together(energies, starts)
    return descend(stacked, points, steps=steps, step_size=step_size).unflatten(0, (len(energies), -1))


def coverages(
    energies: Sequence[RuggedEnergy], starts: Tensor, *, steps: int = 100, step_size: float = 0.1, radius: float = 0.5
) -> list[float]:
    """:func:`basin_coverage` of many energies of the same frequencies, descended all at once.

    Raises:
        ValueError: there are no energies, their frequencies differ, or an argument is out of range.
    """
    stacked, here = _together(energies, starts)
    for _ in range(steps):  # the ends alone: all paths together would fill the memory
        here = descend(stacked, here, steps=1, step_size=step_size)[:, -1]
    return arrived(here, radius=radius).double().reshape(len(energies), -1).mean(dim=1).tolist()


def _together(energies: Sequence[RuggedEnergy], starts: Tensor) -> tuple[Energy, Tensor]:
    """One energy that is each of the energies on its own copy of the starts, and these copies, ``(N * B, A)``."""
    require_count("the number of energies", len(energies))
    frequencies = energies[0].frequencies
    if any(not torch.equal(energy.frequencies, frequencies) for energy in energies):
        raise ValueError("energies must all have the same frequencies")
    require_shape("starts", starts, ("B", "A"))
    frequencies = frequencies.to(starts.dtype)
    amplitudes = torch.stack([energy.amplitudes for energy in energies]).to(starts.dtype)
    amplitudes = amplitudes.repeat_interleave(len(starts), dim=0)

    def stacked(a: Tensor) -> Tensor:  # constants do not change a descent
        return 0.5 * a.pow(2).sum(-1) + (torch.sin(a @ frequencies.mT) * amplitudes).sum(-1)

    return stacked, starts.repeat(len(energies), 1)


def resample(path: Tensor, *, spacing: float, most: int) -> Tensor:
    """Points at equal distances along one path, its first and last point among them.

    Args:
        path: shape ``(N, A)``, straight between its points.
        spacing: longest distance between two points, where ``most`` allows it.
        most: number of points at the most.

    Returns:
        Shape ``(M, A)`` with ``2 <= M <= most``.

    Raises:
        ValueError: an argument is out of range.
    """
    require_shape("path", path, ("N", "A"))
    require_real("spacing", spacing, above=0.0)
    require_count("most", most, low=2)
    path = torch.cat([path, path[-1:]])  # also a single point is a path then, of length 0
    lengths = (path[1:] - path[:-1]).norm(dim=1)
    along = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
    count = min(most, max(2, 1 + math.ceil(float(along[-1]) / spacing)))
    wanted = torch.linspace(0.0, 1.0, count, dtype=path.dtype) * along[-1]
    after = torch.searchsorted(along, wanted).clamp(1, len(path) - 1)
    share = (wanted - along[after - 1]) / lengths[after - 1].clamp_min(torch.finfo(path.dtype).tiny)
    points = path[after - 1] + share.clamp(0.0, 1.0).unsqueeze(1) * (path[after] - path[after - 1])
    points[-1] = path[-1]
    return points
