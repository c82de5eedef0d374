"""Penalties on the Jacobian of one step: exact, estimated, or as printed.

The estimate uses random directions. The printed form is that of the report's listing.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from helm_tutorial._check import require_choice, require_count, require_shape
from helm_tutorial.jacobian import step_jacobian, traced_step
from helm_tutorial.rollouts import Dynamics

Penalty = Callable[[Dynamics, Tensor, Tensor], Tensor]
"""A penalty on a model, callable as ``penalty(model, z, a)``.

It returns a scalar. An example is :func:`spectral_penalty`.
"""

PROBES = ("signs", "gaussian")
"""Kinds of random direction: random signs, or standard normal entries."""


def spectral_penalty(
    model: Dynamics, z: Tensor, a: Tensor, *, generator: torch.Generator | None = None, samples: int = 1
) -> Tensor:
    """Penalise the squared Frobenius norm of the step Jacobian.

    The penalty is ``||∂f/∂z||_F² + ||∂f/∂a||_F²``, averaged over the batch. Without a ``generator`` it is exact and
    costs ``D`` backward passes. With one it is Hutchinson's estimate from ``samples`` backward passes: for random signs
    ``v``, ``E |Jᵀ v|² = ||J||_F²``. Every sample of the batch has its own signs (Hutchinson 1989; for Jacobian
    penalties Hoffman, Roberts and Yaida 2019). :func:`hutchinson_variance` gives the variance of one estimate.

    The squares are *summed* over the entries of the Jacobian, as in the report's formula. A mean squared error is
    *averaged* over ``D``, so next to it a weight ``λ`` acts as ``λ D``.

    Args:
        model: ``z_next = model(z, a)``.
        z: states, shape ``(B, D)``.
        a: actions, shape ``(B, A)``.
        generator: source of the random signs; without it the penalty is exact.
        samples: random directions for each state, if a generator is given.

    Returns:
        A scalar, differentiable with respect to the model's parameters.

    Example:
        >>> import torch
        >>> rotation = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
        >>> def model(z, a):
        ...     return z @ rotation.T + 2 * a
        >>> z, a = torch.zeros(5, 2), torch.zeros(5, 2)
        >>> spectral_penalty(model, z, a)  # 1 + 1 from the state and 4 + 4 from the action
        tensor(10.)
        >>> spectral_penalty(model, z, a, generator=torch.Generator().manual_seed(0))  # rotations have no variance
        tensor(10.)
    """
    if generator is None:
        state, action = step_jacobian(model, z, a, create_graph=True)
        return (state.flatten(1).pow(2).sum(dim=1) + action.flatten(1).pow(2).sum(dim=1)).mean()
    require_count("samples", samples)
    with torch.enable_grad():
        inputs, z_next = traced_step(model, z, a)
        total = z_next.new_zeros(())
        for _ in range(samples):
            signs = 2.0 * torch.randint(0, 2, z_next.shape, generator=generator).to(z_next) - 1.0
            pulled = torch.autograd.grad((z_next * signs).sum(), inputs, create_graph=True)
            total = total + sum(part.pow(2).sum(dim=1).mean() for part in pulled)
    return total / samples


def spectral_penalty_report(model: Dynamics, z: Tensor, a: Tensor) -> Tensor:
    """Penalise the Jacobian as the report's listing does.

    One backward pass through ``z_next.sum()`` gives ``|1ᵀ ∂f/∂z|² / D + |1ᵀ ∂f/∂a|² / A``, averaged over the batch. Up
    to the factors ``1/D`` and ``1/A`` it is Hutchinson's estimate with all signs fixed at +1, so it sees a single
    direction of the output.
    """
    with torch.enable_grad():
        inputs, z_next = traced_step(model, z, a)
        state, action = torch.autograd.grad(z_next.sum(), inputs, create_graph=True)
    return state.pow(2).mean() + action.pow(2).mean()


def hutchinson_variance(jacobian: Tensor, *, probes: str = "signs") -> Tensor:
    """Variance of ``|Jᵀ v|²`` over one random direction ``v``, in closed form.

    With ``M = J Jᵀ`` it is ``2 Σ_{i≠j} M_ij²`` for random signs and ``2 ||M||_F²`` for Gaussian directions. For signs
    the diagonal does not matter, since ``v_i² = 1``. The mean over ``n`` independent directions has ``1/n`` of this
    variance.

    Args:
        jacobian: both Jacobians side by side, shape ``(..., D, D + A)``.
        probes: one of :data:`PROBES`.

    Returns:
        Shape ``(...)``.
    """
    require_shape("jacobian", jacobian, (..., "D", "D + A"))
    require_choice("probes", probes, PROBES)
    M = jacobian @ jacobian.mT
    squares = M.square().sum(dim=(-2, -1))
    if probes == "signs":
        squares = squares - M.diagonal(dim1=-2, dim2=-1).square().sum(dim=-1)
    return 2.0 * squares


def backward_passes(penalty: Penalty, model: Dynamics, z: Tensor, a: Tensor) -> int:
    """Count the backward passes of ``penalty(model, z, a)`` through the model."""
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
