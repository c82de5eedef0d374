"""What a world model can be trained on: reconstruction, latent prediction, InfoNCE."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from helm_tutorial.validation import require_count, require_real


def reconstruction_loss(decoded: Tensor, observations: Tensor) -> Tensor:
    """Mean squared error of decoded observations, both ``(B, F)``, summed over features: a scalar."""
    return (decoded - observations).square().sum(dim=-1).mean()


def latent_prediction_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean squared distance of predicted from true next latents, both ``(B, D)``: a scalar.

    The target is not detached here; whoever wants the stop-gradient passes ``target.detach()``.
    """
    return (predicted - target).square().sum(dim=-1).mean()


def info_nce(anchors: Tensor, positives: Tensor, temperature: Tensor | float) -> Tensor:
    """InfoNCE with the other rows of the batch as negatives (van den Oord et al., 2018): a scalar.

        - mean_i log exp(x_i.y_i / tau) / sum_j exp(x_i.y_j / tau)

    Args:
        anchors: latents ``x``, shape ``(B, D)``; normalise them for cosine similarity.
        positives: latents ``y``, shape ``(B, D)``, row by row those of the anchors' futures.
        temperature: ``tau``, a positive number or scalar tensor.

    Raises:
        ValueError: the shapes differ or there are fewer than two rows, so no negatives.
    """
    if anchors.shape != positives.shape or anchors.ndim != 2 or len(anchors) < 2:
        raise ValueError(
            f"anchors and positives must both have shape (B, D) with B at least 2, "
            f"got {tuple(anchors.shape)} and {tuple(positives.shape)}"
        )
    similarities = anchors @ positives.T / temperature
    return F.cross_entropy(similarities, torch.arange(len(anchors), device=anchors.device))


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
        u = torch.rand(batch, generator=generator, dtype=torch.float64)
        gap = 1 + (torch.log1p(-u) / torch.log(torch.tensor(gamma, dtype=torch.float64))).long()
    return walks[walk, t], walks[walk, (t + gap).clamp_max(points - 1)]
