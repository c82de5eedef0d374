"""Settings of the training recipes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from helm_tutorial._check import require_choice, require_count, require_real
from helm_tutorial.models.losses import SIMILARITIES
from helm_tutorial.models.regularity import FORMS

OBSERVATIONS = 144
"""Number of observations in Empty-8x8, to which all numbers of updates refer."""


@dataclass(frozen=True)
class Settings:
    """Settings that all recipes share.

    They describe a data set, a network, Adam, and a penalty that is off by default.

    Attributes:
        walks: random walks in the data set.
        walk_length: their length in steps. 1000 walks of 50 steps visit each of the 432 state-action pairs of Empty-8x8
            more than a hundred times.
        latent: latent dimension ``D``.
        hidden: width of the hidden layers.
        batch: number ``B`` of samples in a batch.
        lr: Adam's step size; it falls linearly to 0 over the second half of a fit.
        spectral_weight: weight of the penalty on growth (the first pillar); 0 switches it off.
        spectral_form: which penalty, one of :data:`helm_tutorial.models.regularity.FORMS`; ``"square"`` is the
            report's.
    """

    walks: int = 1000
    walk_length: int = 50
    latent: int = 32
    hidden: int = 256
    batch: int = 512
    lr: float = 2e-3
    spectral_weight: float = 0.0
    spectral_form: str = "square"

    def __post_init__(self) -> None:
        for name in ("walks", "walk_length", "latent", "hidden"):
            require_count(name, getattr(self, name))
        require_count("batch", self.batch, low=2)
        require_real("lr", self.lr, above=0.0)
        require_real("spectral_weight", self.spectral_weight, low=0.0)
        require_choice("spectral_form", self.spectral_form, FORMS)
        for name in ("updates", "autoencoder_updates", "dynamics_updates", "prediction_steps"):
            if hasattr(self, name):
                require_count(name, getattr(self, name))


@dataclass(frozen=True)
class Contrastive(Settings):
    """Settings of contrastive training.

    The loss is InfoNCE on pairs of states from the same walk, plus latent prediction.

    Attributes:
        updates: Adam updates in a world of the size of Empty-8x8, see :func:`updates_for`.
        gamma: a positive is a geometric number of steps ahead, ``1 / (1 - gamma)`` on average. 0 means one step, as in
            the printed loss. ``None`` chooses by the size of the world, see :meth:`positives_gamma`.
        temperature: fixed temperature of InfoNCE. A learned one would shrink together with the distances between
            latents, which latent prediction prefers small: a slow collapse that InfoNCE does not detect.
        similarity: what InfoNCE compares: ``"cosine"``, as printed, or ``"distance"``.
        symmetric: InfoNCE also asks which anchor belongs to a positive.
        negatives: negatives for each anchor, at most ``batch - 1``, which is the default.
        sphere: latents have length 1. Otherwise cosine similarity compares latents of any length.
        goal_encoder: goals have a separate encoder.
        rescale: the dynamics network sees latents times ``sqrt(D)``.
        tangent: residuals are projected onto the tangent space of the sphere.
        prediction_steps: number of steps that latent prediction imagines.
        prediction_weight: weight of latent prediction.

    Example:
        >>> Contrastive(updates=500, temperature=0.2).as_printed().gamma  # positives one step ahead
        0.0
    """

    updates: int = 2000
    gamma: float | None = 0.8
    temperature: float = 0.1
    similarity: str = "cosine"
    symmetric: bool = False
    negatives: int | None = None
    sphere: bool = True
    goal_encoder: bool = False
    rescale: bool = False
    tangent: bool = False
    prediction_steps: int = 1
    prediction_weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_count("walk_length", self.walk_length, low=self.prediction_steps)
        require_count("batch", self.batch, low=max(2, self.prediction_steps))
        if self.negatives is not None:
            require_count("negatives", self.negatives, high=self.batch - 1)
        if self.gamma is not None:
            require_real("gamma", self.gamma, low=0.0, high=0.999)
        require_real("temperature", self.temperature, above=0.0)
        require_real("prediction_weight", self.prediction_weight, low=0.0)
        require_choice("similarity", self.similarity, SIMILARITIES)
        if self.tangent and not self.sphere:
            raise ValueError("tangent must be False where sphere is, got True: only a sphere has tangent spaces here")

    def as_printed(self) -> Contrastive:
        """Return these settings with the report's printed loss.

        It has one encoder, cosine similarity, positives one step ahead, and InfoNCE in one direction.
        """
        loss = {"gamma": 0.0, "similarity": "cosine", "symmetric": False, "prediction_weight": 1.0}
        return replace(self, goal_encoder=False, rescale=False, prediction_steps=1, **loss)

    def directed(self) -> Contrastive:
        """Return these settings with all changes that chapter 5 finds helpful.

        They train a distance that has a direction. Goals have a separate encoder, and InfoNCE compares distances in
        both directions. Positives are as far ahead as the world is wide. There are more and longer walks, so that few
        positives are cut off and rare moves are included. Latent prediction imagines four steps.
        """
        data = {"walks": 5000, "walk_length": 200, "gamma": None, "prediction_steps": 4, "prediction_weight": 2.0}
        return replace(self, similarity="distance", symmetric=True, goal_encoder=True, rescale=True, **data)

    def positives_gamma(self, distinct: int) -> float:
        """Return ``gamma``, or choose it by the number of ``distinct`` places.

        If ``gamma`` is ``None``, positives are on average 5/6 of the square root of that number ahead, since the width
        of a plane grows as the root of its area: 10 steps in Empty-8x8, 27 in FourRooms.
        """
        return max(0.0, 1.0 - 1.2 / distinct**0.5) if self.gamma is None else self.gamma


@dataclass(frozen=True)
class Reconstruction(Settings):
    """Settings of reconstruction: an autoencoder, then dynamics on its latents.

    The autoencoder is trained on half of ``batch`` samples at a time. Its latents are frozen in the second stage.

    Attributes:
        autoencoder_updates: Adam updates in the first stage; fewer leave some of Empty-8x8's observations inexact.
        dynamics_updates: Adam updates in the second stage.

    Example:
        >>> Reconstruction(dynamics_updates=500).autoencoder_updates
        4000
    """

    autoencoder_updates: int = 4000
    dynamics_updates: int = 2000


@dataclass(frozen=True)
class LatentPrediction(Settings):
    """Settings of latent prediction.

    Encoder and dynamics are trained together to predict the next latent, and nothing else.

    Attributes:
        updates: Adam updates.
        stop_gradient: the target is detached, so that the loss trains only the prediction towards it.

    Example:
        >>> LatentPrediction(latent=16).stop_gradient
        True
    """

    updates: int = 2000
    stop_gradient: bool = True


@dataclass(frozen=True)
class VarianceCovariance(Settings):
    """Settings of latent prediction with VICReg's variance and covariance terms.

    The two terms prevent collapse.

    Attributes:
        updates: Adam updates.
        variance_weight: weight of the variance term.
        covariance_weight: weight of the covariance term.

    Example:
        >>> VarianceCovariance(variance_weight=2.0).covariance_weight
        1.0
    """

    updates: int = 2000
    variance_weight: float = 1.0
    covariance_weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_real("variance_weight", self.variance_weight, low=0.0)
        require_real("covariance_weight", self.covariance_weight, low=0.0)


def updates_for(updates: int, distinct: int) -> int:
    """Scale the number of Adam updates to the number of ``distinct`` places.

    ``updates`` is the number for Empty-8x8. Larger worlds get proportionally more; smaller ones get the same.
    """
    return math.ceil(updates * max(1.0, distinct / OBSERVATIONS))
