"""The contrastive world model of chapters 4 and 5, and the settings that all recipes share.

What it is compared with is in :mod:`helm_tutorial.models.baselines`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from helm_study.pillars.expansive import ContinuousWorld
from helm_tutorial._check import require_choice, require_count, require_real
from helm_tutorial.models.batches import Data, encoded, one_step
from helm_tutorial.models.fit import Progress, fit
from helm_tutorial.models.losses import (
    count_pairs,
    info_nce,
    info_nce_of_pairs,
    latent_prediction_loss,
    sample_positives,
)
from helm_tutorial.models.regularity import FORMS
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.rollouts import rollout
from helm_tutorial.worlds.gridworld import Gridworld


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
        autoencoder_updates: reconstruction, first stage; fewer leave some of the 144 observations inexact.
        dynamics_updates: reconstruction, second stage.
        updates: latent prediction and contrastive training, each in one stage. All three numbers are meant for
            the 144 observations of Empty-8x8; data with more distinct observations get more, in proportion.
        gamma: positives are a geometric number of steps ahead, ``1 / (1 - gamma)`` in the mean; 0 is
            the printed loss. ``None``: 5/6 of the root of the number of distinct observations, since the
            extent of a plane grows as the root of its area: 10 steps in Empty-8x8, 27 in FourRooms.
        temperature: of InfoNCE, fixed. A learned temperature falls together with the distances of the
            latents, since latent prediction likes them small: a slow collapse that InfoNCE does not notice.
        similarity: what InfoNCE compares, ``"cosine"``, as printed, or ``"distance"``.
        both_ways: InfoNCE asks for the anchor of a positive too, not only for the positive of an anchor.
        negatives: negatives that each anchor meets, at most ``batch - 1``, which ``None`` stands for.
        sphere: latents have length 1. Without it InfoNCE compares the cosines of latents of any length.
        goal_encoder: goals have an encoder of their own.
        rescale: the dynamics see latents times ``sqrt(D)``.
        prediction_steps: steps that latent prediction imagines beside InfoNCE.
        prediction_weight: its weight.
        variance_weight: weight of the variance term in variance-covariance training.
        covariance_weight: weight of the covariance term there.
        spectral_weight: weight of the spectral penalty; 0 switches the first pillar off.
        spectral_form: which penalty, one of :data:`helm_tutorial.models.regularity.FORMS`; the first is the report's,
            the step Jacobian's squared Frobenius norm.
        tangent: the dynamics' residuals are projected on the sphere's tangent space.
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
    gamma: float | None = 0.8
    temperature: float = 0.1
    similarity: str = "cosine"
    both_ways: bool = False
    negatives: int | None = None
    sphere: bool = True
    goal_encoder: bool = False
    rescale: bool = False
    prediction_steps: int = 1
    prediction_weight: float = 1.0
    variance_weight: float = 1.0
    covariance_weight: float = 1.0
    spectral_weight: float = 0.0
    spectral_form: str = "square"
    tangent: bool = False

    def __post_init__(self) -> None:
        counts = ("walks", "latent", "hidden", "autoencoder_updates", "dynamics_updates", "updates")
        for name in (*counts, "prediction_steps"):
            require_count(name, getattr(self, name))
        require_count("walk_length", self.walk_length, low=self.prediction_steps)
        require_count("batch", self.batch, low=max(2, self.prediction_steps))
        if self.negatives is not None:
            require_count("negatives", self.negatives, high=self.batch - 1)
        for name in ("lr", "temperature"):
            require_real(name, getattr(self, name), above=0.0)
        if self.gamma is not None:
            require_real("gamma", self.gamma, low=0.0, high=0.999)
        require_choice("similarity", self.similarity, ("distance", "cosine"))
        require_choice("spectral_form", self.spectral_form, FORMS)
        if self.tangent and not self.sphere:
            raise ValueError("tangent must be False where sphere is, got True: only a sphere has tangent spaces here")
        for name in ("prediction_weight", "variance_weight", "covariance_weight", "spectral_weight"):
            require_real(name, getattr(self, name), low=0.0)


def as_printed(config: Training) -> Training:
    """The same with the contrastive loss as the report prints it: one encoder, cosines, one step ahead, one way."""
    return replace(
        config,
        gamma=0.0,
        similarity="cosine",
        both_ways=False,
        goal_encoder=False,
        rescale=False,
        prediction_steps=1,
        prediction_weight=1.0,
    )


def directed(config: Training) -> Training:
    """The same with all that chapter 5 finds to help: a distance that need not be the same both ways.

    Goals have an encoder of their own, InfoNCE compares distances and asks both ways, positives are as far ahead as
    the world is wide, the walks are many and long, so that few positives are cut off and what is rare is met, and
    prediction imagines four steps.
    """
    return replace(
        config,
        walks=5000,
        walk_length=200,
        gamma=None,
        similarity="distance",
        both_ways=True,
        goal_encoder=True,
        rescale=True,
        prediction_steps=4,
        prediction_weight=2.0,
    )


def train_contrastive(
    world: Gridworld | ContinuousWorld,
    config: Training,
    seed: int,
    *,
    progress: Progress | None = None,
    watch: Callable[[int, WorldModel], None] | None = None,
) -> WorldModel:
    """InfoNCE on latents of the sphere, and latent prediction beside it.

    ``watch(step, model)`` is called before the first update and after each; it may look at the model, not change it.
    Then all is done on the CPU, so that who looks need not ask where the model is.
    """
    data = Data(world, config, seed, on_cpu=watch is not None)
    kind = {name: getattr(config, name) for name in ("sphere", "goal_encoder", "rescale", "tangent")}
    model = data.model(**kind)
    gamma = positives_gamma(config, data.observations)

    def loss() -> Tensor:
        drawn = sample_positives(data.states, config.batch, gamma=gamma, generator=data.generator)
        anchors, positives = (states.to(data.device) for states in drawn)
        s, a = data.windows(config.batch // config.prediction_steps, config.prediction_steps)
        if config.goal_encoder:
            z, i, *t = encoded(model.encode, data.world, anchors, *s.unbind(dim=1))
            y, j = encoded(model.encode_goal, data.world, positives)
        else:
            z, i, j, *t = encoded(model.encode, data.world, anchors, positives, *s.unbind(dim=1))
            y = z
        if config.prediction_steps == 1:
            predicted = one_step(model, z, t[0], a[:, 0])
        else:
            actions = one_hot_actions(a, data.choices)
            predicted = rollout(model, z.index_select(0, t[0]), actions)[:, 1:].flatten(0, 1)
        target = z.index_select(0, torch.stack(t[1:], dim=1).flatten())
        prediction = config.prediction_weight * latent_prediction_loss(predicted, target)
        return contrast(z, y, i, j) + prediction + data.spectral(model, z, t[0], a[:, 0])

    def contrast(x: Tensor, y: Tensor, i: Tensor, j: Tensor) -> Tensor:
        if config.similarity == "cosine" and not config.sphere:
            x, y = F.normalize(x, dim=1), F.normalize(y, dim=1)
        compared = {"similarity": config.similarity, "both_ways": config.both_ways}
        if config.negatives is None and max(len(x), len(y)) <= config.batch:
            return info_nce_of_pairs(x, y, count_pairs(i, j, len(x)), config.temperature, **compared)
        x, y = x.index_select(0, i), y.index_select(0, j)
        return info_nce(x, y, config.temperature, negatives=config.negatives, **compared)

    seen = None if watch is None else (lambda step: watch(step, model))
    fit(model, loss, steps=data.steps(config.updates), lr=config.lr, decay=True, progress=progress, watch=seen)
    return model.cpu().eval()


def positives_gamma(config: Training, observations: int) -> float:
    """``config.gamma``, or what stands for it with so many distinct observations, see :class:`Training`."""
    return max(0.0, 1.0 - 1.2 / observations**0.5) if config.gamma is None else config.gamma
