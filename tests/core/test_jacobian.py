"""Rollouts and their Jacobians, against finite differences."""

import itertools

import pytest
import torch

from helm_tutorial.jacobian import rollout_jacobian, step_jacobian
from helm_tutorial.rollouts import rollout


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


WEIGHTS = normal(3, 5, seed=2).requires_grad_()


def model(z, a):
    """A smooth step that is not linear, with D = 3 and A = 2."""
    return torch.tanh(torch.cat([z, a], dim=1) @ WEIGHTS.mT)


def test_rollout_applies_the_model_in_order():
    z0, actions = normal(4, 3), normal(4, 2, 2, seed=1)
    states = rollout(model, z0, actions)
    assert states.shape == (4, 3, 3)
    assert torch.equal(states[:, 0], z0)
    assert torch.equal(states[:, 2], model(model(z0, actions[:, 0]), actions[:, 1]))
    assert torch.equal(rollout(model, z0, actions[:, :0]), z0[:, None])


def test_rollout_jacobian_against_finite_differences():
    z0, actions = normal(2, 3), normal(2, 4, 2, seed=1)
    jacobian = rollout_jacobian(model, z0, actions)
    assert torch.allclose(jacobian.action_norm, jacobian.action.flatten(1).norm(dim=1))
    assert torch.allclose(jacobian.state_norm, torch.linalg.matrix_norm(jacobian.state))
    h = 1e-6

    def last(z0, actions):
        return rollout(model, z0, actions)[:, -1].detach()

    for t, k in itertools.product(range(4), range(2)):
        nudge = torch.zeros_like(actions)
        nudge[:, t, k] = h
        slope = (last(z0, actions + nudge) - last(z0, actions - nudge)) / (2 * h)
        assert torch.allclose(jacobian.action[:, :, t, k], slope, atol=1e-7)
    for d in range(3):
        nudge = torch.zeros_like(z0)
        nudge[:, d] = h
        slope = (last(z0 + nudge, actions) - last(z0 - nudge, actions)) / (2 * h)
        assert torch.allclose(jacobian.state[:, :, d], slope, atol=1e-7)


def test_rollout_jacobian_leaves_its_arguments_and_gradients_alone():
    z0, actions = normal(1, 3), normal(1, 2, 2)
    with torch.no_grad():
        rollout_jacobian(model, z0, actions)
    assert not z0.requires_grad
    assert actions.grad is None
    assert WEIGHTS.grad is None


def test_norms_survive_entries_whose_squares_overflow():
    jacobian = rollout_jacobian(lambda z, a: 10 * z + a, torch.zeros(1, 2), torch.zeros(1, 30, 2))
    assert float(jacobian.state_norm) == pytest.approx(2**0.5 * 1e30, rel=1e-5)
    assert float(jacobian.action_norm) == pytest.approx(2**0.5 * 1e29 / 0.99**0.5, rel=1e-5)


def test_a_model_that_ignores_its_actions_has_a_zero_jacobian():
    by_state, by_action = step_jacobian(lambda z, a: 2 * z, torch.zeros(3, 2), torch.zeros(3, 1))
    assert torch.equal(by_state, 2 * torch.eye(2).expand(3, 2, 2)) and not by_action.any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: rollout(m, normal(2, 3), normal(1, 4, 2)), r"actions must have shape \(2, T, A\), got \(1, 4, 2\)"),
        (lambda m: rollout_jacobian(m, normal(3), normal(1, 4, 2)), "z0 must have shape"),
        (lambda m: rollout_jacobian(m, normal(1, 3), normal(1, 0, 2)), "horizon of actions must be at least 1"),
        (lambda m: step_jacobian(m, normal(2, 3), normal(3, 2)), "a must have shape"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(model)
