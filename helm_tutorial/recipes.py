"""How the world models of chapters 3 to 5 are trained: one function each, all on the same random walks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from helm_tutorial.gridworld import ACTIONS, Gridworld, random_walks
from helm_tutorial.jacobian import spectral_penalty_hutchinson
from helm_tutorial.losses import info_nce, latent_prediction_loss, reconstruction_loss, sample_positives
from helm_tutorial.training import Progress, fit
from helm_tutorial.validation import require_count, require_real
from helm_tutorial.world_model import WorldModel, one_hot_actions


@dataclass(frozen=True)
class Training:
    """What all world models share, and what each adds.

    Attributes:
        walks: random walks in the data set.
        walk_length: their length in steps; 1000 walks of 50 steps meet each of the 432 state-action
            pairs of Empty-8x8 more than a hundred times.
        latent: latent dimension ``D``.
        hidden: width of the hidden layers.
        batch: samples in a batch ``B``; the autoencoder takes half of it, its decoder being the larger network.
        lr: Adam's step size, falling to 0 over the second half of each fit.
        autoencoder_updates: reconstruction, first stage; fewer leave some of the 144 pictures inexact.
        dynamics_updates: reconstruction, second stage.
        updates: latent prediction and contrastive training, each in one stage.
        gamma: positives are a geometric number of steps ahead, ``1 / (1 - gamma)`` in the mean; 0 is
            the printed loss.
        temperature: of InfoNCE, fixed. A learned temperature falls together with the distances of the
            latents, since latent prediction likes them small: a slow collapse that InfoNCE does not notice.
        prediction_weight: weight of latent prediction beside InfoNCE.
        spectral_weight: weight of the step Jacobian's squared Frobenius norm (Hutchinson estimate);
            0 switches the first pillar off.
    """

    walks: int = 1000
    walk_length: int = 50
    latent: int = 32
    hidden: int = 256
    batch: int = 512
    lr: float = 2e-3
    autoencoder_updates: int = 4000
    dynamics_updates: int = 2000
    updates: int = 2000
    gamma: float = 0.8
    temperature: float = 0.1
    prediction_weight: float = 1.0
    spectral_weight: float = 0.0

    def __post_init__(self) -> None:
        counts = ("walks", "walk_length", "latent", "hidden", "autoencoder_updates", "dynamics_updates", "updates")
        for name in counts:
            require_count(name, getattr(self, name))
        require_count("batch", self.batch, low=2)
        for name in ("lr", "temperature"):
            require_real(name, getattr(self, name), above=0.0)
        require_real("gamma", self.gamma, low=0.0, high=0.999)
        for name in ("prediction_weight", "spectral_weight"):
            require_real(name, getattr(self, name), low=0.0)


def train_reconstruction(
    world: Gridworld, config: Training, seed: int, *, progress: Progress | None = None
) -> WorldModel:
    """An autoencoder trained to exact reconstruction, frozen, its latents standardised; then dynamics on them.

    Two stages, so that neither goal is traded for the other: the decoder stays exact and the
    dynamics see fixed targets. Not a weak baseline: its predictions are all but perfect.
    """
    generator, states, actions = _data(world, config, seed)
    model = _model(world, config, generator, sphere=False, decoder=True)
    visited = states.reshape(-1)

    def autoencoder_loss() -> Tensor:
        chosen = visited[torch.randint(len(visited), (config.batch // 2,), generator=generator)]
        x = world.features[chosen]
        return reconstruction_loss(model.decode(model.encode(x)), x)

    both = _two_stages(progress, config.autoencoder_updates, config.dynamics_updates)
    fit(model, autoencoder_loss, steps=config.autoencoder_updates, lr=config.lr, decay=True, progress=both[0])
    model.standardise(world.features[visited])
    with torch.no_grad():
        z = model.encode(world.features)

    def dynamics_loss() -> Tensor:
        s, a, s_next = _transitions(states, actions, config.batch, generator)
        a = one_hot_actions(a, len(ACTIONS))
        loss = latent_prediction_loss(model(z[s], a), z[s_next])
        return loss + _spectral(model, z[s], a, config, generator)

    fit(model.residuals, dynamics_loss, steps=config.dynamics_updates, lr=config.lr, decay=True, progress=both[1])
    return model.eval()


def train_latent_prediction(
    world: Gridworld, config: Training, seed: int, *, progress: Progress | None = None
) -> WorldModel:
    """Encoder and dynamics trained together on predicting the next latent, its target detached.

    Nothing asks the latents to differ, so the loss is also minimised by making them all alike.
    """
    generator, states, actions = _data(world, config, seed)
    model = _model(world, config, generator, sphere=False, decoder=False)

    def loss() -> Tensor:
        s, a, s_next = _transitions(states, actions, config.batch, generator)
        z = model.encode(world.features)
        a = one_hot_actions(a, len(ACTIONS))
        return latent_prediction_loss(model(z[s], a), z[s_next].detach()) + _spectral(model, z[s], a, config, generator)

    fit(model, loss, steps=config.updates, lr=config.lr, decay=True, progress=progress)
    return model.eval()


def train_contrastive(
    world: Gridworld,
    config: Training,
    seed: int,
    *,
    progress: Progress | None = None,
    watch: Callable[[int, WorldModel], None] | None = None,
) -> WorldModel:
    """InfoNCE on latents of the sphere, and latent prediction beside it.

    With ``config.gamma = 0`` the positives are the next states: the loss as the report prints it.
    ``watch(step, model)`` is called before the first update and after each; it may look at the model, not change it.
    """
    generator, states, actions = _data(world, config, seed)
    model = _model(world, config, generator, sphere=True, decoder=False)

    def loss() -> Tensor:
        anchors, positives = sample_positives(states, config.batch, gamma=config.gamma, generator=generator)
        s, a, s_next = _transitions(states, actions, config.batch, generator)
        # Every state once, then looked up: there are fewer states than samples.
        z = model.encode(world.features)
        a = one_hot_actions(a, len(ACTIONS))
        contrast = info_nce(z[anchors], z[positives], config.temperature)
        prediction = latent_prediction_loss(model(z[s], a), z[s_next])
        spectral = _spectral(model, z[s], a, config, generator)
        return contrast + config.prediction_weight * prediction + spectral

    seen = None if watch is None else (lambda step: watch(step, model))
    fit(model, loss, steps=config.updates, lr=config.lr, decay=True, progress=progress, watch=seen)
    return model.eval()


def untrained(world: Gridworld, config: Training, seed: int) -> WorldModel:
    """The model that :func:`train_latent_prediction` starts from: what collapse is measured against."""
    generator, _, _ = _data(world, config, seed)
    return _model(world, config, generator, sphere=False, decoder=False)


def _data(world: Gridworld, config: Training, seed: int) -> tuple[torch.Generator, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return generator, *random_walks(world, config.walks, config.walk_length, generator=generator)


def _model(
    world: Gridworld, config: Training, generator: torch.Generator, *, sphere: bool, decoder: bool
) -> WorldModel:
    return WorldModel(
        world.features.shape[1],
        len(ACTIONS),
        latent=config.latent,
        hidden=config.hidden,
        sphere=sphere,
        decoder=decoder,
        generator=generator,
    )


def _transitions(
    states: Tensor, actions: Tensor, batch: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    walk = torch.randint(len(states), (batch,), generator=generator)
    t = torch.randint(actions.shape[1], (batch,), generator=generator)
    return states[walk, t], actions[walk, t], states[walk, t + 1]


def _spectral(model: WorldModel, z: Tensor, a: Tensor, config: Training, generator: torch.Generator) -> Tensor | float:
    if config.spectral_weight == 0.0:
        return 0.0
    return config.spectral_weight * spectral_penalty_hutchinson(model, z, a, generator)


def _two_stages(progress: Progress | None, first: int, second: int) -> tuple[Progress | None, Progress | None]:
    """One progress report over two fits."""
    if progress is None:
        return None, None
    total = first + second
    return (
        lambda step, steps, loss: progress(step, total, loss),
        lambda step, steps, loss: progress(first + step, total, loss),
    )
