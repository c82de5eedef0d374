"""Descent on the rugged energy, on its smoothed forms, and from coarse to fine."""

import math

import pytest
import torch

from helm_tutorial.funnel.descent import arrived, basin_coverage, descend, descend_coarse_to_fine, start_grid
from helm_tutorial.funnel.landscape import RuggedEnergy, convexity_width, invariance_optimum, mollify, report_energy


@pytest.mark.parametrize(
    ("energy", "expected"),
    [
        (report_energy(), 0.0548),
        (mollify(report_energy(), 0.4), 0.3364),
        (mollify(report_energy(), 0.5), 1.0),
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
        values = mollify(energy, sigma)(walked.flatten(0, 1)).view(walked.shape[:2])
        assert float(values.diff(dim=1).max()) < 1e-9


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


def test_coarse_to_fine_takes_any_energy():
    def rippled(a):
        return (a.square() / 2 + 0.3 * torch.sin(8 * a)).sum(dim=1)

    starts, size = start_grid(points=6), 0.05
    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        settings = {"steps": (80, 40), "step_size": size, "generator": generator}
        path = descend_coarse_to_fine(rippled, starts, (0.4, 0.0), **settings)
        plain = descend(rippled, starts, steps=120, step_size=size)
    assert path.shape == plain.shape
    assert bool(arrived(path[:, -1]).all()) and float(arrived(plain[:, -1]).float().mean()) < 0.3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: descend(report_energy(), torch.zeros(3), steps=1), "starts must have shape"),
        (lambda: descend(report_energy(), torch.zeros(1, 2), steps=0), "steps must be at least 1"),
        (lambda: descend_coarse_to_fine(report_energy(), torch.zeros(1, 2), (0.5, 0.1)), "sigmas must decrease"),
        (lambda: descend_coarse_to_fine(report_energy(), torch.zeros(1, 2), (0.1, 0.5, 0.0)), "sigmas must decrease"),
        (
            lambda: descend_coarse_to_fine(report_energy(), torch.zeros(1, 2), (0.5, 0.0), steps=[3]),
            "steps must be one for each of 2 levels, got 1",
        ),
        (lambda: start_grid(points=1), "points must be at least 2"),
        (lambda: start_grid(dimension=9, points=50), "points .. dimension must be between 1 and 10000000"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
