"""The three views of a world against the real environment's own pictures."""

from collections import Counter
from dataclasses import replace

import gymnasium
import pytest
import torch
from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX
from minigrid.wrappers import FullyObsWrapper, RGBImgObsWrapper

from helm_tutorial.worlds.gridworld import TILE, load_gridworld
from helm_tutorial.worlds.observation import KINDS, View, view_of

EMPTY, ROOMS, CROSSING = "MiniGrid-Empty-8x8-v0", "MiniGrid-FourRooms-v0", "MiniGrid-SimpleCrossingS9N2-v0"
SIZES = (len(OBJECT_TO_IDX), len(COLOR_TO_IDX), 4)


@pytest.fixture(scope="module", params=KINDS)
def seen(request):
    """A world with inner walls in each of the three views."""
    return load_gridworld(CROSSING, layout_seed=2, observation=request.param)


def real_images(env_id: str, layout_seed: int, wrapper, steps: int):
    """Positions, headings and images of a random walk in an environment that the package has not touched."""
    env = wrapper(gymnasium.make(env_id, render_mode="rgb_array").unwrapped)
    image = env.reset(seed=layout_seed)[0]["image"]
    draws = torch.Generator().manual_seed(5)
    for _ in range(steps):
        where = env.unwrapped
        yield tuple(map(int, where.agent_pos)), int(where.agent_dir), torch.as_tensor(image)
        observation, _, ended, _, _ = env.step(int(torch.randint(3, (1,), generator=draws)))
        image = env.reset(seed=layout_seed)[0]["image"] if ended else observation["image"]


def counted(image) -> list[int]:
    """How often each object, colour and state stands in each row, then in each column, cell by cell in plain Python."""
    width, height, _ = image.shape
    lines = [[(x, y) for x in range(width)] for y in range(height)]
    lines += [[(x, y) for y in range(height)] for x in range(width)]
    counts = []
    for line in lines:
        found = Counter((channel, int(image[x, y, channel])) for x, y in line for channel in range(3))
        counts += [found[channel, value] for channel, size in enumerate(SIZES) for value in range(size)]
    return counts


@pytest.mark.parametrize(("env_id", "layout_seed"), [(EMPTY, 0), (CROSSING, 2)])
def test_profiles_are_counts_of_the_raw_image(env_id, layout_seed):
    world = load_gridworld(env_id, layout_seed=layout_seed, observation="profiles")
    every = torch.tensor([counted(image) for image in world.images]).float()
    varying = (every != every[0]).any(dim=0)
    assert torch.equal(world.view.varying, varying)
    restored = world.view.restore(world.features)
    assert torch.allclose(restored, every[:, varying], atol=1e-5)
    assert torch.equal(restored.round(), every[:, varying])
    for position, heading, image in real_images(env_id, layout_seed, FullyObsWrapper, 25):
        expected = torch.tensor(counted(image)).float()[varying]
        assert torch.equal(restored[world.index(position, heading)].round(), expected)


@pytest.mark.parametrize("env_id", [EMPTY, ROOMS, CROSSING])
def test_profiles_tell_all_states_apart(env_id):
    world = load_gridworld(env_id, observation="profiles")
    assert len(world.view.restore(world.features).round().unique(dim=0)) == world.num_states
    assert len(world.features.unique(dim=0)) == world.num_states


def test_cells_are_exactly_the_one_hot_entries_that_vary():
    world = load_gridworld(CROSSING, layout_seed=2)
    columns = []
    for x in range(world.images.shape[1]):
        for y in range(world.images.shape[2]):
            for channel, size in enumerate(SIZES):
                columns += [(world.images[:, x, y, channel] == value).float() for value in range(size)]
    entries = torch.stack(columns, dim=1)
    expected = entries[:, entries.min(dim=0).values < entries.max(dim=0).values]
    assert torch.equal(world.features, expected)
    assert world.view.scale == 1.0 and not world.view.centre.any()


def test_pixels_are_the_real_environments_rendering():
    world = load_gridworld(CROSSING, layout_seed=2, observation="pixels")
    side = 9 * TILE
    assert world.features.shape == (world.num_states, 3, side, side) and world.images.dtype == torch.uint8
    lowest, highest = world.view.restore(world.features).aminmax()
    assert float(lowest) > -1e-5 and float(highest) < 1 + 1e-5

    def wrapper(env):
        return RGBImgObsWrapper(env, tile_size=TILE)

    for position, heading, image in real_images(CROSSING, 2, wrapper, 40):
        state = world.index(position, heading)
        assert torch.equal(world.images[state], image)
        pixels = world.view.restore(world.features[state]) * 255
        assert torch.equal(pixels.round().to(torch.uint8), image.permute(2, 0, 1))


@pytest.mark.parametrize("kind", ["profiles", "pixels"])
def test_features_are_centred_and_scaled(kind):
    for env_id in (EMPTY, CROSSING):
        features = load_gridworld(env_id, observation=kind).features.double()
        assert float(features.mean(dim=0).abs().max()) < 1e-5
        assert float(features.square().mean()) == pytest.approx(1.0, abs=1e-5)


def test_restore_inverts_the_view(seen):
    x = torch.randn(4, *seen.features.shape[1:], generator=torch.Generator().manual_seed(0))
    view = seen.view
    assert torch.allclose((view.restore(x) - view.centre) * view.scale, x, atol=1e-5)
    raw = view.restore(seen.features)
    bare = replace(view, centre=torch.zeros_like(view.centre), scale=1.0)
    assert torch.allclose(raw, bare(seen.images), atol=1e-5)


def test_one_image_and_a_batch_of_batches_are_seen_alike(seen):
    assert torch.equal(seen.observe(seen.images[3]), seen.features[3])
    grouped = seen.images[:6].unflatten(0, (2, 3))
    assert torch.equal(seen.observe(grouped), seen.features[:6].unflatten(0, (2, 3)))


def test_what_an_environment_shows_while_it_is_played_are_the_features_of_its_state(seen):
    states = seen.starts[::7].clone()
    simulation, playing = seen.simulate(states), torch.arange(len(states))
    for action in (None, 0, 2, 1, 2):
        if action is not None:
            simulation.step(torch.full((len(playing),), action), playing)
            states[playing] = seen.transitions[states[playing], action]
        assert torch.equal(simulation.observe(), seen.features[states])
        assert torch.equal(simulation.success, torch.isin(states, seen.goals))
        playing = (~simulation.over).nonzero()[:, 0]


def test_entries_that_never_differ_are_no_division_by_zero():
    images = torch.zeros(3, 4, 4, 3, dtype=torch.long)
    assert view_of("cells", images)(images).shape == (3, 0)
    assert bool(view_of("pixels", images)(images).isfinite().all())


def test_an_unknown_view_is_refused_by_name():
    named = r"observation must be one of 'cells', 'profiles', 'pixels', got 'words'"
    with pytest.raises(ValueError, match=named):
        load_gridworld(EMPTY, observation="words")
    with pytest.raises(ValueError, match=named):
        view_of("words", torch.zeros(2, 3, 3, 3))
    assert isinstance(load_gridworld("MiniGrid-Empty-5x5-v0").view, View)
