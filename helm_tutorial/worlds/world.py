"""Protocols of a world: random walks to learn from, a goal, and episodes.

Nothing has to inherit from these classes; any object with the same attributes is a world. ``B`` is the number of
episodes, ``G`` the number of observations that count as the goal, and ``...`` is the shape of one state, observation or
action.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from helm_tutorial.worlds.walks import Walks


class Simulation(Protocol):
    """Episodes of a world, stepped side by side.

    Only the simulation decides when an episode is over and whether it succeeded.
    """

    @property
    def states(self) -> Tensor:
        """Current state of each episode, shape ``(B, ...)``."""

    @property
    def success(self) -> Tensor:
        """Whether each episode has reached the goal, shape ``(B,)``, bool."""

    @property
    def over(self) -> Tensor:
        """Whether each episode has ended, successfully or not, shape ``(B,)``, bool."""

    def observe(self) -> Tensor:
        """Observe the current state of each episode, shape ``(B, ...)``."""

    def step(self, actions: Tensor, rows: Tensor) -> None:
        """Take one step in some of the episodes.

        Args:
            actions: for each of ``rows``: action indices ``(R,)``, or real actions ``(R, A)``; on the CPU.
            rows: which episodes move, indices ``(R,)``; all others stay as they are.
        """


class World(Protocol):
    """A world in which random walks can be drawn and episodes be run."""

    @property
    def num_actions(self) -> int:
        """Number of discrete actions, or dimension of a real-valued action: ``A``."""

    @property
    def goal(self) -> Tensor:
        """Observations that count as the goal, shape ``(G, ...)``."""

    def random_walks(self, count: int, length: int, *, generator: torch.Generator) -> Walks:
        """Draw ``count`` walks of ``length`` random actions each."""

    def simulate(self, starts: Tensor | Sequence[int]) -> Simulation:
        """Begin one episode in each of the states ``starts``, shape ``(B, ...)``."""
