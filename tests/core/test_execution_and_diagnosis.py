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
from helm_tutorial import diagnosis
from helm_tutorial.diagnosis import rank_correlation
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.planning.episodes import execute
from helm_tutorial.planning.plan import Plan
from helm_tutorial.worlds.gridworld import geodesic_distances, goal_distances, load_gridworld, random_walks


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
        return Plan(torch.tensor(plans), zeros, zeros, 7)

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
        return Plan(torch.zeros(len(observations), 3, dtype=torch.long), zeros, zeros, 0)

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


def test_geodesic_latents_are_diagnosed_as_perfect(world):
    """Latents whose distance to the goal is the geodesic one, on a line."""
    to_goal = goal_distances(world)
    z = to_goal[:, None].clone()
    assert diagnosis.greedy_accuracy(z, world, to_goal) == 1.0
    assert diagnosis.descent_share(z, world) == 1.0
    assert diagnosis.effective_rank(z) == pytest.approx(1.0)


def test_one_hot_latents_are_equidistant_and_have_no_direction(world):
    z = torch.eye(world.states)
    assert diagnosis.spread(z) == pytest.approx(2**0.5)
    assert diagnosis.effective_rank(z) == pytest.approx(world.states - 1, rel=1e-3)
    # All non-goal states are equally far, so an action lowers the distance only beside the goal.
    to_goal = goal_distances(world)
    beside = (to_goal[world.starts] == 1).float().mean()
    assert diagnosis.descent_share(z, world) == pytest.approx(float(beside))


def test_metric_correlation_of_the_metric_itself_is_one():
    # One-dimensional chain: latent distance is geodesic distance exactly.
    z = torch.arange(6.0)[:, None]
    assert diagnosis.metric_correlation(z, torch.cdist(z, z)) == pytest.approx(1.0)


@pytest.mark.parametrize("scale", [1.0, 1e-6])
def test_distances_survive_collapse(scale):
    """All latents within a millionth of one another, around a point of length 0.3: still the same distances."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(60, 8, generator=generator)
    shrunk = (0.1 + scale * z.double()).double()
    exact = torch.cdist(shrunk, shrunk)
    measured = diagnosis.latent_distances(shrunk.float(), shrunk.float()).double()
    # What is left is the rounding of the latents themselves to single precision.
    assert torch.allclose(measured, exact, rtol=1e-3, atol=max(3e-8, 1e-6 * scale))


def test_prediction_accuracy_of_a_lookup_table_is_one(world):
    class Lookup:
        actions = 3

        def encode(self, features):
            return torch.eye(world.states)[(features @ world.features.T).argmax(dim=1)]

        def __call__(self, z, a):
            return torch.eye(world.states)[world.transitions[z.argmax(dim=1), a.argmax(dim=1)]]

    assert diagnosis.prediction_accuracy(Lookup(), world) == 1.0


class Table:
    """A perfect model that looks states up; it stands still if asked to."""

    actions = 3

    def __init__(self, world, *, still: bool = False, error: float = 0.0):
        self.world, self.still, self.error = world, still, error

    def encode(self, features):
        return torch.eye(self.world.states)[torch.cdist(features, self.world.features).argmin(dim=1)]

    encode_goal = encode

    def __call__(self, z, a):
        return z if self.still else torch.eye(self.world.states)[self.world.transitions[z.argmax(1), a.argmax(1)]]

    def decode(self, z):
        return z @ self.world.features + self.error * self.world.view.scale


def test_rollout_accuracy_compares_the_last_imagined_state_with_the_true_one(world):
    assert diagnosis.rollout_accuracy(Table(world), world, 6, 0) == 1.0
    states, _ = random_walks(world, 300, 6, generator=torch.Generator().manual_seed(4))
    back = float((states[:, 0] == states[:, -1]).float().mean())
    assert 0 < back < 1
    assert diagnosis.rollout_accuracy(Table(world, still=True), world, 6, 4, rollouts=300) == pytest.approx(back)
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        diagnosis.rollout_accuracy(Table(world), world, 0, 0)
    with pytest.raises(ValueError, match="rollouts must be at least 1, got 0"):
        diagnosis.rollout_accuracy(Table(world), world, 3, 0, rollouts=0)


@pytest.mark.parametrize("observation", ["cells", "profiles"])
def test_decoding_accuracy_rounds_to_the_next_states_counts(observation):
    room = load_gridworld("MiniGrid-Empty-5x5-v0", observation=observation)
    assert diagnosis.decoding_accuracy(Table(room), room) == 1.0
    for error, accuracy in ((0.45, 1.0), (-0.45, 1.0), (0.55, 0.0), (-0.55, 0.0)):
        assert diagnosis.decoding_accuracy(Table(room, error=error), room) == accuracy
    stay = (room.transitions == torch.arange(room.states)[:, None]).float().mean()
    assert diagnosis.decoding_accuracy(Table(room, still=True), room) == pytest.approx(float(stay))


def test_goal_latents_are_those_of_the_goal_encoder(world):
    options = {"latent": 4, "hidden": 8, "generator": torch.Generator().manual_seed(0)}
    one, two = (WorldModel(world.features.shape[1], 3, goal_encoder=own, **options) for own in (False, True))
    assert torch.equal(diagnosis.goal_latents(one, world), diagnosis.latents(one, world))
    assert torch.equal(diagnosis.goal_latents(two, world), two.encode_goal(world.features))
    assert not diagnosis.goal_latents(two, world).requires_grad


def test_diagnoses_measure_from_latents_to_goal_latents(world):
    generator, to_goal = torch.Generator().manual_seed(0), goal_distances(world)
    z, y = torch.randn(2, world.states, 3, generator=generator)
    naive = torch.stack([(z - y[goal]).norm(dim=1) for goal in world.goals]).min(dim=0).values
    assert torch.allclose(diagnosis.goal_latent_distances(z, world, goals=y), naive, atol=1e-6)
    ahead = naive[world.transitions[world.starts]]
    lowered = (ahead.min(dim=1).values < naive[world.starts]).float().mean()
    assert diagnosis.descent_share(z, world, goals=y) == pytest.approx(float(lowered))
    right = to_goal[world.transitions] < to_goal[:, None]
    best = right[world.starts, ahead.argmin(dim=1)].float().mean()
    unique = ahead.sort(dim=1).values
    assert bool((unique[:, 1] > unique[:, 0] * 1.001).float().mean() > 0.5)
    slack = float((unique[:, 1] <= unique[:, 0] * (1 + 1e-6)).float().mean())  # ties are shared, not broken
    assert diagnosis.greedy_accuracy(z, world, to_goal, goals=y) == pytest.approx(float(best), abs=slack + 1e-6)
    for measure in (diagnosis.goal_latent_distances, diagnosis.descent_share):
        assert torch.equal(torch.as_tensor(measure(z, world, goals=z)), torch.as_tensor(measure(z, world)))
    assert diagnosis.greedy_accuracy(z, world, to_goal, goals=z) == diagnosis.greedy_accuracy(z, world, to_goal)
    # On a line to the goal all is perfect, whatever the goal states' own latents are.
    line, origin = to_goal[:, None].clone(), torch.zeros(world.states, 1)
    line[world.goals] = -50.0
    assert diagnosis.greedy_accuracy(line.clamp_min(0), world, to_goal, goals=origin) == 1.0
    assert diagnosis.descent_share(line.clamp_min(0), world, goals=origin) == 1.0


def test_with_goal_latents_a_distance_may_have_a_direction():
    z = torch.arange(7.0)[:, None]
    y = z - 0.4
    quasimetric = (z - y.T).abs()
    assert diagnosis.metric_correlation(z, quasimetric, goals=y) == pytest.approx(1.0)
    bound = diagnosis.symmetric_bound(quasimetric)
    assert diagnosis.metric_correlation(z, quasimetric) <= bound + 1e-12 < 1.0
    assert diagnosis.metric_correlation(z, quasimetric, goals=z) == diagnosis.metric_correlation(z, quasimetric)


def off_diagonal(matrix):
    return matrix[~torch.eye(len(matrix), dtype=torch.bool)]


def test_symmetric_bound_holds_for_every_symmetric_distance():
    geodesic = geodesic_distances(load_gridworld("MiniGrid-Empty-8x8-v0"))
    bound = diagnosis.symmetric_bound(geodesic)
    assert f"{bound:.3f}" == "0.940"
    mean = (geodesic + geodesic.T) / 2
    reached = rank_correlation(off_diagonal(mean), off_diagonal(geodesic))
    assert bound - 0.01 < reached <= bound  # so it is all but reached
    generator = torch.Generator().manual_seed(0)
    for trial in range(200):
        # From noise alone to the mean of both ways with a little noise.
        noise = torch.rand(mean.shape, generator=generator) * 10 ** (2 - trial / 40)
        distances = (noise + noise.T) + (mean if trial % 4 else 0.0)
        assert rank_correlation(off_diagonal(distances), off_diagonal(geodesic)) <= bound + 1e-9
    points = torch.randn(len(geodesic), 5, generator=generator)
    assert diagnosis.metric_correlation(points, geodesic) <= bound


def test_symmetric_bound_of_small_matrices_is_never_passed_and_is_one_where_both_ways_are_alike():
    generator = torch.Generator().manual_seed(1)
    for size in (2, 3, 5, 8):
        for _ in range(25):
            geodesic = torch.randint(1, 6, (size, size), generator=generator).float()
            if len(off_diagonal(geodesic).unique()) > 1:
                bound = diagnosis.symmetric_bound(geodesic)
                assert 0.0 <= bound <= 1.0 + 1e-12
                for _ in range(5):
                    d = torch.rand(size, size, generator=generator)
                    if size > 2:  # two states have one symmetric distance only, which orders nothing
                        found = rank_correlation(off_diagonal(d + d.T), off_diagonal(geodesic))
                        assert found <= bound + 1e-9
            symmetric = geodesic + geodesic.T
            if len(off_diagonal(symmetric).unique()) > 1:
                assert diagnosis.symmetric_bound(symmetric) == pytest.approx(1.0, abs=1e-12)
    assert diagnosis.symmetric_bound(torch.tensor([[0.0, 1.0], [2.0, 0.0]])) == 0.0


def test_symmetric_bound_leaves_out_pairs_without_a_way_and_refuses_what_has_no_order():
    small = torch.tensor([[0.0, 1.0, 4.0], [2.0, 0.0, 1.0], [3.0, 2.0, 0.0]])
    larger = torch.full((4, 4), float("inf"))
    larger[:3, :3], larger[3, 3], larger[0, 3] = small, 0.0, 9.0  # the fourth has no way back
    assert diagnosis.symmetric_bound(larger) == pytest.approx(diagnosis.symmetric_bound(small), abs=1e-12)
    with pytest.raises(ValueError, match="geodesic must hold at least two different distances"):
        diagnosis.symmetric_bound(torch.ones(3, 3))
    with pytest.raises(ValueError, match=r"geodesic must have shape \(3, 3\), got \(3, 2\)"):
        diagnosis.symmetric_bound(torch.ones(3, 2))


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
