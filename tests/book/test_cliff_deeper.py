"""Figures of chapter 1's pages in *Going deeper*: what they draw and write is what the package computes."""

import math

import matplotlib.pyplot as plt
import pytest
import torch

from helm_book.figures import cliff_deeper as deeper
from helm_study import records
from helm_study.cliff.cliff_planning import TOLERANCE, BentSystem, draw_tasks
from helm_tutorial.cliff.closed_forms import action_jacobian, lyapunov_limit, ridge_optimum
from helm_tutorial.cliff.conditioning import lifted_condition
from helm_tutorial.cliff.linear_system import spectral_radius
from helm_tutorial.cliff.lqr import plan_feedback
from helm_tutorial.rollouts import rollout


@pytest.fixture(scope="module")
def record():
    return records.load("exp1")


def cells(table) -> list[list[str]]:
    """The rows of a Markdown table, without its head."""
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.data.splitlines()[2:]]


def test_growth_is_of_the_chosen_eigenvalue_and_has_a_limit_only_below_one():
    for matrix in deeper.COUPLINGS:
        norms, values, limit = deeper.grown(0.95, matrix)
        system = deeper.drawn_system(low=0.75, high=0.95, coupling=deeper.COUPLINGS[matrix])
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


def test_the_weight_slider_says_radius_and_error_of_the_shrunk_model(live):
    system = deeper.drawn_system()
    box = deeper.explore_shrinkage(system, {0.1: ridge_optimum(system, 0.1)})
    box.inputs["weight"].index = deeper.WEIGHTS.index(0.1)
    radius, error = 1.3 / 1.4, 100 * 0.4 / 1.4
    assert f"spectral radius {radius:.3f}, below 1" in box.caption.value
    assert f"{error:.1f}\N{NO-BREAK SPACE}%" in box.caption.value


def test_courses_are_those_of_the_planner_on_the_bent_system():
    world = BentSystem(deeper.drawn_system(num_actions=4), 0.3)
    tasks = draw_tasks(world, 0, trials=deeper.TASKS, horizon=deeper.HORIZON)
    plan = plan_feedback(world, tasks.starts, tasks.goals, deeper.HORIZON, num_actions=4, steps=5)
    ends = (rollout(world, tasks.starts, plan.actions)[:, -1] - tasks.goals).norm(dim=1)
    _, real, share = deeper.courses()["feedback inside", 5]
    assert float(real[-1]) == pytest.approx(float(ends.median()), rel=1e-6)
    assert share == float((ends.square() < TOLERANCE).double().mean())
    assert set(deeper.courses()) == {(name, n) for name in deeper.COURSES for n in deeper.ITERATIONS}
    # a state may move on its own in multiple shooting, and no imagined end misses the goal
    assert float(deeper.courses()["multiple shooting", 1][0][-1]) <= 1e-9


def test_conditions_are_drawn_with_their_bounds_on_the_right_side():
    figure = plt.figure(figsize=(7.2, 3.4), layout="constrained")
    deeper.plot_both_conditions(figure, (10, 20))
    for axes in figure.axes:
        actions, below, lifted, above = (torch.as_tensor(list(line.get_ydata())) for line in axes.lines)
        assert (actions >= below * (1 - 1e-9)).all() and (lifted <= above * (1 + 1e-9)).all()
    plt.close(figure)


def test_numbers_of_the_sentences():
    numbers = deeper.settled_conditions()
    assert numbers["lifted_four"] == pytest.approx(lifted_condition(deeper.drawn_system(num_actions=4), 50))
    assert numbers["held_four"] < 100 < numbers["held_one"]
    system = deeper.drawn_system()
    gaps, tasks = deeper.first_gaps(system, 10), draw_tasks(BentSystem(system, 0.0), 0, trials=50, horizon=10)
    rolled = rollout(system, tasks.starts, tasks.starts.new_zeros(50, 10, 1))[:, -1] - tasks.goals
    assert torch.allclose(gaps.norm(dim=1), rolled.norm(dim=1))
    assert deeper.gap_numbers()["second_10"] == pytest.approx(float(gaps[:, 2].abs().median()))


def test_without_feedback_single_precision_carries_less_far_than_double():
    double, single, held = deeper.blind_ends(50)
    assert double < single and held < TOLERANCE**0.5
    numbers = deeper.precision_numbers()
    assert numbers["rule_double"] == pytest.approx(math.log(0.1**0.5 * 2**52) / math.log(1.3))
    assert numbers["seen_single"] < numbers["seen_double"]


def test_a_more_wrong_model_does_not_plan_better():
    blind, held = ([int(row[k].removesuffix(" %")) for row in cells(deeper.model_error_table())] for k in (1, 2))
    assert blind[0] > blind[-1]
    assert all(with_feedback >= without for without, with_feedback in zip(blind, held, strict=True))


def test_tables_hold_the_record(record):
    metrics = record["metrics"]
    norms = {row[0]: row[1:] for row in cells(deeper.norms_table(record))}
    radii = metrics["spectral_radius_helm"]["values"]
    assert norms["exact penalty"][1] == f"{min(radii):.2f} to {max(radii):.2f}"
    planners = {row[0]: row[1:] for row in cells(deeper.planners_table(record))}
    assert len(planners) == 8 and planners["Adam"][2] == "not run"
    held = metrics["plan_success_system_feedback_T50_A4"]
    assert planners["feedback inside the rollout"][1].startswith(f"**{100 * held['mean']:.0f} %** (")
    twice = cells(deeper.scored_twice_table(record))
    own = metrics["plan_success_model_helm_T50_A4"]["mean"]
    cell = next(row[2] for row in twice if row[:2] == ["HELM, four actions", "50"])
    assert cell.startswith(f"**{100 * own:.0f} %**")
    ratio = deeper.least_ratio(record, "jacobian_true_T50", "jacobian_helm_T50")
    pairs = zip(*(metrics[f"jacobian_{name}_T50"]["values"] for name in ("true", "helm")), strict=True)
    assert ratio == min(a / b for a, b in pairs)


def test_the_reports_figures_are_placed_among_the_networks():
    metrics = {
        "jacobian_flat_relu_T50": {"values": [100.0, 2000.0, 9000.0], "reported": 1712.0},
        "jacobian_helm_relu_T50": {"values": [200.0, 20.0, 30.0], "reported": 90.0},
    }
    numbers = deeper.network_numbers({"metrics": metrics})
    assert (numbers["networks"], numbers["lowered"]) == (3, 2)
    assert (numbers["below_flat"], numbers["below_printed"]) == (1, 2)
    assert [numbers[name] for name in ("least", "middle", "most")] == pytest.approx([0.5, 100.0, 300.0])
    assert numbers["reported"] == pytest.approx(19.02, abs=0.01)
