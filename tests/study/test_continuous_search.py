"""Searches on plans of real numbers: they spend what they say, find what they should, and name what does not fit."""

import math

import pytest
import torch

from helm_study.rivals import many_controls
from helm_study.rivals.continuous_search import (
    search_cross_entropy,
    search_gradient,
    search_path_integral,
    search_random,
)
from helm_study.rivals.many_controls import Config, draw_problem

SEARCHES = {
    search_gradient: {"restarts": 4, "steps": 50, "lr": 0.05},
    search_cross_entropy: {"iterations": 10, "samples": 20},
    search_path_integral: {"iterations": 10, "samples": 20},
    search_random: {"samples": 200, "spread": 1.0},
}
TARGET = torch.tensor([0.5, -0.3, 0.2], dtype=torch.float64)


def bowl(plans):
    return (plans - TARGET).square().sum(dim=1)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.__name__)
def test_a_search_spends_its_budget_and_keeps_the_best_plan_it_evaluated(search):
    seen = []

    def watched(plans):
        costs = bowl(plans)
        seen.append((plans.detach().clone(), costs.detach()))
        return costs

    found = search(watched, 3, generator(), **SEARCHES[search])
    plans, costs = (torch.cat(parts) for parts in zip(*seen, strict=True))
    assert found.evaluations == len(plans) == 200
    assert found.cost == float(costs.min()) == float(bowl(found.plan[None])[0])
    assert found.cost < 0.5 * float(bowl(torch.zeros(1, 3))[0])
    again = search(bowl, 3, generator(), **SEARCHES[search])
    assert torch.equal(again.plan, found.plan)


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.__name__)
def test_a_plan_whose_cost_is_no_number_hides_no_other(search):
    found = search(lambda plans: torch.where(plans[:, 0] > 0.2, math.nan, bowl(plans)), 3, generator())
    assert math.isfinite(found.cost) and float(found.plan[0]) <= 0.2


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        search_random(bowl, 0, generator())
    with pytest.raises(ValueError, match="lr must be finite and greater than 0"):
        search_gradient(bowl, 3, generator(), lr=0.0)
    with pytest.raises(ValueError, match="spread must be finite and greater than 0"):
        search_path_integral(bowl, 3, generator(), spread=-1.0)
    with pytest.raises(ValueError, match="elite_share must be"):
        search_cross_entropy(bowl, 3, generator(), elite_share=2.0)
    with pytest.raises(ValueError, match="dimension must be at least 16, got 4"):
        Config(dimension=4)
    with pytest.raises(ValueError, match="evaluations must be a multiple of 40, got 41"):
        Config(evaluations=41)


@pytest.mark.parametrize(("controls", "horizon"), [(1, 5), (4, 12), (16, 25)])
def test_the_best_plan_is_where_the_gradient_vanishes(controls, horizon):
    problem = draw_problem(Config(), controls, horizon, generator())
    assert problem.size == controls * horizon
    plan = problem.best().clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(problem.cost(plan[None]).sum(), plan)
    assert float(gradient.norm()) < 1e-10
    nothing = float(problem.cost(torch.zeros(1, problem.size, dtype=torch.float64))[0])
    assert nothing == pytest.approx(1.0)  # the world only turns: a start of length 1 keeps its length
    assert problem.excess(nothing) == pytest.approx(1.0)
    assert problem.excess(float(problem.cost(plan[None])[0].detach())) == pytest.approx(0.0, abs=1e-12)


def test_every_search_evaluates_as_many_plans(monkeypatch):
    found = []
    plain = many_controls._search
    monkeypatch.setattr(many_controls, "_search", lambda *a: (found.append(plain(*a)), found[-1])[1])
    monkeypatch.setattr(many_controls, "HORIZONS", (5,))
    arms = many_controls.measure(Config(evaluations=80), [0], lambda message, fraction: None)
    values = {name: value for arm in arms.values() for name, value in arm()[0].items()}
    assert {result.evaluations for result in found} == {80}
    assert len(found) == len(many_controls.CONTROLS) * sum(1 + len(s) for _, s in many_controls.SEARCHES.values())
    assert all(value > -1e-9 for value in values.values())
