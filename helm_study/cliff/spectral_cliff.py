"""Experiment 1: how a rollout's gradient grows with the horizon, and what the spectral penalty does about it.

Four linear world models of one expansive system: the system itself, one fitted to it (``flat``), one fitted with the
exact spectral penalty (``helm``), one with the penalty as the report's listing computes it (``report``). Then the
report's own set-up, a small ReLU network with either penalty, measured on one rollout outside its training range. Then
planning, scored twice, and what cures it: :mod:`~helm_study.cliff.cliff_planning`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor, nn

from helm_study.cliff.cliff_planning import bent_scores, planning_metrics, planning_scores
from helm_study.metric import Metric
from helm_study.study import SeedArms, Study, Tell, each_seed
from helm_tutorial._check import require_count, require_real
from helm_tutorial.cliff.closed_forms import (
    action_jacobian_norms,
    lyapunov_limit,
    relative_distance,
    report_optimum,
    ridge_optimum,
)
from helm_tutorial.cliff.linear_system import LinearSystem, expansive_system, spectral_radius
from helm_tutorial.cliff.penalties import Penalty, spectral_penalty, spectral_penalty_report
from helm_tutorial.models.fit import fit
from helm_tutorial.models.world_model import initialise
from helm_tutorial.rollouts import Dynamics, rollout


@dataclass(frozen=True)
class Config:
    """Settings of experiment 1; the defaults are the book's.

    Attributes:
        dimension: ``D``, the report's.
        low: smallest eigenvalue of the true ``W``, the report's.
        high: largest eigenvalue, the report's.
        action_scale: standard deviation of the entries of ``B``, the report's.
        samples: one-step transitions with standard-normal states and actions, the report's.
        weight: ``λ`` of the spectral penalty, the report's.
        horizon: ``T`` of the headline norm, the report's longest.
        steps: full-batch Adam steps of a linear fit; the problem is convex and the fit has converged well before.
        lr: step size of a linear fit; ten times the network's, since every entry of ``W`` has to travel about 1.
        relu_steps: full-batch Adam steps of the ReLU network, the report's.
        relu_lr: its step size, the report's.
        relu_width: its hidden width, the report's.
        trials: pairs of a start and a goal for which each planner plans, the same for all of them.
        bend: how far from linear the bent system is; its slopes reach from 0.8 to 1.6.
        bent_trials: pairs on the bent system, fewer since a step there needs the derivative of the sine as well.
    """

    dimension: int = 4
    low: float = 1.1
    high: float = 1.3
    action_scale: float = 0.5
    samples: int = 5000
    weight: float = 0.1
    horizon: int = 50
    steps: int = 800
    lr: float = 1e-2
    relu_steps: int = 500
    relu_lr: float = 1e-3
    relu_width: int = 64
    trials: int = 50
    bend: float = 0.3
    bent_trials: int = 20

    def __post_init__(self) -> None:
        for name in ("dimension", "samples", "horizon", "steps", "relu_steps", "relu_width", "trials", "bent_trials"):
            require_count(name, getattr(self, name))
        require_real("weight", self.weight, low=0.0)
        require_real("bend", self.bend, low=0.0, high=self.low)
        for name in ("lr", "relu_lr"):
            require_real(name, getattr(self, name), above=0.0)

    @classmethod
    def quick(cls) -> Config:
        """Fewer samples and a shorter fit of the network: the same picture in seconds."""
        return cls(samples=1000, relu_steps=150, trials=20, bent_trials=5)


LINEAR = {
    "jacobian_true_T50": Metric("norm", "action Jacobian of the true system, T = 50"),
    "jacobian_flat_T50": Metric("norm", "of the linear model fitted without a penalty", 1712.0),
    "jacobian_helm_T50": Metric("norm", "of the linear model with the exact spectral penalty", 90.0),
    "jacobian_report_T50": Metric("norm", "of the linear model with the penalty as the report prints it"),
    "spectral_radius_flat": Metric("ratio", "largest |eigenvalue| of the flat model"),
    "spectral_radius_helm": Metric("ratio", "largest |eigenvalue| with the exact penalty"),
    "spectral_radius_report": Metric("ratio", "largest |eigenvalue| with the printed penalty"),
    "saturation_helm": Metric("ratio", "norm at T = 100 over norm at T = 50, exact penalty"),
    "limit_error_helm": Metric("error", "relative distance of the norm at T = 200 from the Lyapunov limit"),
    "one_step_error_flat": Metric("error", "relative one-step prediction error of the flat model"),
    "one_step_error_helm": Metric("error", "relative one-step prediction error with the exact penalty"),
    "closed_form_distance_helm": Metric("error", "relative distance of the trained model from its closed form"),
    "closed_form_distance_report": Metric("error", "the same with the printed penalty"),
}
NETWORKS = {
    "jacobian_flat_relu_T50": Metric("norm", "the report's set-up: ReLU network, summed output, one rollout", 1712.0),
    "jacobian_helm_relu_T50": Metric("norm", "the same with the penalty as the report prints it", 90.0),
    "jacobian_exact_relu_T50": Metric("norm", "the same with the exact penalty, which the report did not try"),
}
PLANNING = planning_metrics()
METRICS: dict[str, Metric] = {**LINEAR, **NETWORKS, **PLANNING}


@each_seed
def measure(config: Config, seed: int, tell: Tell) -> SeedArms:
    """The arms of one seed, which draws the system, the data and the first weights."""
    generator = torch.Generator().manual_seed(seed)
    spectrum = {"dimension": config.dimension, "low": config.low, "high": config.high}
    system = expansive_system(generator, action_scale=config.action_scale, **spectrum)
    drawn = draw_transitions(system, generator, samples=config.samples)
    z, a = (part.double() for part in drawn)

    @cache
    def fitted(penalty: Penalty | None) -> LinearSystem:
        tell("fitting", 0.0)
        return fit_linear(system, z, a, config, penalty=penalty)

    @cache
    def steered() -> tuple[LinearSystem, list[Tensor]]:
        source = torch.Generator().manual_seed(seed)
        system = expansive_system(source, num_actions=4, action_scale=config.action_scale, **spectrum)
        return system, [part.double() for part in draw_transitions(system, source, samples=config.samples)]

    def linear() -> dict[str, float]:
        flat, helm, report = (fitted(penalty) for penalty in (None, spectral_penalty, spectral_penalty_report))
        helm_norms = action_jacobian_norms(helm, 4 * config.horizon)
        limit = lyapunov_limit(helm)
        values = {
            "jacobian_true_T50": action_jacobian_norms(system, config.horizon)[-1],
            "jacobian_flat_T50": action_jacobian_norms(flat, config.horizon)[-1],
            "jacobian_helm_T50": helm_norms[config.horizon - 1],
            "jacobian_report_T50": action_jacobian_norms(report, config.horizon)[-1],
            "spectral_radius_flat": spectral_radius(flat.W),
            "spectral_radius_helm": spectral_radius(helm.W),
            "spectral_radius_report": spectral_radius(report.W),
            "saturation_helm": helm_norms[2 * config.horizon - 1] / helm_norms[config.horizon - 1],
            "limit_error_helm": abs(helm_norms[-1] - limit) / limit,
            "one_step_error_flat": relative_distance(flat, system),
            "one_step_error_helm": relative_distance(helm, system),
            "closed_form_distance_helm": relative_distance(helm, ridge_optimum(system, config.weight)),
            "closed_form_distance_report": relative_distance(report, report_optimum(system, config.weight)),
        }
        return {name: float(value) for name, value in values.items()}

    def networks() -> dict[str, float]:
        # No other arm draws from the generator after the data.
        rounded = LinearSystem(system.W.float(), system.B.float())
        tell("no penalty", 0.0)
        flat = fit_relu(rounded, *drawn, config, generator)
        tell("printed penalty", 0.3)
        helm = fit_relu(rounded, *drawn, config, generator, penalty=spectral_penalty_report)
        z0 = torch.randn(1, config.dimension, generator=generator)
        actions = torch.randn(1, config.horizon, 1, generator=generator)
        tell("exact penalty", 0.6)
        exact = fit_relu(rounded, *drawn, config, generator, penalty=spectral_penalty)
        return {
            "jacobian_flat_relu_T50": summed_gradient_norm(flat, z0, actions),
            "jacobian_helm_relu_T50": summed_gradient_norm(helm, z0, actions),
            "jacobian_exact_relu_T50": summed_gradient_norm(exact, z0, actions),
        }

    def one_action() -> dict[str, float]:
        return planning_scores(system, fitted(None), fitted(spectral_penalty), seed, trials=config.trials)

    def four_actions() -> dict[str, float]:
        system, data = steered()
        models = [fit_linear(system, *data, config, penalty=penalty) for penalty in (None, spectral_penalty)]
        return planning_scores(system, *models, seed, trials=config.trials, suffix="_A4")

    def bent() -> dict[str, float]:
        return bent_scores(steered()[0], seed, bend=config.bend, trials=config.bent_trials)

    return {
        "linear": linear,
        "networks": networks,
        "one_action": one_action,
        "four_actions": four_actions,
        "bent": bent,
    }


STUDY = Study(
    name="exp1",
    summary="Measure how a rollout's gradient grows with the horizon, and what a spectral penalty changes.",
    Config=Config,
    metrics=METRICS,
    arms={
        "linear": tuple(LINEAR),
        "networks": tuple(NETWORKS),
        "one_action": tuple(name for name in PLANNING if "_bent_" not in name and not name.endswith("_A4")),
        "four_actions": tuple(name for name in PLANNING if name.endswith("_A4")),
        "bent": tuple(name for name in PLANNING if "_bent_" in name),
    },
    measure=measure,
)


def draw_transitions(system: LinearSystem, generator: torch.Generator, *, samples: int) -> tuple[Tensor, Tensor]:
    """Draw standard-normal states ``(N, D)`` and actions ``(N, A)``, float32."""
    dimension, actions = system.B.shape
    return torch.randn(samples, dimension, generator=generator), torch.randn(samples, actions, generator=generator)


def fit_linear(
    system: LinearSystem, z: Tensor, a: Tensor, config: Config, *, penalty: Penalty | None = None
) -> LinearSystem:
    """Fit a linear model to one step of ``system`` with Adam, from zero weights.

    The loss is the squared error, averaged over samples and dimensions, plus ``config.weight * penalty``. It is convex,
    so the start does not matter. A linear model has the same Jacobian everywhere, so one sample suffices for the
    penalty.
    """
    model = LinearSystem(torch.zeros_like(system.W, requires_grad=True), torch.zeros_like(system.B, requires_grad=True))
    target = system(z, a)

    def loss() -> Tensor:
        error = (model(z, a) - target).pow(2).mean()
        return error if penalty is None else error + config.weight * penalty(model, z[:1], a[:1])

    fit([model.W, model.B], loss, steps=config.steps, lr=config.lr)
    return replace(model, W=model.W.detach(), B=model.B.detach())


class ReluModel(nn.Module):
    """World model with two hidden layers of ReLU units, as in the report's scripts."""

    def __init__(self, dimension: int, actions: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(dimension + actions, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, dimension),
        )
        initialise(self, generator)

    def forward(self, z: Tensor, a: Tensor) -> Tensor:
        return self.net(torch.cat([z, a], dim=1))


def fit_relu(
    system: LinearSystem,
    z: Tensor,
    a: Tensor,
    config: Config,
    generator: torch.Generator,
    *,
    penalty: Penalty | None = None,
) -> ReluModel:
    """Fit the report's network as :func:`fit_linear` fits a linear model, but with the penalty at every sample."""
    dimension, actions = system.B.shape
    model = ReluModel(dimension, actions, config.relu_width, generator)
    target = system(z, a)

    def loss() -> Tensor:
        error = (model(z, a) - target).pow(2).mean()
        return error if penalty is None else error + config.weight * penalty(model, z, a)

    fit(model, loss, steps=config.relu_steps, lr=config.relu_lr)
    return model


def summed_gradient_norm(model: Dynamics, z0: Tensor, actions: Tensor) -> float:
    """Norm of the gradient of the summed last state with respect to all actions: the report's measure.

    It is the norm of ``1ᵀ J``, not of the action Jacobian ``J``. The shapes are ``(1, D)`` and ``(1, T, A)``.
    """
    actions = actions.detach().clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(rollout(model, z0, actions)[:, -1].sum(), actions)
    return float(gradient.norm())
