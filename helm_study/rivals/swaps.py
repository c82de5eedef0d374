"""Local search guided by the gradient, and its rivals, at equal budgets.

The rivals are local search with random swaps (the control), gradient descent and cross-entropy. Each plans before every
step, once from nothing and once from the rest of its last plan. The gradient is also judged alone: how well it ranks
the swaps of a random plan, and how often its first choice lowers the cost.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from functools import cache, partial

import torch
from torch import Tensor

from helm_study.metric import Metric
from helm_study.pillars import two_pillars
from helm_study.play import (
    Planning,
    cross_entropy_planner,
    gradient_planner,
    local_search_planner,
    recorded_starts,
    unguided_planner,
)
from helm_study.rivals import rivals
from helm_study.study import SeedArms, Study, Tell, arms_by_name, each_seed
from helm_tutorial.diagnosis import rank_correlation
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.planning.local_search import swap_changes
from helm_tutorial.planning.plan import score
from helm_tutorial.worlds.gridworld import ACTIONS, Gridworld, load_gridworld

PLANNERS = {
    "gradient": ("gradient", gradient_planner),
    "cross_entropy": ("cross-entropy", cross_entropy_planner),
    "guided": ("local search", local_search_planner),
    "unguided": ("unguided local search", unguided_planner),
}
"""Planners, by their names in the metrics.

Each has a name for tables and a function that builds it.
"""

BUDGETS = {budget: rivals.BUDGETS[budget] for budget in (24, 120)}
"""Plans imagined for each decision, and how the gradient planner spends them."""

HORIZONS, RANKED = (12, 50), (5, 12, 25, 50)
"""Horizons of the episodes, and those at which swaps are ranked."""


@dataclass(frozen=True)
class Config:
    """Settings of the comparison.

    Attributes:
        pillars: settings of study ``pillars``, whose models are used.
        planning: rules of the episodes, on every seventh start.
        ranked: number of random plans, from random states, whose swaps are ranked.
    """

    pillars: two_pillars.Config = field(default_factory=two_pillars.Config)
    planning: Planning = field(default_factory=lambda: Planning(stride=7))
    ranked: int = 64

    @classmethod
    def quick(cls) -> Config:
        """Return a small configuration that only shows that the study runs.

        One seed takes about ten seconds (hardly trained, few starts). The results mean nothing.
        """
        return cls(two_pillars.Config.quick(), Planning(stride=70, limit=0.05), ranked=4)


def _metrics() -> dict[str, Metric]:
    metrics = {}
    for model in rivals.MODELS:
        for horizon in RANKED:
            what = f"{model}, all swaps of random plans of {horizon} steps"
            metrics[f"rank_correlation_{model}_T{horizon}"] = Metric(
                "correlation", f"{what}: Spearman's, first-order with true change of the cost"
            )
            metrics[f"first_lowers_{model}_T{horizon}"] = Metric(
                "fraction", f"{what}: the one that the gradient puts first lowers the cost"
            )
            metrics[f"any_lowers_{model}_T{horizon}"] = Metric("fraction", f"{what}: a random one lowers the cost")
        for horizon in HORIZONS:
            for budget in BUDGETS:
                for planner, (words, _) in PLANNERS.items():
                    for suffix, how in (("", "from nothing"), ("_kept", "from what is left of the last plan")):
                        name = f"{planner}_{model}_T{horizon}_B{budget}{suffix}"
                        what = f"{words}, {model}, {budget} plans a decision, {how}"
                        metrics |= rivals.played_metrics(name, what)
    return metrics


METRICS = _metrics()


@each_seed
def measure(config: Config, seed: int, tell: Tell) -> SeedArms:
    """Return the arms of one seed: for each model, the ranking and each planner."""
    world = load_gridworld(config.pillars.env, layout_seed=config.pillars.layout_seed)

    @cache
    def trained(cell: str) -> WorldModel:
        tell("training", 0.0)
        return two_pillars.train_cell(world, config.pillars, cell, seed)

    def ranking(cell: str) -> dict[str, float]:
        return {
            f"{name}_{cell}_T{horizon}": value
            for horizon in RANKED
            for name, value in rank_swaps(world, trained(cell), horizon, seed, plans=config.ranked).items()
        }

    def of_planner(planner: str, cell: str) -> dict[str, float]:
        (_, make), model, values = PLANNERS[planner], trained(cell), {}
        for horizon, (budget, spent) in itertools.product(HORIZONS, BUDGETS.items()):
            tell(f"{budget} plans of {horizon} steps", 0.5)
            planning = replace(config.planning, horizon=horizon, **spent)
            for suffix, warm in (("", False), ("_kept", True)):
                name = f"{planner}_{cell}_T{horizon}_B{budget}{suffix}"
                values |= rivals.played(name, world, model, make(planning), planning, seed, warm_start=warm)
        return values

    arms: SeedArms = {}
    for cell in rivals.MODELS:
        arms[f"ranking_{cell}"] = partial(ranking, cell)
        arms |= {f"{planner}_{cell}": partial(of_planner, planner, cell) for planner in PLANNERS}
    return arms


STUDY = Study(
    name="swaps",
    summary="Compare local search guided by the gradient with its control, with descent and with cross-entropy.",
    Config=Config,
    metrics=METRICS,
    arms=arms_by_name(
        METRICS,
        (f"{part}_{model}" for model in rivals.MODELS for part in ("ranking", *PLANNERS)),
        **{
            f"{name}_{model}_T{horizon}": f"ranking_{model}"
            for name in ("rank_correlation", "first_lowers", "any_lowers")
            for model in rivals.MODELS
            for horizon in RANKED
        },
    ),
    measure=measure,
    starts=lambda config: recorded_starts(config.pillars.env, config.pillars.layout_seed, planning=config.planning),
)


def rank_swaps(world: Gridworld, model: WorldModel, horizon: int, seed: int, *, plans: int) -> dict[str, float]:
    """Measure how well the gradient ranks all swaps of random plans.

    The plans start from random states; each has ``T (A - 1)`` swaps.

    Returns:
        ``rank_correlation``, of the first-order with the true changes, mean over plans; ``first_lowers``, the fraction
        of plans whose cost the first-ranked swap lowers; ``any_lowers``, the fraction of all swaps that lower it.
    """
    predicted, true = swap_table(world, model, horizon, seed, plans=plans)
    correlations = [rank_correlation(one, other) for one, other in zip(predicted, true, strict=True)]
    first = true.gather(1, predicted.argmin(dim=1, keepdim=True))
    return {
        "rank_correlation": sum(correlations) / len(correlations),
        "first_lowers": float((first < 0).float().mean()),
        "any_lowers": float((true < 0).float().mean()),
    }


def swap_table(world: Gridworld, model: WorldModel, horizon: int, seed: int, *, plans: int) -> tuple[Tensor, Tensor]:
    """First-order and true changes of the cost by each swap of random plans.

    Both have shape ``(plans, T (A - 1))``.
    """
    generator = torch.Generator().manual_seed(seed)
    count = len(ACTIONS)
    starts = world.starts[torch.randint(len(world.starts), (plans,), generator=generator)]
    chosen = torch.randint(count, (plans, horizon), generator=generator)
    with torch.no_grad():
        z0, goal = model.encode(world.features[starts]), model.encode_goal(world.features[world.goals])
    cost, change = swap_changes(model, z0, goal, chosen[:, None], num_actions=count)
    others = torch.arange(count).expand(plans, horizon, count)
    others = others[others != chosen.unsqueeze(2)].view(plans, horizon, count - 1)
    swapped = chosen[:, None, None].repeat(1, horizon, count - 1, 1)
    steps = torch.arange(horizon).view(1, horizon, 1, 1).expand(plans, horizon, count - 1, 1)
    swapped = swapped.scatter(3, steps, others.unsqueeze(3)).flatten(1, 2)
    true = score(model, z0, goal, swapped, num_actions=count) - cost
    return change[:, 0].gather(2, others).flatten(1), true
