"""The contrastive world model of chapters 4 and 5.

The distances between its latents count steps.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from helm_tutorial.models.batches import begin, encode_once, growth_penalty
from helm_tutorial.models.fit import Progress, fit
from helm_tutorial.models.losses import info_nce, latent_prediction_loss, sample_positives
from helm_tutorial.models.settings import Contrastive, updates_for
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.rollouts import rollout
from helm_tutorial.worlds.walks import Walkable, Walks


def train_contrastive(
    world: Walkable | Walks,
    settings: Contrastive = Contrastive(),  # noqa: B008 (frozen)
    seed: int = 0,
    *,
    encoder: nn.Module | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> WorldModel:
    """Train a world model by InfoNCE and latent prediction.

    InfoNCE pulls together the latents of states that follow each other soon.

    Args:
        world: the world in which to draw random walks, or the walks themselves.
        settings: see :class:`~helm_tutorial.models.settings.Contrastive`.
        seed: seed of the walks, weights and batches.
        encoder: your own network from observations to latents; a copy of it is trained, whose linear and convolutional
            layers are drawn afresh.
        device: where to train; the model is returned on the CPU.
        progress: see :data:`helm_tutorial.models.fit.Progress`.

    Example:
        >>> from helm_tutorial.worlds.gridworld import load_gridworld
        >>> world = load_gridworld("MiniGrid-Empty-5x5-v0")
        >>> model = train_contrastive(world, Contrastive(updates=5), seed=0)
        >>> model.encode(world.features).shape
        torch.Size([36, 32])
    """
    kind = {name: getattr(settings, name) for name in ("sphere", "goal_encoder", "rescale", "tangent")}
    generator, walks, model = begin(world, settings, seed, encoder=encoder, **kind)
    features = walks.features.to(device)
    gamma, ahead = settings.positives_gamma(walks.distinct), settings.prediction_steps

    def loss() -> Tensor:
        anchors, positives = sample_positives(walks.states, settings.batch, gamma=gamma, generator=generator)
        states, actions = walks.windows(settings.batch // ahead, ahead, generator=generator)
        actions = actions.to(device)

        if settings.goal_encoder:
            x, z = encode_once(model.encode, features, anchors, states)
            (y,) = encode_once(model.encode_goal, features, positives)
        else:
            x, y, z = encode_once(model.encode, features, anchors, positives, states)
        if settings.similarity == "cosine" and not settings.sphere:
            x, y = F.normalize(x, dim=1), F.normalize(y, dim=1)
        compared = {name: getattr(settings, name) for name in ("similarity", "symmetric", "negatives")}
        contrast = info_nce(x, y, settings.temperature, **compared)

        imagined = rollout(model, z[:, 0], one_hot_actions(actions, model.num_actions).to(z))
        prediction = latent_prediction_loss(imagined[:, 1:], z[:, 1:])
        growth = growth_penalty(model, z[:, 0], actions[:, 0], settings, generator)
        return contrast + settings.prediction_weight * prediction + growth

    steps = updates_for(settings.updates, walks.distinct)
    fit(model.to(device), loss, steps=steps, lr=settings.lr, decay=True, progress=progress)
    return model.cpu().eval()
