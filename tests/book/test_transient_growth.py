"""Figures of *Transient growth*: what they draw and write is what the package computes."""

import pytest
import torch

from helm_book.figures import transient_growth as deeper
from helm_book.figures.cliff import drawn_system
from helm_tutorial.cliff.closed_forms import action_jacobian, lyapunov_limit
from helm_tutorial.cliff.linear_system import spectral_radius


def test_growth_is_of_the_chosen_eigenvalue_and_has_a_limit_only_below_one():
    for matrix in deeper.COUPLINGS:
        norms, values, limit = deeper.grown(0.95, matrix)
        system = drawn_system(low=0.75, high=0.95, coupling=deeper.COUPLINGS[matrix])
        assert spectral_radius(system.W) == pytest.approx(0.95)
        assert float(norms[9]) == pytest.approx(float(action_jacobian(system, 10).norm()))
        expected = torch.linalg.matrix_norm(torch.linalg.matrix_power(system.W, 10), 2)
        assert float(values[9, 0]) == pytest.approx(float(expected))
        assert limit == pytest.approx(lyapunov_limit(system))
        assert deeper.grown(1.0, matrix)[2] is None


def test_a_moved_slider_computes_the_growth_of_its_value(live, monkeypatch):
    asked = []
    real = deeper.grown
    monkeypatch.setattr(deeper, "grown", lambda *chosen: asked.append(chosen) or real(*chosen))
    box = deeper.explore_growth()
    asked.clear()
    box.inputs["largest"].index = 0
    assert asked == [(0.8, "non-normal")]


def test_the_peak_is_the_highest_corner_of_the_powers():
    W = 0.9 * torch.eye(4, dtype=torch.float64) + 0.2 * torch.diag(torch.ones(3, dtype=torch.float64), 1)
    corners = [float(torch.linalg.matrix_power(W, k)[0, -1]) for k in range(1, 100)]
    assert deeper.peak(2.0, 4) == pytest.approx(max(corners))


def test_peaks_are_drawn_over_the_dimensions_and_labelled_with_their_ratio(axes):
    deeper.plot_peaks(axes, {1: "neither", 3: "flat"}, range(2, 5))
    assert list(axes.lines[1].get_ydata()) == pytest.approx([deeper.peak(3, D) for D in (2, 3, 4)])
    assert [text.get_text() for text in axes.texts] == ["1", "3"]


def test_the_unit_that_travels_is_a_power_of_the_matrix(live):
    W = torch.tensor([[0.5, 0.2], [0.0, 0.5]], dtype=torch.float64)
    box = deeper.explore_buckets(W)
    box.inputs["steps"].index = 1
    assert "After 2 steps, the first bucket holds 0.25" in box.caption.value
    assert "the last one 0.2." in box.caption.value
