"""Figures of *Four planners*: their courses, condition numbers, first gaps, precision and wrong models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import torch
from IPython.display import Markdown
from matplotlib.figure import Figure
from torch import Tensor

from helm_book.explorer import Steps, explore_numbers
from helm_book.explorer.controls import in_digits
from helm_book.figures.cliff import drawn_system, plot_conditions
from helm_book.figures.style import COLORS, HALO, apart, panels
from helm_study.cliff.cliff_planning import TOLERANCE, BentSystem, arrivals, draw_tasks
from helm_study.words import formatted
from helm_tutorial.cliff.closed_forms import (
    action_jacobian,
    ridge_optimum,
)
from helm_tutorial.cliff.conditioning import (
    action_condition,
    action_condition_bound,
    lifted_condition,
    lifted_condition_bound,
)
from helm_tutorial.cliff.descent import plan_descent, plan_gauss_newton
from helm_tutorial.cliff.linear_system import LinearSystem
from helm_tutorial.cliff.lqr import lqr_gain, plan_feedback, simulate
from helm_tutorial.cliff.multiple_shooting import plan_multiple_shooting, straight_line
from helm_tutorial.rollouts import rollout

COURSES = {
    "descent": ("flat", plan_descent),
    "Gauss-Newton": ("report", plan_gauss_newton),
    "feedback inside": ("both", plan_feedback),
    "multiple shooting": ("contrastive", plan_multiple_shooting),
}
"""Planners of the explorer: colour and function."""

ITERATIONS = (0, 1, 2, 3, 5, 10, 20, 40, 60)
FEW = 10  # iterations after which the planners of second order have long ended
HORIZON, TASKS = 50, 20


@cache
def courses() -> dict[tuple[str, int], tuple[Tensor, Tensor, float]]:
    """Plan on the bent system of seed 0, watching each planner of :data:`COURSES` at :data:`ITERATIONS`.

    Returns:
        For a planner and an iteration: the median distance to the goal at each step of the plan, as the planner
        imagines it and on the system, both of shape ``(T + 1,)``, and the share of plans that arrive.
    """
    world = BentSystem(drawn_system(num_actions=4), 0.3)
    tasks = draw_tasks(world, 0, trials=TASKS, horizon=HORIZON)
    problem = world, tasks.starts, tasks.goals, HORIZON
    judged = {}

    def judge(name: str, iteration: int, actions: Tensor, imagined: Tensor | None = None) -> None:
        reached = rollout(world, tasks.starts, actions).detach()
        off = [
            (states - tasks.goals[:, None]).norm(dim=2).nan_to_num(nan=1e9, posinf=1e9)
            for states in (reached if imagined is None else imagined, reached)
        ]
        share = float((off[1][:, -1].square() < TOLERANCE).double().mean())
        judged[name, iteration] = *(part.median(dim=0).values.clamp(1e-9, 1e9) for part in off), share

    for name, (_, planner) in COURSES.items():
        if planner is plan_multiple_shooting:
            still = tasks.starts.new_zeros(TASKS, HORIZON, 4)
            judge(name, 0, still, straight_line(tasks.starts, tasks.goals, HORIZON))
            for n in (n for n in ITERATIONS if 0 < n <= FEW):
                plan = planner(*problem, num_actions=4, steps=n)
                judge(name, n, plan.actions, plan.states)
        else:
            steps = FEW if planner is plan_gauss_newton else ITERATIONS[-1]

            def watch(n: int, actions: Tensor, name: str = name) -> None:
                if n in ITERATIONS:
                    judge(name, n, actions)

            planner(*problem, num_actions=4, steps=steps, watch=watch)
        for n in ITERATIONS:
            judged.setdefault((name, n), judged.get((name, FEW)))
    return judged


def explore_planners():
    """Let the reader follow four planners on the same bent system, iteration by iteration."""
    judged = courses()
    course = {name: [float(judged[name, n][1][-1]) for n in ITERATIONS] for name in COURSES}

    def build(figure):
        left, right = panels(figure, 2)
        left.set(xscale="symlog", xlim=(-0.2, 80), xticks=[0, 1, 10, 60], xlabel="iteration")
        left.set_xticklabels(["0", "1", "10", "60"])
        left.minorticks_off()
        left.set_title("Where the plans end")
        right.set(xlim=(0, 52), xlabel="step $t$ of the plan", title="On the way there")
        for axes in (left, right):
            axes.set(yscale="log", ylim=(1e-9, 1e11), yticks=[1e-8, 1e-4, 1, 1e4, 1e8])
            axes.axhline(TOLERANCE**0.5, color=COLORS["faint"], linewidth=1)
        left.set_ylabel("median distance to the goal")
        late = ITERATIONS.index(5)  # a label is above all that its line does from here on
        heights = apart({name: math.log10(max(values[late:])) + 1.1 for name, values in course.items()}, 1.6)
        for name, (color, _) in COURSES.items():
            left.plot(ITERATIONS, course[name], color=COLORS[color], linewidth=1.5)
            left.text(66, 10 ** heights[name], name, ha="right", color=COLORS[color], fontsize=9, path_effects=HALO)
        right.text(2, 0.4 * TOLERANCE**0.5, "arrived below", va="top", fontsize=9, path_effects=HALO)
        right.text(2, 1e-8, "dashed: imagined\nsolid: on the system", fontsize=9, path_effects=HALO)
        return {
            "now": left.plot([], [], "o", color=COLORS["true"], markersize=9)[0],
            "imagined": right.plot([], [], color=COLORS["goal"], linestyle="--", marker="o", markevery=[-1])[0],
            "real": right.plot([], [], color=COLORS["true"], marker="o", markevery=[-1])[0],
        }

    def move(planner, iteration):
        imagined, real, share = judged[planner, iteration]
        return {
            "now": ([iteration], [float(real[-1])]),
            "imagined": (range(HORIZON + 1), imagined),
            "real": (range(HORIZON + 1), real),
        }, (
            f"{planner[0].upper()}{planner[1:]}, iteration {iteration}: imagined, the plans end {_far(imagined[-1])} "
            f"from the goal (median of {TASKS} tasks); on the system {_far(real[-1])}, and {100 * share:.0f} % arrive."
        )

    return explore_numbers(
        build,
        move,
        {"planner": list(COURSES), "iteration": Steps(list(ITERATIONS), interval=0.5)},
        start={"planner": "multiple shooting", "iteration": 2},
        title="Four planners, one bent system",
        figsize=(7.2, 3.8),
        narrow=(3.4, 5.8),
        drag={"now": ("iteration", None)},
    )


def _far(distance: Tensor) -> str:
    if distance <= 1.01e-9:
        return "less than 10⁻⁹"
    return "more than 10⁹" if distance >= 0.99e9 else in_digits(float(distance))


def plot_both_conditions(figure: Figure, horizons: Sequence[int]) -> None:
    """Draw condition numbers on the actions and on lifted states, for one action and for four, with their bounds."""
    for axes, count in zip(panels(figure, 2), (1, 4), strict=True):
        world = drawn_system(num_actions=count)
        curves = [
            ("actions", "flat", action_condition, action_condition_bound),
            ("lifted states", "contrastive", lifted_condition, lifted_condition_bound),
        ]
        rows = [
            (label, color, [measure(world, T) for T in horizons], [bound(world, T) for T in horizons])
            for label, color, measure, bound in curves
        ]
        plot_conditions(axes, horizons, rows)
        axes.set(ylim=(1, 1e20), title="one action" if count == 1 else "four actions")
        axes.text(0.03, 0.94, "dotted: bounds", transform=axes.transAxes, fontsize=9, va="top")
    figure.axes[1].set_ylabel("")


def conditions_table() -> Markdown:
    """Condition numbers of planning the actions, on the true system and on the optimum of the exact penalty."""
    rows = ["| actions | $T$ | true system | HELM |", "|---|---|---|---|"]
    for words, count in (("four", 4), ("one", 1)):
        world = drawn_system(num_actions=count)
        for horizon in (10, 50, 100):
            values = [action_condition(each, horizon) for each in (world, ridge_optimum(world, 0.1))]
            rows.append(f"| {words} | {horizon} | {' | '.join(formatted(value, '.0e') for value in values)} |")
    return Markdown("\n".join(rows))


def settled_conditions() -> dict[str, float]:
    """Condition numbers at 50 steps, on lifted states and of feedback inside the rollout, one action and four."""
    numbers = {}
    for words, count in (("one", 1), ("four", 4)):
        world = drawn_system(num_actions=count)
        held = LinearSystem(world.W - world.B @ lqr_gain(world.W, world.B), world.B)
        numbers[f"lifted_{words}"] = lifted_condition(world, HORIZON)
        numbers[f"held_{words}"] = action_condition(held, HORIZON)
    return numbers


def first_gaps(model: LinearSystem, horizon: int) -> Tensor:
    """Gaps of 50 tasks with one action before the first step of descent on ``model``.

    Returns:
        Shape ``(50, D)``: components along the eigenvectors of the model's ``J Jᵀ``, flattest first.
    """
    tasks = draw_tasks(BentSystem(drawn_system(), 0.0), 0, trials=50, horizon=horizon)
    jacobian = action_jacobian(model, horizon).flatten(1)
    directions = torch.linalg.eigh(jacobian @ jacobian.mT).eigenvectors
    return (tasks.goals - tasks.starts @ torch.linalg.matrix_power(model.W, horizon).mT) @ directions


def gap_numbers() -> dict[str, float]:
    """Medians over :func:`first_gaps`.

    Returns:
        ``second_10`` and ``second_50``: size along the second steepest direction of the true system at these horizons.
        ``flat_helm``: share of the square along HELM's two flatter directions at 10 steps.
    """
    system = drawn_system()
    numbers = {f"second_{T}": float(first_gaps(system, T)[:, 2].abs().median()) for T in (10, 50)}
    squares = first_gaps(ridge_optimum(system, 0.1), 10).square()
    numbers["flat_helm"] = float((squares[:, :2].sum(dim=1) / squares.sum(dim=1)).median())
    return numbers


@cache
def blind_ends(horizon: int) -> tuple[float, float, float]:
    """Largest distance from the goal after five plans by multiple shooting, carried out in three ways.

    Returns:
        Without feedback in float64, without feedback in float32, with feedback in float32.
    """
    system = drawn_system(num_actions=4)
    tasks = draw_tasks(BentSystem(system, 0.0), 0, trials=5, horizon=horizon)
    plan = plan_multiple_shooting(system, tasks.starts, tasks.goals, horizon, num_actions=4, steps=2)
    low = LinearSystem(system.W.float(), system.B.float())
    rounded = replace(plan, actions=plan.actions.float(), states=plan.states.float())
    gain = lqr_gain(system.W, system.B).float()
    ways = simulate(system, plan), simulate(low, rounded), simulate(low, rounded, gain=gain)
    return tuple(float((states[:, -1] - tasks.goals).norm(dim=1).max()) for states in ways)


PRECISION_HORIZONS = (25, 50, 75, 100, 125, 150)
WAYS = ("float64", "float32", "float32, feedback")


def precision_table() -> Markdown:
    """What :func:`blind_ends` gives at :data:`PRECISION_HORIZONS`, as powers of ten."""
    rows = [f"| $T$ | {' | '.join(WAYS)} |", "|---|---|---|---|"]
    for horizon in PRECISION_HORIZONS:
        ends = blind_ends(horizon)
        words = " | ".join(f"$10^{{{round(math.log10(end))}}}$" for end in ends)
        rows.append(f"| {horizon} | {words} |")
    return Markdown("\n".join(rows))


def precision_numbers() -> dict[str, float]:
    """Horizons up to which plans carry: by the rule of thumb, and the longest at which all five plans arrive.

    By the rule of thumb the last digit of a number, grown by 1.3 a step, has reached the tolerance.
    """
    numbers = {}
    for name, kind, way in (("double", torch.float64, 0), ("single", torch.float32, 1)):
        numbers[f"rule_{name}"] = math.log(TOLERANCE**0.5 / torch.finfo(kind).eps) / math.log(1.3)
        arriving = [horizon for horizon in PRECISION_HORIZONS if blind_ends(horizon)[way] ** 2 < TOLERANCE]
        numbers[f"seen_{name}"] = max(arriving)
    return numbers


ERRORS = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4)


def model_error_table() -> Markdown:
    """Shares of 50 plans of 50 steps that arrive, made on models that err by :data:`ERRORS` in one random direction."""
    system = drawn_system(num_actions=4)
    tasks = draw_tasks(BentSystem(system, 0.0), 0, trials=50, horizon=50)
    gain = lqr_gain(system.W, system.B)
    wrong = torch.randn(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wrong *= system.W.norm() / wrong.norm()
    rows = ["| relative error of $W$ | without feedback | with feedback |", "|---|---|---|"]
    for error in ERRORS:
        model = LinearSystem(system.W + error * wrong, system.B)
        plan = plan_multiple_shooting(model, tasks.starts, tasks.goals, 50, num_actions=4, steps=2)
        shares = arrivals(system, plan, tasks.goals), arrivals(system, plan, tasks.goals, gain=gain)
        rows.append(
            f"| $10^{{{round(math.log10(error))}}}$ | {' | '.join(f'{100 * share:.0f} %' for share in shares)} |"
        )
    return Markdown("\n".join(rows))


def _share(metric: Mapping | None) -> str:
    """Mean and range over seeds of a share, in per cent."""
    if metric is None:
        return "not run"
    low, high = (round(100 * value) for value in (min(metric["values"]), max(metric["values"])))
    mean = f"**{100 * metric['mean']:.0f} %**"
    return mean if low == high else f"{mean} ({low} to {high})"


def scored_twice_table(record: Mapping) -> Markdown:
    """Shares of plans that arrive, scored on the model that made them and on the system of ``exp1``.

    All plans are by descent, but for those of the last two rows, which are by multiple shooting.
    """
    rows = ["| plans made on | $T$ | on that model | on the system |", "|---|---|---|---|"]
    for label, name in (("flat", "flat"), ("HELM", "helm")):
        for actions, suffix in (("one action", ""), ("four actions", "_A4")):
            for T in (10, 50):
                cells = [record["metrics"][f"plan_success_{on}_{name}_T{T}{suffix}"] for on in ("model", "system")]
                rows.append(f"| {label}, {actions} | {T} | {' | '.join(map(_share, cells))} |")
    for actions, suffix in (("one action", ""), ("four actions", "_A4")):
        cells = [record["metrics"][f"plan_success_{on}_helm_best_T50{suffix}"] for on in ("model", "system")]
        rows.append(f"| HELM, {actions}, *multiple shooting* | 50 | {' | '.join(map(_share, cells))} |")
    return Markdown("\n".join(rows))


def planners_table(record: Mapping) -> Markdown:
    """Shares of plans of 50 steps that arrive on the system of ``exp1``, planner by planner."""
    rows = [
        "| planner | one action | four actions | bent, four actions |",
        "|---|---|---|---|",
    ]
    for label, name in {
        "descent": "flat",
        "Adam": "adam",
        "coarse to fine": "coarse_to_fine",
        "descent on lifted states": "lifted",
        "the same, executed with feedback": "lifted_feedback",
        "feedback inside the rollout": "feedback",
        "Gauss-Newton on the actions": "gauss_newton",
        "multiple shooting": "multiple_shooting",
    }.items():
        bent = "gradient" if name == "flat" else name
        names = [f"system_{name}_T50", f"system_{name}_T50_A4", f"bent_{bent}_T50"]
        cells = [_share(record["metrics"].get(f"plan_success_{part}")) for part in names]
        rows.append(f"| {label} | {' | '.join(cells)} |")
    return Markdown("\n".join(rows))
