"""Planning and measuring in the expansive world.

This module is to that world what :mod:`helm_study.play` is to MiniGrid.
"""

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
    """The true system as a world model of its own states, float32.

    It is for a world in which the state itself is observed.
    """

    system: LinearSystem

    def encode(self, states: Tensor) -> Tensor:
        return states

    def __call__(self, z: Tensor, a: Tensor) -> Tensor:
        return self.system(z, a)


def play_learned(
    world: ContinuousWorld, model: WorldModel, planning: Planning, seed: int, starts: Tensor, *, limit: int
) -> Episodes:
    """Plan with a learned model from observations and act in the true system."""
    planner, generator = gradient_planner(planning, world.num_actions), torch.Generator().manual_seed(seed)
    return run_episodes(world, model, planner, starts, limit=limit, generator=generator)


def play_knowing(world: ContinuousWorld, planning: Planning, seed: int, starts: Tensor, *, limit: int) -> Episodes:
    """Plan with the true dynamics and the Euclidean distance to the goal.

    The planner is the same as in :func:`play_learned`.
    """
    true = TrueDynamics(LinearSystem(world.system.W.float(), world.system.B.float()))
    return play_learned(replace(world, frequencies=None), true, planning, seed, starts, limit=limit)


def learned_rollout_jacobian(
    world: ContinuousWorld, model: WorldModel, horizon: int, seed: int, *, rollouts: int = 16
) -> float:
    """Measure :func:`~helm_study.play.rollout_growth` from random states.

    The states are drawn by :meth:`~helm_study.pillars.expansive.ContinuousWorld.draw`.
    """
    generator = torch.Generator().manual_seed(seed)
    seen = world.observe(world.draw(rollouts, generator=generator))
    return rollout_growth(model, seen, horizon, world.num_actions, generator)


def true_rollout_jacobian(world: ContinuousWorld, horizon: int) -> float:
    """Frobenius norm of the true state Jacobian, the same for all rollouts.

    The Jacobian is ``d x_T / d x_0 = W^T``, a matrix power, and its norm is ``factor^T sqrt(D)``.
    """
    return float(torch.linalg.matrix_norm(torch.linalg.matrix_power(world.system.W, horizon)))


@dataclass(frozen=True, eq=False)
class Surroundings:
    """States and their next states under each action.

    They are in the form that :func:`helm_tutorial.diagnosis.prediction_accuracy` needs.

    Attributes:
        features: observations of ``N`` states, then of their next states, shape ``(N + N A, F)``.
        transitions: index into ``features`` of the state that each action leads to, shape ``(N, A)``.
    """

    features: Tensor
    transitions: Tensor


def surroundings(world: ContinuousWorld, seed: int, *, points: int = 144) -> Surroundings:
    """Draw random states and compute their next states under all actions.

    By default there are as many states as in Empty-8x8.
    """
    here, count = world.draw(points, generator=torch.Generator().manual_seed(seed)), world.num_actions
    there = world.step(here.repeat_interleave(count, dim=0), torch.arange(count).repeat(points))
    number = points + torch.arange(points * count).view(points, count)
    return Surroundings(world.observe(torch.cat([here, there])), number)


@torch.no_grad()
def state_error(world: ContinuousWorld, model: WorldModel, steps: int, seed: int, *, rollouts: int = 500) -> float:
    """Error of the true state, read linearly from an imagined latent.

    The latent is imagined for ``steps`` steps. The error is the root mean square in units of the state's standard
    deviation: 0 is exact, and 1 is no better than always guessing the mean. The linear map is fitted to the encoded
    states at the end of random walks of the same length, and applied to latents imagined along other walks.
    """
    _, _, visited = _walks(world, rollouts, steps, seed)
    encoded = _with_one(model.encode(world.observe(visited[:, -1])))
    reading = torch.linalg.lstsq(
        encoded, visited[:, -1], driver="gels"
    ).solution  # the default driver is not bitwise reproducible
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
