"""Descents on many energies at once, as the figures of chapter 2 draw them."""

import pytest
import torch

from helm_book.figures.funnel_paths import coverages, descend_each, resample
from helm_tutorial.funnel.descent import basin_coverage, descend, start_grid
from helm_tutorial.funnel.landscape import RuggedEnergy, mollify, report_energy


def test_paths_and_coverages_are_those_of_each_energy_alone():
    energies = [mollify(report_energy(), sigma) for sigma in (0.35, 0.41, 0.5)]
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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: coverages([], torch.zeros(1, 2)), "the number of energies must be at least 1"),
        (
            lambda: coverages([report_energy(), RuggedEnergy(torch.ones(3, 2), torch.ones(3))], torch.zeros(1, 2)),
            "same",
        ),
        (lambda: resample(torch.zeros(3), spacing=0.1, most=5), "path must have shape"),
        (lambda: resample(torch.zeros(3, 2), spacing=0.0, most=5), "spacing must be"),
        (lambda: resample(torch.zeros(3, 2), spacing=0.1, most=1), "most must be at least 2"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
