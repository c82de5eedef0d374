"""Swaps, their first-order changes, and the search that makes them."""

import pytest
import torch
from walker import ACTIONS, DISCRETE, HORIZON, problem, seeded, walker

from helm_tutorial.planning.cost import closest_approach, final_distance, mean_distance
from helm_tutorial.planning.local_search import PROPOSALS, LocalSearchPlanner, swap_changes
from helm_tutorial.planning.plan import imagined_cost, score


@pytest.mark.parametrize("cost", [mean_distance, final_distance, closest_approach])
def test_changes_are_derivatives_towards_the_swapped_plan(cost):
    draws = seeded(1)
    z0, goal = torch.randn(4, 2, generator=draws, dtype=torch.float64), torch.tensor([[9.0, 8.0]], dtype=torch.float64)
    plans = torch.randint(ACTIONS, (4, 2, HORIZON), generator=draws)
    found, change = swap_changes(walker, z0, goal, plans, num_actions=ACTIONS, cost=cost)
    assert torch.allclose(found, score(walker, z0, goal, plans, num_actions=ACTIONS, cost=cost))
    assert not change.gather(3, plans.unsqueeze(3)).any()
    corner = torch.eye(ACTIONS, dtype=torch.float64)
    for t in range(HORIZON):
        for k in range(ACTIONS):
            mixed = corner[plans].clone()
            mixed[:, :, t] = (1 - 1e-6) * mixed[:, :, t] + 1e-6 * corner[k]
            moved = imagined_cost(walker, z0, goal, mixed, cost)
            assert torch.allclose((moved - found) / 1e-6, change[:, :, t, k], atol=1e-4)


def test_where_every_effect_is_added_up_first_order_is_exact():
    """On a line with the goal ahead of all, the distance is linear in the actions."""
    steps = torch.tensor([[0.0], [1.0], [2.0]])

    def line(z, a):
        return z + a @ steps

    z0, goal, plan = torch.zeros(1, 1), torch.tensor([[100.0]]), torch.tensor([[[0, 2, 1, 1]]])
    cost, change = swap_changes(line, z0, goal, plan, num_actions=3)
    for t in range(4):
        for k in range(3):
            swapped = plan.clone()
            swapped[0, 0, t] = k
            true = score(line, z0, goal, swapped, num_actions=3) - cost
            assert float(change[0, 0, t, k]) == pytest.approx(float(true), abs=1e-4)


@pytest.mark.parametrize("proposals", PROPOSALS)
def test_more_rounds_never_cost_more(proposals):
    few = {"restarts": 1, "swaps": 2, "proposals": proposals}
    costs = [
        LocalSearchPlanner(**DISCRETE, **few, rounds=rounds)(walker, *problem(), generator=seeded(2)).cost
        for rounds in (1, 2, 4)
    ]
    assert bool((costs[1] <= costs[0]).all()) and bool((costs[2] <= costs[1]).all())


def test_a_swap_that_only_looks_better_is_not_made():
    """The best of what is imagined is kept, so with one round nothing is worse than the plan that it began with."""
    begun = torch.randint(ACTIONS, (6, HORIZON), generator=seeded(3))
    found = LocalSearchPlanner(**DISCRETE, rounds=1, restarts=1)(walker, *problem(), warm_start=begun)
    assert bool((found.cost <= score(walker, *problem(), begun[:, None], num_actions=ACTIONS)[:, 0]).all())


def test_two_swaps_at_once_are_tried():
    """Neither alone helps here: only both together reach the goal."""

    def last_only(z, a):  # the second coordinate counts how often action 1 was taken; the first is what that costs
        count = z[..., 1:] + a[..., 1:]
        return torch.cat([(count - 2.0) ** 2 * (count + 0.9), count], dim=-1)

    z0, goal = torch.zeros(1, 2), torch.tensor([[0.0, 2.0]])
    planner = LocalSearchPlanner(horizon=2, num_actions=2, rounds=1, restarts=1, swaps=2, cost=final_distance)
    plan = planner(last_only, z0, goal, warm_start=torch.zeros(1, 2).long())
    assert plan.actions.tolist() == [[1, 1]] and float(plan.cost) < 1e-3
