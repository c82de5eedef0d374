"""Explorers of chapter 1: their sliders drive the planners of the package, and what they say is what the plans do."""

import pytest
import torch

from helm_book.figures import cliff_explorers as explorers
from helm_tutorial.cliff.linear_system import LinearSystem, expansive_system
from helm_tutorial.cliff.multiple_shooting import plan_multiple_shooting
from helm_tutorial.rollouts import rollout


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setenv("HELM_EXPLORER", "live")
    explorers.descents.cache_clear()
    explorers.shootings.cache_clear()


def test_a_moved_slider_calls_the_planner_with_its_horizon(monkeypatch):
    asked = []
    for name in ("plan_descent", "plan_multiple_shooting"):
        planner = getattr(explorers, name)

        def spy(model, z0, goals, horizon, planner=planner, **settings):
            asked.append(horizon)
            return planner(model, z0, goals, horizon, **settings)

        monkeypatch.setattr(explorers, name, spy)
    for explore in (explorers.explore_descent, explorers.explore_shooting):
        box = explore()
        asked.clear()
        box.inputs["horizon"].index = 0
        assert set(asked) <= {2, 5} and asked


def test_the_stacked_descent_is_that_of_each_system_alone():
    paths, gaps, norm, ratio = explorers.descents(10)[1.2, "shrinks by 0.9"]
    W = explorers.plane_matrix(1.2, 0.9)
    blocks = torch.cat([torch.linalg.matrix_power(W, k) for k in range(9, -1, -1)], dim=1)
    values = torch.linalg.svdvals(blocks)
    assert norm == pytest.approx(float(blocks.norm())) and ratio == pytest.approx(float((values[0] / values[1]) ** 2))
    # on a quadratic, n steps of 1/L leave (I - G/L)^n of the gap
    gram = blocks @ blocks.mT / values[0] ** 2
    left = torch.linalg.matrix_power(torch.eye(2, dtype=torch.float64) - gram, 100) @ explorers.plane_goal()
    assert float(gaps[-1]) == pytest.approx(float(left.norm()), rel=1e-6)
    assert torch.allclose(paths[:, 0], torch.zeros(2, dtype=torch.float64))


def test_equal_stretches_arrive_in_one_step_however_large_the_jacobian():
    _, gaps, norm, ratio = explorers.descents(40)[1.3, "stretches as much"]
    assert norm > 6e4 and ratio == pytest.approx(1.0) and float(gaps[1]) < 1e-8
    assert float(explorers.descents(40)[1.2, "shrinks by 0.9"][1][-1]) > 0.59


def test_the_sentence_below_the_first_explorer_says_what_it_shows():
    said, box = explorers.stalled(), explorers.explore_descent()
    box.inputs["horizon"].index = explorers.HORIZONS.index(15)
    assert f"the plan ends {said['gap']:.2f} from the goal. It has not arrived" in box.caption.value
    assert said["alike"] < 1e-8 and said["times"] > 1000 and said["times"] % 100 == 0


def test_defects_are_those_of_the_bent_model_and_close():
    states, led = explorers.shootings(20)[4]
    start, goal = torch.zeros(1, 2, dtype=torch.float64), explorers.plane_goal()[None]
    plan = plan_multiple_shooting(explorers.bent_step, start, goal, 20, num_actions=2, steps=4)
    assert torch.equal(states, plan.states[0]) and float((states[1:] - led).abs().max()) < 1e-12
    assert torch.allclose(rollout(explorers.bent_step, start, plan.actions)[0], states, atol=1e-6)


def test_plans_of_a_model_are_carried_out_on_the_true_system(monkeypatch):
    system = expansive_system(torch.Generator().manual_seed(0), num_actions=4)
    shrunk = LinearSystem(system.W / 1.4, system.B / 1.4)
    planned, asked = explorers.action_jacobian, []

    def spy(model, horizon):
        asked.append((model is shrunk, horizon))
        return planned(model, horizon)

    monkeypatch.setattr(explorers, "action_jacobian", spy)
    box = explorers.explore_worlds(system, {"flat": system, "HELM": shrunk})
    box.inputs["horizon"].index = 5
    assert (True, 7) in asked and "Plans of 7 steps made on the HELM model" in box.caption.value
    box.inputs["model"].index = 0
    miss = float(box.caption.value.split("distance from the goal is ")[1].split()[0])
    assert miss < 1e-6, "what was planned on the true system itself arrives there"
