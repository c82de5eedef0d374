"""Gradient descent from many starts at once: where it ends, and how it does better from coarse to fine."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from helm_tutorial._check import require_count, require_real, require_shape
from helm_tutorial.funnel.landscape import RuggedEnergy, mollified

Energy = Callable[[Tensor], Tensor]
"""Anything callable as ``energy(a)``, with shapes ``(B, A) -> (B,)``, differentiable by autograd."""


def start_grid(*, dimension: int = 2, half_width: float = 3.0, points: int = 50) -> Tensor:
    """Regular grid on ``[-half_width, half_width]^A``, edges included, shape ``(points^A, A)``, float32.

    Raises:
        ValueError: a count is out of range, the grid exceeds ten million points, or ``half_width`` is not positive.
    """
    require_count("dimension", dimension)
    require_count("points", points, low=2)
    require_real("half_width", half_width, above=0.0)
    require_count("points ** dimension", points**dimension, high=10_000_000)
    axis = torch.linspace(-half_width, half_width, points)
    return torch.cartesian_prod(*[axis] * dimension).reshape(-1, dimension)


def descend(energy: Energy, starts: Tensor, *, steps: int = 100, step_size: float = 0.1) -> Tensor:
    """Plain gradient descent from every start.

    Args:
        energy: see :data:`Energy`.
        starts: shape ``(B, A)``.
        steps: number of gradient evaluations.
        step_size: the same for every step; the defaults are the report's.

    Returns:
        The whole paths, shape ``(B, steps + 1, A)``; the ends are ``[:, -1]``.

    Raises:
        ValueError: an argument is out of range.
    """
    require_shape("starts", starts, ("B", "A"))
    require_count("steps", steps)
    require_real("step_size", step_size, above=0.0)
    points = [starts.detach()]
    for _ in range(steps):
        here = points[-1].clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(energy(here).sum(), here)
        points.append(points[-1] - step_size * gradient)
    return torch.stack(points, dim=1)


def descend_coarse_to_fine(
    energy: RuggedEnergy, starts: Tensor, sigmas: Sequence[float], *, steps: int | Sequence[int] = 20
) -> Tensor:
    """Descend the mollified energy, sharpen it, go on from where you are; end on the energy itself.

    Each level's step is ``1 / highest_curvature``, the longest that cannot overshoot at that width, so a coarse level
    takes long steps and the fine one short ones.

    Args:
        energy: the unsmoothed energy.
        starts: shape ``(B, A)``.
        sigmas: widths, strictly decreasing, the last one 0.
        steps: gradient evaluations a level, one number or one for each level.

    Returns:
        The whole paths, shape ``(B, sum of all steps + 1, A)``.

    Raises:
        ValueError: ``sigmas`` is not strictly decreasing to 0, or ``steps`` is below 1 or not one for each level.
    """
    sigmas = [float(sigma) for sigma in sigmas]
    if not sigmas or sigmas[-1] != 0.0 or any(a <= b for a, b in itertools.pairwise(sigmas)):
        raise ValueError(f"sigmas must decrease strictly and end in 0, got {sigmas}")
    counts = [steps] * len(sigmas) if isinstance(steps, int) else list(steps)
    if len(counts) != len(sigmas):
        raise ValueError(f"steps must be one for each of {len(sigmas)} levels, got {len(counts)}")
    paths = [starts.detach().unsqueeze(1)]
    for sigma, count in zip(sigmas, counts, strict=True):
        level = mollified(energy, sigma)
        path = descend(level, paths[-1][:, -1], steps=count, step_size=1.0 / level.highest_curvature())
        paths.append(path[:, 1:])
    return torch.cat(paths, dim=1)


def arrived(ends: Tensor, *, target: Tensor | None = None, radius: float = 0.5) -> Tensor:
    """Which ends lie strictly within ``radius`` of ``target`` (the origin by default), shape ``(B,)``, boolean.

    The report's target is the origin, the centre of the bowl: it reads the sines as noise. The origin is neither the
    lowest point of the rugged energy nor a stationary one.

    Raises:
        ValueError: a shape or ``radius`` is out of range.
    """
    require_shape("ends", ends, ("B", "A"))
    require_real("radius", radius, above=0.0)
    if target is not None:
        require_shape("target", target, (ends.shape[1],))
        ends = ends - target
    # A point that ran away to infinity or NaN has not arrived: the comparison is false there.
    return ends.norm(dim=1) < radius


def basin_coverage(
    energy: Energy, starts: Tensor, *, steps: int = 100, step_size: float = 0.1, radius: float = 0.5
) -> float:
    """Share of ``starts`` from which descent ends within ``radius`` of the origin.

    Raises:
        ValueError: an argument is out of range.
    """
    ends = descend(energy, starts, steps=steps, step_size=step_size)[:, -1]
    return float(arrived(ends, radius=radius).double().mean())
