"""One episode with everything the planner did on the way: what it imagined at each iteration, what it took in the end.

For pictures. The planner is the one that plays every other episode and sees what it always sees; what is added here
is looked up afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from helm_study.play import Planning, gradient_planner, play
from helm_tutorial import diagnosis
from helm_tutorial._check import require_count
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.planning.episodes import Episodes
from helm_tutorial.planning.gradient import Iterate
from helm_tutorial.rollouts import rollout
from helm_tutorial.worlds.gridworld import Gridworld


@dataclass(frozen=True)
class Decision:
    """One run of the planner, at ``K`` of its relaxed iterates and all ``C`` scorings, with ``S`` restarts.

    The restart that is *followed* is the one whose decoded plan was kept. An imagined latent counts as the state
    whose latent is nearest.

    Attributes:
        state: where the agent stands.
        updates: gradient steps behind each iterate, rising from 0, shape ``(K,)``.
        probabilities: relaxed actions of the followed restart, shape ``(K, T, A)``.
        cost: relaxed cost of every restart, shape ``(K, S)``.
        imagined: states nearest to the followed restart's rollout, its start included, shape ``(K, T + 1)``.
        scored: gradient steps behind each scoring, shape ``(C,)``.
        decoded_cost: cost of every restart's decoded plan, shape ``(C, S)``.
        followed: index of the restart that is followed.
        plan: the plan kept, action indices, shape ``(T,)``.
        plan_cost: its cost.
        plan_imagined: states nearest to its rollout, shape ``(T + 1,)``.
    """

    state: int
    updates: Tensor
    probabilities: Tensor
    cost: Tensor
    imagined: Tensor
    scored: Tensor
    decoded_cost: Tensor
    followed: int
    plan: Tensor
    plan_cost: float
    plan_imagined: Tensor


@dataclass(frozen=True)
class WatchedEpisode:
    """An episode and its decisions.

    Attributes:
        episodes: what happened, of one episode.
        states: the states visited, shape ``(n + 1,)`` for ``n`` steps taken.
        success: whether the environment ended it with a reward.
        decisions: one for each step taken, ``n`` in all.
        steps: gradient steps of each decision.
    """

    episodes: Episodes
    states: Tensor
    success: bool
    decisions: tuple[Decision, ...]
    steps: int


def watch_episode(
    world: Gridworld, model: WorldModel, planning: Planning, seed: int, *, start: int | None = None, iterates: int = 17
) -> WatchedEpisode:
    """Play one episode and keep what the planner did before each step.

    Args:
        world: where.
        model: a trained world model.
        planning: the planner's settings; it must plan anew before each step.
        seed: of the planner's random initial plans; the episode is that of
            :func:`helm_study.play.play` with this seed and start.
        start: the state that it begins in, the environment's own start by default.
        iterates: how many relaxed iterates of a decision are kept at most, evenly spread, the first and the last
            among them.

    Raises:
        ValueError: ``planning`` does not replan, or ``iterates`` is below 2.
    """
    require_count("iterates", iterates, low=2)
    if not planning.replan:
        raise ValueError("planning must replan: a plan that is made once has one decision to watch")
    seen: list[list[Iterate]] = []

    def watch(iterate: Iterate) -> None:
        if iterate.updates == 0:
            seen.append([])
        seen[-1].append(iterate)

    first = world.start if start is None else start
    planner = replace(gradient_planner(planning), watch=watch)
    episodes = play(world, model, planner, planning, seed, starts=torch.tensor([first]))
    states = episodes.states[0][: int(episodes.steps[0]) + 1]
    z = diagnosis.latents(model, world)
    kept = torch.linspace(0, planning.steps - 1, min(iterates, planning.steps)).round().long()
    decisions = tuple(
        _decision(model, z, int(state), run, kept) for state, run in zip(states[:-1].tolist(), seen, strict=True)
    )
    return WatchedEpisode(episodes, states, bool(episodes.success[0]), decisions, planning.steps)


def jumps(world: Gridworld, states: Tensor) -> int:
    """How many steps of a path of states ``(n + 1,)`` are moves that no action makes: 0 for every path of the world."""
    made = world.transitions[states[:-1]] == states[1:, None]
    return int((~made.any(dim=1)).sum())


@torch.no_grad()
def _decision(model: WorldModel, z: Tensor, state: int, run: list[Iterate], kept: Tensor) -> Decision:
    scorings = [iterate for iterate in run if iterate.decoded is not None]
    decoded_cost = torch.stack([iterate.decoded_cost[0] for iterate in scorings]).nan_to_num(nan=float("inf"))
    # The first of equally good ones is kept, as the planner does.
    which = int(decoded_cost.min(dim=1).values.argmin())
    followed = int(decoded_cost[which].argmin())
    plan = scorings[which].decoded[0, followed]
    probabilities = torch.stack([run[k].actions[0, followed] for k in kept.tolist()])
    tried = torch.cat([probabilities, one_hot_actions(plan, model.num_actions)[None]])
    imagined = rollout(model, z[state].expand(len(tried), -1), tried)
    states = diagnosis.latent_distances(imagined.flatten(0, 1), z).argmin(dim=1).view(imagined.shape[:2])
    return Decision(
        state=state,
        updates=kept,
        probabilities=probabilities,
        cost=torch.stack([run[k].cost[0] for k in kept.tolist()]),
        imagined=states[:-1],
        scored=torch.tensor([iterate.updates + 1 for iterate in scorings]),
        decoded_cost=decoded_cost,
        followed=followed,
        plan=plan,
        plan_cost=float(decoded_cost[which, followed]),
        plan_imagined=states[-1],
    )
