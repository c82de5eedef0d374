"""Playing plans on the real environment, which alone judges success."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from helm_tutorial._check import require_count
from helm_tutorial.planning.plan import Plan
from helm_tutorial.worlds.gridworld import Gridworld

Planner = Callable[..., Plan]
"""From observations ``(B, F)`` to a plan for each; where plans are kept, see :func:`execute`, also from those."""


@dataclass(frozen=True)
class Episodes:
    """What happened in ``B`` episodes.

    Attributes:
        success: whether the environment ended the episode with a reward, shape ``(B,)``.
        steps: environment steps taken, shape ``(B,)``.
        states: indices of the visited states, ``-1`` after the end, shape ``(B, limit + 1)``.
        final_distance: Euclidean distance from the agent's last cell to the nearest goal cell, shape ``(B,)``.
        model_calls: model evaluations spent per decision.
    """

    success: Tensor
    steps: Tensor
    states: Tensor
    final_distance: Tensor
    model_calls: int


def execute(
    world: Gridworld,
    planner: Planner,
    starts: Sequence[int] | Tensor,
    *,
    limit: int,
    replan: bool = True,
    keep: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Episodes:
    """Play an episode from each start, on real environments stepped side by side.

    The planner sees observations only, those of the episodes still running. The environment says
    when an episode ends.

    Args:
        world: where to play.
        planner: see :data:`Planner`.
        starts: indices of ``B`` start states.
        limit: most steps of an episode.
        replan: plan anew before every step and take the plan's first action; otherwise plan once
            and take the plan's actions one after another (open loop), until the plan is used up.
        keep: where plans are made anew, call ``planner(observations, kept)``: what is left of the last plan of each
            episode, shape ``(B, T - 1)``, ``None`` before the first step.
        progress: called with the step and the limit.

    Raises:
        ValueError: ``limit`` is below 1, or ``starts`` is empty.
    """
    require_count("limit", limit)
    starts = [int(s) for s in starts]
    if not starts:
        raise ValueError("starts must name at least one state, got none")
    envs = [world.open(start) for start in starts]
    features = world.features[starts]
    states = torch.full((len(envs), limit + 1), -1)
    states[:, 0] = torch.tensor(starts)
    success = torch.zeros(len(envs), dtype=torch.bool)
    steps = torch.zeros(len(envs), dtype=torch.long)
    running = list(range(len(envs)))
    plan, kept, calls = None, None, 0
    for t in range(limit):
        if replan or plan is None:
            plan = planner(features[running], kept) if keep else planner(features[running])
            calls = plan.model_calls
            chosen = plan.actions.cpu()
        if not replan and t >= chosen.shape[1]:
            break
        still, rows = [], []
        for row, i in enumerate(running):
            action = int(chosen[row, 0] if replan else chosen[i, t])
            observation, reward, terminated, truncated, _ = envs[i].step(action)
            features[i] = world.observe(torch.as_tensor(observation["image"]))
            where = envs[i].unwrapped
            states[i, t + 1] = world.index(tuple(map(int, where.agent_pos)), int(where.agent_dir))
            steps[i] = t + 1
            if terminated or truncated:
                success[i] = terminated and reward > 0
            else:
                still.append(i)
                rows.append(row)
        running, kept = still, plan.actions[rows, 1:]
        if progress is not None:
            progress(t + 1, limit)
        if not running:
            break
    last = states[torch.arange(len(envs)), steps]
    goal_cells = world.positions[world.goals].float()
    final_distance = torch.cdist(world.positions[last].float(), goal_cells).min(dim=1).values
    return Episodes(success, steps, states, final_distance, calls)
