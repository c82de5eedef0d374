"""From the printed loss to the book's, one change at a time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

from helm_study.fast.contrastive import train_contrastive
from helm_study.metric import Metric
from helm_study.play import Planning, gradient_planner, open_loop_planner, path_ratio, play, recorded_starts
from helm_study.study import SeedArms, Study, Tell, arms_by_name, each_seed
from helm_tutorial import diagnosis
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.planning.episodes import success_rate
from helm_tutorial.worlds.gridworld import geodesic_distances, goal_distances, load_gridworld

CHANGES: dict[str, dict] = {
    "printed": {},
    "further_ahead": {"gamma": 0.8},
    "more_walks": {"walks": 5000, "walk_length": 200, "gamma": None},
    "profiles": {},
    "both_ways": {"symmetric": True},
    "distances": {"similarity": "distance"},
    "goal_encoder": {"goal_encoder": True},
    "prediction": {"prediction_steps": 4, "prediction_weight": 2.0, "rescale": True},
}
"""Change that each step makes to the training; changes accumulate.

The step ``profiles`` changes the observation instead.
"""

MEANINGS = {
    "printed": "the loss as printed",
    "further_ahead": "and positives five steps ahead in the mean",
    "more_walks": "and more, longer walks, positives ten steps ahead",
    "profiles": "and seen by rows and columns",
    "both_ways": "and InfoNCE both ways",
    "distances": "and on distances, not cosines",
    "goal_encoder": "and goals with an encoder of their own",
    "prediction": "and four imagined steps in training: the book's",
}


@dataclass(frozen=True)
class Config:
    """Settings of the steps.

    Attributes:
        env: the MiniGrid environment.
        layout_seed: seed of its layout.
        training: settings from which the steps start, by their
            :meth:`~helm_tutorial.models.settings.Contrastive.as_printed`.
        planning: settings of our planner, as in experiment 4, on every fourth start.
    """

    env: str = "MiniGrid-Empty-8x8-v0"
    layout_seed: int = 0
    training: Contrastive = field(default_factory=Contrastive)
    planning: Planning = field(default_factory=lambda: Planning(stride=4))

    @classmethod
    def quick(cls, env: str = "MiniGrid-Empty-8x8-v0") -> Config:
        """Return a small configuration that only shows that the study runs.

        One seed takes about ten seconds (hardly trained, few starts). The results mean nothing.
        """
        planning = Planning(stride=40, restarts=2, steps=5, decode_every=5, limit=0.5)
        return cls(env=env, training=Contrastive(updates=20, batch=64), planning=planning)


METRICS = {
    f"{measure}_{step}": Metric(unit, f"{meaning}: {what}")
    for step, meaning in MEANINGS.items()
    for measure, unit, what in (
        ("metric_correlation", "correlation", "latent with geodesic distance"),
        ("greedy_accuracy", "fraction", "best-looking first action is right"),
        ("rollout_accuracy_T12", "fraction", "twelve imagined steps end nearest to the true state"),
        ("success", "fraction", "arrives"),
        ("path_ratio", "ratio", "steps over geodesic distance"),
        ("success_open_loop", "fraction", "arrives, planning once"),
    )
}


def trainings(training: Contrastive) -> dict[str, tuple[str, Contrastive]]:
    """Return the observation and the training of each step.

    The last step is :meth:`~helm_tutorial.models.settings.Contrastive.directed` on profiles.
    """
    steps, observation, current = {}, "cells", training.as_printed()
    for step, change in CHANGES.items():
        observation = "profiles" if step == "profiles" else observation
        current = replace(current, **change)
        steps[step] = (observation, current)
    return steps


@each_seed
def measure(config: Config, seed: int, tell: Tell) -> SeedArms:
    """Return the arms of one seed: one model for each step.

    Each model is trained, planned with and measured.
    """
    steps = trainings(config.training)

    def of_step(step: str) -> dict[str, float]:
        observation, training = steps[step]
        world = load_gridworld(config.env, layout_seed=config.layout_seed, observation=observation)
        geodesic, to_goal = geodesic_distances(world), goal_distances(world)
        tell("training", 0.0)
        model = train_contrastive(world, training, seed)
        tell("planning", 0.5)
        z, goals = diagnosis.latents(model, world), diagnosis.goal_latents(model, world)
        ours, open_loop = config.planning, open_loop_planner(config.planning)
        episodes = play(world, model, gradient_planner(ours), ours, seed)
        once = play(world, model, gradient_planner(open_loop), open_loop, seed)
        return {
            f"metric_correlation_{step}": diagnosis.metric_correlation(z, geodesic, goals=goals),
            f"greedy_accuracy_{step}": diagnosis.greedy_accuracy(z, world, to_goal, goals=goals),
            f"rollout_accuracy_T12_{step}": diagnosis.rollout_accuracy(model, world, 12, seed),
            f"success_{step}": success_rate(episodes),
            f"path_ratio_{step}": path_ratio(episodes, to_goal),
            f"success_open_loop_{step}": success_rate(once),
        }

    return {step: partial(of_step, step) for step in CHANGES}


STUDY = Study(
    name="steps",
    summary="Go from the contrastive loss as printed to the book's, one change at a time.",
    Config=Config,
    metrics=METRICS,
    arms=arms_by_name(METRICS, CHANGES),
    measure=measure,
    starts=lambda config: recorded_starts(config.env, config.layout_seed, planning=config.planning),
)
