"""Feedback inside the rollout: a stabilising law makes the coordinates of descent, and holds a plan to its course.

The model is untouched. What is stable is the loop of model and law, and the law is known: it can be taken out again.
"""

from __future__ import annotations

import torch
from torch import Tensor

from helm_tutorial._check import require_shape
from helm_tutorial.cliff.descent import Trajectory, Watch, first_plan, plan_descent
from helm_tutorial.jacobian import step_jacobian
from helm_tutorial.rollouts import Dynamics, rollout


def feedback_gain(by_state: Tensor, by_action: Tensor) -> Tensor:
    """Gain ``K`` of the linear-quadratic regulator with unit weights for ``z' = F z + G a``: ``a = -K z`` is stable.

    The fixed point of the Riccati recursion ``P = I + Fᵀ P (F - G K)``, ``K = (I + Gᵀ P G)⁻¹ Gᵀ P F`` (Kalman 1960),
    in float64.

    Args:
        by_state: ``F``, shape ``(D, D)``.
        by_action: ``G``, shape ``(D, A)``.

    Returns:
        Shape ``(A, D)``.

    Raises:
        ValueError: a shape is not as above, or the recursion does not settle: the actions do not reach every
            direction that grows.
    """
    require_shape("by_state", by_state, ("D", "D"))
    require_shape("by_action", by_action, (len(by_state), "A"))
    F, G = by_state.double(), by_action.double()
    identity = torch.eye(len(F), dtype=F.dtype)
    value = identity
    for _ in range(2000):
        gain = torch.linalg.solve(torch.eye(G.shape[1], dtype=F.dtype) + G.mT @ value @ G, G.mT @ value @ F)
        following = identity + F.mT @ value @ (F - G @ gain)
        following = (following + following.mT) / 2
        settled = float((following - value).norm()) < 1e-10 * float(following.norm())
        value = following
        if settled:
            break
    if not float(torch.linalg.eigvals(F - G @ gain).abs().max()) < 1.0:
        raise ValueError("by_state and by_action must leave no growing direction that actions do not reach")
    return gain


def plan_feedback(
    model: Dynamics,
    z0: Tensor,
    goals: Tensor,
    horizon: int,
    *,
    actions: int,
    steps: int = 300,
    watch: Watch | None = None,
) -> Trajectory:
    """Gradient descent on corrections to a feedback law inside the rollout, ``a_t = v_t - K (z_t - g)``.

    The gain is :func:`feedback_gain` of the model linearised at the first goal at rest. Plans ``v`` and plans ``a``
    correspond one to one, so no plan is lost and the model is the same; only the coordinates of descent are others.
    ``watch`` sees the actions.
    """
    first_plan(z0, goals, horizon, actions, steps, None)
    by_state, by_action = step_jacobian(model, goals[:1], goals.new_zeros(1, actions))
    gain = feedback_gain(by_state[0], by_action[0]).to(z0.dtype)

    def steered(z: Tensor, v: Tensor) -> Tensor:
        return model(z, v - (z - goals) @ gain.mT)

    def plain(corrections: Tensor, states: Tensor) -> Tensor:
        return corrections - (states[:, :-1] - goals[:, None]) @ gain.mT

    tell = None
    if watch is not None:

        def tell(step: int, v: Tensor) -> None:
            watch(step, plain(v, rollout(steered, z0, v)))

    inner = plan_descent(steered, z0, goals, horizon, actions=actions, steps=steps, watch=tell)
    return Trajectory(plain(inner.actions, inner.states), inner.states)


def carry_out(world: Dynamics, plan: Trajectory, *, gain: Tensor | None = None) -> Tensor:
    """States of the world under a plan, shape ``(B, T + 1, D)``.

    Args:
        world: the world's step.
        plan: what to carry out, from its first states.
        gain: shape ``(A, D)``; with it the loop is closed, ``a_t - K (z_t - what the plan expected)``.
    """
    if gain is None:
        return rollout(world, plan.states[:, 0], plan.actions)
    states = [plan.states[:, 0]]
    for expected, action in zip(plan.states.unbind(dim=1), plan.actions.unbind(dim=1), strict=False):
        states.append(world(states[-1], action - (states[-1] - expected) @ gain.mT))
    return torch.stack(states, dim=1)
