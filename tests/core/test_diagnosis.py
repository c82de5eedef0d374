"""Diagnoses on latents and models whose answers are known."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from helm_tutorial import diagnosis
from helm_tutorial.diagnosis import rank_correlation
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.worlds.gridworld import geodesic_distances, goal_distances, load_gridworld


@pytest.fixture(scope="module")
def world():
    return load_gridworld("MiniGrid-Empty-6x6-v0")


def test_geodesic_latents_are_diagnosed_as_perfect(world):
    """Latents whose distance to the goal is the geodesic one, on a line."""
    to_goal = goal_distances(world)
    z = to_goal[:, None].clone()
    assert diagnosis.greedy_accuracy(z, world, to_goal) == 1.0
    assert diagnosis.descent_share(z, world) == 1.0
    assert diagnosis.effective_rank(z) == pytest.approx(1.0)


def test_one_hot_latents_are_equidistant_and_have_no_direction(world):
    z = torch.eye(world.num_states)
    assert diagnosis.spread(z) == pytest.approx(2**0.5)
    assert diagnosis.effective_rank(z) == pytest.approx(world.num_states - 1, rel=1e-3)
    # All non-goal states are equally far, so an action lowers the distance only beside the goal.
    to_goal = goal_distances(world)
    beside = (to_goal[world.starts] == 1).float().mean()
    assert diagnosis.descent_share(z, world) == pytest.approx(float(beside))


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


class Table:
    """A perfect model that looks states up; it stands still if asked to."""

    def __init__(self, world, *, still: bool = False):
        self.world, self.still = world, still

    def encode(self, features):
        return torch.eye(self.world.num_states)[torch.cdist(features, self.world.features).argmin(dim=1)]

    encode_goal = encode

    def __call__(self, z, a):
        return z if self.still else torch.eye(self.world.num_states)[self.world.transitions[z.argmax(1), a.argmax(1)]]


def test_prediction_accuracy_judges_every_state_and_action(world):
    assert diagnosis.prediction_accuracy(Table(world), world) == 1.0
    stay = (world.transitions == torch.arange(world.num_states)[:, None]).float().mean()
    assert diagnosis.prediction_accuracy(Table(world, still=True), world) == pytest.approx(float(stay))


def test_rollout_accuracy_compares_the_last_imagined_state_with_the_true_one(world):
    assert diagnosis.rollout_accuracy(Table(world), world, 6, 0) == 1.0
    states = world.random_walks(300, 6, generator=torch.Generator().manual_seed(4)).states
    back = float((states[:, 0] == states[:, -1]).float().mean())
    assert 0 < back < 1
    assert diagnosis.rollout_accuracy(Table(world, still=True), world, 6, 4, rollouts=300) == pytest.approx(back)
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        diagnosis.rollout_accuracy(Table(world), world, 0, 0)
    with pytest.raises(ValueError, match="rollouts must be at least 1, got 0"):
        diagnosis.rollout_accuracy(Table(world), world, 3, 0, rollouts=0)


def test_goal_latents_are_those_of_the_goal_encoder(world):
    options = {"latent": 4, "hidden": 8, "generator": torch.Generator().manual_seed(0)}
    one, two = (WorldModel(world.features.shape[1], 3, goal_encoder=own, **options) for own in (False, True))
    assert torch.equal(diagnosis.goal_latents(one, world), diagnosis.latents(one, world))
    assert torch.equal(diagnosis.goal_latents(two, world), two.encode_goal(world.features))
    assert not diagnosis.goal_latents(two, world).requires_grad


def test_diagnoses_measure_from_latents_to_goal_latents(world):
    generator, to_goal = torch.Generator().manual_seed(0), goal_distances(world)
    z, y = torch.randn(2, world.num_states, 3, generator=generator)
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
    line, origin = to_goal[:, None].clone(), torch.zeros(world.num_states, 1)
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
    points = torch.randn(len(geodesic), 5, generator=torch.Generator().manual_seed(0))
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


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=40))
def test_rank_correlation_is_scipys_with_ties(pairs):
    x, y = torch.tensor(pairs, dtype=torch.float64).T
    if x.unique().numel() == 1 or y.unique().numel() == 1:
        with pytest.raises(ValueError, match="constant"):
            rank_correlation(x, y)
    else:
        assert rank_correlation(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-9)
    with pytest.raises(ValueError, match="shape"):
        rank_correlation(x, y[:-1])
