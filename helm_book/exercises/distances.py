"""Exercises on the second pillar: chapters 4 and 5."""

from __future__ import annotations

import functools
import itertools
import math

import torch
from torch import Tensor

from helm_book.exercises.judging import Exercise, a_formula, near
from helm_tutorial.models.losses import info_nce
from helm_tutorial.worlds.gridworld import Gridworld, geodesic_distances, load_gridworld

__all__ = ["EXERCISES"]

OTHER_CORNER = (1, 6)


@functools.cache
def _room() -> Gridworld:
    return load_gridworld("MiniGrid-Empty-8x8-v0")


def _order_that_differs(answer) -> str:
    z, w1, w2 = (torch.as_tensor(part, dtype=torch.float64) for part in answer)
    if not torch.cosine_similarity(z, w1, dim=0) > torch.cosine_similarity(z, w2, dim=0):
        return "w1 should have the larger cosine similarity to z"
    if not torch.dist(z, w2) < torch.dist(z, w1):
        return "w2 should have the smaller distance to z"
    return ""


def _path_to_the_other_corner(answer) -> str:
    cells = [tuple(int(x) for x in cell) for cell in answer]
    if any(abs(x - u) + abs(y - v) > 1 for (x, y), (u, v) in itertools.pairwise(cells)):
        return "two of the cells that follow each other are no neighbours: nothing walks like that"
    return "" if cells[-1] == OTHER_CORNER else f"the path ends in {cells[-1]}, not in {OTHER_CORNER}"


def _fall_per_step(gamma: float) -> float:
    """How much less likely a place is a step farther along a long corridor, by solving for all of its places."""
    length = 601
    step = torch.zeros(length, length, dtype=torch.float64)
    for place in range(length):  # a ring, so that it has no end
        step[place, (place + 1) % length] = step[place, place - 1] = 0.5
    soon = torch.linalg.solve(torch.eye(length, dtype=torch.float64) - gamma * step, step)[0]
    return float(soon[6] / soon[5])


def _turned_round(answer) -> str:
    world, turned = _room(), torch.as_tensor(answer)
    if tuple(turned.shape) != (world.num_states,):
        return f"it has shape {tuple(turned.shape)}; asked for is one state for each of the {world.num_states}"
    if not torch.equal(world.positions[turned], world.positions):
        return "some states change their cell; turning round keeps it"
    if not torch.equal(world.headings[turned], (world.headings + 2) % 4):
        return "some states do not look back; headings go round from 0 to 3"
    geodesic = geodesic_distances(world)
    same = torch.equal(geodesic[turned][:, turned].T, geodesic)
    return "" if same else "d(o(y), o(x)) = d(x, y) does not hold with it"


def _share_with_a_shortcut(d: Tensor) -> float:
    through = (d[:, :, None] + d[None, :, :]).min(dim=1).values
    different = ~torch.eye(len(d), dtype=torch.bool)
    return float((through < d - 1e-9)[different].double().mean())


def _triangles(answer) -> str:
    generator = torch.Generator().manual_seed(0)
    cases = [torch.rand(6, 6, generator=generator, dtype=torch.float64) for _ in range(3)]
    cases += [(1 - torch.eye(5)).double(), torch.arange(5.0).double()[:, None].sub(torch.arange(5.0)).abs()]
    for d in cases:
        wanted = _share_with_a_shortcut(d.fill_diagonal_(0.0))
        if not near(answer(d), wanted, absolute=1e-6):
            return (
                f"for {len(d)} points it gives {float(answer(d)):.3f} where {wanted:.3f} of the pairs have a shortcut"
            )
    return ""


def _steps_to_nearer(looks: Tensor, geodesic: Tensor) -> Tensor:
    return torch.where(looks[None, :] < looks[:, None], geodesic, math.inf).min(dim=1).values


def _way_out(answer) -> str:
    generator = torch.Generator().manual_seed(0)
    for n in (5, 8):
        looks = torch.rand(n, generator=generator, dtype=torch.float64)
        geodesic = torch.randint(1, 9, (n, n), generator=generator).double().fill_diagonal_(0.0)
        wanted, found = _steps_to_nearer(looks, geodesic), torch.as_tensor(answer(looks, geodesic)).double()
        off_goal = looks > looks.min()
        if not torch.equal(found[off_goal], wanted[off_goal]):
            return "for some states it is not the fewest steps to a state that looks nearer"
    return ""


EXERCISES = (
    Exercise(
        "contrastive_fix",
        1,
        "a function of the batch that returns InfoNCE's value",
        a_formula(
            lambda batch: float(info_nce(torch.ones(int(batch), 4), torch.ones(int(batch), 4), 0.1)),
            [(2,), (64,), (512,)],
            ["batch"],
            otherwise={
                "the positive is one of the candidates": lambda batch: math.log(max(batch - 1, 1)),
                "use the natural logarithm": lambda batch: math.log2(batch),
            },
        ),
    ),
    Exercise("contrastive_fix", 2, "three latents, z, w1 and w2", _order_that_differs),
    Exercise("contrastive_fix", 3, "the imagined cells, pairs of column and row", _path_to_the_other_corner),
    Exercise(
        "contrastive_fix",
        4,
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
    Exercise("directed_distance", 1, "the state turned round, an index for each state", _turned_round),
    Exercise(
        "directed_distance", 4, "a function of a matrix of distances, the share of pairs with a shortcut", _triangles
    ),
    Exercise("directed_distance", 5, "a function of how near states look and of their steps (S, S)", _way_out),
)
"""Those that can be checked; the others ask for a prediction before a run, or for a project."""
