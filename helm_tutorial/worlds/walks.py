"""Walks through a world: the data set that every recipe trains on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from helm_tutorial._check import require_count, require_shape


class Walkable(Protocol):
    """A world in which random walks can be drawn, all that a recipe needs."""

    def random_walks(self, count: int, length: int, *, generator: torch.Generator) -> Walks:
        """Draw ``count`` walks of ``length`` random actions each."""


@dataclass(frozen=True, eq=False)
class Walks:
    """Walks through a world, with the observation of each state stored once.

    Attributes:
        features: observations of the ``N`` states, shape ``(N, ...)``.
        states: the states of each walk, as indices into ``features``, shape ``(count, length + 1)``.
        actions: the actions taken on the way, as indices, shape ``(count, length)``.
        num_actions: number ``A`` of actions.
        distinct: number of places that the walks distinguish. Recipes train longer if there are more. In a finite world
            it is the number of states visited. A continuous world, where no state is visited twice, has to supply it.

    Example:
        >>> there_and_back = torch.tensor([[0, 1, 0]])
        >>> walks = Walks(torch.eye(2), there_and_back, torch.tensor([[1, 0]]), num_actions=2, distinct=2)
        >>> walks.features[walks.states].shape  # what was seen on the way
        torch.Size([1, 3, 2])
    """

    features: Tensor = field(repr=False)
    states: Tensor
    actions: Tensor
    num_actions: int
    distinct: int

    def __post_init__(self) -> None:
        require_shape("states", self.states, ("count", "length + 1"))
        require_shape("actions", self.actions, (len(self.states), self.states.shape[1] - 1))
        require_count("num_actions", self.num_actions)
        require_count("distinct", self.distinct)
        for name, count in {"states": self.num_states, "actions": self.num_actions}.items():
            indices = getattr(self, name)
            if indices.dtype != torch.long or (indices.numel() and not 0 <= indices.min() <= indices.max() < count):
                given = f"{indices.dtype}, {indices.flatten()[:8].tolist()} ..."
                raise ValueError(f"{name} must be int64 indices from 0 to {count - 1}, got {given}")

    @property
    def num_states(self) -> int:
        """Number ``N`` of states with an observation."""
        return len(self.features)

    @classmethod
    def from_observations(
        cls, observations: Tensor, actions: Tensor, *, num_actions: int, distinct: int | None = None
    ) -> Walks:
        """Build walks from observations; equal observations become one state.

        Args:
            observations: shape ``(count, length + 1, ...)``.
            actions: shape ``(count, length)``, indices below ``num_actions``.
            num_actions: number ``A`` of actions.
            distinct: see :class:`Walks`; by default the number of different observations.

        Example:
            >>> seen = torch.tensor([[[0.0], [1.0], [0.0]]])  # there and back
            >>> walks = Walks.from_observations(seen, torch.tensor([[0, 1]]), num_actions=2)
            >>> walks.num_states, walks.states.tolist()
            (2, [[0, 1, 0]])
        """
        require_shape("actions", actions, ("count", "length"))
        if observations.shape[:2] != (len(actions), actions.shape[1] + 1):
            raise ValueError(
                f"observations must have shape ({len(actions)}, {actions.shape[1] + 1}, ...), one more than there are "
                f"actions, got {tuple(observations.shape)}"
            )
        features, rows = observations.flatten(0, 1).unique(dim=0, return_inverse=True)
        states = rows.view(observations.shape[:2])
        return cls(features, states, actions, num_actions, len(features) if distinct is None else distinct)

    def windows(self, count: int, steps: int, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw random pieces of the walks.

        Returns states ``(count, steps + 1)`` and the actions between them ``(count, steps)``.
        """
        require_count("count", count)
        require_count("steps", steps, high=self.actions.shape[1])
        walk = torch.randint(len(self.states), (count, 1), generator=generator)
        t = torch.randint(self.actions.shape[1] - steps + 1, (count, 1), generator=generator)
        ahead = torch.arange(steps + 1)
        return self.states[walk, t + ahead], self.actions[walk, t + ahead[:-1]]


def walks_in(world: Walkable | Walks, count: int, length: int, *, generator: torch.Generator) -> Walks:
    """Draw random walks in a world; return ``world`` if it already is walks."""
    return world if isinstance(world, Walks) else world.random_walks(count, length, generator=generator)
