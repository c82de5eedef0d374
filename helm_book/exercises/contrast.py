"""Exercises on latents trained by contrast: chapter 4."""

from __future__ import annotations

import functools
import itertools

import torch
import torch.nn.functional as F
from torch import Tensor

from helm_book.exercises.judging import Exercise, a_formula
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.planning.gradient import GradientPlanner
from helm_tutorial.worlds.gridworld import Gridworld, load_gridworld

__all__ = ["EXERCISES"]

MOST = 24  # steps of an episode, as in the chapter
GOALS = ((1, 6), (6, 1), (4, 3))  # cells to walk to
HORIZON, STEPS = 8, 50  # of the plans


def _fall_per_step(gamma: float) -> float:
    """How much less likely a place is a step farther along a long corridor, by solving for all of its places."""
    length = 601
    step = torch.zeros(length, length, dtype=torch.float64)
    for place in range(length):  # a ring, so that it has no end
        step[place, (place + 1) % length] = step[place, place - 1] = 0.5
    soon = torch.linalg.solve(torch.eye(length, dtype=torch.float64) - gamma * step, step)[0]
    return float(soon[6] / soon[5])


def _loss_against_others(z: Tensor, w: Tensor, others: Tensor, tau: float) -> Tensor:
    own = (z * w).sum(dim=1) / tau
    return (torch.logsumexp(torch.cat([own[:, None], z @ others.T / tau], dim=1), dim=1) - own).mean()


def _directions(count: int, size: int, generator: torch.Generator) -> Tensor:
    return F.normalize(torch.randn(count, size, generator=generator, dtype=torch.float32), dim=1)


def _negatives_of_others(answer) -> str:
    generator = torch.Generator().manual_seed(0)
    for count, many, tau in ((5, 7, 0.5), (64, 12, 0.1), (3, 200, 1.0)):
        z, w, others = (_directions(n, 8, generator) for n in (count, count, many))
        wanted, found = _loss_against_others(z, w, others, tau), torch.as_tensor(answer(z, w, others, tau))
        if found.shape != ():
            return f"it should return one number, not shape {tuple(found.shape)}"
        if torch.allclose(found, wanted, atol=1e-4):
            continue
        if torch.allclose(found, count * wanted, rtol=1e-3):
            return "take the mean over the batch, not the sum"
        if torch.allclose(found, F.cross_entropy(torch.cat([z @ w.T, z @ others.T], dim=1) / tau, torch.arange(count))):
            return "the positives of the other rows are still among the candidates"
        if torch.allclose(found, _loss_against_others(z, w, others, 1.0), atol=1e-4):
            return "divide by the temperature"
        return f"for {count} pairs, {many} other latents and temperature {tau} it should be {float(wanted):.4f}"
    return ""


def _gaps(answer) -> str:
    generator, count = torch.Generator().manual_seed(0), 100_000
    for mean in (2.5, 8.0, 20.0):
        gaps = torch.as_tensor(answer(count, mean, generator))
        if gaps.shape != (count,) or gaps.is_floating_point():
            return f"asked for {count} gaps it gives {gaps.dtype} of shape {tuple(gaps.shape)}, not that many integers"
        if int(gaps.min()) < 1:
            return "some gaps are below 1: a positive comes later than its anchor"
        found = float(gaps.double().mean())
        if abs(found / mean - 1) > 0.03:
            return f"with mean {mean:g} the gaps are {found:.3g} steps long on average"
        shares = torch.bincount(gaps, minlength=5)[1:5] / count
        falls = shares[1:] / shares[:-1]
        if bool((falls - (1 - 1 / mean)).abs().max() > 0.08):
            return "the mean is right, but the probabilities do not fall by the same factor from gap to gap"
    return ""


@functools.cache
def _room() -> Gridworld:
    return load_gridworld("MiniGrid-Empty-8x8-v0")


def _walks_elsewhere(answer) -> str:
    start = tuple(_room().positions[_room().start].tolist())
    for goal in GOALS:
        cells = [tuple(int(x) for x in cell) for cell in answer(goal)]
        if not cells or cells[0] != start:
            return f"a walk begins at {start}, the environment's own start"
        if any(abs(x - u) + abs(y - v) > 1 for (x, y), (u, v) in itertools.pairwise(cells)):
            return "two of the cells that follow each other are no neighbours: nothing walks like that"
        if cells[-1] != goal:
            return f"sent to {goal}, it ends in {cells[-1]}"
        if len(cells) > MOST + 1:
            return f"to {goal} it takes {len(cells) - 1} steps; {MOST} are allowed"
    return ""


def _cost_carried_out(model, z0: Tensor, goal: Tensor, plans: Tensor) -> Tensor:
    z, cost = z0, z0.new_zeros(len(z0))
    for a in F.one_hot(plans, 3).float().unbind(1):
        z = model(z, a)
        cost = cost + (z[:, None] - goal).norm(dim=-1).amin(dim=-1)
    return cost


def _problem(seed: int):
    generator = torch.Generator().manual_seed(seed)
    model = WorldModel(4, 3, latent=6, hidden=32, sphere=True, generator=generator).float().requires_grad_(False)
    for weights in model.residuals.parameters():
        weights.mul_(3.0)  # curved enough for mixed actions to promise what no action does
    z0, goal = (_directions(n, 6, generator) for n in (20, 2))
    return model, z0, goal


def _keeps_the_best(answer) -> str:
    for seed in (1, 2):
        model, z0, goal = _problem(seed)
        calls = [0]

        def counted(z, a, model=model, calls=calls):
            calls[0] += z.numel() // z.shape[-1]
            return model(z, a)

        plans = torch.as_tensor(answer(counted, z0, goal, torch.Generator().manual_seed(0), T=HORIZON))
        if plans.shape != (len(z0), HORIZON) or plans.is_floating_point():
            return f"it should return actions of shape {(len(z0), HORIZON)}, not {plans.dtype} {tuple(plans.shape)}"
        allowed = 2 * len(z0) * 8 * HORIZON * STEPS
        if calls[0] > allowed:
            return f"it imagines {calls[0]} steps; {allowed} are allowed, twice what `plan` takes"
        reference = GradientPlanner(horizon=HORIZON, num_actions=3, restarts=8, steps=STEPS, decode_every=10)
        kept = reference(model, z0, goal, generator=torch.Generator().manual_seed(0)).actions
        wanted, found = (float(_cost_carried_out(model, z0, goal, x).mean()) for x in (kept, plans))
        if found > 1.01 * wanted:
            return f"its decoded plans cost {found:.3f} on average where {wanted:.3f} can be had: score what is decoded"
    return ""


EXERCISES = (
    Exercise(
        "contrastive_fix",
        1,
        "a function of gamma that returns r",
        a_formula(
            _fall_per_step,
            [(0.8,), (0.5,), (0.95,)],
            ["gamma"],
            otherwise={
                "that counts the straight way only; most ways turn back on the way": lambda gamma: gamma / 2,
                "that is the chance to go on at all; half of the steps lead away": lambda gamma: gamma,
            },
        ),
    ),
    Exercise("contrastive_fix", 2, "a function of z, w, others and tau that returns the loss", _negatives_of_others),
    Exercise("contrastive_fix", 3, "a function of a count, a mean and a generator that returns gaps", _gaps),
    Exercise("contrastive_fix", 4, "a function of a cell that returns the cells walked to it", _walks_elsewhere),
    Exercise("contrastive_fix", 5, "a planner with the arguments of plan", _keeps_the_best),
)
"""All five: one is a derivation, four are code that is tried on what the student has not seen."""
