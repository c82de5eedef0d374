"""Our gradient planner and its rivals, for the same number of model calls.

They plan on the same models. A budget is the number of plans whose rollouts a decision may imagine. The gradient
planner spends it on gradient steps and on scoring decoded plans. Its backward passes are not counted, so time is
measured too.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field, replace
from functools import cache, partial

from helm_study.metric import Metric
from helm_study.pillars import two_pillars
from helm_study.play import (
    AnyPlanner,
    Planning,
    cross_entropy_planner,
    gradient_planner,
    greedy_planner,
    path_integral_planner,
    path_ratio,
    play,
    recorded_starts,
    shooting_planner,
)
from helm_study.study import SeedArms, Study, Tell, arms_by_name, each_seed
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.planning.episodes import success_rate
from helm_tutorial.worlds.gridworld import Gridworld, goal_distances, load_gridworld

MODELS = ("contrastive", "both")
"""Cells of the two-by-two design whose models can plan at all."""

RIVALS = {
    "gradient": ("gradient", gradient_planner),
    "cross_entropy": ("cross-entropy", cross_entropy_planner),
    "path_integral": ("path integral", path_integral_planner),
    "shooting": ("random shooting", shooting_planner),
}
"""Planners with a budget, by their names in the metrics.

Each has a name for tables and a function that builds it. The greedy planner needs no budget.
"""

BUDGETS = {
    24: {"restarts": 2, "steps": 10, "decode_every": 5},
    120: {"restarts": 4, "steps": 25, "decode_every": 5},
    440: {"restarts": 8, "steps": 50, "decode_every": 10},
}
"""Plans imagined for each decision, and how the gradient planner spends them.

The last is its usual setting.
"""

HORIZONS = (12, 50)


@dataclass(frozen=True)
class Config:
    """Settings of the comparison.

    Attributes:
        pillars: settings of study ``pillars``, whose models are used.
        planning: rules of the episodes, on every seventh start.
    """

    pillars: two_pillars.Config = field(default_factory=two_pillars.Config)
    planning: Planning = field(default_factory=lambda: Planning(stride=7))

    @classmethod
    def quick(cls) -> Config:
        """Return a small configuration that only shows that the study runs.

        One seed takes about twenty seconds (hardly trained, few starts). The results mean nothing.
        """
        return cls(pillars=two_pillars.Config.quick(), planning=Planning(stride=70, limit=0.05))


def played_metrics(name: str, what: str) -> dict[str, Metric]:
    """Metrics of a planner that :func:`played` measures."""
    return {
        f"success_{name}": Metric("fraction", f"{what}: arrives"),
        f"path_ratio_{name}": Metric("ratio", f"{what}: steps over geodesic distance"),
        f"milliseconds_{name}": Metric("ms", f"{what}: processor time of a decision"),
    }


def _metrics() -> dict[str, Metric]:
    metrics = {}
    for model in MODELS:
        for horizon in HORIZONS:
            for budget in BUDGETS:
                for rival, (words, _) in RIVALS.items():
                    name = f"{rival}_{model}_T{horizon}_B{budget}"
                    metrics |= played_metrics(name, f"{words}, {model}, {budget} plans a decision")
        metrics[f"success_greedy_{model}"] = Metric("fraction", f"greedy, {model}, three model calls: arrives")
        metrics[f"path_ratio_greedy_{model}"] = Metric("ratio", f"greedy, {model}: steps over geodesic distance")
    return metrics


METRICS = _metrics()


@each_seed
def measure(config: Config, seed: int, tell: Tell) -> SeedArms:
    """Return the arms of one seed: each rival with each model."""
    world = load_gridworld(config.pillars.env, layout_seed=config.pillars.layout_seed)

    @cache
    def trained(cell: str) -> WorldModel:
        tell("training", 0.0)
        return two_pillars.train_cell(world, config.pillars, cell, seed)

    def of_rival(rival: str, cell: str) -> dict[str, float]:
        (_, make), model, values = RIVALS[rival], trained(cell), {}
        for horizon, (budget, spent) in itertools.product(HORIZONS, BUDGETS.items()):
            tell(f"{budget} plans of {horizon} steps", 0.5)
            planning = replace(config.planning, horizon=horizon, **spent)
            values |= played(f"{rival}_{cell}_T{horizon}_B{budget}", world, model, make(planning), planning, seed)
        return values

    def greedy(cell: str) -> dict[str, float]:
        return played(f"greedy_{cell}", world, trained(cell), greedy_planner(config.planning), config.planning, seed)

    return {
        f"{rival}_{cell}": partial(greedy, cell) if rival == "greedy" else partial(of_rival, rival, cell)
        for cell in MODELS
        for rival in ("greedy", *RIVALS)
    }


STUDY = Study(
    name="rivals",
    summary="Compare our gradient planner with its rivals for the same number of model calls.",
    Config=Config,
    metrics=METRICS,
    arms=arms_by_name(METRICS, (f"{rival}_{model}" for model in MODELS for rival in ("greedy", *RIVALS))),
    measure=measure,
    starts=lambda config: recorded_starts(config.pillars.env, config.pillars.layout_seed, planning=config.planning),
)


def played(
    name: str, world: Gridworld, model: WorldModel, planner: AnyPlanner, planning: Planning, seed: int, **options: bool
) -> dict[str, float]:
    """Run episodes by :func:`~helm_study.play.play` and measure the planner.

    Returns the values of :func:`played_metrics`.
    """
    began = time.process_time()
    episodes = play(world, model, planner, planning, seed, **options)
    seconds = time.process_time() - began
    return {
        f"success_{name}": success_rate(episodes),
        f"path_ratio_{name}": path_ratio(episodes, goal_distances(world)),
        f"milliseconds_{name}": 1000.0 * seconds / float(episodes.steps.sum()),
    }
