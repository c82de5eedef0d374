"""A user's program that needs every name of the face: mypy checks it as strictly as it can, and the test runs it."""

from __future__ import annotations

import torch
from torch import Tensor

from helm_tutorial import (
    Contrastive,
    CrossEntropyPlanner,
    GradientPlanner,
    Gridworld,
    LatentPrediction,
    LocalSearchPlanner,
    MPPIPlanner,
    Plan,
    Reconstruction,
    VarianceCovariance,
    Walks,
    WorldModel,
    bounded_gradient,
    descend,
    info_nce,
    invariance_loss,
    load_gridworld,
    lqr_gain,
    metric_correlation,
    mollify,
    plan_multiple_shooting,
    regularity_loss,
    rollout,
    rollout_jacobian,
    run_episodes,
    spectral_penalty,
    step_jacobian,
    train_contrastive,
    train_latent_prediction,
    train_reconstruction,
    train_variance_covariance,
)


def decay(z: Tensor, a: Tensor) -> Tensor:
    """A world model of our own."""
    return 0.9 * z + a


class Bumpy(torch.nn.Module):
    """An energy of our own."""

    def forward(self, a: Tensor) -> Tensor:
        """``(B, A) -> (B,)``."""
        return a.square().sum(dim=1) + (5 * a).sin().sum(dim=1)


def growth() -> list[Tensor]:
    """Chapter 1: how a rollout answers to its actions, what penalises that, and plans that do without."""
    g = torch.Generator().manual_seed(0)
    z, a = torch.ones(2, 3), torch.zeros(2, 3)
    states = rollout(decay, z, torch.zeros(2, 4, 3))
    by_action = rollout_jacobian(decay, z, torch.zeros(2, 4, 3)).action
    by_state, _ = step_jacobian(decay, z, a)
    penalties = [spectral_penalty(decay, z, a, generator=g), regularity_loss(bounded_gradient(decay), z, a, g)]
    gain = lqr_gain(by_state[0], torch.eye(3))
    plan: Plan = plan_multiple_shooting(decay, z, -z, 4, num_actions=3)
    return [states, by_action, *penalties, gain, plan.actions]


def funnel() -> list[Tensor]:
    """Chapter 2: descent on an energy, on a smoother one, and the loss that makes a model smooth."""
    g = torch.Generator().manual_seed(0)
    energy, starts = Bumpy(), torch.ones(2, 2)
    smooth = mollify(energy, 0.5, generator=g, samples=8)
    loss = invariance_loss(energy, starts, energy(starts), g, sigma=0.1, weight=1.0)
    return [descend(energy, starts, steps=3), descend(smooth, starts, steps=3), loss]


def models(walks: Walks) -> list[WorldModel]:
    """Chapters 3 to 5: one model of each recipe, from walks alone."""
    return [
        train_contrastive(walks, Contrastive(updates=2, batch=8), seed=0),
        train_reconstruction(walks, Reconstruction(autoencoder_updates=2, dynamics_updates=2, batch=8), seed=0),
        train_latent_prediction(walks, LatentPrediction(updates=2, batch=8), seed=0),
        train_variance_covariance(walks, VarianceCovariance(updates=2, batch=8), seed=0),
    ]


def plans(world: Gridworld, model: WorldModel) -> list[Plan]:
    """Chapters 3 to 9: one plan of each planner, for discrete actions and for real ones."""
    z = model.encode(world.features)
    z0, goal = z[:2], model.encode(world.goal)
    n = world.num_actions
    found = [
        GradientPlanner(horizon=2, num_actions=n, restarts=2, steps=2)(model, z0, goal),
        CrossEntropyPlanner(horizon=2, num_actions=n, iterations=2, samples=4, elites=2)(model, z0, goal),
        MPPIPlanner(horizon=2, num_actions=n, iterations=2, samples=4)(model, z0, goal),
        LocalSearchPlanner(horizon=2, num_actions=n, rounds=1, restarts=2, swaps=2)(model, z0, goal),
    ]
    real = GradientPlanner(horizon=2, low=[-1.0] * 3, high=[1.0] * 3, restarts=2, steps=2)
    return [*found, real(decay, torch.ones(2, 3), torch.zeros(1, 3))]


def main() -> None:
    """Use everything once."""
    assert all(bool(value.isfinite().all()) for value in growth() + funnel())
    world = load_gridworld("MiniGrid-Empty-5x5-v0")
    walks = world.random_walks(4, 8, generator=torch.Generator().manual_seed(0))
    model, *others = models(walks)
    assert all(plan.cost.shape == (2,) for plan in plans(world, model))
    z = model.encode(world.features)
    assert info_nce(z, z.roll(1, 0), 0.1).item() > 0
    assert -1 <= metric_correlation(z, (z[:, None] - z).norm(dim=2)) <= 1
    episodes = run_episodes(world, others[0], GradientPlanner(horizon=2, num_actions=3), [world.start], limit=2)
    assert episodes.success.shape == (1,)


if __name__ == "__main__":
    main()
