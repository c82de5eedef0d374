"""Local search over discrete plans, guided by a gradient.

No action is ever relaxed. At a corner of the simplex the gradient of the cost compares actions: swapping the action of
step ``t`` for action ``k`` changes the cost, to first order, by ``dc/da_tk - dc/da_tj``, where ``j`` is the current
action. One backward pass ranks all ``T (A - 1)`` swaps. A few of the best are imagined, and the best of those is made
if it lowers the cost. So the gradient proposes and the model decides (Grathwohl et al., 2021, propose the moves of a
sampler in this way).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from helm_tutorial._check import require_choice, require_count
from helm_tutorial.planning.cost import Cost, mean_distance
from helm_tutorial.planning.plan import BestPlans, Plan, Planner, discrete_only, imagined_cost, without_nan
from helm_tutorial.rollouts import Dynamics

PROPOSALS = ("gradient", "random")
"""Ways to rank swaps; ``"random"`` is the control, which needs no gradient."""


@dataclass(frozen=True, kw_only=True)
class LocalSearchPlanner(Planner):
    """Start from random plans and swap actions while that lowers the cost.

    In each round the ``swaps`` best-ranked swaps of each plan are imagined one at a time, and then together: the first
    two, the first three, and so on. With the plan itself that makes ``2 * swaps`` imagined plans in a round. A warm
    start replaces the first actions of the first plan.

    Attributes:
        rounds: number of times that each plan is improved.
        restarts: plans ``S`` that are improved for each start.
        swaps: number of swaps tried in a round; a plan has ``T (A - 1)`` in all.
        proposals: one of :data:`PROPOSALS`.

    Example:
        >>> import torch
        >>> moves = torch.tensor([[-1.0], [0.0], [1.0]])  # three actions on a line
        >>> planner = LocalSearchPlanner(horizon=4, num_actions=3)
        >>> plan = planner(lambda z, a: z + a @ moves, torch.zeros(1, 1), torch.tensor([[3.0]]))
        >>> plan.actions  # three steps to the right, then stay
        tensor([[2, 2, 2, 1]])
    """

    rounds: int = 4
    restarts: int = 4
    swaps: int = 6
    proposals: str = "gradient"

    def __post_init__(self) -> None:
        super().__post_init__()
        discrete_only(self)
        for name in ("rounds", "restarts", "swaps"):
            require_count(name, getattr(self, name))
        require_choice("proposals", self.proposals, PROPOSALS)

    def _search(self, model, z0, goal, generator, warm_start) -> Plan:
        size, count = (len(z0), self.restarts), self.num_actions
        swaps = min(self.swaps, self.horizon * (count - 1))
        plans = torch.randint(count, (*size, self.horizon), generator=generator, device=generator.device).to(z0.device)
        if warm_start is not None:
            plans[:, 0, : warm_start.shape[1]] = warm_start
        best = BestPlans()
        for _ in range(self.rounds):
            cost, change = swap_changes(model, z0, goal, plans, num_actions=count, cost=self.cost)
            if self.proposals == "random":
                change = torch.rand(change.shape, generator=generator, device=generator.device).to(change)
            tried = _with_swaps(plans, _best_swaps(change, plans, swaps), count)
            costs = self.score(model, z0, goal, tried.flatten(1, 2)).unflatten(1, (size[1], -1))
            tried, costs = torch.cat([plans.unsqueeze(2), tried], dim=2), torch.cat([cost.unsqueeze(2), costs], dim=2)
            best.offer(tried.flatten(1, 2), costs.flatten(1))
            cheapest = without_nan(costs).argmin(dim=2)[..., None, None]
            plans = tried.take_along_dim(cheapest, dim=2).squeeze(2)
        return Plan(best.actions, best.cost, self.restarts * self.horizon * self.rounds * 2 * swaps)


@torch.enable_grad()
def swap_changes(
    model: Dynamics, z0: Tensor, goal: Tensor, plans: Tensor, *, num_actions: int, cost: Cost = mean_distance
) -> tuple[Tensor, Tensor]:
    """Cost of discrete plans, and its first-order change under each swap.

    Args:
        model: ``z_next = model(z, a)``.
        z0: latents, shape ``(B, D)``.
        goal: latents of the goal, shape ``(G, D)`` or ``(B, G, D)``.
        plans: action indices, shape ``(B, S, T)``.
        num_actions: number of actions ``A``.
        cost: what a plan costs, see :mod:`helm_tutorial.planning.cost`.

    Returns:
        Cost, shape ``(B, S)``, and its first-order change for each action at each step, shape ``(B, S, T, A)``, which
        is 0 for the current action.
    """
    chosen = F.one_hot(plans, num_actions).to(z0.dtype).requires_grad_(True)
    costs = imagined_cost(model, z0, goal, chosen, cost)
    (slope,) = torch.autograd.grad(costs.sum(), chosen)
    return costs.detach(), slope - slope.gather(-1, plans.unsqueeze(-1))


def _best_swaps(change: Tensor, plans: Tensor, swaps: int) -> Tensor:
    """Each plan's best swaps, as indices into ``T * A``: shape ``(B, S, swaps)``."""
    no_swap = change.scatter(-1, plans.unsqueeze(-1), torch.inf)
    return no_swap.nan_to_num(nan=torch.inf).flatten(-2).topk(swaps, dim=-1, largest=False).indices


def _with_swaps(plans: Tensor, which: Tensor, num_actions: int) -> Tensor:
    """Apply each swap alone, then the first two, the first three, and so on.

    The plans have shape ``(B, S, 2 * swaps - 1, T)``.
    """
    steps, new = which // num_actions, which % num_actions
    swaps = which.shape[-1]
    alone = plans.unsqueeze(2).repeat(1, 1, swaps, 1).scatter(3, steps.unsqueeze(3), new.unsqueeze(3))
    together = [plans]
    for k in range(swaps):
        together.append(together[-1].scatter(2, steps[..., k : k + 1], new[..., k : k + 1]))
    return torch.cat([alone, *(plan.unsqueeze(2) for plan in together[2:])], dim=2)
