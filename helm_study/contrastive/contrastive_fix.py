"""Experiment 4: the latents are trained by InfoNCE, all else as in experiment 3.

The world, planner and budget are the same. The report says: stuck at distance 7.0 becomes 0.0, and 0 % becomes 100 %.
Four models are measured: the loss as it is printed there (positives one step ahead), at two temperatures; positives
further ahead, in the package's form and in the few lines that the chapter writes out; and the book's model, whose
distance has a direction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, partial

from helm_study.contrastive.lesson import lesson_planner, trained_lesson
from helm_study.fast.contrastive import train_contrastive
from helm_study.metric import Metric
from helm_study.play import (
    Planning,
    cross_entropy_planner,
    from_own_start,
    gradient_planner,
    greedy_planner,
    learned_rollout_jacobian,
    open_loop_planner,
    path_ratio,
    play,
    recorded_starts,
    report_planner,
    shooting_planner,
    shown_walks,
)
from helm_study.study import SeedArms, Study, Tell, Values, arms_by_name, each_seed
from helm_tutorial import diagnosis
from helm_tutorial._check import require_choice, require_count
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.planning.episodes import Episodes, success_rate
from helm_tutorial.worlds.gridworld import geodesic_distances, goal_distances, load_gridworld
from helm_tutorial.worlds.observation import KINDS

VARIANTS = {
    "straight_through": {"relaxation": "straight-through"},
    "annealed": {"relaxation": "annealed"},
    "gumbel": {"relaxation": "gumbel"},
    "terminal": {"over": "terminal"},
    "closest": {"over": "closest"},
}
"""Changes of the planner, one at a time."""

COLD = 0.05
"""Temperature at which the printed loss does best, of the five that the study ``ablation`` tries."""

HORIZONS = (3, 5, 12)
"""Horizons with which our planner uses the lesson's model, as in experiment 3 the exact and tame one."""


@dataclass(frozen=True)
class Config:
    """Settings of experiment 4.

    Attributes:
        env: the MiniGrid environment.
        layout_seed: seed of its layout.
        observation: observation of the book's model; the other two see cells, as experiment 3's models do.
        training: settings of the model with one encoder. The book's model uses their
            :meth:`~helm_tutorial.models.settings.Contrastive.directed`, and the printed loss sets ``gamma`` to 0.
        planning: settings of the planner, the same as in experiment 3.
        variants_stride: further factor on ``planning.stride`` for variants of the planner; these starts are drawn by
            :func:`helm_study.starts.stratified`.
    """

    env: str = "MiniGrid-Empty-8x8-v0"
    layout_seed: int = 0
    observation: str = "profiles"
    training: Contrastive = field(default_factory=Contrastive)
    planning: Planning = field(default_factory=Planning)
    variants_stride: int = 4

    def __post_init__(self) -> None:
        require_count("variants_stride", self.variants_stride)
        require_choice("observation", self.observation, KINDS)

    @classmethod
    def quick(cls, env: str = "MiniGrid-Empty-8x8-v0") -> Config:
        """Return a small configuration that only shows that the study runs.

        One seed takes about twenty seconds (fewer updates, every tenth start). The results mean nothing.
        """
        planning = Planning(stride=10, restarts=4, steps=20)
        return cls(env=env, training=Contrastive(updates=400), planning=planning)


METRICS = {
    "success_contrastive": Metric("fraction", "starts from which the book's model's plans arrive", 1.0),
    "success_start_contrastive": Metric("fraction", "from the environment's own start", 1.0),
    "final_distance_start_contrastive": Metric("cells", "distance to the goal at the end, own start", 0.0),
    "path_ratio_contrastive": Metric("ratio", "steps over geodesic distance, where it arrives"),
    "success_open_loop_contrastive": Metric("fraction", "our planner planning once (open loop)"),
    "path_ratio_open_loop_contrastive": Metric("ratio", "steps over geodesic distance, where it arrives, open loop"),
    "success_report_planner_contrastive": Metric(
        "fraction", "planner as in the report (one open-loop plan, last latent)", 1.0
    ),
    "success_search_contrastive": Metric("fraction", "random plans, as many model calls, no gradient"),
    "path_ratio_search_contrastive": Metric("ratio", "the same: steps over geodesic distance"),
    "success_cross_entropy_contrastive": Metric("fraction", "cross-entropy method, as many model calls, some starts"),
    "path_ratio_cross_entropy_contrastive": Metric("ratio", "the same: steps over geodesic distance"),
    "success_greedy_contrastive": Metric("fraction", "one imagined step, three model calls"),
    "path_ratio_greedy_contrastive": Metric("ratio", "the same: steps over geodesic distance"),
    **{
        f"{measure}_{name}_contrastive": Metric(unit, f"{meaning}, some starts")
        for name, meaning in {
            "straight_through": "straight-through gradient",
            "annealed": "annealed softmax",
            "gumbel": "Gumbel-softmax",
            "terminal": "cost of the last step only",
            "closest": "cost of the closest approach so far",
        }.items()
        for measure, unit in {"success": "fraction", "path_ratio": "ratio"}.items()
    },
    "metric_correlation_contrastive": Metric("correlation", "rank correlation of latent and geodesic distance"),
    "metric_correlation_bound": Metric("correlation", "the highest that a distance alike both ways can have"),
    "greedy_accuracy_contrastive": Metric("fraction", "best-looking first action is on a shortest path"),
    "prediction_accuracy_contrastive": Metric("fraction", "predicted latent nearest to the true next state's"),
    "rollout_accuracy_contrastive_T12": Metric("fraction", "the same after twelve imagined steps"),
    "rollout_jacobian_contrastive_T25": Metric("norm", "state Jacobian of 25 imagined steps"),
    "success_one_encoder": Metric("fraction", "one encoder, cosines, positives five steps ahead"),
    "success_start_one_encoder": Metric("fraction", "the same, from the environment's own start", 1.0),
    "final_distance_start_one_encoder": Metric("cells", "distance to the goal at the end, own start", 0.0),
    "success_open_loop_one_encoder": Metric("fraction", "the same, planning once (open loop)"),
    "success_report_planner_one_encoder": Metric("fraction", "the same, planner as in the report", 1.0),
    "success_search_one_encoder": Metric("fraction", "the same, random plans, as many model calls"),
    "path_ratio_one_encoder": Metric("ratio", "steps over geodesic distance, where it arrives"),
    "path_ratio_search_one_encoder": Metric("ratio", "the same without gradient"),
    "metric_correlation_one_encoder": Metric("correlation", "rank correlation of latent and geodesic distance"),
    "greedy_accuracy_one_encoder": Metric("fraction", "best-looking first action is on a shortest path"),
    "prediction_accuracy_one_encoder": Metric("fraction", "predicted latent nearest to the true next state's"),
    "rollout_jacobian_one_encoder_T25": Metric("norm", "state Jacobian of 25 imagined steps"),
    "success_printed_loss": Metric("fraction", "the printed loss (positives one step ahead)", 1.0),
    "metric_correlation_printed_loss": Metric("correlation", "the same with the printed loss"),
    "greedy_accuracy_printed_loss": Metric("fraction", "best-looking first action is on a shortest path"),
    "prediction_accuracy_printed_loss": Metric("fraction", "predicted latent nearest to the true next state's"),
    "success_printed_loss_cold": Metric("fraction", f"the printed loss at temperature {COLD}", 1.0),
    "metric_correlation_printed_loss_cold": Metric("correlation", "rank correlation of latent and geodesic distance"),
    "greedy_accuracy_printed_loss_cold": Metric("fraction", "best-looking first action is on a shortest path"),
    "prediction_accuracy_printed_loss_cold": Metric("fraction", "predicted latent nearest to the true next state's"),
    **{
        f"rollout_accuracy_{model}_T12": Metric("fraction", f"the same after twelve imagined steps, {words}")
        for model, words in {
            "one_encoder": "one encoder",
            "printed_loss": "the printed loss",
            "printed_loss_cold": f"the printed loss at temperature {COLD}",
            "lesson": "the lesson's model",
        }.items()
    },
    "success_lesson": Metric("fraction", "the model and the planner that chapter 4 writes out, all starts", 1.0),
    "success_start_lesson": Metric("fraction", "the same, from the environment's own start", 1.0),
    "final_distance_start_lesson": Metric("cells", "distance to the goal at the end, own start", 0.0),
    "path_ratio_lesson": Metric("ratio", "steps over geodesic distance, where it arrives"),
    "metric_correlation_lesson": Metric("correlation", "rank correlation of latent and geodesic distance"),
    "greedy_accuracy_lesson": Metric("fraction", "best-looking first action is on a shortest path"),
    "prediction_accuracy_lesson": Metric("fraction", "predicted latent nearest to the true next state's"),
    "rollout_jacobian_lesson_T25": Metric("norm", "state Jacobian of 25 imagined steps"),
    **{
        f"success_lesson_T{steps}": Metric("fraction", f"the lesson's model, our planner, plans of {steps} steps")
        for steps in HORIZONS
    },
}


@each_seed
def measure(config: Config, seed: int, tell: Tell) -> SeedArms:
    """Return the arms of one seed: each model, and each other planner.

    The three models use our planner. Each other planner uses one of the models.
    """
    seen = load_gridworld(config.env, layout_seed=config.layout_seed, observation=config.observation)
    world = load_gridworld(config.env, layout_seed=config.layout_seed)
    geodesic, to_goal = geodesic_distances(world), goal_distances(world)
    trainings = {
        "contrastive": (seen, config.training.directed()),
        "one_encoder": (world, config.training),
        "printed_loss": (world, replace(config.training, gamma=0.0)),
        "printed_loss_cold": (world, replace(config.training, gamma=0.0, temperature=COLD)),
    }

    @cache
    def trained(model: str) -> WorldModel:
        tell("training", 0.0)
        return train_contrastive(*trainings[model], seed)

    def played(
        name: str, model: str, planning: Planning, make: Callable = gradient_planner
    ) -> tuple[dict[str, float], Episodes]:
        brain = trained(model)
        tell("planning", 0.5)
        episodes = play(trainings[model][0], brain, make(planning), planning, seed)
        values = {f"success_{name}": success_rate(episodes), f"path_ratio_{name}": path_ratio(episodes, to_goal)}
        return values, episodes

    def of_model(name: str) -> dict[str, float]:
        values, episodes = played(name, name, config.planning)
        success, distance = from_own_start(world, episodes)
        model, where = trained(name), trainings[name][0]
        z, goals = diagnosis.latents(model, where), diagnosis.goal_latents(model, where)
        values |= {
            f"success_start_{name}": float(success),
            f"final_distance_start_{name}": distance,
            f"metric_correlation_{name}": diagnosis.metric_correlation(z, geodesic, goals=goals),
            f"greedy_accuracy_{name}": diagnosis.greedy_accuracy(z, where, to_goal, goals=goals),
            f"prediction_accuracy_{name}": diagnosis.prediction_accuracy(model, where),
            f"rollout_jacobian_{name}_T25": learned_rollout_jacobian(where, model, 25, seed),
        }
        return values | {f"rollout_accuracy_{name}_T12": diagnosis.rollout_accuracy(model, where, 12, seed)}

    def of_lesson() -> Values:
        tell("training", 0.0)
        model = trained_lesson(world, seed, updates=config.training.updates)
        tell("planning", 0.4)
        episodes = play(world, model, lesson_planner, config.planning, seed)
        success, distance = from_own_start(world, episodes)
        z = diagnosis.latents(model, world)
        values: Values = {
            "success_lesson": success_rate(episodes),
            "success_start_lesson": float(success),
            "final_distance_start_lesson": distance,
            "path_ratio_lesson": path_ratio(episodes, to_goal),
            "metric_correlation_lesson": diagnosis.metric_correlation(z, geodesic),
            "greedy_accuracy_lesson": diagnosis.greedy_accuracy(z, world, to_goal),
            "prediction_accuracy_lesson": diagnosis.prediction_accuracy(model, world),
            "rollout_accuracy_lesson_T12": diagnosis.rollout_accuracy(model, world, 12, seed),
            "rollout_jacobian_lesson_T25": learned_rollout_jacobian(world, model, 25, seed),
        }
        walks: dict[str, list[list[int]]] = {}
        for steps in HORIZONS:
            planning = replace(config.planning, horizon=steps)
            episodes = play(world, model, gradient_planner(planning), planning, seed)
            values[f"success_lesson_T{steps}"] = success_rate(episodes)
            walks[str(steps)] = shown_walks(world, episodes)
        return values | {"walks": {"lesson": walks}}

    def of_planner(name: str) -> dict[str, float]:
        return played(name, *planners[name])[0]

    planners = _planners(config)
    return {
        **{model: partial(of_model, model) for model in trainings},
        **{name: partial(of_planner, name) for name in planners},
        "lesson": of_lesson,
        "bound": lambda: {"metric_correlation_bound": diagnosis.symmetric_bound(geodesic)},
    }


def _some(config: Config) -> Planning:
    """Our planner, with the fewer starts that variants are run from."""
    return replace(config.planning, stride=config.planning.stride * config.variants_stride, draw="stratified")


def _planners(config: Config) -> dict[str, tuple[str, Planning, Callable]]:
    """Return other planners by the name of their metrics.

    Each has a model, settings, and a function that builds the planner from them.
    """
    ours, some = config.planning, _some(config)
    both = ("contrastive", "one_encoder")
    return {
        **{f"open_loop_{model}": (model, open_loop_planner(ours), gradient_planner) for model in both},
        **{f"report_planner_{model}": (model, report_planner(ours), gradient_planner) for model in both},
        **{f"search_{model}": (model, ours, shooting_planner) for model in both},
        "greedy_contrastive": ("contrastive", ours, greedy_planner),
        "cross_entropy_contrastive": ("contrastive", some, cross_entropy_planner),
        **{
            f"{name}_contrastive": ("contrastive", replace(some, **changed), gradient_planner)
            for name, changed in VARIANTS.items()
        },
    }


STUDY = Study(
    name="exp4",
    summary="Train the latents by InfoNCE and plan with them, as experiment 3 does with other losses.",
    Config=Config,
    metrics=METRICS,
    arms=arms_by_name(
        METRICS,
        ("contrastive", "one_encoder", "printed_loss", "printed_loss_cold", *_planners(Config()), "lesson", "bound"),
    ),
    measure=measure,
    extras=("walks",),
    starts=lambda config: recorded_starts(config.env, config.layout_seed, planning=config.planning, some=_some(config)),
)
