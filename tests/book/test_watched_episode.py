"""A watched episode is the one that is played, and its explorer shows what was watched."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helm_book.explorer.controls import check_controls
from helm_book.explorer.scene import Scene, Stage
from helm_book.figures.planner import explore_planner, planner_scene
from helm_book.figures.rooms import agent_at, trail
from helm_book.figures.watched_episode import jumps, watch_episode
from helm_study.fast.baselines import untrained
from helm_study.play import Planning, gradient_planner, play
from helm_tutorial.models.settings import LatentPrediction
from helm_tutorial.models.world_model import one_hot_actions
from helm_tutorial.planning.cost import mean_distance
from helm_tutorial.planning.plan import score
from helm_tutorial.rollouts import rollout
from helm_tutorial.worlds.gridworld import ACTIONS

PLANNING = Planning(horizon=4, steps=11, restarts=3, decode_every=4, limit=1.0)


@pytest.fixture(scope="module")
def model(world):
    return untrained(world, LatentPrediction(), seed=0)


@pytest.fixture(scope="module")
def episode(world, model):
    return watch_episode(world, model, PLANNING, seed=3, iterates=6)


def test_it_is_the_episode_that_is_played(world, model, episode):
    played = play(world, model, gradient_planner(PLANNING), PLANNING, seed=3, starts=[world.start])
    assert torch.equal(episode.states, played.states[0][played.states[0] >= 0])
    assert episode.success == bool(played.success[0])
    assert len(episode.decisions) == len(episode.states) - 1 == int(played.steps[0])
    for t, decision in enumerate(episode.decisions):
        assert decision.state == episode.states[t]
        assert world.transitions[decision.state, decision.plan[0]] == episode.states[t + 1]


def test_every_decision_costs_what_it_says(world, model, episode):
    z = model.encode(world.features).detach()
    goal = z[world.goals]
    for decision in episode.decisions:
        assert decision.updates.tolist() == [0, 2, 4, 6, 8, 10] and decision.scored.tolist() == [4, 8, 11]
        assert decision.cost.shape == (6, 3) and decision.decoded_cost.shape == (3, 3)
        start = z[[decision.state]]
        with torch.no_grad():
            imagined = rollout(model, start.expand(6, -1), decision.probabilities)
            kept = rollout(model, start, one_hot_actions(decision.plan, 3)[None])[0]
        assert torch.allclose(mean_distance(imagined[:, 1:], goal), decision.cost[:, decision.followed], atol=1e-5)
        assert float(score(model, start, goal, decision.plan[None, None], num_actions=3)) == pytest.approx(
            decision.plan_cost, abs=1e-5
        )
        assert decision.plan_cost == float(decision.decoded_cost.min())
        assert torch.equal(decision.imagined, torch.cdist(imagined, z).argmin(dim=2))
        assert torch.equal(decision.plan_imagined, torch.cdist(kept, z).argmin(dim=1))


def test_jumps_are_moves_that_no_action_makes(world):
    path = [world.start]
    for action in (2, 1, 2, 0, 0):
        path.append(int(world.transitions[path[-1], action]))
    assert jumps(world, torch.tensor(path)) == 0
    assert jumps(world, torch.tensor([world.index((1, 1), 0), world.index((3, 3), 0), world.index((3, 3), 2)])) == 2


def test_what_cannot_be_watched_is_refused(world, model):
    with pytest.raises(ValueError, match="planning must replan"):
        watch_episode(world, model, replace(PLANNING, replan=False), seed=0)
    with pytest.raises(ValueError, match="iterates must be at least 2, got 1"):
        watch_episode(world, model, PLANNING, seed=0, iterates=1)


def test_explorer_shows_what_was_watched(world, episode):
    build, move, controls = planner_scene(world, episode, "#D55E00")
    assert controls["decision"] == list(range(1, len(episode.decisions) + 1))
    assert controls["iteration"].values == [0, 2, 4, 6, 8, 10, 11]
    d = episode.decisions[1]
    numbers, caption = move(decision=2, iteration=8)
    assert np.allclose(numbers["plan"], d.probabilities[4].T)
    assert numbers["cost"][0].tolist() == [0, 2, 4, 6, 8]
    assert np.allclose(numbers["cost"][1], d.cost[:5, d.followed])
    assert numbers["decoded"][0].tolist() == [4, 8]
    assert np.array_equal(np.stack(numbers["imagined"], axis=1), world.positions[d.imagined[4]])
    assert np.array_equal(numbers["walked"], trail(world, episode.states[:2]))
    assert np.array_equal(numbers["agent"], agent_at(world, int(episode.states[1])))
    assert f"costs {float(d.cost[4, d.followed]):.2f}" in caption and "iteration 8" in caption
    numbers, caption = move(decision=2, iteration=11)
    assert np.array_equal(numbers["plan"], one_hot_actions(d.plan, 3).T)
    assert np.array_equal(numbers["walked"], trail(world, episode.states[:3]))
    assert np.array_equal(numbers["agent"], agent_at(world, int(episode.states[2])))
    assert numbers["kept"][1].tolist() == [d.plan_cost]
    assert f"taken: {ACTIONS[int(d.plan[0])]}" in caption
    _, caption = move(decision=len(episode.decisions), iteration=11)
    assert ("reaches the goal" if episode.success else "not arrived") in caption
    checked = check_controls(controls, {}, {})
    for figsize in ((7.4, 4.3), (3.4, 8.0)):
        stage = Stage(Scene(build, move, checked), figsize, 1.0)
        stage.give(numbers)
        assert set(stage.artists) == set(numbers)


def test_explorer_bounds_its_decisions(world, episode, monkeypatch):
    monkeypatch.setenv("HELM_EXPLORER", "static")
    explorer = explore_planner(world, episode, title="t", color="#D55E00", most=2)
    assert explorer.combinations == 2 * 7
    with pytest.raises(ValueError, match="most must be at least 2, got 1"):
        explore_planner(world, episode, title="t", color="#D55E00", most=1)
