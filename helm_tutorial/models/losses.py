"""What a world model can be trained on: reconstruction, latent prediction, variance and covariance, InfoNCE."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from helm_tutorial._check import require_choice, require_count, require_real, require_shape


def reconstruction_loss(decoded: Tensor, observations: Tensor, counts: Tensor | None = None) -> Tensor:
    """Mean squared error of decoded observations, both ``(B, F)``, summed over features: a scalar.

    ``counts``, shape ``(B,)``, says how often each observation is in the batch, by default once.
    """
    error = (decoded - observations).square().sum(dim=-1)
    return error.mean() if counts is None else counts.to(error.dtype) @ error / counts.sum()


def latent_prediction_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean squared distance of predicted from true next latents, both ``(B, D)``: a scalar.

    The target is not detached here; whoever wants the stop-gradient passes ``target.detach()``.
    """
    return (predicted - target).square().sum(dim=-1).mean()


def variance_loss(z: Tensor) -> Tensor:
    """How far each latent coordinate's deviation over the batch ``(B, D)`` is below 1, mean: a scalar.

    The variance term of VICReg (Bardes et al., 2022): latents that fall together pay for it.
    """
    deviation = (z.var(dim=0) + 1e-4).sqrt()
    return F.relu(1.0 - deviation).mean()


def covariance_loss(z: Tensor) -> Tensor:
    """Squared covariances between different latent coordinates over the batch ``(B, D)``, summed, over ``D``.

    The covariance term of VICReg (Bardes et al., 2022): latents that use one direction only pay for it.
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
    both_ways: bool = False,
    negatives: int | None = None,
) -> Tensor:
    """InfoNCE with the other rows of the batch as negatives (van den Oord et al., 2018): a scalar.

        - mean_i log exp(s(x_i, y_i) / tau) / sum_j exp(s(x_i, y_j) / tau)

    Args:
        anchors: latents ``x``, shape ``(B, D)``; normalise them for cosine similarity.
        positives: latents ``y``, shape ``(B, D)``, row by row those of the anchors' futures.
        temperature: ``tau``, a positive number or scalar tensor.
        similarity: ``"cosine"`` for ``s = x.y``, ``"distance"`` for ``s = -|x - y|``, which a planner descends.
        both_ways: the mean with the loss that asks which anchor a positive belongs to. The loss above fixes
            ``s(x, y)`` up to a number for each ``x``, and it is different ``x`` that a planner compares.
        negatives: each row meets the next so many rows only, the last ones those at the beginning; ``None`` is all.

    Raises:
        ValueError: the shapes differ, there are fewer than two rows, so no negatives, ``negatives`` is not one of
            1 to ``B - 1``, or there is no such similarity.

    Example:
        >>> import torch
        >>> same = torch.ones(512, 4)
        >>> round(float(info_nce(same, same, 0.1)), 3)  # all latents equal: the logarithm of the batch
        6.238
    """
    if anchors.shape != positives.shape or anchors.ndim != 2 or len(anchors) < 2:
        raise ValueError(
            f"anchors and positives must both have shape (B, D) with B at least 2, "
            f"got {tuple(anchors.shape)} and {tuple(positives.shape)}"
        )
    similarities = _similarities(anchors, positives, temperature, similarity)
    which = torch.arange(len(anchors), device=anchors.device)
    if negatives is not None:
        require_count("negatives", negatives, high=len(anchors) - 1)
        unseen = (which - which[:, None]) % len(anchors) > negatives
        similarities = similarities.masked_fill(unseen, -torch.inf)
    loss = F.cross_entropy(similarities, which)
    return (loss + F.cross_entropy(similarities.T, which)) / 2 if both_ways else loss


def info_nce_of_pairs(
    anchors: Tensor,
    positives: Tensor,
    pairs: Tensor,
    temperature: Tensor | float,
    *,
    similarity: str = "cosine",
    both_ways: bool = False,
) -> Tensor:
    """:func:`info_nce` of a batch in which pairs repeat, each distinct latent compared once: a scalar.

    Where a batch of ``B`` pairs is drawn from ``N`` states, fewer than ``B``, most of its ``B^2`` similarities are the
    same number again. With ``n_ij`` the number of pairs (i, j) in the batch, ``n_i.`` and ``n_.j`` its sums, the loss
    is, term by term, that of the whole batch::

        - 1 / B  sum_ij n_ij s(x_i, y_j) / tau  +  1 / B  sum_i n_i. log sum_j n_.j exp(s(x_i, y_j) / tau)

    Args:
        anchors: distinct latents ``x``, shape ``(N, D)``.
        positives: distinct latents ``y``, shape ``(M, D)``.
        pairs: how often each pair is in the batch, shape ``(N, M)``, see :func:`count_pairs`.
        temperature: as in :func:`info_nce`, like ``similarity`` and ``both_ways``.

    Raises:
        ValueError: the shapes do not fit, or there is no such similarity.

    Example:
        >>> import torch
        >>> x = torch.eye(3)
        >>> i, j = torch.tensor([0, 1, 1, 2]), torch.tensor([1, 1, 0, 2])
        >>> whole, counted = info_nce(x[i], x[j], 0.5), info_nce_of_pairs(x, x, count_pairs(i, j, 3), 0.5)
        >>> torch.allclose(whole, counted)
        True
    """
    require_shape("pairs", pairs, (len(anchors), len(positives)))
    if anchors.ndim != 2 or anchors.shape[1:] != positives.shape[1:]:
        raise ValueError(
            f"anchors and positives must have shapes (N, D) and (M, D), "
            f"got {tuple(anchors.shape)} and {tuple(positives.shape)}"
        )
    similarities = _similarities(anchors, positives, temperature, similarity)
    count = pairs.to(similarities.dtype)
    of_anchor, of_positive, batch = count.sum(dim=1), count.sum(dim=0), count.sum()
    # What is not in the batch counts 0 times, its logarithm is minus infinity, and it adds nothing.
    meets = (similarities + of_positive.log()).logsumexp(dim=1)
    loss = of_anchor @ meets
    if both_ways:
        met = (similarities + of_anchor.log()[:, None]).logsumexp(dim=0)
        loss = (loss + of_positive @ met) / 2
    return (loss - (count * similarities).sum()) / batch


def count_pairs(anchors: Tensor, positives: Tensor, states: int) -> Tensor:
    """How often each pair of states, ``(B,)`` and ``(B,)``, is in a batch: shape ``(states, states)``.

    Raises:
        ValueError: there are fewer than two pairs: a single one meets no negatives.
    """
    if len(anchors) < 2:
        raise ValueError(f"anchors must hold at least two states, got {len(anchors)}: one pair meets no negatives")
    return torch.bincount(anchors * states + positives, minlength=states**2).view(states, states)


def _similarities(anchors: Tensor, positives: Tensor, temperature: Tensor | float, similarity: str) -> Tensor:
    """``s(x_i, y_j) / tau`` for all anchors and positives."""
    require_choice("similarity", similarity, ("cosine", "distance"))
    products = anchors @ positives.T
    if similarity == "cosine":
        return products / temperature
    squared = anchors.square().sum(dim=1)[:, None] + positives.square().sum(dim=1) - 2 * products
    # The floor keeps the root's gradient finite where two latents meet.
    return -squared.clamp_min(1e-6).sqrt() / temperature


def sample_positives(walks: Tensor, batch: int, *, gamma: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pairs of states of one walk, the second a geometric number of steps after the first.

    The gap ``k >= 1`` has probability ``(1 - gamma) gamma^(k-1)``, and a gap that
    would leave the walk ends at its last state; ``gamma = 0`` gives one-step pairs. But for that end, a positive
    is a sample of the discounted successor measure of the walk (Dayan, 1993; Eysenbach et al., 2022).

    Args:
        walks: states, shape ``(count, length + 1)``.
        batch: number of pairs ``B``.
        gamma: in ``[0, 1)``.
        generator: source of randomness.

    Returns:
        Anchors and positives, shape ``(B,)`` each.

    Raises:
        ValueError: ``gamma`` or ``batch`` is out of range.
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
    """Numbers uniform in [0, 1), of any shape, as gaps ``k >= 1`` of probability ``(1 - gamma) gamma^(k-1)``."""
    return 1 + (torch.log1p(-u) / torch.log(torch.tensor(gamma, dtype=torch.float64))).long()
