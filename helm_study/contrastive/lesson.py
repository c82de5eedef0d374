"""The model and the planner that chapter 4 writes out, line for line, to be measured over seeds.

The package has the same things in a form for more than one use: :class:`~helm_tutorial.models.world_model.WorldModel`,
:func:`~helm_tutorial.models.losses.sample_positives`, :func:`~helm_tutorial.models.losses.info_nce`,
:func:`~helm_tutorial.models.contrastive.train_contrastive` and
:class:`~helm_tutorial.planning.gradient.GradientPlanner`. A test holds the chapter's cells and these lines together.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helm_tutorial.planning.plan import Plan
from helm_tutorial.worlds.gridworld import Gridworld


class WorldModel(nn.Module):
    """An encoder onto the unit sphere, and one residual per action."""

    def __init__(self, observation, actions, latent=32, hidden=256):
        super().__init__()
        self.num_actions, self.latent = actions, latent
        self.encoder = nn.Sequential(
            nn.Linear(observation, hidden),
            nn.ReLU(),
            nn.Linear(hidden, latent),
        )
        self.residuals = nn.Sequential(
            nn.Linear(latent, hidden),
            nn.ReLU(),
            nn.Linear(hidden, actions * latent),
        )

    def encode(self, x):  # (..., F) -> (..., D)
        return F.normalize(self.encoder(x), dim=-1)

    def forward(self, z, a):  # (..., D), (..., A) -> (..., D)
        shape = (self.num_actions, self.latent)
        moves = self.residuals(z).unflatten(-1, shape)
        move = torch.einsum("...a,...ad->...d", a, moves)
        return F.normalize(z + move, dim=-1)


def sample(walks, batch, gamma, generator):
    """Draw steps of walks, and for each a later step of the same walk."""
    last = walks.shape[1] - 1
    walk = torch.randint(len(walks), (batch,), generator=generator)
    t = torch.randint(last, (batch,), generator=generator)
    u = torch.rand(batch, generator=generator, dtype=torch.float64)
    gap = 1 + ((1 - u).log() / math.log(gamma)).long()
    return walk, t, (t + gap).clamp_max(last)


def contrastive_loss(z, w, tau):  # (B, D), (B, D)
    """InfoNCE: each latent must pick the one that came soon after it."""
    which = torch.arange(len(z))
    return F.cross_entropy(z @ w.T / tau, which)


def train(model, x, walks, actions, generator, gamma=0.8, tau=0.1, updates=2000):
    """Train by contrast and by prediction; return the last loss."""
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(updates):
        z = model.encode(x)  # every state, once
        walk, t, later = sample(walks, 512, gamma, generator)
        now, then = z[walks[walk, t]], z[walks[walk, t + 1]]
        a = F.one_hot(actions[walk, t], 3).float()
        error = (model(now, a) - then).square().sum(-1).mean()
        loss = error + contrastive_loss(now, z[walks[walk, later]], tau)
        adam.zero_grad()
        loss.backward()
        adam.step()
    return loss.item()


def plan(model, z0, goal, generator, T=12, restarts=8, steps=50):
    """Improve random plans by gradient and return the best, shape ``(B, T)``."""
    logits = torch.randn(len(z0), restarts, T, 3, generator=generator)
    logits.requires_grad_()
    adam = torch.optim.Adam([logits], lr=0.3)
    for _ in range(steps):
        z, cost = z0[:, None].expand(-1, restarts, -1), 0.0
        for a in logits.softmax(-1).unbind(2):  # imagine step by step
            z = model(z, a)
            gaps = (z[:, :, None] - goal).norm(dim=-1)
            cost = cost + gaps.amin(-1)  # to the nearest of the goal's latents
        adam.zero_grad()
        cost.sum().backward()  # ... and improve the plan
        adam.step()
    best = cost.argmin(1)
    return logits[torch.arange(len(z0)), best].argmax(-1)


def trained_lesson(world: Gridworld, seed: int, **settings: float) -> WorldModel:
    """Train the lesson's model as the chapter does, from one seed.

    Args:
        world: the room; the walks are 1000 of 50 random steps.
        seed: seed of weights, walks and batches.
        **settings: ``gamma``, ``tau`` and ``updates`` of :func:`train`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = WorldModel(world.features.shape[1], 3)
    generator = torch.Generator().manual_seed(seed)
    walks = world.random_walks(1000, 50, generator=generator)
    train(model, world.features, walks.states, walks.actions, generator, **settings)
    return model.requires_grad_(False)


def lesson_planner(
    model: WorldModel, z0: Tensor, goal: Tensor, *, generator: torch.Generator, warm_start: None = None
) -> Plan:
    """Plan with :func:`plan`, in the form that :func:`~helm_tutorial.planning.episodes.run_episodes` calls."""
    with torch.enable_grad():
        return Plan(plan(model, z0, goal, generator), torch.zeros(len(z0)))
