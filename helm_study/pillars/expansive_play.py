"""Playing plans on a continuous world: :mod:`helm_tutorial.planning.episodes` where states are points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from helm_study.pillars.expansive import ContinuousWorld
from helm_tutorial._check import require_count, require_shape
from helm_tutorial.planning.plan import Plan


@dataclass(frozen=True, eq=False)
class ContinuousEpisodes:
    """What happened in ``B`` episodes.

    Attributes:
        success: whether the true state entered the goal ball, shape ``(B,)``.
        steps: steps taken, shape ``(B,)``.
        points: the true states visited, ``nan`` after the end, shape ``(B, limit + 1, D)``.
    """

    success: Tensor
    steps: Tensor
    points: Tensor


def execute_continuous(
    world: ContinuousWorld, planner: Callable[[Tensor], Plan], starts: Tensor, *, limit: int
) -> ContinuousEpisodes:
    """Play an episode from each start, planning anew before every step.

    The planner is shown observations, those of the episodes still running; the true system moves and judges. An
    episode ends in the goal ball, where the state is :meth:`~helm_study.pillars.expansive.ContinuousWorld.lost`,
    which no later step could mend, or after ``limit`` steps.

    Args:
        world: where to play.
        planner: from observations ``(B, F)`` to a plan for each.
        starts: states, shape ``(B, D)``; one in the goal ball has arrived without a step.
        limit: most steps of an episode.

    Raises:
        ValueError: ``limit`` is below 1, or ``starts`` is empty or of another shape.
    """
    return _episodes(world, lambda points: planner(world.observe(points)), starts, limit=limit)


def execute_knowing(
    world: ContinuousWorld, planner: Callable[[Tensor], Plan], starts: Tensor, *, limit: int
) -> ContinuousEpisodes:
    """The same for a planner that is shown the true states ``(B, D)``, float32: what learned models are held against.

    Raises:
        ValueError: ``limit`` is below 1, or ``starts`` is empty or of another shape.
    """
    return _episodes(world, lambda points: planner(points.float()), starts, limit=limit)


def _episodes(world: ContinuousWorld, plan: Callable[[Tensor], Plan], starts: Tensor, *, limit: int):
    require_count("limit", limit)
    require_shape("starts", starts, ("B", world.dimension))
    if len(starts) == 0:
        raise ValueError("starts must hold at least one state, got none")
    points = torch.full((len(starts), limit + 1, world.dimension), torch.nan, dtype=torch.float64)
    points[:, 0] = starts
    steps = torch.zeros(len(starts), dtype=torch.long)
    success = world.arrived(starts)
    running = (~success).nonzero()[:, 0]
    for t in range(limit):
        if len(running) == 0:
            break
        here = points[running, t]
        there = world.step(here, plan(here).actions[:, 0])
        points[running, t + 1] = there
        steps[running] = t + 1
        success[running] = world.arrived(there)
        running = running[~(world.arrived(there) | world.lost(there))]
    return ContinuousEpisodes(success, steps, points)
