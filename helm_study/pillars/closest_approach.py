"""The models of the two-by-two design, planned with another cost.

The cost is the closest approach to the goal. In the expansive world of :mod:`helm_study.pillars.continuous_pillars` the
choice of the cost matters more than either pillar. Here is the same change in MiniGrid, for the planner that restarts
and for the plain one. The results to compare with are in the record ``pillars``, which has the same seeds and
trainings.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

from helm_study.metric import Metric
from helm_study.pillars import two_pillars
from helm_study.play import gradient_planner, plain_planner, play
from helm_study.study import SeedArms, Study, Tell, arms_by_name, each_seed
from helm_tutorial.planning.episodes import success_rate
from helm_tutorial.worlds.gridworld import load_gridworld

HORIZONS = (12, 25, 50)
"""Numbers of imagined steps.

The first horizon just reaches the goal from nearly every start. With the others a plan can pass the goal and go on.
"""


@dataclass(frozen=True)
class Config:
    """Settings: those of study ``pillars``, whose models and rules are used."""

    pillars: two_pillars.Config = field(default_factory=two_pillars.Config)

    @classmethod
    def quick(cls) -> Config:
        """Return a small configuration that only shows that the study runs.

        One seed takes about ten seconds (hardly trained, few starts). The results mean nothing.
        """
        return cls(two_pillars.Config.quick())


METRICS = {
    f"success_{cell}_T{horizon}{suffix}": Metric(
        "fraction", f"starts that arrive, {planner}, charged for its closest approach, T={horizon}"
    )
    for cell in two_pillars.CELLS
    for horizon in HORIZONS
    for suffix, planner in (("", "our planner"), ("_plain", "plain planner"))
}


@each_seed
def measure(config: Config, seed: int, tell: Tell) -> SeedArms:
    """Return the arms of one seed: each of the four models, at each horizon."""
    world = load_gridworld(config.pillars.env, layout_seed=config.pillars.layout_seed)

    def of_cell(cell: str) -> dict[str, float]:
        tell("training", 0.0)
        model = two_pillars.train_cell(world, config.pillars, cell, seed)
        values = {}
        for number, horizon in enumerate(HORIZONS, 1):
            tell(f"planning {horizon} steps ahead", number / 4)
            ours = replace(config.pillars.planning, horizon=horizon, over="closest")
            for suffix, planning in (("", ours), ("_plain", plain_planner(ours))):
                episodes = play(world, model, gradient_planner(planning), planning, seed)
                values[f"success_{cell}_T{horizon}{suffix}"] = success_rate(episodes)
        return values

    return {cell: partial(of_cell, cell) for cell in two_pillars.CELLS}


STUDY = Study(
    name="closest",
    summary="Plan with the four models of the pillars where a plan pays for its closest approach.",
    Config=Config,
    metrics=METRICS,
    arms=arms_by_name(METRICS, two_pillars.CELLS),
    measure=measure,
    starts=lambda config: two_pillars.STUDY.starts(config.pillars),
)
