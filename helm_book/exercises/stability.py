"""Exercises of chapter 3: a latent space that does not say how far the goal is."""

from __future__ import annotations

import functools
import itertools

import torch
from torch import Tensor

from helm_book.exercises.judging import Exercise, a_formula, near
from helm_tutorial import diagnosis
from helm_tutorial.worlds.gridworld import Gridworld, geodesic_distances, load_gridworld

__all__ = ["EXERCISES"]

IN_ORDER, MOST = 0.9, 32
"""Least rank correlation of latents in order, and most numbers of a latent."""


@functools.cache
def _room(name: str = "Empty-8x8") -> Gridworld:
    return load_gridworld(f"MiniGrid-{name}-v0")


def _one_hot(answer) -> str:
    world = _room()
    z = torch.eye(world.num_states)
    wanted = {
        "spread": diagnosis.spread(z),
        "effective rank": diagnosis.effective_rank(z),
        "share of starts": diagnosis.descent_share(z, world),
    }
    for (name, right), found in zip(wanted.items(), answer, strict=True):
        if not near(found, right, relative=0.02, absolute=1e-3):
            return f"the {name} is not {float(found):.3g}"
    return ""


def _share_of_dead_ends(looks: Tensor, table: Tensor, goals: Tensor) -> float:
    others = [s for s in range(len(looks)) if s not in goals.tolist()]
    return sum(all(looks[t] >= looks[s] for t in table[s].tolist()) for s in others) / len(others)


def _dead_ends(answer) -> str:
    """Judge ``dead_ends(looks, next_state, goals)``, a share of the states that are no goals."""
    if not callable(answer):
        return f"hand in a function of looks, next_state and goals, not {answer!r}"
    draw = torch.Generator().manual_seed(0)
    for states, actions in ((30, 3), (50, 2), (12, 4)):
        looks = torch.randint(0, 9, (states,), generator=draw).double()
        table = torch.randint(states, (states, actions), generator=draw)
        goals = torch.randperm(states, generator=draw)[:3]
        looks[goals] = -1.0  # no action leads to a state that looks nearer than a goal
        wanted, found = _share_of_dead_ends(looks, table, goals), float(answer(looks.clone(), table, goals))
        if near(found, (wanted * (states - 3) + 3) / states):
            return "it counts the goals too; leave them out, above and below the line"
        if not near(found, wanted, relative=1e-4):
            return f"on a table of {states} states it gives {found:.3f}, where {wanted:.3f} are dead ends"
    return ""


def _cost(model, z0: Tensor, goal: Tensor, plan: tuple[int, ...]) -> float:
    z, total = z0[:1], 0.0
    for action in plan:
        z = model(z, torch.eye(3)[[action]])
        total += float((z[:, None] - goal).norm(dim=-1).min())
    return total


def _every_plan(answer) -> str:
    """Judge ``every_plan(model, z0, goal, T)``, the cheapest of all plans."""
    if not callable(answer):
        return f"hand in a function every_plan(model, z0, goal, T), not {answer!r}"
    draw = torch.Generator().manual_seed(1)
    for horizon in (2, 3, 4):
        moves, turn = torch.randn(3, 5, generator=draw), torch.linalg.qr(torch.randn(5, 5, generator=draw))[0]
        z0, goal = torch.randn(1, 5, generator=draw), torch.randn(4, 5, generator=draw)

        def model(z, a, moves=moves, turn=turn):
            return torch.tanh(z @ turn + a @ moves)

        found = torch.as_tensor(answer(model, z0, goal, horizon))
        if tuple(found.shape) != (horizon,):
            return f"at T = {horizon} it returns the shape {tuple(found.shape)}, wanted is ({horizon},)"
        plans = list(itertools.product(range(3), repeat=horizon))
        costs = {plan: _cost(model, z0, goal, plan) for plan in plans}
        spent = costs[tuple(int(action) for action in found)]
        if spent > min(costs.values()) + 1e-4:
            return (
                f"on a model that you have not seen its plan costs {spent:.3f}, the cheapest {min(costs.values()):.3f}"
            )
    return ""


def _in_order(answer) -> str:
    """Judge ``in_order(steps)``, latents whose distances follow the steps."""
    if not callable(answer):
        return f"hand in a function in_order(steps), not {answer!r}"
    for name in ("SimpleCrossingS9N1", "SimpleCrossingS11N5"):
        steps = geodesic_distances(_room(name))
        z = torch.as_tensor(answer(steps.clone()))
        if z.ndim != 2 or len(z) != len(steps) or z.shape[1] > MOST:
            return f"it returns the shape {tuple(z.shape)}; wanted is one latent of at most {MOST} numbers a state"
        order = diagnosis.metric_correlation(z.double(), steps)
        if not order >= IN_ORDER:
            return f"in {name} the rank correlation is {order:.2f}, below {IN_ORDER}"
    return ""


EXERCISES = (
    Exercise("stability_alone", 1, "spread, effective rank and share of starts, in this order", _one_hot),
    Exercise("stability_alone", 2, "a function dead_ends(looks, next_state, goals) that returns a share", _dead_ends),
    Exercise("stability_alone", 3, "a function every_plan(model, z0, goal, T) that returns actions (T,)", _every_plan),
    Exercise("stability_alone", 4, "a function in_order(steps) that returns latents (N, D)", _in_order),
    Exercise(
        "stability_alone",
        5,
        "a function of c that returns the factors of loss, spread, order and right predictions",
        a_formula(
            lambda c: (c**2, c, 1.0, 1.0),
            [(0.5,), (0.1,), (3.0,)],
            ["c"],
            otherwise={
                "the loss is a mean of squares": lambda c: (c, c, 1.0, 1.0),
                "order and right predictions only compare distances": lambda c: (c**2, c, c, c),
            },
        ),
    ),
)
"""All five of chapter 3."""
