"""Figures of chapters 3 to 6 show the numbers that they were given."""

import numpy as np
import pytest
import torch
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from helm_book.figures import factorial, grid, intervals, table_world
from helm_book.figures.style import COLORS


def test_advice_points_where_the_action_leads(world, axes):
    actions = torch.full((world.num_states,), -1)
    actions[world.index((1, 1), 0)] = 2  # forward, facing right
    actions[world.index((2, 2), 1)] = 0  # left, facing down: then right
    right = torch.zeros(world.num_states, dtype=torch.bool)
    right[world.index((1, 1), 0)] = True
    grid.show_advice(axes, world, actions, right, title="advice", mark=int(world.goals[0]))
    wrong_arrows, right_arrows = axes.collections
    for arrows, tail, colour in ((right_arrows, (1.15, 1.0), "true"), (wrong_arrows, (1.85, 2.3), "flat")):
        assert (arrows.U.tolist(), arrows.V.tolist()) == (pytest.approx([0.3]), pytest.approx([0.0]))
        assert arrows.XY[0].tolist() == pytest.approx(tail)
        assert same_color(arrows.get_facecolor()[0], COLORS[colour])


def test_distance_bands_are_quantiles(axes):
    geodesic = torch.tensor([1.0, 1, 1, 2, 2, 2, float("inf")])
    latent = torch.tensor([1.0, 2, 3, 4, 5, 6, 99])
    grid.show_distance_bands(axes, geodesic, latent, "black")
    assert axes.lines[0].get_xydata().tolist() == [[1, 2], [2, 5]]


def test_action_probabilities_are_one_row_an_action(axes):
    image = grid.show_action_probabilities(axes, torch.eye(3)[[0, 1, 2, 0]], ("left", "right", "forward"))
    assert image.get_array().shape == (3, 4)
    assert tuple(image.get_extent()) == (0.5, 4.5, 2.5, -0.5)  # the plan's steps count from 1
    assert [label.get_text() for label in axes.get_yticklabels()] == ["left", "right", "forward"]


METRIC = {"values": [0.4, 0.6, None], "mean": 0.5, "low": 0.3, "high": 0.7, "reported": 0.9}


def test_metric_rows_show_seeds_mean_interval_and_report(axes):
    intervals.show_metrics(axes, {"a": METRIC}, [("a", "label", "helm")], xlabel="share", reported=["a"])
    interval, seeds, mean, reported = axes.lines
    assert interval.get_xdata().tolist() == [0.3, 0.7] and seeds.get_xdata().tolist() == [0.4, 0.6]
    assert mean.get_xdata().tolist() == [0.5] and reported.get_xdata().tolist() == [0.9]
    assert axes.get_yticklabels()[0].get_text() == "label"


@pytest.mark.parametrize("planner", ["plain", "ours"])
def test_factorial_shows_the_records_numbers(planner):
    suffix = "_plain" if planner == "plain" else ""
    metrics = {
        f"success_{cell}_T{T}{suffix}": {
            "values": [k / 4, k / 4],
            "mean": k / 4,
            "low": k / 4 - 0.1,
            "high": k / 4 + 0.3,
        }
        for k, cell in enumerate(factorial.CELLS)
        for T in (5, 12)
    }
    artists = factorial.build_factorial(Figure(figsize=(7, 3)), (5, 12))
    numbers, caption = factorial.move_factorial(metrics, (5, 12), 2, planner, "both", 12)
    assert set(numbers) == set(artists)
    assert numbers["bars"] == [0, 0.25, 0.5, 0.75]
    _, y = numbers["intervals"]
    assert np.allclose(y[0:2], (0, 0.3)) and np.allclose(y[9:11], (0.65, 1.0)) and np.isnan(y[2])  # kept within 0 and 1
    assert list(numbers["now"]) == [[12], [0.75]] and numbers["share neither"][2] == "0 %"
    assert "75 %" in caption and "65 to 100 %" in caption and "2 seeds" in caption


def test_lines_over_horizons_stand_side_by_side(axes):
    row = {"values": [1.0], "mean": 1.0, "low": 0.75, "high": 2.0}
    metrics = {"norm_both_T5": row, "norm_neither_T5": row}
    intervals.show_over_horizons(axes, metrics, "norm_{cell}_T{T}", ["neither", "both"], [5])
    left, right = (line.get_xdata()[0] for line in axes.lines)
    assert left < 5 < right and left + right == pytest.approx(10)
    whisker = axes.collections[0].get_segments()[0]
    assert whisker.tolist() == [[left, 1.0], [left, 2.0]]  # not below the least value, for logarithmic axes


def test_lines_over_horizons_are_the_means(axes):
    metrics = {f"norm_both_T{T}": {"values": [T, T], "mean": T, "low": -1.0, "high": 2.0 * T} for T in (5, 12)}
    intervals.show_over_horizons(axes, metrics, "norm_{cell}_T{T}", ["both"], [5, 12])
    assert axes.lines[0].get_xydata().tolist() == [[5, 5], [12, 12]]


def test_pillars_place_a_dot_a_seed(axes):
    metrics = {
        "rollout_jacobian_both_T25": {"values": [2.0, 8.0]},
        "metric_correlation_both": {"values": [0.8, 0.9]},
    }
    intervals.show_pillars(axes, metrics, ["both"], horizon=25)
    assert axes.lines[0].get_xydata().tolist() == [[2.0, 0.8], [8.0, 0.9]]
    assert axes.texts[0].get_text() == "both" and axes.texts[0].xy[0] == pytest.approx(4.0)


def test_lines_that_end_together_have_one_name(axes):
    row = {"values": [1.0], "mean": 1.0, "low": 0.75, "high": 2.0}
    metrics = {"share_both_T5": row, "share_neither_T5": row}
    intervals.show_over_horizons(axes, metrics, "share_{cell}_T{T}", ["neither", "both"], [5], together="both of them")
    assert [text.get_text() for text in axes.texts] == ["both of them"]


def test_walk_in_a_table_goes_through_its_places_and_leaves_the_others_grey(axes):
    table_world.show_walk_in_table(
        axes, 3, torch.tensor([0, 1, 2, 3, 5]), torch.tensor([4.0, 3, 2, 5, 0]), [3, 0, 1, 2, 5], label="distance"
    )
    shown = np.ma.filled(axes.images[0].get_array(), np.nan)
    assert np.array_equal(shown, [[4, 3, 2], [5, np.nan, 0]], equal_nan=True)
    assert axes.lines[0].get_xydata().tolist() == [[0, 1], [0, 0], [1, 0], [2, 0], [2, 1]]
    assert axes.patches[0].get_xy() == (1.5, 0.5)
