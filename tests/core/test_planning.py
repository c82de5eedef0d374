"""Planners against exhaustive search on worlds small enough to search, and the promises of a Plan."""

import math
from itertools import pairwise

import pytest
import torch
from helm_tutorial.planning.relaxation import FINAL_TEMPERATURE, RELAXATIONS, relax

from helm_tutorial.planning.gradient import Iterate, plan_gradient
from helm_tutorial.planning.local_search import plan_local_search
from helm_tutorial.planning.plan import COSTS, goal_cost, score
from helm_tutorial.planning.search import plan_cross_entropy, plan_exhaustive, plan_path_integral, plan_random_shooting
from helm_tutorial.rollouts import rollout

ACTIONS, HORIZON = 3, 5
MOVES = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-0.5, -0.5]])


def walker(z: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
    """A point in the plane that each action moves its own way, on slightly curved ground."""
    return z + a @ MOVES + 0.05 * torch.sin(3 * z)


@pytest.fixture
def problem():
    z0 = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    return z0, torch.tensor([[2.0, 2.0]])


PLANNERS = {
    "gradient": lambda *p, **k: plan_gradient(*p, steps=40, restarts=12, **k),
    "cross entropy": lambda *p, **k: plan_cross_entropy(*p, iterations=6, samples=150, elites=15, **k),
    "path integral": lambda *p, **k: plan_path_integral(*p, iterations=6, samples=150, **k),
    "local search": lambda *p, **k: plan_local_search(*p, rounds=6, restarts=12, **k),
    "random shooting": lambda *p, **k: plan_random_shooting(*p, samples=1500, **k),
}


@pytest.mark.parametrize("over", COSTS)
@pytest.mark.parametrize("planner", PLANNERS)
def test_planners_find_the_optimum_or_nearly(problem, planner, over):
    z0, goal = problem
    best = plan_exhaustive(walker, z0, goal, HORIZON, actions=ACTIONS, over=over)
    plan = PLANNERS[planner](
        walker, z0, goal, HORIZON, actions=ACTIONS, generator=torch.Generator().manual_seed(1), over=over
    )
    assert bool((plan.cost >= best.cost - 1e-6).all())
    # The next best plans are a few per cent worse; within 10 % is the optimum or its neighbour.
    assert bool((plan.cost <= 1.1 * best.cost + 0.02).all())


@pytest.mark.parametrize("planner", PLANNERS)
def test_cost_is_that_of_the_plan_that_is_executed(problem, planner):
    z0, goal = problem
    plan = PLANNERS[planner](walker, z0, goal, HORIZON, actions=ACTIONS, generator=torch.Generator().manual_seed(2))
    rescored = score(walker, z0, goal, plan.actions[:, None], actions=ACTIONS)[:, 0]
    assert torch.allclose(plan.cost, rescored)
    # Step by step, with nothing of the package but the model.
    z, total = z0, torch.zeros(len(z0))
    for t in range(HORIZON):
        z = walker(z, torch.eye(ACTIONS)[plan.actions[:, t]])
        total += (z - goal).norm(dim=1) / HORIZON
    assert torch.allclose(plan.cost, total, atol=1e-5)


@pytest.mark.parametrize("planner", PLANNERS)
def test_seed_decides_and_nothing_else(problem, planner):
    z0, goal = problem

    def plan(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return PLANNERS[planner](walker, z0, goal, HORIZON, actions=ACTIONS, generator=generator).actions

    first = plan(3)
    torch.manual_seed(99)
    assert torch.equal(first, plan(3))


def test_best_plan_seen_is_kept_not_the_last(problem):
    z0, goal = problem
    costs = [
        plan_gradient(
            walker,
            z0,
            goal,
            HORIZON,
            actions=ACTIONS,
            steps=steps,
            restarts=3,
            decode_every=1,
            lr=3.0,  # far too large: iterates jump about
            generator=torch.Generator().manual_seed(4),
        ).cost
        for steps in (5, 10, 20, 40)
    ]
    for earlier, later in pairwise(costs):
        assert bool((later <= earlier).all())


def test_watching_changes_nothing(problem):
    z0, goal = problem

    def plan(**watching):
        generator = torch.Generator().manual_seed(7)
        options = {"steps": 23, "restarts": 4, "decode_every": 5}
        return plan_gradient(walker, z0, goal, HORIZON, actions=ACTIONS, generator=generator, **options, **watching)

    def spoil(iterate: Iterate) -> None:
        iterate.probabilities.zero_()
        iterate.cost.zero_()
        if iterate.decoded is not None:
            iterate.decoded.zero_()
            iterate.decoded_cost.zero_()

    alone = plan()
    for watch in ([].append, spoil):
        watched = plan(watch=watch)
        assert torch.equal(alone.actions, watched.actions) and torch.equal(alone.cost, watched.cost)
        assert torch.equal(alone.relaxed_cost, watched.relaxed_cost) and alone.model_calls == watched.model_calls


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_what_is_watched_costs_what_it_says(problem, relaxation):
    z0, goal = problem
    seen: list[Iterate] = []
    plan = plan_gradient(
        walker,
        z0,
        goal,
        HORIZON,
        actions=ACTIONS,
        generator=torch.Generator().manual_seed(7),
        steps=23,
        restarts=4,
        decode_every=5,
        relaxation=relaxation,
        watch=seen.append,
    )
    assert [iterate.updates for iterate in seen] == list(range(23))
    for iterate in seen:
        assert iterate.probabilities.shape == (len(z0), 4, HORIZON, ACTIONS) and iterate.cost.shape == (len(z0), 4)
        assert bool((iterate.probabilities >= 0).all())
        assert torch.allclose(iterate.probabilities.sum(dim=-1), torch.ones(1))
        latents = rollout(walker, z0.repeat_interleave(4, dim=0), iterate.probabilities.flatten(0, 1))[:, 1:]
        assert torch.allclose(goal_cost(latents, goal).view(-1, 4), iterate.cost)
    scored = [iterate for iterate in seen if iterate.decoded is not None]
    assert [iterate.updates + 1 for iterate in scored] == [5, 10, 15, 20, 23]
    for iterate in scored:
        assert torch.equal(score(walker, z0, goal, iterate.decoded, actions=ACTIONS), iterate.decoded_cost)
    assert torch.equal(plan.cost, torch.cat([iterate.decoded_cost for iterate in scored], dim=1).min(dim=1).values)
    assert torch.equal(plan.relaxed_cost, torch.cat([i.cost for i in seen], dim=1).min(dim=1).values)


def test_exhaustive_search_agrees_with_a_loop():
    z0, goal = torch.zeros(1, 2), torch.tensor([[1.0, 1.0], [5.0, 5.0]])
    plan = plan_exhaustive(walker, z0, goal, 2, actions=ACTIONS)
    costs = {}
    for first in range(3):
        for second in range(3):
            z1 = walker(z0, torch.eye(3)[[first]])
            z2 = walker(z1, torch.eye(3)[[second]])
            costs[first, second] = sum(float(torch.cdist(z, goal).min()) for z in (z1, z2)) / 2
    assert tuple(plan.actions[0].tolist()) == min(costs, key=costs.get)
    assert float(plan.cost) == pytest.approx(min(costs.values()), abs=1e-5)


def test_model_calls_are_counted():
    calls = 0

    def counting(z, a):
        nonlocal calls
        calls += len(z)
        return walker(z, a)

    z0, goal = torch.zeros(2, 2), torch.ones(1, 2)
    planners = [(planner, {}) for planner in PLANNERS.values()]
    planners += [(PLANNERS["gradient"], {"relaxation": relaxation}) for relaxation in RELAXATIONS]
    for planner, options in planners:
        calls, generator = 0, torch.Generator().manual_seed(0)
        plan = planner(counting, z0, goal, HORIZON, actions=ACTIONS, generator=generator, **options)
        assert calls == len(z0) * plan.model_calls


def test_cost_takes_the_nearest_goal_and_has_a_gradient_at_it():
    latents = torch.tensor([[[0.0, 0.0], [3.0, 4.0]]], requires_grad=True)
    goal = torch.tensor([[0.0, 0.0], [3.0, 3.0]])
    cost = goal_cost(latents, goal)
    assert cost.item() == pytest.approx(0.5, abs=1e-5)
    assert goal_cost(latents, goal, over="terminal").item() == pytest.approx(1.0, abs=1e-5)
    cost.sum().backward()
    assert bool(latents.grad.isfinite().all())


# ---------------------------------------------------------------- the cost of the closest approach


def test_closest_is_the_mean_of_the_smallest_distances_so_far():
    goal = torch.tensor([[0.0, 0.0], [10.0, 0.0]])
    latents = torch.tensor([[3.0, 0.0], [0.0, 1.0], [2.0, 0.0], [9.5, 0.0], [7.0, 0.0]])  # distances 3 1 2 0.5 3
    assert goal_cost(latents, goal, over="closest").item() == pytest.approx((3 + 1 + 1 + 0.5 + 0.5) / 5, abs=1e-5)
    assert goal_cost(latents, goal).item() == pytest.approx((3 + 1 + 2 + 0.5 + 3) / 5, abs=1e-5)


def test_closest_charges_for_coming_late_and_not_for_leaving():
    goal = torch.zeros(1, 1)
    paths = torch.tensor([[2.0, 1.0, 0.0, 0.0], [2.0, 0.0, 4.0, 9.0], [2.0, 0.0, 0.0, 0.0]])[..., None]
    late, leaving, staying = goal_cost(paths, goal, over="closest").tolist()
    assert leaving == staying == pytest.approx(0.5, abs=1e-5) and late == pytest.approx(0.75, abs=1e-5)
    late, leaving, _ = goal_cost(paths, goal).tolist()
    assert late < leaving


def test_closest_is_never_above_the_rollouts_cost():
    generator = torch.Generator().manual_seed(11)
    latents, goal = 2 * torch.randn(500, 7, 3, generator=generator), torch.randn(4, 3, generator=generator)
    closest, whole = (goal_cost(latents, goal, over=over) for over in ("closest", "rollout"))
    assert bool((closest <= whole + 1e-6).all()) and bool((closest < whole - 1e-3).any())
    distance = torch.cdist(latents, goal).min(dim=-1).values
    assert bool((closest >= distance.min(dim=-1).values - 1e-6).all())
    falling = latents.gather(1, distance.argsort(dim=1, descending=True)[..., None].expand_as(latents))
    assert torch.equal(goal_cost(falling, goal, over="closest"), goal_cost(falling, goal))


def cost_of_logits(logits, relaxation, over):
    """Cost in float64 of three rollouts of six steps; noise, where there is any, is the same at every call."""
    z0 = torch.tensor([[0.0, 0.0], [1.0, -1.0], [0.3, 0.8]], dtype=torch.float64)
    goal = torch.tensor([[1.1, 0.7], [-1.0, -0.5]], dtype=torch.float64)
    actions = relax(logits, relaxation, progress=0.4, generator=torch.Generator().manual_seed(5))
    moves = MOVES.double()
    latents = rollout(lambda z, a: z + a @ moves + 0.05 * torch.sin(3 * z), z0, actions)[:, 1:]
    return goal_cost(latents, goal, over=over)


@pytest.mark.parametrize("over", COSTS)
@pytest.mark.parametrize("relaxation", [name for name in RELAXATIONS if name != "straight-through"])
def test_gradient_agrees_with_finite_differences(relaxation, over):
    logits = torch.randn(3, 6, ACTIONS, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    logits.requires_grad_(True)
    (gradient,) = torch.autograd.grad(cost_of_logits(logits, relaxation, over).sum(), logits)
    numerical, h = torch.zeros_like(gradient), 1e-6
    with torch.no_grad():
        for i in range(logits.numel()):
            change = torch.zeros(logits.numel(), dtype=torch.float64)
            change[i] = h
            above, below = (
                cost_of_logits(logits + sign * change.view_as(logits), relaxation, over).sum() for sign in (1, -1)
            )
            numerical.view(-1)[i] = (above - below) / (2 * h)
    assert gradient.abs().max() > 1e-2
    assert torch.allclose(gradient, numerical, rtol=1e-6, atol=1e-8)


def test_closest_has_no_gradient_beyond_the_closest_approach():
    latents = torch.tensor([[3.0], [1.0], [2.0], [5.0]], dtype=torch.float64, requires_grad=True)
    goal_cost(latents, torch.zeros(1, 1, dtype=torch.float64), over="closest").backward()
    # Distances so far 3 1 1 1, all of slope 1: the second latent counts three times of four.
    assert latents.grad[:, 0].tolist() == pytest.approx([0.25, 0.75, 0.0, 0.0])


# ---------------------------------------------------------------- the relaxations


def watched(problem, **options):
    """A plan and its iterates: 5 restarts of 30 steps, decoded at each of them, unless options say otherwise."""
    z0, goal = problem
    seen: list[Iterate] = []
    options = {"steps": 30, "restarts": 5, "decode_every": 1, "watch": seen.append, **options}
    generator = torch.Generator().manual_seed(options.pop("seed", 8))
    return plan_gradient(walker, z0, goal, HORIZON, actions=ACTIONS, generator=generator, **options), seen


@pytest.mark.parametrize("over", COSTS)
def test_the_default_is_adam_on_the_softmax_of_the_logits(problem, over):
    """Against a planner written out here in float64, derivatives by the chain rule included."""
    z0, goal = problem
    plan, seen = watched(problem, over=over)
    logits = torch.randn(len(z0) * 5, HORIZON, ACTIONS, generator=torch.Generator().manual_seed(8)).double()
    first, second = torch.zeros_like(logits), torch.zeros_like(logits)
    moves, best, relaxed_best = MOVES.double(), torch.full((len(z0),), torch.inf), torch.full((len(z0),), torch.inf)
    kept = torch.zeros(len(z0), HORIZON, dtype=torch.long)

    def walk(actions):
        z, path = z0.double().repeat_interleave(5, dim=0), []
        for t in range(HORIZON):
            z = z + actions[:, t] @ moves + 0.05 * torch.sin(3 * z)
            path.append(z)
        return torch.stack(path, dim=1)

    def weigh(path):
        """The cost and its derivative by each latent of the path: the weight of each step times a unit vector."""
        away = path - goal.double()
        distance = away.norm(dim=-1)
        weight = torch.zeros_like(distance)
        for row, d in enumerate(distance.tolist()):
            for t in range(HORIZON):
                nearest = {"rollout": t, "terminal": HORIZON - 1, "closest": d.index(min(d[: t + 1]))}[over]
                weight[row, nearest] += 1 / HORIZON
        return (weight * distance).sum(dim=1), weight[..., None] * away / distance[..., None]

    for step in range(1, 31):
        p = torch.exp(logits) / torch.exp(logits).sum(dim=-1, keepdim=True)
        path = walk(p)
        cost, by_latent = weigh(path)
        assert torch.allclose(seen[step - 1].probabilities.flatten(0, 1).double(), p, atol=1e-4)
        assert torch.allclose(seen[step - 1].cost.flatten().double(), cost, atol=1e-4)
        relaxed_best = torch.minimum(relaxed_best, cost.view(-1, 5).min(dim=1).values)
        by_action, back = torch.zeros_like(p), torch.zeros(len(p), 2, dtype=torch.float64)
        for t in reversed(range(HORIZON)):
            back = back + by_latent[:, t]
            by_action[:, t] = back @ moves.T
            if t:
                back = back * (1 + 0.15 * torch.cos(3 * path[:, t - 1]))
        gradient = p * (by_action - (p * by_action).sum(dim=-1, keepdim=True))
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        logits = logits - 0.3 * (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)).sqrt() + 1e-8)
        decoded = logits.argmax(dim=-1)
        decoded_cost, which = weigh(walk(torch.eye(ACTIONS).double()[decoded]))[0].view(-1, 5).min(dim=1)
        better = decoded_cost < best - 1e-6
        kept[better] = decoded.view(-1, 5, HORIZON)[torch.arange(len(z0)), which][better]
        best = torch.minimum(best, decoded_cost)
    assert torch.equal(plan.actions, kept)
    assert torch.allclose(plan.cost.double(), best, atol=1e-5)
    assert torch.allclose(plan.relaxed_cost.double(), relaxed_best, atol=1e-4)
    named, _ = watched(problem, over=over, relaxation="softmax")
    assert torch.equal(named.actions, plan.actions) and torch.equal(named.cost, plan.cost)


@pytest.mark.parametrize("over", COSTS)
def test_straight_through_costs_what_the_decoded_plan_costs(problem, over):
    z0, goal = problem
    plan, seen = watched(problem, over=over, relaxation="straight-through")
    for iterate in seen:
        assert torch.equal(iterate.probabilities, (iterate.probabilities == 1).float())
        plans = iterate.probabilities.argmax(dim=-1)
        assert torch.equal(iterate.cost, score(walker, z0, goal, plans, actions=ACTIONS, over=over))
    for before, after in pairwise(seen):
        assert torch.equal(before.decoded, after.probabilities.argmax(dim=-1))
        assert torch.equal(before.decoded_cost, after.cost)
    # Every plan but the first and the last is both costed as an iterate and scored as a decoded plan.
    first, last = seen[0].cost.min(dim=1).values, seen[-1].decoded_cost.min(dim=1).values
    assert torch.equal(torch.minimum(plan.cost, first), torch.minimum(plan.relaxed_cost, last))


def test_straight_through_has_the_gradient_of_the_softmax():
    generator = torch.Generator().manual_seed(9)
    logits = torch.randn(20, 4, generator=generator, requires_grad=True)
    weights = torch.randn(20, 4, generator=generator)
    hard, soft = (
        torch.autograd.grad((relax(logits, name, progress=0.5, generator=generator) * weights).sum(), logits)[0]
        for name in ("straight-through", "softmax")
    )
    assert torch.equal(hard, soft) and hard.abs().max() > 0.01


def test_annealed_starts_as_the_softmax_and_ends_nearly_one_hot(problem):
    _, seen = watched(problem, relaxation="annealed", steps=60)
    _, plain = watched(problem, steps=60)
    assert torch.equal(seen[0].probabilities, plain[0].probabilities)
    largest = torch.stack([iterate.probabilities.max(dim=-1).values for iterate in seen])
    assert largest[0].mean() < 0.7
    assert largest[-1].median() > 0.9999 and (largest[-1] > 0.99).float().mean() > 0.95
    assert (plain[-1].probabilities.max(dim=-1).values > 0.99).float().mean() < 0.3
    z0, goal = problem
    last = seen[-1].probabilities.argmax(dim=-1)
    assert (score(walker, z0, goal, last, actions=ACTIONS) - seen[-1].cost).abs().mean() < 0.02


def test_the_temperature_falls_geometrically_from_one():
    logits = torch.tensor([0.0, 1.0, -2.0], dtype=torch.float64)
    temperatures = []
    for progress in (0.0, 0.25, 0.5, 0.75, 1.0):
        p = relax(logits, "annealed", progress=progress, generator=torch.Generator())
        temperatures.append(1 / math.log(float(p[1] / p[0])))
    assert temperatures[0] == pytest.approx(1.0) and temperatures[-1] == pytest.approx(FINAL_TEMPERATURE)
    ratios = [later / earlier for earlier, later in pairwise(temperatures)]
    assert ratios == pytest.approx([FINAL_TEMPERATURE**0.25] * 4)


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_one_step_is_enough_for_every_relaxation(problem, relaxation):
    plan, seen = watched(problem, relaxation=relaxation, steps=1)
    assert len(seen) == 1 and bool(plan.cost.isfinite().all()) and plan.model_calls == 5 * HORIZON * 2


def test_gumbel_draws_its_noise_from_the_generator_alone(problem):
    plan, seen = watched(problem, relaxation="gumbel")
    torch.manual_seed(99)
    again, seen_again = watched(problem, relaxation="gumbel")
    assert torch.equal(plan.actions, again.actions) and torch.equal(plan.relaxed_cost, again.relaxed_cost)
    for iterate, same in zip(seen, seen_again, strict=True):
        assert torch.equal(iterate.probabilities, same.probabilities) and torch.equal(iterate.cost, same.cost)
    _, other = watched(problem, relaxation="gumbel", seed=9)
    assert not torch.allclose(seen[0].probabilities, other[0].probabilities)
    # The initial logits are those of the softmax; what differs is the noise, fresh at every step.
    _, plain = watched(problem, lr=1e-12)
    _, noisy = watched(problem, lr=1e-12, relaxation="gumbel")
    noise = [torch.log(a.probabilities) - torch.log(b.probabilities) for a, b in zip(noisy, plain, strict=True)]
    assert not torch.allclose(noise[0], noise[1], atol=1e-2)


def test_gumbel_samples_are_largest_as_often_as_the_softmax_says():
    logits = torch.tensor([0.0, 1.0, -1.0, 0.5]).expand(40_000, 4)
    samples = relax(logits, "gumbel", progress=0.0, generator=torch.Generator().manual_seed(10))
    assert bool((samples > 0).all()) and torch.allclose(samples.sum(dim=1), torch.ones(1))
    often = torch.bincount(samples.argmax(dim=1), minlength=4) / len(samples)
    assert torch.allclose(often, logits[0].softmax(dim=0), atol=0.01)
    # The difference of two standard Gumbel variables is standard logistic, of variance pi^2 / 3.
    difference = torch.log(samples[:, 1] / samples[:, 0])
    assert difference.mean().item() == pytest.approx(1.0, abs=0.04)
    assert difference.var().item() == pytest.approx(math.pi**2 / 3, rel=0.05)


@pytest.mark.parametrize("relaxation", [name for name in RELAXATIONS if name != "gumbel"])
def test_only_gumbel_draws_noise(relaxation):
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    relax(torch.zeros(2, 3), relaxation, progress=0.0, generator=generator)
    assert torch.equal(before, generator.get_state())


@pytest.mark.parametrize("over", COSTS)
@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_every_relaxation_reaches_the_goal(relaxation, over):
    moves = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [0.0, 0.0]])

    def point(z, a):
        return z + a @ moves

    z0, goal = torch.tensor([[0.0, 0.0], [3.0, -1.0], [4.0, 1.0], [2.0, -2.0]]), torch.tensor([[2.0, -1.0]])
    plan = plan_gradient(
        point, z0, goal, 5, actions=5, generator=torch.Generator().manual_seed(0), over=over, relaxation=relaxation
    )
    path = rollout(point, z0, torch.eye(5)[plan.actions])[:, 1:]
    arrivals = (path - goal).norm(dim=-1) < 1e-5
    assert bool((arrivals[:, -1] if over == "terminal" else arrivals.any(dim=1)).all())
    best = plan_exhaustive(point, z0, goal, 5, actions=5, over=over)
    assert torch.allclose(plan.cost, best.cost, atol=1e-5)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizon": 0}, "horizon must be at least 1, got 0"),
        ({"restarts": 0}, "restarts must be at least 1, got 0"),
        ({"lr": 0.0}, "lr must be finite and greater than 0.0"),
        ({"over": "sum"}, "over must be one of 'rollout', 'terminal', 'closest', got 'sum'"),
        (
            {"relaxation": "soft"},
            "relaxation must be one of 'softmax', 'straight-through', 'annealed', 'gumbel', got 'soft'",
        ),
        ({"goal": torch.zeros(1, 3)}, r"goal must have shape \(G, 2\), got \(1, 3\)"),
        ({"z0": torch.zeros(2)}, r"z0 must have shape \(B, D\), got \(2,\)"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {"z0": torch.zeros(1, 2), "goal": torch.zeros(1, 2), "horizon": 3, **change}

    def untouched(z, a):
        raise AssertionError("work started before the arguments were checked")

    with pytest.raises(ValueError, match=message):
        plan_gradient(untouched, actions=3, generator=torch.Generator(), **arguments)


def test_a_relaxation_refuses_what_it_cannot_use():
    with pytest.raises(ValueError, match="relaxation must be one of 'softmax'"):
        relax(torch.zeros(3), "hard", progress=0.0, generator=torch.Generator())
    with pytest.raises(ValueError, match=r"progress must be finite and at least 0.0 and at most 1.0, got 1.5"):
        relax(torch.zeros(3), "annealed", progress=1.5, generator=torch.Generator())
    with pytest.raises(ValueError, match="over must be one of 'rollout', 'terminal', 'closest', got 'nearest'"):
        goal_cost(torch.zeros(3, 2), torch.zeros(1, 2), over="nearest")


def test_path_integral_survives_rollouts_that_overflow():
    def burst(z, a):
        return z + a[:, :1] * 1e30 + a[:, 1:2]  # action 0 overflows once squared, action 1 goes towards the goal

    goal = torch.full((1, 2), 3.0)
    sizes = {"actions": 2, "generator": torch.Generator().manual_seed(0), "samples": 64, "iterations": 4}
    plan = plan_path_integral(burst, torch.zeros(1, 2), goal, 3, **sizes)
    assert plan.actions.tolist() == [[1, 1, 1]]


def test_absurd_searches_are_refused():
    with pytest.raises(ValueError, match=r"horizon must keep actions \*\* horizon at most 100000, got 3 \*\* 20"):
        plan_exhaustive(walker, torch.zeros(1, 2), torch.zeros(1, 2), 20, actions=3)
    with pytest.raises(ValueError, match="elites must be between 1 and 10, got 20"):
        plan_cross_entropy(
            walker,
            torch.zeros(1, 2),
            torch.zeros(1, 2),
            3,
            actions=3,
            generator=torch.Generator(),
            samples=10,
            elites=20,
        )
