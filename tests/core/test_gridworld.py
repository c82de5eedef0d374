"""The finite world against the real environment, stepped beside it."""

import re

import gymnasium
import pytest
import torch
from minigrid.core.constants import OBJECT_TO_IDX
from minigrid.core.world_object import Goal, Wall
from minigrid.envs import EmptyEnv
from minigrid.wrappers import FullyObsWrapper

from helm_tutorial.worlds.gridworld import (
    ACTIONS,
    UnsupportedEnvironment,
    geodesic_distances,
    goal_distances,
    load_gridworld,
)


@pytest.fixture(scope="module")
def empty():
    return load_gridworld("MiniGrid-Empty-8x8-v0")


def test_empty_8x8_is_what_the_book_says(empty):
    assert empty.num_states == 144
    assert len(empty.starts) == 140
    assert empty.positions[empty.start].tolist() == [1, 1]
    assert empty.positions[empty.goals].unique(dim=0).tolist() == [[6, 6]]
    assert goal_distances(empty)[empty.start] == 11
    assert goal_distances(empty).max() == 12
    assert torch.dist(empty.positions[empty.start].float(), torch.tensor([6.0, 6.0])) == pytest.approx(50**0.5)


@pytest.mark.parametrize("env_id", ["MiniGrid-Empty-8x8-v0", "MiniGrid-SimpleCrossingS9N2-v0", "MiniGrid-FourRooms-v0"])
def test_transitions_and_observations_are_the_real_environments(env_id):
    world = load_gridworld(env_id, layout_seed=3)
    env = FullyObsWrapper(gymnasium.make(env_id).unwrapped)
    observation, _ = env.reset(seed=3)
    state = world.start
    actions = torch.randint(len(ACTIONS), (300,), generator=torch.Generator().manual_seed(0)).tolist()
    for action in actions:
        assert torch.equal(world.observe(torch.as_tensor(observation["image"])), world.features[state])
        observation, reward, terminated, _, _ = env.step(action)
        state = int(world.transitions[state, action])
        assert terminated == (state in world.goals.tolist())
        if terminated:
            assert reward > 0
            observation, _ = env.reset(seed=3)
            state = world.start


def test_geodesic_distance_agrees_with_matrix_powers():
    world = load_gridworld("MiniGrid-Empty-5x5-v0")
    distances = geodesic_distances(world)
    adjacency = torch.zeros(world.num_states, world.num_states)
    adjacency[torch.arange(world.num_states).repeat_interleave(len(ACTIONS)), world.transitions.reshape(-1)] = 1
    reached = torch.eye(world.num_states)
    for steps in range(int(distances.max()) + 1):
        assert torch.equal(reached > 0, distances <= steps)
        reached = ((reached + reached @ adjacency) > 0).float()


def test_geodesic_distance_is_a_quasimetric(empty):
    distances = geodesic_distances(empty)
    assert bool((distances.diagonal() == 0).all())
    one_more = distances[empty.transitions].min(dim=1).values + 1
    off = ~torch.eye(empty.num_states, dtype=torch.bool)
    assert torch.equal(one_more[off], distances[off])
    assert not torch.equal(distances, distances.T)


def test_random_walks_are_walks_and_repeat_with_their_seed(empty):
    walks, again = (empty.random_walks(20, 30, generator=torch.Generator().manual_seed(1)) for _ in range(2))
    assert walks.states.shape == (20, 31) and walks.num_actions == empty.num_actions == 3
    assert torch.equal(empty.transitions[walks.states[:, :-1], walks.actions], walks.states[:, 1:])
    assert torch.equal(walks.states, again.states) and walks.features is empty.features
    assert walks.distinct == len(walks.states.unique())


@pytest.mark.parametrize("layout_seed", [0, 1])
@pytest.mark.parametrize(
    "env_id",
    [
        "MiniGrid-Empty-5x5-v0",
        "MiniGrid-Empty-6x6-v0",
        "MiniGrid-Empty-16x16-v0",
        "MiniGrid-Empty-Random-6x6-v0",
        "MiniGrid-FourRooms-v0",
        "MiniGrid-SimpleCrossingS9N1-v0",
        "MiniGrid-SimpleCrossingS9N2-v0",  # layout seed 0: part lies behind the goal, part is walled in
        "MiniGrid-SimpleCrossingS9N3-v0",
        "MiniGrid-SimpleCrossingS11N5-v0",
    ],
)
def test_worlds_of_walls_are_admitted_and_every_state_reaches_every_other(env_id, layout_seed):
    world = load_gridworld(env_id, layout_seed=layout_seed)
    free = world.images[0][..., 0] != OBJECT_TO_IDX["wall"]
    stood_on = torch.zeros_like(free)
    stood_on[tuple(world.positions.T)] = True
    beside = torch.stack([stood_on.roll(step, axis) for step in (-1, 1) for axis in (0, 1)]).any(dim=0)
    assert world.num_states == 4 * int(stood_on.sum()) and len(world.goals) == 4
    assert not (stood_on & ~free).any() and not (beside & free & ~stood_on).any()
    assert world.start not in world.goals.tolist()
    assert len(world.features.unique(dim=0)) == world.num_states
    # To the start and from it: so from each state to each other.
    for transitions in (world.transitions.tolist(), _reversed(world.transitions)):
        reached = {world.start}
        frontier = [world.start]
        while frontier:
            fresh = set(transitions[frontier.pop()]) - reached
            reached |= fresh
            frontier.extend(fresh)
        assert len(reached) == world.num_states


def _reversed(transitions):
    predecessors = [[] for _ in transitions]
    for state, row in enumerate(transitions.tolist()):
        for successor in row:
            predecessors[successor].append(state)
    return predecessors


def test_a_layout_seed_draws_another_layout():
    first, same, other = (load_gridworld("MiniGrid-SimpleCrossingS9N1-v0", layout_seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.images, same.images)
    assert not torch.equal(first.positions.unique(dim=0), other.positions.unique(dim=0))


MORE_STATE = "its state is more than where the agent stands, .* allowed are walls, floor and goals$"
NO_WAY_OUT = "where an episode ends in failure: .* need a way back from every cell; allowed are walls, floor and goals$"


@pytest.mark.parametrize(
    ("env_id", "what", "why"),
    [
        ("MiniGrid-DoorKey-5x5-v0", "door, key", MORE_STATE),
        ("MiniGrid-Dynamic-Obstacles-5x5-v0", "ball", MORE_STATE),
        ("MiniGrid-GoToDoor-5x5-v0", "door", MORE_STATE),
        ("MiniGrid-GoToObject-6x6-N2-v0", "box, key", MORE_STATE),
        ("MiniGrid-LockedRoom-v0", "door, key", MORE_STATE),
        ("MiniGrid-MemoryS7-v0", "ball, key", MORE_STATE),
        ("MiniGrid-MultiRoom-N2-S4-v0", "door", MORE_STATE),
        ("MiniGrid-ObstructedMaze-1Dlh-v0", "ball, box, door", MORE_STATE),
        ("MiniGrid-RedBlueDoors-6x6-v0", "door", MORE_STATE),
        ("MiniGrid-DistShift1-v0", "lava", NO_WAY_OUT),
        ("MiniGrid-LavaCrossingS9N1-v0", "lava", NO_WAY_OUT),
        ("MiniGrid-LavaGapS7-v0", "lava", NO_WAY_OUT),
    ],
)
def test_other_worlds_are_refused_with_what_is_in_the_way(env_id, what, why):
    with pytest.raises(UnsupportedEnvironment, match=f"^{env_id} has {what}[:,] {why}"):
        load_gridworld(env_id)


def test_no_registered_environment_ends_in_another_error():
    admitted, refused = set(), set()
    for env_id in sorted(name for name in gymnasium.registry if name.startswith("MiniGrid-")):
        env = re.sub(r"(N\d|\d+x\d+|S\d+|-v\d).*", "", env_id)
        try:
            if env not in admitted:
                load_gridworld(env_id)
                admitted.add(env)
        except UnsupportedEnvironment as error:
            assert re.match(f"{env_id}( has .*allowed are| needs a package| cannot be built)", str(error)), error
            refused.add(env)
    assert admitted == {f"MiniGrid-{name}" for name in ("Empty-", "Empty-Random-", "FourRooms", "SimpleCrossing")}
    assert not admitted & refused


class Odd(EmptyEnv):
    """An empty room with one thing about it that is not as it should be."""

    def __init__(self, odd=None, **options):
        self.odd = odd
        super().__init__(size=5, **options)

    def _gen_grid(self, width, height):
        if self.odd == "unbuildable":
            raise FileNotFoundError("no pattern.png")
        super()._gen_grid(width, height)
        if self.odd == "two goals":
            self.put_obj(Goal(), 3, 2)
        if self.odd == "no goal":
            self.grid.set(3, 3, None)
        if self.odd == "shut in":
            self.grid.wall_rect(1, 1, 3, 3)
            self.grid.set(2, 2, Goal())
            self.agent_pos = (1, 1)
            self.grid.set(1, 1, None)

    def step(self, action):
        observation, reward, terminated, truncated, info = super().step(action)
        if self.odd == "trap" and tuple(self.agent_pos) == (2, 1):
            terminated = True
        if self.odd == "no end":
            terminated = False
        if self.odd == "no reward":
            reward = 0
        if self.odd == "slippery" and self.np_random.random() < 0.5:
            self.agent_dir = (self.agent_dir + 1) % 4
        if self.odd == "building":
            self.grid.set(1, 3, Wall())
        return observation, reward, terminated, truncated, info


@pytest.fixture
def odd_environment():
    def register(odd):
        gymnasium.register("MiniGrid-Odd-v0", entry_point=Odd, kwargs={"odd": odd})

    yield register
    gymnasium.registry.pop("MiniGrid-Odd-v0", None)


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        ("unbuildable", "cannot be built with layout seed 0: FileNotFoundError: no pattern.png"),
        ("no goal", "has no goal cell to plan to; allowed are walls, floor and goals, at least one"),
        ("shut in", "no goal cell can be reached with layout seed 0; another layout seed may do"),
        ("trap", "led to column 2, row 1 ended the episode, with reward 0; allowed is a task that ends"),
        ("no end", "led to column 3, row 3 did not end the episode, with reward 0.99"),
        ("no reward", "led to column 3, row 3 ended the episode, with reward 0; allowed"),
        ("slippery", "its steps draw random numbers; allowed are actions with one outcome"),
        ("building", "the layout changes while the agent moves; allowed are fixed layouts"),
    ],
)
def test_an_unheard_of_environment_is_refused_by_what_it_does(odd_environment, odd, message):
    odd_environment(odd)
    with pytest.raises(UnsupportedEnvironment, match=f"^MiniGrid-Odd-v0:? {message}|^MiniGrid-Odd-v0: .*{message}"):
        load_gridworld("MiniGrid-Odd-v0")


def test_either_of_two_goals_will_do(odd_environment):
    odd_environment("two goals")
    world = load_gridworld("MiniGrid-Odd-v0")
    assert world.positions[world.goals].unique(dim=0).tolist() == [[3, 2], [3, 3]]
    assert len(world.starts) == 4 * 7
    assert goal_distances(world)[world.start] == 4
    assert goal_distances(world)[world.index((3, 1), 1)] == 1


def test_bad_input_is_named(empty):
    with pytest.raises(ValueError, match=r"env must be a registered MiniGrid environment.*got 'Nowhere'"):
        load_gridworld("Nowhere")
    with pytest.raises(ValueError, match=r"env must be a registered MiniGrid environment.*got 'BabyAI-GoToLocal-v0'"):
        load_gridworld("BabyAI-GoToLocal-v0")
    with pytest.raises(ValueError, match="layout_seed must be at least 0, got -1"):
        load_gridworld(layout_seed=-1)
    with pytest.raises(ValueError, match=r"position \(0, 0\) with heading 0 is not a state"):
        empty.index((0, 0), 0)
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        empty.random_walks(0, 5, generator=torch.Generator())
