"""Planning with lifted states: the states between start and goal are variables of their own, and nothing is rolled out.

Multiple shooting (Bock and Plitt 1984). A horizon of ``T`` steps becomes ``T`` problems of one step that are tied
together, so no power of a Jacobian occurs, and the condition number stays bounded as the horizon grows.
"""

from __future__ import annotations

import torch
from torch import Tensor

from helm_tutorial._check import require_shape
from helm_tutorial.cliff.descent import Trajectory, Watch, first_plan
from helm_tutorial.jacobian import step_jacobian
from helm_tutorial.rollouts import Dynamics

CLOSED = 8
"""Largest defect, in units of the last place of the largest state, at which there is nothing left to close."""


def lifted_constraint(model: Dynamics, states: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """The linearised defects of a lifted trajectory: ``defects + A x`` for a change ``x`` of inner states and actions.

    Args:
        model: ``z_next = model(z, a)``.
        states: shape ``(B, T + 1, D)``; the first and the last are held.
        actions: shape ``(B, T, A)``.

    Returns:
        The matrix ``A`` of shape ``(B, T D, (T - 1) D + T A)`` and the defects ``z_{t+1} - model(z_t, a_t)``, shape
        ``(B, T, D)``.

    Raises:
        ValueError: a shape is not as above.
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


def plan_multiple_shooting(
    model: Dynamics,
    z0: Tensor,
    goals: Tensor,
    horizon: int,
    *,
    actions: int,
    steps: int = 10,
    watch: Watch | None = None,
) -> Trajectory:
    """Gauss-Newton on lifted states: the states between start and goal are variables of their own.

    Variables are ``z_1, ..., z_{T-1}`` and all actions; the last state is the goal. What is driven to zero are the
    ``T`` *defects* ``z_{t+1} - model(z_t, a_t)``, and each step is the smallest change of all variables that closes
    them to first order. Nothing is ever rolled out, all ``T`` steps are differentiated at once, ``D`` backward passes
    in all, and no power of a Jacobian occurs. States begin on the straight line from start to goal, actions at zero.
    It ends before ``steps`` once all defects are closed to rounding. Arguments as for
    :func:`~helm_tutorial.cliff.descent.plan_descent`.
    """
    plan = first_plan(z0, goals, horizon, actions, steps, None)
    states = straight_line(z0, goals, horizon)
    if watch is not None:
        watch(0, plan)
    for step in range(steps):
        constraint, defects = lifted_constraint(model, states, plan)
        if float(defects.abs().max()) <= CLOSED * torch.finfo(states.dtype).eps * float(states.abs().max()):
            break
        change = _smallest_change(constraint, -defects.flatten(1))
        inner, moved = change.split([(horizon - 1) * z0.shape[1], horizon * actions], dim=1)
        states = states.clone()
        states[:, 1:-1] += inner.view(len(z0), horizon - 1, -1)
        plan = plan + moved.view_as(plan)
        if watch is not None:
            watch(step + 1, plan)
    return Trajectory(plan, states)


def _smallest_change(constraint: Tensor, wanted: Tensor) -> Tensor:
    """The solution ``x`` of ``A x = wanted`` of the least norm: ``x = Aᵀ y`` with ``(A Aᵀ) y = wanted``.

    ``A Aᵀ`` is block tridiagonal and, where the model answers to its actions, positive definite. Where it is not, to
    the precision at hand, the pseudo-inverse comes as near as can be; where it is not finite, nothing changes.
    """
    factor, failed = torch.linalg.cholesky_ex(constraint @ constraint.mT)
    change = (constraint.mT @ torch.cholesky_solve(wanted.unsqueeze(-1), factor)).squeeze(-1)
    for i in failed.nonzero().flatten().tolist():
        known = bool(constraint[i].isfinite().all() and wanted[i].isfinite().all())
        change[i] = torch.linalg.pinv(constraint[i]) @ wanted[i] if known else 0.0
    return change


def straight_line(z0: Tensor, goals: Tensor, horizon: int) -> Tensor:
    along = torch.linspace(0, 1, horizon + 1, dtype=z0.dtype)[:, None]
    return z0[:, None] + along * (goals - z0)[:, None]
