"""The expansive world: its dynamics, what is seen of it, its fewest steps, playing in it, and the 2 x 2 there."""

import math
from dataclasses import replace

import pytest
import torch

from helm_study.pillars import continuous_pillars, expansive_play, two_pillars
from helm_study.pillars.expansive import ContinuousWorld, expansive_world, fewest_steps, solvable_starts
from helm_study.pillars.expansive_play import TrueDynamics, surroundings
from helm_tutorial.cliff.linear_system import spectral_radius
from helm_tutorial.jacobian import rollout_jacobian
from helm_tutorial.planning.episodes import run_episodes
from helm_tutorial.planning.plan import Plan
from helm_tutorial.rollouts import rollout


@pytest.fixture(scope="module")
def world() -> ContinuousWorld:
    return expansive_world()


def following(actions: torch.Tensor):
    """A planner that plays given sequences ``(B, T)``, and keeps what it is shown."""
    shown = []

    def planner(model, seen: torch.Tensor, goal: torch.Tensor, **options) -> Plan:
        shown.append(seen)
        return Plan(actions[: len(seen), len(shown) - 1 :], torch.zeros(len(seen)))

    return planner, shown


# ---------------------------------------------------------------- dynamics


def test_a_step_turns_stretches_and_pushes():
    world = expansive_world(factor=1.2, angle=math.pi / 2)
    points = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, -2.0]])
    expected = torch.tensor([[1.0, 1.2], [0.0, 0.2], [1.4, 0.0]], dtype=torch.float64)
    assert torch.allclose(world.step(points, torch.tensor([0, 3, 2])), expected, atol=1e-6)


def test_steps_are_those_of_the_linear_system_in_closed_form(world):
    generator = torch.Generator().manual_seed(2)
    points, actions = world.draw(5, generator=generator), torch.randint(4, (5, 7), generator=generator)
    here = points
    for chosen in actions.unbind(dim=1):
        here = world.step(here, chosen)
    pushes = torch.nn.functional.one_hot(actions, 4).double()
    assert torch.allclose(here, rollout(world.system, points, pushes)[:, -1])
    W, B = world.system.W, world.system.B
    last = [torch.linalg.matrix_power(W, 6 - t) @ B @ pushes[:, t].T for t in range(7)]
    assert torch.allclose(here, (torch.linalg.matrix_power(W, 7) @ points.T + sum(last)).T)


def test_every_rollout_expands_at_the_same_rate(world):
    assert spectral_radius(world.system.W) == pytest.approx(1.1)
    for horizon in (1, 12, 50):
        expected = 1.1**horizon * math.sqrt(2)
        assert expansive_play.true_rollout_jacobian(world, horizon) == pytest.approx(expected)
        actions = torch.eye(4, dtype=torch.float64)[torch.randint(4, (3, horizon))]
        measured = rollout_jacobian(world.system, torch.randn(3, 2, dtype=torch.float64), actions).state_norm
        assert torch.allclose(measured, torch.full((3,), expected, dtype=torch.float64))


def test_a_bounded_latent_hides_the_growth_far_out_and_not_about_the_goal(world):
    # z = x / (1 + |x|) tells all states apart and is bounded; its dynamics are exact.
    def latent(x: torch.Tensor) -> torch.Tensor:
        return x / (1 + x.square().sum(dim=1, keepdim=True).add(1e-30).sqrt())

    def model(z: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        return latent(world.system(z / (1 - z.square().sum(dim=1, keepdim=True).add(1e-30).sqrt()), a))

    idle = torch.full((1, 50, 4), 0.25, dtype=torch.float64)

    def growth(x: float) -> float:
        start = torch.full((1, 2), x, dtype=torch.float64)
        return spectral_radius(rollout_jacobian(model, latent(start), idle).state[0])

    assert growth(0.0) == pytest.approx(1.1**50, rel=1e-3)
    assert growth(3.0) < 1.0


def test_what_is_lost_never_comes_back_whatever_is_done(world):
    angles = torch.linspace(0, 2 * math.pi, 50, dtype=torch.float64)
    here = 10.01 * torch.stack([angles.cos(), angles.sin()], dim=1)
    assert bool(world.lost(here).all()) and not bool(world.lost(0.99 * here).any())
    for action in range(4):
        assert bool((world.step(here, torch.full((50,), action)).norm(dim=1) > here.norm(dim=1)).all())


# ---------------------------------------------------------------- observation and data


def test_observations_tell_states_apart_and_only_nearby_ones_look_alike(world):
    points = world.draw(400, generator=torch.Generator().manual_seed(0))
    seen = world.observe(points)
    assert seen.shape == (400, 64) and seen.dtype == torch.float32 and float(seen.abs().max()) <= 1.0
    apart, look = torch.pdist(points), torch.pdist(seen)
    far = look[apart > 3.0]
    assert float(far.std() / far.mean()) < 0.15  # far or farther looks the same
    assert float(look[apart < 0.2].max()) < 0.5 * float(far.mean())
    assert bool((look[apart > 0.1] > 0.0).all())
    # The mean product of observations falls as the docstring says, for many features.
    many = expansive_world(features=20_000, length_scale=0.7)
    x, y = many.observe(torch.tensor([[0.3, -0.2], [1.0, 0.4]])).double()
    assert float(2 * (x * y).mean()) == pytest.approx(math.exp(-(0.7**2 + 0.6**2) / (2 * 0.49)), abs=0.03)


def test_walks_follow_the_system_and_training_sees_no_state(world):
    walks = world.random_walks(30, 6, generator=torch.Generator().manual_seed(1))
    assert walks.num_states == 30 * 7 and walks.states.flatten().tolist() == list(range(210))
    assert (walks.num_actions, walks.distinct) == (4, 144)  # updates scale with places, not with points
    generator = torch.Generator().manual_seed(1)
    actions = torch.randint(4, (30, 6), generator=generator)
    points = rollout(world.system, world.draw(30, generator=generator), torch.eye(4, dtype=torch.float64)[actions])
    assert torch.equal(walks.actions, actions)
    assert torch.allclose(walks.features[walks.states], world.observe(points), atol=1e-5)


def test_surroundings_are_fresh_states_and_where_each_action_leads(world):
    found, here = surroundings(world, 3, points=5), world.draw(5, generator=torch.Generator().manual_seed(3))
    assert torch.equal(found.features[:5], world.observe(here))
    for action in range(4):
        there = world.step(here, torch.full((5,), action))
        assert torch.equal(found.features[found.transitions[:, action]], world.observe(there))
    assert sorted(found.transitions.flatten().tolist()) == list(range(5, 25))


# ---------------------------------------------------------------- fewest steps


def test_fewest_steps_are_what_a_search_step_by_step_finds(world):
    points = world.draw(6, generator=torch.Generator().manual_seed(4))
    steps = fewest_steps(world, points, world.target.expand_as(points), most=6)
    for point, found in zip(points, steps.tolist(), strict=True):
        reached, expected = point[None], math.inf
        for t in range(7):
            if bool(world.arrived(reached).any()):
                expected = t
                break
            reached = torch.cat([world.step(reached, torch.full((len(reached),), a)) for a in range(4)])
        assert found == expected


def test_starts_can_be_solved_and_are_not_at_the_goal(world):
    starts, steps = solvable_starts(world, 10)
    assert starts.shape == (10, 2) and not bool(world.arrived(starts).any())
    assert bool((steps >= 3).all()) and bool(steps.isfinite().all())
    assert torch.equal(steps, fewest_steps(world, starts, torch.zeros_like(starts)))
    assert float(starts.norm(dim=1).max()) <= world.reach


# ---------------------------------------------------------------- playing


def test_episodes_are_judged_by_the_true_system_and_planned_on_what_is_seen(world):
    starts = torch.tensor([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0], [9.5, 0.0]])
    # Pushed back: (1, 0) comes within the goal ball at once, (3, 0) does not in two steps, (9.5, 0) flies off.
    planner, shown = following(torch.tensor([[2, 2], [2, 2], [0, 0]]))
    looking = TrueDynamics(world.system)  # its latents are what is seen
    episodes = run_episodes(world, looking, planner, starts, limit=2)
    assert episodes.success.tolist() == [True, True, False, False]
    assert episodes.steps.tolist() == [0, 1, 2, 1]
    assert torch.equal(shown[0], world.observe(starts[1:]))
    assert shown[1].shape == (1, 64)
    assert torch.allclose(episodes.states[2, 1], world.step(starts[2:3], torch.tensor([2]))[0])
    assert bool(episodes.states[1, 2].isnan().all())
    planner, shown = following(torch.tensor([[2, 2]] * 3))
    run_episodes(replace(world, frequencies=None), looking, planner, starts, limit=1)
    assert torch.equal(shown[0], starts[1:])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w: expansive_world(factor=1.0), "factor must be finite and greater than 1.0, got 1.0"),
        (lambda w: expansive_world(angle=math.nan), "angle must be finite"),
        (lambda w: expansive_world(reach=11.0), "reach must be finite and greater than 0.0 and at most"),
        (lambda w: expansive_world(goal_radius=5.0), "goal_radius must be"),
        (lambda w: expansive_world(features=0), "features must be at least 1, got 0"),
        (lambda w: expansive_world(length_scale=0.0), "length_scale must be"),
        (lambda w: w.random_walks(0, 5, generator=torch.Generator()), "count must be at least 1, got 0"),
        (lambda w: w.random_walks(5, 0, generator=torch.Generator()), "length must be at least 1, got 0"),
        (lambda w: w.observe(torch.zeros(3, 4)), r"points must have shape \(..., 2\), got \(3, 4\)"),
        (lambda w: fewest_steps(w, torch.zeros(3, 2), torch.zeros(2, 2)), "target must have shape"),
        (lambda w: fewest_steps(w, torch.zeros(3, 2), torch.zeros(3, 2), most=11), "most must be between 0 and 10"),
        (lambda w: solvable_starts(w, 3, low=10), "low must be between 1 and 9, got 10"),
        (lambda w: solvable_starts(expansive_world(goal_radius=1e-6), 3), "reach must let more states"),
        (lambda w: w.simulate(torch.zeros(2, 3)), "starts must have shape"),
        (lambda w: continuous_pillars.Config(weight_contrastive=0.0), "weight_contrastive must be"),
        (lambda w: continuous_pillars.Config(starts=1), "starts must be at least 2, got 1"),
    ],
)
def test_bad_arguments_are_named(world, call, message):
    with pytest.raises(ValueError, match=message):
        call(world)


# ---------------------------------------------------------------- the experiment


def test_the_small_one_measures_everything():
    config, heard = continuous_pillars.Config.quick(), []
    values = continuous_pillars.STUDY.run(config, 0, progress=lambda message, fraction: heard.append(fraction))
    assert set(values) == set(continuous_pillars.METRICS)
    assert heard == sorted(heard) and heard[0] == 0.0 < heard[-1] < 1.0
    for name, value in values.items():
        unit = continuous_pillars.METRICS[name].unit
        assert unit != "fraction" or 0.0 <= value <= 1.0, name


def test_what_it_shares_with_the_factorial_of_minigrid_is_the_same():
    ours, theirs = continuous_pillars.Config(), two_pillars.Config()
    assert replace(ours.planning, stride=theirs.planning.stride) == theirs.planning
    for name in ("reconstruction", "contrastive"):
        assert replace(getattr(ours, name), walks=1000, walk_length=50) == getattr(theirs, name)
