"""Planners of real-valued actions that roll the model out: gradient descent, and Gauss-Newton.

A planner takes a model, the states it starts from, one goal for each start and a horizon, and returns a
:class:`~helm_tutorial.planning.plan.Plan`. Those here, in :mod:`~helm_tutorial.cliff.multiple_shooting` and in
:mod:`~helm_tutorial.cliff.lqr` use only the model's step and its derivatives, so the model may be a network or a linear
system. The cost of a plan is half the squared distance between the goal and the end of the plan's rollout.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from helm_tutorial._check import require_count, require_shape
from helm_tutorial.jacobian import rollout_jacobian
from helm_tutorial.planning.plan import Plan
from helm_tutorial.rollouts import Dynamics, rollout

Watch = Callable[[int, Tensor], None]
"""Called as ``watch(iteration, actions)`` before the first iteration and after each, with actions ``(B, T, A)``."""


def plan_descent(
    model: Dynamics,
    z0: Tensor,
    goals: Tensor,
    horizon: int,
    *,
    num_actions: int,
    steps: int = 300,
    initial: Tensor | None = None,
    watch: Watch | None = None,
) -> Plan:
    """Plan by gradient descent on the actions.

    Each start has the step size ``1/L``, where ``L`` is the largest eigenvalue of ``J Jᵀ`` at the first plan: the
    largest curvature of its cost there. For a linear model that is the longest step that is safe.

    Args:
        model: ``z_next = model(z, a)``.
        z0: first states, shape ``(B, D)``.
        goals: one goal for each start, shape ``(B, D)``.
        horizon: number of actions ``T``.
        num_actions: numbers in one action, ``A``.
        steps: gradient steps, each one rollout and one backward pass.
        initial: the first plan, shape ``(B, T, A)``, instead of zeros.
        watch: see :data:`Watch`.
    """
    actions = first_actions(z0, goals, horizon, num_actions, steps, initial)
    jacobian = rollout_jacobian(model, z0, actions).action.flatten(2)
    rate = torch.linalg.matrix_norm(jacobian, ord=2).square().reciprocal()[:, None, None]
    if watch is not None:
        watch(0, actions)
    for step in range(steps):
        actions = actions - rate * action_gradient(model, z0, goals, actions)
        if watch is not None:
            watch(step + 1, actions)
    return scored(model, z0, goals, actions, model_calls=(steps + 1) * horizon)


def plan_gauss_newton(
    model: Dynamics,
    z0: Tensor,
    goals: Tensor,
    horizon: int,
    *,
    num_actions: int,
    steps: int = 10,
    watch: Watch | None = None,
) -> Plan:
    """Plan by Gauss-Newton: each step is the smallest change that closes the gap of the linearised rollout.

    The change is ``Jᵀ (J Jᵀ)⁻¹ (g - z_T)``: the gradient, preconditioned by the ``D x D`` matrix ``J Jᵀ``. It is
    computed from an orthogonal factorisation of ``J``, whose condition number is the square root of that of ``J Jᵀ``.
    One step costs ``D`` backward passes. The arguments are those of :func:`plan_descent`.
    """
    actions = first_actions(z0, goals, horizon, num_actions, steps)
    if watch is not None:
        watch(0, actions)
    for step in range(steps):
        jacobian = rollout_jacobian(model, z0, actions).action.flatten(2)
        gap = goals - rollout(model, z0, actions)[:, -1].detach()
        # J = Rᵀ Qᵀ: the smallest solution of J x = gap is Q R⁻ᵀ gap.
        Q, R = torch.linalg.qr(jacobian.mT)
        change = Q @ torch.linalg.solve_triangular(R.mT, gap.unsqueeze(-1), upper=False)
        actions = actions + change.view_as(actions)
        if watch is not None:
            watch(step + 1, actions)
    return scored(model, z0, goals, actions, model_calls=2 * steps * horizon)


def first_actions(
    z0: Tensor, goals: Tensor, horizon: int, num_actions: int, steps: int, initial: Tensor | None = None
) -> Tensor:
    """Check what a planner was given and return the actions to begin with: ``initial``, or zeros."""
    require_shape("z0", z0, ("B", "D"))
    require_shape("goals", goals, tuple(z0.shape))
    for name, value in {"horizon": horizon, "num_actions": num_actions, "steps": steps}.items():
        require_count(name, value)
    if initial is None:
        return z0.new_zeros(len(z0), horizon, num_actions)
    require_shape("initial", initial, (len(z0), horizon, num_actions))
    return initial.detach().clone()


def action_gradient(model: Dynamics, z0: Tensor, goals: Tensor, actions: Tensor) -> Tensor:
    """Gradient of half the squared distance between the rollout's end and the goal, shape ``(B, T, A)``."""
    actions = actions.detach().requires_grad_(True)
    with torch.enable_grad():
        cost = (rollout(model, z0, actions)[:, -1] - goals).square().sum() / 2
        return torch.autograd.grad(cost, actions)[0]


@torch.no_grad()
def scored(
    model: Dynamics, z0: Tensor, goals: Tensor, actions: Tensor, *, model_calls: int, states: Tensor | None = None
) -> Plan:
    """The plan of ``actions``, its cost measured on a rollout, which also counts as model calls.

    ``states`` are what the planner believes; the rollout's own where it believes nothing else.
    """
    reached = rollout(model, z0, actions)
    cost = (reached[:, -1] - goals).square().sum(dim=1) / 2
    # An overflow can end in nan, which no comparison of costs would notice.
    cost = cost.masked_fill(cost.isnan(), torch.inf)
    return Plan(actions, cost, model_calls + actions.shape[1], states=reached if states is None else states)
