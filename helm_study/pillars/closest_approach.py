"""The models of :mod:`helm_study.pillars.two_pillars` under another cost: a plan pays for its closest approach.

In the expansive world of :mod:`helm_study.pillars.continuous_pillars` the cost decides more than either pillar.
Here is the same change in MiniGrid, for the planner that restarts and for the plain one; what it is compared with is in
the record ``pillars``, whose seeds and trainings are these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from helm_study.metric import Metric
from helm_study.pillars import two_pillars
from helm_study.play import gradient_planner, plain_planner, play
from helm_tutorial._check import require_count
from helm_tutorial.planning.episodes import success_rate
from helm_tutorial.worlds.gridworld import load_gridworld

HORIZONS = (12, 25, 50)
"""The first sees nearly every goal from where it starts, the others let a plan go past it and on."""


@dataclass(frozen=True)
class Config:
    """Settings: those of experiment ``pillars``, whose models and rules these are."""

    pillars: two_pillars.Config = field(default_factory=two_pillars.Config)

    @classmethod
    def quick(cls) -> Config:
        """A seed in some ten seconds: hardly trained, few starts. Shows that all runs, not what is true."""
        return cls(two_pillars.Config.quick())


METRICS = {
    f"success_{cell}_T{horizon}{suffix}": Metric(
        "fraction", f"starts that arrive, {planner}, charged for its closest approach, T={horizon}"
    )
    for cell in two_pillars.CELLS
    for horizon in HORIZONS
    for suffix, planner in (("", "our planner"), ("_plain", "plain planner"))
}
"""What :func:`run` returns, by name.

:meta hide-value:
"""


def run(config: Config, seed: int, *, progress: Callable[[str, float], None] | None = None) -> dict[str, float]:
    """Train the four models with ``seed`` and plan with each at each horizon: one value for each of :data:`METRICS`.

    Raises:
        ValueError: ``seed`` is negative.
    """
    require_count("seed", seed, low=0)
    tell = progress or (lambda message, fraction: None)
    world = load_gridworld(config.pillars.env, layout_seed=config.pillars.layout_seed)
    values = {}
    for number, cell in enumerate(two_pillars.CELLS):
        tell(f"{cell}: training and planning", number / len(two_pillars.CELLS))
        model = two_pillars.train_cell(world, config.pillars, cell, seed)
        for horizon in HORIZONS:
            ours = replace(config.pillars.planning, horizon=horizon, over="closest")
            for suffix, planning in (("", ours), ("_plain", plain_planner(ours))):
                episodes = play(world, model, gradient_planner(planning), planning, seed)
                values[f"success_{cell}_T{horizon}{suffix}"] = success_rate(episodes)
    return values
