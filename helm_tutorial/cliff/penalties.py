"""The report's penalty, what an estimate of the exact one costs, and what each penalty makes of a gain."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from helm_tutorial._check import require_choice, require_real, require_shape
from helm_tutorial.jacobian import PROBES, Penalty, _leaves, _require_step
from helm_tutorial.models.regularity import FORMS
from helm_tutorial.rollouts import Dynamics


def hutchinson_variance(jacobian: Tensor, *, probes: str = "signs") -> Tensor:
    """Variance of ``||Jᵀ v||²`` over one probe ``v``, in closed form.

    With ``M = J Jᵀ`` it is ``2 Σ_{i≠j} M_ij²`` for random signs and ``2 ||M||_F²`` for Gaussian probes: signs do not
    feel the diagonal, since ``v_i² = 1``. The mean of ``n`` independent probes has an ``n``-th of it.

    Args:
        jacobian: both Jacobians side by side, shape ``(..., D, D + A)``.
        probes: one of :data:`PROBES`.

    Returns:
        Shape ``(...)``.

    Raises:
        ValueError: ``jacobian`` has no two dimensions, or ``probes`` is unknown.
    """
    require_shape("jacobian", jacobian, (..., "D", "D + A"))
    require_choice("probes", probes, PROBES)
    M = jacobian @ jacobian.mT
    squares = M.square().sum(dim=(-2, -1))
    if probes == "signs":
        squares = squares - M.diagonal(dim1=-2, dim2=-1).square().sum(dim=-1)
    return 2.0 * squares


def backward_passes(penalty: Penalty, model: Dynamics, z: Tensor, a: Tensor) -> int:
    """How often computing ``penalty(model, z, a)`` goes back through the model, counted by a hook on its output."""
    passes = 0

    def count(gradient: Tensor) -> None:
        nonlocal passes
        passes += 1

    def counted(z: Tensor, a: Tensor) -> Tensor:
        z_next = model(z, a)
        if z_next.requires_grad:
            z_next.register_hook(count)
        return z_next

    penalty(counted, z, a)
    return passes


def spectral_penalty_report(model: Dynamics, z: Tensor, a: Tensor) -> Tensor:
    """The penalty as the report's listing computes it: one backward pass through ``z_next.sum()``, a scalar.

    This is ``||1ᵀ ∂f/∂z||² / D + ||1ᵀ ∂f/∂a||² / A``, averaged over the batch: Hutchinson's estimate with the random
    signs frozen at +1, which sees a single direction of the output.

    Raises:
        ValueError: ``z`` is not ``(B, D)`` or ``a`` is not ``(B, A)``.
    """
    _require_step(z, a)
    z, a = _leaves(z, a)
    with torch.enable_grad():
        state, action = torch.autograd.grad(model(z, a).sum(), (z, a), create_graph=True)
    return state.pow(2).mean() + action.pow(2).mean()


def penalised_gain(gain: float, weight: float, form: str) -> float:
    """What least squares learns of a linear system, one direction at a time, under a penalty: its gain ``w``.

    The smallest ``w >= 0`` that minimises ``(gain - w)^2 + weight p(w)``, where ``p`` is what each form charges a
    step that multiplies differences by ``w``: ``w^2`` for ``"square"``, ``max(0, w^2 - 1)`` for ``"hinge"``,
    ``2 max(0, log w)`` for ``"rollout"``. With latents of covariance ``I`` this is the whole problem, since singular
    values of the learned matrix can be chosen one by one (derived in the chapter).

    Args:
        gain: what the system multiplies differences by, at least 0.
        weight: of the penalty, at least 0.
        form: one of :data:`FORMS`.

    Raises:
        ValueError: a number is negative, or there is no such form.

    Example:
        >>> [round(penalised_gain(1.2, 0.1, form), 2) for form in ("square", "hinge", "rollout")]
        [1.09, 1.09, 1.11]
    """
    require_real("gain", gain, low=0.0)
    require_real("weight", weight, low=0.0)
    require_choice("form", form, FORMS)
    if form == "square":
        return gain / (1.0 + weight)
    if gain <= 1.0:
        return gain
    if form == "hinge":
        return max(1.0, gain / (1.0 + weight))
    inside = gain**2 - 4.0 * weight
    root = 0.5 * (gain + math.sqrt(inside)) if inside >= 0.0 else 1.0

    def cost(w: float) -> float:
        return (gain - w) ** 2 + 2.0 * weight * math.log(w)

    return root if root > 1.0 and cost(root) < cost(1.0) else 1.0
