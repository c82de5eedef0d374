"""Planning by gradient: what is descended, what is returned, and how actions are relaxed."""

import math
from itertools import pairwise

import pytest
import torch
from walker import ACTIONS, DISCRETE, HORIZON, REAL, problem, seeded, walker

from helm_tutorial.planning.cost import closest_approach, final_distance, mean_distance
from helm_tutorial.planning.gradient import FINAL_TEMPERATURE, RELAXATIONS, GradientPlanner, Iterate, relax
from helm_tutorial.planning.plan import imagined_cost, score
from helm_tutorial.rollouts import rollout

COSTS = (mean_distance, final_distance, closest_approach)


def watched(seed=8, **options):
    """A plan and its iterates: 5 restarts of 30 steps, decoded at each of them, unless options say otherwise."""
    seen: list[Iterate] = []
    usual = {"steps": 30, "restarts": 5, "decode_every": 1, "watch": seen.append}
    planner = GradientPlanner(**DISCRETE | usual | options)
    return planner(walker, *problem(), generator=seeded(seed)), seen


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_what_is_watched_costs_what_it_says_and_watching_changes_nothing(relaxation):
    z0, goal = problem()
    few = {"relaxation": relaxation, "steps": 23, "restarts": 4, "decode_every": 5, "seed": 7}
    plan, seen = watched(**few)
    assert [iterate.updates for iterate in seen] == list(range(23))
    for iterate in seen:
        assert iterate.actions.shape == (6, 4, HORIZON, ACTIONS) and iterate.cost.shape == (6, 4)
        assert bool((iterate.actions >= 0).all())
        assert torch.allclose(iterate.actions.sum(dim=-1), torch.ones(1))
        assert torch.allclose(imagined_cost(walker, z0, goal, iterate.actions), iterate.cost)
    scored = [iterate for iterate in seen if iterate.decoded is not None]
    assert [iterate.updates + 1 for iterate in scored] == [5, 10, 15, 20, 23]
    for iterate in scored:
        assert torch.equal(score(walker, z0, goal, iterate.decoded, num_actions=ACTIONS), iterate.decoded_cost)
    assert torch.equal(plan.cost, torch.cat([iterate.decoded_cost for iterate in scored], dim=1).min(dim=1).values)
    assert torch.equal(plan.relaxed_cost, torch.cat([i.cost for i in seen], dim=1).min(dim=1).values)

    def spoil(iterate: Iterate) -> None:
        for part in (iterate.actions, iterate.cost):
            part.zero_()

    for watch in (None, spoil):
        again, _ = watched(**few, watch=watch)
        assert torch.equal(plan.actions, again.actions) and torch.equal(plan.relaxed_cost, again.relaxed_cost)


def test_every_real_iterate_is_a_plan():
    z0, goal = problem()
    seen: list[Iterate] = []
    planner = GradientPlanner(**REAL, steps=9, restarts=3, lr=0.5, watch=seen.append)
    plan = planner(walker, z0, goal, generator=seeded(1))
    low, high = torch.tensor(REAL["low"]), torch.tensor(REAL["high"])
    for iterate in seen:
        assert bool(((iterate.actions >= low) & (iterate.actions <= high)).all())
        assert torch.allclose(score(walker, z0, goal, iterate.actions), iterate.cost)
    assert torch.equal(plan.cost, torch.cat([iterate.cost for iterate in seen], dim=1).min(dim=1).values)
    assert bool((seen[-1].actions == high).any()) and plan.relaxed_cost is None  # Adam did run against the bounds


@pytest.mark.parametrize("cost", COSTS)
def test_the_default_is_adam_on_the_softmax_of_the_logits(cost):
    """Adam's first step is its step size against the sign of each derivative, whatever the derivative's size."""
    _, seen = watched(cost=cost)
    logits = torch.randn(6, 5, HORIZON, ACTIONS, generator=seeded(8)).requires_grad_()
    assert torch.allclose(seen[0].actions, logits.softmax(-1))
    found = imagined_cost(walker, *problem(), logits.softmax(-1), cost)
    assert torch.allclose(seen[0].cost, found)
    (slope,) = torch.autograd.grad(found.sum(), logits)
    moved = logits.detach() - 0.3 * slope / (slope.abs() + 1e-8)
    assert torch.allclose(seen[1].actions, moved.softmax(-1), atol=1e-3)
    assert torch.equal(seen[0].decoded, moved.argmax(-1))


def cost_of_logits(logits, relaxation, cost):
    """Cost in float64 of three rollouts of six steps; noise, where there is any, is the same at every call."""
    z0 = torch.tensor([[0.0, 0.0], [1.0, -1.0], [0.3, 0.8]], dtype=torch.float64)
    goal = torch.tensor([[1.1, 0.7], [-1.0, -0.5]], dtype=torch.float64)
    actions = relax(logits, relaxation, progress=0.4, generator=seeded(5))
    return cost(rollout(walker, z0, actions)[:, 1:], goal)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("relaxation", [name for name in RELAXATIONS if name != "straight-through"])
def test_gradient_agrees_with_finite_differences(relaxation, cost):
    logits = torch.randn(3, 6, ACTIONS, generator=seeded(6), dtype=torch.float64).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: cost_of_logits(x, relaxation, cost), logits, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("cost", COSTS)
def test_straight_through_costs_what_the_decoded_plan_costs(cost):
    plan, seen = watched(cost=cost, relaxation="straight-through")
    for iterate in seen:
        assert torch.equal(iterate.actions, (iterate.actions == 1).float())
        plans = iterate.actions.argmax(dim=-1)
        assert torch.equal(iterate.cost, score(walker, *problem(), plans, num_actions=ACTIONS, cost=cost))
    for before, after in pairwise(seen):
        assert torch.equal(before.decoded, after.actions.argmax(dim=-1))
    # Every plan but the first and the last is both costed as an iterate and scored as a decoded plan.
    first, last = seen[0].cost.min(dim=1).values, seen[-1].decoded_cost.min(dim=1).values
    assert torch.equal(torch.minimum(plan.cost, first), torch.minimum(plan.relaxed_cost, last))


def test_straight_through_has_the_gradient_of_the_softmax():
    logits = torch.randn(20, 4, generator=seeded(9), requires_grad=True)
    weights = torch.randn(20, 4, generator=seeded(10))
    hard, soft = (
        torch.autograd.grad((relax(logits, name, progress=0.5, generator=seeded(0)) * weights).sum(), logits)[0]
        for name in ("straight-through", "softmax")
    )
    assert torch.equal(hard, soft) and hard.abs().max() > 0.01


def test_annealed_starts_as_the_softmax_and_ends_nearly_one_hot():
    _, seen = watched(relaxation="annealed", steps=60)
    _, plain = watched(steps=60)
    assert torch.equal(seen[0].actions, plain[0].actions)
    largest = torch.stack([iterate.actions.max(dim=-1).values for iterate in seen])
    assert largest[0].mean() < 0.7
    assert largest[-1].median() > 0.9999 and (largest[-1] > 0.99).float().mean() > 0.95
    assert (plain[-1].actions.max(dim=-1).values > 0.99).float().mean() < 0.3


def test_the_temperature_falls_geometrically_from_one():
    logits = torch.tensor([0.0, 1.0, -2.0], dtype=torch.float64)
    temperatures = []
    for progress in (0.0, 0.25, 0.5, 0.75, 1.0):
        p = relax(logits, "annealed", progress=progress, generator=torch.Generator())
        temperatures.append(1 / math.log(float(p[1] / p[0])))
    assert temperatures[0] == pytest.approx(1.0) and temperatures[-1] == pytest.approx(FINAL_TEMPERATURE)
    ratios = [later / earlier for earlier, later in pairwise(temperatures)]
    assert ratios == pytest.approx([FINAL_TEMPERATURE**0.25] * 4)


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_one_step_is_enough_for_every_relaxation(relaxation):
    plan, seen = watched(relaxation=relaxation, steps=1)
    assert len(seen) == 1 and bool(plan.cost.isfinite().all()) and plan.model_calls == 5 * HORIZON * 2


def test_gumbel_draws_fresh_noise_from_the_generator_alone():
    plan, seen = watched(relaxation="gumbel")
    torch.manual_seed(99)
    again, _ = watched(relaxation="gumbel")
    assert torch.equal(plan.actions, again.actions) and torch.equal(plan.relaxed_cost, again.relaxed_cost)
    _, other = watched(relaxation="gumbel", seed=9)
    assert not torch.allclose(seen[0].actions, other[0].actions)
    # The initial logits are those of the softmax; what differs is the noise, fresh at every step.
    _, plain = watched(lr=1e-12)
    _, noisy = watched(lr=1e-12, relaxation="gumbel")
    noise = [torch.log(a.actions) - torch.log(b.actions) for a, b in zip(noisy, plain, strict=True)]
    assert not torch.allclose(noise[0], noise[1], atol=1e-2)


def test_gumbel_samples_are_largest_as_often_as_the_softmax_says():
    logits = torch.tensor([0.0, 1.0, -1.0, 0.5]).expand(40_000, 4)
    samples = relax(logits, "gumbel", progress=0.0, generator=seeded(10))
    often = torch.bincount(samples.argmax(dim=1), minlength=4) / len(samples)
    assert torch.allclose(often, logits[0].softmax(dim=0), atol=0.01)
    # The difference of two standard Gumbel variables is standard logistic, of variance pi^2 / 3.
    difference = torch.log(samples[:, 1] / samples[:, 0])
    assert difference.mean().item() == pytest.approx(1.0, abs=0.04)
    assert difference.var().item() == pytest.approx(math.pi**2 / 3, rel=0.05)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_every_relaxation_reaches_the_goal(relaxation, cost):
    moves = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [0.0, 0.0]])

    def point(z, a):
        return z + a @ moves

    z0, goal = torch.tensor([[0.0, 0.0], [3.0, -1.0], [4.0, 1.0], [2.0, -2.0]]), torch.tensor([[2.0, -1.0]])
    plan = GradientPlanner(horizon=5, num_actions=5, cost=cost, relaxation=relaxation)(point, z0, goal)
    path = rollout(point, z0, torch.eye(5)[plan.actions])[:, 1:]
    arrivals = (path - goal).norm(dim=-1) < 1e-5
    assert bool((arrivals[:, -1] if cost is final_distance else arrivals.any(dim=1)).all())
