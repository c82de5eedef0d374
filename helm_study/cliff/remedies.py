"""Remedies for a stalled descent that chapter 1 compares, and the tasks on which it compares them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from helm_tutorial._check import require_count, require_real
from helm_tutorial.cliff.descent import action_gradient, first_actions, plan_descent, scored
from helm_tutorial.cliff.multiple_shooting import lifted_constraint, straight_line
from helm_tutorial.planning.plan import Plan
from helm_tutorial.rollouts import Dynamics


@dataclass(frozen=True, eq=False)
class Tasks:
    """Pairs of a start and a goal, each with a plan that leads from one to the other.

    Attributes:
        starts: shape ``(B, D)``.
        goals: shape ``(B, D)``.
        witness: actions between -1 and 1 that lead there, shape ``(B, T, A)``. No planner sees them.
    """

    starts: Tensor
    goals: Tensor
    witness: Tensor


def backward_tasks(
    undo: Dynamics, generator: torch.Generator, *, trials: int, dimension: int, num_actions: int, horizon: int
) -> Tasks:
    """Draw tasks that actions between -1 and 1 can solve, by stepping backwards from their goals.

    The goal is standard normal, the actions are uniform on ``[-1, 1]``, and the start is where the system must have
    come from. Drawn forwards, random plans of an expansive system would end ``ρ^T`` away from everything.

    Args:
        undo: the inverse step, ``z = undo(z_next, a)``.
        generator: source of goals and plans.
        trials: ``B``.
        dimension: ``D``.
        num_actions: numbers in one action, ``A``.
        horizon: ``T``.
    """
    counts = {"trials": trials, "dimension": dimension, "num_actions": num_actions, "horizon": horizon}
    for name, value in counts.items():
        require_count(name, value)
    goals = torch.randn(trials, dimension, generator=generator, dtype=torch.float64)
    witness = 2.0 * torch.rand(trials, horizon, num_actions, generator=generator, dtype=torch.float64) - 1.0
    state = goals
    for action in witness.flip(1).unbind(dim=1):
        state = undo(state, action)
    return Tasks(state, goals, witness)


def plan_adam(
    model: Dynamics, z0: Tensor, goals: Tensor, horizon: int, *, num_actions: int, steps: int = 100, lr: float = 0.05
) -> Plan:
    """Plan as :func:`plan_descent` does, but with Adam and the report's step size: the report's planner."""
    plan = first_actions(z0, goals, horizon, num_actions, steps).requires_grad_(True)
    require_real("lr", lr, above=0.0)
    optimizer = torch.optim.Adam([plan], lr=lr)
    for _ in range(steps):
        plan.grad = action_gradient(model, z0, goals, plan.detach())
        optimizer.step()
    return scored(model, z0, goals, plan.detach(), model_calls=steps * horizon)


def plan_coarse_to_fine(
    model: Dynamics, z0: Tensor, goals: Tensor, horizon: int, *, num_actions: int, steps: int = 300, stride: int = 5
) -> Plan:
    """Plan by :func:`plan_descent` on horizons ``stride, 2 stride, ..., T``, one after another.

    Each begins with the plan before it, followed by zeros. All horizons have the same share of ``steps``.
    """
    require_count("stride", stride)
    stages = [*range(stride, horizon, stride), horizon]
    plan = first_actions(z0, goals, horizon, num_actions, steps)[:, :0]
    calls = 0
    for stage in stages:
        padding = plan.new_zeros(len(z0), stage - plan.shape[1], num_actions)
        begun = torch.cat([plan, padding], dim=1)
        share = max(1, steps // len(stages))
        found = plan_descent(model, z0, goals, stage, num_actions=num_actions, steps=share, initial=begun)
        plan, calls = found.actions, calls + found.model_calls
    return scored(model, z0, goals, plan, model_calls=calls)


def plan_lifted_descent(
    model: Dynamics, z0: Tensor, goals: Tensor, horizon: int, *, num_actions: int, steps: int = 300
) -> Plan:
    """Plan by gradient descent on half the squared defects of multiple shooting, with the step size ``1/L``.

    It starts as :func:`~helm_tutorial.cliff.multiple_shooting.plan_multiple_shooting` does and takes one backward pass
    a step.
    """
    plan = first_actions(z0, goals, horizon, num_actions, steps)
    states = straight_line(z0, goals, horizon)
    constraint, _ = lifted_constraint(model, states, plan)
    rate = torch.linalg.matrix_norm(constraint[:1], ord=2).square().reciprocal()
    for _ in range(steps):
        inner, plan = states[:, 1:-1].detach().requires_grad_(True), plan.detach().requires_grad_(True)
        states = torch.cat([states[:, :1], inner, states[:, -1:]], dim=1)
        reached = model(states[:, :-1].flatten(0, 1), plan.flatten(0, 1)).view_as(states[:, 1:])
        by_inner, by_plan = torch.autograd.grad((states[:, 1:] - reached).square().sum() / 2, (inner, plan))
        states = torch.cat([states[:, :1], inner - rate * by_inner, states[:, -1:]], dim=1).detach()
        plan = (plan - rate * by_plan).detach()
    return scored(model, z0, goals, plan, model_calls=(steps + 2) * horizon, states=states)
