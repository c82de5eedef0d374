"""Penalties on the step Jacobian, exact, estimated and printed, against each other and by hand."""

import itertools

import pytest
import torch
from torch import nn

from helm_tutorial.cliff.linear_system import LinearSystem
from helm_tutorial.cliff.penalties import (
    backward_passes,
    hutchinson_variance,
    spectral_penalty,
    spectral_penalty_report,
)
from helm_tutorial.jacobian import step_jacobian


class Model(nn.Module):
    """A small smooth network that is not linear, in float64."""

    def __init__(self, D: int = 3, A: int = 2) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(D + A, 8), nn.Tanh(), nn.Linear(8, D)).double()
        generator = torch.Generator().manual_seed(1)
        for parameter in self.parameters():
            nn.init.normal_(parameter, generator=generator)

    def forward(self, z, a):
        return self.net(torch.cat([z, a], dim=1))


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_exact_penalty_is_the_mean_squared_frobenius_norm():
    model, z, a = Model(), normal(5, 3), normal(5, 2, seed=1)
    state, action = step_jacobian(model, z, a)
    for i in range(5):
        for part, argnum in ((state, 0), (action, 1)):
            expected = torch.func.jacrev(lambda z, a: model(z[None], a[None])[0], argnums=argnum)(z[i], a[i])
            assert torch.allclose(part[i], expected)
    expected = (state.pow(2).sum((1, 2)) + action.pow(2).sum((1, 2))).mean()
    assert torch.allclose(spectral_penalty(model, z, a), expected)


def test_penalties_of_a_linear_model_by_hand():
    system = LinearSystem(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[5.0], [6.0]]))
    z, a = torch.randn(7, 2), torch.randn(7, 1)
    assert float(spectral_penalty(system, z, a)) == pytest.approx(1 + 4 + 9 + 16 + 25 + 36)
    assert float(spectral_penalty_report(system, z, a)) == pytest.approx((16 + 36) / 2 + 121)


def test_hutchinson_is_unbiased_over_all_signs():
    """With every sign vector drawn once the estimate is exact, so the mean over many draws must approach the norm."""
    model, z, a = Model(), normal(1, 3), normal(1, 2, seed=1)
    exact = float(spectral_penalty(model, z, a).detach())
    state, action = step_jacobian(model, z, a)
    jacobian = torch.cat([state[0], action[0]], dim=1)
    values = [
        float((torch.tensor(v, dtype=torch.float64) @ jacobian).pow(2).sum())
        for v in itertools.product((-1, 1), repeat=3)
    ]
    assert sum(values) / 8 == pytest.approx(exact)
    generator = torch.Generator().manual_seed(0)
    draws = [float(spectral_penalty(model, z, a, generator=generator).detach()) for _ in range(400)]
    for draw in draws:
        assert min(abs(draw - value) for value in values) < 1e-9 * exact
    spread = torch.tensor(values).std(correction=0)
    assert abs(sum(draws) / 400 - exact) < 4 * float(spread) / 20


def test_the_variance_over_signs_is_that_of_all_signs():
    """Exactly, since there are only 2^D of them."""
    state, action = step_jacobian(Model(), normal(4, 3), normal(4, 2, seed=1))
    jacobian = torch.cat([state, action], dim=2)
    every = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=3)), dtype=torch.float64)
    estimates = (every @ jacobian).square().sum(dim=2)
    assert torch.allclose(estimates.var(dim=1, correction=0), hutchinson_variance(jacobian))
    assert bool((hutchinson_variance(jacobian) < hutchinson_variance(jacobian, probes="gaussian")).all())


def test_the_variance_over_gaussian_probes_is_that_of_a_weighted_chi_square():
    """||Jᵀ v||² is a sum of squares of independent normals of variance σ_i², each of variance 2 σ_i⁴; and as drawn."""
    state, action = step_jacobian(Model(), normal(1, 3), normal(1, 2, seed=1))
    jacobian = torch.cat([state[0], action[0]], dim=1)
    expected = 2 * torch.linalg.svdvals(jacobian).pow(4).sum()
    assert torch.allclose(hutchinson_variance(jacobian, probes="gaussian"), expected)
    drawn = (normal(200_000, 3) @ jacobian).square().sum(dim=1)
    assert float(drawn.var()) == pytest.approx(float(expected), rel=0.05)


def test_backward_passes_are_counted():
    model, z, a = Model(), normal(4, 3), normal(4, 2)
    generator = torch.Generator().manual_seed(0)

    def hutchinson(model, z, a):
        return spectral_penalty(model, z, a, generator=generator, samples=2)

    assert backward_passes(spectral_penalty, model, z, a) == 3
    assert backward_passes(spectral_penalty_report, model, z, a) == 1
    assert backward_passes(hutchinson, model, z, a) == 2


def test_hutchinson_averages_its_probes_and_keeps_its_seed():
    model, z, a = Model(), normal(6, 3), normal(6, 2, seed=1)

    def estimate(seed, samples):
        return spectral_penalty(model, z, a, generator=torch.Generator().manual_seed(seed), samples=samples)

    assert torch.equal(estimate(0, 2), estimate(0, 2))
    assert not torch.equal(estimate(0, 2), estimate(1, 2))
    generator = torch.Generator().manual_seed(0)
    halves = [spectral_penalty(model, z, a, generator=generator) for _ in range(2)]
    assert torch.allclose(estimate(0, 2), sum(halves) / 2)


def test_the_printed_penalty_is_blind_to_rows_that_cancel():
    system = LinearSystem(torch.tensor([[10.0, -10.0], [-10.0, 10.0]]), torch.zeros(2, 1))
    z, a = torch.randn(3, 2), torch.randn(3, 1)
    assert float(spectral_penalty_report(system, z, a)) == 0.0
    assert float(spectral_penalty(system, z, a)) == pytest.approx(400.0)


@pytest.mark.parametrize("penalty", [spectral_penalty, spectral_penalty_report])
def test_penalties_train_the_model(penalty):
    model, z, a = Model(), normal(4, 3), normal(4, 2)
    penalty(model, z, a).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in list(model.parameters())[:-1])


def test_an_estimate_needs_a_direction():
    with pytest.raises(ValueError, match="samples must be at least 1, got 0"):
        spectral_penalty(Model(), normal(2, 3), normal(2, 2), generator=torch.Generator(), samples=0)
