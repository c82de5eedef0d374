"""What the working tree computes, probe by probe: a copy of ``first.py`` that follows the API as it changes.

    python tools/guard/now.py --out FILE [--only NAME ...]    the results, written with torch.save
    python tools/guard/now.py --list                          the probes' names

Run by ``python tools/guard`` with PYTHONPATH set to the working tree. Names of probes, and of what they find, stay
those of ``first.py``: where something is renamed in the package, the import or the call changes here, nothing else.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import field, fields, is_dataclass, make_dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

import torch
from torch import Tensor, nn

import helm_tutorial
from helm_book.figures.funnel_paths import coverages, descend_each, resample
from helm_book.figures.watched_episode import jumps, watch_episode
from helm_study import play as gridworld_planning
from helm_study import records, reproduce
from helm_study.cliff import cliff_planning, spectral_cliff
from helm_study.cliff.remedies import backward_tasks, plan_adam, plan_coarse_to_fine, plan_lifted_descent
from helm_study.contrastive import contrastive_ablation, contrastive_fix, latent_map
from helm_study.directed import contrastive_steps, other_worlds, pixels
from helm_study.directed.pictures import PictureEncoder
from helm_study.fast import baselines, contrastive
from helm_study.fast.losses import count_pairs, info_nce_of_pairs
from helm_study.flat import NAMES, TRAINING, flat
from helm_study.forms import imagined_errors, regularity_forms
from helm_study.funnel import funnel_dissected, funnel_measures, mollified_funnel
from helm_study.funnel.box_filter import box_optimum
from helm_study.funnel.continuation import ball_curvature, coarse_width, derived_schedule, polished, tracking_margin
from helm_study.intervals import t_interval, t_quantile
from helm_study.metric import interval_over_seeds
from helm_study.pillars import continuous_pillars, expansive_play, two_pillars
from helm_study.pillars.expansive import ContinuousWorld, expansive_world, fewest_steps, solvable_starts
from helm_study.play import Planning
from helm_study.registry import STUDIES
from helm_study.rivals import many_controls, swaps
from helm_study.stability import stability_alone
from helm_study.stacked.contrastive import train_contrastive_stacked
from helm_study.stacked.energies import fit_stacked
from helm_study.stacked.world_models import StackedWorldModels
from helm_tutorial import diagnosis
from helm_tutorial.cliff.closed_forms import (
    action_jacobian,
    action_jacobian_norms,
    critical_weight,
    lyapunov_limit,
    relative_distance,
    report_optimum,
    ridge_optimum,
    state_jacobian_singular_values,
    transient_growth,
)
from helm_tutorial.cliff.conditioning import (
    action_condition,
    action_condition_bound,
    lifted_condition,
    lifted_condition_bound,
)
from helm_tutorial.cliff.descent import plan_descent, plan_gauss_newton
from helm_tutorial.cliff.linear_system import LinearSystem, expansive_system, spectral_radius
from helm_tutorial.cliff.lqr import lqr_gain, plan_feedback, simulate
from helm_tutorial.cliff.multiple_shooting import lifted_constraint, plan_multiple_shooting
from helm_tutorial.cliff.penalties import (
    backward_passes,
    hutchinson_variance,
    spectral_penalty,
    spectral_penalty_report,
)
from helm_tutorial.diagnosis import rank_correlation, ranks
from helm_tutorial.funnel.descent import arrived, basin_coverage, descend, descend_coarse_to_fine, start_grid
from helm_tutorial.funnel.invariance import bounded_bowl_slope, energy_network, invariance_loss
from helm_tutorial.funnel.landscape import (
    convexity_width,
    funnel_weight,
    funnel_width,
    gaussian_factor,
    invariance_optimum,
    invariant_factor,
    mollify,
    report_energy,
)
from helm_tutorial.jacobian import leaves, rollout_jacobian, step_jacobian
from helm_tutorial.models import losses
from helm_tutorial.models.fit import fit
from helm_tutorial.models.regularity import bounded_gradient, penalised_gain, regularity_loss, squared_growth
from helm_tutorial.models.settings import Contrastive, LatentPrediction, Reconstruction, VarianceCovariance
from helm_tutorial.models.world_model import WorldModel, initialise, one_hot_actions
from helm_tutorial.planning.episodes import Episodes, success_rate
from helm_tutorial.planning.gradient import GradientPlanner, Iterate, relax
from helm_tutorial.planning.local_search import LocalSearchPlanner, swap_changes
from helm_tutorial.planning.plan import Plan, score
from helm_tutorial.planning.search import CrossEntropyPlanner, ExhaustivePlanner, MPPIPlanner, RandomShootingPlanner
from helm_tutorial.rollouts import rollout
from helm_tutorial.worlds.gridworld import Gridworld, geodesic_distances, goal_distances, load_gridworld

PROBES: dict[str, Callable[[], dict]] = {}
UPDATES = 50
FEW = {"updates": UPDATES, "autoencoder_updates": UPDATES, "dynamics_updates": UPDATES}
ROOM = "MiniGrid-Empty-8x8-v0"


def probe(name: str) -> Callable:
    """Register a probe by name."""

    def keep(function: Callable[[], dict]) -> Callable[[], dict]:
        assert name not in PROBES, name
        PROBES[name] = function
        return function

    return keep


# The first state had one flat set of settings for all recipes: its probes are kept as they are, and translated here.
Training = make_dataclass(
    "Training", [(key, object, field(default=value)) for key, value in TRAINING.items()], frozen=True
)


def recipe(kind: type, training: Training, **more: object):
    """The settings of one recipe."""
    names = {part.name: NAMES.get(part.name, part.name) for part in fields(kind)}
    return kind(**{name: getattr(training, key) for name, key in names.items() if key in TRAINING}, **more)


def changed(training: Training, settings: Contrastive) -> Training:
    """The flat settings with what a recipe says."""
    return replace(training, **{NAMES.get(f.name, f.name): getattr(settings, f.name) for f in fields(settings)})


def directed(training: Training) -> Training:
    """Chapter 5's."""
    return changed(training, recipe(Contrastive, training).directed())


def as_printed(training: Training) -> Training:
    """The report's printed loss."""
    return changed(training, recipe(Contrastive, training).as_printed())


def training_of(config) -> Training:
    """A study's settings, flat."""
    return Training(**flat(config)["training"])


def pictured(world, training: Training) -> dict:
    """The encoder of a world of pictures."""
    pictures = isinstance(world, Gridworld) and world.features.ndim == 4
    return {"encoder": PictureEncoder.of(world, recipe(Contrastive, training))} if pictures else {}


def train_contrastive(world, training, seed, **options) -> WorldModel:
    """The fast recipe."""
    options |= pictured(world, training)
    return contrastive.train_contrastive(world, recipe(Contrastive, training), seed, **options)


def train_reconstruction(world, training, seed, **options) -> WorldModel:
    """The fast recipe."""
    return baselines.train_reconstruction(world, recipe(Reconstruction, training), seed, **options)


def train_latent_prediction(world, training, seed, stop_gradient=True, **options) -> WorldModel:
    """The fast recipe."""
    settings = recipe(LatentPrediction, training, stop_gradient=stop_gradient)
    return baselines.train_latent_prediction(world, settings, seed, **pictured(world, training), **options)


def train_variance_covariance(world, training, seed, **options) -> WorldModel:
    """The fast recipe."""
    options |= pictured(world, training)
    return baselines.train_variance_covariance(world, recipe(VarianceCovariance, training), seed, **options)


def untrained(world, training, seed) -> WorldModel:
    """What latent prediction begins with."""
    return baselines.untrained(world, recipe(LatentPrediction, training), seed)


def generator(seed: int = 0) -> torch.Generator:
    """A source of randomness."""
    return torch.Generator().manual_seed(seed)


def told(thing) -> dict:
    """Everything that a dataclass says, by its fields."""
    assert is_dataclass(thing), thing
    return {part.name: getattr(thing, part.name) for part in fields(thing)}


def weights(module: nn.Module) -> dict[str, Tensor]:
    """A copy of all weights and buffers."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


class Losses(list):
    """Collect what a training tells of its progress."""

    def __call__(self, step: int, steps: int, loss: float) -> None:
        self.append([step, steps, loss])


def trained(train: Callable[..., nn.Module], *arguments, **options) -> dict:
    """Weights and losses of one training."""
    heard = Losses()
    model = train(*arguments, **options, progress=heard)
    return {"weights": weights(model), "losses": list(heard)}


# What several probes share.


@functools.cache
def room(observation: str = "cells") -> Gridworld:
    """The smallest world of the book."""
    return load_gridworld(ROOM, observation=observation)


@functools.cache
def plane() -> ContinuousWorld:
    """The continuous, expansive world."""
    return expansive_world()


@functools.cache
def drawn_model(*, goal_encoder: bool = False) -> WorldModel:
    """An untrained model on the sphere."""
    options = {"latent": 12, "hidden": 48, "sphere": True, "goal_encoder": goal_encoder, "rescale": goal_encoder}
    return WorldModel(room().features.shape[1], 3, **options, generator=generator(3)).eval()


@functools.cache
def taught_model(observation: str = "cells") -> WorldModel:
    """A model that knows a little of the room, so that some episodes arrive."""
    training = replace(directed(Training(updates=500, batch=192)), walks=500, walk_length=50)
    return train_contrastive(room(observation), training, 0)


@functools.cache
def plane_model() -> WorldModel:
    """The same of the continuous world."""
    return train_contrastive(plane(), Training(walks=200, walk_length=12, updates=100, batch=128), 0)


@functools.cache
def system(actions: int = 2, coupling: float = 0.0) -> LinearSystem:
    """A linear system as the report's."""
    return expansive_system(generator(5), num_actions=actions, coupling=coupling)


def latent_problem(starts: int = 5) -> tuple[WorldModel, Tensor, Tensor]:
    """A model, latents to plan from, and the goal's."""
    model, world = drawn_model(), room()
    with torch.no_grad():
        z0 = model.encode(world.features[world.starts[:: len(world.starts) // starts]][:starts])
        return model, z0, model.encode_goal(world.features[world.goals])


def one_step_problem() -> tuple[WorldModel, Tensor, Tensor]:
    """A model, latents and actions of one step."""
    model, world = drawn_model(), room()
    with torch.no_grad():
        z = model.encode(world.features[::9])
    return model, z, one_hot_actions(torch.randint(3, (len(z),), generator=generator(7)), 3)


# Trainings: the seven that tests/recorded_trainings.py records, begun as schedules of few updates.


def few(training: Training, **changes) -> Training:
    """The same training with few updates."""
    return replace(training, **FEW, **changes)


def small(**changes) -> Training:
    """A training on little data."""
    return Training(walks=200, walk_length=40, **FEW, **changes)


def brief(config):
    """A study of both pillars with few updates."""
    few_updates = {"autoencoder_updates": UPDATES, "dynamics_updates": UPDATES}
    return replace(
        config,
        reconstruction=replace(config.reconstruction, **few_updates),
        contrastive=replace(config.contrastive, updates=UPDATES),
    )


@probe("recorded/exp3")
def _() -> dict:
    config = stability_alone.Config()
    training = few(training_of(config), spectral_weight=config.spectral_weight)
    return trained(train_reconstruction, room("profiles"), training, 0)


@probe("recorded/pixels")
def _() -> dict:
    return trained(train_contrastive, room("pixels"), directed(few(training_of(pixels.Config()))), 0)


@probe("recorded/forms")
def _() -> dict:
    training = replace(training_of(regularity_forms.Config()), **regularity_forms.TRAININGS["hinge_0.03"])
    return trained(train_contrastive, room(), few(training), 0)


@probe("recorded/pillars")
def _() -> dict:
    config = brief(two_pillars.Config())
    return {cell: trained(two_pillars.train_cell, room(), config, cell, 0) for cell in ("both", "spectral")}


@probe("recorded/continuous")
def _() -> dict:
    config = continuous_pillars.Config()
    config = brief(config)
    world = continuous_pillars.build_world(config)
    return {cell: trained(continuous_pillars.train_cell, world, config, cell, 0) for cell in two_pillars.CELLS}


@probe("recorded/exp4")
def _() -> dict:
    return trained(train_contrastive, room("profiles"), directed(few(training_of(contrastive_fix.Config()))), 0)


@probe("recorded/worlds")
def _() -> dict:
    config = other_worlds.Config()
    world = load_gridworld(other_worlds.WORLDS["crossing"], observation=config.observation)
    return trained(train_contrastive, world, directed(few(training_of(config))), 0)


CONTRASTIVE = {
    "plain": {},
    "negatives": {"negatives": 16},
    "distance": {"similarity": "distance", "both_ways": True},
    "no_sphere": {"sphere": False},
    "one_step": {"gamma": 0.0},
    "wide_gamma": {"gamma": None},
    "goal_encoder": {"goal_encoder": True, "rescale": True},
    "tangent": {"tangent": True},
    "multistep": {"prediction_steps": 4, "prediction_weight": 2.0},
    "small_batch": {"batch": 48},
    "small_batch_distance": {"batch": 48, "similarity": "distance", "goal_encoder": True, "prediction_steps": 3},
    **{form: {"spectral_weight": 0.01, "spectral_form": form} for form in ("square", "hinge", "rollout")},
    "tangent_hinge": {"spectral_weight": 0.01, "spectral_form": "hinge", "tangent": True},
}


def contrasted(observation: str) -> dict:
    """Every choice of the contrastive recipe, and the printed one."""
    world = room(observation)
    found = {name: trained(train_contrastive, world, small(**change), 1) for name, change in CONTRASTIVE.items()}
    return found | {"as_printed": trained(train_contrastive, world, as_printed(small()), 1)}


for kind in ("cells", "profiles"):
    PROBES[f"train/contrastive_{kind}"] = functools.partial(contrasted, kind)


def compared(observation: str) -> dict:
    """Every recipe that the contrastive one is compared with."""
    world, found = room(observation), {}
    for name, training in {
        "plain": small(),
        "spectral": small(spectral_weight=0.01),
        "small_batch": small(batch=48),
    }.items():
        found[f"reconstruction_{name}"] = trained(train_reconstruction, world, training, 1)
        found[f"stopped_{name}"] = trained(train_latent_prediction, world, training, 1)
        found[f"unstopped_{name}"] = trained(train_latent_prediction, world, training, 1, stop_gradient=False)
        found[f"variance_covariance_{name}"] = trained(train_variance_covariance, world, training, 1)
    return found | {"untrained": weights(untrained(world, small(), 1))}


for kind in ("cells", "profiles"):
    PROBES[f"train/compared_{kind}"] = functools.partial(compared, kind)


@probe("train/pixels")
def _() -> dict:
    world, training = room("pixels"), Training(walks=50, walk_length=20, batch=64, **FEW)
    own = replace(directed(training), walks=50, walk_length=20)
    return {
        "plain": trained(train_contrastive, world, training, 2),
        "directed": trained(train_contrastive, world, own, 2),
        "latent_prediction": trained(train_latent_prediction, world, training, 2),
        "variance_covariance": trained(train_variance_covariance, world, training, 2),
    }


@probe("train/continuous")
def _() -> dict:
    training, world = Training(walks=200, walk_length=12, **FEW), plane()
    own = replace(directed(training), walks=200, walk_length=12)
    return {
        "plain": trained(train_contrastive, world, training, 2),
        "directed": trained(train_contrastive, world, own, 2),
        "reconstruction": trained(train_reconstruction, world, training, 2),
        "latent_prediction": trained(train_latent_prediction, world, training, 2),
        "variance_covariance": trained(train_variance_covariance, world, training, 2),
    }


@probe("train/picture_encoder")
def _() -> dict:
    options = {"latent": 6, "hidden": 24, "sphere": True, "goal_encoder": True, "generator": generator(1)}
    model = WorldModel(None, 3, encoder=PictureEncoder((3, 43, 66), 24, 6), **options)
    encoder = PictureEncoder((3, 43, 66), 24, 7, channels=5, cell=6)
    initialise(encoder, generator(3))
    pictures = torch.rand(2, 4, 3, 43, 66, generator=generator(2))
    return {
        "weights": [weights(model), weights(encoder)],
        "latents": [model.encode(pictures), model.encode_goal(pictures), encoder(pictures)],
    }


@probe("train/stacked")
def _() -> dict:
    found = {}
    for name, change in {"plain": {}, "one_step": {"gamma": 0.0}, "short": {"walks": 12, "walk_length": 12}}.items():
        for kind in ("cells", "profiles"):
            heard, seen = Losses(), []

            def watch(step: int, seed: int, model: WorldModel, seen: list = seen) -> None:
                seen.append(diagnosis.latents(model, room())[::40].clone())

            if kind == "profiles":
                watch = None
            training = replace(small(), **change)
            models = train_contrastive_stacked(
                room(kind),
                recipe(Contrastive, training),
                (0, 4, 2),
                progress=heard,
                watch=watch,
                watch_at=(0, 20, UPDATES),
            )
            found[f"{name}_{kind}"] = {"weights": [weights(model) for model in models], "losses": list(heard)}
            found[f"{name}_{kind}"] |= {"watched": seen}
    return found


@probe("train/stacked_alone")
def _() -> dict:
    (model,) = train_contrastive_stacked(room(), recipe(Contrastive, small(temperature=0.3)), [7])
    return {"weights": weights(model)}


@probe("train/stacked_gradient")
def _() -> dict:
    world, draw = room("profiles"), generator(4)
    options = {"latent": 12, "hidden": 48, "sphere": True}
    models = [WorldModel(world.features.shape[1], 3, **options, generator=draw) for _ in range(3)]
    stacked = StackedWorldModels(models, world, temperature=0.2, weight=0.7)
    pairs = torch.randint(0, 2, (3, world.num_states, world.num_states), generator=draw).float()
    taken = torch.randint(0, 3, (3, world.num_states, 3), generator=draw).float()
    found = stacked.gradient(pairs, taken)
    return {"losses": found, "gradients": [tensor.grad.clone() for tensor in stacked.parameters()]}


@probe("fit/stacked_energies")
def _() -> dict:
    found = {}
    for name, seeds, options in (
        ("plain", (0, 1, 2), {}),
        ("invariant", (0, 1, 2), {"sigma": 0.2, "weight": 23.0}),
        ("alone", (5,), {"sigma": 0.5, "weight": 5.0}),
    ):
        sources = [generator(seed) for seed in seeds]
        networks = [energy_network(own, width=64) for own in sources]
        heard = Losses()
        sizes = {"dimension": 2, "half_width": 3.0, "steps": UPDATES + 10, "batch": 64}
        last = fit_stacked(networks, report_energy(), sources, **sizes, **options, progress=heard)
        found[name] = {"last": last, "weights": [weights(each) for each in networks], "losses": list(heard)}
    return found


@probe("fit/energies_of_experiment")
def _() -> dict:
    config = replace(mollified_funnel.Config.quick(), steps=UPDATES)
    one = mollified_funnel.fit_energy(report_energy(), config, generator(3), sigma=0.2, weight=23.0)
    rough = energy_network(generator(6), width=32)
    funnel_dissected.roughen(rough, report_energy(), 3.0)
    return {"one": weights(one), "kept": list(funnel_dissected.kept(one)), "rough": weights(rough)}


@probe("fit/energy")
def _() -> dict:
    found = {}
    for weight in (0.0, 5.0):
        draw, energy = generator(1), report_energy()
        network = energy_network(draw, width=64)

        def loss(draw=draw, network=network, energy=energy, weight=weight) -> Tensor:
            a = 6.0 * torch.rand(128, 2, generator=draw) - 3.0
            return invariance_loss(network, a, energy(a), draw, sigma=0.5, weight=weight)

        history = fit(network, loss, steps=UPDATES, lr=2e-3, decay=weight > 0)
        found[f"weight_{weight:g}"] = {"weights": weights(network), "history": history}
    return found


@probe("fit/spectral_cliff")
def _() -> dict:
    config = replace(spectral_cliff.Config.quick(), steps=UPDATES, relu_steps=UPDATES)
    found, draw, true = {}, generator(0), system()
    drawn = spectral_cliff.draw_transitions(true, draw, samples=300)
    z, a = (part.double() for part in drawn)
    rounded = LinearSystem(true.W.float(), true.B.float())
    z0, actions = torch.randn(1, 4, generator=draw), torch.randn(1, 20, 2, generator=draw)
    for name, penalty in {
        "none": None,
        "exact": spectral_penalty,
        "report": spectral_penalty_report,
    }.items():
        linear = spectral_cliff.fit_linear(true, z, a, config, penalty=penalty)
        relu = spectral_cliff.fit_relu(rounded, *drawn, config, draw, penalty=penalty)
        norm = spectral_cliff.summed_gradient_norm(relu, z0, actions)
        found[name] = {"W": linear.W, "B": linear.B, "relu": weights(relu), "norm": norm}
    return found


@probe("fit/adam")
def _() -> dict:
    found = {}
    for fused in (False, True):
        x = torch.randn(4, 5, generator=generator(2), dtype=torch.float64).requires_grad_(True)
        y = torch.ones(3, requires_grad=True)
        optimizer = torch.optim.Adam([x, y], lr=0.1, fused=fused)
        for step in range(20):
            optimizer.zero_grad()
            optimizer.param_groups[0]["lr"] = 0.1 / (1 + step)
            (1e-5 * x.sin().sum() + (y.square().sum() if step > 3 else 0.0)).backward()
            optimizer.step()
        found["fused" if fused else "plain"] = [x.detach(), y.detach()]
    return found


# Plans.


def planned(plan: Plan) -> dict:
    """What a plan for discrete actions says, as the first state says it."""
    relaxed = plan.cost if plan.relaxed_cost is None else plan.relaxed_cost
    return {"actions": plan.actions, "cost": plan.cost, "relaxed_cost": relaxed, "model_calls": plan.model_calls}


def discrete(planner: Callable, *, kept: bool = False, starts: int = 5, horizon: int = 6, **options) -> dict:
    """One plan for each of a few starts, over each cost."""
    model, z0, goal = latent_problem(starts)
    found = {}
    left = torch.randint(3, (len(z0), horizon - 1), generator=generator(11)) if kept else None
    for over, cost in gridworld_planning.COSTS.items():
        made = planner(horizon=horizon, num_actions=3, cost=cost, **options)
        found[over] = planned(made(model, z0, goal, generator=generator(12), warm_start=left))
    return found


for name in ("softmax", "straight-through", "annealed", "gumbel"):
    for kept in (False, True):
        PROBES[f"plan/gradient_{name}{'_kept' if kept else ''}"] = functools.partial(
            discrete, GradientPlanner, kept=kept, relaxation=name, steps=25, restarts=3, decode_every=10
        )
for name in ("gradient", "random"):
    for kept in (False, True):
        PROBES[f"plan/local_search_{name}{'_kept' if kept else ''}"] = functools.partial(
            discrete, LocalSearchPlanner, kept=kept, proposals=name
        )
for kept in (False, True):
    PROBES[f"plan/cross_entropy{'_kept' if kept else ''}"] = functools.partial(discrete, CrossEntropyPlanner, kept=kept)
PROBES["plan/random_shooting"] = functools.partial(discrete, RandomShootingPlanner)
PROBES["plan/path_integral"] = functools.partial(discrete, MPPIPlanner)
PROBES["plan/exhaustive"] = functools.partial(discrete, ExhaustivePlanner)
PROBES["plan/greedy"] = functools.partial(discrete, ExhaustivePlanner, horizon=1)


@probe("plan/gradient_watched")
def _() -> dict:
    model, z0, goal = latent_problem()
    seen: list[Iterate] = []
    options = {"num_actions": 3, "steps": 7, "restarts": 2, "decode_every": 3}
    planner = GradientPlanner(horizon=20, spread=0.3, watch=seen.append, **options)
    plan = planner(bounded_gradient(model), z0, goal, generator=generator(1))
    parts = [told(iterate) for iterate in seen]
    return {"plan": planned(plan), "seen": [part | {"probabilities": part.pop("actions")} for part in parts]}


@probe("plan/costs")
def _() -> dict:
    model, z0, goal = latent_problem()
    plans = torch.randint(3, (len(z0), 9, 7), generator=generator(3))
    latents = torch.randn(4, 7, 12, generator=generator(4))
    found = {}
    for over, cost in gridworld_planning.COSTS.items():
        swaps_found = swap_changes(model, z0, goal, plans[:, :1], num_actions=3, cost=cost)
        found[over] = {
            "cost": cost(latents, goal),
            "score": score(model, z0, goal, plans, num_actions=3, cost=cost),
            "swaps": [part[:, 0] for part in swaps_found],
        }
    return found


@probe("plan/relax")
def _() -> dict:
    logits = torch.randn(3, 4, 3, generator=generator(0))
    names = ("softmax", "straight-through", "annealed", "gumbel")
    return {
        name: [relax(logits, name, progress=progress, generator=generator(1)) for progress in (0.0, 0.4, 1.0)]
        for name in names
    }


def searched(search_by: Callable, evaluations: int, **options) -> dict:
    """What a search of real numbers finds on two problems."""
    found = {}
    for controls, horizon in ((1, 5), (4, 12)):
        problem = many_controls.draw_problem(many_controls.Config.quick(), controls, horizon, generator(controls))
        plan = problem.plan(search_by, evaluations, 2, **options)
        cost = float(plan.cost)
        found[f"A{controls}"] = {
            "plan": plan.actions.flatten(),
            "cost": cost,
            "evaluations": plan.model_calls // horizon,
            "excess": problem.excess(cost),
            "best": problem.best(),
        }
    return found


SAMPLED = {"iterations": 8, "spread": 0.5}
PROBES["plan/numbers_gradient"] = functools.partial(searched, many_controls.gradient, 60, restarts=3, lr=0.1)
PROBES["plan/numbers_cross_entropy"] = functools.partial(searched, many_controls.cross_entropy, 440, **SAMPLED)
PROBES["plan/numbers_path_integral"] = functools.partial(searched, many_controls.path_integral, 440, **SAMPLED)
PROBES["plan/numbers_random"] = functools.partial(searched, many_controls.shooting, 440, spread=0.1)


class Goes(nn.Module):
    """A small learned-looking model of real actions, ``(B, 4), (B, 2) -> (B, 4)``."""

    def __init__(self) -> None:
        super().__init__()
        draw = generator(8)
        self.first = nn.Parameter(torch.randn(6, 16, generator=draw, dtype=torch.float64) / 3, requires_grad=False)
        self.second = nn.Parameter(torch.randn(16, 4, generator=draw, dtype=torch.float64) / 4, requires_grad=False)

    def forward(self, z: Tensor, a: Tensor) -> Tensor:
        """One step."""
        return z + torch.tanh(torch.cat([z, a], dim=1) @ self.first) @ self.second


def trajectory(plan: Callable, *, watched: bool = False, **options) -> dict:
    """One plan of real actions on a linear system, a bent one and a network."""
    found, bent = {}, cliff_planning.BentSystem(system(), 0.3)
    for name, model, horizon in (("linear", system(), 12), ("bent", bent, 12), ("network", Goes(), 8)):
        undo = cliff_planning.BentSystem(system(), 0.0).undo if name == "linear" else bent.undo
        tasks = backward_tasks(undo, generator(4), trials=4, dimension=4, num_actions=2, horizon=horizon)
        seen: list[Tensor] = []
        own = {"watch": lambda step, a, seen=seen: seen.append(a.detach().clone())} if watched else {}
        goals = 0.2 * tasks.goals if name == "network" else tasks.goals
        starts = goals + 0.1 * tasks.starts.clamp(-3, 3) if name == "network" else tasks.starts
        result = plan(model, starts, goals, horizon, num_actions=2, **options, **own)
        found[name] = {"actions": result.actions, "states": result.states, "seen": seen}
    return found


PROBES["plan/descent"] = functools.partial(trajectory, plan_descent, steps=30, watched=True)
PROBES["plan/gauss_newton"] = functools.partial(trajectory, plan_gauss_newton, steps=4, watched=True)
PROBES["plan/multiple_shooting"] = functools.partial(trajectory, plan_multiple_shooting, steps=4, watched=True)
PROBES["plan/feedback"] = functools.partial(trajectory, plan_feedback, steps=30, watched=True)
PROBES["plan/adam"] = functools.partial(trajectory, plan_adam, steps=30)
PROBES["plan/coarse_to_fine"] = functools.partial(trajectory, plan_coarse_to_fine, steps=40)
PROBES["plan/lifted_descent"] = functools.partial(trajectory, plan_lifted_descent, steps=30)


@probe("plan/carried_out")
def _() -> dict:
    world = cliff_planning.BentSystem(system(), 0.3)
    tasks = cliff_planning.draw_tasks(world, 3, trials=4, horizon=15)
    plan = plan_multiple_shooting(world, tasks.starts, tasks.goals, 15, num_actions=2)
    gain = lqr_gain(system().W, system().B)
    return told(tasks) | {
        "gain": gain,
        "open": simulate(system(), plan),
        "closed": simulate(system(), plan, gain=gain),
        "constraint": list(lifted_constraint(world, plan.states + 0.1, plan.actions)),
        "arrivals": cliff_planning.arrivals(world, plan, tasks.goals, gain=gain),
    }


# Episodes.


PLANNERS = {
    "gradient": gridworld_planning.gradient_planner,
    "random_shooting": gridworld_planning.shooting_planner,
    "cross-entropy": gridworld_planning.cross_entropy_planner,
    "path_integral": gridworld_planning.path_integral_planner,
    "greedy": gridworld_planning.greedy_planner,
    "local_search": gridworld_planning.local_search_planner,
    "unguided_local_search": gridworld_planning.unguided_planner,
}


def episodes_told(world: Gridworld, episodes: Episodes) -> dict:
    """What episodes in a room say, as the first state says it."""
    return told(episodes) | {"final_distance": gridworld_planning.final_distance(world, episodes)}


def played(observation: str = "profiles", make: Callable = gridworld_planning.gradient_planner, **options) -> dict:
    """Episodes from a few starts, two of them near the goal."""
    world, model = room(observation), taught_model(observation)
    near = goal_distances(world)[world.starts].argsort(stable=True)[[0, 4, 12]]
    starts = torch.cat([torch.tensor([world.start]), world.starts[near], world.starts[[40, 90]]])
    settings = {"horizon": 5, "steps": 8, "restarts": 2, "decode_every": 4, "limit": 0.9} | options.pop("planning", {})
    planning = Planning(**settings)
    episodes = gridworld_planning.play(world, model, make(planning), planning, 0, starts=starts, **options)
    return episodes_told(world, episodes)


for name, make in PLANNERS.items():
    PROBES[f"play/{name}"] = functools.partial(played, make=make)
for name in ("gradient", "cross-entropy", "local_search", "unguided_local_search"):
    PROBES[f"play/{name}_kept"] = functools.partial(played, make=PLANNERS[name], warm_start=True)
PROBES["play/cells"] = functools.partial(played, "cells", planning={"limit": 0.3})
PROBES["play/bounded"] = functools.partial(played, make=gridworld_planning.bounded_planner, planning={"horizon": 20})
PROBES["play/open_loop"] = functools.partial(played, planning={"replan": False})
for relaxation in ("straight-through", "annealed", "gumbel"):
    PROBES[f"play/{relaxation}"] = functools.partial(played, planning={"relaxation": relaxation})
for over in ("terminal", "closest"):
    PROBES[f"play/{over}"] = functools.partial(played, planning={"over": over})


@probe("play/settings")
def _() -> dict:
    usual = Planning()
    found = {
        name: told(change(usual))
        for name, change in {
            "report": gridworld_planning.one_plan_planner,
            "open_loop": gridworld_planning.open_loop_planner,
            "plain": gridworld_planning.plain_planner,
        }.items()
    }
    for settings in found.values():
        assert settings.pop("draw") == "stride"  # younger than the first state; this is what was done there
    found["starts"] = gridworld_planning.played_starts(room(), Planning(stride=7))
    return found | {"limit": gridworld_planning.episode_limit(room(), usual), "training": told(directed(Training()))}


@probe("play/randomly")
def _() -> dict:
    rules = Planning(stride=4)
    starts, limit = gridworld_planning.played_starts(room(), rules), gridworld_planning.episode_limit(room(), rules)
    episodes = gridworld_planning.play_randomly(room(), 3, starts, limit=limit)
    own, distance = gridworld_planning.from_own_start(room(), episodes)
    return episodes_told(room(), episodes) | {
        "rate": success_rate(episodes),
        "ratio": gridworld_planning.path_ratio(episodes, goal_distances(room())),
        "own": own,
        "own_distance": distance,
    }


@probe("play/watched")
def _() -> dict:
    planning = Planning(horizon=5, steps=9, restarts=2, decode_every=4, limit=0.4)
    episode = watch_episode(room("profiles"), taught_model("profiles"), planning, 1, iterates=4)
    return {
        "states": episode.states,
        "success": episode.success,
        "jumps": jumps(room(), episode.states),
        "decisions": [told(decision) for decision in episode.decisions],
    }


@probe("play/continuous")
def _() -> dict:
    world, planning = plane(), Planning(horizon=5, steps=8, restarts=2, decode_every=4)
    starts, ways = solvable_starts(world, 5)
    same = {"limit": 5}
    found = {
        "learned": expansive_play.play_learned(world, plane_model(), planning, 0, starts, **same),
        "knowing": expansive_play.play_knowing(world, planning, 0, starts, **same),
        "closest": expansive_play.play_knowing(world, replace(planning, over="closest"), 0, starts, **same),
        "randomly": gridworld_planning.play_randomly(world, 0, starts, **same),
    }
    parts = {
        name: {"success": episodes.success, "steps": episodes.steps, "points": episodes.states}
        for name, episodes in found.items()
    }
    return parts | {"starts": starts, "ways": ways}


@probe("play/blind_search")
def _() -> dict:
    return {"arrived": gridworld_planning.blind_search(room(), 6, 10, limit=12, generator=generator(0))}


# Jacobians, penalties, closed forms.


@probe("jacobian/rollout")
def _() -> dict:
    model, z0, _ = latent_problem()
    actions = torch.rand(len(z0), 6, 3, generator=generator(1)).softmax(dim=-1)
    found = rollout_jacobian(model, z0, actions)
    linear = rollout_jacobian(system(), torch.ones(2, 4, dtype=torch.float64), torch.zeros(2, 9, 2).double())
    return {
        "states": rollout(model, z0, actions).detach(),
        "action": found.action,
        "state": found.state,
        # The package says them in float64, the first state said them in the Jacobian's own precision.
        "norms": [part.flatten(1).norm(dim=1) for part in (found.action, found.state)],
        "stepwise": stepwise(model, z0, actions),
        "linear": [linear.action, linear.state],
    }


def stepwise(model: nn.Module, z0: Tensor, actions: Tensor) -> list[Tensor]:
    """Norms of the action and the state Jacobian after each step: a function of the first state that is gone."""
    states = rollout(model, z0, actions)[:, :-1]
    steps = step_jacobian(model, states.flatten(0, 1), actions.flatten(0, 1))
    by_state, by_action = (part.unflatten(0, actions.shape[:2]) for part in steps)
    product = torch.eye(z0.shape[1]).expand(len(z0), -1, -1)
    gram, norms = torch.zeros_like(product), []
    for F, B in zip(by_state.unbind(dim=1), by_action.unbind(dim=1), strict=True):
        product, gram = F @ product, F @ gram @ F.mT + B @ B.mT
        norms.append((gram.diagonal(dim1=1, dim2=2).sum(dim=1).sqrt(), product.flatten(1).norm(dim=1)))
    return [torch.stack(parts, dim=1) for parts in zip(*norms, strict=True)]


def by_gaussian(model: nn.Module, z: Tensor, a: Tensor) -> Tensor:
    """Hutchinson's estimate with Gaussian directions, which chapter 1 writes out."""
    inputs = leaves(z, a)
    z_next = model(*inputs)
    v = torch.randn(z_next.shape, generator=generator(2), dtype=z_next.dtype)
    pulled = torch.autograd.grad((z_next * v).sum(), inputs, create_graph=True)
    return sum(part.pow(2).sum(dim=1).mean() for part in pulled)


@probe("jacobian/penalties")
def _() -> dict:
    model, z, a = one_step_problem()
    by_state, by_action = step_jacobian(model, z, a)
    found = {"by_state": by_state, "by_action": by_action}
    penalties: dict[str, Callable] = {
        "exact": spectral_penalty,
        "report": spectral_penalty_report,
        "signs": lambda m, z, a: spectral_penalty(m, z, a, generator=generator(2), samples=3),
        "gaussian": by_gaussian,
    }
    for form in ("square", "hinge", "rollout"):
        for sphere in (False, True):
            penalties[f"{form}_{sphere}"] = functools.partial(_form, form=form, sphere=sphere)
    for name, penalty in penalties.items():
        value = penalty(model, z, a)
        found[name] = [value.detach(), *torch.autograd.grad(value, list(model.residuals.parameters()))]
        found[f"{name}_passes"] = backward_passes(penalty, model, z, a)
    both = torch.cat([by_state, by_action], dim=2)
    return found | {f"variance_{probes}": hutchinson_variance(both, probes=probes) for probes in ("signs", "gaussian")}


def _form(model: WorldModel, z: Tensor, a: Tensor, *, form: str, sphere: bool) -> Tensor:
    return regularity_loss(model, z, a, generator(3), form=form, steps=3, sphere=sphere)


@probe("jacobian/growth")
def _() -> dict:
    model, z, _ = one_step_problem()
    actions = one_hot_actions(torch.randint(3, (len(z), 5), generator=generator(4)), 3)
    found = {
        f"growth_{sphere}": squared_growth(model, z, actions, generator(5), sphere=sphere).detach()
        for sphere in (False, True)
    }
    gains, forms = (0.5, 1.0, 1.2, 1.7, 3.0), ("square", "hinge", "rollout")
    found["gains"] = [penalised_gain(gain, weight, form) for gain in gains for weight in (0.1, 0.7) for form in forms]
    at = z.clone().requires_grad_(True)
    last = rollout(bounded_gradient(model), at, actions)[:, -1]
    (found["bounded"],) = torch.autograd.grad((3.0 * last).sum(), at)
    return found


@probe("jacobian/feedback_gain")
def _() -> dict:
    return {f"A{actions}": lqr_gain(system(actions).W, system(actions).B) for actions in (1, 2, 4)}


@probe("jacobian/linear_system")
def _() -> dict:
    found = {}
    for coupling in (0.0, 0.3):
        own = system(2, coupling)
        optima = {"ridge": ridge_optimum(own, 0.1), "report": report_optimum(own, 0.1)}
        found[f"coupling_{coupling:g}"] = {
            "system": told(own),
            "radius": spectral_radius(own.W),
            "jacobian": action_jacobian(own, 8),
            "norms": action_jacobian_norms(own, 30),
            "singular": state_jacobian_singular_values(own, 30),
            "limit": lyapunov_limit(optima["ridge"]),
            "critical": critical_weight(own),
            "optima": {name: told(optimum) for name, optimum in optima.items()},
            "distance": [relative_distance(optimum, own) for optimum in optima.values()],
        }
    eigenvalues = torch.linspace(1.1, 1.3, 4)
    return found | {"transient": transient_growth(eigenvalues, 0.3, 20), "small": told(system(1))}


@probe("jacobian/conditioning")
def _() -> dict:
    return {
        f"T{T}": [condition(system(), T) for condition in (action_condition, action_condition_bound, lifted_condition)]
        for T in (4, 10, 25)
    } | {"bound": lifted_condition_bound(expansive_system(generator(1), low=2.0, high=2.5, num_actions=2), 6)}


# Landscapes and descents.


@probe("landscape/closed_forms")
def _() -> dict:
    found, points = {}, start_grid(points=7)
    for dimension in (2, 4):
        energy = report_energy(dimension)
        at = points if dimension == 2 else torch.rand(20, 4, generator=generator(1)).double()
        for name, level in {
            "true": energy,
            "mollified": mollify(energy, 0.3),
            "invariant": invariance_optimum(energy, 0.2, 23.0),
        }.items():
            found[f"{name}_{dimension}"] = [
                level(at),
                level.gradient(at),
                level.hessian(at),
                level.lowest_curvature(),
                level.highest_curvature(),
                level.trapping_radius(),
                level.offset,
            ]
    energy = report_energy()
    return found | {
        "factors": [gaussian_factor(energy, 0.3), invariant_factor(energy, 0.3, 5.0)],
        "widths": [convexity_width(energy), funnel_width(energy, 0.5), funnel_weight(energy, 0.2, 0.5)],
        "slope": bounded_bowl_slope(torch.linspace(-3, 3, 13), 3.0, 0.7),
    }


@probe("landscape/descents")
def _() -> dict:
    energy, starts = report_energy(), start_grid(points=9)
    levels = [mollify(energy, sigma) for sigma in (0.0, 0.2, 0.51)]
    paths = descend(energy, starts, steps=30)
    return {
        "paths": paths,
        "coarse_to_fine": descend_coarse_to_fine(energy, starts.double(), (0.51, 0.2, 0.0), steps=(5, 6, 7)),
        "arrived": arrived(paths[:, -1], target=torch.tensor([0.1, -0.2])),
        "coverage": basin_coverage(levels[2], starts),
        "each": descend_each(levels, starts, steps=9),
        "coverages": coverages(levels, starts, steps=30),
        "resampled": resample(paths[3], spacing=0.1, most=20),
    }


@probe("landscape/continuation")
def _() -> dict:
    energy, point = report_energy(), torch.tensor([0.1, -0.3], dtype=torch.float64)
    plan = derived_schedule(energy)
    return {
        "sigmas": list(plan.sigmas),
        "steps": list(plan.steps),
        "evaluations": plan.evaluations,
        "width": coarse_width(energy),
        "curvature": [ball_curvature(energy, point, radius) for radius in (0.0, 0.05, 0.2)],
        "margin": list(tracking_margin(mollify(energy, 0.4), point)),
        "polished": polished(energy, start_grid(points=8), steps=100),
        "lowest": funnel_measures.lowest_energy(),
    }


@probe("landscape/box_optimum")
def _() -> dict:
    line = box_optimum(lambda a: 0.5 * a.square().sum(-1), dimension=1, sigma=0.3, weight=4.0)
    square = box_optimum(report_energy(), dimension=2, sigma=0.5, weight=5.0, points=31)
    points = start_grid(points=6)
    return {
        "line": [line.values, line.slopes(), line(points[:, :1])],
        "square": [square.values, square.slopes(), square(points), descend(square, points, steps=10)],
    }


# Worlds, losses, diagnosis, statistics, records.


@probe("world/gridworlds")
def _() -> dict:
    found = {}
    for name in (ROOM, *other_worlds.WORLDS.values()):
        world = load_gridworld(name, layout_seed=1)
        walks = world.random_walks(20, 30, generator=generator(2))
        found[name] = {
            **{part: getattr(world, part) for part in ("positions", "headings", "transitions", "start", "goals")},
            "images": world.images[::13].clone(),
            "to_goal": goal_distances(world),
            "walks": [walks.states, walks.actions],
        }
    found["geodesic"] = geodesic_distances(room())
    for kind in ("cells", "profiles", "pixels"):
        seen = room(kind)
        found[kind] = [seen.features[::7].clone(), seen.view.centre, seen.view.scale]
    found["restored"] = room("profiles").view.restore(room("profiles").features[::20])
    return found


@probe("world/continuous")
def _() -> dict:
    world, draw = expansive_world(seed=2), generator(1)
    points = world.draw(30, generator=draw)
    walks = world.random_walks(5, 8, generator=draw)
    starts, ways = solvable_starts(world, 6, seed=3)
    return {
        "points": points,
        "seen": world.observe(points),
        "judged": [world.arrived(points), world.lost(3 * points)],
        "stepped": world.step(points, torch.arange(30) % 4),
        "walks": [walks.features, walks.states, walks.actions],
        "places": world.places,
        "starts": [starts, ways],
        "steps": fewest_steps(world, points, points.flip(0), most=6),
        "pairs": list(continuous_pillars.measured_pairs(world, 5)),
    }


@probe("world/losses")
def _() -> dict:
    draw = generator(6)
    x, y = (torch.nn.functional.normalize(torch.randn(20, 8, generator=draw), dim=1) for _ in range(2))
    i, j = (torch.randint(20, (60,), generator=draw) for _ in range(2))
    pairs = count_pairs(i, j, 20)
    walks = torch.randint(20, (9, 15), generator=draw)
    found = {
        "reconstruction": [losses.reconstruction_loss(x, y), losses.reconstruction_loss(x, y, torch.arange(20))],
        "prediction": losses.latent_prediction_loss(x, y),
        "variance": [losses.variance_loss(x), losses.covariance_loss(x)],
        "pairs": pairs,
        "positives": [
            torch.stack(losses.sample_positives(walks, 40, gamma=gamma, generator=draw)) for gamma in (0, 0.8)
        ],
        "gaps": losses.geometric_gaps(torch.rand(50, generator=draw, dtype=torch.float64), 0.9),
    }
    for similarity in ("cosine", "distance"):
        for both in (False, True):
            how = {"similarity": similarity, "symmetric": both}
            found[f"info_nce_{similarity}_{both}"] = [
                losses.info_nce(x[i], y[j], 0.2, **how),
                losses.info_nce(x[i], y[j], 0.2, negatives=7, **how),
                info_nce_of_pairs(x, y, pairs, 0.2, **how),
            ]
    return found


@probe("diagnosis/room")
def _() -> dict:
    found, geodesic, to_goal = {}, geodesic_distances(room()), goal_distances(room())
    autoencoder = train_reconstruction(room("profiles"), small(), 0)
    for name, model, world in (
        ("taught", taught_model(), room()),
        ("drawn", drawn_model(), room()),
        ("own_goals", drawn_model(goal_encoder=True), room()),
        ("autoencoder", autoencoder, room("profiles")),
    ):
        z, goals = diagnosis.latents(model, world), diagnosis.goal_latents(model, world)
        plans = torch.randint(3, (2, 5), generator=generator(1))
        found[name] = {
            "latents": z,
            "goals": goals,
            "spread": diagnosis.spread(z),
            "rank": diagnosis.effective_rank(z),
            "variation": stability_alone.distance_variation(z),
            "prediction": diagnosis.prediction_accuracy(model, world),
            "rollout": diagnosis.rollout_accuracy(model, world, 4, 0, rollouts=100),
            "correlation": diagnosis.metric_correlation(z, geodesic, goals=goals),
            "to_goal": diagnosis.goal_latent_distances(z, world, goals=goals),
            "greedy": diagnosis.greedy_accuracy(z, world, to_goal, goals=goals),
            "descent": diagnosis.descent_share(z, world, goals=goals),
            "jacobian": gridworld_planning.learned_rollout_jacobian(world, model, 12, 0),
            "followed": imagined_errors.follow(world, model, plans),
            "swaps": swaps.rank_swaps(world, model, 6, 0, plans=12),
        }
    found["decoding"] = stability_alone.decoding_accuracy(autoencoder, room("profiles"))
    found["bound"] = diagnosis.symmetric_bound(geodesic)
    return found


@probe("diagnosis/maps")
def _() -> dict:
    z = diagnosis.latents(taught_model(), room())
    return {
        "cells": latent_map.cells(room()),
        "towards": latent_map.goal_by_goal(z, room(), geodesic_distances(room())),
        "plane": list(contrastive_ablation.display_plane(z, room().positions)),
        "line": other_worlds.straight_line(room()),
    }


@probe("diagnosis/plane")
def _() -> dict:
    world, model = plane(), plane_model()
    return {
        "jacobian": expansive_play.learned_rollout_jacobian(world, model, 10, 0),
        "true": expansive_play.true_rollout_jacobian(world, 10),
        "prediction": diagnosis.prediction_accuracy(model, expansive_play.surroundings(world, 0)),
        "state_error": [expansive_play.state_error(world, model, steps, 0) for steps in (0, 5)],
    }


@probe("statistics/intervals")
def _() -> dict:
    values = [0.3, 0.9, 1.0, 0.75, 0.6]
    x, y = (torch.randint(9, (40,), generator=generator(seed)) for seed in (0, 1))
    return {
        "t": told(t_interval(values)),
        "bounded": told(t_interval(values, level=0.99, bounds=(0.0, 1.0))),
        "one": told(t_interval(values[:1])),
        "quantiles": [t_quantile(p, degrees) for p in (0.5, 0.9, 0.975) for degrees in (1, 2, 5, 40)],
        "rank_correlation": rank_correlation(x, y),
        "ranks": ranks(x),
        "seeds": [interval_over_seeds(values, unit) for unit in ("fraction", "norm", "correlation")],
        "unknown": interval_over_seeds([None, 1.0], "norm"),
    }


@probe("statistics/records")
def _() -> dict:
    found = {}
    for name in records.available():
        record = records.load(name)
        found[name] = {
            metric: [kept["values"], *interval_over_seeds(kept["values"], kept["unit"]).values()]
            for metric, kept in record["metrics"].items()
        }
    return found


# Studies: one seed of each, with its quick settings. All is compared that is no time and no words.

BRIEF = Planning(stride=70, restarts=2, steps=5, decode_every=5, limit=0.5)


def settings(name: str):
    """A study's quick settings, and quicker ones where these take longer than a quarter of a minute."""
    config = reproduce.configure(name, quick=True)
    if name == "exp4":
        return replace(config, training=replace(config.training, updates=UPDATES), planning=BRIEF)
    if name == "pillars":
        return replace(brief(config), planning=BRIEF)
    if name == "closest":
        return replace(config, pillars=settings("pillars"))
    return config


def numbers(values):
    """The same without words and times."""
    if isinstance(values, dict):
        kept = {key: value for key, value in values.items() if not str(key).startswith(("milliseconds_", "seconds"))}
        return {key: numbers(value) for key, value in kept.items() if not isinstance(value, str)}
    return values


def study(name: str) -> dict:
    """One seed of a study."""
    return numbers(STUDIES[name].run(settings(name), 0))


def study_of_seeds(name: str) -> dict:
    """Two seeds of a study side by side."""
    return numbers({f"seed_{seed}": found for seed, found in STUDIES[name].run_seeds(settings(name), [1, 3]).items()})


for name in STUDIES:
    PROBES[f"study/{name}"] = functools.partial(study, name)
PROBES["study/ablation_of_seeds"] = functools.partial(study_of_seeds, "ablation")


@probe("study/steps_named")
def _() -> dict:
    return {
        step: [observation, told(changed(Training(), training))]
        for step, (observation, training) in contrastive_steps.trainings(Contrastive()).items()
    }


@probe("study/summary")
def _() -> dict:
    found = reproduce.reproduce("errors", [0, 2], settings("errors"))
    return {"metrics": found["metrics"], "config": found["config"], "seeds": found["seeds"]}


# Running them.


def plain(found):
    """The same as nothing but dicts, lists, tensors, numbers, words and None."""
    if isinstance(found, Tensor):
        return found.detach().cpu().clone(memory_format=torch.contiguous_format)
    if isinstance(found, dict):
        return {str(key): plain(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [plain(value) for value in found]
    if found is None or isinstance(found, bool | int | float | str):
        return found
    raise TypeError(f"a probe must find tensors, numbers and words, got {type(found).__name__}")


def chosen(only: list[str] | None) -> Iterator[str]:
    """Names of the probes that are asked for: whole names, beginnings as in ``plan/``, or patterns as in ``*kept``."""
    for name in PROBES:
        if not only or any(fnmatch(name, asked) or name.startswith(f"{asked.rstrip('/')}/") for asked in only):
            yield name


def run(only: list[str] | None) -> dict[str, dict]:
    """What each probe finds, ``{"found": ...}`` or ``{"error": ...}``, and its ``"seconds"`` of processor time."""
    results = {}
    for name in chosen(only):
        torch.manual_seed(0)
        began = time.process_time()
        try:
            results[name] = {"found": plain(PROBES[name]())}
        except Exception as error:  # the other probes have still something to say
            traceback.print_exc()
            results[name] = {"error": f"{type(error).__name__}: {error}"}
        results[name]["seconds"] = time.process_time() - began
        print(f"  {name}: {results[name]['seconds']:.1f} s", file=sys.stderr, flush=True)
    return results


def main() -> None:
    """Run the probes and write what they find."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, help="file to write")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="names, beginnings or patterns of probes")
    parser.add_argument("--list", action="store_true", help="print the probes' names and end")
    options = parser.parse_args()
    if options.list:
        print("\n".join(chosen(options.only)))
        return
    root = Path(os.environ["PYTHONPATH"].split(os.pathsep)[0]).resolve()
    imported = Path(helm_tutorial.__file__).resolve()
    if root not in imported.parents:
        sys.exit(f"helm_tutorial was imported from {imported.parent}, not from PYTHONPATH")
    torch.set_num_threads(1)
    # The usual driver repeats no bits, not even within a process: its pivots begin with what the memory holds.
    torch.linalg.lstsq = functools.partial(torch.linalg.lstsq, driver="gels")
    torch.save(run(options.only), options.out)


if __name__ == "__main__":
    main()
