"""The rugged energy of chapter 2 and two ways to smooth it.

The energy is a quadratic bowl plus a sum of sines. Both ways keep this form: the bowl keeps its curvature, and each
sine keeps a fraction of its amplitude that depends only on the length of its frequency.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from helm_tutorial._check import require_count, require_real, require_shape

Energy = Callable[[Tensor], Tensor]
"""An energy, callable as ``energy(a)`` with shapes ``(B, A) -> (B,)``.

Autograd must be able to differentiate it.
"""


@dataclass(frozen=True, eq=False)
class RuggedEnergy:
    """A quadratic bowl plus sines: ``½|a|² + Σ_k A_k sin(ω_k · a) + c``.

    ``A`` is the dimension of the action that the energy scores, and ``K`` the number of sines.

    Attributes:
        frequencies: the ``ω_k``, shape ``(K, A)``.
        amplitudes: the ``A_k``, shape ``(K,)``.
        offset: the constant ``c``.
    """

    frequencies: Tensor
    amplitudes: Tensor
    offset: float = 0.0

    def __post_init__(self) -> None:
        require_shape("frequencies", self.frequencies, ("K", "A"))
        require_shape("amplitudes", self.amplitudes, (len(self.frequencies),))

    @property
    def dimension(self) -> int:
        """Dimension ``A`` of the points."""
        return self.frequencies.shape[1]

    def __call__(self, a: Tensor) -> Tensor:
        """Energy of each point, ``(B, A) -> (B,)``.

        Further leading dimensions are kept.
        """
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
        """Lower bound on every eigenvalue of every Hessian.

        The bound is ``1 - λ_max(Σ_k |A_k| ω_k ω_kᵀ)``. If it is positive, the energy is convex everywhere. It is
        attained if all sines peak at the same point.
        """
        return 1.0 - self._roughness()

    def highest_curvature(self) -> float:
        """Upper bound on every eigenvalue of every Hessian.

        Its reciprocal is a safe step size of gradient descent.
        """
        return 1.0 + self._roughness()

    def _roughness(self) -> float:
        frequencies = self.frequencies.double()
        return float(torch.linalg.eigvalsh((frequencies.mT * self.amplitudes.double().abs()) @ frequencies)[-1])

    def trapping_radius(self) -> float:
        """Radius ``R`` around the origin outside which every gradient step leads inwards.

        ``R`` is the largest length of ``Σ_k A_k ω_k c_k`` for ``|c_k| <= 1``. A step of size ``η <= 1`` ends at
        ``(1 - η) a - η Σ_k A_k ω_k cos(ω_k · a)``, so ``|a_n| <= R + (1 - η)^n (|a_0| - R)`` from any start with
        ``|a_0| >= R``. Hence all stationary points are within ``R``, and all descents end there. This needs no
        convexity.

        The maximum is at a corner of the cube of ``c``. If the frequencies of one group of sines are orthogonal to all
        others, its square adds to theirs, so a group of ``K`` sines needs only its own ``2^(K-1)`` corners. A group may
        have at most 20 sines.
        """
        forces = self.amplitudes.double().unsqueeze(1) * self.frequencies.double()
        return math.sqrt(sum(_longest(forces[group]) ** 2 for group in _orthogonal_groups(self.frequencies)))


def _orthogonal_groups(frequencies: Tensor) -> list[list[int]]:
    """Group the rows so that rows of different groups are orthogonal.

    Each group is a list of row indices.
    """
    touching = (frequencies @ frequencies.mT) != 0.0
    groups: list[list[int]] = []
    for row in range(len(frequencies)):
        joined = [group for group in groups if bool(touching[row, group].any())]
        groups = [group for group in groups if group not in joined] + [[*itertools.chain(*joined), row]]
    return groups


def _longest(forces: Tensor) -> float:
    """Largest length of ``Σ_k ± forces_k`` over all choices of signs.

    ``forces`` has shape ``(K, A)``.
    """
    require_count("the number of sines", len(forces), high=20)
    # A corner and its opposite give the same length, so the first sign can stay fixed.
    corners = torch.tensor(list(itertools.product((1.0, -1.0), repeat=len(forces) - 1)), dtype=torch.float64)
    return float((forces[0] + corners @ forces[1:]).norm(dim=1).max())


def report_energy(dimension: int = 2) -> RuggedEnergy:
    """The report's energy, in float64.

    In two dimensions it is ``½|a|² + sin 5a₁ + sin 5a₂ + ½ sin(7a₁ + 7a₂)``. In more dimensions, which must be even in
    number, each pair of coordinates has a copy of it.
    """
    require_count("dimension", dimension, low=2)
    if dimension % 2:
        raise ValueError(f"dimension must be even, got {dimension}")
    pair = torch.tensor([[5.0, 0.0], [0.0, 5.0], [7.0, 7.0]], dtype=torch.float64)
    frequencies = torch.block_diag(*[pair] * (dimension // 2))
    return RuggedEnergy(frequencies, torch.tensor([1.0, 1.0, 0.5], dtype=torch.float64).repeat(dimension // 2))


def mollify(
    energy: Energy, sigma: float, *, generator: torch.Generator | None = None, samples: int = 64
) -> RuggedEnergy | Energy:
    """Smooth an energy with a Gaussian of width ``sigma``.

    The result is ``E_σ(a) = E[E(a + σ ξ)]`` with ``ξ`` standard normal. A :class:`RuggedEnergy` is smoothed in closed
    form: each sine keeps :func:`gaussian_factor` of its amplitude, and the bowl keeps its curvature and rises by
    ``σ² A / 2``. Any other energy is averaged over random points, which are drawn afresh at each call. This estimate is
    unbiased, and so is its gradient if the energy is continuous.

    Args:
        energy: see :data:`Energy`; its points may have any shape ``(B, ...)``, such as plans ``(B, T, A)``.
        sigma: width of the Gaussian, in the units of ``a``.
        generator: source of the noise, for an energy without a closed form.
        samples: random points averaged for each point.

    Returns:
        The smoothed energy, callable like ``energy``.

    Example:
        >>> import torch
        >>> energy = report_energy()
        >>> [round(mollify(energy, sigma).trapping_radius(), 2) for sigma in (0.0, 0.25, 0.5)]
        [12.02, 3.47, 0.31]
        >>> def creased(a):
        ...     return a[:, 0].abs()
        >>> smooth = mollify(creased, 0.5, generator=torch.Generator().manual_seed(0), samples=10_000)
        >>> [round(value, 1) for value in smooth(torch.tensor([[-2.0], [0.0], [2.0]])).tolist()]
        [2.0, 0.4, 2.0]
    """
    require_real("sigma", sigma, low=0.0)
    if isinstance(energy, RuggedEnergy):
        return replace(
            energy,
            amplitudes=energy.amplitudes * gaussian_factor(energy, sigma),
            offset=energy.offset + 0.5 * sigma**2 * energy.dimension,
        )
    if generator is None:
        raise ValueError("generator must be given where energy is not a RuggedEnergy, got None")
    require_count("samples", samples)

    def average(a: Tensor) -> Tensor:
        noise = torch.randn(samples, *a.shape, generator=generator, dtype=a.dtype, device=generator.device)
        return energy((a + sigma * noise.to(a.device)).flatten(0, 1)).unflatten(0, (samples, -1)).mean(dim=0)

    return average


def gaussian_factor(energy: RuggedEnergy, sigma: float) -> Tensor:
    """Fraction of each sine's amplitude that Gaussian smoothing keeps.

    The fraction is ``exp(-σ²|ω|²/2)``, shape ``(K,)``.
    """
    require_real("sigma", sigma, low=0.0)
    return torch.exp(-0.5 * sigma**2 * energy.frequencies.pow(2).sum(1))


def invariant_factor(energy: RuggedEnergy, sigma: float, weight: float) -> Tensor:
    """Fraction of each sine's amplitude that the invariance loss keeps.

    The fraction is ``1 / (1 + 2λ(1 - exp(-σ²|ω|²/2)))``, shape ``(K,)``. It never falls below ``1 / (1 + 2λ)``.
    """
    require_real("weight", weight, low=0.0)
    return 1.0 / (1.0 + 2.0 * weight * (1.0 - gaussian_factor(energy, sigma)))


def invariance_optimum(energy: RuggedEnergy, sigma: float, weight: float) -> RuggedEnergy:
    """Minimiser of the invariance loss over all functions.

    The data are spread evenly over the whole space. The loss is ``E (f - E)² + λ E (f(a) - f(a + δ))²``. As a
    stationary quadratic form it is diagonal in frequency: the sine of frequency ``ω`` keeps :func:`invariant_factor` of
    its amplitude. The bowl keeps its curvature and rises by ``λ σ² A``. For data in a bounded box this holds at
    distances of a few ``σ √λ`` from the boundary.
    """
    return replace(
        energy,
        amplitudes=energy.amplitudes * invariant_factor(energy, sigma, weight),
        offset=energy.offset + weight * sigma**2 * energy.dimension,
    )


def convexity_width(energy: RuggedEnergy) -> float:
    """Smallest width at which the smoothed energy is convex.

    Convexity is judged by :meth:`RuggedEnergy.lowest_curvature`. The width is found by bisection, to 1e-12. It is 0 if
    the energy itself is convex.

    Example:
        >>> round(convexity_width(report_energy()), 3)
        0.507
    """
    return _bisect(lambda sigma: mollify(energy, sigma).lowest_curvature() >= 0.0)


def funnel_width(energy: RuggedEnergy, radius: float) -> float:
    """Smallest width at which smoothing traps every descent near the origin.

    Every descent on the smoothed energy then ends within ``radius``, by :meth:`RuggedEnergy.trapping_radius`.
    """
    require_real("radius", radius, above=0.0)
    return _bisect(lambda sigma: mollify(energy, sigma).trapping_radius() <= radius)


def funnel_weight(energy: RuggedEnergy, sigma: float, radius: float) -> float:
    """Smallest invariance weight ``λ`` that traps every descent near the origin.

    Every descent on :func:`invariance_optimum` then ends within ``radius``, by :meth:`RuggedEnergy.trapping_radius`.
    """
    require_real("sigma", sigma, above=0.0)
    require_real("radius", radius, above=0.0)
    return _bisect(lambda weight: invariance_optimum(energy, sigma, weight).trapping_radius() <= radius)


def _bisect(holds: Callable[[float], bool]) -> float:
    """Smallest ``x >= 0`` at which ``holds`` is true, found by bisection.

    ``holds`` must be false below it and true above.
    """
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
