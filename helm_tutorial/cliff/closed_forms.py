"""Closed forms of a linear system: Jacobians, their limits, penalised optima.

The ``T``-step action Jacobian is ``d z_T / d (a_0, ..., a_{T-1})``, a matrix of shape ``(D, T A)`` whose block ``t`` is
``W^{T-1-t} B``. A penalised optimum is what a linear model of the system learns under a penalty. All norms are
Frobenius norms.
"""

from __future__ import annotations

import torch
from torch import Tensor

from helm_tutorial._check import require_count, require_real, require_shape
from helm_tutorial.cliff.linear_system import LinearSystem, spectral_radius


def action_jacobian(system: LinearSystem, horizon: int) -> Tensor:
    """Action Jacobian of ``horizon`` steps, shape ``(D, T, A)``.

    Entry ``[:, t]`` is ``W^{T-1-t} B``.
    """
    require_count("horizon", horizon)
    blocks = [system.B]
    for _ in range(horizon - 1):
        blocks.append(system.W @ blocks[-1])
    return torch.stack(blocks[::-1], dim=1)


def action_jacobian_norms(system: LinearSystem, horizon: int) -> Tensor:
    """Norms of the action Jacobians of 1 to ``horizon`` steps.

    The result has shape ``(horizon,)``. The squared norm for ``T`` steps is ``Σ_{k<T} ||W^k B||²``, so one pass gives
    them all.

    Example:
        >>> import torch
        >>> system = LinearSystem(torch.tensor([[2.0]]), torch.tensor([[1.0]]))
        >>> action_jacobian_norms(system, 3).square()  # 1, 1 + 4, 1 + 4 + 16
        tensor([ 1.,  5., 21.])
    """
    blocks = action_jacobian(system, horizon).flip(1)
    return blocks.pow(2).sum(dim=(0, 2)).cumsum(0).sqrt()


def state_jacobian_singular_values(system: LinearSystem, horizon: int) -> Tensor:
    """Singular values of the state Jacobians of 1 to ``horizon`` steps.

    The state Jacobian of ``T`` steps is the matrix power ``d z_T / d z_0 = W^T``. Singular values of a computed power
    have a rounding error in proportion to the *largest*, and they spread exponentially. So the upper ones come from
    powers of ``W``, and the lower ones, as reciprocals, from powers of its inverse.

    Returns:
        Shape ``(horizon, D)``, decreasing along each row, float64.
    """
    require_count("horizon", horizon)
    W = system.W.double()
    inverse, info = torch.linalg.inv_ex(W)
    if info:
        raise ValueError("system.W must have an inverse, but it is singular")
    powers, inverses = [W], [inverse]
    for _ in range(horizon - 1):
        powers.append(W @ powers[-1])
        inverses.append(inverse @ inverses[-1])
    upper = torch.linalg.svdvals(torch.stack(powers))
    lower = torch.linalg.svdvals(torch.stack(inverses)).flip(1).reciprocal()
    # Powers are more accurate above the geometric mean of the extremes, inverses below it.
    return torch.where(upper.square() > upper[:, :1] * lower[:, -1:], upper, lower)


def transient_growth(eigenvalues: Tensor, coupling: float, horizon: int) -> Tensor:
    """Top right entries of the powers of a coupled matrix ``Λ + coupling N``.

    The matrix is that of :func:`~helm_tutorial.cliff.linear_system.expansive_system`. Entry ``(1, D)`` of its ``k``-th
    power is ``coupling^{D-1} h_{k-D+1}(λ_1, ..., λ_D)``, where ``h_m`` is the sum of all products of ``m`` eigenvalues
    with repetition. Its modulus is a lower bound of the largest singular value.

    Args:
        eigenvalues: ``λ_1, ..., λ_D``, shape ``(D,)``.
        coupling: the entries just above the diagonal.
        horizon: largest ``k``.

    Returns:
        The entry for ``k = 1, ..., horizon``, shape ``(horizon,)``, float64.
    """
    require_shape("eigenvalues", eigenvalues, ("D",))
    require_count("horizon", horizon)
    require_real("coupling", coupling)
    values = eigenvalues.double().tolist()
    powers = [1.0] + [0.0] * horizon  # h_m of no variables
    for value in values:  # h_m(λ_1..λ_n) = h_m(λ_1..λ_{n-1}) + λ_n h_{m-1}(λ_1..λ_n)
        for m in range(1, horizon + 1):
            powers[m] += value * powers[m - 1]
    lag = len(values) - 1
    corner = [0.0 if k < lag else float(coupling) ** lag * powers[k - lag] for k in range(1, horizon + 1)]
    return torch.tensor(corner, dtype=torch.float64)


def lyapunov_limit(system: LinearSystem) -> float:
    """Limit of the action Jacobian's norm for long horizons.

    The limit is ``sqrt(tr P)`` with ``P = W P Wᵀ + B Bᵀ``. The matrix ``P = Σ_k W^k B Bᵀ (W^k)ᵀ`` is the
    controllability Gramian. Its equation, the discrete Lyapunov equation, is linear and is solved as
    ``(I - W ⊗ W) vec P = vec B Bᵀ``, in float64.

    Raises:
        ValueError: the spectral radius is 1 or more, so the sum need not converge.
    """
    W, B = system.W.double(), system.B.double()
    radius = spectral_radius(W)
    if radius >= 1.0:
        raise ValueError(f"the spectral radius must be below 1 for a limit to exist, got {radius}")
    identity = torch.eye(W.numel(), dtype=W.dtype)
    gramian = torch.linalg.solve(identity - torch.kron(W, W), (B @ B.mT).flatten())
    return float(gramian.reshape(W.shape).trace().sqrt())


def ridge_optimum(system: LinearSystem, weight: float) -> LinearSystem:
    """Linear model learned with the exact spectral penalty.

    With weight ``λ`` it is ``(W, B) / (1 + λ D)``. The loss is the squared one-step error on standard-normal states and
    actions, averaged over the ``D`` dimensions, plus ``λ`` times the sum of all squared entries:
    ``(1/D) ||Ŵ - W||² + λ ||Ŵ||²``, and the same for ``B``. The factor ``D`` appears because the error is averaged and
    the penalty is summed.
    """
    require_real("weight", weight, low=0.0)
    shrinkage = 1.0 + weight * len(system.W)
    return LinearSystem(system.W / shrinkage, system.B / shrinkage)


def report_optimum(system: LinearSystem, weight: float) -> LinearSystem:
    """Linear model learned with the penalty as the report prints it.

    The printed penalty, of weight ``λ``, averages ``(1ᵀŴ)²`` over ``D`` entries and ``(1ᵀB̂)²`` over ``A``, where ``1``
    is the vector of ones. So the optimum is ``Ŵ = (I + λ 1 1ᵀ)⁻¹ W`` and ``B̂ = (I + λ (D/A) 1 1ᵀ)⁻¹ B``: it shrinks
    one direction of the output and leaves the other ``D - 1`` unchanged.
    """
    require_real("weight", weight, low=0.0)
    dimension, num_actions = system.B.shape
    identity = torch.eye(dimension, dtype=system.W.dtype)
    ones = torch.ones_like(identity)
    return LinearSystem(
        torch.linalg.solve(identity + weight * ones, system.W),
        torch.linalg.solve(identity + weight * dimension / num_actions * ones, system.B),
    )


def critical_weight(system: LinearSystem) -> float:
    """Penalty weight at which :func:`ridge_optimum` has spectral radius 1.

    The weight is ``(ρ(W) - 1) / D``. It is negative if the system already contracts.

    Example:
        >>> import torch
        >>> round(critical_weight(LinearSystem(1.3 * torch.eye(4), torch.ones(4, 1))), 3)  # (1.3 - 1) / 4
        0.075
    """
    return (spectral_radius(system.W) - 1.0) / len(system.W)


def relative_distance(model: LinearSystem, reference: LinearSystem) -> float:
    """Relative distance between two linear systems.

    The distance is ``||(Ŵ, B̂) - (W, B)|| / ||(W, B)||``. For standard-normal states and actions it is also the
    relative root-mean-square error of ``model`` in predicting one step of ``reference``.
    """
    require_shape("model.W", model.W, tuple(reference.W.shape))
    require_shape("model.B", model.B, tuple(reference.B.shape))
    difference = (model.W - reference.W).pow(2).sum() + (model.B - reference.B).pow(2).sum()
    return float((difference / (reference.W.pow(2).sum() + reference.B.pow(2).sum())).sqrt())
