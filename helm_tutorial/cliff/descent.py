"""Real-valued planners that roll out the model: gradient descent, Gauss-Newton.

A planner takes a model, the states to start from, one goal for each start and a horizon, and returns a
:class:`~helm_tutorial.planning.plan.Plan`. The planners here, in :mod:`~helm_tutorial.cliff.multiple_shooting` and in
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
"""Observer of a planner, called as ``watch(iteration, actions)``.

It is called before the first iteration and after each one, with actions ``(B, T, A)``.
"""


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

    Each start has the step size ``1/L``, where ``L`` is the largest eigenvalue of ``J Jᵀ`` at the first plan. This is
    the largest curvature of its cost there. For a linear model such a step never overshoots.

    Args:
        model: ``z_next = model(z, a)``.
        z0: first states, shape ``(B, D)``.
        goals: one goal for each start, shape ``(B, D)``.
        horizon: number of actions ``T``.
        num_actions: dimension ``A`` of an action.
        steps: gradient steps, each one rollout and one backward pass.
        initial: the first plan, shape ``(B, T, A)``; zeros by default.
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
    """Plan by Gauss-Newton on the actions.

    Each step is the smallest change of the actions that closes the gap to the goal in the linearised rollout. The
    change is ``Jᵀ (J Jᵀ)⁻¹ (g - z_T)``: the gradient, with the gap rescaled by the inverse of the ``D x D`` matrix
    ``J Jᵀ``. It is computed from an orthogonal factorisation of ``J``, whose condition number is the square root of
    that of ``J Jᵀ``. One step costs ``D`` backward passes. The arguments are those of :func:`plan_descent`.
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
    """Check a planner's arguments and return its first actions.

    The first actions are ``initial`` if given, and zeros otherwise.
    """
    require_shape("z0", z0, ("B", "D"))
    require_shape("goals", goals, tuple(z0.shape))
    for name, value in {"horizon": horizon, "num_actions": num_actions, "steps": steps}.items():
        require_count(name, value)
    if initial is None:
        return z0.new_zeros(len(z0), horizon, num_actions)
    require_shape("initial", initial, (len(z0), horizon, num_actions))
    return initial.detach().clone()


def action_gradient(model: Dynamics, z0: Tensor, goals: Tensor, actions: Tensor) -> Tensor:
    """Gradient of the cost with respect to the actions, shape ``(B, T, A)``.

    The cost is half the squared distance between the rollout's end and the goal.
    """
    actions = actions.detach().requires_grad_(True)
    with torch.enable_grad():
        cost = (rollout(model, z0, actions)[:, -1] - goals).square().sum() / 2
        return torch.autograd.grad(cost, actions)[0]


@torch.no_grad()
def scored(
    model: Dynamics, z0: Tensor, goals: Tensor, actions: Tensor, *, model_calls: int, states: Tensor | None = None
) -> Plan:
    """Return the plan of ``actions`` with its cost measured on a rollout.

    The rollout counts as model calls too. ``states`` are the states that the planner expects, by default those of the
    rollout.
    """
    reached = rollout(model, z0, actions)
    cost = (reached[:, -1] - goals).square().sum(dim=1) / 2
    # An overflow can give nan, and every comparison with nan is false.
    cost = cost.masked_fill(cost.isnan(), torch.inf)
    return Plan(actions, cost, model_calls + actions.shape[1], states=reached if states is None else states)
