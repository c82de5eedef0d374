"""What a world has to offer: walks to learn from, a goal, and episodes that can be stepped.

Nothing has to inherit from these classes; whatever has the same attributes is a world. ``B`` counts episodes, ``G`` the
observations that count as the goal, and ``...`` stands for the shape of one state, observation or action.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from helm_tutorial.worlds.walks import Walks


class Simulation(Protocol):
    """Episodes of a world, stepped side by side; it alone says when one is over and whether it succeeded."""

    @property
    def states(self) -> Tensor:
        """Where each episode is now, shape ``(B, ...)``."""

    @property
    def success(self) -> Tensor:
        """Whether each has reached the goal, shape ``(B,)``, bool."""

    @property
    def over(self) -> Tensor:
        """Whether each has ended, with success or without, shape ``(B,)``, bool."""

    def observe(self) -> Tensor:
        """What a model sees of each state, shape ``(B, ...)``."""

    def step(self, actions: Tensor, rows: Tensor) -> None:
        """Take one step in some episodes.

        Args:
            actions: for each of ``rows``: action indices ``(R,)``, or real actions ``(R, A)``; on the CPU.
            rows: which episodes move, indices ``(R,)``; all others stay as they are.
        """


class World(Protocol):
    """Anything that yields walks and can be stepped."""

    @property
    def num_actions(self) -> int:
        """Number ``A`` of discrete actions, or of numbers that a real action has."""

    @property
    def goal(self) -> Tensor:
        """Observations that count as the goal, shape ``(G, ...)``."""

    def random_walks(self, count: int, length: int, *, generator: torch.Generator) -> Walks:
        """Walks of random actions, ``count`` of them with ``length`` steps each."""

    def simulate(self, starts: Tensor | Sequence[int]) -> Simulation:
        """Begin one episode in each of the states ``starts``, shape ``(B, ...)``."""
