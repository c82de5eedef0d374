"""The planning half of experiment 1: plans made on a model, scored on that model and on the true system.

Starts and goals come from :func:`~helm_study.cliff.remedies.backward_tasks`. A plan arrives when the squared distance
between its last state and the goal is below the report's 0.1. Plans run open loop, in float64, unless a metric's name
says ``feedback``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from helm_study.cliff.remedies import Tasks, backward_tasks, plan_adam, plan_coarse_to_fine, plan_lifted_descent
from helm_study.metric import Metric
from helm_tutorial.cliff.conditioning import action_condition, lifted_condition
from helm_tutorial.cliff.descent import plan_descent, plan_gauss_newton
from helm_tutorial.cliff.linear_system import LinearSystem
from helm_tutorial.cliff.lqr import lqr_gain, plan_feedback, simulate
from helm_tutorial.cliff.multiple_shooting import plan_multiple_shooting
from helm_tutorial.planning.plan import Plan
from helm_tutorial.rollouts import Dynamics

TOLERANCE = 0.1
"""Squared distance from the goal below which a plan has arrived, as in the report's scripts."""

REMEDIES: dict[str, Callable[..., Plan]] = {
    "adam": plan_adam,
    "coarse_to_fine": plan_coarse_to_fine,
    "lifted": plan_lifted_descent,
    "feedback": plan_feedback,
    "gauss_newton": plan_gauss_newton,
    "multiple_shooting": plan_multiple_shooting,
}
"""Planners to try instead of plain gradient descent, by their names in metrics.

:meta hide-value:
"""

TAUGHT = "multiple_shooting"
"""The remedy that the chapter teaches; its metric is called ``best``."""

SIZES = {"": "one action, the report's system", "_A4": "four actions"}
BENT = ("gradient", "feedback", "gauss_newton", "multiple_shooting")
SHARE = "fraction"


@dataclass(frozen=True, eq=False)
class BentSystem:
    """System that is not linear, ``z' = W z + B a + bend sin z``, callable as a model.

    Attributes:
        linear: ``W`` and ``B``.
        bend: must be below the smallest eigenvalue of a symmetric ``W``; then each step can be undone.
    """

    linear: LinearSystem
    bend: float

    def __call__(self, z: Tensor, a: Tensor) -> Tensor:
        """Take one step, ``(B, D), (B, A) -> (B, D)``."""
        return self.linear(z, a) + self.bend * torch.sin(z)

    def undo(self, z_next: Tensor, a: Tensor) -> Tensor:
        """Find the state from which ``a`` leads to ``z_next``, by iterating ``z = W⁻¹ (z' - B a - bend sin z)``."""
        inverse = torch.linalg.inv(self.linear.W)
        pushed = z_next - a @ self.linear.B.mT
        z = pushed @ inverse.mT
        for _ in range(200 if self.bend else 0):
            z = (pushed - self.bend * torch.sin(z)) @ inverse.mT
        return z


def planning_metrics() -> dict[str, Metric]:
    """The metrics of :func:`planning_scores` and :func:`bent_scores`."""
    metrics = {}
    for suffix, size in SIZES.items():
        for T in (10, 50):
            for name, said in (("flat", "the flat model"), ("helm", "the model with the exact penalty")):
                for world, judged in (("model", "that model itself"), ("system", "the true system")):
                    meaning = f"plans by gradient descent on {said} that arrive on {judged}; {size}"
                    metrics[f"plan_success_{world}_{name}_T{T}{suffix}"] = Metric(SHARE, meaning)
        for name in REMEDIES:
            meaning = f"plans by {name.replace('_', ' ')} on the flat model that arrive on the true system; {size}"
            metrics[f"plan_success_system_{name}_T50{suffix}"] = Metric(SHARE, meaning)
        taught = TAUGHT.replace("_", " ")
        for name, meaning in {
            "system_best": f"the remedy that the chapter teaches, {taught}",
            "system_lifted_feedback": "lifted descent, carried out with feedback",
            "system_rounded": f"{taught} on the flat model with its weights rounded to float32",
            "system_rounded_feedback": "the same plans carried out with feedback",
            "model_helm_best": f"{taught} on the model with the exact penalty, scored on that model",
            "system_helm_best": "the same plans on the true system",
        }.items():
            metrics[f"plan_success_{name}_T50{suffix}"] = Metric(SHARE, f"{meaning}; {size}")
        metrics[f"condition_actions_T50{suffix}"] = Metric("ratio", f"condition number on the actions; {size}")
        metrics[f"condition_lifted_T50{suffix}"] = Metric("ratio", f"condition number on lifted states; {size}")
    for name in BENT:
        meaning = f"plans by {name.replace('_', ' ')} on a known bent system that arrive on it; four actions"
        metrics[f"plan_success_bent_{name}_T50"] = Metric(SHARE, meaning)
    return metrics


def draw_tasks(world: BentSystem, seed: int, *, trials: int, horizon: int) -> Tasks:
    """Draw the starts and goals of a seed; they differ between horizons and are the same for every planner."""
    dimension, num_actions = world.linear.B.shape
    generator = torch.Generator().manual_seed(1000 * horizon + seed)
    sizes = {"dimension": dimension, "num_actions": num_actions}
    return backward_tasks(world.undo, generator, trials=trials, horizon=horizon, **sizes)


def arrivals(world: Dynamics, plan: Plan, goals: Tensor, *, gain: Tensor | None = None) -> float:
    """Share of plans that arrive in ``world``; a plan that overflows does not arrive."""
    squared = (simulate(world, plan, gain=gain)[:, -1] - goals).square().sum(dim=1)
    return float((squared < TOLERANCE).double().mean())


def planning_scores(
    system: LinearSystem, flat: LinearSystem, helm: LinearSystem, seed: int, *, trials: int, suffix: str = ""
) -> dict[str, float]:
    """Every metric of :func:`planning_metrics` with this suffix, for one system and two models of it, all float64."""
    num_actions = system.B.shape[1]
    values = {}

    def scored(name: str, model: Dynamics, tasks: Tasks, plan: Plan) -> None:
        values[f"plan_success_model_{name}{suffix}"] = arrivals(model, plan, tasks.goals)
        values[f"plan_success_system_{name}{suffix}"] = arrivals(system, plan, tasks.goals)

    for T in (10, 50):
        tasks = draw_tasks(BentSystem(system, 0.0), seed, trials=trials, horizon=T)
        for name, model in {"flat": flat, "helm": helm}.items():
            scored(
                f"{name}_T{T}", model, tasks, plan_descent(model, tasks.starts, tasks.goals, T, num_actions=num_actions)
            )
    problem = tasks.starts, tasks.goals, 50
    gain = lqr_gain(flat.W, flat.B)
    plans = {name: planner(flat, *problem, num_actions=num_actions) for name, planner in REMEDIES.items()}
    for name, plan in plans.items():
        values[f"plan_success_system_{name}_T50{suffix}"] = arrivals(system, plan, tasks.goals)
    values[f"plan_success_system_best_T50{suffix}"] = values[f"plan_success_system_{TAUGHT}_T50{suffix}"]
    closed = arrivals(system, plans["lifted"], tasks.goals, gain=gain)
    values[f"plan_success_system_lifted_feedback_T50{suffix}"] = closed
    rounded = LinearSystem(flat.W.float().double(), flat.B.float().double())
    plan = REMEDIES[TAUGHT](rounded, *problem, num_actions=num_actions)
    values[f"plan_success_system_rounded_T50{suffix}"] = arrivals(system, plan, tasks.goals)
    values[f"plan_success_system_rounded_feedback_T50{suffix}"] = arrivals(system, plan, tasks.goals, gain=gain)
    scored("helm_best_T50", helm, tasks, REMEDIES[TAUGHT](helm, *problem, num_actions=num_actions))
    values[f"condition_actions_T50{suffix}"] = action_condition(system, 50)
    values[f"condition_lifted_T50{suffix}"] = lifted_condition(system, 50)
    return values


def bent_scores(system: LinearSystem, seed: int, *, bend: float, trials: int) -> dict[str, float]:
    """Shares of plans that arrive on a known system that is not linear."""
    world = BentSystem(system, bend)
    tasks = draw_tasks(world, seed, trials=trials, horizon=50)
    values = {}
    for name in BENT:
        planner = plan_descent if name == "gradient" else REMEDIES[name]
        plan = planner(world, tasks.starts, tasks.goals, 50, num_actions=system.B.shape[1])
        values[f"plan_success_bent_{name}_T50"] = arrivals(world, plan, tasks.goals)
    return values
