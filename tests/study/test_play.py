"""How the studies play: planners from recorded settings, rules, starts, and what is said of an episode."""

from dataclasses import replace

import pytest
import torch

from helm_study import play as studies
from helm_study.play import Planning, blind_search, learned_rollout_jacobian, play, played_starts
from helm_study.rivals import rivals, swaps
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.planning.episodes import Episodes
from helm_tutorial.planning.plan import score
from helm_tutorial.worlds.gridworld import goal_distances, load_gridworld

SMALL = Planning(horizon=4, steps=5, restarts=2, limit=1.0, stride=7)
MAKERS = {
    **{name: make for _, (name, make) in (rivals.RIVALS | swaps.PLANNERS).items()},
    "greedy": studies.greedy_planner,
    "bounded": studies.bounded_planner,
}


@pytest.fixture(scope="module")
def world():
    return load_gridworld("MiniGrid-Empty-6x6-v0")


@pytest.fixture(scope="module")
def model(world):
    generator = torch.Generator().manual_seed(0)
    return WorldModel(world.features.shape[1], 3, latent=8, hidden=16, generator=generator)


@pytest.mark.parametrize("name", MAKERS)
def test_playing_repeats_with_its_seed_and_leaves_the_model_trainable(world, model, name):
    planner = MAKERS[name](SMALL)
    for warm in (False, True):
        first, again = (play(world, model, planner, SMALL, 1, warm_start=warm) for _ in range(2))
        assert torch.equal(first.states, again.states)
        assert torch.equal(first.states[:, 0], played_starts(world, SMALL))
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_planners_with_a_budget_imagine_no_more_than_the_gradient_planner(world, model):
    planning = Planning(horizon=3, steps=20, restarts=4, decode_every=10)
    assert planning.plans == 4 * 22
    z0, goal = model.encode(world.features[:2]).detach(), model.encode_goal(world.goal)
    for name, make in MAKERS.items():
        calls = make(planning)(model, z0, goal).model_calls
        assert name == "greedy" or planning.horizon * (planning.plans - 24) < calls <= planning.horizon * planning.plans


def test_a_bounded_gradient_plans_on_the_same_costs(world, model):
    z0, goal = model.encode(world.features[:2]).detach(), model.encode_goal(world.goal).detach()
    plan = studies.bounded_planner(replace(SMALL, over="closest"))(model, z0, goal)
    cost = score(model, z0, goal, plan.actions[:, None], num_actions=3, cost=studies.COSTS["closest"])
    assert torch.allclose(plan.cost, cost[:, 0])


def test_planner_variants_change_what_they_say(world):
    ours = Planning()
    plain, report = studies.plain_planner(ours), studies.one_plan_planner(ours)
    assert (plain.restarts, plain.decode_every, plain.replan) == (1, 50, True)
    assert (report.over, report.replan, report.restarts, report.horizon) == ("terminal", False, 1, 25)
    assert studies.episode_limit(world, report) == 25
    for bad, message in (({"restarts": 0}, "restarts must be at least 1"), ({"over": "sum"}, "over must be one of")):
        with pytest.raises(ValueError, match=message):
            Planning(**bad)


def test_what_is_said_of_an_episode(world):
    to_goal, limit = goal_distances(world), studies.episode_limit(world, Planning(limit=9.0))
    starts = played_starts(world, Planning())
    episodes = studies.play_randomly(world, 0, starts, limit=limit)
    won, last = episodes.success, episodes.states.gather(1, episodes.steps[:, None])[:, 0]
    assert 0 < int(won.sum()) < len(won)
    distance = studies.final_distance(world, episodes)
    for row in range(len(starts)):
        cells = (world.positions[last[row]] - world.positions[world.goals]).double().norm(dim=1)
        assert float(distance[row]) == pytest.approx(float(cells.min()), abs=1e-6)
    assert bool((distance[won] == 0).all()) and bool((distance[~won] > 0).all())
    row = starts.tolist().index(world.start)
    assert studies.from_own_start(world, episodes) == (bool(won[row]), float(distance[row]))
    ratio = sum(float(n) / float(to_goal[s]) for n, s in zip(episodes.steps[won], starts[won], strict=True)) / won.sum()
    assert studies.path_ratio(episodes, to_goal) == pytest.approx(float(ratio))
    shortest = Episodes(torch.tensor([True]), to_goal[[world.start]].long(), torch.tensor([[world.start]]), 0)
    assert studies.path_ratio(shortest, to_goal) == 1.0


def test_learned_rollout_jacobian_of_an_expansion_is_its_power(world):
    class Doubling:
        def encode(self, features):
            return features[:, :4]

        def __call__(self, z, a):
            return 2 * z + 0 * a.sum(dim=-1, keepdim=True)

    assert learned_rollout_jacobian(world, Doubling(), 10, seed=0) == pytest.approx(2**10 * 4**0.5, rel=1e-5)


def test_blind_search_arrives_by_reach_and_by_wandering(world):
    draws = torch.Generator().manual_seed(0)
    to_goal = goal_distances(world)[world.starts]

    def arrive(horizon, plans, limit):
        return blind_search(world, horizon, plans, limit=limit, generator=draws)

    # Of one step, many plans: the goal is entered at once where it is one step away, and only there.
    assert torch.equal(arrive(1, 60, 1), to_goal == 1)
    # With plans enough to hold every sequence, the shortest way is found wherever it is no longer than a plan.
    assert bool(arrive(5, 20_000, 5)[to_goal <= 5].all())
    assert not bool(arrive(5, 20_000, 5)[to_goal > 5].any())
    # Wandering brings the goal within reach.
    shares = [torch.stack([arrive(3, 40, limit) for _ in range(5)]).double().mean() for limit in (3, 10, 60)]
    assert shares[0] < shares[1] < shares[2]
    with pytest.raises(ValueError, match="plans must be at least 1, got 0"):
        blind_search(world, 3, 0, limit=5, generator=draws)
