"""Experiment 4's model in worlds that the report never tried.

The settings are the same, and reconstruction is the baseline. In Empty-8x8 the planner's twelve steps reach the goal
from anywhere, so a model that predicts perfectly can find the goal by a lucky search. In these worlds most starts are
farther away. Beyond its horizon the planner has only the latent distance to follow. In FourRooms the straight line to
the goal leads into walls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from helm_study.fast.baselines import train_reconstruction
from helm_study.fast.contrastive import train_contrastive
from helm_study.metric import Metric
from helm_study.play import (
    Planning,
    episode_limit,
    gradient_planner,
    path_ratio,
    play,
    play_randomly,
    played_starts,
    recorded_starts,
    shooting_planner,
)
from helm_study.study import SeedArms, Study, Tell, arms_by_name, each_seed
from helm_tutorial import diagnosis
from helm_tutorial._check import require_count
from helm_tutorial.diagnosis import rank_correlation
from helm_tutorial.models.settings import Contrastive, Reconstruction
from helm_tutorial.planning.episodes import success_rate
from helm_tutorial.worlds.gridworld import Gridworld, geodesic_distances, load_gridworld

WORLDS = {
    "empty16": "MiniGrid-Empty-16x16-v0",
    "four_rooms": "MiniGrid-FourRooms-v0",
    "crossing": "MiniGrid-SimpleCrossingS9N2-v0",
}
"""The environments, by their names in the metrics."""

SCALE = 1000
"""Unit of stored distances: whole thousandths."""


@dataclass(frozen=True)
class Config:
    """Settings of the other worlds.

    Attributes:
        layout_seed: seed of the layouts.
        observation: observation of both models.
        reconstruction: settings of the baseline.
        contrastive: settings of the model, before :meth:`~helm_tutorial.models.settings.Contrastive.directed`.
        planning: settings of the planner, as in experiment 4, on every start.
        baseline_planning: the same for reconstruction, on fewer starts because its episodes are long.
        picture_seed: the seed whose distances and episodes are kept.
    """

    layout_seed: int = 0
    observation: str = "profiles"
    reconstruction: Reconstruction = field(default_factory=Reconstruction)
    contrastive: Contrastive = field(default_factory=Contrastive)
    planning: Planning = field(default_factory=Planning)
    baseline_planning: Planning = field(default_factory=lambda: Planning(stride=20))
    picture_seed: int = 0

    def __post_init__(self) -> None:
        require_count("picture_seed", self.picture_seed, low=0)

    @classmethod
    def quick(cls) -> Config:
        """Return a small configuration that only shows that the study runs.

        One seed takes about twenty seconds (hardly trained, few starts). The results mean nothing.
        """
        few = {
            "reconstruction": Reconstruction(autoencoder_updates=20, dynamics_updates=20, batch=64),
            "contrastive": Contrastive(updates=20, batch=64),
        }
        planning = Planning(stride=300, restarts=2, steps=5, decode_every=5, limit=0.3)
        return cls(**few, planning=planning, baseline_planning=planning)


def _metrics(name: str, env: str) -> dict[str, Metric]:
    return {
        f"success_contrastive_{name}": Metric("fraction", f"{env}: starts from which plans arrive"),
        f"path_ratio_contrastive_{name}": Metric("ratio", f"{env}: steps over geodesic distance, where it arrives"),
        f"success_search_contrastive_{name}": Metric("fraction", f"{env}: as many random plans, some starts"),
        f"success_reconstruction_{name}": Metric("fraction", f"{env}: the reconstruction model, some starts"),
        f"success_random_actions_{name}": Metric("fraction", f"{env}: uniformly random actions in as many steps"),
        f"prediction_accuracy_contrastive_{name}": Metric("fraction", f"{env}: predicted latent nearest to true"),
        f"prediction_accuracy_reconstruction_{name}": Metric("fraction", f"{env}: the same, reconstruction"),
        f"metric_correlation_contrastive_{name}": Metric("correlation", f"{env}: latent with geodesic distance"),
        f"metric_correlation_reconstruction_{name}": Metric("correlation", f"{env}: the same, reconstruction"),
        f"metric_correlation_straight_line_{name}": Metric("correlation", f"{env}: straight line, geodesic distance"),
        f"greedy_accuracy_contrastive_{name}": Metric("fraction", f"{env}: best-looking first action is right"),
        f"beyond_horizon_{name}": Metric("fraction", f"{env}: starts farther from the goal than the planner's horizon"),
    }


METRICS = {key: metric for name, env in WORLDS.items() for key, metric in _metrics(name, env).items()}


@each_seed
def measure(config: Config, seed: int, tell: Tell) -> SeedArms:
    """Return the arms of one seed: both models in each world.

    The models are trained, planned with and measured. For ``config.picture_seed`` an arm also returns ``pictures``.
    """

    def of_world(name: str) -> dict:
        world = load_gridworld(WORLDS[name], layout_seed=config.layout_seed, observation=config.observation)
        found, picture = _measure(world, config, seed, tell)
        values: dict = {f"{key}_{name}": value for key, value in found.items()}
        if seed == config.picture_seed:
            values["pictures"] = {
                "meaning": "latent distance of each state to the goal, times scale, and the states visited from the "
                "environment's own start",
                "seed": seed,
                "scale": SCALE,
                "worlds": {name: picture},
            }
        return values

    return {name: partial(of_world, name) for name in WORLDS}


def _starts(config: Config) -> dict[str, list[int]]:
    """Return the recorded starts of each world and planner."""
    plannings = {"planning": config.planning, "baseline_planning": config.baseline_planning}
    return {
        f"{name}_{kind}": states
        for name, env in WORLDS.items()
        for kind, states in recorded_starts(env, config.layout_seed, **plannings).items()
    }


STUDY = Study(
    name="worlds",
    summary="Train and plan in a larger room, in four rooms and among walls, with experiment 4's settings.",
    Config=Config,
    metrics=METRICS,
    arms=arms_by_name(METRICS, WORLDS),
    measure=measure,
    extras=("pictures",),
    starts=_starts,
)


def latent_distance(record: dict, name: str) -> Tensor:
    """Recorded latent distance of each state to the goal, shape ``(N,)``.

    Args:
        record: a record with ``pictures``, such as ``records.load("worlds")``.
        name: the world, a key of :data:`WORLDS`.
    """
    kept = record["pictures"]
    return torch.tensor(kept["worlds"][name]["distance"]) / kept["scale"]


def straight_line(world: Gridworld) -> Tensor:
    """Euclidean distance between the cells of any two states, shape ``(N, N)``."""
    cells = world.positions.float()
    return torch.cdist(cells, cells, compute_mode="donot_use_mm_for_euclid_dist")


def _measure(
    world: Gridworld, config: Config, seed: int, tell: Callable[[str, float], None]
) -> tuple[dict[str, float], dict]:
    geodesic = geodesic_distances(world)
    to_goal = geodesic[:, world.goals].min(dim=1).values
    tell("training the contrastive model", 0.0)
    contrastive = train_contrastive(world, config.contrastive.directed(), seed)
    tell("training by reconstruction", 0.3)
    reconstruction = train_reconstruction(world, config.reconstruction, seed)
    tell("planning", 0.6)
    rules, few = config.planning, config.baseline_planning
    ours = play(world, contrastive, gradient_planner(rules), rules, seed)
    searched = play(world, contrastive, shooting_planner(few), few, seed)
    beside = play(world, reconstruction, gradient_planner(few), few, seed)
    own = play(world, contrastive, gradient_planner(rules), rules, seed, starts=torch.tensor([world.start]))
    wandered = play_randomly(world, seed, played_starts(world, rules), limit=episode_limit(world, rules))
    z, goals = diagnosis.latents(contrastive, world), diagnosis.goal_latents(contrastive, world)
    different = ~torch.eye(world.num_states, dtype=torch.bool) & geodesic.isfinite()
    distance = diagnosis.goal_latent_distances(z, world, goals=goals)
    visited = own.states[0]
    return {
        "success_contrastive": success_rate(ours),
        "path_ratio_contrastive": path_ratio(ours, to_goal),
        "success_search_contrastive": success_rate(searched),
        "success_reconstruction": success_rate(beside),
        "success_random_actions": success_rate(wandered),
        "prediction_accuracy_contrastive": diagnosis.prediction_accuracy(contrastive, world),
        "prediction_accuracy_reconstruction": diagnosis.prediction_accuracy(reconstruction, world),
        "metric_correlation_contrastive": diagnosis.metric_correlation(z, geodesic, goals=goals),
        "metric_correlation_reconstruction": diagnosis.metric_correlation(
            diagnosis.latents(reconstruction, world), geodesic
        ),
        "metric_correlation_straight_line": rank_correlation(straight_line(world)[different], geodesic[different]),
        "greedy_accuracy_contrastive": diagnosis.greedy_accuracy(z, world, to_goal, goals=goals),
        "beyond_horizon": float((to_goal[world.starts] > config.planning.horizon).float().mean()),
    }, {
        "distance": (distance * SCALE).round().long().tolist(),
        "visited": visited[visited >= 0].tolist(),
    }
