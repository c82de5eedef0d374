"""The contrastive world model of chapters 4 and 5, and what all recipes share: settings, data, batches.

What it is compared with is in :mod:`helm_tutorial.baselines`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from helm_tutorial.continuous_world import ContinuousWorld, Visited
from helm_tutorial.gridworld import ACTIONS, Gridworld, random_walks
from helm_tutorial.losses import info_nce, latent_prediction_loss, sample_positives
from helm_tutorial.regularity import FORMS, regularity_loss
from helm_tutorial.rollout import rollout
from helm_tutorial.training import Progress, fit
from helm_tutorial.validation import require_choice, require_count, require_real
from helm_tutorial.world_model import WorldModel, one_hot_actions

OBSERVATIONS = 144
"""Distinct observations in Empty-8x8, for which the numbers of updates in :class:`Training` are meant."""


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
        spectral_form: which penalty, one of :data:`helm_tutorial.regularity.FORMS`; the first is the report's, the
            step Jacobian's squared Frobenius norm.
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
    """
    data = Data(world, config, seed)
    kind = {name: getattr(config, name) for name in ("sphere", "goal_encoder", "rescale", "tangent")}
    model = data.model(**kind)
    gamma = positives_gamma(config, data.observations)

    def loss() -> Tensor:
        anchors, positives = sample_positives(data.states, config.batch, gamma=gamma, generator=data.generator)
        s, a = data.windows(config.batch // config.prediction_steps, config.prediction_steps)
        if config.goal_encoder:
            x, *z = encoded(model.encode, data.world, anchors, *s.unbind(dim=1))
            (y,) = encoded(model.encode_goal, data.world, positives)
        else:
            x, y, *z = encoded(model.encode, data.world, anchors, positives, *s.unbind(dim=1))
        if config.similarity == "cosine" and not config.sphere:
            x, y = F.normalize(x, dim=1), F.normalize(y, dim=1)
        compared = {"similarity": config.similarity, "both_ways": config.both_ways, "negatives": config.negatives}
        contrast = info_nce(x, y, config.temperature, **compared)
        prediction = latent_prediction_loss(rollout(model, z[0], a)[:, 1:], torch.stack(z[1:], dim=1))
        return contrast + config.prediction_weight * prediction + data.spectral(model, z[0], a[:, 0])

    seen = None if watch is None else (lambda step: watch(step, model))
    fit(model, loss, steps=data.steps(config.updates), lr=config.lr, decay=True, progress=progress, watch=seen)
    return model.eval()


def positives_gamma(config: Training, observations: int) -> float:
    """``config.gamma``, or what stands for it with so many distinct observations, see :class:`Training`."""
    return max(0.0, 1.0 - 1.2 / observations**0.5) if config.gamma is None else config.gamma


class Data:
    """A data set of random walks for one training, and the generator that draws it, the weights and all batches.

    Attributes:
        world: what ``states`` number: a gridworld's own states, or those that walks in a continuous world visit.
        states: shape ``(walks, walk_length + 1)``.
        actions: shape ``(walks, walk_length)``.
        choices: number of actions ``A``.
        observations: number of distinct observations in it; in a continuous world, of places that are told apart.
    """

    def __init__(self, world: Gridworld | ContinuousWorld, config: Training, seed: int):
        self.config = config
        self.generator = torch.Generator().manual_seed(seed)
        size = (config.walks, config.walk_length)
        self.world: Gridworld | Visited
        if isinstance(world, ContinuousWorld):
            self.world = world.random_walks(*size, generator=self.generator)
            self.states, self.actions = self.world.walks, self.world.walk_actions
            self.choices, self.observations = world.actions, world.places
        else:
            self.world = world
            self.states, self.actions = random_walks(world, *size, generator=self.generator)
            self.choices, self.observations = len(ACTIONS), len(self.states.unique())

    def steps(self, updates: int) -> int:
        """Updates for this data, given those for Empty-8x8's 144 observations."""
        return math.ceil(updates * max(1.0, self.observations / OBSERVATIONS))

    def model(self, **options: bool) -> WorldModel:
        """A new world model for this world; its options are :class:`WorldModel`'s."""
        shape = self.world.features.shape[1:]
        features = int(shape[0]) if len(shape) == 1 else tuple(shape)
        sizes = {"latent": self.config.latent, "hidden": self.config.hidden}
        return WorldModel(features, self.choices, **sizes, **options, generator=self.generator)

    def windows(self, count: int, steps: int) -> tuple[Tensor, Tensor]:
        """Pieces of walks: states, shape ``(count, steps + 1)``, and actions, one-hot, ``(count, steps, A)``."""
        walk = torch.randint(len(self.states), (count, 1), generator=self.generator)
        t = torch.randint(self.actions.shape[1] - steps + 1, (count, 1), generator=self.generator)
        ahead = torch.arange(steps + 1)
        actions = one_hot_actions(self.actions[walk, t + ahead[:-1]], self.choices)
        return self.states[walk, t + ahead], actions

    def spectral(self, model: WorldModel, z: Tensor, a: Tensor) -> Tensor | float:
        """The spectral penalty at latents ``(B, D)`` and actions ``(B, A)``, times its weight."""
        if self.config.spectral_weight == 0.0:
            return 0.0
        form = {"form": self.config.spectral_form, "sphere": model.sphere}
        return self.config.spectral_weight * regularity_loss(model, z, a, self.generator, **form)


def encoded(encode: Callable[[Tensor], Tensor], world: Gridworld | Visited, *states: Tensor) -> tuple[Tensor, ...]:
    """Latents of some states, for each tensor of indices; each state is encoded once where that is less work."""
    if world.states <= sum(part.numel() for part in states):
        z = encode(world.features)
        return tuple(z[part] for part in states)
    z = encode(world.features[torch.cat([part.flatten() for part in states])])
    return tuple(
        part.unflatten(0, which.shape) for part, which in zip(z.split([w.numel() for w in states]), states, strict=True)
    )
