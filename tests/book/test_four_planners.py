"""Figures of *Four planners*: what they draw and write is what the package computes."""

import math

import matplotlib.pyplot as plt
import pytest
import torch

from helm_book.figures import four_planners as deeper
from helm_book.figures.cliff import drawn_system
from helm_study import records
from helm_study.cliff.cliff_planning import TOLERANCE, BentSystem, draw_tasks
from helm_tutorial.cliff.conditioning import lifted_condition
from helm_tutorial.cliff.lqr import plan_feedback
from helm_tutorial.rollouts import rollout


@pytest.fixture(scope="module")
def record():
    return records.load("exp1")


def cells(table) -> list[list[str]]:
    """The rows of a Markdown table, without its head."""
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.data.splitlines()[2:]]


def test_courses_are_those_of_the_planner_on_the_bent_system():
    world = BentSystem(drawn_system(num_actions=4), 0.3)
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
    assert numbers["lifted_four"] == pytest.approx(lifted_condition(drawn_system(num_actions=4), 50))
    assert numbers["held_four"] < 100 < numbers["held_one"]
    system = drawn_system()
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
    planners = {row[0]: row[1:] for row in cells(deeper.planners_table(record))}
    assert len(planners) == 8 and planners["Adam"][2] == "not run"
    held = metrics["plan_success_system_feedback_T50_A4"]
    assert planners["feedback inside the rollout"][1].startswith(f"**{100 * held['mean']:.0f} %** (")
    twice = cells(deeper.scored_twice_table(record))
    own = metrics["plan_success_model_helm_T50_A4"]["mean"]
    cell = next(row[2] for row in twice if row[:2] == ["HELM, four actions", "50"])
    assert cell.startswith(f"**{100 * own:.0f} %**")
