"""The data of a training and its batches, where each distinct state is encoded once and each pair compared once.

A batch of 512 samples from a world of 144 states meets most states several times. What depends on the state alone, its
latent, its successors, its similarity to another, is computed once for each state and looked up by the samples. The
losses are those of ``helm_tutorial.models``, from the same draws, and agree but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from helm_tutorial.models.batches import begin, growth_penalty
from helm_tutorial.models.settings import Settings, updates_for
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.worlds.walks import Walkable, Walks


class Data:
    """A data set of random walks for one training, the model that it begins with, and the generator that drew both.

    Attributes:
        settings: of the recipe.
        generator: draws all batches.
        walks: see :class:`helm_tutorial.worlds.walks.Walks`.
        model: before its first update.
    """

    def __init__(
        self,
        world: Walkable | Walks,
        settings: Settings,
        seed: int,
        *,
        encoder: nn.Module | None = None,
        **options: bool,
    ):
        self.settings = settings
        self.generator, self.walks, self.model = begin(world, settings, seed, encoder=encoder, **options)

    def steps(self, updates: int) -> int:
        """Updates for this data, given those for Empty-8x8's 144 observations."""
        return updates_for(updates, self.walks.distinct)

    def windows(self, count: int, steps: int) -> tuple[Tensor, Tensor]:
        """Pieces of walks: states, shape ``(count, steps + 1)``, and actions, shape ``(count, steps)``."""
        return self.walks.windows(count, steps, generator=self.generator)

    def spectral(self, z: Tensor, rows: Tensor, actions: Tensor) -> Tensor | float:
        """The spectral penalty at some ``rows`` ``(B,)`` of latents and at ``actions`` ``(B,)``, times its weight."""
        if self.settings.spectral_weight == 0.0:
            return 0.0
        return growth_penalty(self.model, z.index_select(0, rows), actions, self.settings, self.generator)


def distinct(walks: Walks, *states: Tensor) -> tuple[Tensor, ...]:
    """Observations, and for each tensor of states the rows at which theirs stand, of its shape.

    Where they are fewer than the samples, those of all states, each in its own row.
    """
    if walks.num_states <= sum(part.numel() for part in states):
        return walks.features, *states
    sizes = [part.numel() for part in states]
    rows = torch.arange(sum(sizes)).split(sizes)
    asked = torch.cat([part.flatten() for part in states])
    return walks.features[asked], *(row.view(part.shape) for row, part in zip(rows, states, strict=True))


def encoded(encode: Callable[[Tensor], Tensor], walks: Walks, *states: Tensor) -> tuple[Tensor, ...]:
    """Latents, and the rows at which those of each tensor of states stand, see :func:`distinct`."""
    observations, *rows = distinct(walks, *states)
    return encode(observations), *rows


def one_step(model: WorldModel, z: Tensor, rows: Tensor, actions: Tensor) -> Tensor:
    """The latents ``(B, D)`` one step from some ``rows`` ``(B,)`` of ``z`` by ``actions`` ``(B,)``.

    Where there are no more latents than samples, each latent's successors are computed once and looked up.
    """
    if len(z) <= len(rows):
        return model.successors(z).flatten(0, 1).index_select(0, rows * model.num_actions + actions)
    return model(z.index_select(0, rows), one_hot_actions(actions, model.num_actions).to(z))
