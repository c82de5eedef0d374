"""The rugged energy and its smoothed forms, against quadrature, autograd and sampling."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial.hermite_e import hermegauss

from helm_tutorial.funnel.descent import descend, start_grid
from helm_tutorial.funnel.landscape import (
    RuggedEnergy,
    convexity_width,
    funnel_weight,
    funnel_width,
    invariance_optimum,
    invariant_factor,
    mollify,
    report_energy,
)

seeds = st.integers(0, 2**31 - 1)


def draw_energy(seed: int, *, sines: int = 4, dimension: int = 3) -> RuggedEnergy:
    generator = torch.Generator().manual_seed(seed)
    frequencies = 4 * torch.randn(sines, dimension, generator=generator, dtype=torch.float64)
    return RuggedEnergy(frequencies, torch.randn(sines, generator=generator, dtype=torch.float64))


def draw_points(seed: int, count: int = 20, dimension: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed + 1)
    return 6 * torch.rand(count, dimension, generator=generator, dtype=torch.float64) - 3


def test_report_energy_is_the_report_formula():
    a = draw_points(0, dimension=2)
    x, y = a.unbind(1)
    expected = (x**2 + y**2) / 2 + torch.sin(5 * x) + torch.sin(5 * y) + 0.5 * torch.sin(7 * x + 7 * y)
    assert torch.allclose(report_energy()(a), expected)


@settings(deadline=None)
@given(seeds)
def test_gradient_and_hessian_equal_autograd(seed):
    energy, a = draw_energy(seed), draw_points(seed)
    assert torch.allclose(energy.gradient(a), torch.func.vmap(torch.func.grad(energy))(a))
    assert torch.allclose(energy.hessian(a), torch.func.vmap(torch.func.hessian(energy))(a))


@settings(deadline=None)
@given(seeds)
def test_curvature_bounds_hold_everywhere(seed):
    energy = draw_energy(seed)
    eigenvalues = torch.linalg.eigvalsh(energy.hessian(draw_points(seed, 200)))
    assert energy.lowest_curvature() - 1e-9 <= float(eigenvalues.min())
    assert float(eigenvalues.max()) <= energy.highest_curvature() + 1e-9


@settings(deadline=None)
@given(seeds, st.floats(0.05, 0.6))
def test_mollified_energy_equals_the_gaussian_average(seed, sigma):
    """Gauss-Hermite quadrature of E(a + σ ξ), exact to rounding for functions this smooth."""
    energy, a = draw_energy(seed, dimension=2), draw_points(seed, 5, dimension=2)
    nodes, weights = map(torch.as_tensor, hermegauss(60))
    weights = weights / weights.sum()
    shifts = sigma * torch.cartesian_prod(nodes, nodes)
    expected = energy(a[:, None] + shifts) @ torch.outer(weights, weights).flatten()
    assert torch.allclose(mollify(energy, sigma)(a), expected, atol=1e-8)


@settings(deadline=None)
@given(seeds, st.floats(0.05, 0.6), st.floats(0.1, 20.0))
def test_invariance_optimum_solves_its_stationarity_condition(seed, sigma, weight):
    """The variation of E(f-E)² + λE(f(a)-f(a+δ))² vanishes where f - E + 2λ(f - Gf) = 0, G the average."""
    energy, a = draw_energy(seed), draw_points(seed)
    optimum = invariance_optimum(energy, sigma, weight)
    residual = optimum(a) - energy(a) + 2 * weight * (optimum(a) - mollify(optimum, sigma)(a))
    assert float(residual.abs().max()) < 1e-8


def test_invariance_never_keeps_less_than_its_floor():
    energy = RuggedEnergy(torch.tensor([[1.0], [100.0]], dtype=torch.float64), torch.ones(2, dtype=torch.float64))
    factor = invariant_factor(energy, 0.5, 5.0)
    assert float(factor[1]) == pytest.approx(1 / 11)
    assert float(factor[0]) > 1 / 11


@settings(deadline=None)
@given(seeds, st.floats(0.05, 1.0))
def test_trapping_radius_bounds_every_descent(seed, step_size):
    energy, starts = draw_energy(seed), draw_points(seed, 50)
    radius = energy.trapping_radius()
    path = descend(energy, starts, steps=60, step_size=step_size)
    excess = (starts.norm(dim=1) - radius).clamp_min(0.0)
    n = torch.arange(61, dtype=torch.float64)
    bound = radius + (1 - step_size) ** n * excess[:, None]
    assert bool((path.norm(dim=2) <= bound + 1e-9).all())


def test_trapping_radius_against_exhaustive_search():
    energy = draw_energy(5, sines=3, dimension=2)
    forces = energy.amplitudes[:, None] * energy.frequencies
    cosines = torch.cartesian_prod(*[torch.linspace(-1, 1, 41, dtype=torch.float64)] * 3)
    assert energy.trapping_radius() == pytest.approx(float((cosines @ forces).norm(dim=1).max()))
    assert report_energy().trapping_radius() == pytest.approx(math.sqrt(2) * (5 + 3.5))


def test_convexity_width_is_squeezed_between_two_closed_forms():
    """Where both sines of frequency 5 peak and the third is not negative, one direction has curvature 1 - 25 g."""
    energy, width = report_energy(), convexity_width(report_energy())
    necessary = math.sqrt(math.log(25) / 12.5)
    assert necessary <= width <= necessary + 1e-4
    peak = torch.tensor([[math.pi / 2, math.pi / 2 + 2 * math.pi]], dtype=torch.float64) / 5
    assert float(torch.linalg.eigvalsh(mollify(energy, necessary - 1e-4).hessian(peak))[0, 0]) < 0
    grid = start_grid(points=200).double()
    assert float(torch.linalg.eigvalsh(mollify(energy, width + 1e-6).hessian(grid)).min()) > 0


def test_funnel_width_and_weight_meet_their_radius():
    energy = report_energy()
    assert mollify(energy, funnel_width(energy, 0.5)).trapping_radius() == pytest.approx(0.5)
    for sigma in (0.1, 0.2, 0.5):
        weight = funnel_weight(energy, sigma, 0.5)
        assert invariance_optimum(energy, sigma, weight).trapping_radius() == pytest.approx(0.5)
    assert funnel_width(energy, 100.0) == 0.0


@pytest.mark.parametrize("trailing", [(2,), (3, 2)])
def test_the_sampled_average_is_that_of_the_closed_form(trailing):
    """Value and gradient, at single points and at plans of three."""
    energy, a = report_energy(), draw_points(0, 4, dimension=2)
    a = (a.unsqueeze(1) * torch.linspace(0.5, 1.0, 3)[:, None].double() if len(trailing) == 2 else a).requires_grad_()

    def summed(a):
        return energy(a).flatten(1).sum(dim=1) if a.dim() > 2 else energy(a)

    sampled = mollify(summed, 0.3, generator=torch.Generator().manual_seed(0), samples=40_000)(a)
    smooth = mollify(energy, 0.3)(a).reshape(len(a), -1).sum(dim=1)
    assert torch.allclose(sampled, smooth, atol=0.05)
    slope, exact = (torch.autograd.grad(value.sum(), a)[0] for value in (sampled, smooth))
    assert torch.allclose(slope, exact, atol=0.15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RuggedEnergy(torch.ones(3, 2), torch.ones(2)), r"amplitudes must have shape \(3\), got \(2,\)"),
        (lambda: mollify(report_energy(), -0.1), "sigma must be finite and at least 0.0, got -0.1"),
        (lambda: mollify(torch.sum, 0.1), "generator must be given where energy is not a RuggedEnergy, got None"),
        (lambda: mollify(torch.sum, 0.1, generator=torch.Generator(), samples=0), "samples must be at least 1"),
        (lambda: invariance_optimum(report_energy(), 0.1, -1.0), "weight must be finite"),
        (lambda: funnel_width(report_energy(), 0.0), "radius must be finite and greater than 0.0"),
        (lambda: draw_energy(0, sines=21).trapping_radius(), "number of sines must be between 1 and 20, got 21"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
