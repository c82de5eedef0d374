"""Exercises on a distance with a direction: chapter 5."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from helm_book.exercises.judging import Exercise, near
from helm_tutorial.worlds.gridworld import Gridworld, geodesic_distances, load_gridworld

__all__ = ["EXERCISES"]


@functools.cache
def _room() -> Gridworld:
    return load_gridworld("MiniGrid-Empty-8x8-v0")


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
    Exercise("directed_distance", 1, "the state turned round, an index for each state", _turned_round),
    Exercise(
        "directed_distance", 4, "a function of a matrix of distances, the share of pairs with a shortcut", _triangles
    ),
    Exercise("directed_distance", 5, "a function of how near states look and of their steps (S, S)", _way_out),
)
"""Those that can be checked; the others ask for a prediction before a run, or for a project."""
