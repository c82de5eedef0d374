"""Episodes on the real environment, and diagnoses on latents whose answers are known."""

import pytest
import torch
from minigrid.minigrid_env import MiniGridEnv

from helm_study.play import (
    Planning,
    blind_search,
    from_own_start,
    learned_rollout_jacobian,
    path_ratio,
    plain_planner,
    play,
    play_randomly,
    played_starts,
    report_planner,
    success_rate,
)
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.planning.episodes import execute
from helm_tutorial.planning.plan import Plan
from helm_tutorial.worlds.gridworld import geodesic_distances, goal_distances, load_gridworld


@pytest.fixture(scope="module")
def world():
    return load_gridworld("MiniGrid-Empty-6x6-v0")


def table_planner(world, length: int):
    """Breadth-first search as a planner: an oracle, fit only for testing the player."""
    to_goal = goal_distances(world)

    def planner(observations):
        plans = []
        for observation in observations:
            state = int((world.features == observation).all(dim=1).nonzero()[0, 0])
            plan = []
            for _ in range(length):
                plan.append(int(to_goal[world.transitions[state]].argmin()))
                state = int(world.transitions[state, plan[-1]])
            plans.append(plan)
        zeros = torch.zeros(len(plans))
        return Plan(torch.tensor(plans), zeros, 7)

    return planner


@pytest.mark.parametrize("replan", [True, False])
def test_shortest_paths_are_played_as_shortest_paths(world, replan):
    episodes = execute(world, table_planner(world, 12), world.starts, limit=12, replan=replan)
    assert bool(episodes.success.all())
    assert torch.equal(episodes.steps.float(), goal_distances(world)[world.starts])
    assert bool((episodes.final_distance == 0).all())
    assert path_ratio(episodes, goal_distances(world)) == 1.0
    assert from_own_start(world, episodes) == (True, 0.0)
    assert episodes.model_calls == 7


def test_success_is_what_the_environment_rewards(world, monkeypatch):
    """An episode that ends on the goal's cell without a reward is over, and no success."""
    monkeypatch.setattr(MiniGridEnv, "_reward", lambda self: 0)
    episodes = execute(world, table_planner(world, 12), [world.start], limit=12)
    assert episodes.final_distance.tolist() == [0.0] and episodes.success.tolist() == [False]


def test_visited_states_follow_the_transitions(world):
    episodes = play_randomly(world, Planning(limit=3.0), seed=0)
    for row, steps in zip(episodes.states, episodes.steps.tolist(), strict=True):
        walked = row[: steps + 1]
        assert bool((world.transitions[walked[:-1]] == walked[1:, None]).any(dim=1).all())
        assert bool((row[steps + 1 :] == -1).all())


def test_an_episode_ends_at_its_limit_or_with_its_plan(world):
    def turn_left(observations):
        zeros = torch.zeros(len(observations))
        return Plan(torch.zeros(len(observations), 3, dtype=torch.long), zeros)

    assert execute(world, turn_left, [world.start], limit=9).steps.tolist() == [9]
    assert execute(world, turn_left, [world.start], limit=9, replan=False).steps.tolist() == [3]
    with pytest.raises(ValueError, match="starts must name at least one state"):
        execute(world, turn_left, [], limit=9)


def test_playing_repeats_with_its_seed_and_leaves_the_model_trainable(world):
    model = WorldModel(world.features.shape[1], 3, latent=8, hidden=16, generator=torch.Generator().manual_seed(0))
    planning = Planning(horizon=4, steps=5, restarts=2, limit=1.0, stride=7)
    first, again = (play(world, model, planning, seed=1) for _ in range(2))
    assert torch.equal(first.states, again.states)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_own_start_is_always_played(world):
    starts = played_starts(world, Planning(stride=7))
    assert world.start in starts.tolist() and not set(starts.tolist()) & set(world.goals.tolist())
    assert len(played_starts(world, Planning())) == world.states - 4


def test_planner_variants_change_what_they_say():
    ours = Planning()
    assert (plain_planner(ours).restarts, plain_planner(ours).decode_every, plain_planner(ours).replan) == (1, 50, True)
    report = report_planner(ours)
    assert (report.over, report.replan, report.restarts, report.horizon) == ("terminal", False, 1, 25)
    with pytest.raises(ValueError, match="restarts must be at least 1, got 0"):
        Planning(restarts=0)


def test_learned_rollout_jacobian_of_an_expansion_is_its_power(world):
    class Doubling:
        def encode(self, features):
            return features[:, :4]

        def __call__(self, z, a):
            return 2 * z + 0 * a.sum(dim=-1, keepdim=True)

    assert learned_rollout_jacobian(world, Doubling(), 10, seed=0) == pytest.approx(2**10 * 4**0.5, rel=1e-5)


def test_success_rate_is_a_share(world):
    episodes = execute(world, table_planner(world, 12), world.starts, limit=3)
    assert success_rate(episodes) == pytest.approx(float((goal_distances(world)[world.starts] <= 3).float().mean()))
    assert geodesic_distances(world).shape == (world.states, world.states)


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
