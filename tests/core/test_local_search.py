"""Swaps and their first-order changes, local search, and plans that are kept from one decision to the next."""

import pytest
import torch

from helm_study.play import Planning, play
from helm_study.rivals import swaps
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.planning.episodes import execute
from helm_tutorial.planning.gradient import plan_gradient
from helm_tutorial.planning.local_search import PROPOSALS, plan_local_search, swap_changes
from helm_tutorial.planning.plan import COSTS, Plan, goal_cost, score
from helm_tutorial.planning.search import plan_cross_entropy
from helm_tutorial.rollouts import rollout
from helm_tutorial.worlds.gridworld import load_gridworld

ACTIONS, HORIZON = 3, 5
MOVES = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-0.5, -0.5]])


def walker(z: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
    return z + a @ MOVES.to(a.dtype) + 0.05 * torch.sin(3 * z)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def problem():
    return torch.randn(6, 2, generator=seeded(0)), torch.tensor([[2.0, 2.0]])


@pytest.fixture(scope="module")
def room():
    return load_gridworld("MiniGrid-Empty-5x5-v0")


@pytest.mark.parametrize("over", COSTS)
def test_changes_are_derivatives_towards_the_swapped_plan(over):
    draws = seeded(1)
    z0, goal = torch.randn(4, 2, generator=draws, dtype=torch.float64), torch.tensor([[9.0, 8.0]], dtype=torch.float64)
    plans = torch.randint(ACTIONS, (4, HORIZON), generator=draws)
    cost, change = swap_changes(walker, z0, goal, plans, actions=ACTIONS, over=over)
    assert torch.allclose(cost, score(walker, z0, goal, plans[:, None], actions=ACTIONS, over=over)[:, 0])
    assert torch.equal(change.gather(2, plans.unsqueeze(2)), torch.zeros(4, HORIZON, 1, dtype=torch.float64))
    corner = torch.eye(ACTIONS, dtype=torch.float64)
    for t in range(HORIZON):
        for k in range(ACTIONS):
            mixed = corner[plans].clone()
            mixed[:, t] = (1 - 1e-6) * mixed[:, t] + 1e-6 * corner[k]
            moved = goal_cost(rollout(walker, z0, mixed)[:, 1:], goal, over=over)
            assert torch.allclose((moved - cost) / 1e-6, change[:, t, k], atol=1e-4)


def test_where_every_effect_is_added_up_first_order_is_exact():
    """On a line with the goal ahead of all, the distance is linear in the actions."""
    steps = torch.tensor([[0.0], [1.0], [2.0]])

    def line(z, a):
        return z + a @ steps

    z0, goal = torch.zeros(1, 1), torch.tensor([[100.0]])
    plan = torch.tensor([[0, 2, 1, 1]])
    cost, change = swap_changes(line, z0, goal, plan, actions=3)
    for t in range(4):
        for k in range(3):
            swapped = plan.clone()
            swapped[0, t] = k
            true = score(line, z0, goal, swapped[:, None], actions=3)[0, 0] - cost[0]
            assert float(change[0, t, k]) == pytest.approx(float(true), abs=1e-4)


@pytest.mark.parametrize("proposals", PROPOSALS)
def test_more_rounds_never_cost_more(problem, proposals):
    z0, goal = problem
    costs = [
        plan_local_search(
            walker, z0, goal, HORIZON, actions=ACTIONS, generator=seeded(2), rounds=rounds, restarts=1, swaps=2
        ).cost
        for rounds in (1, 2, 4)
    ]
    assert bool((costs[1] <= costs[0]).all()) and bool((costs[2] <= costs[1]).all())


def test_a_swap_that_only_looks_better_is_not_made(problem):
    """The best of what is imagined is kept, so with one round nothing is worse than the plan that it began with."""
    z0, goal = problem
    begun = torch.randint(ACTIONS, (len(z0), HORIZON), generator=seeded(3))
    found = plan_local_search(
        walker, z0, goal, HORIZON, actions=ACTIONS, generator=seeded(4), rounds=1, restarts=1, kept=begun
    )
    assert bool((found.cost <= score(walker, z0, goal, begun[:, None], actions=ACTIONS)[:, 0]).all())


def test_two_swaps_at_once_are_tried():
    """Neither alone helps here: only both together reach the goal."""

    def last_only(z, a):  # the second coordinate counts how often action 1 was taken; the first is what that costs
        count = z[..., 1:] + a[..., 1:]
        return torch.cat([(count - 2.0) ** 2 * (count + 0.9), count], dim=-1)

    z0, goal = torch.zeros(1, 2), torch.tensor([[0.0, 2.0]])
    options = {"rounds": 1, "restarts": 1, "swaps": 2, "over": "terminal", "kept": torch.zeros(1, 2).long()}
    plan = plan_local_search(last_only, z0, goal, 2, actions=2, generator=seeded(0), **options)
    assert plan.actions.tolist() == [[1, 1]] and float(plan.cost) < 1e-3


@pytest.mark.parametrize("over", COSTS)
@pytest.mark.parametrize("planner", [plan_local_search, plan_cross_entropy])
def test_the_best_plan_kept_is_found_again(problem, planner, over):
    z0, goal = problem
    options = {"actions": ACTIONS, "over": over}
    best = plan_local_search(walker, z0, goal, HORIZON, generator=seeded(5), restarts=20, rounds=8, **options)
    again = planner(walker, z0, goal, HORIZON, generator=seeded(6), kept=best.actions, **options)
    assert bool((again.cost <= best.cost + 1e-6).all())
    shorter = planner(walker, z0, goal, HORIZON, generator=seeded(6), kept=best.actions[:, 1:], **options)
    assert shorter.actions.shape == (len(z0), HORIZON)


def test_descent_begins_where_the_kept_plan_is(problem):
    z0, goal = problem
    kept = torch.randint(ACTIONS, (len(z0), HORIZON), generator=seeded(1))
    options = {"actions": ACTIONS, "restarts": 1, "steps": 1, "lr": 1e-6, "spread": 0.0}
    plan = plan_gradient(walker, z0, goal, HORIZON, generator=seeded(2), kept=kept, **options)
    assert torch.equal(plan.actions, kept)


@pytest.mark.parametrize("planner", [plan_local_search, plan_cross_entropy, plan_gradient])
def test_kept_plans_must_fit(problem, planner):
    z0, goal = problem
    for kept in (torch.zeros(5, 3).long(), torch.zeros(6, HORIZON + 1).long(), torch.zeros(6).long()):
        with pytest.raises(ValueError, match="kept"):
            planner(walker, z0, goal, HORIZON, actions=ACTIONS, generator=seeded(0), kept=kept)


def test_proposals_are_two(problem):
    with pytest.raises(ValueError, match="proposals"):
        plan_local_search(walker, *problem, HORIZON, actions=ACTIONS, generator=seeded(0), proposals="luck")


def test_an_episode_hands_on_what_is_left_of_each_plan(room):
    heard = []

    def planner(observations, kept):
        heard.append(None if kept is None else kept.clone())
        step = 10 * len(heard)
        actions = torch.full((len(observations), 1), 2)  # forward, all of them
        later = torch.arange(step, step + 3).expand(len(observations), 3)
        nothing = torch.zeros(len(observations))
        return Plan(torch.cat([actions, later], dim=1), nothing)

    faces_goal = room.index((2, 3), 0)  # arrives with its first step
    episodes = execute(room, planner, [room.start, faces_goal], limit=3, keep=True)
    assert episodes.success.tolist() == [False, True]
    assert heard[0] is None
    assert heard[1].tolist() == [[10, 11, 12]]  # of the one that is still under way
    assert heard[2].tolist() == [[20, 21, 22]]


def test_only_planners_that_can_keep_a_plan_are_asked_to(room):
    model = WorldModel(room.features.shape[1], 3, latent=4, hidden=8, generator=seeded(0))
    with pytest.raises(ValueError, match="keep"):
        play(room, model, Planning(horizon=3), 0, by="greedy", keep=True)
    with pytest.raises(ValueError, match="keep"):
        play(room, model, Planning(horizon=3, replan=False), 0, by="local search", keep=True)


def test_ranking_swaps_is_what_it_says(room):
    """Against a loop over swaps, without the code that lists them."""
    model = WorldModel(room.features.shape[1], 3, latent=4, hidden=8, sphere=True, generator=seeded(0))
    predicted, true = swaps.swap_table(room, model, 4, 7, plans=3)
    assert predicted.shape == true.shape == (3, 8)
    draws = seeded(7)
    starts = room.starts[torch.randint(len(room.starts), (3,), generator=draws)]
    plans = torch.randint(3, (3, 4), generator=draws)
    with torch.no_grad():
        z0, goal = model.encode(room.features[starts]), model.encode_goal(room.features[room.goals])
    for row in range(3):
        found = []
        for t in range(4):
            for k in range(3):
                if k != plans[row, t]:
                    other = plans[row].clone()
                    other[t] = k
                    pair = torch.stack([other, plans[row]])[None]
                    costs = score(model, z0[row : row + 1], goal, pair, actions=3)[0]
                    found.append(float(costs[0] - costs[1]))
        assert true[row].tolist() == pytest.approx(found, abs=1e-6)
    ranked = swaps.rank_swaps(room, model, 4, 7, plans=3)
    assert -1 <= ranked["rank_correlation"] <= 1 and 0 <= ranked["first_lowers"] <= 1
