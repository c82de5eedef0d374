"""Gradient descent from many starts at once, plain or from coarse to fine."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from helm_tutorial._check import require_count, require_real, require_shape
from helm_tutorial.funnel.landscape import Energy, mollify


def start_grid(*, dimension: int = 2, half_width: float = 3.0, points: int = 50) -> Tensor:
    """Regular grid on ``[-half_width, half_width]^A``, edges included.

    The grid has shape ``(points^A, A)``, float32, where ``A`` is ``dimension``.
    """
    require_count("dimension", dimension)
    require_count("points", points, low=2)
    require_real("half_width", half_width, above=0.0)
    require_count("points ** dimension", points**dimension, high=10_000_000)
    axis = torch.linspace(-half_width, half_width, points)
    return torch.cartesian_prod(*[axis] * dimension).reshape(-1, dimension)


def descend(energy: Energy, starts: Tensor, *, steps: int = 100, step_size: float = 0.1) -> Tensor:
    """Descend an energy by plain gradient steps, from every start at once.

    Args:
        energy: see :data:`~helm_tutorial.funnel.landscape.Energy`.
        starts: shape ``(B, A)``.
        steps: number of gradient evaluations.
        step_size: factor of the gradient, the same for every step.

    Returns:
        The whole paths, shape ``(B, steps + 1, A)``; they end at ``[:, -1]``.

    Example:
        >>> import torch
        >>> descend(lambda a: a.square().sum(1), torch.ones(1, 1), steps=3, step_size=0.25).flatten()
        tensor([1.0000, 0.5000, 0.2500, 0.1250])
    """
    require_shape("starts", starts, ("B", "A"))
    require_count("steps", steps)
    require_real("step_size", step_size, above=0.0)
    points = [starts.detach()]
    for _ in range(steps):
        with torch.enable_grad():
            here = points[-1].clone().requires_grad_(True)
            (gradient,) = torch.autograd.grad(energy(here).sum(), here)
        points.append(points[-1] - step_size * gradient)
    return torch.stack(points, dim=1)


def descend_coarse_to_fine(
    energy: Energy,
    starts: Tensor,
    sigmas: Sequence[float],
    *,
    steps: int | Sequence[int] = 20,
    step_size: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Descend an energy from coarse to fine.

    Descent begins on the most smoothed energy. Each level continues where the last one ended, and the last level is the
    energy itself.

    Args:
        energy: the unsmoothed energy.
        starts: shape ``(B, A)``.
        sigmas: widths of :func:`~helm_tutorial.funnel.landscape.mollify`, strictly decreasing to 0.
        steps: gradient evaluations on each level: one number for all, or one per level.
        step_size: step size on every level. By default it is ``1 / highest_curvature`` of the level, which is safe;
            only a :class:`~helm_tutorial.funnel.landscape.RuggedEnergy` has this bound.
        generator: source of the noise, for an energy whose smoothing has no closed form.

    Returns:
        The whole paths, shape ``(B, sum of all steps + 1, A)``.
    """
    sigmas = [float(sigma) for sigma in sigmas]
    if not sigmas or sigmas[-1] != 0.0 or any(a <= b for a, b in itertools.pairwise(sigmas)):
        raise ValueError(f"sigmas must decrease strictly and end in 0, got {sigmas}")
    counts = list(steps) if isinstance(steps, Sequence) else [steps] * len(sigmas)
    if len(counts) != len(sigmas):
        raise ValueError(f"steps must be one for each of {len(sigmas)} levels, got {len(counts)}")
    paths = [starts.detach().unsqueeze(1)]
    for sigma, count in zip(sigmas, counts, strict=True):
        level = mollify(energy, sigma, generator=generator) if sigma else energy
        size = 1.0 / level.highest_curvature() if step_size is None else step_size
        paths.append(descend(level, paths[-1][:, -1], steps=count, step_size=size)[:, 1:])
    return torch.cat(paths, dim=1)


def arrived(ends: Tensor, *, target: Tensor | None = None, radius: float = 0.5) -> Tensor:
    """Tell which ends are strictly within ``radius`` of ``target``.

    The default target is the origin, as in the report: the centre of the bowl, if the sines are read as noise. The
    origin is neither the lowest point of the rugged energy nor a stationary one.

    Args:
        ends: shape ``(B, A)``.
        target: shape ``(A,)``.
        radius: a length above 0.

    Returns:
        Shape ``(B,)``, boolean; false for an end that diverged to infinity or ``nan``.
    """
    require_shape("ends", ends, ("B", "A"))
    require_real("radius", radius, above=0.0)
    if target is not None:
        require_shape("target", target, (ends.shape[1],))
        ends = ends - target
    return ends.norm(dim=1) < radius


def basin_coverage(
    energy: Energy, starts: Tensor, *, steps: int = 100, step_size: float = 0.1, radius: float = 0.5
) -> float:
    """Fraction of starts from which descent ends within ``radius`` of the origin.

    The descent is that of :func:`descend`.
    """
    ends = descend(energy, starts, steps=steps, step_size=step_size)[:, -1]
    return float(arrived(ends, radius=radius).double().mean())
