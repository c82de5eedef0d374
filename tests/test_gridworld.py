"""The finite world against the real environment, stepped beside it."""

import gymnasium
import pytest
import torch
from minigrid.wrappers import FullyObsWrapper

from helm_tutorial.gridworld import (
    ACTIONS,
    UnsupportedEnvironment,
    geodesic_distances,
    goal_distances,
    load_gridworld,
    random_walks,
)


@pytest.fixture(scope="module")
def empty():
    return load_gridworld("MiniGrid-Empty-8x8-v0")


def test_empty_8x8_is_what_the_book_says(empty):
    assert empty.states == 144
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


def test_observations_tell_states_apart(empty):
    assert len(empty.features.unique(dim=0)) == empty.states


def test_opened_environment_stands_where_it_should(empty):
    state = empty.index((3, 4), 2)
    env = empty.open(state)
    env.step(2)
    assert tuple(env.unwrapped.agent_pos) == (2, 4)


def test_geodesic_distance_agrees_with_matrix_powers():
    world = load_gridworld("MiniGrid-Empty-5x5-v0")
    distances = geodesic_distances(world)
    adjacency = torch.zeros(world.states, world.states)
    adjacency[torch.arange(world.states).repeat_interleave(len(ACTIONS)), world.transitions.reshape(-1)] = 1
    reached = torch.eye(world.states)
    for steps in range(int(distances.max()) + 1):
        assert torch.equal(reached > 0, distances <= steps)
        reached = ((reached + reached @ adjacency) > 0).float()


def test_geodesic_distance_is_a_quasimetric(empty):
    distances = geodesic_distances(empty)
    assert bool((distances.diagonal() == 0).all())
    one_more = distances[empty.transitions].min(dim=1).values + 1
    off = ~torch.eye(empty.states, dtype=torch.bool)
    assert torch.equal(one_more[off], distances[off])
    assert not torch.equal(distances, distances.T)


def test_random_walks_are_walks_and_repeat_with_their_seed(empty):
    states, actions = random_walks(empty, 20, 30, generator=torch.Generator().manual_seed(1))
    again, _ = random_walks(empty, 20, 30, generator=torch.Generator().manual_seed(1))
    assert states.shape == (20, 31)
    assert torch.equal(empty.transitions[states[:, :-1], actions], states[:, 1:])
    assert torch.equal(states, again)


@pytest.mark.parametrize(
    ("env_id", "what"),
    [
        ("MiniGrid-DoorKey-8x8-v0", "door, key"),
        ("MiniGrid-LavaGapS5-v0", "lava"),
        ("MiniGrid-Dynamic-Obstacles-5x5-v0", "ball"),
    ],
)
def test_worlds_with_more_state_are_refused_by_name(env_id, what):
    with pytest.raises(UnsupportedEnvironment, match=f"{env_id} has {what}: its state is more than where"):
        load_gridworld(env_id)


def test_bad_input_is_named(empty):
    with pytest.raises(ValueError, match=r"env must be a registered MiniGrid environment.*got 'Nowhere'"):
        load_gridworld("Nowhere")
    with pytest.raises(ValueError, match="layout_seed must be at least 0, got -1"):
        load_gridworld(layout_seed=-1)
    with pytest.raises(ValueError, match=r"position \(0, 0\) with heading 0 is not a state"):
        empty.index((0, 0), 0)
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        random_walks(empty, 0, 5, generator=torch.Generator())
