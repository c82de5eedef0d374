"""Experiment 4's model on rendered images instead of cell categories.

The world, losses, planner and budget are the same. The observation is the image that the environment renders, so the
first layer of both encoders changes too: it is :class:`helm_study.directed.pictures.PictureEncoder`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import torch
from torch import Tensor

from helm_study.directed.pictures import PictureEncoder
from helm_study.fast.contrastive import train_contrastive
from helm_study.metric import Metric
from helm_study.play import (
    Planning,
    from_own_start,
    gradient_planner,
    greedy_planner,
    open_loop_planner,
    path_ratio,
    play,
    recorded_starts,
)
from helm_study.study import SeedArms, Study, Tell, arms_by_name, each_seed
from helm_tutorial import diagnosis
from helm_tutorial._check import require_count
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.planning.episodes import success_rate
from helm_tutorial.worlds.gridworld import geodesic_distances, goal_distances, load_gridworld


@dataclass(frozen=True)
class Config:
    """Settings of the experiment from pixels.

    Attributes:
        env: the MiniGrid environment.
        layout_seed: seed of its layout.
        training: settings of the model, before :meth:`~helm_tutorial.models.settings.Contrastive.directed`. There are
            half as many updates again as in experiment 4, because the look of a cell has to be learned too.
        planning: settings of the planner, as in experiment 4, on every start.
        picture_seed: the seed whose distances to the goal are kept.
    """

    env: str = "MiniGrid-Empty-8x8-v0"
    layout_seed: int = 0
    training: Contrastive = field(default_factory=lambda: Contrastive(updates=3000))
    planning: Planning = field(default_factory=Planning)
    picture_seed: int = 0

    def __post_init__(self) -> None:
        require_count("picture_seed", self.picture_seed, low=0)

    @classmethod
    def quick(cls, env: str = "MiniGrid-Empty-8x8-v0") -> Config:
        """Return a small configuration that only shows that the study runs.

        One seed takes a few seconds (hardly trained, few starts). The results mean nothing.
        """
        planning = Planning(stride=20, restarts=2, steps=5, decode_every=5, limit=0.5)
        return cls(env=env, training=Contrastive(updates=20, batch=64), planning=planning)


METRICS = {
    "success_contrastive_pixels": Metric("fraction", "starts from which plans arrive"),
    "success_start_contrastive_pixels": Metric("fraction", "from the environment's own start"),
    "path_ratio_contrastive_pixels": Metric("ratio", "steps over geodesic distance, where it arrives"),
    "success_open_loop_contrastive_pixels": Metric("fraction", "our planner planning once (open loop)"),
    "success_greedy_contrastive_pixels": Metric("fraction", "one imagined step, three model calls"),
    "metric_correlation_contrastive_pixels": Metric("correlation", "rank correlation of latent and geodesic distance"),
    "greedy_accuracy_contrastive_pixels": Metric("fraction", "best-looking first action is on a shortest path"),
    "prediction_accuracy_contrastive_pixels": Metric("fraction", "predicted latent nearest to the true next state's"),
    "rollout_accuracy_contrastive_pixels_T12": Metric("fraction", "the same after twelve imagined steps"),
}

SCALE = 1000
"""Unit of stored distances: whole thousandths."""


@each_seed
def measure(config: Config, seed: int, tell: Tell) -> SeedArms:
    """Return the arms of one seed: our planner, planning once, and greedy steps.

    All use one model. The arm of our planner includes the diagnosis.
    """
    world = load_gridworld(config.env, layout_seed=config.layout_seed, observation="pixels")
    geodesic, to_goal = geodesic_distances(world), goal_distances(world)

    @cache
    def model() -> WorldModel:
        return train_contrastive(
            world,
            config.training.directed(),
            seed,
            encoder=PictureEncoder.of(world, config.training),
            progress=lambda step, steps, loss: tell("training", step / steps),
        )

    def ours() -> dict:
        episodes = play(world, model(), gradient_planner(config.planning), config.planning, seed)
        tell("diagnosis", 1.0)
        z, goals = diagnosis.latents(model(), world), diagnosis.goal_latents(model(), world)
        values: dict = {
            "success_contrastive_pixels": success_rate(episodes),
            "success_start_contrastive_pixels": float(from_own_start(world, episodes)[0]),
            "path_ratio_contrastive_pixels": path_ratio(episodes, to_goal),
            "metric_correlation_contrastive_pixels": diagnosis.metric_correlation(z, geodesic, goals=goals),
            "greedy_accuracy_contrastive_pixels": diagnosis.greedy_accuracy(z, world, to_goal, goals=goals),
            "prediction_accuracy_contrastive_pixels": diagnosis.prediction_accuracy(model(), world),
            "rollout_accuracy_contrastive_pixels_T12": diagnosis.rollout_accuracy(model(), world, 12, seed),
        }
        if seed == config.picture_seed:
            to_goal_latent = diagnosis.goal_latent_distances(z, world, goals=goals)
            values["distance"] = {
                "meaning": "latent distance of each state to the goal, times scale",
                "seed": seed,
                "scale": SCALE,
                "values": (to_goal_latent * SCALE).round().long().tolist(),
            }
        return values

    def open_loop() -> dict[str, float]:
        planning = open_loop_planner(config.planning)
        once = play(world, model(), gradient_planner(planning), planning, seed)
        return {"success_open_loop_contrastive_pixels": success_rate(once)}

    def greedy() -> dict[str, float]:
        episodes = play(world, model(), greedy_planner(config.planning), config.planning, seed)
        return {"success_greedy_contrastive_pixels": success_rate(episodes)}

    return {"contrastive": ours, "open_loop_contrastive": open_loop, "greedy_contrastive": greedy}


STUDY = Study(
    name="pixels",
    summary="Train experiment 4's model on rendered pictures and plan with it.",
    Config=Config,
    metrics=METRICS,
    arms=arms_by_name(METRICS, ("contrastive", "open_loop_contrastive", "greedy_contrastive")),
    measure=measure,
    extras=("distance",),
    starts=lambda config: recorded_starts(config.env, config.layout_seed, planning=config.planning),
)


def latent_distance(record: dict) -> Tensor:
    """Recorded latent distance of each state to the goal, shape ``(N,)``.

    Args:
        record: a record with ``distance``, such as ``records.load("pixels")``.
    """
    kept = record["distance"]
    return torch.tensor(kept["values"]) / kept["scale"]
