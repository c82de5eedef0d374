"""What all recipes do: draw walks and a model from one seed, encode a batch, and add the penalty on growth."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from helm_tutorial.models.regularity import regularity_loss
from helm_tutorial.models.settings import Settings
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.worlds.walks import Walkable, Walks, walks_in


def begin(
    world: Walkable | Walks, settings: Settings, seed: int, *, encoder: nn.Module | None = None, **options: bool
) -> tuple[torch.Generator, Walks, WorldModel]:
    """The generator of a training, and what it draws first: walks, then a model of the observations' dtype.

    Args:
        world: to walk in, or the walks.
        settings: of the recipe.
        seed: everything is drawn from it, on the CPU, so that the draws are the same on every device.
        encoder: a network of your own from observations to latents; a copy of it is trained.
        options: of :class:`~helm_tutorial.models.world_model.WorldModel`.
    """
    generator = torch.Generator().manual_seed(seed)
    walks = walks_in(world, settings.walks, settings.walk_length, generator=generator)
    model = WorldModel(
        walks.features.shape[1] if walks.features.ndim == 2 else None,
        walks.num_actions,
        latent=settings.latent,
        hidden=settings.hidden,
        encoder=copy.deepcopy(encoder),
        generator=generator,
        **options,
    )
    return generator, walks, model.to(walks.features.dtype)


def encode_once(encode: Callable[[Tensor], Tensor], features: Tensor, *states: Tensor) -> list[Tensor]:
    """Latents of each tensor of ``states``, where every state is encoded only once.

    A batch of 512 samples from a world of 144 states meets most of them several times. So the network sees each state
    that is met, once, and the samples look their latents up: ``encode(features[met])[rows]`` is the same as
    ``encode(features[states])`` for a fraction of the work.

    Args:
        encode: observations ``(M, ...)`` to latents ``(M, D)``.
        features: observations of all states, shape ``(N, ...)``.
        states: indices of any shape.

    Returns:
        For each of ``states`` its latents, of its shape and ``D``.
    """
    met, rows = torch.cat([part.flatten() for part in states]).unique(return_inverse=True)
    z = encode(features[met.to(features.device)])
    parts = rows.to(z.device).split([part.numel() for part in states])
    return [z[row].unflatten(0, part.shape) for row, part in zip(parts, states, strict=True)]


def growth_penalty(
    model: WorldModel, z: Tensor, actions: Tensor, settings: Settings, generator: torch.Generator
) -> Tensor | float:
    """The weighted penalty on growth at latents ``(B, D)`` and action indices ``(B,)``; 0 where its weight is 0."""
    if settings.spectral_weight == 0.0:
        return 0.0
    a = one_hot_actions(actions, model.num_actions).to(z)
    form = {"form": settings.spectral_form, "sphere": model.sphere}
    return settings.spectral_weight * regularity_loss(model, z, a, generator, **form)
