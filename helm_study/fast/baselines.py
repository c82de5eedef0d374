"""The baselines that made the records; the same as the core's but for rounding, and faster."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from helm_study.fast.data import Data, distinct, encoded, one_step
from helm_tutorial.models.fit import Progress, fit
from helm_tutorial.models.losses import covariance_loss, latent_prediction_loss, reconstruction_loss, variance_loss
from helm_tutorial.models.settings import LatentPrediction, Reconstruction, VarianceCovariance
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.worlds.walks import Walkable, Walks


def train_reconstruction(
    world: Walkable | Walks,
    settings: Reconstruction,
    seed: int,
    *,
    encoder: nn.Module | None = None,
    progress: Progress | None = None,
) -> WorldModel:
    """What :func:`helm_tutorial.models.baselines.train_reconstruction` trains, from the same draws."""
    data = Data(world, settings, seed, encoder=encoder, decoder=True)
    model, walks = data.model, data.walks
    visited = walks.states.flatten()
    first, second = data.steps(settings.autoencoder_updates), data.steps(settings.dynamics_updates)

    def told(before: int) -> Progress | None:  # one report over both stages
        if progress is None:
            return None
        return lambda step, _, loss: progress(before + step, first + second, loss)

    def autoencoder_loss() -> Tensor:
        chosen = visited[torch.randint(len(visited), (settings.batch // 2,), generator=data.generator)]
        x, rows = distinct(walks, chosen)
        return reconstruction_loss(model.decode(model.encode(x)), x, torch.bincount(rows, minlength=len(x)))

    fit(model, autoencoder_loss, steps=first, lr=settings.lr, decay=True, progress=told(0))
    model.standardise(walks.features, visited)
    with torch.no_grad():
        z = model.encode(walks.features)

    def dynamics_loss() -> Tensor:
        s, a = data.windows(settings.batch, 1)
        predicted = one_step(model, z, s[:, 0], a[:, 0])
        return latent_prediction_loss(predicted, z[s[:, 1]]) + data.spectral(z, s[:, 0], a[:, 0])

    fit(model.residuals, dynamics_loss, steps=second, lr=settings.lr, decay=True, progress=told(first))
    return model.eval()


def train_latent_prediction(
    world: Walkable | Walks,
    settings: LatentPrediction,
    seed: int,
    *,
    encoder: nn.Module | None = None,
    progress: Progress | None = None,
) -> WorldModel:
    """What :func:`helm_tutorial.models.baselines.train_latent_prediction` trains, from the same draws."""
    data = Data(world, settings, seed, encoder=encoder)
    model = data.model

    def loss() -> Tensor:
        s, a = data.windows(settings.batch, 1)
        z, here, there = encoded(model.encode, data.walks, s[:, 0], s[:, 1])
        target = z.index_select(0, there)
        predicted = one_step(model, z, here, a[:, 0])
        prediction = latent_prediction_loss(predicted, target.detach() if settings.stop_gradient else target)
        return prediction + data.spectral(z, here, a[:, 0])

    fit(model, loss, steps=data.steps(settings.updates), lr=settings.lr, decay=True, progress=progress)
    return model.eval()


def train_variance_covariance(
    world: Walkable | Walks,
    settings: VarianceCovariance,
    seed: int,
    *,
    encoder: nn.Module | None = None,
    progress: Progress | None = None,
) -> WorldModel:
    """What :func:`helm_tutorial.models.baselines.train_variance_covariance` trains, from the same draws."""
    data = Data(world, settings, seed, encoder=encoder)
    model = data.model

    def loss() -> Tensor:
        s, a = data.windows(settings.batch, 1)
        z, here, there = encoded(model.encode, data.walks, s[:, 0], s[:, 1])
        prediction = latent_prediction_loss(one_step(model, z, here, a[:, 0]), z.index_select(0, there))
        start = z.index_select(0, here)
        varied = settings.variance_weight * variance_loss(start) + settings.covariance_weight * covariance_loss(start)
        return prediction + settings.latent * varied + data.spectral(z, here, a[:, 0])

    fit(model, loss, steps=data.steps(settings.updates), lr=settings.lr, decay=True, progress=progress)
    return model.eval()


def untrained(world: Walkable | Walks, settings: LatentPrediction, seed: int) -> WorldModel:
    """The model that :func:`train_latent_prediction` begins with: what collapse is measured against."""
    return Data(world, settings, seed).model
