"""Planners of continuous actions and what bounds them, in float64 throughout."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helm_study.cliff.cliff_planning import BentSystem, arrivals, draw_tasks, planning_metrics
from helm_study.cliff.remedies import plan_adam, plan_coarse_to_fine, plan_lifted_descent
from helm_study.cliff.spectral_cliff import METRICS
from helm_tutorial.cliff.closed_forms import action_jacobian, lyapunov_limit
from helm_tutorial.cliff.conditioning import (
    action_condition,
    action_condition_bound,
    lifted_condition,
    lifted_condition_bound,
)
from helm_tutorial.cliff.descent import Trajectory, plan_descent, plan_gauss_newton
from helm_tutorial.cliff.linear_system import LinearSystem, expansive_system, spectral_radius
from helm_tutorial.cliff.lqr import carry_out, feedback_gain, plan_feedback
from helm_tutorial.cliff.multiple_shooting import lifted_constraint, plan_multiple_shooting
from helm_tutorial.jacobian import rollout_jacobian
from helm_tutorial.rollouts import rollout

seeds = st.integers(0, 2**31 - 1)
PLANNERS = [
    plan_descent,
    plan_adam,
    plan_coarse_to_fine,
    plan_gauss_newton,
    plan_multiple_shooting,
    plan_lifted_descent,
    plan_feedback,
]


def draw(seed: int = 0, **kwargs) -> LinearSystem:
    return expansive_system(torch.Generator().manual_seed(seed), **kwargs)


def tasks_of(system, horizon, *, bend=0.0, trials=6, seed=0):
    return draw_tasks(BentSystem(system, bend), seed, trials=trials, horizon=horizon)


@settings(deadline=None, max_examples=20)
@given(seeds, st.sampled_from([0.0, 0.3]), st.integers(1, 4))
def test_a_task_can_be_solved_by_actions_within_bounds(seed, bend, actions):
    world = BentSystem(draw(seed, actions=actions), bend)
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


# ---------------------------------------------------------------- planners


def test_descent_follows_the_recursion_of_the_stalling_lemma():
    """The gap after n steps is (I - JJᵀ/L)ⁿ times the gap before."""
    system, T = draw(actions=2), 6
    tasks = tasks_of(system, T)
    J = action_jacobian(system, T).flatten(1)
    G = J @ J.mT
    shrink = torch.eye(4, dtype=G.dtype) - G / torch.linalg.eigvalsh(G)[-1]
    gap = rollout(system, tasks.starts, torch.zeros(6, T, 2, dtype=G.dtype))[:, -1] - tasks.goals
    plans = []
    plan_descent(system, tasks.starts, tasks.goals, T, actions=2, steps=7, watch=lambda n, plan: plans.append(plan))
    assert len(plans) == 8
    for n, plan in enumerate(plans):
        now = rollout(system, tasks.starts, plan)[:, -1] - tasks.goals
        assert torch.allclose(now, gap @ torch.linalg.matrix_power(shrink, n).mT, atol=1e-9)


def test_gauss_newton_is_the_pseudo_inverse_and_needs_one_step():
    system, T = draw(), 10
    tasks = tasks_of(system, T)
    plan = plan_gauss_newton(system, tasks.starts, tasks.goals, T, actions=1, steps=1)
    gap = tasks.goals - tasks.starts @ torch.linalg.matrix_power(system.W, T).mT
    least = gap @ torch.linalg.pinv(action_jacobian(system, T).flatten(1)).mT
    assert torch.allclose(plan.actions.flatten(1), least, atol=1e-6)
    assert torch.allclose(plan.states[:, -1], tasks.goals, atol=1e-9)


@pytest.mark.parametrize("bend", [0.0, 0.3])
@pytest.mark.parametrize("actions", [1, 4])
def test_multiple_shooting_arrives_on_the_true_system(actions, bend):
    world = BentSystem(draw(actions=actions), bend)
    tasks = tasks_of(world.linear, 50, bend=bend)
    plan = plan_multiple_shooting(world, tasks.starts, tasks.goals, 50, actions=actions, steps=20 if bend else 1)
    reached = carry_out(world, plan)
    assert torch.allclose(reached[:, -1], tasks.goals, atol=1e-4)
    assert torch.allclose(reached, plan.states, atol=1e-4)  # it believes what is true


def test_where_plain_descent_stalls_feedback_and_lifting_do_not():
    system = draw(actions=4)
    tasks = tasks_of(system, 50)
    problem = system, tasks.starts, tasks.goals, 50
    assert arrivals(system, plan_descent(*problem, actions=4, steps=100), tasks.goals) == 0.0
    assert arrivals(system, plan_feedback(*problem, actions=4), tasks.goals) == 1.0
    lifted = plan_lifted_descent(*problem, actions=4)
    gain = feedback_gain(system.W, system.B)
    assert arrivals(system, lifted, tasks.goals) == 0.0  # small defects, multiplied by 1.3 at every step
    assert arrivals(system, lifted, tasks.goals, gain=gain) == 1.0


def test_coarse_to_fine_ends_where_descent_does_when_there_is_one_stage():
    system = draw(actions=4)
    tasks = tasks_of(system, 4)
    problem = system, tasks.starts, tasks.goals, 4
    one = plan_coarse_to_fine(*problem, actions=4, steps=20, stride=5)
    assert torch.equal(one.actions, plan_descent(*problem, actions=4, steps=20).actions)
    two = plan_coarse_to_fine(*problem, actions=4, steps=20, stride=2)
    assert two.actions.shape == one.actions.shape and not torch.equal(two.actions, one.actions)


def test_adam_lowers_the_distance_on_a_short_horizon():
    system = draw(actions=4)
    tasks = tasks_of(system, 3)
    plan = plan_adam(system, tasks.starts, tasks.goals, 3, actions=4)
    before = rollout(system, tasks.starts, 0 * plan.actions)[:, -1] - tasks.goals
    assert float((plan.states[:, -1] - tasks.goals).norm()) < 0.5 * float(before.norm())


@pytest.mark.parametrize("planner", PLANNERS)
def test_planners_return_shapes_as_said_and_name_what_is_wrong(planner):
    system = draw(actions=4)
    tasks = tasks_of(system, 5)
    plan = planner(system, tasks.starts, tasks.goals, 5, actions=4, steps=2)
    assert plan.actions.shape == (6, 5, 4) and plan.states.shape == (6, 6, 4)
    assert torch.equal(plan.states[:, 0], tasks.starts)
    assert not plan.actions.requires_grad and not plan.states.requires_grad
    for call, message in (
        (lambda: planner(system, tasks.starts, tasks.goals[:2], 5, actions=4), "goals must have shape"),
        (lambda: planner(system, tasks.starts, tasks.goals, 0, actions=4), "horizon must be at least 1"),
        (lambda: planner(system, tasks.starts, tasks.goals, 5, actions=4, steps=0), "steps must be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_multiple_shooting_bears_a_model_that_answers_to_nothing():
    """Its defects cannot be closed: the actions do nothing, so the plan stays as it was, and the rest comes near."""
    deaf = LinearSystem(0.5 * torch.eye(4, dtype=torch.float64), torch.zeros(4, 1, dtype=torch.float64))
    tasks = tasks_of(draw(), 6)
    plan = plan_multiple_shooting(deaf, tasks.starts, tasks.goals, 6, actions=1, steps=2)
    assert torch.equal(plan.actions, torch.zeros(6, 6, 1, dtype=torch.float64))
    assert bool(plan.states.isfinite().all())
    nothing = LinearSystem(deaf.W * torch.nan, deaf.B)
    unknown = plan_multiple_shooting(nothing, tasks.starts, tasks.goals, 6, actions=1, steps=1)
    assert torch.equal(unknown.actions, plan.actions)


# ---------------------------------------------------------------- lifted states and feedback


def test_the_lifted_constraint_is_the_derivative_of_the_defects():
    world = BentSystem(draw(actions=2), 0.3)
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
    system = draw(seed, actions=actions)
    gain = feedback_gain(system.W, system.B)
    loop = LinearSystem(system.W - system.B @ gain, system.B)
    assert spectral_radius(loop.W) < 1.0
    assert float(action_jacobian(loop, 300).norm()) == pytest.approx(float(action_jacobian(loop, 600).norm()), rel=1e-3)


def test_with_feedback_the_norm_ends_at_the_lyapunov_limit():
    system = draw(actions=4)
    loop = LinearSystem(system.W - system.B @ feedback_gain(system.W, system.B), system.B)
    assert float(action_jacobian(loop, 200).norm()) == pytest.approx(lyapunov_limit(loop), rel=1e-9)


def test_feedback_has_the_scalar_riccati_solution():
    F, G = 1.3, 0.5
    value = 1.0
    for _ in range(200):
        value = 1 + F**2 * value / (1 + G**2 * value)
    gain = feedback_gain(torch.tensor([[F]], dtype=torch.float64), torch.tensor([[G]], dtype=torch.float64))
    assert float(gain) == pytest.approx(F * G * value / (1 + G**2 * value), rel=1e-8)


def test_feedback_tells_the_actions_that_it_means():
    system = draw(actions=4)
    tasks = tasks_of(system, 5)
    seen = []
    problem = system, tasks.starts, tasks.goals, 5
    plan = plan_feedback(*problem, actions=4, steps=3, watch=lambda n, actions: seen.append(actions))
    assert len(seen) == 4 and torch.allclose(seen[-1], plan.actions)
    assert torch.allclose(rollout(system, tasks.starts, plan.actions), plan.states)


def test_feedback_that_cannot_stabilise_is_refused():
    with pytest.raises(ValueError, match="no growing direction"):
        feedback_gain(1.2 * torch.eye(2), torch.tensor([[1.0], [0.0]]))


def test_feedback_holds_a_plan_to_its_course():
    """With a wrong first state the open loop runs away, the closed loop comes back."""
    system = draw(actions=4)
    tasks = tasks_of(system, 50)
    plan = plan_multiple_shooting(system, tasks.starts, tasks.goals, 50, actions=4, steps=1)
    shifted = Trajectory(plan.actions, plan.states.clone())
    nudged = lambda z, a: system(z, a) + 1e-3  # noqa: E731
    gain = feedback_gain(system.W, system.B)
    assert float((carry_out(nudged, shifted)[:, -1] - tasks.goals).norm(dim=1).min()) > 10
    assert float((carry_out(nudged, shifted, gain=gain)[:, -1] - tasks.goals).norm(dim=1).max()) < 0.1


# ---------------------------------------------------------------- conditioning


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 200), st.integers(1, 4), st.integers(8, 40))
def test_condition_numbers_keep_their_bounds(seed, actions, horizon):
    system = draw(seed, actions=actions)
    assert action_condition(system, horizon) >= action_condition_bound(system, horizon) * (1 - 1e-6)
    bound = lifted_condition_bound(system, horizon)
    for T in (horizon, horizon + 7):  # the bound holds at longer horizons too
        assert lifted_condition(system, T) <= bound * (1 + 1e-6)


def test_the_condition_number_grows_by_the_ratio_of_the_extreme_eigenvalues():
    system = draw(actions=4)
    assert action_condition(system, 81) / action_condition(system, 80) == pytest.approx((1.3 / 1.1) ** 2, rel=0.02)
    assert lifted_condition(system, 80) == pytest.approx(lifted_condition(system, 40), rel=0.02)


def test_condition_of_planning_is_that_of_autograds_jacobian():
    system = draw()
    zeros = torch.zeros(1, 4, dtype=torch.float64)
    jacobian = rollout_jacobian(system, zeros, torch.zeros(1, 8, 1, dtype=torch.float64)).action[0].flatten(1)
    assert action_condition(system, 8) == pytest.approx(float(torch.linalg.cond(jacobian)) ** 2, rel=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: action_condition_bound(draw(coupling=1.0), 5), "must be symmetric"),
        (lambda: lifted_condition_bound(draw(low=0.9), 5), "must stretch every direction"),
        (lambda: lifted_condition_bound(draw(), 3), "horizon must be long enough"),
    ],
)
def test_what_a_bound_needs_is_said(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_every_planning_metric_is_one_of_the_experiments():
    promised = [
        f"plan_success_{world}_{model}_T{T}"
        for world in ("model", "system")
        for model in ("flat", "helm")
        for T in (10, 50)
    ]
    assert {*promised, "plan_success_system_best_T50"} <= set(planning_metrics()) <= set(METRICS)
