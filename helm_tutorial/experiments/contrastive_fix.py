"""Experiment 4: the same world, planner and budget as experiment 3, the latents trained by InfoNCE.

The report: stuck at distance 7.0 becomes 0.0, 0 % becomes 100 %. The loss as it is printed there
(positives one step ahead) is measured beside the one with positives further ahead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from helm_tutorial import diagnosis
from helm_tutorial.experiments.gridworld_planning import (
    Planning,
    from_own_start,
    learned_rollout_jacobian,
    open_loop_planner,
    path_ratio,
    play,
    report_planner,
    success_rate,
)
from helm_tutorial.experiments.metric import Metric
from helm_tutorial.gridworld import geodesic_distances, goal_distances, load_gridworld
from helm_tutorial.recipes import Training, train_contrastive
from helm_tutorial.validation import require_count


@dataclass(frozen=True)
class Config:
    """Settings of experiment 4.

    Attributes:
        env: the MiniGrid environment.
        layout_seed: seed of its layout.
        training: of the world models; ``gamma`` is set to 0 for the printed loss.
        planning: of the planner, the same as experiment 3's.
    """

    env: str = "MiniGrid-Empty-8x8-v0"
    layout_seed: int = 0
    training: Training = field(default_factory=Training)
    planning: Planning = field(default_factory=Planning)

    @classmethod
    def quick(cls, env: str = "MiniGrid-Empty-8x8-v0") -> Config:
        """A seed in some fifteen seconds: fewer updates, every tenth start. Shows that all runs, not what is true."""
        return cls(env=env, training=Training(updates=600), planning=Planning(stride=10, restarts=4, steps=20))


METRICS = {
    "success_contrastive": Metric("fraction", "starts from which the contrastive model's plans arrive", 1.0),
    "success_printed_loss": Metric("fraction", "the same with the printed loss (positives one step ahead)", 1.0),
    "success_report_planner_contrastive": Metric(
        "fraction", "contrastive model, planner as in the report (one open-loop plan, last latent)", 1.0
    ),
    "success_open_loop_contrastive": Metric("fraction", "contrastive model, our planner planning once (open loop)"),
    "success_search_contrastive": Metric("fraction", "random plans, as many model calls, no gradient, contrastive"),
    "success_start_contrastive": Metric("fraction", "from the environment's own start", 1.0),
    "final_distance_start_contrastive": Metric("cells", "distance to the goal at the end, own start", 0.0),
    "path_ratio_contrastive": Metric("ratio", "steps over geodesic distance, where it arrives"),
    "path_ratio_search_contrastive": Metric("ratio", "the same without gradient"),
    "metric_correlation_contrastive": Metric("correlation", "rank correlation of latent and geodesic distance"),
    "metric_correlation_printed_loss": Metric("correlation", "the same with the printed loss"),
    "greedy_accuracy_contrastive": Metric("fraction", "best-looking first action is on a shortest path"),
    "prediction_accuracy_contrastive": Metric("fraction", "predicted latent nearest to the true next state's"),
    "prediction_accuracy_printed_loss": Metric("fraction", "the same with the printed loss"),
    "rollout_jacobian_contrastive_T25": Metric("norm", "state Jacobian of 25 imagined steps"),
}
"""What :func:`run` returns, by name."""


def run(config: Config, seed: int, *, progress: Callable[[str, float], None] | None = None) -> dict[str, float]:
    """Train both contrastive models with ``seed``, plan with them, measure: one value for each of :data:`METRICS`.

    Raises:
        ValueError: ``seed`` is negative, or the environment does not exist or is not supported.
    """
    require_count("seed", seed, low=0)
    tell = progress or (lambda message, fraction: None)
    world = load_gridworld(config.env, layout_seed=config.layout_seed)
    geodesic, to_goal = geodesic_distances(world), goal_distances(world)

    tell("training by InfoNCE", 0.0)
    contrastive = train_contrastive(world, config.training, seed)
    tell("training by the printed loss", 0.25)
    printed = train_contrastive(world, replace(config.training, gamma=0.0), seed)
    tell("planning with the contrastive model", 0.5)
    ours = play(world, contrastive, config.planning, seed)
    as_report = play(world, contrastive, report_planner(config.planning), seed)
    once = play(world, contrastive, open_loop_planner(config.planning), seed)
    searched = play(world, contrastive, config.planning, seed, by_search=True)
    tell("planning with the printed loss's model", 0.7)
    printed_episodes = play(world, printed, config.planning, seed)
    tell("diagnosis", 0.97)
    z, z_printed = diagnosis.latents(contrastive, world), diagnosis.latents(printed, world)
    success_start, final_distance = from_own_start(world, ours)
    return {
        "success_contrastive": success_rate(ours),
        "success_printed_loss": success_rate(printed_episodes),
        "success_report_planner_contrastive": success_rate(as_report),
        "success_open_loop_contrastive": success_rate(once),
        "success_search_contrastive": success_rate(searched),
        "path_ratio_search_contrastive": path_ratio(searched, to_goal),
        "success_start_contrastive": float(success_start),
        "final_distance_start_contrastive": final_distance,
        "path_ratio_contrastive": path_ratio(ours, to_goal),
        "metric_correlation_contrastive": diagnosis.metric_correlation(z, geodesic),
        "metric_correlation_printed_loss": diagnosis.metric_correlation(z_printed, geodesic),
        "greedy_accuracy_contrastive": diagnosis.greedy_accuracy(z, world, to_goal),
        "prediction_accuracy_contrastive": diagnosis.prediction_accuracy(contrastive, world),
        "prediction_accuracy_printed_loss": diagnosis.prediction_accuracy(printed, world),
        "rollout_jacobian_contrastive_T25": learned_rollout_jacobian(world, contrastive, 25, seed),
    }
