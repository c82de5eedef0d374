import pytest
import torch
from torch.func import grad, vmap

from helm_study.funnel.box_filter import GridFunction, box_optimum
from helm_tutorial.funnel.descent import basin_coverage, start_grid
from helm_tutorial.funnel.invariance import bounded_bowl_slope
from helm_tutorial.funnel.landscape import RuggedEnergy, invariance_optimum, invariant_factor, report_energy


def bowl(a):
    return 0.5 * a.pow(2).sum(-1)


def slopes(function, x):
    x = x[:, None].clone().requires_grad_(True)
    return torch.autograd.grad(function(x).sum(), x)[0][:, 0]


@pytest.mark.parametrize(
    ("sigma", "weight", "tolerance"), [(0.05, 100.0, 0.005), (0.05, 4000.0, 0.02), (0.2, 23.0, 0.02)]
)
def test_a_bowl_on_a_box_has_the_slope_of_the_closed_form(sigma, weight, tolerance):
    x = torch.linspace(-2.5, 2.5, 41, dtype=torch.float64)
    exact = box_optimum(bowl, dimension=1, sigma=sigma, weight=weight, points=481)
    expected = bounded_bowl_slope(x, 3.0, sigma * weight**0.5)
    assert float((slopes(exact, x) - expected).abs().max()) < tolerance


def test_curvature_left_in_the_centre_is_that_of_lemma_5():
    for length in (0.3, 1.38, 9.0):
        slope = vmap(grad(lambda a, length=length: bounded_bowl_slope(a, 3.0, length)))(torch.zeros(1).double())
        x = torch.tensor(3.0 / length, dtype=torch.float64)
        assert float(slope[0]) == pytest.approx(float(1 - x / torch.sinh(x)))
    # half at 0.46 h, a sixth of the square far beyond
    assert float(3.0 / 1.3779 / torch.sinh(torch.tensor(3.0 / 1.3779))) == pytest.approx(0.5, abs=1e-3)
    assert float(slope[0]) == pytest.approx((3.0 / 9.0) ** 2 / 6, rel=0.02)


def test_far_from_the_edge_it_is_the_filter_of_the_unbounded_plane():
    energy = RuggedEnergy(torch.tensor([[5.0]], dtype=torch.float64), torch.ones(1, dtype=torch.float64))
    found = box_optimum(energy, dimension=1, sigma=0.1, weight=4.0, half_width=4.0, points=801)
    x = torch.linspace(-1.0, 1.0, 81, dtype=torch.float64)
    expected = invariance_optimum(energy, 0.1, 4.0).gradient(x[:, None])[:, 0]
    assert float((slopes(found, x) - expected).abs().max()) < 0.02
    assert 0.2 < float(invariant_factor(energy, 0.1, 4.0)) < 0.6


def test_the_solution_is_a_minimum_of_the_loss():
    """No small change of it, inside or outside the box, lowers the loss measured on random points."""
    energy = report_energy()
    found = box_optimum(energy, dimension=2, sigma=0.5, weight=5.0, points=61)
    generator = torch.Generator().manual_seed(0)
    a = 6 * torch.rand(200_000, 2, generator=generator, dtype=torch.float64) - 3
    moved = a + (0.5 * torch.randn(a.shape, generator=generator, dtype=torch.float64)).clamp(-2, 2)

    def loss(f):
        return float((f(a) - energy(a)).pow(2).mean() + 5.0 * (f(a) - f(moved)).pow(2).mean())

    least = loss(found)
    for change in (lambda p: torch.sin(5 * p[:, 0]), lambda p: p.pow(2).sum(1) / 9, lambda p: torch.ones(len(p))):
        for size in (0.2, -0.2):
            assert loss(lambda p, change=change, size=size: found(p) + size * change(p)) > least


def test_without_a_weight_it_is_the_energy_itself_on_the_box():
    energy = report_energy()
    found = box_optimum(energy, dimension=2, sigma=0.5, weight=0.0, points=121)
    places = start_grid(half_width=2.5, points=51).double()
    assert float((found(places) - energy(places)).abs().max()) < 0.05


def test_the_box_lowers_coverage_and_the_grid_is_fine_enough():
    coverage = [
        basin_coverage(box_optimum(report_energy(), dimension=2, sigma=0.5, weight=5.0, points=points), start_grid())
        for points in (91, 121)
    ]
    assert coverage[0] == pytest.approx(coverage[1], abs=0.01)
    assert coverage[1] < 0.4 < 0.5 < basin_coverage(invariance_optimum(report_energy(), 0.5, 5.0), start_grid())


@pytest.mark.parametrize("dimension", [1, 2])
def test_a_grid_function_is_exact_on_what_a_difference_is_exact_on(dimension):
    axis = torch.linspace(-2, 2, 41, dtype=torch.float64)
    places = torch.cartesian_prod(*[axis] * dimension).reshape(-1, dimension)
    shape = (41,) * dimension
    function = GridFunction((places.pow(2).sum(1) + places[:, 0]).reshape(shape), 2.0)
    x = places[torch.arange(5, len(places), 7)].clone().requires_grad_(True)
    values = function(x)
    assert torch.allclose(values, x.pow(2).sum(1) + x[:, 0])
    inside = x.abs().amax(1) < 1.95
    (slope,) = torch.autograd.grad(values.sum(), x)
    expected = 2 * x + torch.eye(dimension, dtype=torch.float64)[0]
    assert torch.allclose(slope[inside], expected[inside])
    assert torch.allclose(function(torch.full((1, dimension), 9.0)), function(torch.full((1, dimension), 2.0)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: box_optimum(bowl, dimension=3, sigma=0.5, weight=1.0), "dimension must be between 1 and 2, got 3"),
        (lambda: box_optimum(bowl, dimension=1, sigma=0.05, weight=1.0, points=21), "points must be at least 241"),
        (lambda: box_optimum(bowl, dimension=1, sigma=0.0, weight=1.0), "sigma must be"),
        (lambda: box_optimum(bowl, dimension=1, sigma=0.5, weight=-1.0), "weight must be"),
        (lambda: GridFunction(torch.zeros(4, 5), 1.0), "values must have shape"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
