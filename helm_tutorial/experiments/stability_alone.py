"""Experiment 3: a world model that predicts perfectly, and what planning makes of it.

The report: prediction error about 0, success 0 %, stuck at distance 7.0. Two different models hide
behind that sentence, and both are measured: reconstruction, which predicts and does not collapse,
and latent prediction, which collapses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from helm_tutorial import diagnosis
from helm_tutorial.baselines import train_latent_prediction, train_reconstruction, untrained
from helm_tutorial.experiments.gridworld_planning import (
    Planning,
    from_own_start,
    learned_rollout_jacobian,
    path_ratio,
    play,
    play_randomly,
    report_planner,
    success_rate,
)
from helm_tutorial.experiments.metric import Metric
from helm_tutorial.gridworld import geodesic_distances, goal_distances, load_gridworld
from helm_tutorial.recipes import Training
from helm_tutorial.validation import require_count


@dataclass(frozen=True)
class Config:
    """Settings of experiment 3.

    Attributes:
        env: the MiniGrid environment.
        layout_seed: seed of its layout.
        training: of the world models.
        planning: of the planner, the same as experiment 4's.
    """

    env: str = "MiniGrid-Empty-8x8-v0"
    layout_seed: int = 0
    training: Training = field(default_factory=Training)
    planning: Planning = field(default_factory=Planning)

    @classmethod
    def quick(cls, env: str = "MiniGrid-Empty-8x8-v0") -> Config:
        """A seed in some ten seconds: fewer updates, every tenth start. Shows that all runs, not what is true."""
        training = Training(autoencoder_updates=800, dynamics_updates=600, updates=400)
        return cls(env=env, training=training, planning=Planning(stride=10, restarts=4, steps=20))


METRICS = {
    "success_reconstruction": Metric("fraction", "starts from which the reconstruction model's plans arrive", 0.0),
    "success_latent_prediction": Metric("fraction", "the same for the latent-prediction model", 0.0),
    "success_report_planner_reconstruction": Metric(
        "fraction", "reconstruction model, planner as in the report (one open-loop plan, last latent)", 0.0
    ),
    "success_search_reconstruction": Metric(
        "fraction", "random plans, as many model calls, no gradient, reconstruction"
    ),
    "success_random_actions": Metric("fraction", "uniformly random actions in as many steps"),
    "success_start_reconstruction": Metric("fraction", "from the environment's own start, reconstruction", 0.0),
    "path_ratio_reconstruction": Metric("ratio", "steps over geodesic distance, where it arrives"),
    "prediction_accuracy_reconstruction": Metric("fraction", "predicted latent nearest to the true next state's"),
    "prediction_accuracy_latent_prediction": Metric("fraction", "the same for the latent-prediction model"),
    "latent_spread_reconstruction": Metric("ratio", "mean distance of latents, trained over untrained"),
    "latent_spread_latent_prediction": Metric("ratio", "mean distance of latents, trained over untrained"),
    "effective_rank_reconstruction": Metric("directions", "directions that the latents use"),
    "effective_rank_latent_prediction": Metric("directions", "the same for the latent-prediction model"),
    "metric_correlation_reconstruction": Metric("correlation", "rank correlation of latent and geodesic distance"),
    "metric_correlation_latent_prediction": Metric("correlation", "the same for the latent-prediction model"),
    "greedy_accuracy_reconstruction": Metric("fraction", "best-looking first action is on a shortest path"),
    "final_distance_start_reconstruction": Metric("cells", "distance to the goal at the end, own start", 7.0),
    "final_distance_start_report_planner": Metric("cells", "the same with the report's planner", 7.0),
    "rollout_jacobian_reconstruction_T25": Metric("norm", "state Jacobian of 25 imagined steps"),
}
"""What :func:`run` returns, by name."""


def run(config: Config, seed: int, *, progress: Callable[[str, float], None] | None = None) -> dict[str, float]:
    """Train both models with ``seed``, plan with them, measure: one value for each of :data:`METRICS`.

    Raises:
        ValueError: ``seed`` is negative, or the environment does not exist or is not supported.
    """
    require_count("seed", seed, low=0)
    tell = progress or (lambda message, fraction: None)
    world = load_gridworld(config.env, layout_seed=config.layout_seed)
    geodesic, to_goal = geodesic_distances(world), goal_distances(world)
    before = diagnosis.spread(diagnosis.latents(untrained(world, config.training, seed), world))

    tell("training by reconstruction", 0.0)
    reconstruction = train_reconstruction(world, config.training, seed)
    tell("training by latent prediction", 0.25)
    collapsed = train_latent_prediction(world, config.training, seed)
    tell("planning with the reconstruction model", 0.4)
    ours = play(world, reconstruction, config.planning, seed)
    as_report = play(world, reconstruction, report_planner(config.planning), seed)
    searched = play(world, reconstruction, config.planning, seed, by="random shooting")
    tell("planning with the latent-prediction model", 0.7)
    nowhere = play(world, collapsed, config.planning, seed)
    tell("diagnosis", 0.97)
    z, z_collapsed = diagnosis.latents(reconstruction, world), diagnosis.latents(collapsed, world)
    success_start, final_distance = from_own_start(world, ours)
    return {
        "success_reconstruction": success_rate(ours),
        "success_latent_prediction": success_rate(nowhere),
        "success_report_planner_reconstruction": success_rate(as_report),
        "success_search_reconstruction": success_rate(searched),
        "success_random_actions": success_rate(play_randomly(world, config.planning, seed)),
        "success_start_reconstruction": float(success_start),
        "path_ratio_reconstruction": path_ratio(ours, to_goal),
        "prediction_accuracy_reconstruction": diagnosis.prediction_accuracy(reconstruction, world),
        "prediction_accuracy_latent_prediction": diagnosis.prediction_accuracy(collapsed, world),
        "latent_spread_reconstruction": diagnosis.spread(z) / before,
        "latent_spread_latent_prediction": diagnosis.spread(z_collapsed) / before,
        "effective_rank_reconstruction": diagnosis.effective_rank(z),
        "effective_rank_latent_prediction": diagnosis.effective_rank(z_collapsed),
        "metric_correlation_reconstruction": diagnosis.metric_correlation(z, geodesic),
        "metric_correlation_latent_prediction": diagnosis.metric_correlation(z_collapsed, geodesic),
        "greedy_accuracy_reconstruction": diagnosis.greedy_accuracy(z, world, to_goal),
        "final_distance_start_reconstruction": final_distance,
        "final_distance_start_report_planner": from_own_start(world, as_report)[1],
        "rollout_jacobian_reconstruction_T25": learned_rollout_jacobian(world, reconstruction, 25, seed),
    }
