"""Run episodes: carry plans out in the world, which alone judges success."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from helm_tutorial._check import require_count
from helm_tutorial.planning.plan import Plan, fixed
from helm_tutorial.worlds.world import World


@dataclass(frozen=True, eq=False)
class Episodes:
    """Results of ``B`` episodes.

    Attributes:
        success: whether the world says that the goal was reached, shape ``(B,)``.
        steps: steps taken, shape ``(B,)``.
        states: the states visited, shape ``(B, limit + 1, ...)``; -1 after the end, or ``nan`` if states are real.
        model_calls: model evaluations spent on each decision.
    """

    success: Tensor
    steps: Tensor
    states: Tensor
    model_calls: int


def run_episodes(
    world: World,
    model: Callable[[Tensor, Tensor], Tensor],
    planner: Callable[..., Plan],
    starts: Tensor | Sequence[int],
    *,
    limit: int,
    generator: torch.Generator | None = None,
    replan: bool = True,
    warm_start: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Episodes:
    """Run one episode from each start, all of them side by side.

    The planner sees only latents, those of the episodes that are still running.

    Args:
        world: where to run the episodes, see :class:`~helm_tutorial.worlds.world.World`.
        model: ``z_next = model(z, a)``, with a method ``encode`` from observations to latents and, if goals are
            encoded differently, ``encode_goal``.
        planner: called as ``planner(model, z0, goal, generator=..., warm_start=...)``, see
            :class:`~helm_tutorial.planning.plan.Planner`.
        starts: ``B`` states to start from.
        limit: maximum number of steps of an episode.
        generator: source of the planner's random numbers; by default a new one with seed 0.
        replan: make a new plan before every step and take its first action. Otherwise plan once and carry the plan out
            to its end (open loop).
        warm_start: pass the rest of the last plan to the planner.
        progress: called with the step and the limit.

    Example:
        >>> from helm_tutorial import GradientPlanner, WorldModel, load_gridworld
        >>> world = load_gridworld("MiniGrid-Empty-5x5-v0")
        >>> model = WorldModel(world.features.shape[1], world.num_actions)  # untrained
        >>> planner = GradientPlanner(horizon=2, num_actions=3, steps=2)
        >>> run_episodes(world, model, planner, [world.start], limit=4).states.shape
        torch.Size([1, 5])
    """
    require_count("limit", limit)
    if len(starts) == 0:
        raise ValueError("starts must name at least one state, got none")
    if warm_start and not replan:
        raise ValueError("warm_start must be False where replan is, got True: a plan made once has none before it")
    generator = torch.Generator().manual_seed(0) if generator is None else generator
    simulation = world.simulate(starts)
    first = simulation.states
    after = float("nan") if first.is_floating_point() else -1
    states = torch.full((len(first), limit + 1, *first.shape[1:]), after, dtype=first.dtype)
    states[:, 0] = first
    steps = torch.zeros(len(first), dtype=torch.long)
    running = (~simulation.over).nonzero()[:, 0]
    left, calls = None, 0  # the rest of the plan of each running episode
    with fixed(model), torch.no_grad():
        goal = getattr(model, "encode_goal", model.encode)(world.goal)
        for t in range(limit):
            if len(running) == 0 or (left is not None and not replan and left.shape[1] == 0):
                break
            if replan or left is None:
                z0 = model.encode(simulation.observe()[running])
                plan = planner(model, z0, goal, generator=generator, warm_start=left if warm_start else None)
                left, calls = plan.actions, plan.model_calls
            simulation.step(left[:, 0].cpu(), running)
            states[running, t + 1] = simulation.states[running]
            steps[running] = t + 1
            going = ~simulation.over[running]
            running, left = running[going], left[going.to(left.device), 1:]
            if progress is not None:
                progress(t + 1, limit)
    return Episodes(simulation.success, steps, states, calls)


def success_rate(episodes: Episodes) -> float:
    """Fraction of episodes that reached the goal."""
    return float(episodes.success.float().mean())
