"""The world model's shapes and identities, and encoders of one's own."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from helm_tutorial.models.world_model import WorldModel, one_hot_actions


def model(**options) -> WorldModel:
    return WorldModel(10, 3, latent=4, hidden=16, generator=torch.Generator().manual_seed(0), **options)


@given(st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3))
def test_dynamics_are_linear_in_the_action(weights):
    m = model()
    a = torch.tensor([weights]) / sum(weights)
    z = torch.full((1, 4), 0.3)
    corners = torch.cat([m(z, corner[None]) for corner in torch.eye(3)])
    assert torch.allclose(m(z, a), a @ corners, atol=1e-5)


def test_on_the_sphere_everything_has_length_one_and_distance_is_cosine():
    m = model(sphere=True)
    z = m.encode(torch.rand(6, 10, generator=torch.Generator().manual_seed(2)))
    z_next = m(z, torch.full((6, 3), 1 / 3))
    for latents in (z, z_next):
        assert torch.allclose(latents.norm(dim=1), torch.ones(6), atol=1e-6)
    assert torch.allclose((z - z_next).square().sum(1), 2 - 2 * (z * z_next).sum(1), atol=1e-5)


def test_standardise_centres_scales_and_keeps_the_decoder_right():
    m = model(decoder=True)
    x = torch.rand(50, 10, generator=torch.Generator().manual_seed(3))
    before = m.decode(m.encode(x))
    m.standardise(x)
    z = m.encode(x)
    assert torch.allclose(z.mean(0), torch.zeros(4), atol=1e-5) and torch.allclose(z.std(0), torch.ones(4), atol=1e-4)
    assert torch.allclose(m.decode(z), before, atol=1e-5)


def test_standardise_counts_an_observation_as_often_as_it_is_there():
    x = torch.rand(7, 10, generator=torch.Generator().manual_seed(3))
    rows = torch.tensor([0, 0, 0, 2, 6, 6])
    one, other = model(), model()
    other.load_state_dict(one.state_dict())
    one.standardise(x, rows)
    other.standardise(x[rows])
    assert torch.allclose(one.shift, other.shift) and torch.allclose(one.scale, other.scale)


def test_goals_are_encoded_by_their_own_network_or_by_the_only_one():
    x = torch.rand(6, 10, generator=torch.Generator().manual_seed(4))
    alone = model()
    alone.standardise(x)  # goals follow where there is one network
    assert torch.equal(alone.encode_goal(x), alone.encode(x))
    for sphere in (False, True):
        m = model(goal_encoder=True, sphere=sphere)
        y = m.goal_encoder(x)
        expected = y / y.norm(dim=1, keepdim=True) if sphere else y
        assert torch.allclose(m.encode_goal(x), expected, atol=1e-6)
        assert not torch.allclose(m.encode_goal(x), m.encode(x), atol=0.1)
        # The second network is drawn last, so all else starts as it does without it.
        assert torch.equal(m.encode(x), model(sphere=sphere).encode(x))
    with pytest.raises(RuntimeError, match="build with goal_encoder=False"):
        model(goal_encoder=True).standardise(x)


def test_rescaled_dynamics_see_latents_of_about_one():
    z = torch.nn.functional.normalize(torch.randn(5, 4, generator=torch.Generator().manual_seed(5)), dim=1)
    a = one_hot_actions(torch.tensor([0, 1, 2, 0, 1]), 3)
    plain, rescaled = model(), model(rescale=True)
    assert torch.allclose(rescaled(z, a) - z, plain(2 * z, a) - 2 * z, atol=1e-6)  # the root of 4
    assert torch.equal(rescaled.encode(torch.ones(1, 10)), plain.encode(torch.ones(1, 10)))


def test_successors_are_the_steps_of_all_actions():
    for options in ({}, {"sphere": True, "rescale": True}, {"sphere": True, "tangent": True}):
        m = model(**options)
        z = m.encode(torch.rand(5, 10, generator=torch.Generator().manual_seed(6)))
        each = torch.stack([m(z, corner.expand(5, -1)) for corner in torch.eye(3)], dim=1)
        assert torch.allclose(m.successors(z), each, atol=1e-6)


def test_an_encoder_of_ones_own_is_drawn_from_the_generator_and_copied_for_goals():
    def built() -> WorldModel:
        layers = nn.Conv2d(3, 2, 4, stride=4, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 2 * 3, 4)
        options = {"latent": 4, "hidden": 16, "goal_encoder": True, "sphere": True}
        return WorldModel(
            None, 3, encoder=nn.Sequential(*layers), generator=torch.Generator().manual_seed(0), **options
        )

    m, x = built(), torch.rand(5, 3, 8, 12, generator=torch.Generator().manual_seed(1))
    assert m.encode(x).shape == m.encode_goal(x).shape == (5, 4)
    assert torch.equal(m.encode(x), built().encode(x))
    assert not torch.allclose(m.encode(x), m.encode_goal(x), atol=0.01)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "named"),
    [
        ((0, 3), {}, ValueError, "features must be at least 1, got 0"),
        ((True, 3), {}, TypeError, "features must be an integer, got True"),
        ((None, 3), {}, TypeError, "features must be an integer, got None"),
        ((None, 3), {"encoder": nn.Linear(5, 4), "decoder": True}, TypeError, "features must be an integer, got None"),
        ((10, 0), {}, ValueError, "num_actions must be at least 1, got 0"),
        ((10, 3), {"latent": 0}, ValueError, "latent must be at least 1, got 0"),
        ((10, 3), {"tangent": True}, ValueError, "tangent must be False where sphere is, got True"),
    ],
)
def test_what_cannot_be_built_is_named(arguments, options, error, named):
    with pytest.raises(error, match=named):
        WorldModel(*arguments, **options)


def test_a_model_without_decoder_says_so():
    with pytest.raises(RuntimeError, match="no decoder"):
        model().decode(torch.zeros(1, 4))
