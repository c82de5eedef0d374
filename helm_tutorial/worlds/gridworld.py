"""MiniGrid environments read as finite worlds.

A world has states, observations, transitions and geodesic distances. All are read off the real environment: each state
is entered, each action is taken with the environment's own ``step``, and models see what the environment shows. A state
is the agent's cell and heading. Only environments whose state is no more than that, and whose task is to reach a goal
cell, are admitted. Among walls and floor the agent can turn round and go back, so every state can be reached from every
other. Lava is refused: nothing leads out of it, so random walks would get stuck there, and some starts would have no
path to the goal.

Termination belongs to the task, not to the world. Transitions and random walks continue across the goal cell, so a
model knows nothing of the task and any cell can be the goal. Only :mod:`helm_tutorial.planning.episodes` runs episodes,
and there the environment ends them.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import gymnasium
import minigrid  # noqa: F401  (registers the environments)
import torch
from minigrid.wrappers import FullyObsWrapper, RGBImgObsWrapper
from torch import Tensor

from helm_tutorial._check import require_choice, require_count
from helm_tutorial.worlds.observation import KINDS, View, view_of
from helm_tutorial.worlds.walks import Walks

ACTIONS = ("left", "right", "forward")
"""Actions that move or turn the agent, in MiniGrid's numbering."""

HEADINGS = ("right", "down", "left", "up")
"""MiniGrid's four directions, in its numbering."""

TILE = 8
"""Side of a rendered cell in pixels."""

STATIC_OBJECTS = {"wall", "goal", "floor"}
ALLOWED = "allowed are walls, floor and goals"


class UnsupportedEnvironment(ValueError):
    """The environment cannot be read as a world; the message says why."""


@dataclass(frozen=True)
class Gridworld:
    """A finite world with ``N`` states and ``A`` = 3 actions.

    The states are all those that can be reached from the start.

    Attributes:
        env_id: the environment's registered name.
        layout_seed: the seed of the ``reset`` that drew the layout.
        positions: cell of each state as (column, row), shape ``(N, 2)``.
        headings: heading of each state, an index into :data:`HEADINGS`, shape ``(N,)``.
        images: the environment's view of the whole world in each state. It holds MiniGrid's categories of each cell,
            one byte each, shape ``(N, width, height, 3)``, or rendered pixels, shape ``(N, height, width, 3)``.
        transitions: the state that each action leads to, shape ``(N, A)``.
        start: index of the state in which the environment starts.
        goals: indices of the states on the goal cell, shape ``(4,)`` for one goal cell.
        features: the observations that models see, shape ``(N, F)`` or ``(N, 3, height, width)``.
        view: how images become features, see :class:`helm_tutorial.worlds.observation.View`.

    Example:
        >>> world = load_gridworld("MiniGrid-Empty-5x5-v0")
        >>> world.num_states, world.num_actions, tuple(world.goal.shape[:1])
        (36, 3, (4,))
    """

    env_id: str
    layout_seed: int
    positions: Tensor
    headings: Tensor
    images: Tensor
    transitions: Tensor
    start: int
    goals: Tensor
    features: Tensor = field(repr=False)
    view: View = field(repr=False)

    @property
    def num_actions(self) -> int:
        """Number of actions, ``A`` = 3."""
        return self.transitions.shape[1]

    @property
    def num_states(self) -> int:
        """Number of states, ``N``."""
        return len(self.positions)

    @property
    def goal(self) -> Tensor:
        """Observations that count as the goal, shape ``(4, ...)`` for one goal cell."""
        return self.features[self.goals]

    @property
    def starts(self) -> Tensor:
        """Indices of every state that is not on the goal cell, ascending."""
        on_goal = torch.zeros(self.num_states, dtype=torch.bool)
        on_goal[self.goals] = True
        return torch.arange(self.num_states)[~on_goal]

    def observe(self, images: Tensor) -> Tensor:
        """Turn images into observations, in the form of :attr:`features`.

        The shapes are those of :class:`helm_tutorial.worlds.observation.View`.
        """
        return self.view(images)

    def index(self, position: tuple[int, int], heading: int) -> int:
        """Find the state with the agent on ``position`` and facing ``heading``.

        ``position`` is (column, row).

        Raises:
            ValueError: there is no such state.
        """
        match = (self.positions == torch.tensor(position)).all(dim=1) & (self.headings == heading)
        if not bool(match.any()):
            raise ValueError(f"position {tuple(position)} with heading {heading} is not a state of {self.env_id}")
        return int(match.nonzero()[0, 0])

    def random_walks(self, count: int, length: int, *, generator: torch.Generator) -> Walks:
        """Draw walks of uniformly random actions from uniformly random states.

        The walks continue across the goal cell.
        """
        require_count("count", count)
        require_count("length", length)
        actions = torch.randint(self.num_actions, (count, length), generator=generator)
        states = torch.empty(count, length + 1, dtype=torch.long)
        states[:, 0] = torch.randint(self.num_states, (count,), generator=generator)
        for t in range(length):
            states[:, t + 1] = self.transitions[states[:, t], actions[:, t]]
        return Walks(self.features, states, actions, self.num_actions, distinct=len(states.unique()))

    def open(self, state: int) -> gymnasium.Env:
        """Open a fresh copy of the real environment in ``state``."""
        env = _reset(self.env_id, self.layout_seed, self.view.kind)
        _place(env, self.positions[state].tolist(), int(self.headings[state]))
        return env

    def simulate(self, starts: Tensor | Sequence[int]) -> GridSimulation:
        """Open a real environment in each of ``starts``, state indices ``(B,)``."""
        starts = torch.as_tensor(starts)
        wrong = starts[(starts < 0) | (starts >= self.num_states)]
        if len(wrong):
            raise ValueError(f"starts must lie between 0 and {self.num_states - 1}, got {int(wrong[0])}")
        return GridSimulation(self, starts)


class GridSimulation:
    """Episodes in MiniGrid's own environments.

    Only these environments judge success; see :class:`~helm_tutorial.worlds.world.Simulation`.
    """

    def __init__(self, world: Gridworld, starts: Tensor) -> None:
        self.world, self.states = world, starts.clone()
        self.success, self.over = torch.zeros(2, len(starts), dtype=torch.bool)
        self._envs = [world.open(start) for start in starts.tolist()]
        self._seen = world.features[starts]

    def observe(self) -> Tensor:
        """Return what each environment showed last."""
        return self._seen

    def step(self, actions: Tensor, rows: Tensor) -> None:
        """Step the environments ``rows``."""
        for action, row in zip(actions.tolist(), rows.tolist(), strict=True):
            observation, reward, terminated, truncated, _ = self._envs[row].step(action)
            agent = self._envs[row].unwrapped
            self._seen[row] = self.world.observe(torch.as_tensor(observation["image"]))
            self.states[row] = self.world.index(tuple(map(int, agent.agent_pos)), int(agent.agent_dir))
            self.success[row], self.over[row] = terminated and reward > 0, terminated or truncated


def load_gridworld(
    env_id: str = "MiniGrid-Empty-8x8-v0", *, layout_seed: int = 0, observation: str = "cells"
) -> Gridworld:
    """Read a world off a real MiniGrid environment.

    Args:
        env_id: a registered MiniGrid environment.
        layout_seed: seed of the ``reset`` that draws the layout, the goal and the start.
        observation: what models see, ``"cells"``, ``"profiles"`` or ``"pixels"``, see
            :class:`helm_tutorial.worlds.observation.View`.

    Raises:
        UnsupportedEnvironment: the environment has doors, keys, balls, boxes, lava or moving obstacles; no goal can be
            reached; an episode ends elsewhere than on a goal; an action has a random outcome; or the environment
            cannot be built, for example because a package is missing.

    Example:
        >>> world = load_gridworld("MiniGrid-Empty-8x8-v0")
        >>> world.num_states, len(world.starts), int(goal_distances(world)[world.start])
        (144, 140, 11)
    """
    require_count("layout_seed", layout_seed, low=0)
    require_choice("observation", observation, KINDS)
    env = _reset(env_id, layout_seed, observation)
    unwrapped = env.unwrapped
    start = (*map(int, unwrapped.agent_pos), int(unwrapped.agent_dir))
    goal_cells = _goal_cells(env_id, unwrapped)
    layout, chance = unwrapped.grid.encode().copy(), unwrapped.np_random.bit_generator.state

    successors: dict[tuple[int, int, int], list[tuple[int, int, int]]] = {}
    frontier = deque([start])
    while frontier:
        key = frontier.popleft()
        if key in successors:
            continue
        successors[key] = [_step(env, key, action, goal_cells) for action in range(len(ACTIONS))]
        frontier.extend(successors[key])
    keys = sorted(successors)
    number = {key: n for n, key in enumerate(keys)}
    images = []
    for x, y, heading in keys:
        _place(env, (x, y), heading)
        images.append(torch.as_tensor(env.observation(unwrapped.gen_obs())["image"]))
    if (unwrapped.grid.encode() != layout).any():
        raise UnsupportedEnvironment(f"{env_id}: the layout changes while the agent moves; allowed are fixed layouts")
    if unwrapped.np_random.bit_generator.state != chance:
        raise UnsupportedEnvironment(f"{env_id}: its steps draw random numbers; allowed are actions with one outcome")
    if not goal_cells & {key[:2] for key in keys}:
        raise UnsupportedEnvironment(
            f"{env_id}: no goal cell can be reached with layout seed {layout_seed}; another layout seed may do"
        )
    images = torch.stack(images)
    view = view_of(observation, images)
    return Gridworld(
        env_id=env_id,
        layout_seed=layout_seed,
        positions=torch.tensor([key[:2] for key in keys]),
        headings=torch.tensor([key[2] for key in keys]),
        images=images,
        transitions=torch.tensor([[number[successor] for successor in successors[key]] for key in keys]),
        start=number[start],
        goals=torch.tensor([number[key] for key in keys if key[:2] in goal_cells]),
        features=view(images),
        view=view,
    )


def geodesic_distances(world: Gridworld) -> Tensor:
    """Fewest steps from each state to each other, shape ``(N, N)``.

    The distance is ``inf`` if there is no path. It is not symmetric, because going back requires turning round first.
    """
    return _distances_to(world, torch.arange(world.num_states))


def goal_distances(world: Gridworld) -> Tensor:
    """Fewest steps from each state to the goal cell in any heading, shape ``(N,)``."""
    return _distances_to(world, world.goals).min(dim=1).values


def _distances_to(world: Gridworld, targets: Tensor) -> Tensor:
    """Fewest steps from each state to each target, shape ``(N, targets)``.

    The distances satisfy Bellman's equation: one step more than from the best next state.
    """
    distances = torch.full((world.num_states, len(targets)), float("inf"))
    distances[targets, torch.arange(len(targets))] = 0.0
    while True:
        known = distances
        for action in range(len(ACTIONS)):
            distances = torch.minimum(distances, 1.0 + known[world.transitions[:, action]])
        if torch.equal(distances, known):
            return distances


def _reset(env_id: str, layout_seed: int, observation: str) -> gymnasium.Env:
    known = [name for name in gymnasium.registry if name.startswith("MiniGrid-")]
    if env_id not in known:
        raise ValueError(f"env must be a registered MiniGrid environment such as MiniGrid-Empty-8x8-v0, got {env_id!r}")
    # Some environments print hints while they build their layout; the library prints nothing.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            env = gymnasium.make(env_id, render_mode="rgb_array", disable_env_checker=True).unwrapped
            env = RGBImgObsWrapper(env, tile_size=TILE) if observation == "pixels" else FullyObsWrapper(env)
            env.reset(seed=layout_seed)
        except gymnasium.error.DependencyNotInstalled as error:
            raise UnsupportedEnvironment(f"{env_id} needs a package that is not installed: {error}") from error
        except Exception as error:  # whatever went wrong, the environment cannot be read
            raise UnsupportedEnvironment(
                f"{env_id} cannot be built with layout seed {layout_seed}: {type(error).__name__}: {error}"
            ) from error
    return env


def _place(env: gymnasium.Env, position: tuple[int, int], heading: int) -> None:
    env.unwrapped.agent_pos = tuple(position)
    env.unwrapped.agent_dir = heading
    env.unwrapped.step_count = 0


def _step(
    env: gymnasium.Env, state: tuple[int, int, int], action: int, goal_cells: set[tuple[int, int]]
) -> tuple[int, int, int]:
    _place(env, state[:2], state[2])
    _, reward, terminated, _, _ = env.step(action)
    x, y = map(int, env.unwrapped.agent_pos)
    arrived = (x, y) != state[:2] and (x, y) in goal_cells
    if terminated != arrived or (arrived and not reward > 0):
        raise UnsupportedEnvironment(
            f"{env.unwrapped.spec.id}: action {ACTIONS[action]} that led to column {x}, row {y} "
            f"{'ended' if terminated else 'did not end'} the episode, with reward {reward:g}; "
            f"allowed is a task that ends, with a reward, on reaching a goal cell and nowhere else"
        )
    return x, y, int(env.unwrapped.agent_dir)


def _goal_cells(env_id: str, unwrapped) -> set[tuple[int, int]]:
    goals, others = set(), set()
    for x in range(unwrapped.grid.width):
        for y in range(unwrapped.grid.height):
            thing = unwrapped.grid.get(x, y)
            if thing is not None and thing.type == "goal":
                goals.add((x, y))
            elif thing is not None and thing.type not in STATIC_OBJECTS:
                others.add(thing.type)
    if others == {"lava"}:
        raise UnsupportedEnvironment(
            f"{env_id} has lava, where an episode ends in failure: nothing leads out of it, and this book's random "
            f"walks and distances need a way back from every cell; {ALLOWED}"
        )
    if others:
        raise UnsupportedEnvironment(
            f"{env_id} has {', '.join(sorted(others))}: its state is more than where the agent stands, "
            f"which is all this book models; {ALLOWED}"
        )
    if not goals:
        raise UnsupportedEnvironment(f"{env_id} has no goal cell to plan to; {ALLOWED}, at least one")
    return goals
