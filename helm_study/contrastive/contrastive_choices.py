"""Two choices that InfoNCE leaves open: how many negatives an anchor meets, and whether latents keep to the sphere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from helm_study.fast.contrastive import train_contrastive
from helm_study.metric import Metric
from helm_study.play import Planning, gradient_planner, path_ratio, play
from helm_tutorial import diagnosis
from helm_tutorial._check import require_count
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.planning.episodes import success_rate
from helm_tutorial.worlds.gridworld import geodesic_distances, goal_distances, load_gridworld

CHOICES: dict[str, dict] = {
    "negatives_1": {"negatives": 1},
    "negatives_7": {"negatives": 7},
    "negatives_63": {"negatives": 63},
    "negatives_511": {"negatives": 511},
    "off_sphere": {"sphere": False},
    "off_sphere_distance": {"sphere": False, "similarity": "distance"},
}
"""What each choice changes in the training, one at a time."""

MEANINGS = {
    "negatives_1": "one negative",
    "negatives_7": "7 negatives",
    "negatives_63": "63 negatives",
    "negatives_511": "511 negatives, the whole batch, on the sphere",
    "off_sphere": "cosines of latents of any length",
    "off_sphere_distance": "distances of latents of any length",
}


@dataclass(frozen=True)
class Config:
    """Settings of the choices.

    Attributes:
        env: the MiniGrid environment.
        layout_seed: seed of its layout.
        training: of experiment 4's model with one encoder, of whose batch of 512 all others are negatives.
        planning: of our planner, experiment 4's, on every fourth start.
    """

    env: str = "MiniGrid-Empty-8x8-v0"
    layout_seed: int = 0
    training: Contrastive = field(default_factory=Contrastive)
    planning: Planning = field(default_factory=lambda: Planning(stride=4))

    def __post_init__(self) -> None:
        require_count("batch of training", self.training.batch, low=512)

    @classmethod
    def quick(cls, env: str = "MiniGrid-Empty-8x8-v0") -> Config:
        """A seed in some ten seconds: hardly trained, few starts. Shows that all runs, not what is true."""
        planning = Planning(stride=40, restarts=2, steps=5, decode_every=5, limit=0.5)
        return cls(env=env, training=Contrastive(updates=20), planning=planning)


METRICS = {
    f"{measure}_{choice}": Metric(unit, f"{meaning}: {what}")
    for choice, meaning in MEANINGS.items()
    for measure, unit, what in (
        ("metric_correlation", "correlation", "latent with geodesic distance"),
        ("greedy_accuracy", "fraction", "best-looking first action is right"),
        ("prediction_accuracy", "fraction", "predicted latent nearest to the true next state's"),
        ("success", "fraction", "arrives"),
        ("path_ratio", "ratio", "steps over geodesic distance"),
    )
}
"""What :func:`run` returns, by name.

:meta hide-value:
"""


def run(config: Config, seed: int, *, progress: Callable[[str, float], None] | None = None) -> dict[str, float]:
    """Train a model for each choice with ``seed``, plan, measure: one value for each of :data:`METRICS`.

    Raises:
        ValueError: ``seed`` is negative, or the environment does not exist or is not supported.
    """
    require_count("seed", seed, low=0)
    tell = progress or (lambda message, fraction: None)
    world = load_gridworld(config.env, layout_seed=config.layout_seed)
    geodesic, to_goal = geodesic_distances(world), goal_distances(world)
    values = {}
    for number, (choice, change) in enumerate(CHOICES.items()):
        tell(MEANINGS[choice], number / len(CHOICES))
        model = train_contrastive(world, replace(config.training, **change), seed)
        z = diagnosis.latents(model, world)
        episodes = play(world, model, gradient_planner(config.planning), config.planning, seed)
        values |= {
            f"metric_correlation_{choice}": diagnosis.metric_correlation(z, geodesic),
            f"greedy_accuracy_{choice}": diagnosis.greedy_accuracy(z, world, to_goal),
            f"prediction_accuracy_{choice}": diagnosis.prediction_accuracy(model, world),
            f"success_{choice}": success_rate(episodes),
            f"path_ratio_{choice}": path_ratio(episodes, to_goal),
        }
    return values
