"""Forms of the first pillar, together with the second, fifty steps ahead.

The study asks which forms keep success at that horizon, and at what price. All trainings start from experiment 4's
model with one encoder, InfoNCE and no penalty. Each penalty is tried at several weights, because a penalty with a
narrow range of useful weights is worth less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, partial

from helm_study.fast.contrastive import train_contrastive
from helm_study.metric import Metric
from helm_study.play import (
    Planning,
    bounded_planner,
    gradient_planner,
    learned_rollout_jacobian,
    plain_planner,
    play,
    recorded_starts,
)
from helm_study.study import SeedArms, Study, Tell, arms_by_name, each_seed
from helm_tutorial import diagnosis
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.planning.episodes import success_rate
from helm_tutorial.worlds.gridworld import Gridworld, geodesic_distances, load_gridworld

WEIGHTS = {"square": (3e-4, 1e-3, 3e-3), "hinge": (1e-2, 3e-2, 1e-1), "rollout": (1e-3, 1e-2, 1e-1)}
"""Weights tried for each of :data:`~helm_tutorial.models.regularity.FORMS`."""


def label(form: str, weight: float) -> str:
    """Name of a penalty at a weight, as metrics use it."""
    return f"{form}_{weight:g}"


TRAININGS: dict[str, dict] = {
    "none": {},
    **{
        label(form, weight): {"spectral_form": form, "spectral_weight": weight}
        for form, weights in WEIGHTS.items()
        for weight in weights
    },
    "tangent": {"tangent": True},
    "multistep": {"prediction_steps": 4, "prediction_weight": 2.0},
}
"""Changes that each training makes.

A further model, *directed*, is that of chapter 5, on rows and columns.
"""

NAMES = (*TRAININGS, "directed")


@dataclass(frozen=True)
class Config:
    """Settings of the comparison.

    Attributes:
        env: the MiniGrid environment.
        layout_seed: seed of its layout.
        training: settings of experiment 4's model with one encoder.
        planning: settings of our planner, fifty steps ahead, on every fifth start.
    """

    env: str = "MiniGrid-Empty-8x8-v0"
    layout_seed: int = 0
    training: Contrastive = field(default_factory=Contrastive)
    planning: Planning = field(default_factory=lambda: Planning(horizon=50, stride=5))

    @classmethod
    def quick(cls, env: str = "MiniGrid-Empty-8x8-v0") -> Config:
        """Return a small configuration that only shows that the study runs.

        One seed takes about ten seconds (hardly trained, few starts). The results mean nothing.
        """
        planning = Planning(horizon=5, stride=60, restarts=2, steps=5, decode_every=5, limit=0.2)
        return cls(env=env, training=Contrastive(updates=10, batch=64), planning=planning)


def _metrics() -> dict[str, Metric]:
    metrics = {}
    for name in NAMES:
        metrics |= {
            f"prediction_accuracy_{name}": Metric("fraction", "predicted latent nearest to the true next state's"),
            f"rollout_accuracy_T12_{name}": Metric("fraction", "the same after twelve imagined steps"),
            f"metric_correlation_{name}": Metric("correlation", "rank correlation of latent and geodesic distance"),
            f"rollout_jacobian_{name}_T50": Metric("norm", "state Jacobian of fifty steps"),
            f"success_{name}_T50": Metric("fraction", "starts that arrive, our planner, fifty steps ahead"),
            f"success_{name}_T50_plain": Metric("fraction", "the same, plain planner"),
        }
    metrics["success_bounded_gradient_T50"] = Metric("fraction", "no penalty, our planner, its gradient bounded")
    metrics["success_bounded_gradient_T50_plain"] = Metric("fraction", "the same, plain planner")
    return metrics


METRICS = _metrics()


@each_seed
def measure(config: Config, seed: int, tell: Tell) -> SeedArms:
    """Return the arms of one seed: one per training, and a bounded gradient.

    Each model is trained, planned with and measured. The planner with a bounded gradient uses the model without
    penalty.
    """
    where = {"layout_seed": config.layout_seed}
    cells, profiles = (load_gridworld(config.env, observation=view, **where) for view in ("cells", "profiles"))
    geodesic = geodesic_distances(cells)
    planners = {"": config.planning, "_plain": plain_planner(config.planning)}

    @cache
    def trained(name: str) -> WorldModel:
        tell("training", 0.0)
        if name == "directed":
            return train_contrastive(profiles, config.training.directed(), seed)
        return train_contrastive(cells, replace(config.training, **TRAININGS[name]), seed)

    def played(name: str, world: Gridworld, model: WorldModel, make: Callable = gradient_planner) -> dict[str, float]:
        tell("planning", 0.5)
        return {
            f"success_{name}_T50{suffix}": success_rate(play(world, model, make(planning), planning, seed))
            for suffix, planning in planners.items()
        }

    def of_training(name: str) -> dict[str, float]:
        world, model = (profiles if name == "directed" else cells), trained(name)
        z, goals = diagnosis.latents(model, world), diagnosis.goal_latents(model, world)
        return {
            f"prediction_accuracy_{name}": diagnosis.prediction_accuracy(model, world),
            f"rollout_accuracy_T12_{name}": diagnosis.rollout_accuracy(model, world, 12, seed),
            f"metric_correlation_{name}": diagnosis.metric_correlation(z, geodesic, goals=goals),
            f"rollout_jacobian_{name}_T50": learned_rollout_jacobian(world, model, 50, seed),
            **played(name, world, model),
        }

    return {
        **{name: partial(of_training, name) for name in NAMES},
        "bounded_gradient": lambda: played("bounded_gradient", cells, trained("none"), bounded_planner),
    }


STUDY = Study(
    name="forms",
    summary="Compare penalties and other trainings that should keep success fifty steps ahead.",
    Config=Config,
    metrics=METRICS,
    arms=arms_by_name(METRICS, (*NAMES, "bounded_gradient")),
    measure=measure,
    starts=lambda config: recorded_starts(config.env, config.layout_seed, planning=config.planning),
)
