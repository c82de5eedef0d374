"""Planning continuous actions to a goal state by rolling the model out and descending on the actions.

A planner is a function: a model, the states it starts from, the goals and a horizon in; a :class:`Trajectory` out.
All of them, here, in :mod:`~helm_tutorial.cliff.multiple_shooting` and in :mod:`~helm_tutorial.cliff.lqr`, use nothing
of the model but its step and derivatives of it, so they take a learned network as well as a linear system. None sees
the world in which its plan is carried out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from helm_tutorial._check import require_count, require_shape
from helm_tutorial.jacobian import rollout_jacobian
from helm_tutorial.rollouts import Dynamics, rollout

Watch = Callable[[int, Tensor], None]
"""Called as ``watch(iteration, actions)`` before the first iteration and after each, with actions ``(B, T, A)``."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """One plan for each of ``B`` starts.

    Attributes:
        actions: shape ``(B, T, A)``.
        states: where the planner believes that they lead, the start included, shape ``(B, T + 1, D)``.
    """

    actions: Tensor
    states: Tensor


def plan_descent(
    model: Dynamics,
    z0: Tensor,
    goals: Tensor,
    horizon: int,
    *,
    actions: int,
    steps: int = 300,
    initial: Tensor | None = None,
    watch: Watch | None = None,
) -> Trajectory:
    """Plain gradient descent on the actions, from zeros, of half the squared distance between ``z_T`` and the goal.

    Each start has the step size ``1/L``, ``L`` being the largest curvature of its cost, the largest eigenvalue of
    ``J Jᵀ`` at the first plan: the best that is safe, computed rather than tuned, the same rule for every model.

    Args:
        model: ``z_next = model(z, a)``.
        z0: shape ``(B, D)``.
        goals: shape ``(B, D)``.
        horizon: ``T``.
        actions: ``A``.
        steps: gradient steps, one backward pass each.
        initial: the first plan, shape ``(B, T, A)``, instead of zeros.
        watch: see :data:`Watch`.

    Raises:
        ValueError: a shape or count is not as above.
    """
    plan = first_plan(z0, goals, horizon, actions, steps, initial)
    jacobian = rollout_jacobian(model, z0, plan).action.flatten(2)
    rate = torch.linalg.matrix_norm(jacobian, ord=2).square().reciprocal()[:, None, None]
    if watch is not None:
        watch(0, plan)
    for step in range(steps):
        plan = plan - rate * action_gradient(model, z0, goals, plan)
        if watch is not None:
            watch(step + 1, plan)
    return imagined(model, z0, plan)


def plan_gauss_newton(
    model: Dynamics,
    z0: Tensor,
    goals: Tensor,
    horizon: int,
    *,
    actions: int,
    steps: int = 10,
    watch: Watch | None = None,
) -> Trajectory:
    """Gauss-Newton on the actions: each step is the smallest change that closes the gap of the linearised rollout.

    The step is ``Jᵀ (J Jᵀ)⁻¹ (g - z_T)``, the gradient preconditioned by the ``D x D`` matrix ``J Jᵀ``; it is computed
    from an orthogonal factorisation of ``J`` itself, whose condition number is the root of that of ``J Jᵀ``. One step
    costs ``D`` backward passes. Arguments as for :func:`plan_descent`.
    """
    plan = first_plan(z0, goals, horizon, actions, steps, None)
    if watch is not None:
        watch(0, plan)
    for step in range(steps):
        jacobian = rollout_jacobian(model, z0, plan).action.flatten(2)
        gap = goals - rollout(model, z0, plan)[:, -1].detach()
        # J = Rᵀ Qᵀ: the smallest solution of J x = gap is Q R⁻ᵀ gap.
        Q, R = torch.linalg.qr(jacobian.mT)
        change = Q @ torch.linalg.solve_triangular(R.mT, gap.unsqueeze(-1), upper=False)
        plan = plan + change.view_as(plan)
        if watch is not None:
            watch(step + 1, plan)
    return imagined(model, z0, plan)


def first_plan(z0: Tensor, goals: Tensor, horizon: int, actions: int, steps: int, initial: Tensor | None) -> Tensor:
    """The plan that a planner begins with, zeros unless ``initial`` is given, once all arguments have been checked.

    Raises:
        ValueError: a shape or count is not as :func:`plan_descent` says.
    """
    require_shape("z0", z0, ("B", "D"))
    require_shape("goals", goals, tuple(z0.shape))
    for name, value in {"horizon": horizon, "actions": actions, "steps": steps}.items():
        require_count(name, value)
    if initial is None:
        return z0.new_zeros(len(z0), horizon, actions)
    require_shape("initial", initial, (len(z0), horizon, actions))
    return initial.detach().clone()


def action_gradient(model: Dynamics, z0: Tensor, goals: Tensor, plan: Tensor) -> Tensor:
    plan = plan.detach().requires_grad_(True)
    with torch.enable_grad():
        cost = (rollout(model, z0, plan)[:, -1] - goals).square().sum() / 2
        return torch.autograd.grad(cost, plan)[0]


def imagined(model: Dynamics, z0: Tensor, plan: Tensor) -> Trajectory:
    with torch.no_grad():
        return Trajectory(plan, rollout(model, z0, plan))
