"""Jacobians of a world model: of one step, and of a whole rollout.

Both are computed row by row with autograd. The gradient of one output coordinate, summed over the batch, is that row of
every sample's Jacobian, because the samples of a batch do not interact. A Jacobian costs ``D`` backward passes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from helm_tutorial._check import require_count, require_shape
from helm_tutorial.rollouts import Dynamics, rollout


@dataclass(frozen=True, eq=False)
class RolloutJacobian:
    """Derivatives of the last state of a rollout.

    Attributes:
        action: derivative with respect to each action, shape ``(B, D, T, A)``.
        state: derivative with respect to the first state, shape ``(B, D, D)``.
    """

    action: Tensor
    state: Tensor

    @property
    def action_norm(self) -> Tensor:
        """Frobenius norm of the ``D x (T A)`` action Jacobian, shape ``(B,)``, float64."""
        return _norm(self.action)

    @property
    def state_norm(self) -> Tensor:
        """Frobenius norm of the ``D x D`` state Jacobian, shape ``(B,)``, float64."""
        return _norm(self.state)


def rollout_jacobian(model: Dynamics, z0: Tensor, actions: Tensor) -> RolloutJacobian:
    """Differentiate the last state of a rollout by its actions and first state.

    Args:
        model: ``z_next = model(z, a)``. It must treat the samples of a batch separately, so it must not use batch
            normalisation in training mode.
        z0: first states, shape ``(B, D)``.
        actions: shape ``(B, T, A)`` with ``T`` at least 1.

    Example:
        >>> import torch
        >>> jacobian = rollout_jacobian(lambda z, a: 2 * z + a, torch.ones(1, 1), torch.zeros(1, 3, 1))
        >>> jacobian.action.flatten()  # with respect to the first, second and third action
        tensor([4., 2., 1.])
        >>> jacobian.state_norm
        tensor([8.], dtype=torch.float64)
    """
    require_shape("z0", z0, ("B", "D"))
    require_shape("actions", actions, (len(z0), "T", "A"))
    require_count("the horizon of actions", actions.shape[1])
    with torch.enable_grad():
        inputs = leaves(z0, actions)
        state, action = _rows(rollout(model, *inputs)[:, -1], inputs)
    return RolloutJacobian(action=action, state=state)


def step_jacobian(model: Dynamics, z: Tensor, a: Tensor, *, create_graph: bool = False) -> tuple[Tensor, Tensor]:
    """Differentiate one step by the state and by the action.

    Args:
        model: ``z_next = model(z, a)``.
        z: states, shape ``(B, D)``.
        a: actions, shape ``(B, A)``.
        create_graph: keep the graph, so that a loss on the Jacobians can train the model.

    Returns:
        ``∂f/∂z`` of shape ``(B, D, D)`` and ``∂f/∂a`` of shape ``(B, D, A)``.

    Example:
        >>> import torch
        >>> by_state, by_action = step_jacobian(lambda z, a: z**2 + 3 * a, torch.ones(1, 1), torch.zeros(1, 1))
        >>> by_state.item(), by_action.item()
        (2.0, 3.0)
    """
    with torch.enable_grad():
        inputs, z_next = traced_step(model, z, a)
        return _rows(z_next, inputs, create_graph)


def traced_step(model: Dynamics, z: Tensor, a: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
    """Take one step from copies of ``z`` and ``a`` that require gradients.

    Returns the two copies, to differentiate by, and the next state.
    """
    require_shape("z", z, ("B", "D"))
    require_shape("a", a, (len(z), "A"))
    inputs = leaves(z, a)
    return inputs, model(*inputs)


def leaves(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Copy ``tensors`` as leaves to differentiate by.

    The caller's tensors and their gradients stay untouched.
    """
    return tuple(tensor.detach().clone().requires_grad_(True) for tensor in tensors)


def _rows(outputs: Tensor, inputs: tuple[Tensor, ...], create_graph: bool = False) -> tuple[Tensor, ...]:
    """Jacobians of ``outputs`` with respect to each input.

    ``outputs`` has shape ``(B, D)``, and each Jacobian ``(B, D, *rest)``.
    """
    rows = [
        torch.autograd.grad(
            coordinate.sum(), inputs, retain_graph=True, create_graph=create_graph, materialize_grads=True
        )
        for coordinate in outputs.unbind(dim=1)
    ]
    return tuple(torch.stack(parts, dim=1) for parts in zip(*rows, strict=True))


def _norm(jacobian: Tensor) -> Tensor:
    # In float32 the square of an entry above 2e19 is infinite, and long rollouts have such entries.
    return jacobian.double().flatten(1).norm(dim=1)
