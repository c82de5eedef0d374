"""Widths of coarse-to-fine descent that are derived from the energy, and the stationary point where descent ends.

The widest smoothing is strongly convex, so all descents meet at its one minimum. Each narrower width is chosen so that
this point is provably inside a bowl of the next level, down to the energy itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from helm_tutorial._check import require_count, require_real, require_shape
from helm_tutorial.funnel.landscape import RuggedEnergy, mollify


@dataclass(frozen=True)
class Schedule:
    """Widths of a coarse-to-fine descent and the number of steps at each.

    Attributes:
        sigmas: widths, strictly decreasing to 0.
        steps: gradient evaluations of each level, enough to come ``1 / shrink`` times nearer to its minimum.
    """

    sigmas: tuple[float, ...]
    steps: tuple[int, ...]

    @property
    def evaluations(self) -> int:
        """Gradient evaluations of one descent."""
        return sum(self.steps)


def ball_curvature(energy: RuggedEnergy, a: Tensor, radius: float) -> float:
    """Lower bound on every eigenvalue of every Hessian within ``radius`` of the point ``a``, shape ``(A,)``.

    In this ball the phase ``ω·x`` changes by at most ``|ω| radius``. That bounds each ``A sin(ω·x)`` from above by some
    ``M``, so ``H(x) >= I - Σ_k M_k ω_k ω_kᵀ``.
    """
    require_shape("a", a, (energy.dimension,))
    require_real("radius", radius, low=0.0)
    frequencies = energy.frequencies.double()
    swing = radius * frequencies.norm(dim=1)
    # A negative amplitude is a sine half a turn on.
    phase = frequencies @ a.double() + math.pi * (energy.amplitudes < 0).double()
    from_peak = torch.remainder(phase - math.pi / 2 + math.pi, 2 * math.pi) - math.pi
    highest = torch.cos((from_peak.abs() - swing).clamp_min(0.0)) * energy.amplitudes.double().abs()
    hessian = torch.eye(energy.dimension, dtype=torch.float64) - (frequencies.mT * highest) @ frequencies
    return float(torch.linalg.eigvalsh(hessian)[0])


def tracking_margin(energy: RuggedEnergy, a: Tensor, *, radii: int = 40) -> tuple[float, float]:
    """Margin by which ``a`` is inside a bowl of ``energy``; if positive, descent from ``a`` stays there and converges.

    The margin is the largest ``½ μ_ρ ρ - |∇E(a)|`` over radii ``ρ``, with ``μ_ρ`` from :func:`ball_curvature`. If it is
    positive, the ball of radius ``ρ`` around ``a`` has exactly one stationary point. It is a minimum, its distance from
    ``a`` is at most ``|∇E(a)| / μ_ρ``, and descent with any step up to ``1 / L`` leads there.

    Args:
        energy: the level that is descended.
        a: shape ``(A,)``.
        radii: number of radii to try, up to a quarter of the shortest wave.

    Returns:
        The margin, and the curvature ``μ_ρ`` at the radius that gives it.
    """
    require_count("radii", radii)
    longest = 0.5 * math.pi / float(energy.frequencies.norm(dim=1).max())
    best = (-math.inf, 0.0)
    for index in range(1, radii + 1):
        radius = longest * index / radii
        curvature = ball_curvature(energy, a, radius)
        best = max(best, (0.5 * curvature * radius, curvature))
    return best[0] - float(energy.gradient(a.double().unsqueeze(0)).norm()), best[1]


def coarse_width(energy: RuggedEnergy, curvature: float = 0.5) -> float:
    """Smallest width at which the smoothed energy's curvature is at least ``curvature`` everywhere.

    At the convexity width it is only known to be at least 0, which gives descent no rate. The bowl's own is 1.
    """
    require_real("curvature", curvature, low=0.0, high=0.99)
    low, high = 0.0, 1.0
    while mollify(energy, high).lowest_curvature() < curvature:
        high *= 2.0
    while high - low > 1e-9:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if mollify(energy, middle).lowest_curvature() < curvature else (low, middle)
    return high


def derived_schedule(
    energy: RuggedEnergy, *, curvature: float = 0.5, safety: float = 0.5, shrink: float = 0.01
) -> Schedule:
    """Derive the widths and steps of coarse-to-fine descent from the energy alone.

    The first width is :func:`coarse_width`. Each next one is the smallest at which the last level's minimum still
    satisfies ``|∇E(a)| <= safety * ½ μ_ρ ρ`` for some radius, see :func:`tracking_margin`. A ``safety`` below 1 leaves
    room for levels that are not descended to their end. Each level has as many steps as it takes to multiply the
    distance to its minimum by ``shrink``.

    Args:
        energy: the energy that is not smoothed.
        curvature: least curvature of the first level.
        safety: between 0 and 1.
        shrink: between 0 and 1.

    Raises:
        ValueError: a level's minimum cannot be followed to any narrower width.
    """
    require_real("safety", safety, above=0.0, high=1.0)
    require_real("shrink", shrink, above=0.0, high=0.99)
    sigma = coarse_width(energy, curvature)
    level = mollify(energy, sigma)
    point = polished(level, torch.zeros(1, energy.dimension, dtype=torch.float64), steps=1000)[0]
    sigmas, steps = [sigma], [_steps(curvature, level, shrink)]
    while sigma > 0.0:
        sigma = _next_width(energy, point, sigma, safety)
        level = mollify(energy, sigma)
        steps.append(_steps(tracking_margin(level, point)[1], level, shrink))
        point = polished(level, point.unsqueeze(0), steps=1000)[0]
        sigmas.append(sigma)
    return Schedule(tuple(sigmas), tuple(steps))


def _next_width(energy: RuggedEnergy, point: Tensor, sigma: float, safety: float) -> float:
    def safe(width: float) -> bool:
        level = mollify(energy, width)
        slope = float(level.gradient(point.unsqueeze(0)).norm())
        return tracking_margin(level, point)[0] + slope >= slope / safety

    if safe(0.0):
        return 0.0
    low, high = 0.0, sigma
    while high - low > 1e-4 * sigma:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if safe(middle) else (middle, high)
    if high > (1.0 - 2e-4) * sigma:
        raise ValueError(f"the minimum of the level of width {sigma:.4g} cannot be followed to a narrower one")
    return round(high, 4) if safe(round(high, 4)) else high


def _steps(curvature: float, level: RuggedEnergy, shrink: float) -> int:
    return math.ceil(math.log(shrink) / math.log1p(-curvature / level.highest_curvature()))


def polished(energy: RuggedEnergy, points: Tensor, *, steps: int = 2000, newton: int = 8) -> Tensor:
    """Minimum of the hollow that each point is in, float64, shape ``(B, A)``.

    It comes from descent with steps too short to leave the hollow, then from Newton's method. A Newton step longer than
    an eighth of the shortest wave is not taken.
    """
    require_shape("points", points, ("B", energy.dimension))
    require_count("steps", steps)
    require_count("newton", newton, low=0)
    here, step = points.detach().double(), 1.0 / energy.highest_curvature()
    for _ in range(steps):
        here = here - step * energy.gradient(here)
    reach = 0.25 * math.pi / max(1.0, float(energy.frequencies.norm(dim=1).max()))
    for _ in range(newton):
        move = torch.linalg.lstsq(
            energy.hessian(here), energy.gradient(here).unsqueeze(2), driver="gels"
        ).solution.squeeze(2)
        here = here - torch.where(move.norm(dim=1, keepdim=True) <= reach, move, torch.zeros_like(move))
    return here
