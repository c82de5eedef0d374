"""Planning and measuring in the expansive world: what :mod:`helm_study.play` is in MiniGrid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from helm_study.pillars.expansive import ContinuousWorld
from helm_study.play import Planning, gradient_planner, rollout_growth
from helm_tutorial.cliff.linear_system import LinearSystem
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.planning.episodes import Episodes, run_episodes
from helm_tutorial.rollouts import rollout


@dataclass(frozen=True)
class TrueDynamics:
    """The system as a world model of its own states, float32, for a world in which the state is seen."""

    system: LinearSystem

    def encode(self, states: Tensor) -> Tensor:
        return states

    def __call__(self, z: Tensor, a: Tensor) -> Tensor:
        return self.system(z, a)


def play_learned(
    world: ContinuousWorld, model: WorldModel, planning: Planning, seed: int, starts: Tensor, *, limit: int
) -> Episodes:
    """Plan with a learned model from observations and play on the true system."""
    planner, generator = gradient_planner(planning, world.num_actions), torch.Generator().manual_seed(seed)
    return run_episodes(world, model, planner, starts, limit=limit, generator=generator)


def play_knowing(world: ContinuousWorld, planning: Planning, seed: int, starts: Tensor, *, limit: int) -> Episodes:
    """The same planner with the true dynamics and the true state's Euclidean distance to the goal."""
    true = TrueDynamics(LinearSystem(world.system.W.float(), world.system.B.float()))
    return play_learned(replace(world, frequencies=None), true, planning, seed, starts, limit=limit)


def learned_rollout_jacobian(
    world: ContinuousWorld, model: WorldModel, horizon: int, seed: int, *, rollouts: int = 16
) -> float:
    """What :func:`~helm_study.play.rollout_growth` measures from states of :meth:`ContinuousWorld.draw`."""
    generator = torch.Generator().manual_seed(seed)
    seen = world.observe(world.draw(rollouts, generator=generator))
    return rollout_growth(model, seen, horizon, world.num_actions, generator)


def true_rollout_jacobian(world: ContinuousWorld, horizon: int) -> float:
    """Frobenius norm of ``d x_T / d x_0 = W^T``, the same for all rollouts: ``factor^T sqrt(D)``."""
    return float(torch.linalg.matrix_norm(torch.linalg.matrix_power(world.system.W, horizon)))


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Fresh states and where each action leads, as :func:`helm_tutorial.diagnosis.prediction_accuracy` asks for them.

    Attributes:
        features: observations of ``N`` states, then of their next states, shape ``(N + N A, F)``.
        transitions: which of these each action leads to, shape ``(N, A)``.
    """

    features: Tensor
    transitions: Tensor


def surroundings(world: ContinuousWorld, seed: int, *, points: int = 144) -> Surroundings:
    """Random states, by default as many as Empty-8x8 has, and their next states under all actions."""
    here, count = world.draw(points, generator=torch.Generator().manual_seed(seed)), world.num_actions
    there = world.step(here.repeat_interleave(count, dim=0), torch.arange(count).repeat(points))
    number = points + torch.arange(points * count).view(points, count)
    return Surroundings(world.observe(torch.cat([here, there])), number)


@torch.no_grad()
def state_error(world: ContinuousWorld, model: WorldModel, steps: int, seed: int, *, rollouts: int = 500) -> float:
    """Error of the true state as a linear map reads it from the latent after ``steps`` imagined steps.

    Root mean square, in units of the state's own deviation: 0 is exact, 1 no better than always guessing the mean.
    The map is fitted to encoded states that as many random actions lead to, and applied to latents that are imagined
    along other walks.
    """
    _, _, visited = _walks(world, rollouts, steps, seed)
    encoded = _with_one(model.encode(world.observe(visited[:, -1])))
    reading = torch.linalg.lstsq(
        encoded, visited[:, -1], driver="gels"
    ).solution  # the default does not repeat its bits
    points, actions, visited = _walks(world, rollouts, steps, seed + 1_000_000)
    imagined = rollout(model, model.encode(world.observe(points)), actions)[:, -1]
    true = visited[:, -1]
    error = (_with_one(imagined) @ reading - true).square().sum()
    return float((error / (true - true.mean(dim=0)).square().sum()).sqrt())


def _walks(world: ContinuousWorld, count: int, steps: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    points = world.draw(count, generator=generator)
    actions = one_hot_actions(torch.randint(world.num_actions, (count, steps), generator=generator), world.num_actions)
    return points, actions, rollout(world.system, points, actions.double())


def _with_one(z: Tensor) -> Tensor:
    return torch.cat([z.double(), torch.ones(len(z), 1, dtype=torch.float64)], dim=1)
