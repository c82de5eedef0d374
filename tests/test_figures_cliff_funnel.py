import itertools

import matplotlib
import pytest
import torch
from matplotlib.figure import Figure

from helm_tutorial.descent import descend, start_grid
from helm_tutorial.figures import cliff, funnel
from helm_tutorial.figures.style import COLORS, LABELS
from helm_tutorial.landscape import mollified, report_energy


@pytest.fixture
def axes():
    matplotlib.use("Agg")
    figure = Figure(layout="constrained")
    yield figure.add_subplot()
    figure.canvas.draw()  # what cannot be drawn fails here


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_norms_are_drawn_as_given_and_labelled(axes):
    norms = {"true": torch.tensor([1.0, 2.0, 4.0]), "flat": torch.tensor([1.0, 2.0, 4.0]), "helm": torch.ones(3)}
    assert cliff.plot_norms(axes, norms, limit=1.5) is axes
    assert axes.get_yscale() == "log"
    assert axes.lines[0].get_ydata().tolist() == [1.0, 2.0, 4.0]
    assert axes.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert {LABELS["true"], LABELS["flat"], LABELS["helm"], "Lyapunov limit"} == set(texts(axes))


def test_labels_of_lines_that_end_together_do_not_overlap(axes):
    cliff.plot_norms(axes, {"true": torch.ones(2), "flat": torch.ones(2), "helm": torch.ones(2)})
    heights = sorted(text.xyann[1] for text in axes.texts)
    assert all(b - a >= 10 for a, b in itertools.pairwise(heights))


def test_spectra_show_every_eigenvalue(axes):
    cliff.plot_spectra(axes, {"true": [1.1, 1.3], "helm": [0.8]})
    offsets = [tuple(point) for dots in axes.collections for point in dots.get_offsets().tolist()]
    assert offsets == [(1.1, 0.0), (1.3, 0.0), (0.8, 1.0)]


def test_radius_puts_trained_models_on_the_curve(axes):
    cliff.plot_radius(axes, [0.0, 0.1, 0.2], [1.3, 0.93, 0.7], critical=0.075, trained=[(0.05, 1.08), (0.1, 0.93)])
    dots = [tuple(point) for dots in axes.collections for point in dots.get_offsets().tolist()]
    assert dots == [(0.05, 1.08), (0.1, 0.93)]
    assert r"$\lambda^* = 0.075$" in texts(axes)
    assert axes.get_xlim() == (0.0, 0.2)


def test_seeds_show_every_seed_and_the_report(axes):
    cliff.plot_seeds(axes, [("one", "flat", [10.0, 20.0], 1712.0), ("two", "helm", [1.0], None)])
    offsets = [tuple(point) for dots in axes.collections for point in dots.get_offsets().tolist()]
    assert offsets == [(10.0, 0.0), (20.0, 0.0), (1712.0, 0.0), (1.0, 1.0)]
    assert texts(axes) == ["report: 1712"]


def test_misses_are_drawn_over_their_horizons(axes):
    lines = cliff.plot_misses(axes, {"flat": [1.0, 2.0]}, label="distance", horizons=[5, 10])
    assert lines["flat"].get_xdata().tolist() == [5, 10]
    assert lines["flat"].get_ydata().tolist() == [1.0, 2.0]
    assert axes.get_ylabel() == "distance"


def test_landscape_draws_filled_ends_only_where_descent_arrives(axes):
    energy = mollified(report_energy(), 0.5)
    arriving = descend(energy, torch.tensor([[2.0, 2.0]]))
    stuck = torch.full_like(arriving, 2.0)
    funnel.plot_landscape(axes, energy, paths=torch.cat([arriving, stuck]), points=21)
    ends = [line for line in axes.lines if len(line.get_xdata()) == 1]
    assert [end.get_markerfacecolor() for end in ends] == [COLORS["contrastive"], "white"]


def test_landscape_and_arrivals_have_the_first_coordinate_across(axes):
    """Only starts to the right arrive, so the picture's right half must be filled."""
    grid = start_grid(points=4)
    funnel.plot_arrivals(axes, grid[:, 0] > 0)
    assert axes.images[0].get_array().tolist() == [[0, 0, 1, 1]] * 4


def test_slice_is_taken_along_the_first_axis(axes):
    energy = report_energy()
    funnel.plot_slice(axes, {"energy": (energy, "true")}, centre=False)
    x, y = (torch.as_tensor(data) for data in axes.lines[0].get_data())
    assert torch.allclose(y, energy(torch.stack([x, torch.zeros_like(x)], dim=1)).double(), atol=1e-6)


def test_factors_and_their_labels(axes):
    curves = [("low", "helm", lambda f: 0.0 * f), ("same", "report", lambda f: 0.0 * f)]
    funnel.plot_factors(axes, curves, marks=[5.0], highest=10.0)
    heights = sorted(text.xy[1] for text in axes.texts)
    assert heights[1] - heights[0] >= 0.05


def test_coverage_is_in_per_cent(axes):
    funnel.plot_coverage(axes, [("one", "flat", [0.1, 0.3], 0.5), ("two", "helm", [1.0], None)])
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([20.0, 100.0])
    assert texts(axes) == ["20.0 %", "100.0 %"]


def test_levels_draw_one_slice_and_one_descent_a_level(axes):
    energy = report_energy()
    path = torch.zeros(3, 2)
    funnel.plot_levels(axes, [(0.5, mollified(energy, 0.5), path), (0.0, energy, path)])
    assert len(axes.lines) == 4
    assert texts(axes) == [r"$\sigma = 0.5$", r"$\sigma = 0$"]
