"""Condition numbers of planning, against their bounds and autograd, in float64 throughout."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helm_tutorial.cliff.conditioning import (
    action_condition,
    action_condition_bound,
    lifted_condition,
    lifted_condition_bound,
)
from helm_tutorial.cliff.linear_system import LinearSystem, expansive_system
from helm_tutorial.jacobian import rollout_jacobian


def draw(seed: int = 0, **kwargs) -> LinearSystem:
    return expansive_system(torch.Generator().manual_seed(seed), **kwargs)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 200), st.integers(1, 4), st.integers(8, 40))
def test_condition_numbers_keep_their_bounds(seed, actions, horizon):
    system = draw(seed, num_actions=actions)
    assert action_condition(system, horizon) >= action_condition_bound(system, horizon) * (1 - 1e-6)
    bound = lifted_condition_bound(system, horizon)
    for T in (horizon, horizon + 7):  # the bound holds at longer horizons too
        assert lifted_condition(system, T) <= bound * (1 + 1e-6)


def test_the_condition_number_grows_by_the_ratio_of_the_extreme_eigenvalues():
    system = draw(num_actions=4)
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
