"""The world model's shapes and identities; the losses against their definitions."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helm_tutorial.models.losses import (
    count_pairs,
    covariance_loss,
    info_nce,
    info_nce_of_pairs,
    latent_prediction_loss,
    reconstruction_loss,
    sample_positives,
    variance_loss,
)
from helm_tutorial.models.world_model import WorldModel, one_hot_actions


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


def test_standardise_counts_an_observation_as_often_as_it_is_there():
    x = torch.rand(7, 10, generator=torch.Generator().manual_seed(3))
    rows = torch.tensor([0, 0, 0, 2, 6, 6])
    one, other = model(), model()
    other.load_state_dict(one.state_dict())
    one.standardise(x, rows)
    other.standardise(x[rows])
    assert torch.allclose(one.shift, other.shift) and torch.allclose(one.scale, other.scale)


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


def test_pictures_that_need_not_be_square_are_encoded_one_by_one():
    m = WorldModel((3, 16, 40), 3, latent=4, hidden=16, goal_encoder=True, generator=torch.Generator().manual_seed(0))
    x = torch.rand(2, 3, 3, 16, 40, generator=torch.Generator().manual_seed(1))
    z = m.encode(x)
    assert z.shape == m.encode_goal(x).shape == (2, 3, 4)
    assert torch.allclose(m.encode(x[1, 2]), z[1, 2], atol=1e-5)
    again = WorldModel((3, 16, 40), 3, latent=4, hidden=16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again.encode(x), z)  # convolutions are drawn from the generator too


@pytest.mark.parametrize(
    ("features", "error", "named"),
    [
        (0, ValueError, "features must be at least 1, got 0"),
        (2.5, TypeError, "features must be an integer, got 2.5"),
        (True, TypeError, "features must be an integer, got True"),
        ((1, 16, 16), ValueError, r"features must be a number or a shape \(3, height, width\), got \(1, 16, 16\)"),
        ((3, 16), ValueError, r"features must be a number or a shape \(3, height, width\), got \(3, 16\)"),
        ((3, 7, 16), ValueError, "height of a picture in features must be at least 8, got 7"),
        ((3, 16, 8.0), TypeError, "width of a picture in features must be an integer, got 8.0"),
    ],
)
def test_sizes_that_no_encoder_can_have_are_named(features, error, named):
    with pytest.raises(error, match=named):
        WorldModel(features, 3, latent=4, hidden=8)


def test_pictures_are_not_decoded():
    with pytest.raises(ValueError, match=r"decoder must be False for pictures.*got features \(3, 16, 16\)"):
        WorldModel((3, 16, 16), 3, decoder=True)


def test_variance_and_covariance_by_hand():
    # Two points: each coordinate's variance is half its squared gap, their covariance half the product of gaps.
    z = torch.tensor([[0.0, 0.0], [0.2, 0.4]], dtype=torch.float64)
    by_hand = (1 - (0.02 + 1e-4) ** 0.5 + 1 - (0.08 + 1e-4) ** 0.5) / 2
    assert float(variance_loss(z)) == pytest.approx(by_hand, rel=1e-9)
    assert float(covariance_loss(z)) == pytest.approx(2 * 0.04**2 / 2, rel=1e-9)
    wide = torch.tensor([[0.0, 0.0], [2.0, 0.4]], dtype=torch.float64)  # variance 2 costs nothing
    assert float(variance_loss(wide)) == pytest.approx((1 - (0.08 + 1e-4) ** 0.5) / 2, rel=1e-9)


def test_covariance_is_that_of_the_batch_and_ignores_its_place():
    z = torch.randn(50, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    covariance = torch.cov(z.T)
    expected = (covariance.square().sum() - covariance.diagonal().square().sum()) / 6
    assert float(covariance_loss(z)) == pytest.approx(float(expected), rel=1e-9)
    for term in (variance_loss, covariance_loss):
        assert float(term(z + 7)) == pytest.approx(float(term(z)), rel=1e-6)
    crossed = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert float(covariance_loss(crossed)) == 0.0 == float(variance_loss(crossed))


def test_collapsed_latents_pay_and_have_a_finite_gradient():
    z = torch.full((8, 3), 0.4, requires_grad=True)
    loss = variance_loss(z) + covariance_loss(z)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(1 - 1e-4**0.5, rel=1e-4)
    assert bool(z.grad.isfinite().all())


def by_definition(x, y, temperature: float, similarity: str) -> float:
    """InfoNCE in float64, anchor by anchor."""
    x, y, total = x.double(), y.double(), 0.0
    for i in range(len(x)):
        scores = [
            float(x[i] @ y[j] if similarity == "cosine" else -math.dist(x[i].tolist(), y[j].tolist())) / temperature
            for j in range(len(y))
        ]
        total -= scores[i] - math.log(math.fsum(math.exp(score) for score in scores))
    return total / len(x)


@pytest.mark.parametrize("similarity", ["cosine", "distance"])
@given(batch=st.integers(2, 9), seed=st.integers(0, 999), temperature=st.floats(0.05, 5.0), sphere=st.booleans())
def test_info_nce_is_its_definition_one_way_and_both(similarity, batch, seed, temperature, sphere):
    x, y = torch.randn(2, batch, 4, generator=torch.Generator().manual_seed(seed))
    if sphere:
        x, y = (torch.nn.functional.normalize(part, dim=1) for part in (x, y))
    one, other = (by_definition(*pair, temperature, similarity) for pair in ((x, y), (y, x)))
    measured = float(info_nce(x, y, temperature, similarity=similarity))
    both = float(info_nce(x, y, temperature, similarity=similarity, both_ways=True))
    assert measured == pytest.approx(one, rel=1e-3, abs=1e-4)
    assert both == pytest.approx((one + other) / 2, rel=1e-3, abs=1e-4)
    exact = info_nce(x.double(), y.double(), temperature, similarity=similarity, both_ways=True)
    assert float(exact) == pytest.approx((one + other) / 2, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("both_ways", [False, True])
def test_info_nce_has_a_finite_and_useful_gradient_where_two_latents_meet(both_ways):
    x, y = torch.nn.functional.normalize(torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0)), dim=2)
    y[0], y[3] = x[0], x[2]  # one meets its positive, one a negative
    x, y = x.requires_grad_(), y.requires_grad_()
    info_nce(x, y, 0.1, similarity="distance", both_ways=both_ways).backward()
    for gradient in (x.grad, y.grad):
        assert bool(gradient.isfinite().all()) and bool((gradient.norm(dim=1) > 1e-6).all())


def test_info_nce_over_distances_has_the_right_gradient():
    x, y = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64).requires_grad_()
    for both_ways in (False, True):
        assert torch.autograd.gradcheck(
            lambda x, y, both=both_ways: info_nce(x, y, 0.5, similarity="distance", both_ways=both), (x, y)
        )


def test_reconstruction_loss_counts_what_is_in_the_batch_more_than_once():
    draws = torch.Generator().manual_seed(0)
    decoded, observations = torch.rand(2, 5, 7, generator=draws)
    rows = torch.randint(5, (40,), generator=draws)
    counted = reconstruction_loss(decoded, observations, torch.bincount(rows, minlength=5))
    assert torch.allclose(counted, reconstruction_loss(decoded[rows], observations[rows]))


@given(
    states=st.integers(2, 6), batch=st.integers(2, 40), seed=st.integers(0, 99),
    similarity=st.sampled_from(["cosine", "distance"]), both_ways=st.booleans(),
)  # fmt: skip
def test_info_nce_of_counted_pairs_is_that_of_the_whole_batch(states, batch, seed, similarity, both_ways):
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(states, 3, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(2))
    i, j = (torch.randint(states, (batch,), generator=generator) for _ in range(2))
    options = {"similarity": similarity, "both_ways": both_ways}
    pairs = count_pairs(i, j, states)
    assert int(pairs.sum()) == batch and int(pairs[i[0], j[0]]) == int(((i == i[0]) & (j == j[0])).sum())
    counted, whole = info_nce_of_pairs(x, y, pairs, 0.3, **options), info_nce(x[i], y[j], 0.3, **options)
    assert torch.allclose(counted, whole, rtol=1e-9)
    for one, other in zip(torch.autograd.grad(counted, (x, y)), torch.autograd.grad(whole, (x, y)), strict=True):
        assert torch.allclose(one, other, atol=1e-9)


def test_info_nce_of_counted_pairs_says_what_does_not_fit():
    x, pairs = torch.ones(3, 2), torch.ones(3, 3)
    with pytest.raises(ValueError, match="pairs"):
        info_nce_of_pairs(x, torch.ones(4, 2), pairs, 0.1)
    with pytest.raises(ValueError, match="anchors and positives"):
        info_nce_of_pairs(x, torch.ones(3, 5), pairs, 0.1)
    with pytest.raises(ValueError, match="at least two"):
        count_pairs(torch.tensor([1]), torch.tensor([2]), 3)
    with pytest.raises(ValueError, match="similarity"):
        info_nce_of_pairs(x, x, pairs, 0.1, similarity="angle")


def test_info_nce_knows_two_similarities():
    with pytest.raises(ValueError, match="similarity must be one of 'cosine', 'distance', got 'angle'"):
        info_nce(torch.ones(3, 2), torch.ones(3, 2), 0.1, similarity="angle")


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
    # What would leave a walk is its last state: never one before the anchor, and never another walk's.
    walks = torch.arange(12).view(4, 3)
    anchors, positives = sample_positives(walks, 2000, gamma=0.9, generator=torch.Generator().manual_seed(0))
    assert bool((positives > anchors).all()) and torch.equal(positives // 3, anchors // 3)
    assert float((positives % 3 == 2).double().mean()) > 0.9


def test_gamma_zero_is_the_printed_loss():
    walks = torch.arange(50).expand(4, -1)
    anchors, positives = sample_positives(walks, 500, gamma=0.0, generator=torch.Generator().manual_seed(0))
    assert torch.equal(positives - anchors, torch.ones(500, dtype=torch.long))
    with pytest.raises(ValueError, match=r"gamma must be finite and at least 0.0 and at most 0.999, got 1.0"):
        sample_positives(walks, 5, gamma=1.0, generator=torch.Generator())


def test_info_nce_with_few_negatives_by_hand():
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.nn.functional.normalize(torch.randn(8, 4, generator=generator), dim=1) for _ in range(2))
    scores = x @ y.T / 0.1
    rows = [[row, (row + 1) % 8, (row + 2) % 8] for row in range(8)]
    by_hand = torch.stack([scores[row, met].logsumexp(dim=0) - scores[row, row] for row, met in enumerate(rows)]).mean()
    assert info_nce(x, y, 0.1, negatives=2) == pytest.approx(float(by_hand), rel=1e-6)
    assert torch.equal(info_nce(x, y, 0.1, negatives=7), info_nce(x, y, 0.1))
    with pytest.raises(ValueError, match="negatives must be between 1 and 7, got 8"):
        info_nce(x, y, 0.1, negatives=8)
