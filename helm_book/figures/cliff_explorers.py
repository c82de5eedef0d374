"""Explorers of chapter 1: a plan improved by descent, one plan in two worlds, and defects that close."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from helm_book.explorer import Steps, explore_numbers
from helm_book.figures.style import COLORS, HALO, panels
from helm_tutorial.cliff.closed_forms import action_jacobian
from helm_tutorial.cliff.descent import plan_descent
from helm_tutorial.cliff.linear_system import LinearSystem
from helm_tutorial.cliff.multiple_shooting import plan_multiple_shooting
from helm_tutorial.jacobian import rollout_jacobian
from helm_tutorial.rollouts import rollout

TURN = 0.6  # radians between the stretched direction and the horizontal axis
STRETCHES = (0.9, 1.0, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3)
OTHERS = {"shrinks by 0.9": 0.9, "stretches as much": None}
HORIZONS = (2, 5, 8, 10, 12, 15, 20, 25, 30, 40)
SHOWN = (0, 1, 2, 3, 5, 8, 13, 20, 35, 60, 100)
ARRIVED = 0.05  # distance from the goal below which a plan counts as arrived


def plane_matrix(stretch: float, other: float) -> Tensor:
    """Symmetric ``W`` of shape ``(2, 2)`` with these eigenvalues, the first along the stretched direction."""
    turned = torch.tensor([[math.cos(TURN), -math.sin(TURN)], [math.sin(TURN), math.cos(TURN)]], dtype=torch.float64)
    return turned @ torch.diag(torch.tensor([stretch, other], dtype=torch.float64)) @ turned.mT


def plane_goal() -> Tensor:
    """The goal, at distance 1 from the start: 0.8 along the stretched direction, 0.6 along the other."""
    return plane_matrix(1.0, 0.0)[:, 0] * 0.8 / math.cos(TURN) + plane_matrix(0.0, 1.0)[:, 1] * 0.6 / math.cos(TURN)


def stacked_step(matrices: Tensor):
    """A model that moves row ``i`` of a batch by ``matrices[i]``, so that one descent serves many systems."""
    return lambda z, a: torch.einsum("bij,bj->bi", matrices, z) + a


SYSTEMS = [(stretch, name) for name in OTHERS for stretch in STRETCHES]


@cache
def descents(horizon: int) -> dict:
    """Descend on a plan of ``horizon`` steps in every system: paths, gaps, norms and ratios of curvatures.

    Returns:
        For each of :data:`SYSTEMS`: the paths at the iterations :data:`SHOWN`, shape ``(K, T + 1, 2)``, the gaps,
        shape ``(K,)``, the Frobenius norm of the action Jacobian and the condition number of ``J Jᵀ``.
    """
    matrices = torch.stack([plane_matrix(s, OTHERS[name] or s) for s, name in SYSTEMS])
    model, start = stacked_step(matrices), torch.zeros(len(matrices), 2, dtype=torch.float64)
    goals = plane_goal().expand(len(matrices), 2)
    paths: list[Tensor] = []

    def watch(iteration: int, plan: Tensor) -> None:
        if iteration in SHOWN:
            paths.append(rollout(model, start, plan))

    plan_descent(model, start, goals, horizon, num_actions=2, steps=SHOWN[-1], watch=watch)
    jacobian = rollout_jacobian(model, start, torch.zeros(len(start), horizon, 2, dtype=torch.float64)).action.flatten(
        2
    )
    stacked, values = torch.stack(paths, dim=1), torch.linalg.svdvals(jacobian)
    gaps = (stacked[:, :, -1] - goals[:, None]).norm(dim=2)
    norms, ratios = values.square().sum(dim=1).sqrt(), (values[:, 0] / values[:, 1]).square()
    return {key: (stacked[i], gaps[i], float(norms[i]), float(ratios[i])) for i, key in enumerate(SYSTEMS)}


def stalled() -> dict[str, float]:
    """Return what the sentence below the first explorer says.

    Returns:
        ``gap``: what is left at horizon 15 after all steps. ``alike``: what is left at horizon 40 after one, with both
        directions stretched by 1.3. ``times``: how often the second Jacobian's norm is the first's, in hundreds.
    """
    first, second = descents(15)[1.2, "shrinks by 0.9"], descents(40)[1.3, "stretches as much"]
    return {"gap": float(first[1][-1]), "alike": float(second[1][1]), "times": round(second[2] / first[2], -2)}


def in_round_numbers(value: float) -> str:
    """A positive number to two digits, as a caption says it, with a thin space before each three digits."""
    if value < 10:
        return f"{value:.2g}"
    return f"{int(float(f'{value:.2g}')):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _steps(count: int, name: str = "step") -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def explore_descent():
    """Let the reader improve a plan by gradient descent, in a system whose stretch and horizon they choose."""

    def build(figure):
        plane, course = panels(figure, 2, widths=[1.15, 1], heights=[1.15, 1])
        plane.set(xlim=(-0.3, 1.2), ylim=(-0.2, 1.3), aspect="equal", title="The path of the plan")
        plane.set(xticks=[], yticks=[])
        goal, far = plane_goal(), 1.6
        for k, matrix in enumerate((plane_matrix(1, 0), plane_matrix(0, 1))):
            along = far * matrix[:, k] / matrix[:, k].norm()
            plane.plot([-along[0], along[0]], [-along[1], along[1]], color=COLORS["faint"], linewidth=1, zorder=0)
        along = plane_matrix(1, 0)[:, 0]
        plane.annotate(
            "stretched direction",
            (1.15 * along / along.norm()).tolist(),
            xytext=(0, 9),
            textcoords="offset points",
            rotation=math.degrees(TURN),
            rotation_mode="anchor",
            ha="center",
            fontsize=8,
            color="#666666",
        )
        plane.plot(*goal.tolist(), "x", color=COLORS["goal"], markersize=11, markeredgewidth=3)
        plane.plot(0, 0, "o", color=COLORS["true"], markersize=5)
        course.set(xscale="symlog", xlim=(-0.2, 130), xticks=[0, 1, 10, 100], yscale="log", ylim=(3e-3, 2))
        course.set_xticklabels(["0", "1", "10", "100"])
        course.minorticks_off()
        course.set(yticks=[0.01, 0.1, 1], yticklabels=["0.01", "0.1", "1"], xlabel="descent steps")
        course.set_title("Distance left to the goal")
        course.axhspan(3e-3, ARRIVED, color=COLORS["contrastive"], alpha=0.12, linewidth=0)
        course.text(0.03, 0.06, "arrived", transform=course.transAxes, color=COLORS["contrastive"], fontsize=9)
        return {
            "path": plane.plot([], [], "-", color=COLORS["helm"], linewidth=2)[0],
            "dots": plane.plot([], [], "o", color=COLORS["helm"], markersize=3)[0],
            "end": plane.plot([], [], "o", color=COLORS["helm"], markersize=9)[0],
            "gaps": course.plot([], [], color=COLORS["helm"])[0],
            "now": course.plot([], [], "o", color=COLORS["helm"], markersize=9)[0],
            "norm": course.text(0.97, 0.92, "", transform=course.transAxes, ha="right", fontsize=9, path_effects=HALO),
            "ratio": course.text(0.97, 0.84, "", transform=course.transAxes, ha="right", fontsize=9, path_effects=HALO),
        }

    def move(stretch, other, horizon, step):
        paths, gaps, norm, ratio = descents(horizon)[stretch, other]
        at = SHOWN.index(step)
        gap, path = float(gaps[at]), paths[at]
        fate = "It has arrived." if gap < ARRIVED else "It has not arrived."
        lowest = gaps.clamp_min(1e-4)
        return {
            "path": path.T,
            "dots": path.T,
            "end": path[-1:].T,
            "gaps": (SHOWN, lowest),
            "now": ([step], [float(lowest[at])]),
            "norm": f"norm of the Jacobian: {in_round_numbers(norm)}",
            "ratio": f"ratio of curvatures: {in_round_numbers(ratio)}",
        }, (
            f"Stretch {stretch:g} a step, the other direction {other}, horizon {horizon}. After {_steps(step)} of "
            f"descent the plan ends {gap:.2f} from the goal. {fate} "
            f"Norm of the Jacobian {in_round_numbers(norm)}, ratio of curvatures {in_round_numbers(ratio)}."
        )

    return explore_numbers(
        build,
        move,
        {
            "stretch": list(STRETCHES),
            "horizon": list(HORIZONS),
            "step": Steps(list(SHOWN), interval=0.25),
            "other": list(OTHERS),
        },
        start={"stretch": 1.2, "horizon": 10, "step": 100, "other": "shrinks by 0.9"},
        title="A plan, improved by descent",
        labels={
            "stretch": "stretch a step",
            "horizon": "horizon T",
            "step": "descent steps",
            "other": "other direction",
        },
        figsize=(7.2, 3.8),
        narrow=(3.4, 6.0),
        drag={"now": ("step", None)},
    )


TRIALS = 100
LONGEST = 50


def explore_worlds(true: LinearSystem, models: dict[str, LinearSystem]):
    """Let the reader carry out on the ``true`` system what was planned on one of two ``models``.

    Args:
        true: the system, with as many actions as it has dimensions, so that every direction can be pushed.
        models: ``"flat"`` and ``"HELM"``, the names on the buttons; others are left out.
    """
    models = {name: models[name] for name in ("flat", "HELM")}
    draw = torch.Generator().manual_seed(2)
    starts, goals = (torch.randn(TRIALS, len(true.W), generator=draw, dtype=torch.float64) for _ in range(2))
    apart = float((starts - goals).norm(dim=1).median())
    horizons = range(2, LONGEST + 1)
    colors = dict(zip(models, (COLORS["flat"], COLORS["helm"]), strict=True))

    @cache
    def carried_out(name: str, horizon: int) -> tuple[Tensor, Tensor]:
        """Median distances to the goal at each step of the smallest plan: imagined, and on the true system."""
        model = models[name]
        drift = starts @ torch.linalg.matrix_power(model.W, horizon).mT
        plans = (goals - drift) @ torch.linalg.pinv(action_jacobian(model, horizon).flatten(1)).mT
        plans = plans.unflatten(1, (horizon, -1))
        paths = (rollout(world, starts, plans) for world in (model, true))
        return tuple((path - goals[:, None]).norm(dim=2).median(dim=0).values.clamp_min(1e-7) for path in paths)

    idle = rollout(true, starts, torch.zeros(TRIALS, LONGEST, true.B.shape[1], dtype=torch.float64)) - goals[:, None]
    idle = idle.norm(dim=2).median(dim=0).values[2:].tolist()
    misses = {name: [float(carried_out(name, T)[1][-1]) for T in horizons] for name in models}

    def build(figure):
        left, right = panels(figure, 2)
        left.set(title="Where the plans end", xlabel="horizon $T$", ylabel="median distance to the goal")
        right.set(title="On the way there", xlabel="step $t$ of the plan")
        for axes in (left, right):
            axes.set(yscale="log", xlim=(0, 52), ylim=(1e-7, 1e7), yticks=[1e-6, 1e-3, 1, 1e3, 1e6])
            axes.axhline(apart, color=COLORS["faint"], linewidth=1)
        left.annotate(
            "from start to goal", (51, apart), xytext=(0, 4), textcoords="offset points", ha="right", fontsize=8
        )
        left.plot(horizons, idle, color=COLORS["true"], linestyle=":", linewidth=1.5)
        left.annotate(
            "doing nothing", (51, idle[36]), xytext=(0, -15), textcoords="offset points", ha="right", fontsize=8
        )
        for name, course in misses.items():
            left.plot(horizons, course, color=colors[name])
            below = {"xytext": (0, -14), "textcoords": "offset points", "fontweight": "bold", "path_effects": HALO}
            left.annotate(name, (30, course[28]), color=colors[name], ha="right", **below)
        bold = {"textcoords": "offset points", "xytext": (0, 9), "fontweight": "bold", "path_effects": HALO}
        return {
            "miss": left.plot([], [], "o", color=COLORS["true"], markersize=9, zorder=4)[0],
            "imagined": right.plot([], [], color=COLORS["contrastive"], linestyle="--", marker="o", markevery=[-1])[0],
            "real": right.plot([], [], color=COLORS["true"], marker="o", markevery=[-1])[0],
            "real_label": right.annotate("", (1, 1), color=COLORS["true"], **bold),
            "imagined_label": right.annotate("", (1, 1), color=COLORS["contrastive"], **bold),
        }

    def move(horizon, model):
        imagined, real = carried_out(model, horizon)
        miss, nothing = float(real[-1]), idle[horizon - 2]
        return {
            "miss": ([horizon], [miss]),
            "imagined": (range(horizon + 1), imagined),
            "real": (range(horizon + 1), real),
            "real_label": (2, float(real[:31].max()), "on the true system"),
            "imagined_label": (2, 2e-7, "imagined"),
        }, (
            f"Plans of {horizon} steps made on the {model} model. Imagined, they arrive. On the true system their "
            f"median distance from the goal is {in_round_numbers(miss)} at the end. Doing nothing ends at "
            f"{in_round_numbers(nothing)}; the start is {apart:.1f} away."
        )

    return explore_numbers(
        build,
        move,
        {"horizon": list(horizons), "model": list(models)},
        start={"horizon": 20, "model": list(models)[-1]},
        title="One plan, two worlds",
        labels={"horizon": "horizon T", "model": "planned on"},
        figsize=(7.2, 3.8),
        narrow=(3.4, 6.0),
        drag={"miss": ("horizon", None)},
    )


def bent_step(z: Tensor, a: Tensor) -> Tensor:
    """A step that stretches by 1.2 and 1.05 and bends: one Gauss-Newton step does not close every defect."""
    return z @ plane_matrix(1.2, 1.05) + a + 0.25 * torch.sin(3 * z.flip(1))


ITERATIONS = (0, 1, 2, 3, 4)


@cache
def shootings(horizon: int) -> list[tuple[Tensor, Tensor]]:
    """States of multiple shooting after each of :data:`ITERATIONS`, and where the model leads from each of them."""
    start, goal = torch.zeros(1, 2, dtype=torch.float64), plane_goal()[None]
    seen = []
    for steps in ITERATIONS:
        if steps == 0:
            states = torch.linspace(0, 1, horizon + 1, dtype=torch.float64)[:, None] * goal
            actions = torch.zeros(horizon, 2, dtype=torch.float64)
        else:
            plan = plan_multiple_shooting(bent_step, start, goal, horizon, num_actions=2, steps=steps)
            states, actions = plan.states[0], plan.actions[0]
        seen.append((states, bent_step(states[:-1], actions)))
    return seen


def explore_shooting():
    """Let the reader watch the defects of multiple shooting close, step by step, at a horizon they choose."""

    def build(figure):
        plane, course = panels(figure, 2, widths=[1.15, 1], heights=[1.15, 1])
        plane.set(xlim=(-0.55, 1.25), ylim=(-0.45, 1.35), aspect="equal", xticks=[], yticks=[])
        plane.set_title("States and model steps")
        plane.plot(*plane_goal().tolist(), "x", color=COLORS["goal"], markersize=11, markeredgewidth=3)
        course.set(xlim=(-0.2, 4.2), xticks=ITERATIONS, yscale="log", ylim=(1e-16, 3), xlabel="Gauss-Newton steps")
        course.set_title("Largest defect")
        return {
            "defects": plane.plot([], [], color=COLORS["flat"], linewidth=2)[0],
            "states": plane.plot([], [], "o", color=COLORS["helm"], markersize=5)[0],
            "sizes": course.plot([], [], color=COLORS["flat"])[0],
            "now": course.plot([], [], "o", color=COLORS["flat"], markersize=9)[0],
        }

    def move(horizon, iteration):
        seen = shootings(horizon)
        states, led = seen[iteration]
        gaps = torch.full((horizon, 1), float("nan"), dtype=torch.float64)
        x, y = (torch.cat([states[1:, k : k + 1], led[:, k : k + 1], gaps], dim=1).flatten() for k in (0, 1))
        sizes = [max(1e-16, float((s[1:] - m).norm(dim=1).max())) for s, m in seen]
        return {
            "defects": (x, y),
            "states": states.T,
            "sizes": (ITERATIONS, sizes),
            "now": ([iteration], [sizes[iteration]]),
        }, (
            f"Horizon {horizon}, after {_steps(iteration, 'Gauss-Newton step')}. Each orange line joins a state to the "
            f"place where the model leads from the state before it; the longest is {sizes[iteration]:.1g}."
        )

    return explore_numbers(
        build,
        move,
        {"horizon": [5, 10, 20, 30, 40, 50], "iteration": Steps(list(ITERATIONS), interval=0.6)},
        start={"horizon": 20, "iteration": 0},
        title="Defects that close",
        labels={"horizon": "horizon T", "iteration": "Gauss-Newton steps"},
        figsize=(7.2, 3.8),
        narrow=(3.4, 6.0),
        drag={"now": ("iteration", None)},
    )
