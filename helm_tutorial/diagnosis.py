"""Measures of a latent space, one for each way in which planning can fail.

Most functions take the latents of all ``N`` states, shape ``(N, D)``. If a model has a separate goal encoder,
``goals`` are the latents of all ``N`` states as goals, also ``(N, D)``.
"""

from __future__ import annotations

import math

import torch
from scipy.stats import rankdata
from torch import Tensor

from helm_tutorial._check import require_count, require_shape
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.rollouts import Dynamics, rollout
from helm_tutorial.worlds.gridworld import Gridworld


@torch.no_grad()
def latents(model: WorldModel, world: Gridworld) -> Tensor:
    """Encode all states, shape ``(N, D)``."""
    return model.encode(world.features)


@torch.no_grad()
def goal_latents(model: WorldModel, world: Gridworld) -> Tensor:
    """Encode all states as goals, shape ``(N, D)``.

    Without a goal encoder these are the latents of :func:`latents`.
    """
    return model.encode_goal(world.features)


def latent_distances(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distances between latents, shape ``(P, Q)``.

    The latents have shapes ``(P, D)`` and ``(Q, D)``. The distances are computed from differences. For larger inputs
    ``torch.cdist`` would expand the square, with a rounding error of about 1e-4, which exceeds the distances in a
    collapsed latent space.
    """
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def spread(z: Tensor) -> float:
    """Mean Euclidean distance between the latents of two different states.

    It is 0 if all latents are equal (complete collapse).
    """
    return float(torch.pdist(z).mean())


def effective_rank(z: Tensor) -> float:
    """Number of directions that the latents use, between 1 and ``D``.

    It is the exponential of the entropy of the singular values of the centred latents, normalised to sum 1.
    """
    values = torch.linalg.svdvals(z - z.mean(dim=0))
    shares = values / values.sum().clamp_min(1e-30)
    return float(torch.exp(-(shares * shares.clamp_min(1e-30).log()).sum()))


@torch.no_grad()
def imagination_accuracy(model: Dynamics, z0: Tensor, actions: Tensor, z: Tensor, ends: Tensor) -> float:
    """Fraction of rollouts whose last state is predicted correctly.

    A prediction is correct if, among the latents ``z``, the one nearest to the last imagined latent is that of the
    state in which the rollout truly ends.

    Args:
        model: ``z_next = model(z, a)``.
        z0: latents of the starts, shape ``(M, D)``.
        actions: as the model takes them, shape ``(M, T, A)``.
        z: latents of all candidate states, shape ``(N, D)``.
        ends: index into ``z`` of the state in which each rollout truly ends, shape ``(M,)``.
    """
    imagined = rollout(model, z0, actions)[:, -1]
    return float((latent_distances(imagined, z).argmin(dim=1) == ends).float().mean())


def prediction_accuracy(model: WorldModel, world: Gridworld) -> float:
    """Fraction of state-action pairs whose next state is predicted correctly.

    A prediction is correct if the predicted latent is nearest to that of the true next state, among all states that
    some action leads to. Only ``features`` and ``transitions`` of ``world`` are used.
    """
    z, (count, num_actions) = latents(model, world), world.transitions.shape
    actions = one_hot_actions(torch.arange(num_actions), num_actions).repeat(count, 1)[:, None]
    following, ends = world.transitions.unique(return_inverse=True)
    z0 = z[:count].repeat_interleave(num_actions, dim=0)
    return imagination_accuracy(model, z0, actions, z[following], ends.flatten())


def rollout_accuracy(model: WorldModel, world: Gridworld, steps: int, seed: int, *, rollouts: int = 1000) -> float:
    """Fraction of random walks whose last state is predicted correctly.

    The model imagines ``steps`` steps. The prediction is correct if the last imagined latent is nearest to that of the
    true state, among all states.
    """
    require_count("steps", steps)
    require_count("rollouts", rollouts)
    walks = world.random_walks(rollouts, steps, generator=torch.Generator().manual_seed(seed))
    z, actions = latents(model, world), one_hot_actions(walks.actions, walks.num_actions)
    return imagination_accuracy(model, z[walks.states[:, 0]], actions, z, walks.states[:, -1])


def metric_correlation(z: Tensor, geodesic: Tensor, *, goals: Tensor | None = None) -> float:
    """Rank correlation of latent distance with geodesic distance.

    It is computed over all ordered pairs of different states.

    Args:
        z: latents, shape ``(N, D)``.
        geodesic: fewest steps from each state to each other, shape ``(N, N)``; infinite if there is no path, and
            such pairs are left out.
        goals: latents as goals, shape ``(N, D)``; by default ``z``.

    Returns:
        Spearman's correlation, or ``nan`` if all distances are equal and so have no order.

    Example:
        >>> import torch
        >>> corridor = torch.arange(4.0)[:, None]  # one unit per step: latent distance counts steps
        >>> steps = (corridor - corridor.T).abs()
        >>> round(metric_correlation(corridor, steps), 6)
        1.0
        >>> round(metric_correlation(corridor[[0, 2, 1, 3]], steps), 2)  # two states swapped
        0.17
    """
    different = ~torch.eye(len(z), dtype=torch.bool) & geodesic.isfinite()
    distances = latent_distances(z, z if goals is None else goals)[different]
    if bool((distances == distances[0]).all()):
        return math.nan
    return rank_correlation(distances, geodesic[different])


def symmetric_bound(geodesic: Tensor) -> float:
    """Highest rank correlation of any symmetric distance with ``geodesic``.

    A rank correlation is the correlation of ranks. The ranks of a symmetric distance are orthogonal to the
    antisymmetric part of the geodesic ranks. So the bound is the length of the symmetric part of the geodesic ranks
    divided by their whole length, both centred. ``geodesic`` has shape ``(N, N)``. Pairs of states without a path in
    both directions are left out.

    Example:
        >>> import torch
        >>> there_and_back = torch.tensor([[0.0, 1.0], [5.0, 0.0]])  # one step there, five back
        >>> symmetric_bound(there_and_back)
        0.0
    """
    require_shape("geodesic", geodesic, (len(geodesic), len(geodesic)))
    different = ~torch.eye(len(geodesic), dtype=torch.bool) & geodesic.isfinite() & geodesic.T.isfinite()
    if len(geodesic[different].unique()) < 2:
        raise ValueError("geodesic must hold at least two different distances: ranks of equal values are undefined")
    ranked = torch.zeros(geodesic.shape, dtype=torch.float64)
    ranked[different] = ranks(geodesic[different])
    centred = torch.where(different, ranked - ranked[different].mean(), 0.0)
    return float(((centred + centred.T) / 2).norm() / centred.norm())


def rank_correlation(x: Tensor, y: Tensor) -> float:
    """Spearman's rank correlation of two samples of shape ``(N,)``.

    Equal values share their mean rank.
    """
    if x.shape != y.shape or x.ndim != 1 or len(x) < 2:
        raise ValueError(f"x and y must both have shape (N,) with N at least 2, got {tuple(x.shape)}, {tuple(y.shape)}")
    both = torch.stack([ranks(x), ranks(y)])
    if bool((both == both[:, :1]).all(dim=1).any()):
        raise ValueError("x and y must not be constant: ranks of equal values are undefined")
    return float(torch.corrcoef(both)[0, 1])


def ranks(values: Tensor) -> Tensor:
    """Rank of each value, from 1, float64; equal values share their mean rank."""
    return torch.from_numpy(rankdata(values.detach().cpu().numpy()))


def goal_latent_distances(z: Tensor, world: Gridworld, *, goals: Tensor | None = None) -> Tensor:
    """Latent distance of each state to the nearest goal state, shape ``(N,)``."""
    return latent_distances(z, (z if goals is None else goals)[world.goals]).min(dim=1).values


def greedy_accuracy(z: Tensor, world: Gridworld, to_goal: Tensor, *, goals: Tensor | None = None) -> float:
    """Fraction of starts where the greedy action is on a shortest path.

    The greedy action leads to the state whose latent is nearest to the goal's. The true transitions are used, so this
    judges the geometry alone, as if the model were perfect. If several actions tie, the fraction of them that are right
    counts.

    Args:
        z: latents, shape ``(N, D)``.
        world: its starts, goals and transitions.
        to_goal: fewest steps from each state to the goal, shape ``(N,)``.
        goals: latents as goals, shape ``(N, D)``; by default ``z``.
    """
    starts = world.starts
    ahead = goal_latent_distances(z, world, goals=goals)[world.transitions[starts]]
    nearest = ahead.min(dim=1, keepdim=True).values
    best = ahead <= nearest * (1 + 1e-6)
    right = to_goal[world.transitions[starts]] < to_goal[starts][:, None]
    return float(((best & right).sum(dim=1) / best.sum(dim=1)).mean())


def descent_share(z: Tensor, world: Gridworld, *, goals: Tensor | None = None) -> float:
    """Fraction of starts with an action that lowers the latent distance to the goal."""
    starts = world.starts
    distance = goal_latent_distances(z, world, goals=goals)
    return float((distance[world.transitions[starts]].min(dim=1).values < distance[starts]).float().mean())
