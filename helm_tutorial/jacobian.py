"""How a world model's rollout answers to its actions, and the penalties that restrain it.

Everything is computed by backward passes: the gradient of one output coordinate, summed over the batch, is that row of
every sample's Jacobian, because the rows of a batch do not interact. An exact Jacobian costs ``D`` backward passes, an
estimate of its norm costs one per probe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from helm_tutorial._check import require_choice, require_count, require_shape
from helm_tutorial.rollouts import Dynamics, rollout

Penalty = Callable[[Dynamics, Tensor, Tensor], Tensor]
"""Anything callable as ``penalty(model, z, a)``, such as the penalties here; a scalar."""

PROBES = ("signs", "gaussian")
"""How the entries of Hutchinson's random vectors are drawn, independent signs, or standard normal."""


@dataclass(frozen=True, eq=False)
class RolloutJacobian:
    """Derivative of the last state of a rollout.

    Attributes:
        action: with respect to each action, shape ``(B, D, T, A)``.
        state: with respect to the first state, shape ``(B, D, D)``.
    """

    action: Tensor
    state: Tensor

    @property
    def action_norm(self) -> Tensor:
        """Frobenius norm of the ``D x (T A)`` action Jacobian, shape ``(B,)``."""
        return self.action.flatten(1).norm(dim=1)

    @property
    def state_norm(self) -> Tensor:
        """Frobenius norm of the ``D x D`` state Jacobian, shape ``(B,)``."""
        return self.state.flatten(1).norm(dim=1)


def _leaves(z: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
    return z.detach().clone().requires_grad_(True), a.detach().clone().requires_grad_(True)


def _rows(outputs: Tensor, inputs: tuple[Tensor, Tensor], create_graph: bool) -> tuple[Tensor, Tensor]:
    """Jacobians of ``outputs`` (B, D) with respect to both inputs, each (B, D, *rest)."""
    rows = [
        torch.autograd.grad(coordinate.sum(), inputs, retain_graph=True, create_graph=create_graph)
        for coordinate in outputs.unbind(dim=1)
    ]
    return torch.stack([row[0] for row in rows], dim=1), torch.stack([row[1] for row in rows], dim=1)


def rollout_jacobian(model: Dynamics, z0: Tensor, actions: Tensor) -> RolloutJacobian:
    """Jacobian of ``z_T`` with respect to every action and to ``z_0``, at one rollout a sample.

    Args:
        model: ``z_next = model(z, a)``; must treat the rows of a batch separately (no batch norm in training mode).
        z0: first states, shape ``(B, D)``.
        actions: shape ``(B, T, A)``, ``T`` at least 1.

    Raises:
        ValueError: a shape is not as above.

    Example:
        >>> import torch
        >>> found = rollout_jacobian(lambda z, a: 2 * z + a, torch.ones(1, 1), torch.zeros(1, 3, 1))
        >>> found.action.flatten()  # how the last state answers to the first, second and third action
        tensor([4., 2., 1.])
    """
    require_shape("z0", z0, ("B", "D"))
    require_shape("actions", actions, (len(z0), "T", "A"))
    require_count("the horizon of actions", actions.shape[1])
    z0, actions = _leaves(z0, actions)
    with torch.enable_grad():
        state, action = _rows(rollout(model, z0, actions)[:, -1], (z0, actions), create_graph=False)
    return RolloutJacobian(action=action, state=state)


def step_jacobian(model: Dynamics, z: Tensor, a: Tensor, *, create_graph: bool = False) -> tuple[Tensor, Tensor]:
    """One-step Jacobians ``∂f/∂z`` of shape ``(B, D, D)`` and ``∂f/∂a`` of shape ``(B, D, A)``.

    With ``create_graph`` they can be differentiated again, with respect to the model's parameters.

    Raises:
        ValueError: ``z`` is not ``(B, D)`` or ``a`` is not ``(B, A)``.
    """
    _require_step(z, a)
    z, a = _leaves(z, a)
    with torch.enable_grad():
        return _rows(model(z, a), (z, a), create_graph)


def jacobian_norms(model: Dynamics, z0: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Frobenius norms of the action and the state Jacobian after each step of a rollout, all in one pass.

    ``z_t`` depends on what came before it through ``z_{t-1}`` alone. So the state Jacobian is ``F_t ... F_1``, with
    ``F_t`` the one-step Jacobian, and ``G_t = J_t J_tᵀ`` of the action Jacobian obeys ``G_t = F_t G_{t-1} F_tᵀ + B_t
    B_tᵀ``, with ``B_t = ∂z_t/∂a_{t-1}``: its trace is the squared norm. All one-step Jacobians take ``D`` backward
    passes together, side by side; nothing is differentiated through the rollout, and the cost is linear in ``T``.

    Args:
        model: ``z_next = model(z, a)``; must treat the rows of a batch separately.
        z0: first states, shape ``(B, D)``.
        actions: shape ``(B, T, A)``, ``T`` at least 1.

    Returns:
        The action norms and the state norms, shape ``(B, T)`` each; column ``t - 1`` is that of ``t`` steps.

    Raises:
        ValueError: a shape is not as above.

    Example:
        >>> import torch
        >>> action, state = jacobian_norms(lambda z, a: 2 * z + a, torch.ones(1, 1), torch.zeros(1, 3, 1))
        >>> action.square(), state
        (tensor([[ 1.,  5., 21.]]), tensor([[2., 4., 8.]]))
    """
    require_shape("z0", z0, ("B", "D"))
    require_shape("actions", actions, (len(z0), "T", "A"))
    require_count("the horizon of actions", actions.shape[1])
    with torch.no_grad():
        states = rollout(model, z0, actions)[:, :-1]
    by_state, by_action = step_jacobian(model, states.flatten(0, 1), actions.flatten(0, 1))
    by_state, by_action = (part.unflatten(0, actions.shape[:2]) for part in (by_state, by_action))
    product = torch.eye(z0.shape[1], dtype=z0.dtype, device=z0.device).expand(len(z0), -1, -1)
    gram = torch.zeros_like(product)
    action_norms, state_norms = [], []
    for F, B in zip(by_state.unbind(dim=1), by_action.unbind(dim=1), strict=True):
        product, gram = F @ product, F @ gram @ F.mT + B @ B.mT
        action_norms.append(gram.diagonal(dim1=1, dim2=2).sum(dim=1).sqrt())
        state_norms.append(product.flatten(1).norm(dim=1))
    return torch.stack(action_norms, dim=1), torch.stack(state_norms, dim=1)


def spectral_penalty_exact(model: Dynamics, z: Tensor, a: Tensor) -> Tensor:
    """Mean over the batch of ``||∂f/∂z||_F² + ||∂f/∂a||_F²``: ``D`` backward passes, a scalar.

    The squares are *summed* over the entries of each Jacobian, so that the penalty is what the report's formula says.
    Beside a mean squared error, which is *averaged* over ``D``, a weight ``λ`` therefore acts as ``λ D``.

    Raises:
        ValueError: ``z`` is not ``(B, D)`` or ``a`` is not ``(B, A)``.
    """
    state, action = step_jacobian(model, z, a, create_graph=True)
    return (state.flatten(1).pow(2).sum(dim=1) + action.flatten(1).pow(2).sum(dim=1)).mean()


def spectral_penalty_hutchinson(
    model: Dynamics, z: Tensor, a: Tensor, generator: torch.Generator, *, samples: int = 1, probes: str = "signs"
) -> Tensor:
    """Unbiased estimate of :func:`spectral_penalty_exact`: ``samples`` backward passes, a scalar.

    For a probe ``v`` with ``E[v vᵀ] = I``, ``E ||Jᵀ v||² = tr(J Jᵀ) = ||J||_F²`` (Hutchinson 1989; for Jacobian
    penalties Hoffman, Roberts and Yaida 2019). Every row of the batch has its own probe. How far a single estimate
    strays is :func:`hutchinson_variance`.

    Raises:
        ValueError: ``z`` is not ``(B, D)``, ``a`` is not ``(B, A)``, ``samples`` is below 1, or ``probes`` is not one
            of :data:`PROBES`.
    """
    _require_step(z, a)
    require_count("samples", samples)
    require_choice("probes", probes, PROBES)
    z, a = _leaves(z, a)
    with torch.enable_grad():
        z_next = model(z, a)
        total = z_next.new_zeros(())
        for _ in range(samples):
            if probes == "signs":
                probe = 2.0 * torch.randint(0, 2, z_next.shape, generator=generator).to(z_next) - 1.0
            else:
                probe = torch.randn(z_next.shape, generator=generator, dtype=z_next.dtype).to(z_next.device)
            pulled = torch.autograd.grad((z_next * probe).sum(), (z, a), create_graph=True)
            total = total + sum(part.pow(2).sum(dim=1).mean() for part in pulled)
    return total / samples


def _require_step(z: Tensor, a: Tensor) -> None:
    require_shape("z", z, ("B", "D"))
    require_shape("a", a, (len(z), "A"))
