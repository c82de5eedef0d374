"""InfoNCE of a batch in which pairs repeat: each distinct pair compared once."""

from __future__ import annotations

import torch
from torch import Tensor

from helm_tutorial._check import require_shape
from helm_tutorial.models.losses import similarities


def info_nce_of_pairs(
    anchors: Tensor,
    positives: Tensor,
    pairs: Tensor,
    temperature: Tensor | float,
    *,
    similarity: str = "cosine",
    symmetric: bool = False,
) -> Tensor:
    """:func:`~helm_tutorial.models.losses.info_nce` of a batch in which pairs repeat: a scalar.

    Each distinct pair is compared once. Where a batch of ``B`` pairs is drawn from ``N`` states, fewer than ``B``, most
    of its ``B^2`` similarities are the same number again. With ``n_ij`` the number of pairs (i, j) in the batch,
    ``n_i.`` and ``n_.j`` its sums, the loss is, term by term, that of the whole batch::

        - 1 / B  sum_ij n_ij s(x_i, y_j) / tau  +  1 / B  sum_i n_i. log sum_j n_.j exp(s(x_i, y_j) / tau)

    Args:
        anchors: distinct latents ``x``, shape ``(N, D)``.
        positives: distinct latents ``y``, shape ``(M, D)``.
        pairs: how often each pair is in the batch, shape ``(N, M)``, see :func:`count_pairs`.
        temperature: as in :func:`~helm_tutorial.models.losses.info_nce`, like ``similarity`` and ``symmetric``.

    Example:
        >>> import torch
        >>> from helm_tutorial.models.losses import info_nce
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
    scores = similarities(anchors, positives, similarity) / temperature
    count = pairs.to(scores.dtype)
    of_anchor, of_positive, batch = count.sum(dim=1), count.sum(dim=0), count.sum()
    # What is not in the batch counts 0 times, its logarithm is minus infinity, and it adds nothing.
    meets = (scores + of_positive.log()).logsumexp(dim=1)
    loss = of_anchor @ meets
    if symmetric:
        met = (scores + of_anchor.log()[:, None]).logsumexp(dim=0)
        loss = (loss + of_positive @ met) / 2
    return (loss - (count * scores).sum()) / batch


def count_pairs(anchors: Tensor, positives: Tensor, states: int) -> Tensor:
    """How often each pair of states, ``(B,)`` and ``(B,)``, is in a batch: shape ``(states, states)``."""
    if len(anchors) < 2:
        raise ValueError(f"anchors must hold at least two states, got {len(anchors)}: one pair meets no negatives")
    return torch.bincount(anchors * states + positives, minlength=states**2).view(states, states)
