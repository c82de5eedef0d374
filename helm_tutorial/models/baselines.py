"""World models with which the contrastive one is compared.

They are trained to predict, and their latent distances say little about the number of steps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from helm_tutorial.models.batches import begin, encode_once, growth_penalty
from helm_tutorial.models.fit import Progress, fit
from helm_tutorial.models.losses import covariance_loss, latent_prediction_loss, reconstruction_loss, variance_loss
from helm_tutorial.models.settings import LatentPrediction, Reconstruction, VarianceCovariance, updates_for
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.worlds.walks import Walkable, Walks


def train_reconstruction(
    world: Walkable | Walks,
    settings: Reconstruction = Reconstruction(),  # noqa: B008 (frozen)
    seed: int = 0,
    *,
    encoder: nn.Module | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> WorldModel:
    """Train an autoencoder, then dynamics on its frozen, standardised latents.

    The two stages keep one objective from being traded for the other: the decoder stays exact, and the dynamics have
    fixed targets. This is not a weak baseline; its predictions are almost perfect.

    The arguments are those of :func:`~helm_tutorial.models.contrastive.train_contrastive`.

    Example:
        >>> from helm_tutorial.worlds.gridworld import load_gridworld
        >>> world = load_gridworld("MiniGrid-Empty-5x5-v0")
        >>> model = train_reconstruction(world, Reconstruction(autoencoder_updates=5, dynamics_updates=5), seed=0)
        >>> model.encode(world.features).shape
        torch.Size([36, 32])
    """
    generator, walks, model = begin(world, settings, seed, encoder=encoder, decoder=True)
    features, visited = walks.features.to(device), walks.states.flatten()
    first = updates_for(settings.autoencoder_updates, walks.distinct)
    second = updates_for(settings.dynamics_updates, walks.distinct)

    def told(before: int) -> Progress | None:  # one report over both stages
        if progress is None:
            return None
        return lambda step, _, loss: progress(before + step, first + second, loss)

    def autoencoder_loss() -> Tensor:
        drawn = visited[torch.randint(len(visited), (settings.batch // 2,), generator=generator)]
        met, counts = drawn.unique(return_counts=True)  # each state once, as in encode_once
        x = features[met.to(device)]
        return reconstruction_loss(model.decode(model.encode(x)), x, counts.to(device))

    fit(model.to(device), autoencoder_loss, steps=first, lr=settings.lr, decay=True, progress=told(0))
    model.standardise(features, visited.to(device))
    with torch.no_grad():
        z = model.encode(features)

    def dynamics_loss() -> Tensor:
        states, actions = (part.to(device) for part in walks.windows(settings.batch, 1, generator=generator))
        here, there = z[states].unbind(dim=1)
        predicted = model(here, one_hot_actions(actions[:, 0], model.num_actions).to(z))
        growth = growth_penalty(model, here, actions[:, 0], settings, generator)
        return latent_prediction_loss(predicted, there) + growth

    fit(model.residuals, dynamics_loss, steps=second, lr=settings.lr, decay=True, progress=told(first))
    return model.cpu().eval()


def train_latent_prediction(
    world: Walkable | Walks,
    settings: LatentPrediction = LatentPrediction(),  # noqa: B008 (frozen)
    seed: int = 0,
    *,
    encoder: nn.Module | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> WorldModel:
    """Train encoder and dynamics together to predict the next latent.

    Nothing in the loss keeps latents apart, so equal latents for all states minimise it too.

    The arguments are those of :func:`~helm_tutorial.models.contrastive.train_contrastive`.

    Example:
        >>> from helm_tutorial.worlds.gridworld import load_gridworld
        >>> world = load_gridworld("MiniGrid-Empty-5x5-v0")
        >>> model = train_latent_prediction(world, LatentPrediction(updates=5), seed=0)
        >>> model.encode(world.features).shape
        torch.Size([36, 32])
    """
    generator, walks, model = begin(world, settings, seed, encoder=encoder)
    features = walks.features.to(device)

    def loss() -> Tensor:
        states, actions = walks.windows(settings.batch, 1, generator=generator)
        actions = actions[:, 0].to(device)
        here, there = encode_once(model.encode, features, states)[0].unbind(dim=1)
        predicted = model(here, one_hot_actions(actions, model.num_actions).to(here))
        prediction = latent_prediction_loss(predicted, there.detach() if settings.stop_gradient else there)
        return prediction + growth_penalty(model, here, actions, settings, generator)

    steps = updates_for(settings.updates, walks.distinct)
    fit(model.to(device), loss, steps=steps, lr=settings.lr, decay=True, progress=progress)
    return model.cpu().eval()


def train_variance_covariance(
    world: Walkable | Walks,
    settings: VarianceCovariance = VarianceCovariance(),  # noqa: B008 (frozen)
    seed: int = 0,
    *,
    encoder: nn.Module | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> WorldModel:
    """Train latent prediction with VICReg's variance and covariance terms.

    The terms (Bardes et al., 2022) prevent collapse: every coordinate must vary, and no two may covary. So the latents
    spread over all directions, but nothing says which states should be near each other.

    The arguments are those of :func:`~helm_tutorial.models.contrastive.train_contrastive`.

    Example:
        >>> from helm_tutorial.worlds.gridworld import load_gridworld
        >>> world = load_gridworld("MiniGrid-Empty-5x5-v0")
        >>> model = train_variance_covariance(world, VarianceCovariance(updates=5), seed=0)
        >>> model.encode(world.features).shape
        torch.Size([36, 32])
    """
    generator, walks, model = begin(world, settings, seed, encoder=encoder)
    features = walks.features.to(device)

    def loss() -> Tensor:
        states, actions = walks.windows(settings.batch, 1, generator=generator)
        actions = actions[:, 0].to(device)
        here, there = encode_once(model.encode, features, states)[0].unbind(dim=1)
        predicted = model(here, one_hot_actions(actions, model.num_actions).to(here))
        prediction = latent_prediction_loss(predicted, there)
        varied = settings.variance_weight * variance_loss(here) + settings.covariance_weight * covariance_loss(here)
        growth = growth_penalty(model, here, actions, settings, generator)
        # Prediction sums over coordinates and these terms average; the factor puts both on the same scale.
        return prediction + settings.latent * varied + growth

    steps = updates_for(settings.updates, walks.distinct)
    fit(model.to(device), loss, steps=steps, lr=settings.lr, decay=True, progress=progress)
    return model.cpu().eval()
