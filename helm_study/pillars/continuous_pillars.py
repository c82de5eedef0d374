"""The two-by-two design in a world that is itself expansive.

The design is that of :mod:`helm_study.pillars.two_pillars`, with the same recipes, losses, penalty, planners and
horizons. The world is :class:`helm_study.pillars.expansive.ContinuousWorld`. An episode succeeds if the true state
enters the goal.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache, partial

import torch
from torch import Tensor

from helm_study.fast.baselines import train_reconstruction
from helm_study.fast.contrastive import train_contrastive
from helm_study.metric import Metric
from helm_study.pillars.expansive import ContinuousWorld, expansive_world, fewest_steps, solvable_starts
from helm_study.pillars.expansive_play import (
    learned_rollout_jacobian,
    play_knowing,
    play_learned,
    state_error,
    surroundings,
    true_rollout_jacobian,
)
from helm_study.pillars.two_pillars import CELLS, HORIZONS
from helm_study.play import Planning, plain_planner, play_randomly
from helm_study.study import SeedArms, Study, Tell, arms_by_name, each_seed
from helm_tutorial import diagnosis
from helm_tutorial._check import require_count, require_real
from helm_tutorial.diagnosis import rank_correlation
from helm_tutorial.models.fit import Progress
from helm_tutorial.models.settings import Contrastive, Reconstruction
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.planning.episodes import success_rate

READ = (0, 5, 12)
"""Numbers of imagined steps after which the true state is read from the latent.

Random walks are no longer than the largest.
"""


@dataclass(frozen=True)
class Config:
    """Settings of the two-by-two design.

    The world was chosen with the true dynamics alone, before any world model was trained on it. Random actions fail,
    and so does the greedy action, which brings the state nearest to the goal in one step. Planning with the true
    dynamics almost always arrives (with the cost of the closest approach, at 12 steps ahead or more).

    Attributes:
        factor: factor by which a step of the true system multiplies every distance, which is 117 in 50 steps.
        angle: angle by which a step turns the plane, in radians, so that the path back differs from the path there.
        reach: walks and episodes begin at most this far from the origin, in pushes.
        goal_radius: radius of the goal ball, in pushes. The area of starts is 144 times that of the goal, as many
            places as Empty-8x8 has states, so the numbers of updates are the same.
        length_scale: length scale of the observation, see :func:`helm_study.pillars.expansive.expansive_world`. Of 2,
            1 and 1/2 it is the shortest at which a network of the encoder's size could predict the state to well within
            the goal radius: the errors were 0.02, 0.10 and 0.30.
        starts: number of episodes of each planner, from states at least 3 steps from the goal. For five times as many
            states the latent distance to the goal is compared with the fewest steps.
        pairs: number of states, between all pairs of which the fewest steps are computed.
        reconstruction: settings of the cells *neither* and *spectral*. The walks are short, because longer ones would
            leave the region of starts far behind.
        contrastive: settings of the cells *contrastive* and *both*, on equally short walks.
        weight_reconstruction: weight of the spectral penalty in the cell *spectral*: the largest of 1 and 3 times
            powers of ten that left prediction accuracy above 90 % on seed 0. 0.03 took it from 96 % to 81 %.
        weight_contrastive: the same in the cell *both*, by the same rule; 3e-4 took it from 92 % to 89 %. The required
            accuracy is lower than in MiniGrid, because next states can be closer together here than a goal is wide.
        planning: settings of our planner. The limit of an episode is in multiples of the longest of the shortest paths
            from the starts.
    """

    factor: float = 1.1
    angle: float = 0.1
    reach: float = 4.0
    goal_radius: float = 1 / 3
    length_scale: float = 1.0
    starts: int = 12
    pairs: int = 30
    reconstruction: Reconstruction = field(default_factory=lambda: Reconstruction(walks=4000, walk_length=12))
    contrastive: Contrastive = field(default_factory=lambda: Contrastive(walks=4000, walk_length=12))
    weight_reconstruction: float = 0.01
    weight_contrastive: float = 1e-4
    planning: Planning = field(default_factory=Planning)

    def __post_init__(self) -> None:
        require_count("starts", self.starts, low=2)
        require_count("pairs", self.pairs, low=3)
        require_real("weight_reconstruction", self.weight_reconstruction, above=0.0)
        require_real("weight_contrastive", self.weight_contrastive, above=0.0)

    @classmethod
    def quick(cls) -> Config:
        """Return a small configuration that only shows that the study runs.

        One seed takes about ten seconds (hardly trained, few starts). The results mean nothing.
        """
        few = {"walks": 200, "walk_length": 12, "batch": 128}
        reconstruction = Reconstruction(autoencoder_updates=60, dynamics_updates=40, **few)
        contrastive = Contrastive(updates=40, **few)
        planning = Planning(restarts=2, steps=5, decode_every=5, limit=0.25)
        return cls(starts=4, pairs=6, reconstruction=reconstruction, contrastive=contrastive, planning=planning)


def _metrics() -> dict[str, Metric]:
    metrics = {"success_random": Metric("fraction", "starts that arrive, uniformly random actions")}
    for cell in CELLS:
        metrics[f"metric_correlation_{cell}"] = Metric(
            "correlation", "rank correlation of latent distance and fewest steps"
        )
        metrics[f"goal_correlation_{cell}"] = Metric("correlation", "the same, of the distances to the goal alone")
        metrics[f"prediction_accuracy_{cell}"] = Metric("fraction", "predicted latent nearest to the true next state's")
        for steps in READ:
            metrics[f"state_error_{cell}_T{steps}"] = Metric(
                "error", f"of the true state, read linearly after {steps} imagined steps, over its spread"
            )
    for cell in (*CELLS, "true"):
        for horizon in HORIZONS:
            metrics[f"success_{cell}_T{horizon}"] = Metric("fraction", f"starts that arrive, our planner, T={horizon}")
            metrics[f"success_{cell}_T{horizon}_plain"] = Metric("fraction", f"plain planner, T={horizon}")
            metrics[f"success_{cell}_T{horizon}_closest"] = Metric(
                "fraction", f"our planner, charged for its closest approach, T={horizon}"
            )
            metrics[f"rollout_jacobian_{cell}_T{horizon}"] = Metric("norm", f"state Jacobian of {horizon} steps")
    return metrics


METRICS = _metrics()


def build_world(config: Config) -> ContinuousWorld:
    """Build the world of the study, which is the same for all seeds."""
    return expansive_world(
        factor=config.factor,
        angle=config.angle,
        reach=config.reach,
        goal_radius=config.goal_radius,
        length_scale=config.length_scale,
    )


def train_cell(
    world: ContinuousWorld, config: Config, cell: str, seed: int, *, progress: Progress | None = None
) -> WorldModel:
    """Train the world model of one cell of the design.

    It is a reconstruction or contrastive model, with or without the spectral penalty.
    """
    weight = {"spectral": config.weight_reconstruction, "both": config.weight_contrastive}.get(cell, 0.0)
    if cell in ("contrastive", "both"):
        train, settings = train_contrastive, config.contrastive
    else:
        train, settings = train_reconstruction, config.reconstruction
    return train(world, replace(settings, spectral_weight=weight), seed, progress=progress)


@each_seed
def measure(config: Config, seed: int, tell: Tell) -> SeedArms:
    """Return the arms of one seed: the four models, true dynamics, random actions."""
    world = build_world(config)

    @cache
    def measured() -> tuple[Tensor, Tensor]:
        tell("fewest steps", 0.0)
        return solvable_starts(world, 5 * config.starts)

    @cache
    def pairs() -> tuple[Tensor, Tensor]:
        return measured_pairs(world, config.pairs)

    def rules() -> tuple[Tensor, int]:
        states, ways = measured()
        return states[: config.starts], max(1, round(config.planning.limit * float(ways.max())))

    plannings = {
        "": config.planning,
        "_plain": plain_planner(config.planning),
        "_closest": replace(config.planning, over="closest"),
    }

    def of_random() -> dict[str, float]:
        starts, limit = rules()
        return {"success_random": success_rate(play_randomly(world, seed, starts, limit=limit))}

    def of_cell(cell: str) -> dict[str, float]:
        (states, ways), (points, steps), (starts, limit) = measured(), pairs(), rules()
        tell("training", 0.0)
        model = train_cell(world, config, cell, seed)
        with torch.no_grad():
            z, y = model.encode(world.observe(points)), model.encode_goal(world.observe(points))
            seen = model.encode(world.observe(states))
            to_goal = diagnosis.latent_distances(seen, model.encode_goal(world.goal))[:, 0]
        values = {
            f"metric_correlation_{cell}": diagnosis.metric_correlation(z, steps, goals=y),
            f"goal_correlation_{cell}": rank_correlation(to_goal, ways),
            f"prediction_accuracy_{cell}": diagnosis.prediction_accuracy(model, surroundings(world, seed)),
        }
        for ahead in READ:
            values[f"state_error_{cell}_T{ahead}"] = state_error(world, model, ahead, seed)
        for number, horizon in enumerate(HORIZONS, 1):
            tell(f"planning {horizon} steps ahead", number / 5)
            for suffix, planning in plannings.items():
                episodes = play_learned(world, model, replace(planning, horizon=horizon), seed, starts, limit=limit)
                values[f"success_{cell}_T{horizon}{suffix}"] = success_rate(episodes)
            values[f"rollout_jacobian_{cell}_T{horizon}"] = learned_rollout_jacobian(world, model, horizon, seed)
        return values

    def of_truth() -> dict[str, float]:
        starts, limit = rules()
        values = {}
        for number, horizon in enumerate(HORIZONS):
            tell(f"planning {horizon} steps ahead", number / 4)
            for suffix, planning in plannings.items():
                episodes = play_knowing(world, replace(planning, horizon=horizon), seed, starts, limit=limit)
                values[f"success_true_T{horizon}{suffix}"] = success_rate(episodes)
            values[f"rollout_jacobian_true_T{horizon}"] = true_rollout_jacobian(world, horizon)
        return values

    return {"random": of_random, **{cell: partial(of_cell, cell) for cell in CELLS}, "true": of_truth}


STUDY = Study(
    name="continuous",
    summary="Repeat the two-by-two of the pillars in a world that is itself expansive.",
    Config=Config,
    metrics=METRICS,
    arms=arms_by_name(METRICS, ("random", *CELLS, "true")),
    measure=measure,
)


def measured_pairs(world: ContinuousWorld, count: int) -> tuple[Tensor, Tensor]:
    """Draw states and compute the fewest steps between all pairs of them.

    The states have shape ``(count, D)``, the steps ``(count, count)``.
    """
    points = world.draw(count, generator=torch.Generator().manual_seed(1))
    i, j = torch.cartesian_prod(torch.arange(count), torch.arange(count)).T
    return points, fewest_steps(world, points[i], points[j]).view(count, count)
