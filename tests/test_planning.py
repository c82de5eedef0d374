"""Planners against exhaustive search on worlds small enough to search, and the promises of a Plan."""

from itertools import pairwise

import pytest
import torch

from helm_tutorial.planning import (
    Iterate,
    goal_cost,
    plan_cross_entropy,
    plan_exhaustive,
    plan_gradient,
    plan_random_shooting,
    score,
)
from helm_tutorial.rollout import rollout

ACTIONS, HORIZON = 3, 5
MOVES = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-0.5, -0.5]])


def walker(z: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
    """A point in the plane that each action moves its own way, on slightly curved ground."""
    return z + a @ MOVES + 0.05 * torch.sin(3 * z)


@pytest.fixture
def problem():
    z0 = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    return z0, torch.tensor([[2.0, 2.0]])


PLANNERS = {
    "gradient": lambda *p, **k: plan_gradient(*p, steps=40, restarts=12, **k),
    "cross entropy": lambda *p, **k: plan_cross_entropy(*p, iterations=6, samples=150, elites=15, **k),
    "random shooting": lambda *p, **k: plan_random_shooting(*p, samples=1500, **k),
}


@pytest.mark.parametrize("over", ["rollout", "terminal"])
@pytest.mark.parametrize("planner", PLANNERS)
def test_planners_find_the_optimum_or_nearly(problem, planner, over):
    z0, goal = problem
    best = plan_exhaustive(walker, z0, goal, HORIZON, actions=ACTIONS, over=over)
    plan = PLANNERS[planner](
        walker, z0, goal, HORIZON, actions=ACTIONS, generator=torch.Generator().manual_seed(1), over=over
    )
    assert bool((plan.cost >= best.cost - 1e-6).all())
    # The next best plans are a few per cent worse; within 10 % is the optimum or its neighbour.
    assert bool((plan.cost <= 1.1 * best.cost + 0.02).all())


@pytest.mark.parametrize("planner", PLANNERS)
def test_cost_is_that_of_the_plan_that_is_executed(problem, planner):
    z0, goal = problem
    plan = PLANNERS[planner](walker, z0, goal, HORIZON, actions=ACTIONS, generator=torch.Generator().manual_seed(2))
    rescored = score(walker, z0, goal, plan.actions[:, None], actions=ACTIONS)[:, 0]
    assert torch.allclose(plan.cost, rescored)
    # Step by step, with nothing of the package but the model.
    z, total = z0, torch.zeros(len(z0))
    for t in range(HORIZON):
        z = walker(z, torch.eye(ACTIONS)[plan.actions[:, t]])
        total += (z - goal).norm(dim=1) / HORIZON
    assert torch.allclose(plan.cost, total, atol=1e-5)


@pytest.mark.parametrize("planner", PLANNERS)
def test_seed_decides_and_nothing_else(problem, planner):
    z0, goal = problem

    def plan(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return PLANNERS[planner](walker, z0, goal, HORIZON, actions=ACTIONS, generator=generator).actions

    first = plan(3)
    torch.manual_seed(99)
    assert torch.equal(first, plan(3))


def test_best_plan_seen_is_kept_not_the_last(problem):
    z0, goal = problem
    costs = [
        plan_gradient(
            walker,
            z0,
            goal,
            HORIZON,
            actions=ACTIONS,
            steps=steps,
            restarts=3,
            decode_every=1,
            lr=3.0,  # far too large: iterates jump about
            generator=torch.Generator().manual_seed(4),
        ).cost
        for steps in (5, 10, 20, 40)
    ]
    for earlier, later in pairwise(costs):
        assert bool((later <= earlier).all())


def test_watching_changes_nothing(problem):
    z0, goal = problem

    def plan(**watching):
        generator = torch.Generator().manual_seed(7)
        options = {"steps": 23, "restarts": 4, "decode_every": 5}
        return plan_gradient(walker, z0, goal, HORIZON, actions=ACTIONS, generator=generator, **options, **watching)

    def spoil(iterate: Iterate) -> None:
        iterate.probabilities.zero_()
        iterate.cost.zero_()
        if iterate.decoded is not None:
            iterate.decoded.zero_()
            iterate.decoded_cost.zero_()

    alone = plan()
    for watch in ([].append, spoil):
        watched = plan(watch=watch)
        assert torch.equal(alone.actions, watched.actions) and torch.equal(alone.cost, watched.cost)
        assert torch.equal(alone.relaxed_cost, watched.relaxed_cost) and alone.model_calls == watched.model_calls


def test_what_is_watched_costs_what_it_says(problem):
    z0, goal = problem
    seen: list[Iterate] = []
    plan = plan_gradient(
        walker,
        z0,
        goal,
        HORIZON,
        actions=ACTIONS,
        generator=torch.Generator().manual_seed(7),
        steps=23,
        restarts=4,
        decode_every=5,
        watch=seen.append,
    )
    assert [iterate.updates for iterate in seen] == list(range(23))
    for iterate in seen:
        assert iterate.probabilities.shape == (len(z0), 4, HORIZON, ACTIONS) and iterate.cost.shape == (len(z0), 4)
        latents = rollout(walker, z0.repeat_interleave(4, dim=0), iterate.probabilities.flatten(0, 1))[:, 1:]
        assert torch.allclose(goal_cost(latents, goal).view(-1, 4), iterate.cost)
    scored = [iterate for iterate in seen if iterate.decoded is not None]
    assert [iterate.updates + 1 for iterate in scored] == [5, 10, 15, 20, 23]
    for iterate in scored:
        assert torch.equal(score(walker, z0, goal, iterate.decoded, actions=ACTIONS), iterate.decoded_cost)
    assert torch.equal(plan.cost, torch.cat([iterate.decoded_cost for iterate in scored], dim=1).min(dim=1).values)
    assert torch.equal(plan.relaxed_cost, torch.cat([i.cost for i in seen], dim=1).min(dim=1).values)


def test_exhaustive_search_agrees_with_a_loop():
    z0, goal = torch.zeros(1, 2), torch.tensor([[1.0, 1.0], [5.0, 5.0]])
    plan = plan_exhaustive(walker, z0, goal, 2, actions=ACTIONS)
    costs = {}
    for first in range(3):
        for second in range(3):
            z1 = walker(z0, torch.eye(3)[[first]])
            z2 = walker(z1, torch.eye(3)[[second]])
            costs[first, second] = sum(float(torch.cdist(z, goal).min()) for z in (z1, z2)) / 2
    assert tuple(plan.actions[0].tolist()) == min(costs, key=costs.get)
    assert float(plan.cost) == pytest.approx(min(costs.values()), abs=1e-5)


def test_model_calls_are_counted():
    calls = 0

    def counting(z, a):
        nonlocal calls
        calls += len(z)
        return walker(z, a)

    z0, goal = torch.zeros(2, 2), torch.ones(1, 2)
    for planner in PLANNERS.values():
        calls = 0
        plan = planner(counting, z0, goal, HORIZON, actions=ACTIONS, generator=torch.Generator().manual_seed(0))
        assert calls == len(z0) * plan.model_calls


def test_cost_takes_the_nearest_goal_and_has_a_gradient_at_it():
    latents = torch.tensor([[[0.0, 0.0], [3.0, 4.0]]], requires_grad=True)
    goal = torch.tensor([[0.0, 0.0], [3.0, 3.0]])
    cost = goal_cost(latents, goal)
    assert cost.item() == pytest.approx(0.5, abs=1e-5)
    assert float(goal_cost(latents, goal, over="terminal")) == pytest.approx(1.0, abs=1e-5)
    cost.sum().backward()
    assert bool(latents.grad.isfinite().all())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizon": 0}, "horizon must be at least 1, got 0"),
        ({"restarts": 0}, "restarts must be at least 1, got 0"),
        ({"lr": 0.0}, "lr must be finite and greater than 0.0"),
        ({"over": "sum"}, "over must be one of 'rollout', 'terminal', got 'sum'"),
        ({"goal": torch.zeros(1, 3)}, r"goal must have shape \(G, 2\), got \(1, 3\)"),
        ({"z0": torch.zeros(2)}, r"z0 must have shape \(B, D\), got \(2,\)"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {"z0": torch.zeros(1, 2), "goal": torch.zeros(1, 2), "horizon": 3, **change}
    with pytest.raises(ValueError, match=message):
        plan_gradient(walker, actions=3, generator=torch.Generator(), **arguments)


def test_absurd_searches_are_refused():
    with pytest.raises(ValueError, match=r"horizon must keep actions \*\* horizon at most 100000, got 3 \*\* 20"):
        plan_exhaustive(walker, torch.zeros(1, 2), torch.zeros(1, 2), 20, actions=3)
    with pytest.raises(ValueError, match="elites must be between 1 and 10, got 20"):
        plan_cross_entropy(
            walker,
            torch.zeros(1, 2),
            torch.zeros(1, 2),
            3,
            actions=3,
            generator=torch.Generator(),
            samples=10,
            elites=20,
        )
