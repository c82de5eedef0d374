"""A linear-quadratic regulator, used to find a plan or to follow one.

The model is unchanged. The closed loop of the model and the feedback law is stable. The law is known, so a plan that
was found with it can be written as plain actions.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg import solve_discrete_are
from torch import Tensor

from helm_tutorial._check import require_shape
from helm_tutorial.cliff.descent import Watch, first_actions, plan_descent, scored
from helm_tutorial.jacobian import step_jacobian
from helm_tutorial.planning.plan import Plan
from helm_tutorial.rollouts import Dynamics, rollout


def lqr_gain(by_state: Tensor, by_action: Tensor) -> Tensor:
    """Gain ``K`` of the linear-quadratic regulator with unit weights.

    With ``a = -K z`` the system ``z' = F z + G a`` is stable. ``K = (I + Gᵀ P G)⁻¹ Gᵀ P F``, where ``P`` solves the
    discrete Riccati equation (Kalman 1960).

    Args:
        by_state: ``F``, shape ``(D, D)``.
        by_action: ``G``, shape ``(D, A)``.

    Returns:
        Shape ``(A, D)``, float64.

    Raises:
        ValueError: no gain stabilises the system, because the actions cannot reach some direction that grows.

    Example:
        >>> import torch
        >>> F, G = torch.tensor([[1.3]]), torch.tensor([[0.5]])
        >>> K = lqr_gain(F, G)
        >>> round((F - G @ K.float()).item(), 2)  # the closed loop shrinks every difference
        0.6
    """
    require_shape("by_state", by_state, ("D", "D"))
    require_shape("by_action", by_action, (len(by_state), "A"))
    F, G = by_state.detach().double().cpu(), by_action.detach().double().cpu()
    unit = torch.eye(G.shape[1], dtype=F.dtype)
    try:
        P = torch.from_numpy(solve_discrete_are(F.numpy(), G.numpy(), np.eye(len(F)), unit.numpy()))
    except np.linalg.LinAlgError as error:
        raise ValueError("by_state and by_action must leave no growing direction that actions do not reach") from error
    return torch.linalg.solve(unit + G.mT @ P @ G, G.mT @ P @ F)


def plan_feedback(
    model: Dynamics,
    z0: Tensor,
    goals: Tensor,
    horizon: int,
    *,
    num_actions: int,
    steps: int = 300,
    watch: Watch | None = None,
) -> Plan:
    """Plan by gradient descent on corrections to a feedback law.

    The actions are ``a_t = v_t - K (z_t - g)`` with corrections ``v``. The gain ``K`` is :func:`lqr_gain` of the model,
    linearised at the first goal with zero action. Every sequence of actions belongs to exactly one sequence of
    corrections, so no plan is lost; only the coordinates of the descent change. ``watch`` is called with the actions.
    The arguments are those of :func:`~helm_tutorial.cliff.descent.plan_descent`.
    """
    first_actions(z0, goals, horizon, num_actions, steps)
    by_state, by_action = step_jacobian(model, goals[:1], goals.new_zeros(1, num_actions))
    gain = lqr_gain(by_state[0], by_action[0]).to(z0)

    def steered(z: Tensor, v: Tensor) -> Tensor:
        return model(z, v - (z - goals) @ gain.mT)

    def plain(corrections: Tensor, states: Tensor) -> Tensor:
        return corrections - (states[:, :-1] - goals[:, None]) @ gain.mT

    tell = None
    if watch is not None:

        def tell(step: int, v: Tensor) -> None:
            watch(step, plain(v, rollout(steered, z0, v)))

    inner = plan_descent(steered, z0, goals, horizon, num_actions=num_actions, steps=steps, watch=tell)
    actions = plain(inner.actions, inner.states)
    return scored(model, z0, goals, actions, model_calls=inner.model_calls, states=inner.states)


def simulate(world: Dynamics, plan: Plan, *, gain: Tensor | None = None) -> Tensor:
    """States that ``world`` goes through under a plan, shape ``(B, T + 1, D)``.

    Args:
        world: one step of the world, ``z_next = world(z, a)``.
        plan: a plan with ``states``; the world starts at the first of them.
        gain: shape ``(A, D)``. With it the loop is closed: the action is ``a_t - K (z_t - plan.states[:, t])``.
    """
    if gain is None:
        return rollout(world, plan.states[:, 0], plan.actions)
    states = [plan.states[:, 0]]
    for expected, action in zip(plan.states.unbind(dim=1), plan.actions.unbind(dim=1), strict=False):
        states.append(world(states[-1], action - (states[-1] - expected) @ gain.mT))
    return torch.stack(states, dim=1)
