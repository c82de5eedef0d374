"""Exercises on the first pillar: chapters 1, 2 and 7."""

from __future__ import annotations

import math

import torch

from helm_book.exercises.judging import Exercise, a_formula, a_number, near
from helm_tutorial.cliff.closed_forms import action_jacobian, action_jacobian_norms, relative_distance, ridge_optimum
from helm_tutorial.cliff.linear_system import LinearSystem, expansive_system, spectral_radius
from helm_tutorial.cliff.penalties import backward_passes, spectral_penalty
from helm_tutorial.funnel.descent import descend, start_grid
from helm_tutorial.funnel.landscape import RuggedEnergy, convexity_width, funnel_width, mollify
from helm_tutorial.models.regularity import penalised_gain
from helm_tutorial.rollouts import rollout

__all__ = ["EXERCISES"]


def _norm_of_identity(T: int, size: float) -> float:
    B = torch.tensor([[0.6], [0.8]], dtype=torch.float64) * size
    return float(action_jacobian_norms(LinearSystem(torch.eye(2, dtype=torch.float64), B), T)[-1])


def _mended_penalty(penalty) -> str:
    system = expansive_system(torch.Generator().manual_seed(3))
    draw = torch.Generator().manual_seed(4)
    z, a = (torch.randn(1, size, generator=draw, dtype=torch.float64) for size in system.B.shape)
    exact = float(spectral_penalty(system, z, a))
    passes = backward_passes(penalty, system, z, a)
    if passes != 1:
        return f"it goes back through the model {passes} times; one pass is allowed"
    drawn = torch.tensor([float(penalty(system, z, a)) for _ in range(200)])
    if float(drawn.std()) == 0.0:
        return "it returns the same number at every call: its signs are still frozen"
    error, allowed = abs(float(drawn.mean()) - exact), 5 * float(drawn.std()) / len(drawn) ** 0.5 + 0.01 * exact
    return (
        "" if error <= allowed else f"over many draws its mean is {float(drawn.mean()):.3g}, the exact one {exact:.3g}"
    )


def _least_error(r: float, rho: float) -> float:
    system = expansive_system(torch.Generator().manual_seed(1), low=1.05, high=rho)
    weight = (spectral_radius(system.W) / r - 1) / len(system.W)
    return relative_distance(ridge_optimum(system, weight), system)


def _plane_task(first: float, second: float, horizon: int) -> tuple[LinearSystem, torch.Tensor, torch.Tensor, float]:
    """A system of the plane with two stretches, a start, a goal, and the step size 1 / mu_max."""
    draw = torch.Generator().manual_seed(horizon)
    basis = torch.linalg.qr(torch.randn(2, 2, generator=draw, dtype=torch.float64))[0]
    W = basis @ torch.diag(torch.tensor([first, second], dtype=torch.float64)) @ basis.mT
    system = LinearSystem(W, torch.eye(2, dtype=torch.float64))
    z0, goal = torch.randn(2, 1, 2, generator=draw, dtype=torch.float64)
    largest = torch.linalg.matrix_norm(action_jacobian(system, horizon).flatten(1), 2)
    return system, z0, goal, float(1 / largest**2)


def _gap(system: LinearSystem, z0: torch.Tensor, goal: torch.Tensor, actions: object, horizon: int) -> float | str:
    """Distance from the goal after a plan on the system, as a share of the start's; a word if it is no plan."""
    if not isinstance(actions, torch.Tensor) or tuple(actions.shape) != (1, horizon, 2):
        return f"at T = {horizon} it should return actions of shape (1, {horizon}, 2)"
    last = rollout(system, z0, actions.detach().to(z0))[:, -1]
    return float((last - goal).norm() / (z0 - goal).norm())


def _newton(plan) -> str:
    for first, second, horizon in ((1.2, 0.9, 30), (1.3, 0.8, 20), (1.1, 1.05, 45)):
        system, z0, goal, _ = _plane_task(first, second, horizon)
        gap = _gap(system, z0, goal, plan(system, z0, goal, horizon), horizon)
        if isinstance(gap, str):
            return gap
        if gap > 1e-4:
            return f"with stretches {first} and {second} at T = {horizon} it still ends {gap:.2g} of the way off"
    return ""


def _momentum(plan) -> str:
    for first, second, horizon in ((1.2, 0.9, 17), (1.25, 1.0, 17), (1.15, 0.85, 18)):
        system, z0, goal, rate = _plane_task(first, second, horizon)
        rollouts = [0]

        def counted(z, a, system=system, rollouts=rollouts, horizon=horizon):
            rollouts[0] += 1 / horizon
            return system(z, a)

        gap = _gap(system, z0, goal, plan(counted, z0, goal, horizon, rate), horizon)
        if isinstance(gap, str):
            return gap
        if rollouts[0] > 101:
            return f"it imagined {rollouts[0]:.0f} rollouts; a hundred are allowed"
        if gap > 0.1:
            return f"with stretches {first} and {second} at T = {horizon} it still ends {gap:.2g} of the way off"
    return ""


def _single(omega: float) -> RuggedEnergy:
    return RuggedEnergy(torch.tensor([[omega]], dtype=torch.float64), torch.ones(1, dtype=torch.float64))


def _mirrored(answer) -> str:
    """Judge ``smooth(energy, sigma, a, generator)``, an average over noise in pairs ``+`` and ``-``."""
    if not callable(answer):
        return f"hand in a function smooth(energy, sigma, a, generator), not {answer!r}"
    draw = torch.Generator().manual_seed(5)
    a = 4.0 * torch.rand(30, 2, generator=draw, dtype=torch.float64) - 2.0
    slope = torch.tensor([3.0, -2.0], dtype=torch.float64)
    found = answer(lambda x: x @ slope, 0.4, a, draw)
    if tuple(found.shape) != (30,):
        return f"for 30 points it returns the shape {tuple(found.shape)}, wanted is (30,)"
    rugged = RuggedEnergy(torch.tensor([[4.0, 0.0], [1.0, 6.0]], dtype=torch.float64), torch.tensor([1.0, 0.7]))
    drawn = torch.stack([answer(rugged, 0.2, a, draw) for _ in range(200)])
    error = (drawn.mean(dim=0) - mollify(rugged, 0.2)(a)).abs()
    spread = drawn.std(dim=0)
    if float(spread.max()) == 0.0:
        return "it returns the same at every call; draw new noise from the generator"
    if bool((error > 6.0 * spread / len(drawn) ** 0.5 + 1e-6).any()):
        return "on a rugged energy its mean over many draws is not the mollified energy"
    if float((found - a @ slope).abs().max()) > 1e-9:
        return "on a slope without curvature the pairs should cancel exactly, and they do not"
    return ""


def _least_width(answer) -> str:
    """Judge ``width(frequencies, amplitudes, radius)``, the least width that Lemma 3 is content with."""
    if not callable(answer):
        return f"hand in a function of frequencies, amplitudes and radius, not {answer!r}"
    draw = torch.Generator().manual_seed(6)
    for count, radius in ((1, 0.3), (3, 0.5), (5, 0.8)):
        frequencies = 6.0 * torch.randn(count, 2, generator=draw, dtype=torch.float64)
        amplitudes = 0.5 + torch.rand(count, generator=draw, dtype=torch.float64)
        energy = RuggedEnergy(frequencies, amplitudes)
        found = float(answer(frequencies, amplitudes, radius))
        if found < 0 or mollify(energy, found).trapping_radius() > 1.01 * radius:
            return f"for {count} ripples and the radius {radius} the width {found:.3g} is too narrow"
        if not near(found, funnel_width(energy, radius), relative=0.01):
            return f"for {count} ripples and the radius {radius} a width smaller than {found:.3g} would do"
    return ""


ALLOWED = 50_000
"""Energies that a search for the lowest point may evaluate."""


def _lowest_point(answer) -> str:
    """Judge ``search(energy)``, which returns the lowest point of an energy it has not seen."""
    if not callable(answer):
        return f"hand in a function search(energy), not {answer!r}"
    draw = torch.Generator().manual_seed(7)
    for amplitudes in ((1.0, 1.0, 0.5), (0.6, 1.2, 0.8), (1.1, 0.7, 0.4)):
        shift = 2.0 * torch.rand(3, generator=draw, dtype=torch.float64) - 1.0
        frequencies = torch.tensor([[5.0, 0.0], [0.0, 5.0], [7.0, 7.0]], dtype=torch.float64)
        weights, seen = torch.tensor(amplitudes, dtype=torch.float64), [0]

        def energy(a, frequencies=frequencies, weights=weights, shift=shift, seen=seen):
            seen[0] += len(a)
            ripples = torch.sin(a @ frequencies.mT.to(a.dtype) + shift.to(a.dtype)) @ weights.to(a.dtype)
            return 0.5 * a.square().sum(-1) + ripples

        point = torch.as_tensor(answer(energy)).detach().double().reshape(1, -1)
        spent = seen[0]
        if spent > ALLOWED:
            return f"it evaluated {spent} points, {ALLOWED} are allowed"
        grid = start_grid(points=301).double()
        lowest = descend(energy, grid[energy(grid).argmin()][None], steps=500, step_size=0.01)[:, -1]
        above = float(energy(point) - energy(lowest))
        if not above <= 1e-3:
            return f"on an energy that you have not seen it ends {above:.2g} above the lowest value"
    return ""


def _noiseless(answer) -> str:
    """Judge ``penalty(model, a)``, the invariance term over sigma squared as the noise becomes narrow."""
    if not callable(answer):
        return f"hand in a function penalty(model, a), not {answer!r}"
    draw = torch.Generator().manual_seed(8)
    a = torch.randn(40, 3, generator=draw, dtype=torch.float64)
    mix = torch.randn(3, 3, generator=draw, dtype=torch.float64)
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)

    def model(x):
        return weight * torch.tanh(x @ mix).sum(1) + x[:, 0].square()

    inner = a.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(model(inner).sum(), inner)
    wanted, handed = float(gradient.square().sum(1).mean()), answer(model, a)
    found = float(handed.detach() if isinstance(handed, torch.Tensor) else handed)
    if near(found, float(gradient.square().mean()), relative=1e-3):
        return "that is the mean over the coordinates too; the squares of one point's coordinates add"
    if not near(found, wanted, relative=1e-3):
        return f"on a network that you have not seen it gives {found:.4g}, not {wanted:.4g}"
    if not (isinstance(handed, torch.Tensor) and handed.requires_grad):
        return "the value is right, but no gradient reaches the network's weights: create_graph=True"
    return ""


def _hinge(answer) -> str:
    if not callable(answer):
        return f"hand in a function of m, not {answer!r}"
    for m in (1.05, 1.2, 1.7):
        weight = float(answer(m))
        if penalised_gain(m, weight, "hinge") > 1 + 1e-6:
            return f"for m = {m} the weight {weight:.3g} leaves a gain above 1"
        if penalised_gain(m, 0.97 * weight, "hinge") <= 1 + 1e-6:
            return f"for m = {m} a weight smaller than {weight:.3g} would do"
    return ""


def _staircase(answer) -> str:
    x = torch.tensor([-1.0, 1.0], dtype=torch.float64, requires_grad=True)
    y = answer(x)
    (slopes,) = torch.autograd.grad(y.sum(), x)
    if not torch.allclose(y.detach(), -x.detach(), atol=1e-6):
        return f"it takes -1 and 1 to {y.tolist()}; they should change places"
    steep = float(slopes.abs().max())
    return "" if steep < 0.1 else f"at the states its slope is {steep:.2f}; make it flatter there, below 0.1"


def _slope_at_states(k: float) -> float:
    x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    return float(torch.autograd.grad(-torch.tanh(k * x) / math.tanh(k), x)[0])


EXERCISES = (
    Exercise(
        "spectral_cliff",
        1,
        "a function of T and |B| that returns the norm",
        a_formula(
            _norm_of_identity,
            [(1, 0.5), (25, 0.5), (7, 2.0)],
            ["T", "|B|"],
            otherwise={
                "that adds the norms of the T blocks; of a Frobenius norm the squares add": lambda T, size: T * size,
                "that is one block's; there are T of them": lambda T, size: size,
            },
        ),
    ),
    Exercise("spectral_cliff", 2, "a penalty(model, z, a) with one backward pass", _mended_penalty),
    Exercise("spectral_cliff", 3, "a function plan(step, z0, goal, T) that returns actions (1, T, 2)", _newton),
    Exercise(
        "spectral_cliff",
        4,
        "a function of r and rho that returns the one-step error",
        a_formula(
            _least_error,
            [(0.9, 1.3), (0.99, 1.2), (0.5, 1.5)],
            ["r", "rho"],
            otherwise={"that is the bound for a stable model, r = 1; asked for is any r": lambda r, rho: 1 - 1 / rho},
        ),
    ),
    Exercise("spectral_cliff", 5, "a function plan(step, z0, goal, T, rate) that returns actions (1, T, 2)", _momentum),
    Exercise(
        "mollified_funnel",
        1,
        "a function of omega and r that returns both widths, (convex, trapped)",
        a_formula(
            lambda omega, r: (convexity_width(_single(omega)), funnel_width(_single(omega), r)),
            [(5.0, 0.5), (3.0, 0.1), (10.0, 1.0)],
            ["omega", "r"],
            otherwise={
                "both are right, in the other order": lambda omega, r: (
                    funnel_width(_single(omega), r),
                    convexity_width(_single(omega)),
                )
            },
        ),
    ),
    Exercise("mollified_funnel", 2, "a function smooth(energy, sigma, a, generator)", _mirrored),
    Exercise("mollified_funnel", 3, "a function width(frequencies, amplitudes, radius)", _least_width),
    Exercise("mollified_funnel", 4, "a function search(energy) that returns a point", _lowest_point),
    Exercise("mollified_funnel", 5, "a function penalty(model, a)", _noiseless),
    Exercise(
        "regularity_forms",
        1,
        "the weight that leaves half of a difference after fifty steps",
        a_number(lambda: 2 ** (1 / 50) - 1, relative=0.02),
    ),
    Exercise("regularity_forms", 2, "a function of the gain m that returns the hinge's weight", _hinge),
    Exercise("regularity_forms", 3, "a function of a tensor x, the staircase", _staircase),
    Exercise(
        "regularity_forms",
        4,
        "a function of k that returns the slope at the states",
        a_formula(
            _slope_at_states,
            [(0.5,), (1.0,), (3.0,)],
            ["k"],
            otherwise={"that is the slope at 0": lambda k: -k / math.tanh(k)},
        ),
    ),
)
"""Those that can be checked; the others ask for a prediction before a run, or for a project."""
