"""Steps that all recipes share.

They draw walks and a model from one seed, encode a batch, and add the penalty on growth.
"""

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
    """Draw the walks and the initial model of a training run.

    Returns the generator, the walks, and the model, which has the observations' dtype.

    Args:
        world: the world in which to draw walks, or the walks.
        settings: settings of the recipe.
        seed: everything is drawn from it, on the CPU, so that the draws are the same on every device.
        encoder: your own network from observations to latents; a copy of it is trained.
        options: options of :class:`~helm_tutorial.models.world_model.WorldModel`.
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
    """Encode each state of a batch only once.

    A batch of 512 samples from a world of 144 states contains most of them several times. So the network encodes each
    state once, and the samples look up their latents: ``encode(features[met])[rows]`` equals
    ``encode(features[states])`` for a fraction of the work.

    Args:
        encode: observations ``(M, ...)`` to latents ``(M, D)``.
        features: observations of all states, shape ``(N, ...)``.
        states: indices of any shape.

    Returns:
        The latents of each tensor of ``states``, in its shape followed by ``D``.
    """
    met, rows = torch.cat([part.flatten() for part in states]).unique(return_inverse=True)
    z = encode(features[met.to(features.device)])
    parts = rows.to(z.device).split([part.numel() for part in states])
    return [z[row].unflatten(0, part.shape) for row, part in zip(parts, states, strict=True)]


def growth_penalty(
    model: WorldModel, z: Tensor, actions: Tensor, settings: Settings, generator: torch.Generator
) -> Tensor | float:
    """Weighted penalty on growth, or 0 if its weight is 0.

    ``z`` are latents ``(B, D)``, and ``actions`` are indices ``(B,)``.
    """
    if settings.spectral_weight == 0.0:
        return 0.0
    a = one_hot_actions(actions, model.num_actions).to(z)
    form = {"form": settings.spectral_form, "sphere": model.sphere}
    return settings.spectral_weight * regularity_loss(model, z, a, generator, **form)
