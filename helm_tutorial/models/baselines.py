"""World models that are good at something else than distances: what the contrastive one is compared with."""

from __future__ import annotations

import torch
from torch import Tensor

from helm_study.pillars.expansive import ContinuousWorld
from helm_tutorial.models.batches import Data, distinct, encoded, one_step
from helm_tutorial.models.contrastive import Training
from helm_tutorial.models.fit import Progress, fit
from helm_tutorial.models.losses import covariance_loss, latent_prediction_loss, reconstruction_loss, variance_loss
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.worlds.gridworld import Gridworld


def train_reconstruction(
    world: Gridworld | ContinuousWorld, config: Training, seed: int, *, progress: Progress | None = None
) -> WorldModel:
    """An autoencoder trained to exact reconstruction, frozen, its latents standardised; then dynamics on them.

    Two stages, so that neither goal is traded for the other: the decoder stays exact and the
    dynamics see fixed targets. Not a weak baseline: its predictions are all but perfect.
    """
    data = Data(world, config, seed)
    model = data.model(decoder=True)
    visited = data.states.reshape(-1)

    def autoencoder_loss() -> Tensor:
        chosen = visited[torch.randint(len(visited), (config.batch // 2,), generator=data.generator)]
        x, rows = distinct(data.world, chosen.to(data.device))
        return reconstruction_loss(model.decode(model.encode(x)), x, torch.bincount(rows, minlength=len(x)))

    first, second = data.steps(config.autoencoder_updates), data.steps(config.dynamics_updates)
    both = _two_stages(progress, first, second)
    fit(model, autoencoder_loss, steps=first, lr=config.lr, decay=True, progress=both[0])
    model.standardise(data.world.features, visited.to(data.device))
    with torch.no_grad():
        z = model.encode(data.world.features)

    def dynamics_loss() -> Tensor:
        s, a = data.windows(config.batch, 1)
        predicted = one_step(model, z, s[:, 0], a[:, 0])
        return latent_prediction_loss(predicted, z[s[:, 1]]) + data.spectral(model, z, s[:, 0], a[:, 0])

    fit(model.residuals, dynamics_loss, steps=second, lr=config.lr, decay=True, progress=both[1])
    return model.cpu().eval()


def train_latent_prediction(
    world: Gridworld | ContinuousWorld,
    config: Training,
    seed: int,
    *,
    stop_gradient: bool = True,
    progress: Progress | None = None,
) -> WorldModel:
    """Encoder and dynamics trained together on predicting the next latent, its target detached by ``stop_gradient``.

    Nothing asks the latents to differ, so the loss is also minimised by making them all alike.
    """
    data = Data(world, config, seed)
    model = data.model()

    def loss() -> Tensor:
        s, a = data.windows(config.batch, 1)
        z, here, there = encoded(model.encode, data.world, s[:, 0], s[:, 1])
        target = z.index_select(0, there)
        prediction = latent_prediction_loss(
            one_step(model, z, here, a[:, 0]), target.detach() if stop_gradient else target
        )
        return prediction + data.spectral(model, z, here, a[:, 0])

    fit(model, loss, steps=data.steps(config.updates), lr=config.lr, decay=True, progress=progress)
    return model.cpu().eval()


def train_variance_covariance(
    world: Gridworld | ContinuousWorld, config: Training, seed: int, *, progress: Progress | None = None
) -> WorldModel:
    """Latent prediction kept from collapsing: coordinates must vary, each in its own way (VICReg; Bardes et al., 2022).

    The latents spread over all directions, and nothing says which state is to be near which.
    """
    data = Data(world, config, seed)
    model = data.model()

    def loss() -> Tensor:
        s, a = data.windows(config.batch, 1)
        z, here, there = encoded(model.encode, data.world, s[:, 0], s[:, 1])
        prediction = latent_prediction_loss(one_step(model, z, here, a[:, 0]), z.index_select(0, there))
        # Summed over coordinates, as latent prediction is, so that the weights compare like with like.
        start = z.index_select(0, here)
        varied = config.variance_weight * variance_loss(start) + config.covariance_weight * covariance_loss(start)
        return prediction + config.latent * varied + data.spectral(model, z, here, a[:, 0])

    fit(model, loss, steps=data.steps(config.updates), lr=config.lr, decay=True, progress=progress)
    return model.cpu().eval()


def untrained(world: Gridworld | ContinuousWorld, config: Training, seed: int) -> WorldModel:
    """The model that :func:`train_latent_prediction` starts from: what collapse is measured against."""
    return Data(world, config, seed).model().cpu()


def _two_stages(progress: Progress | None, first: int, second: int) -> tuple[Progress | None, Progress | None]:
    """One progress report over two fits."""
    if progress is None:
        return None, None
    total = first + second
    return (
        lambda step, steps, loss: progress(step, total, loss),
        lambda step, steps, loss: progress(first + step, total, loss),
    )
