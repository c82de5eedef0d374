"""Multiple shooting: plan the states and the actions together.

The states between start and goal are variables too. A horizon of ``T`` steps becomes ``T`` coupled problems of one step
each (Bock and Plitt 1984). No power of a Jacobian occurs, so the condition number stays bounded as the horizon grows.
"""

from __future__ import annotations

import torch
from torch import Tensor

from helm_tutorial._check import require_shape
from helm_tutorial.cliff.descent import Watch, first_actions, scored
from helm_tutorial.jacobian import step_jacobian
from helm_tutorial.planning.plan import Plan
from helm_tutorial.rollouts import Dynamics

ROUNDING = 8
"""Largest defect that counts as closed, in rounding units of the largest state."""


def plan_multiple_shooting(
    model: Dynamics,
    z0: Tensor,
    goals: Tensor,
    horizon: int,
    *,
    num_actions: int,
    steps: int = 10,
    watch: Watch | None = None,
) -> Plan:
    """Plan by Gauss-Newton on the states and the actions together.

    The variables are ``z_1, ..., z_{T-1}`` and all actions; the last state is the goal. Each step is the smallest
    change of all variables that closes the ``T`` *defects* ``z_{t+1} - model(z_t, a_t)`` to first order. It
    differentiates all ``T`` steps at once, in ``D`` backward passes. States begin on the straight line from start to
    goal, actions at zero. Planning ends before ``steps`` once every defect is closed to rounding.

    Args:
        model: ``z_next = model(z, a)``.
        z0: first states, shape ``(B, D)``.
        goals: one goal for each start, shape ``(B, D)``.
        horizon: number of actions ``T``.
        num_actions: dimension ``A`` of an action.
        steps: maximum number of Gauss-Newton steps; a linear model needs one.
        watch: see :data:`~helm_tutorial.cliff.descent.Watch`.

    Returns:
        The plan. Its ``states`` are the planned states, which end at the goal. Its ``cost`` is half the squared
        distance between the goal and the end of the *rollout* of the actions, as for the other planners. On an
        expansive model it shows how far rounding errors move an open-loop plan.

    Example:
        >>> import torch
        >>> def model(z, a):
        ...     return 1.3 * z + a
        >>> z0, goals = torch.tensor([[1.0]]), torch.tensor([[-1.0]])
        >>> plan = plan_multiple_shooting(model, z0, goals, 10, num_actions=1)
        >>> plan.actions.shape, plan.states.shape, bool(plan.cost < 1e-6)
        (torch.Size([1, 10, 1]), torch.Size([1, 11, 1]), True)
    """
    actions = first_actions(z0, goals, horizon, num_actions, steps)
    states, calls = straight_line(z0, goals, horizon), 0
    if watch is not None:
        watch(0, actions)
    for step in range(steps):
        constraint, defects = lifted_constraint(model, states, actions)
        calls += 2 * horizon
        if float(defects.abs().max()) <= ROUNDING * torch.finfo(states.dtype).eps * float(states.abs().max()):
            break
        change = _smallest_change(constraint, -defects.flatten(1))
        inner, moved = change.split([(horizon - 1) * z0.shape[1], horizon * num_actions], dim=1)
        states = states.clone()
        states[:, 1:-1] += inner.view(len(z0), horizon - 1, -1)
        actions = actions + moved.view_as(actions)
        if watch is not None:
            watch(step + 1, actions)
    return scored(model, z0, goals, actions, model_calls=calls, states=states)


def lifted_constraint(model: Dynamics, states: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Linearise the defects in the inner states and the actions.

    A change ``x`` of the inner states and the actions turns the defects into ``defects + A x``.

    Args:
        model: ``z_next = model(z, a)``.
        states: shape ``(B, T + 1, D)``; the first and the last are held fixed.
        actions: shape ``(B, T, A)``.

    Returns:
        The matrix ``A`` of shape ``(B, T D, (T - 1) D + T A)`` and the defects ``z_{t+1} - model(z_t, a_t)``, shape
        ``(B, T, D)``.
    """
    require_shape("states", states, ("B", "T + 1", "D"))
    batch, horizon, dimension = len(states), states.shape[1] - 1, states.shape[2]
    require_shape("actions", actions, (batch, horizon, "A"))
    before, pushed = states[:, :-1].flatten(0, 1), actions.flatten(0, 1)
    by_state, by_action = (part.unflatten(0, (batch, horizon)) for part in step_jacobian(model, before, pushed))
    defects = states[:, 1:] - model(before, pushed).detach().unflatten(0, (batch, horizon))
    width = actions.shape[2]
    of_states = states.new_zeros(batch, horizon, dimension, horizon + 1, dimension)
    of_actions = states.new_zeros(batch, horizon, dimension, horizon, width)
    steps = torch.arange(horizon)
    of_states[:, steps, :, steps + 1, :] = torch.eye(dimension, dtype=states.dtype)
    of_states[:, steps, :, steps, :] = -by_state.transpose(0, 1)
    of_actions[:, steps, :, steps, :] = -by_action.transpose(0, 1)
    rows = horizon * dimension
    inner = of_states[:, :, :, 1:-1].reshape(batch, rows, (horizon - 1) * dimension)
    return torch.cat([inner, of_actions.reshape(batch, rows, horizon * width)], dim=2), defects


def _smallest_change(constraint: Tensor, wanted: Tensor) -> Tensor:
    """Smallest solution ``x`` of ``A x = wanted``.

    The solution is ``x = Aᵀ y`` with ``(A Aᵀ) y = wanted``.
    ``A Aᵀ`` is block tridiagonal, and positive definite where the model responds to its actions. If rounding or the
    model makes it singular, the pseudo-inverse gives the least-squares solution. If it is not finite, ``x`` is zero.
    """
    factor, failed = torch.linalg.cholesky_ex(constraint @ constraint.mT)
    change = (constraint.mT @ torch.cholesky_solve(wanted.unsqueeze(-1), factor)).squeeze(-1)
    for i in failed.nonzero().flatten().tolist():
        known = bool(constraint[i].isfinite().all() and wanted[i].isfinite().all())
        change[i] = torch.linalg.pinv(constraint[i]) @ wanted[i] if known else 0.0
    return change


def straight_line(z0: Tensor, goals: Tensor, horizon: int) -> Tensor:
    """Equally spaced states from each start to its goal, shape ``(B, T + 1, D)``."""
    along = torch.linspace(0, 1, horizon + 1, dtype=z0.dtype)[:, None]
    return z0[:, None] + along * (goals - z0)[:, None]
