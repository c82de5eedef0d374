"""Study ``plans``: its planners spend the same budget, its smoothing averages, and the record says what was found."""

from dataclasses import replace

import pytest
import torch
from record_span import hold_to_seeds

from helm_study import records, reproduce
from helm_study.funnel import plan_mollification as plans
from helm_study.funnel.plan_mollification import PLANNERS, STUDY, Config
from helm_tutorial.planning import cost
from helm_tutorial.planning.plan import score

MOVES = torch.tensor([[-1.0], [0.0], [1.0]])


def line(z, a):
    return z + a @ MOVES


def made(planner, config, z0, goal, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return plans.plan_once(config, planner, line, z0, goal, cost.mean_distance, 3, generator)


@pytest.mark.parametrize("planner", PLANNERS)
def test_every_planner_imagines_its_budget_and_no_more(planner):
    config, seen = Config(horizon=5, budget=128), []
    z0, goal = torch.zeros(2, 1), torch.tensor([[3.0]])

    def counted(z, a):
        seen.append(len(z))
        return line(z, a)

    generator = torch.Generator().manual_seed(0)
    plan = plans.plan_once(config, planner, counted, z0, goal, cost.mean_distance, 3, generator)
    imagined = sum(seen) / 5 / 2  # rollouts a start, the last scoring among them
    extra = {"search": 0, "restarts": 8 - 8}.get(planner, 1)
    assert imagined == 128 + extra
    assert plan.actions.shape == (2, 5)
    again = score(line, z0, goal, plan.actions[:, None], num_actions=3)[:, 0]
    assert torch.allclose(again, plan.cost)


def test_all_planners_come_near_on_a_line_and_the_restarts_find_the_best_plan():
    config, best = Config(horizon=5, budget=256), (2 + 1 + 0 + 0 + 0) / 5
    for planner in PLANNERS:
        plan = made(planner, config, torch.zeros(1, 1), torch.tensor([[3.0]]))
        assert best - 1e-5 <= float(plan.cost[0]) <= best + (1e-5 if planner == "restarts" else 0.41), planner


def test_rows_of_the_energy_are_samples_of_starts():
    z0, goal = torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0]])
    energy = plans.plan_energy(line, z0, goal, cost.final_distance, 3)
    x = torch.randn(6, 12, generator=torch.Generator().manual_seed(0))  # three samples of two starts, four actions
    actions = x.view(6, 4, 3).softmax(-1)
    ends = z0.repeat(3, 1) + (actions @ MOVES).sum(1)
    assert torch.allclose(energy(x), (ends[:, 0] - 2).abs(), atol=1e-5)


def test_local_minima_are_below_all_neighbours():
    table = torch.tensor([[0.0, 1.0, 2.0], [1.0, 3.0, 1.0], [2.0, 1.0, 0.5]])
    assert plans.local_minima(table).nonzero().tolist() == [[0, 0], [2, 2]]
    assert not plans.local_minima(torch.ones(3, 3)).any()


def test_a_slice_without_noise_is_the_cost_of_its_plans():
    config = Config(horizon=4)
    draw = torch.Generator().manual_seed(3)
    table = plans.cost_slice(config, line, torch.zeros(1, 1), torch.tensor([[2.0]]), 0.0, draw)
    plan = torch.randn(4, 3, generator=draw.manual_seed(3))
    plan[0], plan[1] = torch.tensor([-6.0, 6.0, 2.0]), torch.tensor([6.0, -6.0, 2.0])
    energy = plans.plan_energy(line, torch.zeros(1, 1), torch.tensor([[2.0]]), cost.mean_distance, 3)
    assert float(table[-1, 0]) == pytest.approx(float(energy(plan.view(1, -1))))


def test_what_the_chapter_says_was_found_is_in_the_record():
    metrics = records.load("plans")["metrics"]

    def beats(one, other):
        return records.paired(metrics, f"success_plan_{one}", f"success_plan_{other}").low > 0

    assert beats("mollified", "raw") and beats("mollified_double", "raw")
    assert metrics["success_plan_coarse_to_fine"]["mean"] < metrics["success_plan_mollified_double"]["mean"]
    assert all(beats("restarts", name) for name in PLANNERS if name != "restarts")
    gap = records.paired(metrics, "success_plan_search", "success_plan_mollified_double")
    assert gap.low < 0 < gap.high
    minima = records.paired(metrics, "minima_plan_mollified", "minima_plan_raw")
    assert abs(minima.mean) < 0.5, "averaging hardly changes the number of local minima"


@pytest.mark.whole
def test_a_part_of_the_record_comes_out_again():
    config = reproduce.configure("plans")
    config = replace(config, starts=20)
    found = STUDY.run(config, 0, only=["mollified"])
    hold_to_seeds("plans", "success_plan_mollified", found["success_plan_mollified"], 0.2)
    hold_to_seeds("plans", "cost_plan_mollified", found["cost_plan_mollified"], 0.03)
