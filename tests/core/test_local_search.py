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


@pytest.mark.parametrize("proposals", PROPOSALS)
def test_more_rounds_never_cost_more(proposals):
    few = {"restarts": 1, "swaps": 2, "proposals": proposals}
    costs = [
        LocalSearchPlanner(**DISCRETE, **few, rounds=rounds)(walker, *problem(), generator=seeded(2)).cost
        for rounds in (1, 2, 4)
    ]
    assert bool((costs[1] <= costs[0]).all()) and bool((costs[2] <= costs[1]).all())


def test_two_swaps_at_once_are_tried():
    """Neither alone helps here: only both together reach the goal."""

    def last_only(z, a):  # the second coordinate counts how often action 1 was taken; the first is what that costs
        count = z[..., 1:] + a[..., 1:]
        return torch.cat([(count - 2.0) ** 2 * (count + 0.9), count], dim=-1)

    z0, goal = torch.zeros(1, 2), torch.tensor([[0.0, 2.0]])
    planner = LocalSearchPlanner(horizon=2, num_actions=2, rounds=1, restarts=1, swaps=2, cost=final_distance)
    plan = planner(last_only, z0, goal, warm_start=torch.zeros(1, 2).long())
    assert plan.actions.tolist() == [[1, 1]] and float(plan.cost) < 1e-3
