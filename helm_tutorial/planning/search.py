"""Planners that follow no gradient: they score plans on the model and keep the best.

What the gradient planner of :mod:`helm_tutorial.planning.gradient` is compared with, on the same model with as many
model calls.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from helm_tutorial._check import require_count, require_real
from helm_tutorial.planning.plan import BestPlans, Plan, check_kept, check_planning, score
from helm_tutorial.rollouts import Dynamics


def plan_random_shooting(
    model: Dynamics,
    z0: Tensor,
    goal: Tensor,
    horizon: int,
    *,
    actions: int,
    generator: torch.Generator,
    samples: int = 800,
    over: str = "rollout",
) -> Plan:
    """Score ``samples`` uniformly random plans for each start and keep the best.

    Arguments as for :func:`~helm_tutorial.planning.gradient.plan_gradient`.

    Raises:
        ValueError: a size or option is out of range, or shapes do not fit.
    """
    check_planning(z0, goal, horizon, actions, over, samples=samples)
    plans = torch.randint(actions, (len(z0), samples, horizon), generator=generator).to(z0.device)
    best = BestPlans(len(z0), horizon, z0.device)
    best.offer(plans, score(model, z0, goal, plans, actions=actions, over=over))
    return Plan(best.actions, best.cost, samples * horizon)


def plan_cross_entropy(
    model: Dynamics,
    z0: Tensor,
    goal: Tensor,
    horizon: int,
    *,
    actions: int,
    generator: torch.Generator,
    iterations: int = 8,
    samples: int = 100,
    elites: int = 10,
    smoothing: float = 0.1,
    over: str = "rollout",
    kept: Tensor | None = None,
) -> Plan:
    """Categorical cross-entropy method (Rubinstein, 1999): sample, keep the elites, refit, repeat.

    Each step of the plan has its own categorical distribution over the ``A`` actions; ``smoothing``
    mixes in the uniform one so that no action dies out. Other arguments as for
    :func:`~helm_tutorial.planning.gradient.plan_gradient`.

    Args:
        kept: what is left of an earlier plan for each start, shape ``(B, at most T)``; the first sample of the first
            iteration begins with it.

    Raises:
        ValueError: a size or option is out of range, or shapes do not fit.
    """
    check_planning(z0, goal, horizon, actions, over, iterations=iterations, samples=samples, elites=elites)
    require_count("elites", elites, high=samples)
    require_real("smoothing", smoothing, low=0.0, high=1.0)
    check_kept(kept, len(z0), horizon)
    batch = len(z0)
    probabilities = torch.full((batch, horizon, actions), 1.0 / actions, device=z0.device)
    best = BestPlans(batch, horizon, z0.device)
    for iteration in range(iterations):
        # Inverse-transform sampling, so that the draw depends on the generator alone.
        u = torch.rand(batch, samples, horizon, 1, generator=generator).to(z0.device)
        plans = (u > probabilities.cumsum(dim=-1).unsqueeze(1)).sum(dim=-1).clamp_max(actions - 1)
        if kept is not None and iteration == 0:
            plans[:, 0, : kept.shape[1]] = kept
        cost = score(model, z0, goal, plans, actions=actions, over=over)
        best.offer(plans, cost)
        elite = cost.topk(elites, dim=1, largest=False).indices
        chosen = plans.gather(1, elite.unsqueeze(-1).expand(-1, -1, horizon))
        probabilities = (1 - smoothing) * F.one_hot(chosen, actions).float().mean(dim=1) + smoothing / actions
    return Plan(best.actions, best.cost, iterations * samples * horizon)


def plan_path_integral(
    model: Dynamics,
    z0: Tensor,
    goal: Tensor,
    horizon: int,
    *,
    actions: int,
    generator: torch.Generator,
    iterations: int = 8,
    samples: int = 100,
    noise: float = 1.0,
    elite_share: float = 0.1,
    over: str = "rollout",
) -> Plan:
    """Model predictive path integral control (Williams et al., 2017) on the logits of a plan.

    Each iteration adds Gaussian noise to every start's ``T x A`` logits, decodes each noisy copy into a plan, and moves
    the logits by the mean of the noise, weighted by ``exp(-cost / temperature)``. The temperature is set for each start
    so that a plan at the best ``elite_share`` of costs weighs ``1/e`` of the best one: costs of different models, or
    at different distances from the goal, have different scales. Other arguments as for
    :func:`~helm_tutorial.planning.gradient.plan_gradient`.

    Args:
        noise: standard deviation of the noise.
        elite_share: in ``(0, 1]``.

    Raises:
        ValueError: a size or option is out of range, or shapes do not fit.
    """
    check_planning(z0, goal, horizon, actions, over, iterations=iterations, samples=samples)
    require_real("noise", noise, above=0.0)
    require_real("elite_share", elite_share, above=0.0, high=1.0)
    batch = len(z0)
    logits = torch.zeros(batch, 1, horizon, actions, device=z0.device)
    best = BestPlans(batch, horizon, z0.device)
    elites = math.ceil(elite_share * samples)
    for _ in range(iterations):
        drawn = noise * torch.randn(batch, samples, horizon, actions, generator=generator).to(z0.device)
        plans = (logits + drawn).argmax(dim=-1)
        cost = score(model, z0, goal, plans, actions=actions, over=over)
        best.offer(plans, cost)
        above = (cost - cost.min(dim=1, keepdim=True).values).nan_to_num(nan=float("inf"))
        temperature = above.kthvalue(elites, dim=1, keepdim=True).values.clamp(1e-6, 1e30)
        weights = (-above / temperature).softmax(dim=1)
        logits = logits + (weights[..., None, None] * drawn).sum(dim=1, keepdim=True)
    return Plan(best.actions, best.cost, iterations * samples * horizon)


def plan_exhaustive(
    model: Dynamics, z0: Tensor, goal: Tensor, horizon: int, *, actions: int, over: str = "rollout"
) -> Plan:
    """Score all ``A ** T`` plans: the optimum on the model, for short horizons. ``horizon=1`` is the greedy planner.

    Raises:
        ValueError: there are more than 100 000 plans, or an argument does not fit.
    """
    check_planning(z0, goal, horizon, actions, over)
    if actions**horizon > 100_000:
        raise ValueError(f"horizon must keep actions ** horizon at most 100000, got {actions} ** {horizon}")
    every = torch.cartesian_prod(*[torch.arange(actions)] * horizon).view(-1, horizon).to(z0.device)
    plans = every.expand(len(z0), -1, -1)
    best = BestPlans(len(z0), horizon, z0.device)
    best.offer(plans, score(model, z0, goal, plans, actions=actions, over=over))
    return Plan(best.actions, best.cost, len(every) * horizon)
