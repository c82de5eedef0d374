"""Condition numbers of gradient planning in a linear system, and their bounds.

On a quadratic cost with largest curvature ``L``, descent with the step size ``1/L`` multiplies the slowest component of
the error by ``1 - 1/κ`` at every step. The condition number ``κ`` is the ratio of the largest to the smallest
curvature.
"""

from __future__ import annotations

import torch

from helm_tutorial._check import require_count
from helm_tutorial.cliff.closed_forms import action_jacobian
from helm_tutorial.cliff.linear_system import LinearSystem
from helm_tutorial.cliff.multiple_shooting import lifted_constraint


def action_condition(system: LinearSystem, horizon: int) -> float:
    """Condition number of planning the actions.

    It is the condition number of ``J Jᵀ``, where ``J`` is the action Jacobian.
    """
    values = torch.linalg.svdvals(action_jacobian(system, horizon).double().flatten(1))
    return float((values[0] / values[-1]).square()) if values[-1] > 0 else float("inf")


def action_condition_bound(system: LinearSystem, horizon: int) -> float:
    """Lower bound of :func:`action_condition` for a symmetric ``W``.

    With ``w_i`` the eigenvalues of ``W``, the bound grows as ``(w_max / max(w_min, 1))^{2T}``. The quadratic form of
    ``J Jᵀ`` at the eigenvector ``q_i`` is ``β_i² (w_i^{2T} - 1) / (w_i² - 1)`` with ``β_i = |q_iᵀ B|``. The largest of
    these is at most the largest eigenvalue, and the smallest is at least the smallest eigenvalue.
    """
    require_count("horizon", horizon)
    W, B = system.W.double(), system.B.double()
    if not torch.allclose(W, W.mT):
        raise ValueError("system.W must be symmetric")
    eigenvalues, basis = torch.linalg.eigh(W)
    powers = eigenvalues.square() ** torch.arange(horizon, dtype=W.dtype)[:, None]
    forms = (basis.mT @ B).square().sum(dim=1) * powers.sum(dim=0)
    return float(forms.max() / forms.min())


def lifted_condition(system: LinearSystem, horizon: int) -> float:
    """Condition number of multiple shooting.

    It is the condition number of ``A Aᵀ``, where ``A`` is the matrix of
    :func:`~helm_tutorial.cliff.multiple_shooting.lifted_constraint`.
    """
    require_count("horizon", horizon)
    dimension, num_actions = system.B.shape
    exact = LinearSystem(system.W.double(), system.B.double())
    states = torch.zeros(1, horizon + 1, dimension, dtype=torch.float64)
    constraint, _ = lifted_constraint(exact, states, torch.zeros(1, horizon, num_actions, dtype=torch.float64))
    values = torch.linalg.svdvals(constraint[0])
    return float((values[0] / values[-1]).square())


def lifted_condition_bound(system: LinearSystem, horizon: int) -> float:
    """Upper bound of :func:`lifted_condition` at ``horizon`` and at every longer one.

    Let ``ν = ||W⁻¹||``, which must be below 1, and ``m = ν / (1 - ν)``. Let ``γ`` be the smallest eigenvalue of
    ``Σ_{k<T} W⁻ᵏ B Bᵀ W⁻ᵏᵀ``, which only grows with ``T``. The bound is
    ``(1 + ||W|| + ||B||)² ((1 + m ||B||) / sqrt(γ (1 - ν²)) + m)²``. The book's page *Four planners* has the proof.

    Raises:
        ValueError: ``W`` does not stretch every direction, or ``horizon`` is too short for the actions to reach all.
    """
    require_count("horizon", horizon)
    W, B = system.W.double(), system.B.double()
    sizes = torch.linalg.svdvals(W)
    if not float(sizes[-1]) > 1.0:
        raise ValueError(f"system.W must stretch every direction, its smallest singular value is {float(sizes[-1])}")
    nu, push = 1.0 / float(sizes[-1]), float(torch.linalg.matrix_norm(B, ord=2))
    back = action_jacobian(LinearSystem(torch.linalg.inv(W), B), horizon).flatten(1)
    gamma = float(torch.linalg.svdvals(back)[-1]) ** 2 if back.shape[1] >= len(W) else 0.0
    if gamma <= 0.0:
        raise ValueError(f"horizon must be long enough for the actions to push every direction, got {horizon}")
    m = nu / (1.0 - nu)
    smallest = 1.0 / ((1.0 + m * push) / (gamma * (1.0 - nu**2)) ** 0.5 + m)
    return ((1.0 + float(sizes[0]) + push) / smallest) ** 2
