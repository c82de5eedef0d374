"""The data set of a training and its batches: walks, pieces of walks, and each distinct state encoded once.

A batch of 512 samples from a world of 144 states meets most states several times. What depends on the state alone, its
latent, its successors, its similarity to another, is computed once for each state and looked up by the samples: the
same loss from the same draws, for a fifth of the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from helm_book.setup_line import training_device
from helm_study.pillars.expansive import ContinuousWorld, Visited
from helm_tutorial.models.regularity import regularity_loss
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.worlds.gridworld import ACTIONS, Gridworld, random_walks

if TYPE_CHECKING:
    from helm_tutorial.models.contrastive import Training

OBSERVATIONS = 144
"""Distinct observations in Empty-8x8, for which the numbers of updates in ``Training`` are meant."""


class Data:
    """A data set of random walks for one training, and the generator that draws it, the weights and all batches.

    All is drawn on the CPU, so that the draws are the same wherever the training runs, and then moved to ``device``.

    Attributes:
        world: what ``states`` number: a gridworld's own states, or those that walks in a continuous world visit.
        states: shape ``(walks, walk_length + 1)``.
        actions: shape ``(walks, walk_length)``.
        choices: number of actions ``A``.
        observations: number of distinct observations in it; in a continuous world, of places that are told apart.
        device: where the model of :meth:`model` is, and what the batches are moved to.
    """

    def __init__(self, world: Gridworld | ContinuousWorld, config: Training, seed: int, *, on_cpu: bool = False):
        """Draw the walks; ``on_cpu`` keeps a training there that would go to a GPU."""
        self.config, self.on_cpu = config, on_cpu
        self.generator = torch.Generator().manual_seed(seed)
        size = (config.walks, config.walk_length)
        self.world: Gridworld | Visited
        if isinstance(world, ContinuousWorld):
            self.world = world.random_walks(*size, generator=self.generator)
            self.states, self.actions = self.world.walks, self.world.walk_actions
            self.choices, self.observations = world.num_actions, world.places
        else:
            self.world = world
            self.states, self.actions = random_walks(world, *size, generator=self.generator)
            self.choices, self.observations = len(ACTIONS), len(self.states.unique())
        self.device = torch.device("cpu")

    def steps(self, updates: int) -> int:
        """Updates for this data, given those for Empty-8x8's 144 observations."""
        return math.ceil(updates * max(1.0, self.observations / OBSERVATIONS))

    def model(self, **options: bool) -> WorldModel:
        """A new world model for this world, on the device where it is best trained; options are :class:`WorldModel`'s.

        The observations go there too.
        """
        shape = self.world.features.shape[1:]
        features = int(shape[0]) if len(shape) == 1 else tuple(shape)
        sizes = {"latent": self.config.latent, "hidden": self.config.hidden}
        model = WorldModel(features, self.choices, **sizes, **options, generator=self.generator)
        together = min(self.world.num_states, 2 * self.config.batch)
        if not self.on_cpu:
            self.device = training_device(model.encoder, self.world.features, together)
        if self.device.type != "cpu":
            self.world = replace(self.world, features=self.world.features.to(self.device))
        return model.to(self.device)

    def windows(self, count: int, steps: int) -> tuple[Tensor, Tensor]:
        """Pieces of walks: states, shape ``(count, steps + 1)``, and actions, shape ``(count, steps)``."""
        walk = torch.randint(len(self.states), (count, 1), generator=self.generator)
        t = torch.randint(self.actions.shape[1] - steps + 1, (count, 1), generator=self.generator)
        ahead = torch.arange(steps + 1)
        return self.states[walk, t + ahead].to(self.device), self.actions[walk, t + ahead[:-1]].to(self.device)

    def spectral(self, model: WorldModel, z: Tensor, rows: Tensor, actions: Tensor) -> Tensor | float:
        """The spectral penalty at some ``rows`` ``(B,)`` of latents and at ``actions`` ``(B,)``, times its weight."""
        if self.config.spectral_weight == 0.0:
            return 0.0
        z, a = z.index_select(0, rows), one_hot_actions(actions, self.choices)
        form = {"form": self.config.spectral_form, "sphere": model.sphere}
        return self.config.spectral_weight * regularity_loss(model, z, a, self.generator, **form)


def distinct(world: Gridworld | Visited, *states: Tensor) -> tuple[Tensor, ...]:
    """Observations, and for each tensor of states the rows at which theirs stand, of its shape.

    Where they are fewer than the samples, those of all states of the world, each in its own row.
    """
    if world.num_states <= sum(part.numel() for part in states):
        return world.features, *states
    sizes = [part.numel() for part in states]
    rows = torch.arange(sum(sizes), device=states[0].device).split(sizes)
    asked = torch.cat([part.flatten() for part in states])
    return world.features[asked], *(row.view(part.shape) for row, part in zip(rows, states, strict=True))


def encoded(encode: Callable[[Tensor], Tensor], world: Gridworld | Visited, *states: Tensor) -> tuple[Tensor, ...]:
    """Latents, and the rows at which those of each tensor of states stand, see :func:`distinct`."""
    observations, *rows = distinct(world, *states)
    return encode(observations), *rows


def one_step(model: WorldModel, z: Tensor, rows: Tensor, actions: Tensor) -> Tensor:
    """The latents ``(B, D)`` one step from some ``rows`` ``(B,)`` of ``z`` by ``actions`` ``(B,)``.

    Where there are no more latents than samples, each latent's successors are computed once and looked up.
    """
    if len(z) <= len(rows):
        return model.successors(z).flatten(0, 1).index_select(0, rows * model.actions + actions)
    return model(z.index_select(0, rows), one_hot_actions(actions, model.actions).to(z))
