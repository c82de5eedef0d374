"""Losses of the world models.

They are reconstruction, latent prediction, variance and covariance, and InfoNCE.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from helm_tutorial._check import require_choice, require_count, require_real

SIMILARITIES = ("cosine", "distance")
"""Kinds of similarity in :func:`similarities`."""


def reconstruction_loss(decoded: Tensor, observations: Tensor, counts: Tensor | None = None) -> Tensor:
    """Squared error of decoded observations: a scalar.

    Both tensors have shape ``(B, F)``. The error is summed over features and averaged over the batch. ``counts``, shape
    ``(B,)``, says how often each observation occurs in the batch, by default once.
    """
    error = (decoded - observations).square().sum(dim=-1)
    return error.mean() if counts is None else counts.to(error.dtype) @ error / counts.sum()


def latent_prediction_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean squared distance of predicted from true next latents: a scalar.

    Both tensors have shape ``(..., D)``. The target is not detached here; for a stop-gradient, pass
    ``target.detach()``.
    """
    return (predicted - target).square().sum(dim=-1).mean()


def variance_loss(z: Tensor) -> Tensor:
    """Mean amount by which coordinates' standard deviations fall below 1: a scalar.

    ``z`` is a batch ``(B, D)``. This is the variance term of VICReg (Bardes et al., 2022): it keeps latents from
    collapsing to a point.
    """
    deviation = (z.var(dim=0) + 1e-4).sqrt()
    return F.relu(1.0 - deviation).mean()


def covariance_loss(z: Tensor) -> Tensor:
    """Sum of squared covariances of different coordinates, over ``D``: a scalar.

    ``z`` is a batch ``(B, D)``. This is the covariance term of VICReg (Bardes et al., 2022): it keeps latents from
    using a single direction.
    """
    centred = z - z.mean(dim=0)
    covariance = centred.T @ centred / (len(z) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / z.shape[1]


def info_nce(
    anchors: Tensor,
    positives: Tensor,
    temperature: Tensor | float,
    *,
    similarity: str = "cosine",
    symmetric: bool = False,
    negatives: int | None = None,
) -> Tensor:
    """InfoNCE with the other rows of the batch as negatives: a scalar.

    The loss is that of van den Oord et al. (2018). Each anchor must pick its own positive among all positives of the
    batch::

        - mean_i log exp(s(x_i, y_i) / tau) / sum_j exp(s(x_i, y_j) / tau)

    Args:
        anchors: latents ``x``, shape ``(B, D)``; normalise them for cosine similarity.
        positives: latents ``y``, shape ``(B, D)``; row ``i`` belongs to anchor ``i``.
        temperature: ``tau``, a positive number or scalar tensor.
        similarity: ``s``, see :func:`similarities`.
        symmetric: average this loss with the one in which each positive must pick its anchor. The loss above fixes
            ``s(x, y)`` only up to a constant for each ``x``, but a planner compares different ``x``.
        negatives: compare each anchor only with this many rows after its own (cyclically); ``None`` means all.

    Example:
        >>> same = torch.ones(512, 4)
        >>> round(float(info_nce(same, same, 0.1)), 3)  # all latents equal: the logarithm of the batch size
        6.238
    """
    if anchors.shape != positives.shape or anchors.ndim != 2 or len(anchors) < 2:
        raise ValueError(
            f"anchors and positives must both have shape (B, D) with B at least 2, "
            f"got {tuple(anchors.shape)} and {tuple(positives.shape)}"
        )
    scores = similarities(anchors, positives, similarity) / temperature
    own = torch.arange(len(anchors), device=anchors.device)
    if negatives is not None:
        require_count("negatives", negatives, high=len(anchors) - 1)
        unseen = (own - own[:, None]) % len(anchors) > negatives
        scores = scores.masked_fill(unseen, -torch.inf)
    loss = F.cross_entropy(scores, own)
    return (loss + F.cross_entropy(scores.T, own)) / 2 if symmetric else loss


def similarities(x: Tensor, y: Tensor, kind: str = "cosine") -> Tensor:
    """Similarity of every latent ``x`` to every latent ``y``, shape ``(N, M)``.

    ``x`` has shape ``(N, D)`` and ``y`` ``(M, D)``. ``"cosine"`` is ``x.y``, for latents of length 1. ``"distance"`` is
    ``-|x - y|``, the negative of what a planner minimises.
    """
    require_choice("similarity", kind, SIMILARITIES)
    products = x @ y.T
    if kind == "cosine":
        return products
    squared = x.square().sum(dim=1)[:, None] + y.square().sum(dim=1) - 2 * products
    # The floor keeps the root's gradient finite where two latents coincide.
    return -squared.clamp_min(1e-6).sqrt()


def sample_positives(walks: Tensor, batch: int, *, gamma: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw pairs of states of one walk, a geometric number of steps apart.

    The gap ``k >= 1`` has probability ``(1 - gamma) gamma^(k-1)``, and a gap that would leave the walk ends at its last
    state. Apart from that, a positive is a sample of the discounted successor measure of the walk (Dayan, 1993;
    Eysenbach et al., 2022).

    Args:
        walks: states, shape ``(count, length + 1)``.
        batch: number of pairs ``B``.
        gamma: from 0, which gives pairs one step apart, to below 1.
        generator: source of randomness.

    Returns:
        Anchors and positives, shape ``(B,)`` each.
    """
    require_count("batch", batch)
    require_real("gamma", gamma, low=0.0, high=0.999)
    count, points = walks.shape
    walk = torch.randint(count, (batch,), generator=generator)
    t = torch.randint(points - 1, (batch,), generator=generator)
    if gamma == 0.0:
        gap = torch.ones(batch, dtype=torch.long)
    else:
        gap = geometric_gaps(torch.rand(batch, generator=generator, dtype=torch.float64), gamma)
    return walks[walk, t], walks[walk, (t + gap).clamp_max(points - 1)]


def geometric_gaps(u: Tensor, gamma: float) -> Tensor:
    """Turn uniform numbers in ``[0, 1)`` into geometric gaps ``k >= 1``.

    A gap has probability ``(1 - gamma) gamma^(k-1)``. ``u`` has any shape.
    """
    return 1 + (torch.log1p(-u) / torch.log(torch.tensor(gamma, dtype=torch.float64))).long()
