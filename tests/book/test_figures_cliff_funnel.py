import itertools
import math

import pytest
import torch
from matplotlib.figure import Figure

from helm_book.explorer.moving import set_numbers
from helm_book.figures import cliff, funnel, funnel_studies
from helm_study import records
from helm_tutorial.funnel.descent import start_grid
from helm_tutorial.funnel.landscape import report_energy


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


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


def test_networks_of_the_report_are_three_staircases_with_two_crosses(axes):
    record = records.load("exp1")
    cliff.plot_report_networks(axes, record)
    stairs = [line for line in axes.lines if len(line.get_xdata()) > 1]
    exact = sorted(record["metrics"]["jacobian_exact_relu_T50"]["values"])
    assert list(stairs[0].get_xdata())[1:-1] == exact
    assert {"exact penalty", "printed penalty", "no penalty", "report: 1712", "report: 90"} == set(texts(axes))


def test_half_of_the_reports_networks_are_below_the_median():
    record = records.load("exp1")
    for name, kind in (("flat", "flat"), ("printed", "helm"), ("exact", "exact")):
        values = record["metrics"][f"jacobian_{kind}_relu_T50"]["values"]
        middle = cliff.report_medians(record)[name]
        assert sum(value < middle for value in values) == sum(value > middle for value in values) == len(values) // 2


def test_the_table_of_remedies_has_a_row_a_planner_and_says_its_n():
    record = records.load("exp1")
    table = cliff.remedies_table(record).data
    rows = [line for line in table.split("\n") if line.startswith("| ")]
    assert len(rows) == 1 + 4
    shooting = record["metrics"]["plan_success_system_multiple_shooting_T50_A4"]["mean"]
    assert shooting == 0.999 and "| **99.9 %** (99.7 to 100 %) |" in rows[-1]
    assert "20 seeds (0 to 19)" in table and "50 tasks" in table


def test_shares_rise_to_all_and_hold_the_reports_figure(axes):
    cliff.plot_shares(axes, [("one", "flat", [10.0, 1000.0, 100.0, 1.0], 50.0), ("two", "helm", [2.0], None)])
    stairs, cross = axes.lines[0], axes.lines[1]
    assert list(stairs.get_ydata()) == [0.0, 25.0, 50.0, 75.0, 100.0, 100.0]
    assert list(stairs.get_xdata())[1:-1] == [1.0, 10.0, 100.0, 1000.0]
    assert (list(cross.get_xdata()), list(cross.get_ydata())) == ([50.0], [50.0])
    assert set(texts(axes)) == {"one", "two", "report: 50"}


def test_conditions_are_lines_and_their_bounds_dotted(axes):
    cliff.plot_conditions(axes, [5, 10], [("actions", "flat", [10.0, 100.0], [1.0, 50.0])])
    assert [list(line.get_ydata()) for line in axes.lines] == [[10.0, 100.0], [1.0, 50.0]]
    assert [line.get_linestyle() for line in axes.lines] == ["-", ":"]


def test_heights_lie_above_the_lowest_with_the_first_coordinate_along_the_rows():
    heights = funnel.heights(lambda a: a[:, 0] + 10 * a[:, 1], half_width=1.0, points=3)
    assert heights.tolist() == [[0, 1, 2], [10, 11, 12], [20, 21, 22]]


def test_a_moving_landscape_shows_the_square_and_its_target(axes):
    artists = funnel.stage_landscape(axes, radius=0.5, points=21)
    set_numbers(artists["landscape"], funnel.heights(report_energy(), points=21))
    assert axes.get_xlim() == axes.get_ylim() == (-3.0, 3.0)
    # the outermost values stand on the edges of the square
    assert artists["landscape"].get_extent() == pytest.approx([-3.15, 3.15, -3.15, 3.15])
    assert all(math.hypot(x, y) == pytest.approx(0.5) for x, y in zip(*artists["target"].get_data(), strict=True))


def test_moving_descents_are_parted_by_where_they_end(axes):
    arriving = torch.tensor([[[2.0, 0.0], [1.0, 0.0], [0.1, 0.0]], [[0.0, 2.0], [0.0, 1.0], [0.0, 0.2]]])
    trapped = torch.tensor([[[2.0, 2.0], [2.0, 1.5], [2.0, 1.4]]])
    artists, numbers = funnel.stage_descents(axes), funnel.descents(torch.cat([arriving, trapped]))
    assert set(artists) == set(numbers)
    for name, artist in artists.items():
        set_numbers(artist, numbers[name])
    across = numbers["arriving"][0]
    assert [round(float(v), 3) for v in across[:3]] == [2.0, 1.0, 0.1]
    assert math.isnan(across[3])  # the gap between two paths
    assert len(across) == 7
    assert [list(map(float, part)) for part in numbers["trapped_ends"]] == [[2.0], [pytest.approx(1.4)]]
    nobody = funnel.descents(arriving)["trapped"]
    set_numbers(artists["trapped"], nobody)
    assert all(math.isnan(v) for part in nobody for v in part)


def test_a_moving_slice_is_taken_along_its_direction(axes):
    energy, x = report_energy(), torch.linspace(-3, 3, 7)
    artists = funnel.stage_slice(axes, energy, x)
    set_numbers(artists["slice"], funnel.slice_of(energy, x, direction=(1.0, 1.0)))
    shown = torch.as_tensor(artists["slice"].get_ydata())
    assert torch.allclose(shown, energy(torch.stack([x, x], dim=1)).double(), atol=1e-5)
    still = torch.as_tensor(axes.lines[0].get_ydata())
    assert torch.allclose(still, energy(torch.stack([x, 0 * x], dim=1)), atol=1e-5)


def test_three_panels_stand_below_one_another_on_a_phone():
    for size, columns in (((7.6, 4.6), 2), ((3.4, 7.4), 1)):
        panels = funnel.three_panels(Figure(figsize=size, layout="constrained"))
        assert len(panels) == 3
        assert len({round(panel.get_position().x0, 3) for panel in panels}) == columns


def test_factors_and_their_labels(axes):
    curves = [("low", "helm", lambda f: 0.0 * f), ("same", "report", lambda f: 0.0 * f)]
    funnel.plot_factors(axes, curves, marks=[5.0], highest=10.0)
    heights = sorted(text.xy[1] for text in axes.texts)
    assert heights[1] - heights[0] >= 0.05


def test_coverage_is_in_per_cent(axes):
    funnel.plot_coverage(axes, [("one", "flat", [0.1, 0.3], 0.5), ("two", "helm", [1.0], None)])
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([20.0, 100.0])
    assert texts(axes) == ["20.0 %", "100.0 %"]


def test_what_a_fit_keeps_is_in_per_cent_with_a_dot_a_seed(axes):
    funnel_studies.plot_kept(axes, [("one", "helm", [0.1, 0.2], [0.01, 0.02]), ("two", "flat", [0.3], [0.3])])
    shown = [sorted(line.get_xdata()) for line in axes.lines if line.get_marker() != "None"]
    assert shown == [pytest.approx(part) for part in ([10.0, 20.0], [1.0, 2.0], [30.0], [30.0])]
    assert texts(axes) == ["slow ripples", "fast ripple"]
    assert axes.get_xlim()[0] < 0.0 and axes.get_xlim()[1] > 30.0


def test_coverage_against_dimension_goes_through_the_means_and_its_labels_do_not_meet(axes):
    curves = [(name, "helm", "-", [[1.0, 1.0], [0.5, 0.7]]) for name in ("one", "two", "three")]
    funnel_studies.plot_dimensions(axes, [2, 4], [*curves, ("full", "flat", "-", [[1.0], [1.0]])])
    assert list(axes.lines[0].get_ydata()) == pytest.approx([100.0, 60.0])
    assert sorted(axes.lines[2].get_ydata()) == pytest.approx([50.0, 70.0])
    heights = sorted(text.xyann[1] for text in axes.texts)
    assert all(b - a >= 8 for a, b in itertools.pairwise(heights)) and heights[-1] <= 102


def test_tables_of_chapter_two_say_what_their_records_hold():
    exp2, plans = records.load("exp2"), records.load("plans")
    covered = funnel_studies.coverage_table(exp2, 0.03).data
    assert "| the energy itself, safe step | **3.0 %** |" in covered
    share = 100 * exp2["metrics"]["coverage_helm_recipe"]["mean"]
    assert f"| invariance, the report's setting | **{share:.1f} %**" in covered and "| 96.4 % |" in covered
    planned = funnel_studies.plans_table(plans).data
    assert planned.count("\n|") == 1 + len(funnel_studies.PLANNED) and planned.count("not run") == 3
    assert f"| the cost itself, one plan | **{100 * plans['metrics']['success_plan_raw']['mean']:.0f} %**" in planned


def test_the_lowest_points_are_away_from_the_centre():
    found = funnel_studies.two_goals()
    assert 0.5 < found["away"] < 1.5 and found["top"] == report_energy().highest_curvature()
    finer = start_grid(half_width=1.5, points=1001).double()
    assert found["deep"] == pytest.approx(float(report_energy()(finer).min()), abs=1e-3)


def test_overlong_steps_leave_few_starts_inside_and_not_always_as_many():
    found = funnel_studies.overlong_steps()
    assert 0.02 < found["least"] < found["most"] < 0.1


def test_the_gain_of_noise_is_that_of_the_record():
    plans = records.load("plans")
    mean = plans["metrics"]["success_plan_mollified"]["mean"] - plans["metrics"]["success_plan_raw"]["mean"]
    assert funnel_studies.noise_gain(plans).startswith(f"+{100 * mean:.0f} points (")
