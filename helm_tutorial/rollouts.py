"""Rolling a world model out along a sequence of actions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from helm_tutorial._check import require_shape

Dynamics = Callable[[Tensor, Tensor], Tensor]
"""One step of a world model, callable as ``z_next = model(z, a)``.

Shapes: ``(B, D), (B, A) -> (B, D)``.
"""


def rollout(model: Dynamics, z0: Tensor, actions: Tensor) -> Tensor:
    """Roll a world model out along a sequence of actions.

    Applies ``z_{t+1} = model(z_t, a_t)`` for ``t = 0, ..., T-1``.

    Args:
        model: ``z_next = model(z, a)``.
        z0: first states, shape ``(B, D)``.
        actions: one sequence for each start, shape ``(B, T, A)``; ``T`` may be 0.

    Returns:
        All states, including the first, shape ``(B, T + 1, D)``.

    Example:
        >>> import torch
        >>> rollout(lambda z, a: 2 * z + a, torch.ones(1, 1), torch.zeros(1, 3, 1)).flatten()
        tensor([1., 2., 4., 8.])
    """
    require_shape("z0", z0, ("B", "D"))
    require_shape("actions", actions, (len(z0), "T", "A"))
    states = [z0]
    for action in actions.unbind(dim=1):
        states.append(model(states[-1], action))
        if len(states) == 2:
            require_shape("what model returns", states[1], tuple(z0.shape))
    return torch.stack(states, dim=1)
