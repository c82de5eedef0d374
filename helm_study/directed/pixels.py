"""Experiment 4's model on rendered pictures: what changes when nobody says what stands in a cell.

The same world, losses, planner and budget. Only the observation is another, the picture that the environment renders,
and with it the first layer of both encoders, :class:`helm_study.directed.pictures.PictureEncoder`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

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
)
from helm_tutorial import diagnosis
from helm_tutorial._check import require_count
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.planning.episodes import success_rate
from helm_tutorial.worlds.gridworld import geodesic_distances, goal_distances, load_gridworld


@dataclass(frozen=True)
class Config:
    """Settings of the experiment from pixels.

    Attributes:
        env: the MiniGrid environment.
        layout_seed: seed of its layout.
        training: :meth:`~helm_tutorial.models.settings.Contrastive.directed` makes the model's of it. Half as many
            updates again as experiment 4's: what a cell looks like is to be learned too.
        planning: of the planner, experiment 4's, on every start.
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
        """A seed in a few seconds: hardly trained, few starts. Shows that all runs, not what is true."""
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
"""What :func:`run` returns, by name.

:meta hide-value:
"""

EXTRAS = ("distance",)
"""What :func:`run` adds for one seed, beside the metrics."""

SCALE = 1000
"""Distances are stored as whole thousandths."""


def run(config: Config, seed: int, *, progress: Callable[[str, float], None] | None = None) -> dict:
    """Train on pictures with ``seed``, plan, measure: one value for each of :data:`METRICS`.

    Raises:
        ValueError: ``seed`` is negative, or the environment does not exist or is not supported.
    """
    require_count("seed", seed, low=0)
    tell = progress or (lambda message, fraction: None)
    world = load_gridworld(config.env, layout_seed=config.layout_seed, observation="pixels")
    geodesic, to_goal = geodesic_distances(world), goal_distances(world)
    tell("training from pixels", 0.0)
    model = train_contrastive(
        world,
        config.training.directed(),
        seed,
        encoder=PictureEncoder.of(world, config.training),
        progress=lambda step, steps, loss: tell("training from pixels", 0.7 * step / steps),
    )
    tell("planning", 0.7)
    ours, open_loop = config.planning, open_loop_planner(config.planning)
    episodes = play(world, model, gradient_planner(ours), ours, seed)
    once = play(world, model, gradient_planner(open_loop), open_loop, seed)
    greedy = play(world, model, greedy_planner(ours), ours, seed)
    tell("diagnosis", 0.95)
    z, goals = diagnosis.latents(model, world), diagnosis.goal_latents(model, world)
    values = {
        "success_contrastive_pixels": success_rate(episodes),
        "success_start_contrastive_pixels": float(from_own_start(world, episodes)[0]),
        "path_ratio_contrastive_pixels": path_ratio(episodes, to_goal),
        "success_open_loop_contrastive_pixels": success_rate(once),
        "success_greedy_contrastive_pixels": success_rate(greedy),
        "metric_correlation_contrastive_pixels": diagnosis.metric_correlation(z, geodesic, goals=goals),
        "greedy_accuracy_contrastive_pixels": diagnosis.greedy_accuracy(z, world, to_goal, goals=goals),
        "prediction_accuracy_contrastive_pixels": diagnosis.prediction_accuracy(model, world),
        "rollout_accuracy_contrastive_pixels_T12": diagnosis.rollout_accuracy(model, world, 12, seed),
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


def latent_distance(record: dict) -> Tensor:
    """The recorded latent distance of each state to the goal, shape ``(N,)``.

    Args:
        record: with ``distance``, such as ``records.load("pixels")``.
    """
    kept = record["distance"]
    return torch.tensor(kept["values"]) / kept["scale"]
