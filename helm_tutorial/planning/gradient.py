"""Planning by gradient through a world model.

The planners it is compared with are in :mod:`helm_tutorial.planning.search`. A planner is a function: a model, the
latents it starts from, the goal's latents and a horizon in; a :class:`~helm_tutorial.planning.plan.Plan` out. None of
them sees the environment, a state index or a geodesic distance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from helm_tutorial._check import require_choice, require_real
from helm_tutorial.models.adam import Adam
from helm_tutorial.planning.plan import BestPlans, Plan, check_kept, check_planning, goal_cost, score
from helm_tutorial.planning.relaxation import RELAXATIONS, relax
from helm_tutorial.rollouts import Dynamics, rollout

LEANING = 2.0
"""By how much a kept action's logit exceeds the others' in the mean, odds of e^2, which some steps can turn."""


@dataclass(frozen=True)
class Iterate:
    """What an observer of :func:`plan_gradient` sees at one gradient step, for ``B`` starts and ``S`` restarts.

    Attributes:
        updates: gradient steps that led here: 0, then 1, and so on.
        probabilities: the relaxed actions that the cost is computed from, shape ``(B, S, T, A)``: with
            ``relaxation="straight-through"`` one-hot, with ``"gumbel"`` this step's sample.
        cost: their cost, shape ``(B, S)``.
        decoded: the plans decoded after one more update, shape ``(B, S, T)``; ``None`` where they are not scored.
        decoded_cost: cost of those, shape ``(B, S)``, or ``None``.
    """

    updates: int
    probabilities: Tensor
    cost: Tensor
    decoded: Tensor | None
    decoded_cost: Tensor | None


def plan_gradient(
    model: Dynamics,
    z0: Tensor,
    goal: Tensor,
    horizon: int,
    *,
    actions: int,
    generator: torch.Generator,
    steps: int = 100,
    lr: float = 0.3,
    restarts: int = 8,
    decode_every: int = 10,
    over: str = "rollout",
    spread: float = 1.0,
    relaxation: str = "softmax",
    kept: Tensor | None = None,
    watch: Callable[[Iterate], None] | None = None,
) -> Plan:
    """Gradient descent on relaxed actions, several restarts, the decoded plans scored and the best kept.

    Each action is a point of the simplex made from ``A`` logits, by default their softmax. Adam descends the cost
    of the rollout; every ``decode_every`` steps each restart is decoded (largest logit) and the decoded plan's own
    cost is computed, since the relaxed cost says little about the plan that is executed.

    Args:
        model: ``z_next = model(z, a)``.
        z0: latents to start from, shape ``(B, D)``.
        goal: latents of the goal, shape ``(G, D)``.
        horizon: number of steps ``T``.
        actions: number of discrete actions ``A``.
        generator: draws the initial logits and, for ``relaxation="gumbel"``, noise at each step.
        steps: gradient steps.
        lr: Adam's step size on the logits.
        restarts: independent initial plans ``S`` for each start.
        decode_every: gradient steps between two scorings of the decoded plans; ``steps`` scores the
            last iterate only.
        over: see :func:`~helm_tutorial.planning.plan.goal_cost`.
        spread: standard deviation of the initial logits.
        relaxation: how logits become actions, see :func:`~helm_tutorial.planning.relaxation.relax`; decoding and the
            number of model calls are the same for all.
        kept: what is left of an earlier plan for each start, shape ``(B, at most T)``; the first restart's initial
            logits lean towards it by :data:`LEANING`. ``None`` begins each restart at random.
        watch: called at each gradient step with what there is to see, copies all; the plan is the same without it.

    Raises:
        ValueError: a size or option is out of range, or shapes do not fit.

    Example:
        >>> import torch
        >>> moves = torch.tensor([[-1.0], [0.0], [1.0]])  # three actions on a line
        >>> plan = plan_gradient(
        ...     lambda z, a: z + a @ moves,
        ...     torch.zeros(1, 1),
        ...     torch.tensor([[3.0]]),
        ...     4,
        ...     actions=3,
        ...     generator=torch.Generator().manual_seed(0),
        ... )
        >>> plan.actions  # three steps to the right, then stay
        tensor([[2, 2, 2, 1]])
    """
    check_planning(z0, goal, horizon, actions, over, steps=steps, restarts=restarts, decode_every=decode_every)
    require_real("lr", lr, above=0.0)
    require_real("spread", spread, low=0.0)
    require_choice("relaxation", relaxation, RELAXATIONS)
    check_kept(kept, len(z0), horizon)
    batch = len(z0)
    starts = z0.repeat_interleave(restarts, dim=0)
    logits = spread * torch.randn(batch * restarts, horizon, actions, generator=generator).to(z0.device)
    if kept is not None:
        logits[::restarts, : kept.shape[1]] += LEANING * F.one_hot(kept, actions)
    logits.requires_grad_(True)
    optimizer = Adam([logits], lr=lr)
    best = BestPlans(batch, horizon, z0.device)
    relaxed_best = torch.full((batch,), float("inf"), device=z0.device)
    scorings = 0
    for step in range(1, steps + 1):
        progress = (step - 1) / max(steps - 1, 1)
        probabilities = relax(logits, relaxation, progress=progress, generator=generator)
        cost = goal_cost(rollout(model, starts, probabilities)[:, 1:], goal, over=over)
        (gradient,) = torch.autograd.grad(cost.sum(), logits)
        relaxed = cost.detach().nan_to_num(nan=float("inf")).view(batch, restarts)
        relaxed_best = torch.minimum(relaxed_best, relaxed.min(dim=1).values)
        logits.grad = gradient
        optimizer.step()
        decoded = decoded_cost = None
        if step % decode_every == 0 or step == steps:
            decoded = logits.detach().argmax(dim=-1).view(batch, restarts, horizon)
            decoded_cost = score(model, z0, goal, decoded, actions=actions, over=over)
            best.offer(decoded, decoded_cost)
            scorings += 1
        if watch is not None:
            relaxed_actions = probabilities.detach().view(batch, restarts, horizon, actions)
            seen = (relaxed_actions, cost.detach().view(batch, restarts), decoded, decoded_cost)
            watch(Iterate(step - 1, *(None if part is None else part.clone() for part in seen)))
    return Plan(best.actions, best.cost, restarts * horizon * (steps + scorings), relaxed_best)
