"""Planners of real-valued actions, in float64 throughout."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helm_study.cliff.cliff_planning import BentSystem, draw_tasks
from helm_tutorial.cliff.closed_forms import action_jacobian, lyapunov_limit
from helm_tutorial.cliff.descent import plan_descent, plan_gauss_newton
from helm_tutorial.cliff.linear_system import LinearSystem, expansive_system, spectral_radius
from helm_tutorial.cliff.lqr import lqr_gain, plan_feedback, simulate
from helm_tutorial.cliff.multiple_shooting import lifted_constraint, plan_multiple_shooting
from helm_tutorial.rollouts import rollout

PLANNERS = [plan_descent, plan_gauss_newton, plan_multiple_shooting, plan_feedback]


def draw(seed: int = 0, **kwargs) -> LinearSystem:
    return expansive_system(torch.Generator().manual_seed(seed), **kwargs)


def tasks_of(system, horizon, *, bend=0.0, trials=6, seed=0):
    return draw_tasks(BentSystem(system, bend), seed, trials=trials, horizon=horizon)


def test_descent_follows_the_recursion_of_the_stalling_lemma():
    """The gap after n steps is (I - JJᵀ/L)ⁿ times the gap before."""
    system, T = draw(num_actions=2), 6
    tasks = tasks_of(system, T)
    J = action_jacobian(system, T).flatten(1)
    G = J @ J.mT
    shrink = torch.eye(4, dtype=G.dtype) - G / torch.linalg.eigvalsh(G)[-1]
    gap = rollout(system, tasks.starts, torch.zeros(6, T, 2, dtype=G.dtype))[:, -1] - tasks.goals
    plans = []
    plan_descent(system, tasks.starts, tasks.goals, T, num_actions=2, steps=7, watch=lambda n, plan: plans.append(plan))
    assert len(plans) == 8
    for n, plan in enumerate(plans):
        now = rollout(system, tasks.starts, plan)[:, -1] - tasks.goals
        assert torch.allclose(now, gap @ torch.linalg.matrix_power(shrink, n).mT, atol=1e-9)


def test_gauss_newton_is_the_pseudo_inverse_and_needs_one_step():
    system, T = draw(), 10
    tasks = tasks_of(system, T)
    plan = plan_gauss_newton(system, tasks.starts, tasks.goals, T, num_actions=1, steps=1)
    gap = tasks.goals - tasks.starts @ torch.linalg.matrix_power(system.W, T).mT
    least = gap @ torch.linalg.pinv(action_jacobian(system, T).flatten(1)).mT
    assert torch.allclose(plan.actions.flatten(1), least, atol=1e-6)
    assert torch.allclose(plan.states[:, -1], tasks.goals, atol=1e-9)


@pytest.mark.parametrize("bend", [0.0, 0.3])
@pytest.mark.parametrize("actions", [1, 4])
def test_multiple_shooting_arrives_on_the_true_system(actions, bend):
    world = BentSystem(draw(num_actions=actions), bend)
    tasks = tasks_of(world.linear, 50, bend=bend)
    plan = plan_multiple_shooting(world, tasks.starts, tasks.goals, 50, num_actions=actions, steps=20 if bend else 1)
    reached = simulate(world, plan)
    assert torch.allclose(reached[:, -1], tasks.goals, atol=1e-4)
    assert torch.allclose(reached, plan.states, atol=1e-4)  # it believes what is true


def test_multiple_shooting_bears_a_model_that_answers_to_nothing():
    """Its defects cannot be closed: the actions do nothing, so the plan stays as it was, and the rest comes near."""
    deaf = LinearSystem(0.5 * torch.eye(4, dtype=torch.float64), torch.zeros(4, 1, dtype=torch.float64))
    tasks = tasks_of(draw(), 6)
    plan = plan_multiple_shooting(deaf, tasks.starts, tasks.goals, 6, num_actions=1, steps=2)
    assert torch.equal(plan.actions, torch.zeros(6, 6, 1, dtype=torch.float64))
    assert bool(plan.states.isfinite().all())
    nothing = LinearSystem(deaf.W * torch.nan, deaf.B)
    unknown = plan_multiple_shooting(nothing, tasks.starts, tasks.goals, 6, num_actions=1, steps=1)
    assert torch.equal(unknown.actions, plan.actions)


def test_the_lifted_constraint_is_the_derivative_of_the_defects():
    world = BentSystem(draw(num_actions=2), 0.3)
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(2, 6, 4, generator=generator, dtype=torch.float64)
    actions = torch.randn(2, 5, 2, generator=generator, dtype=torch.float64)
    constraint, defects = lifted_constraint(world, states, actions)
    assert constraint.shape == (2, 20, 16 + 10)
    stepped = torch.stack([world(states[:, t], actions[:, t]) for t in range(5)], dim=1)
    assert torch.allclose(defects, states[:, 1:] - stepped)
    change = 1e-6 * torch.randn(2, 26, generator=generator, dtype=torch.float64)
    moved = states.clone()
    moved[:, 1:-1] += change[:, :16].view(2, 4, 4)
    after = lifted_constraint(world, moved, actions + change[:, 16:].view(2, 5, 2))[1]
    linear = defects.flatten(1) + (constraint @ change.unsqueeze(-1)).squeeze(-1)
    assert torch.allclose(after.flatten(1), linear, atol=1e-10)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 200), st.integers(1, 4))
def test_feedback_stabilises_and_bounds_the_jacobian_at_every_horizon(seed, actions):
    system = draw(seed, num_actions=actions)
    gain = lqr_gain(system.W, system.B)
    loop = LinearSystem(system.W - system.B @ gain, system.B)
    assert spectral_radius(loop.W) < 1.0
    assert float(action_jacobian(loop, 300).norm()) == pytest.approx(float(action_jacobian(loop, 600).norm()), rel=1e-3)


def test_with_feedback_the_norm_ends_at_the_lyapunov_limit():
    # With one action the limit's equation can be too badly conditioned to be solved (18 of 402 drawn systems).
    system = draw(num_actions=4)
    loop = LinearSystem(system.W - system.B @ lqr_gain(system.W, system.B), system.B)
    assert float(action_jacobian(loop, 200).norm()) == pytest.approx(lyapunov_limit(loop), rel=1e-9)


def test_feedback_has_the_scalar_riccati_solution():
    F, G = 1.3, 0.5
    value = 1.0
    for _ in range(200):
        value = 1 + F**2 * value / (1 + G**2 * value)
    gain = lqr_gain(torch.tensor([[F]], dtype=torch.float64), torch.tensor([[G]], dtype=torch.float64))
    assert float(gain) == pytest.approx(F * G * value / (1 + G**2 * value), rel=1e-8)


def test_feedback_tells_the_actions_that_it_means():
    system = draw(num_actions=4)
    tasks = tasks_of(system, 5)
    seen = []
    problem = system, tasks.starts, tasks.goals, 5
    plan = plan_feedback(*problem, num_actions=4, steps=3, watch=lambda n, actions: seen.append(actions))
    assert len(seen) == 4 and torch.allclose(seen[-1], plan.actions)
    assert torch.allclose(rollout(system, tasks.starts, plan.actions), plan.states)


def test_feedback_that_cannot_stabilise_is_refused():
    with pytest.raises(ValueError, match="no growing direction"):
        lqr_gain(1.2 * torch.eye(2), torch.tensor([[1.0], [0.0]]))


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_plan_is_what_it_says_and_bad_arguments_are_named(planner):
    system = draw(num_actions=4)
    tasks, calls = tasks_of(system, 5), 0

    def counted(z, a):
        nonlocal calls
        calls += len(z)
        return system(z, a)

    with torch.no_grad():
        plan = planner(counted, tasks.starts, tasks.goals, 5, num_actions=4, steps=2)
    assert plan.actions.shape == (6, 5, 4) and plan.states.shape == (6, 6, 4)
    assert torch.equal(plan.states[:, 0], tasks.starts)
    assert not plan.actions.requires_grad and not plan.states.requires_grad
    reached = rollout(system, tasks.starts, plan.actions)[:, -1]
    assert torch.allclose(plan.cost, (reached - tasks.goals).square().sum(dim=1) / 2, rtol=1e-6, atol=1e-18)
    # Linearising the feedback law takes one call for all starts.
    assert calls == plan.model_calls * 6 + (1 if planner is plan_feedback else 0)
    for call, message in (
        (lambda: planner(system, tasks.starts, tasks.goals[:2], 5, num_actions=4), "goals must have shape"),
        (lambda: planner(system, tasks.starts, tasks.goals, 0, num_actions=4), "horizon must be at least 1"),
        (lambda: planner(system, tasks.starts, tasks.goals, 5, num_actions=4, steps=0), "steps must be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_a_plan_that_overflows_costs_infinitely_much():
    def explosive(z, a):
        return 1e200 * (z - z.roll(1, dims=1) + a)

    z0 = torch.ones(1, 2, dtype=torch.float64)
    initial = torch.ones(1, 3, 2, dtype=torch.float64)
    plan = plan_descent(explosive, z0, z0, 3, num_actions=2, steps=1, initial=initial)
    assert plan.cost.tolist() == [float("inf")]


def test_a_closed_loop_holds_a_plan_to_its_course():
    """With a small constant disturbance the open loop runs away, and the closed loop does not."""
    system = draw(num_actions=4)
    tasks = tasks_of(system, 50)
    plan = plan_multiple_shooting(system, tasks.starts, tasks.goals, 50, num_actions=4, steps=1)
    nudged = lambda z, a: system(z, a) + 1e-3  # noqa: E731
    gain = lqr_gain(system.W, system.B)
    assert float((simulate(nudged, plan)[:, -1] - tasks.goals).norm(dim=1).min()) > 10
    assert float((simulate(nudged, plan, gain=gain)[:, -1] - tasks.goals).norm(dim=1).max()) < 0.1
