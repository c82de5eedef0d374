"""Episodes, in MiniGrid and in a world of the test's own that is neither a grid nor linear."""

import pytest
import torch
from minigrid.minigrid_env import MiniGridEnv
from torch import nn
from walker import seeded

from helm_tutorial.planning.episodes import run_episodes, success_rate
from helm_tutorial.planning.gradient import GradientPlanner
from helm_tutorial.planning.plan import Plan
from helm_tutorial.worlds.gridworld import goal_distances, load_gridworld


@pytest.fixture(scope="module")
def grid():
    return load_gridworld("MiniGrid-Empty-5x5-v0")


class Seen:
    """No model at all: a planner is shown what is observed."""

    def encode(self, observations):
        return observations


def oracle(world, length):
    """Breadth-first search as a planner, fit only for testing the player."""
    to_goal = goal_distances(world)

    def planner(model, z0, goal, *, generator, warm_start):
        assert warm_start is None and torch.equal(goal, world.features[world.goals])
        state, plan = torch.cdist(z0, world.features).argmin(dim=1), []
        for _ in range(length):
            plan.append(to_goal[world.transitions[state]].argmin(dim=1))
            state = world.transitions[state].gather(1, plan[-1][:, None])[:, 0]
        return Plan(torch.stack(plan, dim=1), torch.zeros(len(z0)), 7)

    return planner


@pytest.mark.parametrize("replan", [True, False])
def test_shortest_paths_are_played_as_shortest_paths(grid, replan):
    told, to_goal = [], goal_distances(grid)
    episodes = run_episodes(
        grid, Seen(), oracle(grid, 12), grid.starts, limit=12, replan=replan, progress=lambda *now: told.append(now)
    )
    assert bool(episodes.success.all()) and episodes.model_calls == 7
    assert torch.equal(episodes.steps.float(), to_goal[grid.starts])
    assert told == [(step + 1, 12) for step in range(int(to_goal.max()))]
    for row, steps in zip(episodes.states, episodes.steps.tolist(), strict=True):
        walked = row[: steps + 1]
        assert bool((grid.transitions[walked[:-1]] == walked[1:, None]).any(dim=1).all())
        assert bool((row[steps + 1 :] == -1).all())
    few = run_episodes(grid, Seen(), oracle(grid, 12), grid.starts, limit=3, replan=replan)
    assert success_rate(few) == pytest.approx(float((to_goal[grid.starts] <= 3).float().mean()))


def test_success_is_what_the_environment_rewards(grid, monkeypatch):
    """An episode that ends on the goal's cell without a reward is over, and no success."""
    monkeypatch.setattr(MiniGridEnv, "_reward", lambda self: 0)
    episodes = run_episodes(grid, Seen(), oracle(grid, 12), [grid.start], limit=12)
    assert int(episodes.states[0, episodes.steps[0]]) in grid.goals.tolist()
    assert episodes.success.tolist() == [False] and int(episodes.steps[0]) < 12


def test_an_episode_ends_at_its_limit_or_with_its_plan(grid):
    def turn_left(model, z0, goal, **options):
        return Plan(torch.zeros(len(z0), 3).long(), torch.zeros(len(z0)))

    assert run_episodes(grid, Seen(), turn_left, [grid.start], limit=9).steps.tolist() == [9]
    assert run_episodes(grid, Seen(), turn_left, [grid.start], limit=9, replan=False).steps.tolist() == [3]


def test_an_episode_hands_on_what_is_left_of_each_plan(grid):
    heard = []

    def planner(model, z0, goal, *, generator, warm_start):
        heard.append(warm_start)
        actions = torch.full((len(z0), 1), 2)  # forward, all of them
        later = torch.arange(10 * len(heard), 10 * len(heard) + 3).expand(len(z0), 3)
        return Plan(torch.cat([actions, later], dim=1), torch.zeros(len(z0)))

    faces_goal = grid.index((2, 3), 0)  # arrives with its first step
    episodes = run_episodes(grid, Seen(), planner, [grid.start, faces_goal], limit=3, warm_start=True)
    assert episodes.success.tolist() == [False, True]
    assert heard[0] is None
    assert heard[1].tolist() == [[10, 11, 12]]  # of the one that is still under way
    assert heard[2].tolist() == [[20, 21, 22]]


# ---------------------------------------------------------------- a world of one's own


class Pond:
    """A swimmer in a whirl, pushed by two real numbers; seen are its angle's cosine and sine, and its distance."""

    num_actions = 2

    def __init__(self):
        self.goal = self.see(torch.tensor([[0.5, 0.0]]))

    def see(self, states):
        radius = states.norm(dim=1, keepdim=True)
        return torch.cat([states / radius, radius], dim=1)

    def move(self, states, actions):
        across = torch.stack([-states[:, 1], states[:, 0]], dim=1)
        return states + 0.2 * across / (0.1 + states.square().sum(dim=1, keepdim=True)) + 0.3 * actions

    def simulate(self, starts):
        return Swims(self, starts)


class Swims:
    def __init__(self, pond, starts):
        self.pond, self.states = pond, starts.clone()
        self.success = self.over = (starts - torch.tensor([0.5, 0.0])).norm(dim=1) < 0.1

    def observe(self):
        return self.pond.see(self.states)

    def step(self, actions, rows):
        assert actions.shape == (len(rows), 2) and bool((actions.abs() <= 1).all())
        self.states[rows] = self.pond.move(self.states[rows], actions)
        self.success = (self.states - torch.tensor([0.5, 0.0])).norm(dim=1) < 0.1
        self.over = self.success | (self.states.norm(dim=1) > 9.0)


class Swimmer(nn.Module):
    """Latents are positions; the whirl is known up to a factor that would be learned."""

    def __init__(self, pond):
        super().__init__()
        self.pond, self.factor = pond, nn.Parameter(torch.tensor(1.0))
        self.drop = nn.Dropout(0.5)

    def encode(self, seen):
        return self.drop(seen[:, :2] * seen[:, 2:])

    def forward(self, z, a):
        return z + self.factor * (self.pond.move(z, a) - z)


def test_a_gradient_planner_plays_a_world_and_a_model_of_ones_own():
    pond = Pond()
    model = Swimmer(pond)
    starts = torch.tensor([[-1.5, 0.3], [0.5, 0.02], [0.2, 1.4], [8.9, 0.0]])
    planner = GradientPlanner(horizon=8, low=[-1.0, -1.0], high=[1.0, 1.0], steps=30, restarts=4, lr=0.1)
    first, again = (
        run_episodes(pond, model, planner, starts, limit=15, generator=seeded(0), warm_start=True) for _ in range(2)
    )
    assert first.success.tolist() == [True, True, True, False]
    assert first.steps[1] == 0 and first.steps[3] == 15  # one has arrived before it begins, one is too far away
    assert first.states.shape == (4, 16, 2) and bool(first.states[1, 1:].isnan().all())
    assert torch.equal(first.states.nan_to_num(), again.states.nan_to_num())
    assert model.training and model.factor.requires_grad
    once = run_episodes(pond, model, planner, starts, limit=15, generator=seeded(0), replan=False)
    assert int(once.steps.max()) == 8


def test_what_cannot_be_played_is_refused(grid):
    planner = GradientPlanner(num_actions=3)
    for starts, options, message in (
        ([], {}, "starts must name at least one state"),
        ([-1], {}, "starts must lie between 0 and 35, got -1"),
        ([36], {}, "starts must lie between 0 and 35, got 36"),
        ([0], {"limit": 0}, "limit must be at least 1, got 0"),
        ([0], {"warm_start": True, "replan": False}, "warm_start must be False where replan is"),
    ):
        with pytest.raises(ValueError, match=message):
            run_episodes(grid, Seen(), planner, starts, **{"limit": 5} | options)
