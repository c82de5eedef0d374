"""What every planner promises, for discrete and for real actions."""

import math

import pytest
import torch
from walker import ACTIONS, DISCRETE, HORIZON, REAL, problem, seeded, walker

from helm_tutorial.planning.cost import closest_approach, final_distance, mean_distance
from helm_tutorial.planning.gradient import RELAXATIONS, GradientPlanner
from helm_tutorial.planning.local_search import LocalSearchPlanner
from helm_tutorial.planning.plan import score
from helm_tutorial.planning.search import CrossEntropyPlanner, ExhaustivePlanner, MPPIPlanner, RandomShootingPlanner

COSTS = (mean_distance, final_distance, closest_approach)
SEARCHES = {
    GradientPlanner: {"steps": 30, "restarts": 12},
    CrossEntropyPlanner: {"iterations": 6, "samples": 100, "elites": 15},
    MPPIPlanner: {"iterations": 6, "samples": 100},
    RandomShootingPlanner: {"samples": 1000},
    LocalSearchPlanner: {"rounds": 6, "restarts": 12},
}
BOTH = [(kind, space) for kind in SEARCHES for space in (DISCRETE, REAL) if (kind, space) != (LocalSearchPlanner, REAL)]
both = pytest.mark.parametrize(
    ("kind", "space"), BOTH, ids=lambda p: getattr(p, "__name__", "discrete" if p is DISCRETE else "real")
)


def planner_of(kind, space, **options):
    return kind(**SEARCHES[kind] | space | options)


def within(plan, space) -> bool:
    low, high = torch.tensor(space["low"]), torch.tensor(space["high"])
    return bool(((plan.actions >= low) & (plan.actions <= high)).all())


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("kind", SEARCHES)
def test_planners_find_the_discrete_optimum_or_nearly(kind, cost):
    best = ExhaustivePlanner(**DISCRETE, cost=cost)(walker, *problem())
    plan = planner_of(kind, DISCRETE, cost=cost)(walker, *problem(), generator=seeded(1))
    assert bool((plan.cost >= best.cost - 1e-6).all())
    # The next best plans are a few per cent worse; within 10 % is the optimum or its neighbour.
    assert bool((plan.cost <= 1.1 * best.cost + 0.02).all())


def test_exhaustive_search_agrees_with_a_loop():
    z0, goal = torch.zeros(1, 2), torch.tensor([[1.0, 1.0], [5.0, 5.0]])
    plan = ExhaustivePlanner(horizon=2, num_actions=ACTIONS)(walker, z0, goal)
    costs = {}
    for first in range(3):
        for second in range(3):
            z1 = walker(z0, torch.eye(3)[[first]])
            z2 = walker(z1, torch.eye(3)[[second]])
            costs[first, second] = sum(float(torch.cdist(z, goal).min()) for z in (z1, z2)) / 2
    assert tuple(plan.actions[0].tolist()) == min(costs, key=costs.get)
    assert float(plan.cost) == pytest.approx(min(costs.values()), abs=1e-5)


@pytest.mark.parametrize("kind", [kind for kind, space in BOTH if space is REAL])
def test_planners_find_the_best_real_plan_or_nearly_and_stay_in_bounds(kind):
    """On a plane each coordinate is free: the best plan goes as far as it may until it is there."""
    z0, goal = torch.tensor([[0.0, 0.0], [-1.3, 0.2], [3.0, 1.1]]), torch.zeros(1, 2)
    plan = planner_of(kind, REAL, horizon=4)(lambda z, a: z + a, z0, goal, generator=seeded(0))
    low, high = torch.tensor(REAL["low"]), torch.tensor(REAL["high"])
    z, best = z0, 0.0
    for _ in range(4):
        z = z + (-z).clamp(low, high)
        best = best + z.norm(dim=1) / 4
    assert within(plan, REAL) and plan.actions.shape == (3, 4, 2)
    assert bool((plan.cost >= best - 1e-5).all())
    slack = 0.03 if kind is GradientPlanner else 0.35  # many samples, few of them near a corner of the bounds
    assert bool((plan.cost <= best + slack).all())


@both
def test_cost_is_that_of_the_plan_that_is_executed(kind, space):
    z0, goal = problem()
    plan = planner_of(kind, space)(walker, z0, goal, generator=seeded(2))
    rescored = score(walker, z0, goal, plan.actions[:, None], num_actions=space.get("num_actions"))
    assert torch.allclose(plan.cost, rescored[:, 0])
    # Step by step, with nothing of the package but the model.
    z, total = z0, torch.zeros(len(z0))
    for t in range(HORIZON):
        a = plan.actions[:, t]
        z = walker(z, torch.eye(ACTIONS)[a] if space is DISCRETE else a)
        total += (z - goal).norm(dim=1) / HORIZON
    assert torch.allclose(plan.cost, total, atol=1e-5)


@both
def test_the_generator_decides_and_nothing_else(kind, space):
    planner = planner_of(kind, space)
    first = planner(walker, *problem(), generator=seeded(3))
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert torch.equal(first.actions, planner(walker, *problem(), generator=seeded(3)).actions)
    assert torch.equal(planner(walker, *problem()).actions, planner(walker, *problem(), generator=seeded(0)).actions)
    assert torch.equal(state, torch.get_rng_state())


@both
def test_model_calls_are_counted(kind, space):
    calls = 0

    def counting(z, a):
        nonlocal calls
        calls += len(z)
        return walker(z, a)

    relaxations = RELAXATIONS if kind is GradientPlanner else [None]
    for relaxation in relaxations:
        calls = 0
        plan = planner_of(kind, space, **({"relaxation": relaxation} if relaxation else {}))(counting, *problem())
        assert calls == 6 * plan.model_calls


@both
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_planners_follow_the_latents_precision_and_work_without_gradients(kind, space, dtype):
    z0, goal = (part.to(dtype) for part in problem())
    with torch.no_grad():
        plan = planner_of(kind, space)(walker, z0, goal, generator=seeded(1))
    single = planner_of(kind, space)(walker, *problem(), generator=seeded(1))
    assert plan.actions.dtype == (torch.long if space is DISCRETE else dtype)
    assert plan.cost.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert not plan.actions.requires_grad and not plan.cost.requires_grad
    slack = 0.1 if space is DISCRETE else 0.4  # other draws in float64, three digits in bfloat16
    assert torch.allclose(plan.cost.float(), single.cost, atol=slack)


@both
def test_each_start_may_have_goals_of_its_own(kind, space):
    """With one goal set a start, the plans are those that each start would have alone with its goals."""
    z0, _ = problem()
    goals = torch.randn(6, 2, 2, generator=seeded(5))
    planner = planner_of(kind, space)
    together = planner(walker, z0, goals, generator=seeded(1))
    shared = planner(walker, z0, goals[:1].expand(6, -1, -1), generator=seeded(1))
    assert torch.equal(shared.actions, planner(walker, z0, goals[0], generator=seeded(1)).actions)
    assert torch.equal(together.actions[0], shared.actions[0]) and not torch.equal(together.actions, shared.actions)
    count = space.get("num_actions")
    for row in range(6):
        alone = score(walker, z0[row : row + 1], goals[row], together.actions[row : row + 1, None], num_actions=count)
        assert float(together.cost[row]) == pytest.approx(float(alone), abs=1e-6)


@both
def test_starts_side_by_side_do_not_disturb_each_other(kind, space):
    z0, goal = problem()
    once = {"iterations": 1, "samples": 16, "elites": 4} if kind is CrossEntropyPlanner else {}
    once = {"iterations": 1, "samples": 16} if kind is MPPIPlanner else once
    once = {"samples": 16} if kind is RandomShootingPlanner else once
    once = {"restarts": 16, "rounds": 1} if kind is LocalSearchPlanner else once
    once = {"restarts": 16} if kind is GradientPlanner else once
    planner, draws = planner_of(kind, space, **once), seeded(4)
    alone = [planner(walker, z0[[row]], goal, generator=draws) for row in range(6)]  # the same draws, one by one
    together = planner(walker, z0, goal, generator=seeded(4))
    assert torch.equal(together.actions, torch.cat([plan.actions for plan in alone]))
    assert torch.allclose(together.cost, torch.cat([plan.cost for plan in alone]), atol=1e-6)


@both
def test_a_good_plan_handed_on_is_not_lost(kind, space):
    best = planner_of(kind, space)(walker, *problem(), generator=seeded(5))
    if kind is GradientPlanner and space is DISCRETE:  # it leans towards the plan, and is not bound to it
        few = {"restarts": 1, "steps": 1, "lr": 1e-6, "spread": 0.0}
    else:
        few = {"restarts": 1, "rounds": 1, "iterations": 2, "samples": 3, "elites": 2, "steps": 1, "noise": 1e-3}
    names = kind.__dataclass_fields__
    short = planner_of(kind, space, **{name: value for name, value in few.items() if name in names})
    again = short(walker, *problem(), generator=seeded(6), warm_start=best.actions)
    assert bool((again.cost <= best.cost + (0.3 if kind is MPPIPlanner and space is DISCRETE else 1e-5)).all())
    left = short(walker, *problem(), generator=seeded(6), warm_start=best.actions[:, 1:])
    assert left.actions.shape == best.actions.shape
    assert space is DISCRETE or within(again, space)


@both
def test_no_finite_plan_costs_infinity_and_a_finite_one_is_found(kind, space):
    z0, goal = torch.zeros(2, 2), torch.ones(1, 2)
    for size in (math.inf, math.nan, 1e30):
        plan = planner_of(kind, space)(lambda z, a, size=size: size * (z + 2.0 + a[:, :2]), z0, goal)
        assert bool((plan.cost == math.inf).all())
        assert space is DISCRETE or within(plan, space)

    def burst(z, a):  # the first action overflows once squared, or the first real number above 0 does
        return torch.where(a[:, :1] > 0.01, math.nan, z) + a[:, 1:2]

    sharp = {"relaxation": "straight-through", "decode_every": 1, "lr": 1e-3} if kind is GradientPlanner else {}
    plan = planner_of(kind, space, **sharp)(burst, z0, goal)
    assert bool(plan.cost.isfinite().all())


@both
def test_a_module_is_planned_with_in_evaluation_mode_and_left_as_it_was(kind, space):
    class Noisy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.drop = torch.nn.BatchNorm1d(2), torch.nn.Dropout(0.5)
            self.drop.eval()

        def forward(self, z, a):
            assert not self.training and not self.norm.weight.requires_grad
            return self.drop(self.norm(walker(z, a)))

    model = Noisy()
    model.norm.bias.requires_grad_(False)
    planner_of(kind, space)(model, *problem())
    assert model.training and model.norm.training and not model.drop.training
    assert model.norm.weight.requires_grad and not model.norm.bias.requires_grad
    assert float(model.norm.running_mean.abs().sum()) == 0.0


def test_infinite_bounds_are_none():
    free = {"horizon": 2, "low": [-math.inf, 0.0], "high": [math.inf, math.inf]}
    for kind in (GradientPlanner, CrossEntropyPlanner, MPPIPlanner):
        plan = planner_of(kind, free)(lambda z, a: z + a, torch.zeros(1, 2), torch.tensor([[-3.0, -1.0]]))
        assert bool((plan.actions[..., 1] >= 0.0).all()) and float(plan.actions[0, 0, 0]) < -1.2


def test_a_cost_of_ones_own_is_paid_and_its_shape_is_checked():
    def far_right(latents, goal):
        return -latents[..., -1, 0]

    plan = GradientPlanner(**DISCRETE, cost=far_right)(walker, *problem())
    assert bool((plan.actions == 0).all())
    with pytest.raises(ValueError, match=r"what cost returns must have shape \(6, 8\), got \(6, 8, 5\)"):
        GradientPlanner(**DISCRETE, cost=lambda latents, goal: latents[..., 0])(walker, *problem())


def untouched(z, a):
    raise AssertionError("work started before the arguments were checked")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GradientPlanner(horizon=0, num_actions=3), "horizon must be at least 1, got 0"),
        (lambda: GradientPlanner(), "num_actions must be given, or low and high, and not both"),
        (lambda: GradientPlanner(num_actions=3, low=[0.0], high=[1.0]), "num_actions must be given, or low and high"),
        (lambda: MPPIPlanner(low=[0.0]), "num_actions must be given, or low and high"),
        (lambda: GradientPlanner(low=[1.0], high=[0.0]), "low must be at most high"),
        (lambda: GradientPlanner(low=[0.0], high=[math.nan]), "low must be at most high"),
        (lambda: GradientPlanner(low=[0.0, 1.0], high=1.0), "low and high must have one number for each action"),
        (lambda: GradientPlanner(low=[2.0], high=[math.inf]), "low and high must enclose 0 where one is infinite"),
        (lambda: GradientPlanner(num_actions=3, lr=0.0), "lr must be finite and greater than 0.0"),
        (
            lambda: GradientPlanner(num_actions=3, relaxation="hard"),
            "relaxation must be one of 'softmax', ",
        ),
        (lambda: CrossEntropyPlanner(num_actions=3, samples=10, elites=20), "elites must be between 1 and 10, got 20"),
        (lambda: MPPIPlanner(num_actions=3, elite_share=2.0), "elite_share must be"),
        (
            lambda: ExhaustivePlanner(num_actions=3, horizon=20),
            r"at most 100000, got 3 \*\* 20",
        ),
        (lambda: ExhaustivePlanner(low=[0.0], high=[1.0]), "num_actions must be given: a ExhaustivePlanner plans"),
        (lambda: LocalSearchPlanner(low=[0.0], high=[1.0]), "num_actions must be given: a LocalSearchPlanner plans"),
        (lambda: LocalSearchPlanner(num_actions=3, proposals="luck"), "proposals must be one of"),
    ],
)
def test_bad_settings_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"goal": torch.zeros(1, 3)}, r"goal must have shape \(G, 2\), got \(1, 3\)"),
        ({"goal": torch.zeros(5, 1, 2)}, r"goal must have shape \(6, G, 2\), got \(5, 1, 2\)"),
        ({"goal": torch.zeros(0, 2)}, "the number of goal latents must be at least 1, got 0"),
        ({"z0": torch.zeros(2)}, r"z0 must have shape \(B, D\), got \(2,\)"),
        ({"z0": torch.zeros(0, 2)}, "the number of starts must be at least 1, got 0"),
        ({"z0": torch.zeros(6, 2).long()}, "z0 must hold real numbers, got torch.int64"),
        ({"generator": 3}, "generator must be a torch.Generator, got 3"),
        ({"warm_start": torch.zeros(5, 3).long()}, "warm_start must have shape"),
        ({"warm_start": torch.zeros(6).long()}, "warm_start must have shape"),
        ({"warm_start": torch.zeros(6, HORIZON + 1).long()}, "the length of warm_start must be between 0 and 5, got 6"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = dict(zip(("z0", "goal"), problem(), strict=True)) | change
    with pytest.raises((TypeError, ValueError), match=message):
        GradientPlanner(**DISCRETE)(untouched, **arguments)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda z, a: torch.cat([z, z], dim=1), r"what model returns must have shape \(48, 2\), got \(48, 4\)"),
        (lambda z, a: (z, a), "what model returns must be a torch.Tensor, got tuple"),
    ],
)
def test_a_model_that_returns_something_else_is_named(model, message):
    z0, goal = problem()
    with pytest.raises((TypeError, ValueError), match=message):
        GradientPlanner(**DISCRETE | {"restarts": 8})(model, z0, goal)
