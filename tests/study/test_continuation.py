import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helm_study.funnel.continuation import ball_curvature, coarse_width, derived_schedule, polished, tracking_margin
from helm_tutorial.funnel.descent import arrived, descend, descend_coarse_to_fine, start_grid
from helm_tutorial.funnel.landscape import RuggedEnergy, convexity_width, mollify, report_energy

PLAN = derived_schedule(report_energy())
seeds = st.integers(0, 2**31 - 1)


def draw(seed):
    generator = torch.Generator().manual_seed(seed)
    frequencies = 4 * torch.randn(4, 3, generator=generator, dtype=torch.float64)
    energy = RuggedEnergy(frequencies, torch.randn(4, generator=generator, dtype=torch.float64))
    return energy, 2 * torch.randn(3, generator=generator, dtype=torch.float64), generator


def within(center, radius, generator, count=300):
    directions = torch.randn(count, len(center), generator=generator, dtype=torch.float64)
    lengths = radius * torch.rand(count, 1, generator=generator, dtype=torch.float64)
    return center + lengths * directions / directions.norm(dim=1, keepdim=True)


@settings(deadline=None)
@given(seeds, st.floats(0.0, 0.5))
def test_no_curvature_in_the_ball_is_below_the_bound(seed, radius):
    energy, a, generator = draw(seed)
    curvatures = torch.linalg.eigvalsh(energy.hessian(within(a, radius, generator)))
    assert ball_curvature(energy, a, radius) <= float(curvatures.min()) + 1e-9


def test_the_bound_at_radius_0_is_the_curvature_itself():
    energy, a, _ = draw(3)
    assert ball_curvature(energy, a, 0.0) == pytest.approx(float(torch.linalg.eigvalsh(energy.hessian(a[None]))[0, 0]))


@settings(deadline=None, max_examples=30)
@given(seeds, st.floats(0.2, 1.0))
def test_where_the_margin_is_positive_descent_converges_as_the_lemma_says(seed, share):
    energy, a, generator = draw(seed)
    # beside a minimum, so that the lemma has something to say
    near = polished(energy, a[None])[0] + 0.003 * torch.randn(3, generator=generator, dtype=torch.float64)
    margin, curvature = tracking_margin(energy, near)
    if margin <= 0.0:
        return
    step = share / energy.highest_curvature()
    path = descend(energy, near[None], steps=200, step_size=step)[0]
    end = polished(energy, near[None], steps=200)[0]
    assert float(energy.gradient(end[None]).norm()) < 1e-9
    assert float((end - near).norm()) <= float(energy.gradient(near[None]).norm()) / curvature + 1e-12
    distances = (path - end).norm(dim=1)
    assert bool((distances[1:] <= (1 - step * curvature) * distances[:-1] + 1e-9).all())


def test_the_schedule_follows_from_the_energy():
    energy = report_energy()
    assert PLAN.sigmas[0] == pytest.approx(coarse_width(energy)) and PLAN.sigmas[0] > convexity_width(energy)
    assert mollify(energy, PLAN.sigmas[0]).lowest_curvature() == pytest.approx(0.5, abs=1e-6)
    assert all(a > b for a, b in itertools.pairwise(PLAN.sigmas)) and PLAN.sigmas[-1] == 0.0
    assert len(PLAN.steps) == len(PLAN.sigmas) and PLAN.evaluations <= 100
    point = polished(mollify(energy, PLAN.sigmas[0]), torch.zeros(1, 2, dtype=torch.float64))
    for sigma in PLAN.sigmas[1:]:
        level = mollify(energy, sigma)
        assert tracking_margin(level, point[0])[0] >= float(level.gradient(point).norm())  # a factor of 2 to spare
        point = polished(level, point)


def test_lemma_6_holds_where_descents_change_level_and_all_end_at_one_stationary_point():
    energy, starts = report_energy(), start_grid(points=6).double()
    path = descend_coarse_to_fine(energy, starts, PLAN.sigmas, steps=PLAN.steps)
    for at, sigma in zip(itertools.accumulate(PLAN.steps), PLAN.sigmas[1:], strict=False):
        level = mollify(energy, sigma)
        assert all(tracking_margin(level, point)[0] > 0.0 for point in path[:, at])
    stationary = polished(energy, path[:1, -1])
    assert bool(arrived(stationary).all()) and float(energy.gradient(stationary).norm()) < 1e-10
    assert float((path[:, -1] - stationary).norm(dim=1).max()) < 1e-6


@pytest.mark.parametrize("dimension", [4, 16])
def test_on_pairs_of_coordinates_one_pairs_schedule_serves_all(dimension):
    energy = report_energy(dimension)
    starts = 6 * torch.rand(40, dimension, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 3
    path = descend_coarse_to_fine(energy, starts, PLAN.sigmas, steps=PLAN.steps)
    pair = descend_coarse_to_fine(report_energy(), starts[:, 2:4], PLAN.sigmas, steps=PLAN.steps)
    assert torch.allclose(path[:, :, 2:4], pair, atol=1e-9)


def test_a_convex_energy_needs_no_more_than_its_first_level_and_the_last():
    slow = RuggedEnergy(torch.tensor([[1.0]], dtype=torch.float64), torch.tensor([0.6], dtype=torch.float64))
    assert derived_schedule(slow).sigmas[-1] == 0.0


def test_polishing_keeps_to_the_hollow():
    energy, a, _ = draw(7)
    long = descend(energy, a[None], steps=2000, step_size=1.0 / energy.highest_curvature())[:, -1]
    assert torch.allclose(polished(energy, a[None]), long, atol=1e-7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ball_curvature(report_energy(), torch.zeros(3), 0.1), "a must have shape"),
        (lambda: ball_curvature(report_energy(), torch.zeros(2), -0.1), "radius must be"),
        (lambda: coarse_width(report_energy(), 1.0), "curvature must be"),
        (lambda: derived_schedule(report_energy(), safety=0.0), "safety must be"),
        (lambda: derived_schedule(report_energy(), shrink=0.0), "shrink must be"),
        (lambda: polished(report_energy(), torch.zeros(2)), "points must have shape"),
        (lambda: tracking_margin(report_energy(), torch.zeros(2), radii=0), "radii must be at least 1"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_quarter_turn_of_phase_is_the_longest_radius_that_is_tried():
    energy = RuggedEnergy(torch.tensor([[2.0]], dtype=torch.float64), torch.tensor([-1.0], dtype=torch.float64))
    # -sin 2a has its hollow at a = π/4 without the bowl; the bowl moves it towards 0
    point = polished(energy, torch.tensor([[0.6]], dtype=torch.float64))[0]
    margin, curvature = tracking_margin(energy, point)
    assert margin > 0.0 and 0.0 < curvature < 1.0 + 4.0 * math.sin(2 * float(point))
