"""Plans of many real numbers: every search spends its budget, and the best plan is known."""

import pytest
import torch

from helm_study.rivals.many_controls import SEARCHES, Config, Problem, draw_problem


def drawn(controls: int, horizon: int) -> Problem:
    return draw_problem(Config(), controls, horizon, torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("controls", "horizon"), [(1, 5), (4, 12), (16, 25)])
def test_the_best_plan_is_where_the_gradient_vanishes(controls, horizon):
    problem = drawn(controls, horizon)
    assert problem.size == controls * horizon
    plan = problem.best().clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(problem.cost(plan[None]).sum(), plan)
    assert float(gradient.norm()) < 1e-10
    nothing = float(problem.cost(torch.zeros(1, problem.size, dtype=torch.float64))[0])
    assert nothing == pytest.approx(1.0)  # the world only turns: a start of length 1 keeps its length
    assert problem.excess(nothing) == pytest.approx(1.0)
    assert problem.excess(float(problem.cost(plan[None])[0].detach())) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_pays_for_its_controls_and_spends_its_budget(name):
    problem = drawn(4, 5)
    make, choices = SEARCHES[name]
    costs = []
    for settings in choices:
        plan = problem.plan(make, 40, 0, **settings)
        assert plan.model_calls == 40 * problem.horizon
        assert float(plan.cost) == pytest.approx(float(problem.cost(plan.actions.flatten(1))[0]), rel=1e-12)
        assert plan.actions.dtype == torch.float64
        costs.append(float(plan.cost))
    assert min(costs) < 1.0


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="dimension must be at least 16, got 4"):
        Config(dimension=4)
    with pytest.raises(ValueError, match="evaluations must be a multiple of 40, got 41"):
        Config(evaluations=41)
