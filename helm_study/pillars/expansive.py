"""A continuous world that is itself expansive, with a hidden state.

It is a linear system as in chapter 1, observed through a map that hides its state, a point ``x`` of the plane. A step
turns the plane by an angle, multiplies every distance by a factor above 1, and adds a push in one of four directions::

    x' = W x + B a,   W = factor * rotation(angle)

so that ``|W^T v| = factor^T |v|`` for every ``v``, where ``T`` is a number of steps. Any two states diverge at the same
exponential rate. Near the origin, no latent from which the state can be read smoothly can hide this growth. The origin
is a fixed point under the mean of the four pushes, and the eigenvalues of the derivative at a fixed point are the same
in all coordinates. Far from the origin a latent can hide the growth by compressing distances; a bounded latent must.

Models see ``F`` numbers ``cos(frequencies x + phases)``, never ``x`` (random Fourier features; Rahimi and Recht, 2007).
The task is to enter a ball around the origin. As in :mod:`helm_tutorial.worlds.gridworld`, random walks ignore the
task.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from helm_tutorial._check import require_count, require_real, require_shape
from helm_tutorial.cliff.linear_system import LinearSystem
from helm_tutorial.worlds.walks import Walks

PUSHES = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))
"""What each of the four actions adds to the state; the unit of length."""

MOST_STEPS = 9
"""Longest path that :func:`fewest_steps` tries by default.

It has a quarter of a million sequences of actions.
"""


@dataclass(frozen=True, eq=False)
class ContinuousWorld:
    """An expansive linear system with ``A`` = 4 actions, observations and a task.

    Attributes:
        system: the true dynamics, ``W`` of shape ``(D, D)`` and ``B`` of shape ``(D, A)``, float64: on one-hot
            actions it is a world model of states, as planners take them.
        frequencies: frequencies of the observation, shape ``(F, D)``; ``None`` if the state itself is observed.
        phases: phases of the observation, shape ``(F,)``.
        reach: largest distance from the origin at which random walks and episodes begin.
        target: the goal's centre, shape ``(D,)``.
        goal_radius: radius of the goal ball around ``target``.
    """

    system: LinearSystem
    frequencies: Tensor | None = field(repr=False)
    phases: Tensor = field(repr=False)
    reach: float
    target: Tensor
    goal_radius: float

    @property
    def dimension(self) -> int:
        """Dimension ``D`` of a state."""
        return len(self.system.W)

    @property
    def num_actions(self) -> int:
        """Number of actions ``A``."""
        return self.system.B.shape[1]

    @property
    def goal(self) -> Tensor:
        """Observation of the goal's centre, shape ``(1, F)``."""
        return self.observe(self.target[None])

    @property
    def places(self) -> int:
        """Number of goal balls whose volume fills the ball of :attr:`reach`.

        It is the number of places that a goal of this size can distinguish.
        """
        return math.ceil((self.reach / self.goal_radius) ** self.dimension)

    def observe(self, points: Tensor) -> Tensor:
        """Observe states ``(..., D)``, shape ``(..., F)``, float32.

        Each number is in [-1, 1], unless the state itself is observed.
        """
        require_shape("points", points, (..., self.dimension))
        if self.frequencies is None:
            return points.float()
        return torch.cos(points.double() @ self.frequencies.T + self.phases).float()

    def step(self, points: Tensor, actions: Tensor) -> Tensor:
        """Take one step, ``(B, D), (B,) -> (B, D)``, float64.

        ``actions`` are indices.
        """
        return self.system(points.double(), torch.eye(self.num_actions, dtype=torch.float64)[actions])

    def arrived(self, points: Tensor) -> Tensor:
        """Whether states ``(..., D)`` are in the goal ball, shape ``(...)``."""
        return (points - self.target).norm(dim=-1) <= self.goal_radius

    def lost(self, points: Tensor) -> Tensor:
        """Whether states ``(..., D)`` are too far out to return, shape ``(...)``.

        A step takes a state from a distance ``d`` of the origin to at least ``factor * d - 1``, which is more than
        ``d`` if ``d`` is above ``1 / (factor - 1)``. Nearer states may be lost too.
        """
        return points.norm(dim=-1) > 1.0 / (float(torch.linalg.matrix_norm(self.system.W, 2)) - 1.0)

    def draw(self, count: int, *, generator: torch.Generator) -> Tensor:
        """Draw states uniformly within :attr:`reach` of the origin.

        The states have shape ``(count, D)``, float64.
        """
        require_count("count", count)
        direction = torch.randn(count, self.dimension, generator=generator, dtype=torch.float64)
        share = torch.rand(count, 1, generator=generator, dtype=torch.float64) ** (1.0 / self.dimension)
        return self.reach * share * direction / direction.norm(dim=1, keepdim=True)

    def random_walks(self, count: int, length: int, *, generator: torch.Generator) -> Walks:
        """Draw walks of uniformly random actions from the states of :meth:`draw`."""
        require_count("count", count)
        require_count("length", length)
        actions = torch.randint(self.num_actions, (count, length), generator=generator)
        points = [self.draw(count, generator=generator)]
        for chosen in actions.unbind(dim=1):
            points.append(self.step(points[-1], chosen))
        points = torch.stack(points, dim=1)
        walks = torch.arange(count * (length + 1)).view(count, length + 1)
        features = self.observe(points.flatten(0, 1))
        return Walks(features, walks, actions, self.num_actions, distinct=self.places)

    def simulate(self, starts: Tensor) -> ExpansiveSimulation:
        """Begin an episode in each of the states ``(B, D)``.

        An episode that begins in the goal ball has arrived without a step.
        """
        require_shape("starts", starts, ("B", self.dimension))
        return ExpansiveSimulation(self, starts.double())


class ExpansiveSimulation:
    """Episodes of the true system, which alone judges success.

    An episode ends in the goal ball, or when the state is :meth:`ContinuousWorld.lost`, because no later step could
    bring it back. See :class:`~helm_tutorial.worlds.world.Simulation`.
    """

    def __init__(self, world: ContinuousWorld, starts: Tensor) -> None:
        self.world, self.states = world, starts.clone()
        self.success = world.arrived(starts)
        self.over = self.success.clone()

    def observe(self) -> Tensor:
        return self.world.observe(self.states)

    def step(self, actions: Tensor, rows: Tensor) -> None:
        there = self.world.step(self.states[rows], actions)
        self.states[rows], self.success[rows] = there, self.world.arrived(there)
        self.over[rows] = self.world.arrived(there) | self.world.lost(there)


def expansive_world(
    *,
    factor: float = 1.1,
    angle: float = 0.1,
    reach: float = 4.0,
    goal_radius: float = 1 / 3,
    features: int = 64,
    length_scale: float = 1.0,
    seed: int = 0,
) -> ContinuousWorld:
    """Build a :class:`ContinuousWorld`.

    Args:
        factor: factor by which a step multiplies every distance, above 1.
        angle: angle by which a step turns the plane, in radians.
        reach: largest distance from the origin at which walks and episodes begin, in pushes.
        goal_radius: radius of the goal ball around the origin, in pushes.
        features: dimension ``F`` of an observation.
        length_scale: distance beyond which two states have unlike observations: the mean product of the observations of
            ``x`` and ``y`` falls as ``exp(-|x - y|^2 / (2 length_scale^2))``.
        seed: seed of the observation's frequencies and phases.
    """
    require_real("factor", factor, above=1.0)
    require_real("angle", angle)
    require_real("reach", reach, above=0.0, high=1.0 / (factor - 1.0))
    require_real("goal_radius", goal_radius, above=0.0, high=reach)
    require_count("features", features)
    require_real("length_scale", length_scale, above=0.0)
    require_count("seed", seed, low=0)
    turn = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    generator = torch.Generator().manual_seed(seed)
    return ContinuousWorld(
        system=LinearSystem(
            factor * torch.tensor(turn, dtype=torch.float64), torch.tensor(PUSHES, dtype=torch.float64).T
        ),
        frequencies=torch.randn(features, 2, generator=generator, dtype=torch.float64) / length_scale,
        phases=2 * math.pi * torch.rand(features, generator=generator, dtype=torch.float64),
        reach=float(reach),
        target=torch.zeros(2, dtype=torch.float64),
        goal_radius=float(goal_radius),
    )


def fewest_steps(world: ContinuousWorld, start: Tensor, target: Tensor, *, most: int = MOST_STEPS) -> Tensor:
    """Fewest steps from each start to within the goal radius of its target.

    Every sequence of actions is tried. After ``t`` steps a start ``x`` is at ``W^t x + c``, where ``c`` depends only on
    the actions. So the ``A^t`` values of ``c`` are listed once for all starts.

    Args:
        world: the world whose dynamics and goal radius are used.
        start: states, shape ``(P, D)``.
        target: the state that each is to reach, shape ``(P, D)``.
        most: length of the longest sequences tried, at most 10.

    Returns:
        Steps, shape ``(P,)``, ``inf`` if no sequence of up to ``most`` actions succeeds.
    """
    require_shape("start", start, ("P", world.dimension))
    require_shape("target", target, tuple(start.shape))
    require_count("most", most, low=0, high=10)
    W, B = world.system.W, world.system.B
    steps = torch.full((len(start),), math.inf)
    moved, gained = start.double(), torch.zeros(1, world.dimension, dtype=torch.float64)
    for t in range(most + 1):
        # A few rows at a time, because there are many sequences.
        for rows in steps.isinf().nonzero()[:, 0].split(32):
            missing = target[rows].double() - moved[rows]
            steps[rows[torch.cdist(missing, gained).min(dim=1).values <= world.goal_radius]] = t
        moved = moved @ W.T
        gained = ((gained @ W.T)[:, None] + B.T).flatten(0, 1)
    return steps


def solvable_starts(world: ContinuousWorld, count: int, *, low: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Draw states from which the goal can be reached in few steps.

    Few means from ``low`` to :data:`MOST_STEPS` steps.

    Returns:
        States, shape ``(count, D)``, float64, and their fewest steps to the goal, shape ``(count,)``.

    Raises:
        ValueError: such states are too rare to be found.
    """
    require_count("count", count)
    require_count("low", low, high=MOST_STEPS)
    generator = torch.Generator().manual_seed(seed)
    found, ways = [], []
    for _ in range(20):
        points = world.draw(count, generator=generator)
        steps = fewest_steps(world, points, world.target.expand_as(points))
        kept = steps.isfinite() & (steps >= low)
        found.append(points[kept])
        ways.append(steps[kept])
        if sum(map(len, found)) >= count:
            return torch.cat(found)[:count], torch.cat(ways)[:count]
    raise ValueError(
        f"reach must let more states come to the goal in {low} to {MOST_STEPS} steps, got {world.reach} with a goal "
        f"radius of {world.goal_radius}"
    )
