"""Experiment 3: train world models without contrast, and plan with each.

The report says: prediction error about 0, success 0 %, stuck at distance 7.0. Different models fit that sentence, and
each is measured: reconstruction; latent prediction with and without a stop-gradient; latent prediction with a variance
and a covariance term; and two of them with the spectral penalty that HELM asks for. One of these two, reconstruction of
rows and columns, is exact and tame, and plans here with several horizons, and in a larger room.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, partial

import torch
from torch import Tensor

from helm_study.fast import baselines
from helm_study.metric import Metric
from helm_study.play import (
    Planning,
    episode_limit,
    from_own_start,
    gradient_planner,
    learned_rollout_jacobian,
    path_ratio,
    play,
    play_randomly,
    played_starts,
    recorded_starts,
    report_planner,
    shooting_planner,
    shown_walks,
)
from helm_study.study import SeedArms, Study, Tell, Values, arms_by_name, each_seed
from helm_tutorial import diagnosis
from helm_tutorial._check import require_count, require_real
from helm_tutorial.models.settings import LatentPrediction, Reconstruction, Settings, VarianceCovariance
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.planning.episodes import Episodes, success_rate
from helm_tutorial.worlds.gridworld import Gridworld, geodesic_distances, goal_distances, load_gridworld


@dataclass(frozen=True)
class Recipe:
    """How one of the world models is trained.

    Attributes:
        words: name of the model in tables.
        train: called with a world, settings and a seed.
        settings: name of the field of :class:`Config` that holds its settings.
        view: kind of observation, one of :data:`helm_tutorial.worlds.observation.KINDS`.
        spectral: whether it is trained with the spectral penalty.
        stop_gradient: whether latent prediction uses a stop-gradient.
    """

    words: str
    train: Callable[[Gridworld, Settings, int], WorldModel]
    settings: str
    view: str = "cells"
    spectral: bool = False
    stop_gradient: bool = True

    def settings_in(self, config: Config) -> Settings:
        """Return its settings from a configuration."""
        settings = getattr(config, self.settings)
        if not self.stop_gradient:
            settings = replace(settings, stop_gradient=False)
        return replace(settings, spectral_weight=config.spectral_weight if self.spectral else 0.0)


_reconstruction = (baselines.train_reconstruction, "reconstruction")
_prediction = (baselines.train_latent_prediction, "latent_prediction")
_kept_apart = (baselines.train_variance_covariance, "variance_covariance")
MODELS = {
    "reconstruction": Recipe("reconstruction", *_reconstruction),
    "latent_prediction": Recipe("latent prediction", *_prediction),
    "latent_prediction_unstopped": Recipe("latent prediction, no stop-gradient", *_prediction, stop_gradient=False),
    "variance_covariance": Recipe("variance-covariance", *_kept_apart),
    "variance_covariance_spectral": Recipe("variance-covariance, spectral penalty", *_kept_apart, spectral=True),
    "latent_prediction_profiles": Recipe("latent prediction, rows and columns", *_prediction, "profiles"),
    "latent_prediction_unstopped_profiles": Recipe(
        "latent prediction, rows and columns, no stop-gradient", *_prediction, "profiles", stop_gradient=False
    ),
    "reconstruction_profiles": Recipe("reconstruction, rows and columns", *_reconstruction, "profiles"),
    "reconstruction_spectral_profiles": Recipe(
        "reconstruction, rows and columns, spectral penalty", *_reconstruction, "profiles", spectral=True
    ),
}
"""The world models, by their names in the metrics."""

SOME_STARTS = (
    "variance_covariance",
    "variance_covariance_spectral",
    "latent_prediction_profiles",
    "reconstruction_profiles",
    "reconstruction_spectral_profiles",
)
"""Models that are run from one in ``variants_stride`` starts only."""

SHORT = (3, 6)
"""Shorter horizons, too short to reach the goal from many starts."""

SHORTENED = ("reconstruction", *SOME_STARTS[2:])
"""Models that also plan with the horizons of :data:`SHORT`.

These episodes begin at one in ``variants_stride`` starts.
"""

TAME_EXACT = "reconstruction_spectral_profiles"
"""The model that is exact and tame."""

TAME_HORIZONS = (3, 5, 12)
"""Horizons with which it plans from all starts."""

LARGER_ROOM, LARGER_STRIDE = "MiniGrid-Empty-16x16-v0", 16
"""The larger room; episodes begin at one in so many of its starts."""

AUTOENCODERS = tuple(name for name, recipe in MODELS.items() if recipe.settings == "reconstruction")
"""Models with a decoder."""


@dataclass(frozen=True)
class Config:
    """Settings of experiment 3.

    Attributes:
        env: the MiniGrid environment.
        layout_seed: seed of its layout.
        reconstruction: settings of the autoencoders.
        latent_prediction: settings of latent prediction, and of the untrained model.
        variance_covariance: settings of the models with variance and covariance terms.
        spectral_weight: weight of the spectral penalty, in the two models that have one.
        planning: settings of the planner, the same as in experiment 4.
        variants_stride: further factor on ``planning.stride`` for :data:`SOME_STARTS` and shorter horizons; these
            starts are drawn by :func:`helm_study.starts.stratified`.
    """

    env: str = "MiniGrid-Empty-8x8-v0"
    layout_seed: int = 0
    reconstruction: Reconstruction = field(default_factory=Reconstruction)
    latent_prediction: LatentPrediction = field(default_factory=LatentPrediction)
    variance_covariance: VarianceCovariance = field(default_factory=VarianceCovariance)
    spectral_weight: float = 0.03
    planning: Planning = field(default_factory=Planning)
    variants_stride: int = 4

    def __post_init__(self) -> None:
        require_real("spectral_weight", self.spectral_weight, above=0.0)
        require_count("variants_stride", self.variants_stride)

    @classmethod
    def quick(cls, env: str = "MiniGrid-Empty-8x8-v0") -> Config:
        """Return a small configuration that only shows that the study runs.

        One seed takes about ten seconds (fewer updates, every tenth start). The results mean nothing.
        """
        return cls(
            env=env,
            reconstruction=Reconstruction(autoencoder_updates=400, dynamics_updates=200),
            latent_prediction=LatentPrediction(updates=150),
            variance_covariance=VarianceCovariance(updates=150),
            planning=Planning(stride=10, restarts=2, steps=10, limit=1.0),
        )


METRICS = {
    "success_reconstruction": Metric("fraction", "starts from which the reconstruction model's plans arrive", 0.0),
    "success_latent_prediction": Metric("fraction", "the same for the latent-prediction model", 0.0),
    "success_report_planner_reconstruction": Metric("fraction", "planner as in the report (once, last latent)", 0.0),
    "success_search_reconstruction": Metric("fraction", "random plans, as many model calls, no gradient"),
    "success_random_actions": Metric("fraction", "uniformly random actions in as many steps"),
    "success_start_reconstruction": Metric("fraction", "from the environment's own start, reconstruction", 0.0),
    "path_ratio_reconstruction": Metric("ratio", "steps over geodesic distance, where it arrives"),
    "final_distance_start_reconstruction": Metric("cells", "distance to the goal at the end, own start", 7.0),
    "final_distance_start_report_planner": Metric("cells", "the same with the report's planner", 7.0),
    **{
        name.format(model): Metric(unit, f"{meaning}, some starts, {MODELS[model].words}")
        for name, unit, meaning in (
            ("success_{}", "fraction", "starts from which the plans arrive"),
            ("path_ratio_{}", "ratio", "steps over geodesic distance, where it arrives"),
            ("success_search_{}", "fraction", "random plans, as many model calls, no gradient"),
        )
        for model in SOME_STARTS
    },
    **{
        f"success_{model}_T{steps}": Metric("fraction", f"plans of {steps} steps, some starts, {MODELS[model].words}")
        for model in SHORTENED
        for steps in SHORT
    },
    **{
        name.format(steps): Metric(unit, f"{meaning}, plans of {steps} steps, exact and tame model, all starts")
        for steps in TAME_HORIZONS
        for name, unit, meaning in (
            ("success_tame_exact_T{}", "fraction", "starts from which the plans arrive"),
            ("success_search_tame_exact_T{}", "fraction", "random plans, as many model calls, no gradient"),
            ("success_start_tame_exact_T{}", "fraction", "from the environment's own start"),
            ("final_distance_start_tame_exact_T{}", "cells", "distance to the goal at the end, own start"),
            ("rollout_accuracy_tame_exact_T{}", "fraction", "predicted latent nearest to the true state's"),
        )
    },
    "prediction_accuracy_tame_exact": Metric("fraction", "predicted latent nearest to the true next state's"),
    "rollout_jacobian_tame_exact_T25": Metric("norm", "state Jacobian of 25 imagined steps, exact and tame model"),
    **{
        name: Metric(unit, f"{meaning}, exact and tame model, Empty-16x16")
        for name, unit, meaning in (
            ("success_larger_room_T12", "fraction", "starts from which plans of 12 steps arrive"),
            ("success_search_larger_room_T12", "fraction", "random plans, as many model calls, no gradient"),
            ("success_start_larger_room_T12", "fraction", "from the environment's own start"),
            ("final_distance_start_larger_room_T12", "cells", "distance to the goal at the end, own start"),
            ("prediction_accuracy_larger_room", "fraction", "predicted latent nearest to the true next state's"),
            ("rollout_accuracy_larger_room_T12", "fraction", "the same after twelve imagined steps"),
            ("rollout_jacobian_larger_room_T25", "norm", "state Jacobian of 25 imagined steps"),
        )
    },
    **{
        f"decoding_accuracy_{model}": Metric("fraction", f"prediction decodes exactly, {MODELS[model].words}")
        for model in AUTOENCODERS
    },
    **{
        name.format(model): Metric(unit, f"{meaning}, {recipe.words}")
        for name, unit, meaning in (
            ("prediction_accuracy_{}", "fraction", "predicted latent nearest to the true next state's"),
            ("rollout_accuracy_{}_T12", "fraction", "the same after twelve imagined steps"),
            ("latent_spread_{}", "ratio", "mean distance of latents, trained over untrained"),
            ("effective_rank_{}", "directions", "directions that the latents use"),
            ("distance_variation_{}", "ratio", "standard deviation over mean of the latent distances"),
            ("metric_correlation_{}", "correlation", "rank correlation of latent and geodesic distance"),
            ("descent_share_{}", "fraction", "starts from which some action lowers the latent distance to the goal"),
            ("greedy_accuracy_{}", "fraction", "best-looking first action is on a shortest path"),
            ("rollout_jacobian_{}_T25", "norm", "state Jacobian of 25 imagined steps"),
        )
        for model, recipe in MODELS.items()
    },
}


@each_seed
def measure(config: Config, seed: int, tell: Tell) -> SeedArms:
    """Return the arms of one seed: each model, and random actions.

    Each model is trained, planned with and measured.
    """

    @cache
    def trained(name: str, env: str) -> tuple[Gridworld, WorldModel]:
        tell("training", 0.0)
        recipe = MODELS[name]
        world = load_gridworld(env, layout_seed=config.layout_seed, observation=recipe.view)
        return world, recipe.train(world, recipe.settings_in(config), seed)

    def of_model(name: str) -> dict[str, float]:
        values: dict[str, float] = {}
        world, model = trained(name, config.env)
        to_goal = goal_distances(world)

        def keep(label: str, planning: Planning, make: Callable = gradient_planner) -> Episodes:
            tell("planning", 0.6)
            episodes = play(world, model, make(planning), planning, seed)
            values[f"success_{label}"] = success_rate(episodes)
            values[f"path_ratio_{label}"] = path_ratio(episodes, to_goal)
            return episodes

        planning, some = config.planning, _some(config)
        if name == "reconstruction":
            success, distance = from_own_start(world, keep(name, planning))
            as_report = keep(f"report_planner_{name}", report_planner(planning))
            keep(f"search_{name}", planning, shooting_planner)
            values |= {
                f"success_start_{name}": float(success),
                f"final_distance_start_{name}": distance,
                "final_distance_start_report_planner": from_own_start(world, as_report)[1],
            }
        if name == "latent_prediction":
            keep(name, planning)
        if name in SOME_STARTS:
            keep(name, some)
            keep(f"search_{name}", some, shooting_planner)
        for steps in SHORT if name in SHORTENED else ():
            keep(f"{name}_T{steps}", replace(some, horizon=steps))
        return values | _diagnosed(name, model, world, config.latent_prediction, seed)

    def of_tame_exact(env: str, label: str, planning: Planning, horizons: tuple[int, ...]) -> Values:
        world, model = trained(TAME_EXACT, env)
        values: Values = {
            f"prediction_accuracy_{label}": diagnosis.prediction_accuracy(model, world),
            f"rollout_jacobian_{label}_T25": learned_rollout_jacobian(world, model, 25, seed),
        }
        walks: dict[str, list[list[int]]] = {}
        for steps in horizons:
            tell(f"planning {steps} steps", 0.5)
            settings = replace(planning, horizon=steps)
            episodes = play(world, model, gradient_planner(settings), settings, seed)
            success, distance = from_own_start(world, episodes)
            walks[str(steps)] = shown_walks(world, episodes)
            values |= {
                f"success_{label}_T{steps}": success_rate(episodes),
                f"success_search_{label}_T{steps}": success_rate(
                    play(world, model, shooting_planner(settings), settings, seed)
                ),
                f"success_start_{label}_T{steps}": float(success),
                f"final_distance_start_{label}_T{steps}": distance,
                f"rollout_accuracy_{label}_T{steps}": diagnosis.rollout_accuracy(model, world, steps, seed),
            }
        return values | {"walks": {label: walks}}

    def at_random() -> dict[str, float]:
        world, planning = trained("reconstruction", config.env)[0], config.planning
        starts, limit = played_starts(world, planning), episode_limit(world, planning)
        return {"success_random_actions": success_rate(play_randomly(world, seed, starts, limit=limit))}

    return {
        **{name: partial(of_model, name) for name in MODELS},
        "tame_exact": partial(of_tame_exact, config.env, "tame_exact", config.planning, TAME_HORIZONS),
        "larger_room": partial(of_tame_exact, LARGER_ROOM, "larger_room", _in_larger_room(config), (12,)),
        "random_actions": at_random,
    }


def _some(config: Config) -> Planning:
    """Our planner, with the fewer starts that most models are run from."""
    return replace(config.planning, stride=config.planning.stride * config.variants_stride, draw="stratified")


def _in_larger_room(config: Config) -> Planning:
    """Our planner in the larger room."""
    return replace(config.planning, stride=config.planning.stride * LARGER_STRIDE, draw="stratified")


STUDY = Study(
    name="exp3",
    summary="Train models that predict, that collapse and that are stable, and see how each plans.",
    Config=Config,
    metrics=METRICS,
    arms=arms_by_name(
        METRICS,
        (*MODELS, "tame_exact", "larger_room", "random_actions"),
        final_distance_start_report_planner="reconstruction",
    ),
    measure=measure,
    extras=("walks",),
    starts=lambda config: (
        recorded_starts(config.env, config.layout_seed, planning=config.planning, some=_some(config))
        | recorded_starts(LARGER_ROOM, config.layout_seed, larger_room=_in_larger_room(config))
    ),
)


def distance_variation(z: Tensor) -> float:
    """Standard deviation of the latent distances between states, over their mean.

    The latents have shape ``(N, D)``. The ratio is 0 if all states are equidistant, as one-hot vectors are, about
    ``(2 D)^-1/2`` for independent normal coordinates, and ``nan`` if all latents are the same point.
    """
    distances = torch.pdist(z.double())
    return float(distances.std(correction=0) / distances.mean())


@torch.no_grad()
def decoding_accuracy(model: WorldModel, world: Gridworld) -> float:
    """Fraction of predictions that decode exactly to the next observation.

    The predictions are for all pairs of a state and an action. Every count of the observation (see
    :class:`helm_tutorial.worlds.observation.View`) must round to the right one.
    """
    z, count = diagnosis.latents(model, world), model.num_actions
    actions = one_hot_actions(torch.arange(count), count)
    decoded = world.view.restore(model.decode(model(z.repeat_interleave(count, dim=0), actions.repeat(len(z), 1))))
    true = world.view.restore(world.features[world.transitions.reshape(-1)])
    return float((decoded.round() == true.round()).all(dim=1).float().mean())


def _diagnosed(
    name: str, model: WorldModel, world: Gridworld, settings: LatentPrediction, seed: int
) -> dict[str, float]:
    """Measure a model without planning."""
    geodesic, to_goal = geodesic_distances(world), goal_distances(world)
    z = diagnosis.latents(model, world)
    before = diagnosis.spread(diagnosis.latents(baselines.untrained(world, settings, seed), world))
    values = {
        f"prediction_accuracy_{name}": diagnosis.prediction_accuracy(model, world),
        f"rollout_accuracy_{name}_T12": diagnosis.rollout_accuracy(model, world, 12, seed),
        f"latent_spread_{name}": diagnosis.spread(z) / before,
        f"effective_rank_{name}": diagnosis.effective_rank(z),
        f"distance_variation_{name}": distance_variation(z),
        f"metric_correlation_{name}": diagnosis.metric_correlation(z, geodesic),
        f"descent_share_{name}": diagnosis.descent_share(z, world),
        f"greedy_accuracy_{name}": diagnosis.greedy_accuracy(z, world, to_goal),
        f"rollout_jacobian_{name}_T25": learned_rollout_jacobian(world, model, 25, seed),
    }
    if name in AUTOENCODERS:
        values[f"decoding_accuracy_{name}"] = decoding_accuracy(model, world)
    return values
