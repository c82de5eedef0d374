"""Local search over discrete plans, in which a gradient says what to try: no action is ever relaxed.

At a corner of the simplex the gradient of the cost compares actions: swapping the action of step ``t`` for action ``k``
changes the cost, to first order, by ``dc/da_tk - dc/da_tj``, with ``j`` the action that is there. One backward pass
ranks all ``T (A - 1)`` swaps; a few of the best are imagined, and the best of those is made if it lowers the cost. So
the gradient proposes and the model disposes (Grathwohl et al., 2021, propose moves of a sampler in this way).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from helm_tutorial._check import require_choice
from helm_tutorial.planning.plan import BestPlans, Plan, check_kept, check_planning, goal_cost, score
from helm_tutorial.rollouts import Dynamics, rollout

PROPOSALS = ("gradient", "random")
"""How :func:`plan_local_search` ranks swaps; ``"random"`` is the control, with no backward pass."""


def plan_local_search(
    model: Dynamics,
    z0: Tensor,
    goal: Tensor,
    horizon: int,
    *,
    actions: int,
    generator: torch.Generator,
    rounds: int = 4,
    restarts: int = 4,
    swaps: int = 6,
    over: str = "rollout",
    proposals: str = "gradient",
    kept: Tensor | None = None,
) -> Plan:
    """Start from random plans and swap actions while that lowers the cost.

    In each round the ``swaps`` best-ranked swaps ``1, 2, ...`` of each plan are imagined one at a time, and together:
    the first two, the first three, and so on. With the plan itself that makes ``2 * swaps`` imagined plans a round.
    Other arguments as for :func:`~helm_tutorial.planning.gradient.plan_gradient`.

    Args:
        rounds: how often each plan is improved.
        restarts: plans ``S`` that are improved for each start.
        swaps: how many swaps are tried, at most ``T (A - 1)``; fewer are where the plan has no more.
        proposals: one of :data:`PROPOSALS`.
        kept: what is left of an earlier plan for each start, shape ``(B, at most T)``; the first restart begins with
            it, filled up with random actions. ``None`` begins all with random plans.

    Raises:
        ValueError: a size or option is out of range, or shapes do not fit.

    Example:
        >>> import torch
        >>> moves = torch.tensor([[-1.0], [0.0], [1.0]])  # three actions on a line
        >>> plan = plan_local_search(
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
    check_planning(z0, goal, horizon, actions, over, rounds=rounds, restarts=restarts, swaps=swaps)
    require_choice("proposals", proposals, PROPOSALS)
    check_kept(kept, len(z0), horizon)
    batch, swaps = len(z0), min(swaps, horizon * (actions - 1))
    plans = torch.randint(actions, (batch, restarts, horizon), generator=generator).to(z0.device)
    if kept is not None:
        plans[:, 0, : kept.shape[1]] = kept
    plans, starts = plans.flatten(0, 1), z0.repeat_interleave(restarts, dim=0)
    best = BestPlans(batch, horizon, z0.device)
    for _ in range(rounds):
        cost, change = swap_changes(model, starts, goal, plans, actions=actions, over=over)
        if proposals == "random":
            change = torch.rand(change.shape, generator=generator).to(change)
        tried = _with_swaps(plans, _best_swaps(change, plans, swaps), actions)
        costs = score(model, starts, goal, tried, actions=actions, over=over)
        tried, costs = torch.cat([plans[:, None], tried], dim=1), torch.cat([cost[:, None], costs], dim=1)
        best.offer(tried.unflatten(0, (batch, restarts)).flatten(1, 2), costs.view(batch, -1))
        cheapest = costs.nan_to_num(nan=float("inf")).argmin(dim=1)
        plans = tried[torch.arange(len(tried)), cheapest]
    return Plan(best.actions, best.cost, restarts * horizon * rounds * 2 * swaps)


def swap_changes(
    model: Dynamics, z0: Tensor, goal: Tensor, plans: Tensor, *, actions: int, over: str = "rollout"
) -> tuple[Tensor, Tensor]:
    """What discrete plans cost, and what each swap of one action would change, to first order.

    Args:
        model: ``z_next = model(z, a)``.
        z0: latents, shape ``(B, D)``.
        goal: latents of the goal, shape ``(G, D)``.
        plans: action indices, shape ``(B, T)``.
        actions: number of actions ``A``.
        over: see :func:`~helm_tutorial.planning.plan.goal_cost`.

    Returns:
        Cost, shape ``(B,)``, and its first-order change for each action at each step, shape ``(B, T, A)``, which is 0
        for the action that is there.
    """
    chosen = F.one_hot(plans, actions).to(z0.dtype).requires_grad_(True)
    with torch.enable_grad():
        cost = goal_cost(rollout(model, z0, chosen)[:, 1:], goal, over=over)
        (slope,) = torch.autograd.grad(cost.sum(), chosen)
    return cost.detach(), slope - slope.gather(2, plans.unsqueeze(2))


def _best_swaps(change: Tensor, plans: Tensor, swaps: int) -> Tensor:
    """The ``swaps`` least changes of each plan, as indices into ``T * A``: shape ``(B, swaps)``."""
    no_swap = change.scatter(2, plans.unsqueeze(2), float("inf"))
    return no_swap.nan_to_num(nan=float("inf")).flatten(1).topk(swaps, dim=1, largest=False).indices


def _with_swaps(plans: Tensor, which: Tensor, actions: int) -> Tensor:
    """Plans with each swap alone, then with the first two, the first three ...: shape ``(B, 2 * swaps - 1, T)``."""
    steps, new = which // actions, which % actions
    alone = plans[:, None].repeat(1, which.shape[1], 1).scatter(2, steps.unsqueeze(2), new.unsqueeze(2))
    together, last = [], plans
    for k in range(which.shape[1]):
        last = last.scatter(1, steps[:, k : k + 1], new[:, k : k + 1])
        together.append(last)
    return torch.cat([alone, torch.stack(together[1:], dim=1)], dim=1) if len(together) > 1 else alone
