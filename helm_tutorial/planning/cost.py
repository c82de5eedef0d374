"""Costs of a plan: how far its imagined latents are from the goal.

A cost is any function ``cost(latents, goal)``. ``latents`` is an imagined rollout without its start, shape
``(..., T, D)``, and ``goal`` holds the latents that count as the goal, shape ``(G, D)``. If each start has its own
goals, ``goal`` broadcasts against the latents of one step, as ``(B, 1, 1, G, D)`` does with ``(B, S, T, 1, D)``. The
cost has shape ``(...)``, and planners differentiate it.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Cost = Callable[[Tensor, Tensor], Tensor]
"""A cost of a plan: ``cost(latents, goal)``, see the top of this page."""


def mean_distance(latents: Tensor, goal: Tensor) -> Tensor:
    """Mean over all steps of the Euclidean distance to the nearest goal latent."""
    return _distance(latents, goal).mean(dim=-1)


def final_distance(latents: Tensor, goal: Tensor) -> Tensor:
    """Distance of the last latent to the nearest goal latent."""
    return _distance(latents[..., -1:, :], goal).mean(dim=-1)


def closest_approach(latents: Tensor, goal: Tensor) -> Tensor:
    """Mean over all steps of the smallest distance so far.

    An episode that ends on arrival never takes the steps imagined after it. After arrival the smallest distance stays
    0, so leaving the goal again costs nothing, while arriving earlier still pays.
    """
    return _distance(latents, goal).cummin(dim=-1).values.mean(dim=-1)


def _distance(latents: Tensor, goal: Tensor) -> Tensor:
    """Distance to the nearest goal latent, shape ``(..., T)``."""
    # |z - g|^2 written out: cdist has no useful gradient where a latent meets the goal.
    squared = (latents.unsqueeze(-2) - goal).square().sum(dim=-1)
    return (squared + 1e-12).sqrt().min(dim=-1).values
