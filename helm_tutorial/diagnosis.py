"""Why a latent space can or cannot be planned in: one number for each way of failing.

Each function takes the latents of all ``N`` states, ``(N, D)``, and what it compares them with. Where a model
encodes goals by a network of their own, ``goals`` are the latents of all ``N`` states as goals, ``(N, D)``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from helm_tutorial._check import require_count, require_shape
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.rollouts import rollout
from helm_tutorial.worlds.gridworld import Gridworld, random_walks


@torch.no_grad()
def latents(model: WorldModel, world: Gridworld) -> Tensor:
    """Latents of all states, shape ``(N, D)``."""
    return model.encode(world.features)


@torch.no_grad()
def goal_latents(model: WorldModel, world: Gridworld) -> Tensor:
    """Latents of all states as goals, shape ``(N, D)``: those of :func:`latents` without a goal encoder."""
    return model.encode_goal(world.features)


def latent_distances(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distances between latents ``(P, D)`` and ``(Q, D)``, shape ``(P, Q)``.

    By differences, not by the expanded square that ``torch.cdist`` takes for larger inputs: its rounding error
    of about 1e-4 is far more than the distances that are left in a collapsed latent space.
    """
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def spread(z: Tensor) -> float:
    """Mean Euclidean distance between the latents of two different states; 0 is complete collapse."""
    return float(torch.pdist(z).mean())


def effective_rank(z: Tensor) -> float:
    """How many directions the latents use: the exponential of the entropy of the normalised spectrum.

    Between 1 and ``D``; singular values of the centred latents are normalised to sum 1.
    """
    values = torch.linalg.svdvals(z - z.mean(dim=0))
    shares = values / values.sum().clamp_min(1e-30)
    return float(torch.exp(-(shares * shares.clamp_min(1e-30).log()).sum()))


@torch.no_grad()
def prediction_accuracy(model: WorldModel, world: Gridworld) -> float:
    """Share of state-action pairs whose predicted latent is nearest to the true next state's latent.

    Nearest among all states that some action leads to. Of ``world`` only ``features`` and ``transitions`` are asked.
    """
    z, (here, count) = latents(model, world), world.transitions.shape
    actions = one_hot_actions(torch.arange(count), count)
    predicted = model(z[:here].repeat_interleave(count, dim=0), actions.repeat(here, 1))
    following, right = world.transitions.unique(return_inverse=True)
    nearest = latent_distances(predicted, z[following]).argmin(dim=1)
    return float((nearest == right.reshape(-1)).float().mean())


@torch.no_grad()
def rollout_accuracy(model: WorldModel, world: Gridworld, steps: int, seed: int, *, rollouts: int = 1000) -> float:
    """Share of random rollouts whose latent after ``steps`` imagined steps is nearest to the true state's.

    Raises:
        ValueError: ``steps`` or ``rollouts`` is below 1.
    """
    require_count("steps", steps)
    require_count("rollouts", rollouts)
    generator = torch.Generator().manual_seed(seed)
    states, actions = random_walks(world, rollouts, steps, generator=generator)
    z = latents(model, world)
    last = rollout(model, z[states[:, 0]], one_hot_actions(actions, model.actions))[:, -1]
    return float((latent_distances(last, z).argmin(dim=1) == states[:, -1]).float().mean())


@torch.no_grad()
def decoding_accuracy(model: WorldModel, world: Gridworld) -> float:
    """Share of state-action pairs whose predicted latent decodes exactly to the next state's observation.

    Exactly: every count of the observation (see :class:`helm_tutorial.worlds.observation.View`) rounds to the right
        one.
    """
    z, count = latents(model, world), model.actions
    actions = one_hot_actions(torch.arange(count), count)
    decoded = world.view.restore(model.decode(model(z.repeat_interleave(count, dim=0), actions.repeat(len(z), 1))))
    true = world.view.restore(world.features[world.transitions.reshape(-1)])
    return float((decoded.round() == true.round()).all(dim=1).float().mean())


def symmetric_bound(geodesic: Tensor) -> float:
    """The highest rank correlation that any symmetric distance can have with ``geodesic``, ``(N, N)``.

    A rank correlation is the correlation of ranks. Ranks that are the same both ways are orthogonal to the
    antisymmetric part of the geodesic ranks, so no better than the symmetric part of these: the bound is the
    length of their symmetric part over their length, both centred. Pairs without a way both ways are left out.

    Raises:
        ValueError: ``geodesic`` is not square, or all its distances are the same and have no order.

    Example:
        >>> import torch
        >>> there_and_back = torch.tensor([[0.0, 1.0], [5.0, 0.0]])  # one step on, five back
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


def metric_correlation(z: Tensor, geodesic: Tensor, *, goals: Tensor | None = None) -> float:
    """Spearman correlation of latent with geodesic distance over all ordered pairs of different states.

    Args:
        z: latents, shape ``(N, D)``.
        geodesic: steps from each state to each other, shape ``(N, N)``; unreachable pairs are left out.
        goals: latents as goals, ``z`` by default, shape ``(N, D)``.

    Returns:
        The correlation, ``nan`` where all latents are the same point and there is no order to speak of.
    """
    different = ~torch.eye(len(z), dtype=torch.bool) & geodesic.isfinite()
    distances = latent_distances(z, z if goals is None else goals)[different]
    if bool((distances == distances[0]).all()):
        return math.nan
    return rank_correlation(distances, geodesic[different])


def goal_latent_distances(z: Tensor, world: Gridworld, *, goals: Tensor | None = None) -> Tensor:
    """Latent distance of each state to the nearest goal state, shape ``(N,)``."""
    return latent_distances(z, (z if goals is None else goals)[world.goals]).min(dim=1).values


def greedy_accuracy(z: Tensor, world: Gridworld, to_goal: Tensor, *, goals: Tensor | None = None) -> float:
    """Share of starts where the action that looks best one step ahead lies on a shortest path.

    Looks best: leads, truly, to the state whose latent is nearest to the goal's. So it judges the
    geometry alone, with a perfect model. Ties count by the share of tied actions that are right.

    Args:
        z: latents, shape ``(N, D)``.
        world: where.
        to_goal: geodesic distance of each state to the goal, shape ``(N,)``.
        goals: latents as goals, ``z`` by default, shape ``(N, D)``.
    """
    starts = world.starts
    ahead = goal_latent_distances(z, world, goals=goals)[world.transitions[starts]]
    nearest = ahead.min(dim=1, keepdim=True).values
    best = ahead <= nearest * (1 + 1e-6)
    right = to_goal[world.transitions[starts]] < to_goal[starts][:, None]
    return float(((best & right).sum(dim=1) / best.sum(dim=1)).mean())


def descent_share(z: Tensor, world: Gridworld, *, goals: Tensor | None = None) -> float:
    """Share of starts from which some action lowers the latent distance to the goal: no dead end one step ahead."""
    starts = world.starts
    distance = goal_latent_distances(z, world, goals=goals)
    return float((distance[world.transitions[starts]].min(dim=1).values < distance[starts]).float().mean())


def rank_correlation(x: Tensor, y: Tensor) -> float:
    """Spearman's rank correlation of two samples, shape ``(N,)`` each; ties share their mean rank.

    Raises:
        ValueError: the shapes differ, fewer than two values, or one sample is constant.
    """
    if x.shape != y.shape or x.ndim != 1 or len(x) < 2:
        raise ValueError(f"x and y must both have shape (N,) with N at least 2, got {tuple(x.shape)}, {tuple(y.shape)}")
    both = torch.stack([ranks(x), ranks(y)])
    if bool((both == both[:, :1]).all(dim=1).any()):
        raise ValueError("x and y must not be constant: ranks of equal values are undefined")
    return float(torch.corrcoef(both)[0, 1])


def ranks(values: Tensor) -> Tensor:
    """Rank of each value, from 1, shape ``(N,)`` in float64; equal values share their mean rank."""
    _, group, counts = torch.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum(dim=0).double()
    return (last - (counts.double() - 1) / 2)[group]
