"""Planning continuous actions to a goal state by rolling the model out and descending on the actions.

A planner is a function: a model, the states it starts from, the goals and a horizon in; a :class:`Trajectory` out.
All of them, here, in :mod:`~helm_tutorial.multiple_shooting` and in :mod:`~helm_tutorial.feedback`, use nothing of the
model but its step and derivatives of it, so they take a learned network as well as a linear system. None sees the
world in which its plan is carried out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from helm_tutorial.adam import Adam
from helm_tutorial.jacobian import rollout_jacobian
from helm_tutorial.rollout import Dynamics, rollout
from helm_tutorial.validation import require_count, require_real, require_shape

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


@dataclass(frozen=True, eq=False)
class Tasks:
    """Pairs of a start and a goal, each with a plan that leads from one to the other.

    Attributes:
        starts: shape ``(B, D)``.
        goals: shape ``(B, D)``.
        witness: actions between -1 and 1 that lead there, shape ``(B, T, A)``; no planner sees them.
    """

    starts: Tensor
    goals: Tensor
    witness: Tensor


def backward_tasks(
    undo: Dynamics, generator: torch.Generator, *, trials: int, dimension: int, actions: int, horizon: int
) -> Tasks:
    """Tasks that can be solved at the horizon with actions between -1 and 1, starts and goals of the size of the data.

    The goal is standard normal, the plan uniform on ``[-1, 1]``, and the start is where the system must have come
    from. Drawn forwards, the ends of random plans of an expansive system would lie ``ρ^T`` away from everything.

    Args:
        undo: the inverse step, ``z = undo(z_next, a)``.
        generator: source of goals and plans.
        trials: ``B``.
        dimension: ``D``.
        actions: ``A``.
        horizon: ``T``.

    Raises:
        ValueError: a count is below 1.
    """
    counts = {"trials": trials, "dimension": dimension, "actions": actions, "horizon": horizon}
    for name, value in counts.items():
        require_count(name, value)
    goals = torch.randn(trials, dimension, generator=generator, dtype=torch.float64)
    witness = 2.0 * torch.rand(trials, horizon, actions, generator=generator, dtype=torch.float64) - 1.0
    state = goals
    for action in witness.flip(1).unbind(dim=1):
        state = undo(state, action)
    return Tasks(state, goals, witness)


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
        plan = plan - rate * _gradient(model, z0, goals, plan)
        if watch is not None:
            watch(step + 1, plan)
    return _imagined(model, z0, plan)


def plan_adam(
    model: Dynamics, z0: Tensor, goals: Tensor, horizon: int, *, actions: int, steps: int = 100, lr: float = 0.05
) -> Trajectory:
    """The report's planner: Adam on the actions, from zeros, with the report's step size; else :func:`plan_descent`."""
    plan = first_plan(z0, goals, horizon, actions, steps, None).requires_grad_(True)
    require_real("lr", lr, above=0.0)
    optimizer = Adam([plan], lr=lr)
    for _ in range(steps):
        plan.grad = _gradient(model, z0, goals, plan.detach())
        optimizer.step()
    return _imagined(model, z0, plan.detach())


def plan_coarse_to_fine(
    model: Dynamics, z0: Tensor, goals: Tensor, horizon: int, *, actions: int, steps: int = 300, stride: int = 5
) -> Trajectory:
    """:func:`plan_descent` on horizons ``stride, 2 stride, ..., T``, each beginning with the plan before it and zeros.

    ``steps`` are shared out equally among the horizons.
    """
    require_count("stride", stride)
    stages = [*range(stride, horizon, stride), horizon]
    plan = first_plan(z0, goals, horizon, actions, steps, None)[:, :0]
    for stage in stages:
        padding = plan.new_zeros(len(z0), stage - plan.shape[1], actions)
        begun = torch.cat([plan, padding], dim=1)
        share = max(1, steps // len(stages))
        plan = plan_descent(model, z0, goals, stage, actions=actions, steps=share, initial=begun).actions
    return _imagined(model, z0, plan)


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
    return _imagined(model, z0, plan)


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


def _gradient(model: Dynamics, z0: Tensor, goals: Tensor, plan: Tensor) -> Tensor:
    plan = plan.detach().requires_grad_(True)
    with torch.enable_grad():
        cost = (rollout(model, z0, plan)[:, -1] - goals).square().sum() / 2
        return torch.autograd.grad(cost, plan)[0]


def _imagined(model: Dynamics, z0: Tensor, plan: Tensor) -> Trajectory:
    with torch.no_grad():
        return Trajectory(plan, rollout(model, z0, plan))
