"""Linear world models ``z' = W z + B a``, and the expansive system of chapter 1."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from helm_tutorial._check import require_count, require_real, require_shape


@dataclass(frozen=True, eq=False)
class LinearSystem:
    """Linear world model, callable as ``z_next = system(z, a)``.

    Attributes:
        W: state matrix, shape ``(D, D)``.
        B: action matrix, shape ``(D, A)``.
    """

    W: Tensor
    B: Tensor

    def __post_init__(self) -> None:
        require_shape("W", self.W, ("D", "D"))
        require_shape("W", self.W, (len(self.W), len(self.W)))
        require_shape("B", self.B, (len(self.W), "A"))

    def __call__(self, z: Tensor, a: Tensor) -> Tensor:
        """Take one step, ``(B, D), (B, A) -> (B, D)``."""
        return z @ self.W.mT + a @ self.B.mT


def expansive_system(
    generator: torch.Generator,
    *,
    dimension: int = 4,
    num_actions: int = 1,
    low: float = 1.1,
    high: float = 1.3,
    action_scale: float = 0.5,
    coupling: float = 0.0,
    dtype: torch.dtype = torch.float64,
) -> LinearSystem:
    """Draw the report's expansive linear system.

    ``W`` is symmetric, with known eigenvalues in a random orthonormal basis. A ``coupling`` keeps the eigenvalues but
    makes ``W`` non-normal: ``W = Q (Λ + coupling N) Qᵀ``, where ``N`` has ones just above its diagonal and zeros
    elsewhere.

    Args:
        generator: source of the basis and of ``B``.
        dimension: dimension ``D`` of a state.
        num_actions: dimension ``A`` of an action.
        low: smallest of the ``D`` evenly spaced eigenvalues.
        high: largest of them.
        action_scale: standard deviation of the entries of ``B``.
        coupling: how strongly each basis vector feeds the one before it; the report's system has none.
        dtype: dtype of ``W`` and ``B``. They are drawn in float64 and then rounded, so a seed gives the same system in
            every dtype.
    """
    require_count("dimension", dimension)
    require_count("num_actions", num_actions)
    require_real("high", high)
    require_real("low", low, high=high)
    require_real("action_scale", action_scale, above=0.0)
    require_real("coupling", coupling)
    gaussian = torch.randn(dimension, dimension, generator=generator, dtype=torch.float64)
    basis, triangle = torch.linalg.qr(gaussian)
    # The factorisation leaves the sign of each column open; fixing it makes the basis uniformly distributed.
    basis = basis * torch.where(triangle.diagonal() < 0, -1.0, 1.0)
    eigenvalues = torch.linspace(low, high, dimension, dtype=torch.float64)
    above = torch.full((dimension - 1,), float(coupling), dtype=torch.float64)
    W = basis @ (torch.diag(eigenvalues) + torch.diag(above, 1)) @ basis.mT
    B = action_scale * torch.randn(dimension, num_actions, generator=generator, dtype=torch.float64)
    return LinearSystem(W.to(dtype), B.to(dtype))


def spectral_radius(W: Tensor) -> float:
    """Largest modulus of an eigenvalue of ``W``, shape ``(D, D)``."""
    return float(torch.linalg.eigvals(W).abs().max())
