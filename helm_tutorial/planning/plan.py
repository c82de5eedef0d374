"""Plans of discrete actions: what a planner returns, what a plan costs on the model, and the best of many."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from helm_tutorial._check import require_choice, require_count, require_shape
from helm_tutorial.rollouts import Dynamics, rollout

COSTS = ("rollout", "terminal", "closest")
"""Over which steps :func:`goal_cost` can measure the distance, the default first."""


@dataclass(frozen=True, eq=False)
class Plan:
    """One plan for each of ``B`` starts: what every planner returns.

    Attributes:
        actions: the plan to execute: action indices, shape ``(B, T)``, or real numbers, shape ``(B, T, A)``.
        cost: cost of exactly that plan, scored again after decoding, shape ``(B,)``.
        model_calls: model evaluations of a single latent, for each start.
        relaxed_cost: cost of the best relaxed iterate, shape ``(B,)``, from planners that relax actions.
        states: where the planner believes that the plan leads, the start included, shape ``(B, T + 1, D)``, from
            planners that keep them.
    """

    actions: Tensor
    cost: Tensor
    model_calls: int = 0
    relaxed_cost: Tensor | None = None
    states: Tensor | None = None


def goal_cost(latents: Tensor, goal: Tensor, *, over: str = "rollout") -> Tensor:
    """How far imagined latents are from the goal.

    The distance to the goal is the Euclidean distance to the nearest of the goal's ``G`` latents (a
    goal cell looks different in each of four headings, and any will do).

    Args:
        latents: a rollout without its start, shape ``(..., T, D)``.
        goal: latents of the goal, shape ``(G, D)``.
        over: ``"rollout"`` for the mean over all ``T`` steps, ``"terminal"`` for the last step only, ``"closest"``
            for the mean over all ``T`` steps of the smallest distance so far. An episode that ends on arrival never
            takes the steps imagined after it, and the smallest distance so far stays 0 from arrival on: they add
            nothing to ``"closest"``, so that leaving again is free and arriving earlier still is cheaper.

    Returns:
        Cost, shape ``(...)``.

    Raises:
        ValueError: ``over`` is none of these.
    """
    require_choice("over", over, COSTS)
    if over == "terminal":
        latents = latents[..., -1:, :]
    # |z - g|^2 written out: cdist has no useful gradient where a latent meets the goal.
    squared = (latents.unsqueeze(-2) - goal).square().sum(dim=-1)
    distance = (squared + 1e-12).sqrt().min(dim=-1).values
    if over == "closest":
        distance = distance.cummin(dim=-1).values
    return distance.mean(dim=-1)


@torch.no_grad()
def score(model: Dynamics, z0: Tensor, goal: Tensor, plans: Tensor, *, actions: int, over: str = "rollout") -> Tensor:
    """Cost of discrete plans ``(B, S, T)`` from ``z0`` ``(B, D)``: shape ``(B, S)``."""
    batch, samples, _ = plans.shape
    one_hot = F.one_hot(plans, actions).to(z0.dtype).flatten(0, 1)
    latents = rollout(model, z0.repeat_interleave(samples, dim=0), one_hot)[:, 1:]
    return goal_cost(latents, goal, over=over).view(batch, samples)


class BestPlans:
    """The best plan seen so far for each of ``B`` starts.

    Attributes:
        actions: action indices, or numbers where plans consist of numbers, shape ``(B, T)``.
        cost: their cost, shape ``(B,)``; infinite before the first offer.
    """

    def __init__(self, batch: int, horizon: int, device: torch.device, dtype: torch.dtype = torch.long):
        self.actions = torch.zeros(batch, horizon, dtype=dtype, device=device)
        self.cost = torch.full((batch,), float("inf"), device=device)

    def offer(self, plans: Tensor, costs: Tensor) -> None:
        """Keep for each start the cheapest of ``plans`` ``(B, S, T)`` that is cheaper than the kept one."""
        # A rollout that overflowed must not hide the others: nan would win every comparison.
        cost, which = costs.nan_to_num(nan=float("inf")).min(dim=1)
        better = cost < self.cost
        chosen = plans[torch.arange(len(plans), device=plans.device), which]
        self.actions = torch.where(better[:, None], chosen, self.actions)
        self.cost = torch.where(better, cost, self.cost)


def check_planning(z0: Tensor, goal: Tensor, horizon: int, actions: int, over: str, **counts: int) -> None:
    """Raise unless a planner can start: latents ``(B, D)``, a goal ``(G, D)``, sizes of at least 1, a known cost."""
    require_shape("z0", z0, ("B", "D"))
    require_shape("goal", goal, ("G", z0.shape[1]))
    for name, value in {"horizon": horizon, "actions": actions, **counts}.items():
        require_count(name, value)
    require_choice("over", over, COSTS)


def check_kept(kept: Tensor | None, batch: int, horizon: int) -> None:
    """Raise unless ``kept`` is what is left of earlier plans, shape ``(B, at most T)``, or ``None``."""
    if kept is not None:
        require_shape("kept", kept, (batch, "at most T"))
        require_count("the length of kept", kept.shape[1], low=0, high=horizon)
