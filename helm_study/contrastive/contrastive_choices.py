"""Two choices in InfoNCE: the number of negatives, and latents on the sphere."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

from helm_study.fast.contrastive import train_contrastive
from helm_study.metric import Metric
from helm_study.play import Planning, gradient_planner, path_ratio, play, recorded_starts
from helm_study.study import SeedArms, Study, Tell, arms_by_name, each_seed
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
"""Change that each choice makes to the training, one at a time."""

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
        training: settings of experiment 4's model with one encoder, whose negatives are all others of a batch of 512.
        planning: settings of our planner, as in experiment 4, on every fourth start.
    """

    env: str = "MiniGrid-Empty-8x8-v0"
    layout_seed: int = 0
    training: Contrastive = field(default_factory=Contrastive)
    planning: Planning = field(default_factory=lambda: Planning(stride=4))

    def __post_init__(self) -> None:
        require_count("batch of training", self.training.batch, low=512)

    @classmethod
    def quick(cls, env: str = "MiniGrid-Empty-8x8-v0") -> Config:
        """Return a small configuration that only shows that the study runs.

        One seed takes about ten seconds (hardly trained, few starts). The results mean nothing.
        """
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


@each_seed
def measure(config: Config, seed: int, tell: Tell) -> SeedArms:
    """Return the arms of one seed: one model for each choice.

    Each model is trained, planned with and measured.
    """
    world = load_gridworld(config.env, layout_seed=config.layout_seed)
    geodesic, to_goal = geodesic_distances(world), goal_distances(world)

    def of_choice(choice: str) -> dict[str, float]:
        tell("training", 0.0)
        model = train_contrastive(world, replace(config.training, **CHOICES[choice]), seed)
        tell("planning", 0.5)
        z = diagnosis.latents(model, world)
        episodes = play(world, model, gradient_planner(config.planning), config.planning, seed)
        return {
            f"metric_correlation_{choice}": diagnosis.metric_correlation(z, geodesic),
            f"greedy_accuracy_{choice}": diagnosis.greedy_accuracy(z, world, to_goal),
            f"prediction_accuracy_{choice}": diagnosis.prediction_accuracy(model, world),
            f"success_{choice}": success_rate(episodes),
            f"path_ratio_{choice}": path_ratio(episodes, to_goal),
        }

    return {choice: partial(of_choice, choice) for choice in CHOICES}


STUDY = Study(
    name="choices",
    summary="Vary the number of negatives in InfoNCE, and let latents leave the sphere.",
    Config=Config,
    metrics=METRICS,
    arms=arms_by_name(METRICS, CHOICES),
    measure=measure,
    starts=lambda config: recorded_starts(config.env, config.layout_seed, planning=config.planning),
)
