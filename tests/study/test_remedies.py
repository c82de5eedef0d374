"""Remedies for a stalled descent and the tasks that they are compared on, in float64 throughout."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helm_study.cliff.cliff_planning import BentSystem, arrivals, draw_tasks
from helm_study.cliff.remedies import plan_adam, plan_coarse_to_fine, plan_lifted_descent
from helm_tutorial.cliff.descent import plan_descent
from helm_tutorial.cliff.linear_system import LinearSystem, expansive_system
from helm_tutorial.cliff.lqr import lqr_gain
from helm_tutorial.rollouts import rollout

seeds = st.integers(0, 2**31 - 1)


def draw(seed: int = 0, **kwargs) -> LinearSystem:
    return expansive_system(torch.Generator().manual_seed(seed), **kwargs)


def tasks_of(system, horizon, *, bend=0.0, trials=6, seed=0):
    return draw_tasks(BentSystem(system, bend), seed, trials=trials, horizon=horizon)


@settings(deadline=None, max_examples=20)
@given(seeds, st.sampled_from([0.0, 0.3]), st.integers(1, 4))
def test_a_task_can_be_solved_by_actions_within_bounds(seed, bend, actions):
    world = BentSystem(draw(seed, num_actions=actions), bend)
    tasks = draw_tasks(world, 0, trials=5, horizon=12)
    assert tasks.witness.abs().max() <= 1.0
    assert torch.allclose(rollout(world, tasks.starts, tasks.witness)[:, -1], tasks.goals, atol=1e-7)
    assert world.undo(world(tasks.goals, tasks.witness[:, 0]), tasks.witness[:, 0]) == pytest.approx(
        tasks.goals, abs=1e-9
    )


def test_tasks_are_those_of_their_seed_and_horizon():
    first, again = tasks_of(draw(), 10), tasks_of(draw(), 10)
    assert torch.equal(first.starts, again.starts)
    assert not torch.equal(first.goals, tasks_of(draw(), 10, seed=1).goals)
    assert not torch.equal(first.goals, tasks_of(draw(), 11).goals)


def test_coarse_to_fine_ends_where_descent_does_when_there_is_one_stage():
    system = draw(num_actions=4)
    tasks = tasks_of(system, 4)
    problem = system, tasks.starts, tasks.goals, 4
    one = plan_coarse_to_fine(*problem, num_actions=4, steps=20, stride=5)
    assert torch.equal(one.actions, plan_descent(*problem, num_actions=4, steps=20).actions)
    two = plan_coarse_to_fine(*problem, num_actions=4, steps=20, stride=2)
    assert two.actions.shape == one.actions.shape and not torch.equal(two.actions, one.actions)


def test_adam_lowers_the_distance_on_a_short_horizon():
    system = draw(num_actions=4)
    tasks = tasks_of(system, 3)
    plan = plan_adam(system, tasks.starts, tasks.goals, 3, num_actions=4)
    before = rollout(system, tasks.starts, 0 * plan.actions)[:, -1] - tasks.goals
    assert float((plan.states[:, -1] - tasks.goals).norm()) < 0.5 * float(before.norm())


def test_lifted_descent_needs_feedback_to_carry_its_plan_out():
    system = draw(num_actions=4)
    tasks = tasks_of(system, 50)
    lifted = plan_lifted_descent(system, tasks.starts, tasks.goals, 50, num_actions=4)
    assert arrivals(system, lifted, tasks.goals) == 0.0  # small defects, multiplied by 1.3 at every step
    assert arrivals(system, lifted, tasks.goals, gain=lqr_gain(system.W, system.B)) == 1.0


@pytest.mark.parametrize("planner", [plan_adam, plan_coarse_to_fine, plan_lifted_descent])
def test_a_plan_counts_its_model_calls(planner):
    system = draw(num_actions=4)
    tasks, calls = tasks_of(system, 7), 0

    def counted(z, a):
        nonlocal calls
        calls += len(z)
        return system(z, a)

    plan = planner(counted, tasks.starts, tasks.goals, 7, num_actions=4, steps=4)
    assert plan.actions.shape == (6, 7, 4) and plan.states.shape == (6, 8, 4) and plan.cost.shape == (6,)
    assert calls == plan.model_calls * 6
