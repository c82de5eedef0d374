"""The world model's shapes and identities; the losses against their definitions."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helm_tutorial.losses import info_nce, latent_prediction_loss, reconstruction_loss, sample_positives
from helm_tutorial.world_model import WorldModel, one_hot_actions


def model(**options) -> WorldModel:
    return WorldModel(10, 3, latent=4, hidden=16, generator=torch.Generator().manual_seed(0), **options)


def test_shapes_and_seed():
    m = model(decoder=True)
    x = torch.rand(5, 10, generator=torch.Generator().manual_seed(1))
    z = m.encode(x)
    assert z.shape == (5, 4) and m.decode(z).shape == (5, 10)
    assert m(z, one_hot_actions(torch.tensor([0, 1, 2, 0, 1]), 3)).shape == (5, 4)
    assert torch.equal(z, model(decoder=True).encode(x))


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


def test_a_model_without_decoder_says_so():
    with pytest.raises(RuntimeError, match="no decoder"):
        model().decode(torch.zeros(1, 4))
    with pytest.raises(ValueError, match="latent must be at least 1, got 0"):
        WorldModel(10, 3, latent=0)


def test_state_dict_round_trip(tmp_path):
    m = model(decoder=True)
    m.standardise(torch.rand(20, 10))
    torch.save(m.state_dict(), tmp_path / "model.pt")
    other = WorldModel(10, 3, latent=4, hidden=16, decoder=True)
    other.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    x = torch.rand(3, 10)
    assert torch.equal(m.encode(x), other.encode(x))


def test_info_nce_is_its_definition():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(5, 4, generator=generator), torch.randn(5, 4, generator=generator)
    total = 0.0
    for i in range(5):
        scores = [math.exp(float(x[i] @ y[j]) / 0.7) for j in range(5)]
        total -= math.log(scores[i] / sum(scores)) / 5
    assert float(info_nce(x, y, 0.7)) == pytest.approx(total, rel=1e-5)


@given(st.integers(2, 20))
def test_info_nce_of_indistinguishable_latents_is_log_batch(batch):
    assert float(info_nce(torch.ones(batch, 3), torch.ones(batch, 3), 0.1)) == pytest.approx(math.log(batch), rel=1e-5)


def test_info_nce_refuses_what_has_no_negatives():
    with pytest.raises(ValueError, match=r"anchors and positives must both have shape \(B, D\) with B at least 2"):
        info_nce(torch.ones(1, 3), torch.ones(1, 3), 0.1)
    with pytest.raises(ValueError, match="anchors and positives"):
        info_nce(torch.ones(4, 3), torch.ones(4, 2), 0.1)


def test_squared_losses_sum_over_features_and_average_over_the_batch():
    a, b = torch.zeros(2, 3), torch.tensor([[1.0, 2.0, 2.0], [0.0, 0.0, 1.0]])
    assert float(reconstruction_loss(a, b)) == 5.0
    assert float(latent_prediction_loss(a, b)) == 5.0


def test_positives_are_a_geometric_number_of_steps_ahead():
    # A walk that counts: the difference of two of its states is the gap.
    walks = torch.arange(2001).expand(3, -1)
    anchors, positives = sample_positives(walks, 20000, gamma=0.8, generator=torch.Generator().manual_seed(0))
    gap = (positives - anchors)[anchors < 1900].double()
    assert gap.min() == 1
    # The mean of 19 000 draws with deviation 4.5 has a standard error of 0.03.
    assert float(gap.mean()) == pytest.approx(5.0, abs=0.15)
    assert float((gap == 1).double().mean()) == pytest.approx(0.2, abs=0.015)


def test_gamma_zero_is_the_printed_loss():
    walks = torch.arange(50).expand(4, -1)
    anchors, positives = sample_positives(walks, 500, gamma=0.0, generator=torch.Generator().manual_seed(0))
    assert torch.equal(positives - anchors, torch.ones(500, dtype=torch.long))
    with pytest.raises(ValueError, match=r"gamma must be finite and at least 0.0 and at most 0.999, got 1.0"):
        sample_positives(walks, 5, gamma=1.0, generator=torch.Generator())
