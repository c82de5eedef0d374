"""The rugged energy of chapter 2 and two ways to smooth it, all in closed form.

A quadratic bowl plus a sum of sines stays one under every filter used here: the bowl keeps its curvature and each sine
keeps a fraction of its amplitude that depends on the length of its frequency alone. So a smoothed energy is an energy
of the same kind, with smaller amplitudes.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from helm_tutorial._check import require_count, require_real, require_shape


@dataclass(frozen=True, eq=False)
class RuggedEnergy:
    """``E(a) = ½|a|² + Σ_k A_k sin(ω_k · a) + c``, callable on a batch of points.

    Here ``A``, the dimension of the action that the energy scores, is the dimension of the space; ``K`` counts sines.

    Attributes:
        frequencies: the ``ω_k``, shape ``(K, A)``.
        amplitudes: the ``A_k``, shape ``(K,)``.
        offset: the constant ``c``.

    Raises:
        ValueError: the shapes do not fit each other.
    """

    frequencies: Tensor
    amplitudes: Tensor
    offset: float = 0.0

    def __post_init__(self) -> None:
        require_shape("frequencies", self.frequencies, ("K", "A"))
        require_shape("amplitudes", self.amplitudes, (len(self.frequencies),))

    @property
    def dimension(self) -> int:
        """Dimension of the space, ``A``."""
        return self.frequencies.shape[1]

    def __call__(self, a: Tensor) -> Tensor:
        """Energy of each point, ``(B, A) -> (B,)``; further leading dimensions are kept."""
        frequencies, amplitudes = self.frequencies.to(a.dtype), self.amplitudes.to(a.dtype)
        return 0.5 * a.pow(2).sum(-1) + torch.sin(a @ frequencies.mT) @ amplitudes + self.offset

    def gradient(self, a: Tensor) -> Tensor:
        """``a + Σ_k A_k ω_k cos(ω_k · a)``, ``(B, A) -> (B, A)``."""
        frequencies, amplitudes = self.frequencies.to(a.dtype), self.amplitudes.to(a.dtype)
        return a + (torch.cos(a @ frequencies.mT) * amplitudes) @ frequencies

    def hessian(self, a: Tensor) -> Tensor:
        """``I - Σ_k A_k sin(ω_k · a) ω_k ω_kᵀ``, ``(B, A) -> (B, A, A)``."""
        frequencies, amplitudes = self.frequencies.to(a.dtype), self.amplitudes.to(a.dtype)
        weights = torch.sin(a @ frequencies.mT) * amplitudes
        identity = torch.eye(self.dimension, dtype=a.dtype)
        return identity - torch.einsum("...k,ki,kj->...ij", weights, frequencies, frequencies)

    def lowest_curvature(self) -> float:
        """Lower bound on every eigenvalue of every Hessian: ``1 - λ_max(Σ_k |A_k| ω_k ω_kᵀ)``.

        Positive means convex everywhere. The bound is attained where all the sines peak together, if anywhere.
        """
        return 1.0 - self._roughness()

    def highest_curvature(self) -> float:
        """Upper bound on every eigenvalue of every Hessian; ``1`` over it is a safe step of gradient descent."""
        return 1.0 + self._roughness()

    def _roughness(self) -> float:
        frequencies = self.frequencies.double()
        return float(torch.linalg.eigvalsh((frequencies.mT * self.amplitudes.double().abs()) @ frequencies)[-1])

    def trapping_radius(self) -> float:
        """Radius ``R`` around the origin outside which every gradient step leads inwards.

        ``R`` is the longest that ``Σ_k A_k ω_k c_k`` can be for ``|c_k| <= 1``. A step of length ``η <= 1`` is
        ``(1 - η) a - η Σ_k A_k ω_k cos(ω_k · a)``, so ``|a_n| <= R + (1 - η)^n (|a_0| - R)`` from any start with
        ``|a_0| >= R``: all stationary points, and all descents in the end, lie within ``R``. No convexity is needed.

        The maximum is over the corners of the cube of ``c``. Sines whose frequencies are orthogonal to all others of
        another group add their squares, so each group has its own ``2^(K-1)`` corners.

        Raises:
            ValueError: there are more than 20 sines in one group.
        """
        forces = self.amplitudes.double().unsqueeze(1) * self.frequencies.double()
        return math.sqrt(sum(_longest(forces[group]) ** 2 for group in _orthogonal_groups(self.frequencies)))


def _orthogonal_groups(frequencies: Tensor) -> list[list[int]]:
    """Indices of the rows, parted so that rows of different groups are orthogonal."""
    touching = (frequencies @ frequencies.mT) != 0.0
    groups: list[list[int]] = []
    for row in range(len(frequencies)):
        joined = [group for group in groups if bool(touching[row, group].any())]
        groups = [group for group in groups if group not in joined] + [[*itertools.chain(*joined), row]]
    return groups


def _longest(forces: Tensor) -> float:
    """Longest ``Σ_k ± forces_k`` over all signs, for ``(K, A)``."""
    require_count("the number of sines", len(forces), high=20)
    # A corner and its opposite give the same length, so the first sign can stay fixed.
    corners = torch.tensor(list(itertools.product((1.0, -1.0), repeat=len(forces) - 1)), dtype=torch.float64)
    return float((forces[0] + corners @ forces[1:]).norm(dim=1).max())


def report_energy(dimension: int = 2) -> RuggedEnergy:
    """The report's energy: ``½|a|² + sin 5a₁ + sin 5a₂ + ½ sin(7a₁ + 7a₂)``, in float64.

    In more dimensions, one copy of it on each pair of coordinates.

    Raises:
        ValueError: ``dimension`` is odd or below 2.
    """
    require_count("dimension", dimension, low=2)
    if dimension % 2:
        raise ValueError(f"dimension must be even, got {dimension}")
    pair = torch.tensor([[5.0, 0.0], [0.0, 5.0], [7.0, 7.0]], dtype=torch.float64)
    frequencies = torch.block_diag(*[pair] * (dimension // 2))
    return RuggedEnergy(frequencies, torch.tensor([1.0, 1.0, 0.5], dtype=torch.float64).repeat(dimension // 2))


def gaussian_factor(energy: RuggedEnergy, sigma: float) -> Tensor:
    """Fraction ``exp(-σ²|ω|²/2)`` of each sine that Gaussian mollification keeps, shape ``(K,)``.

    Raises:
        ValueError: ``sigma`` is negative.
    """
    require_real("sigma", sigma, low=0.0)
    return torch.exp(-0.5 * sigma**2 * energy.frequencies.pow(2).sum(1))


def mollified(energy: RuggedEnergy, sigma: float) -> RuggedEnergy:
    """Gaussian mollification ``E_σ(a) = E[E(a + σ ξ)]`` with ``ξ`` standard normal, in closed form.

    Each sine keeps :func:`gaussian_factor`, the bowl keeps its curvature and rises by ``σ² A / 2``.

    Raises:
        ValueError: ``sigma`` is negative.

    Example:
        >>> energy = report_energy()
        >>> [round(mollified(energy, sigma).trapping_radius(), 2) for sigma in (0.0, 0.25, 0.5)]
        [12.02, 3.47, 0.31]
    """
    return replace(
        energy,
        amplitudes=energy.amplitudes * gaussian_factor(energy, sigma),
        offset=energy.offset + 0.5 * sigma**2 * energy.dimension,
    )


def invariant_factor(energy: RuggedEnergy, sigma: float, weight: float) -> Tensor:
    """Fraction ``1 / (1 + 2λ(1 - exp(-σ²|ω|²/2)))`` of each sine that the invariance loss keeps, shape ``(K,)``.

    It never falls below ``1 / (1 + 2λ)``.

    Raises:
        ValueError: ``sigma`` or ``weight`` is negative.
    """
    require_real("weight", weight, low=0.0)
    return 1.0 / (1.0 + 2.0 * weight * (1.0 - gaussian_factor(energy, sigma)))


def invariance_optimum(energy: RuggedEnergy, sigma: float, weight: float) -> RuggedEnergy:
    """Minimiser of ``E (f - E)² + λ E (f(a) - f(a + δ))²`` for data spread evenly over the whole space.

    A stationary quadratic form is diagonal in frequency: the sine of frequency ``ω`` keeps :func:`invariant_factor`. A
    quadratic keeps its curvature exactly and rises by ``λ σ² A``. On a bounded box this holds at a distance of a few
    times ``σ √λ`` from the boundary.

    Raises:
        ValueError: ``sigma`` or ``weight`` is negative.
    """
    return replace(
        energy,
        amplitudes=energy.amplitudes * invariant_factor(energy, sigma, weight),
        offset=energy.offset + weight * sigma**2 * energy.dimension,
    )


def convexity_width(energy: RuggedEnergy) -> float:
    """Smallest width ``σ`` at which :meth:`RuggedEnergy.lowest_curvature` of the mollified energy is not negative.

    By bisection to 1e-12; 0 where the energy is convex already.

    Example:
        >>> round(convexity_width(report_energy()), 3)
        0.507
    """
    return _bisect(lambda sigma: mollified(energy, sigma).lowest_curvature() >= 0.0)


def funnel_width(energy: RuggedEnergy, radius: float) -> float:
    """Smallest width ``σ`` at which the mollified energy's :meth:`RuggedEnergy.trapping_radius` is ``radius``.

    Raises:
        ValueError: ``radius`` is not positive.
    """
    require_real("radius", radius, above=0.0)
    return _bisect(lambda sigma: mollified(energy, sigma).trapping_radius() <= radius)


def funnel_weight(energy: RuggedEnergy, sigma: float, radius: float) -> float:
    """Smallest weight ``λ`` at which :func:`invariance_optimum`'s trapping radius is ``radius``.

    Raises:
        ValueError: ``sigma`` or ``radius`` is not positive.
    """
    require_real("sigma", sigma, above=0.0)
    require_real("radius", radius, above=0.0)
    return _bisect(lambda weight: invariance_optimum(energy, sigma, weight).trapping_radius() <= radius)


def _bisect(holds) -> float:
    """Smallest ``x >= 0`` where ``holds``, which is false below and true above."""
    if holds(0.0):
        return 0.0
    high = 1.0
    while not holds(high):
        high *= 2.0
    low = 0.0
    while high - low > 1e-12 * max(1.0, high):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
