"""The losses against their definitions, and how far ahead positives are."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helm_tutorial.models.losses import (
    covariance_loss,
    info_nce,
    latent_prediction_loss,
    reconstruction_loss,
    sample_positives,
    variance_loss,
)


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
    both = float(info_nce(x, y, temperature, similarity=similarity, symmetric=True))
    assert measured == pytest.approx(one, rel=1e-3, abs=1e-4)
    assert both == pytest.approx((one + other) / 2, rel=1e-3, abs=1e-4)
    exact = info_nce(x.double(), y.double(), temperature, similarity=similarity, symmetric=True)
    assert float(exact) == pytest.approx((one + other) / 2, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("symmetric", [False, True])
def test_info_nce_has_a_finite_and_useful_gradient_where_two_latents_meet(symmetric):
    x, y = torch.nn.functional.normalize(torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0)), dim=2)
    y[0], y[3] = x[0], x[2]  # one meets its positive, one a negative
    x, y = x.requires_grad_(), y.requires_grad_()
    info_nce(x, y, 0.1, similarity="distance", symmetric=symmetric).backward()
    for gradient in (x.grad, y.grad):
        assert bool(gradient.isfinite().all()) and bool((gradient.norm(dim=1) > 1e-6).all())


def test_info_nce_over_distances_has_the_right_gradient():
    x, y = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64).requires_grad_()
    for symmetric in (False, True):
        assert torch.autograd.gradcheck(
            lambda x, y, both=symmetric: info_nce(x, y, 0.5, similarity="distance", symmetric=both), (x, y)
        )


def test_info_nce_with_few_negatives_by_hand():
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.nn.functional.normalize(torch.randn(8, 4, generator=generator), dim=1) for _ in range(2))
    scores = x @ y.T / 0.1
    rows = [[row, (row + 1) % 8, (row + 2) % 8] for row in range(8)]
    by_hand = torch.stack([scores[row, met].logsumexp(dim=0) - scores[row, row] for row, met in enumerate(rows)]).mean()
    assert info_nce(x, y, 0.1, negatives=2) == pytest.approx(float(by_hand), rel=1e-6)
    assert torch.equal(info_nce(x, y, 0.1, negatives=7), info_nce(x, y, 0.1))


@pytest.mark.parametrize(
    ("anchors", "positives", "options", "message"),
    [
        ((1, 3), (1, 3), {}, r"anchors and positives must both have shape \(B, D\) with B at least 2"),
        ((4, 3), (4, 2), {}, "anchors and positives"),
        ((8, 2), (8, 2), {"negatives": 8}, "negatives must be between 1 and 7, got 8"),
        ((3, 2), (3, 2), {"similarity": "angle"}, "similarity must be one of 'cosine', 'distance', got 'angle'"),
    ],
)
def test_info_nce_names_what_does_not_fit(anchors, positives, options, message):
    with pytest.raises(ValueError, match=message):
        info_nce(torch.ones(anchors), torch.ones(positives), 0.1, **options)


@given(st.integers(2, 20))
def test_info_nce_of_indistinguishable_latents_is_log_batch(batch):
    assert float(info_nce(torch.ones(batch, 3), torch.ones(batch, 3), 0.1)) == pytest.approx(math.log(batch), rel=1e-5)


def test_squared_losses_sum_over_features_and_average_over_the_batch():
    a, b = torch.zeros(2, 3), torch.tensor([[1.0, 2.0, 2.0], [0.0, 0.0, 1.0]])
    assert float(reconstruction_loss(a, b)) == 5.0
    assert float(latent_prediction_loss(a, b)) == 5.0


def test_reconstruction_loss_counts_what_is_in_the_batch_more_than_once():
    draws = torch.Generator().manual_seed(0)
    decoded, observations = torch.rand(2, 5, 7, generator=draws)
    rows = torch.randint(5, (40,), generator=draws)
    counted = reconstruction_loss(decoded, observations, torch.bincount(rows, minlength=5))
    assert torch.allclose(counted, reconstruction_loss(decoded[rows], observations[rows]))


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
