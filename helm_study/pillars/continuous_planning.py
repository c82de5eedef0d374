"""How the experiment on a continuous world plans and judges: one planner, budget and rules for every world model."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from helm_study.pillars.expansive import ContinuousWorld
from helm_study.pillars.expansive_play import ContinuousEpisodes, execute_continuous, execute_knowing
from helm_study.play import Planning
from helm_tutorial import diagnosis
from helm_tutorial.cliff.linear_system import LinearSystem
from helm_tutorial.jacobian import rollout_jacobian
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.planning.gradient import plan_gradient
from helm_tutorial.planning.plan import Plan
from helm_tutorial.rollouts import Dynamics, rollout


def play_learned(
    world: ContinuousWorld, model: WorldModel, planning: Planning, seed: int, starts: Tensor, *, limit: int
) -> ContinuousEpisodes:
    """Plan with a learned model from observations and play on the true system."""
    with torch.no_grad():
        goal = model.encode_goal(world.observe(world.goal[None]))
    descend = _planner(world, model, goal, planning, seed)

    def planner(observations: Tensor) -> Plan:
        with torch.no_grad():
            z0 = model.encode(observations)
        return descend(z0)

    # The planner differentiates with respect to actions only.
    required = [parameter.requires_grad for parameter in model.parameters()]
    model.requires_grad_(False)
    try:
        return execute_continuous(world, planner, starts, limit=limit)
    finally:
        for parameter, flag in zip(model.parameters(), required, strict=True):
            parameter.requires_grad_(flag)


def play_knowing(
    world: ContinuousWorld, planning: Planning, seed: int, starts: Tensor, *, limit: int
) -> ContinuousEpisodes:
    """The same planner with the true dynamics and the true state's Euclidean distance to the goal."""
    true = LinearSystem(world.system.W.float(), world.system.B.float())
    planner = _planner(world, true, world.goal[None].float(), planning, seed)
    return execute_knowing(world, planner, starts, limit=limit)


def play_randomly(
    world: ContinuousWorld, planning: Planning, seed: int, starts: Tensor, *, limit: int
) -> ContinuousEpisodes:
    """Uniformly random actions under the same rules."""
    generator = torch.Generator().manual_seed(seed)

    def planner(points: Tensor) -> Plan:
        nothing = torch.zeros(len(points))
        return Plan(torch.randint(world.actions, (len(points), 1), generator=generator), nothing)

    return execute_knowing(world, planner, starts, limit=limit)


def success_rate(episodes: ContinuousEpisodes) -> float:
    """Share of episodes in which the true state entered the goal."""
    return float(episodes.success.float().mean())


def learned_rollout_jacobian(
    world: ContinuousWorld, model: WorldModel, horizon: int, seed: int, *, rollouts: int = 16
) -> float:
    """Geometric mean over random rollouts of the Frobenius norm of ``d z_T / d z_0``, in the latents of ``model``."""
    points, actions = _rollouts(world, rollouts, horizon, seed)
    with torch.no_grad():
        z0 = model.encode(world.observe(points))
    norms = rollout_jacobian(model, z0, actions).state.double().flatten(1).norm(dim=1)
    return float(norms.log().mean().exp())


def true_rollout_jacobian(world: ContinuousWorld, horizon: int) -> float:
    """Frobenius norm of ``d x_T / d x_0 = W^T``, the same for all rollouts: ``factor^T sqrt(D)``."""
    return float(torch.linalg.matrix_norm(torch.linalg.matrix_power(world.system.W, horizon)))


@torch.no_grad()
def prediction_accuracy(world: ContinuousWorld, model: WorldModel, seed: int, *, points: int = 144) -> float:
    """Share of predicted latents that are nearest to the latent of their own true next state.

    Among the next states of ``points`` fresh states under all actions, as many as Empty-8x8 has states by default.
    """
    here = world.draw(points, generator=torch.Generator().manual_seed(seed))
    here, action = here.repeat_interleave(world.actions, dim=0), torch.arange(world.actions).repeat(points)
    predicted = model(model.encode(world.observe(here)), one_hot_actions(action, world.actions))
    true = model.encode(world.observe(world.step(here, action)))
    nearest = diagnosis.latent_distances(predicted, true).argmin(dim=1)
    return float((nearest == torch.arange(len(nearest))).float().mean())


@torch.no_grad()
def state_error(world: ContinuousWorld, model: WorldModel, steps: int, seed: int, *, rollouts: int = 500) -> float:
    """Error of the true state as a linear map reads it from the latent after ``steps`` imagined steps.

    Root mean square, in units of the state's own deviation: 0 is exact, 1 no better than always guessing the mean.
    The map is fitted to encoded states that as many random actions lead to, and applied to latents that are imagined
    along other walks.
    """
    _, _, visited = _walks(world, rollouts, steps, seed)
    reading = torch.linalg.lstsq(_with_one(model.encode(world.observe(visited[:, -1]))), visited[:, -1]).solution
    points, actions, visited = _walks(world, rollouts, steps, seed + 1_000_000)
    imagined = rollout(model, model.encode(world.observe(points)), actions)[:, -1]
    true = visited[:, -1]
    error = (_with_one(imagined) @ reading - true).square().sum()
    return float((error / (true - true.mean(dim=0)).square().sum()).sqrt())


def _planner(
    world: ContinuousWorld, model: Dynamics, goal: Tensor, planning: Planning, seed: int
) -> Callable[[Tensor], Plan]:
    generator = torch.Generator().manual_seed(seed)
    return lambda z0: plan_gradient(
        model,
        z0,
        goal,
        planning.horizon,
        actions=world.actions,
        generator=generator,
        steps=planning.steps,
        lr=planning.lr,
        restarts=planning.restarts,
        decode_every=planning.decode_every,
        over=planning.over,
        relaxation=planning.relaxation,
    )


def _rollouts(world: ContinuousWorld, count: int, steps: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    points = world.draw(count, generator=generator)
    actions = torch.randint(world.actions, (count, steps), generator=generator)
    return points, one_hot_actions(actions, world.actions)


def _walks(world: ContinuousWorld, count: int, steps: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    points, actions = _rollouts(world, count, steps, seed)
    return points, actions, rollout(world.system, points, actions.double())


def _with_one(z: Tensor) -> Tensor:
    return torch.cat([z.double(), torch.ones(len(z), 1, dtype=torch.float64)], dim=1)
