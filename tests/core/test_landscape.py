import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial.hermite_e import hermegauss

from helm_book.figures.funnel_paths import coverages, descend_each, resample
from helm_tutorial.funnel.descent import arrived, basin_coverage, descend, descend_coarse_to_fine, start_grid
from helm_tutorial.funnel.landscape import (
    RuggedEnergy,
    convexity_width,
    funnel_weight,
    funnel_width,
    invariance_optimum,
    invariant_factor,
    mollified,
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
    assert torch.allclose(mollified(energy, sigma)(a), expected, atol=1e-8)


@settings(deadline=None)
@given(seeds, st.floats(0.05, 0.6), st.floats(0.1, 20.0))
def test_invariance_optimum_solves_its_stationarity_condition(seed, sigma, weight):
    """The variation of E(f-E)² + λE(f(a)-f(a+δ))² vanishes where f - E + 2λ(f - Gf) = 0, G the average."""
    energy, a = draw_energy(seed), draw_points(seed)
    optimum = invariance_optimum(energy, sigma, weight)
    residual = optimum(a) - energy(a) + 2 * weight * (optimum(a) - mollified(optimum, sigma)(a))
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
    assert float(torch.linalg.eigvalsh(mollified(energy, necessary - 1e-4).hessian(peak))[0, 0]) < 0
    grid = start_grid(points=200).double()
    assert float(torch.linalg.eigvalsh(mollified(energy, width + 1e-6).hessian(grid)).min()) > 0


def test_funnel_width_and_weight_meet_their_radius():
    energy = report_energy()
    assert mollified(energy, funnel_width(energy, 0.5)).trapping_radius() == pytest.approx(0.5)
    for sigma in (0.1, 0.2, 0.5):
        weight = funnel_weight(energy, sigma, 0.5)
        assert invariance_optimum(energy, sigma, weight).trapping_radius() == pytest.approx(0.5)
    assert funnel_width(energy, 100.0) == 0.0


def test_bowl_deformation_at_the_needed_weight_grows_with_the_width():
    lengths = [sigma * math.sqrt(funnel_weight(report_energy(), sigma, 0.5)) for sigma in (0.05, 0.1, 0.2, 0.3, 0.5)]
    assert lengths == sorted(lengths)


@pytest.mark.parametrize(
    ("energy", "expected"),
    [
        (report_energy(), 0.0548),
        (mollified(report_energy(), 0.4), 0.3364),
        (mollified(report_energy(), 0.5), 1.0),
        (invariance_optimum(report_energy(), 0.2, 5.0), 0.326),
        (invariance_optimum(report_energy(), 0.5, 5.0), 0.5424),
        (invariance_optimum(report_energy(), 0.5, 10.0), 1.0),
    ],
)
def test_coverage_check_values(energy, expected):
    # Descent with step 0.1 on the raw energy is chaotic: a few starts of 2500 may differ between processors.
    assert basin_coverage(energy, start_grid()) == pytest.approx(expected, abs=0.01)


def test_the_origin_is_no_minimum_of_the_rugged_energy():
    energy = report_energy()
    origin = torch.zeros(1, 2, dtype=torch.float64)
    assert float(energy(origin)) == 0.0
    assert float(energy.gradient(origin).norm()) == pytest.approx(8.5 * math.sqrt(2))
    fine = start_grid(points=400).double()
    best = fine[energy(fine).argmin()][None]
    end = descend(energy, best, steps=2000, step_size=1 / energy.highest_curvature())[0, -1]
    assert float(energy(end[None])) == pytest.approx(-2.005, abs=1e-3)
    assert sorted(end.tolist()) == pytest.approx([-0.2795, 0.9287], abs=1e-3)


def test_coarse_to_fine_ends_in_one_minimum_of_the_unsmoothed_energy():
    energy, starts = report_energy(), start_grid(points=20).double()
    sigmas = (0.52, 0.39, 0.26, 0.13, 0.0)
    path = descend_coarse_to_fine(energy, starts, sigmas, steps=20)
    assert path.shape == (400, 101, 2)
    ends = path[:, -1]
    assert bool(arrived(ends).all())
    assert float(energy.gradient(ends).norm(dim=1).max()) < 1e-6
    assert float(torch.linalg.eigvalsh(energy.hessian(ends)).min()) > 0
    assert float((ends - ends[0]).norm(dim=1).max()) < 1e-6
    # No step is too long: on each level the energy falls all the way, where it is most curved too.
    for k, sigma in enumerate(sigmas):
        walked = path[:, 20 * k : 20 * (k + 1) + 1]
        values = mollified(energy, sigma)(walked.flatten(0, 1)).view(walked.shape[:2])
        assert float(values.diff(dim=1).max()) < 1e-9


def test_paths_and_coverages_are_those_of_each_energy_alone():
    energies = [mollified(report_energy(), sigma) for sigma in (0.35, 0.41, 0.5)]
    starts = start_grid(points=12)
    assert coverages(energies, starts) == pytest.approx([basin_coverage(energy, starts) for energy in energies])
    few = starts[::9].double()
    paths = descend_each(energies, few, steps=30, step_size=0.05)
    alone = torch.stack([descend(energy, few, steps=30, step_size=0.05) for energy in energies])
    assert torch.allclose(paths, alone, atol=1e-12)


def test_resampled_points_are_equally_far_apart_along_the_path():
    path = torch.tensor([[0.0, 0.0], [0.1, 0.0], [3.0, 0.0], [3.0, 1.0], [3.0, 1.0]])
    points = resample(path, spacing=1.0, most=9)
    assert torch.allclose(points, torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [3.0, 1.0]]))
    assert torch.allclose(resample(path, spacing=0.1, most=3), torch.tensor([[0.0, 0.0], [2.0, 0.0], [3.0, 1.0]]))


def test_a_path_that_does_not_move_keeps_its_two_ends():
    assert resample(torch.ones(4, 2), spacing=0.1, most=5).tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert resample(torch.ones(1, 2), spacing=0.1, most=5).tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_descend_on_a_plain_bowl_by_hand():
    bowl = RuggedEnergy(torch.zeros(0, 2, dtype=torch.float64), torch.zeros(0, dtype=torch.float64))
    path = descend(bowl, torch.tensor([[1.0, -2.0]], dtype=torch.float64), steps=3, step_size=0.5)
    assert torch.allclose(path[0, :, 1], torch.tensor([-2.0, -1.0, -0.5, -0.25], dtype=torch.float64))
    assert bowl.trapping_radius() == 0.0
    assert convexity_width(bowl) == 0.0


def test_arrived_is_strict_and_false_for_nan():
    ends = torch.tensor([[0.5, 0.0], [0.49, 0.0], [math.nan, 0.0], [1.0, 1.0]])
    assert arrived(ends).tolist() == [False, True, False, False]
    assert arrived(ends, target=torch.tensor([1.0, 1.0])).tolist() == [False, False, False, True]


def test_start_grid_covers_the_box_with_its_edges():
    grid = start_grid(points=5)
    assert grid.shape == (25, 2)
    assert float(grid.min()) == -3.0
    assert float(grid.max()) == 3.0
    assert start_grid(dimension=1, points=5).shape == (5, 1)
    assert start_grid(dimension=3, points=4).shape == (64, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RuggedEnergy(torch.ones(3, 2), torch.ones(2)), r"amplitudes must have shape \(3\), got \(2,\)"),
        (lambda: mollified(report_energy(), -0.1), "sigma must be finite and at least 0.0, got -0.1"),
        (lambda: invariance_optimum(report_energy(), 0.1, -1.0), "weight must be finite"),
        (lambda: funnel_width(report_energy(), 0.0), "radius must be finite and greater than 0.0"),
        (lambda: descend(report_energy(), torch.zeros(3), steps=1), "starts must have shape"),
        (lambda: descend(report_energy(), torch.zeros(1, 2), steps=0), "steps must be at least 1"),
        (lambda: coverages([], torch.zeros(1, 2)), "the number of energies must be at least 1"),
        (lambda: descend_each([], torch.zeros(1, 2)), "the number of energies must be at least 1"),
        (
            lambda: coverages([report_energy(), RuggedEnergy(torch.ones(3, 2), torch.ones(3))], torch.zeros(1, 2)),
            "same",
        ),
        (lambda: resample(torch.zeros(3), spacing=0.1, most=5), "path must have shape"),
        (lambda: resample(torch.zeros(3, 2), spacing=0.0, most=5), "spacing must be"),
        (lambda: resample(torch.zeros(3, 2), spacing=0.1, most=1), "most must be at least 2"),
        (lambda: descend_coarse_to_fine(report_energy(), torch.zeros(1, 2), (0.5, 0.1)), "sigmas must decrease"),
        (lambda: descend_coarse_to_fine(report_energy(), torch.zeros(1, 2), (0.1, 0.5, 0.0)), "sigmas must decrease"),
        (lambda: start_grid(points=1), "points must be at least 2"),
        (lambda: start_grid(dimension=9, points=50), "points .. dimension must be between 1 and 10000000"),
        (lambda: draw_energy(0, sines=21).trapping_radius(), "number of sines must be between 1 and 20, got 21"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
