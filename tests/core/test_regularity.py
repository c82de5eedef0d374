"""Penalties on growth against linear systems, where the growth is known, and the gradient that cannot grow."""

import math
from dataclasses import replace

import pytest
import torch

from helm_study.play import learned_rollout_jacobian
from helm_tutorial.cliff.penalties import spectral_penalty
from helm_tutorial.jacobian import rollout_jacobian
from helm_tutorial.models.contrastive import train_contrastive
from helm_tutorial.models.regularity import FORMS, bounded_gradient, penalised_gain, regularity_loss, squared_growth
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.rollouts import rollout
from helm_tutorial.worlds.gridworld import load_gridworld

D, A = 4, 3


def scaled_rotation(scale: float):
    """A linear model that multiplies every difference by ``scale``."""
    turn, _ = torch.linalg.qr(torch.randn(D, D, generator=torch.Generator().manual_seed(1)))
    B = torch.randn(D, A, generator=torch.Generator().manual_seed(2))
    return lambda z, a: scale * z @ turn.T + a @ B.T


def batch(count: int, steps: int = 1):
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(count, D, generator=generator)
    chosen = torch.randint(A, (count, steps), generator=generator)
    return z, torch.nn.functional.one_hot(chosen, A).float(), generator


@pytest.mark.parametrize("steps", [1, 5])
def test_growth_of_a_scaled_rotation_is_its_scale_in_every_direction(steps):
    z, actions, generator = batch(16, steps)
    growth = squared_growth(scaled_rotation(1.2), z, actions, generator)
    assert torch.allclose(growth, torch.full_like(growth, 1.2 ** (2 * steps)), rtol=1e-4)


def test_growth_in_the_mean_is_the_squared_norm_over_the_dimension():
    weights = torch.randn(D, D, generator=torch.Generator().manual_seed(3))
    z, actions, generator = batch(20_000)
    growth = squared_growth(lambda z, a: torch.tanh(z @ weights.T), z * 0, actions, generator)
    assert float(growth.detach().mean()) == pytest.approx(float(weights.square().sum()) / D, rel=0.03)


def test_on_the_sphere_no_growth_is_looked_for_across_it():
    """A model that stretches only along the latent itself moves nothing on the sphere."""

    def radial(z, a):
        return z + 10.0 * (z * z.detach()).sum(dim=1, keepdim=True) * z.detach() - 10.0 * z.detach()

    z, actions, generator = batch(32)
    z = torch.nn.functional.normalize(z, dim=1)
    on = squared_growth(radial, z, actions, generator, sphere=True)
    off = squared_growth(radial, z, actions, generator)
    assert torch.allclose(on, torch.ones_like(on), atol=1e-3) and float(off.max()) > 5.0


@pytest.mark.parametrize("scale", [0.8, 1.0, 1.3])
def test_each_form_by_hand(scale):
    model, (z, actions, _) = scaled_rotation(scale), batch(24)
    loss = {
        form: float(regularity_loss(model, z, actions[:, 0], torch.Generator().manual_seed(5), form=form, steps=6))
        for form in FORMS
    }
    assert loss["hinge"] == pytest.approx(D * max(0.0, scale**2 - 1), abs=1e-4)
    assert loss["rollout"] == pytest.approx(D * max(0.0, 2 * math.log(scale)), abs=1e-4)
    same = spectral_penalty(model, z, actions[:, 0], generator=torch.Generator().manual_seed(5))
    assert loss["square"] == float(same) > 0


def test_bounded_gradient_changes_nothing_forward_and_cannot_grow_backward():
    model, (z, actions, _) = scaled_rotation(1.5), batch(8, 30)
    tamed = bounded_gradient(model)
    assert torch.equal(rollout(model, z, actions), rollout(tamed, z, actions))
    assert float(rollout_jacobian(model, z, actions).state_norm.min()) > 1e4
    start = z.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(rollout(tamed, start, actions)[:, -1].sum(), start)
    assert float(gradient.norm(dim=1).max()) <= 1.0 + 1e-5
    shrinking = z.clone().requires_grad_(True)
    (same,) = torch.autograd.grad(
        rollout(bounded_gradient(scaled_rotation(0.3)), shrinking, actions)[:, -1].sum(), shrinking
    )
    (plain,) = torch.autograd.grad(rollout(scaled_rotation(0.3), shrinking, actions)[:, -1].sum(), shrinking)
    assert torch.allclose(same, plain)


def test_tangent_dynamics_move_along_the_sphere_and_normalising_never_stretches_them():
    model = WorldModel(6, A, latent=D, hidden=16, sphere=True, tangent=True, generator=torch.Generator().manual_seed(0))
    z, actions, _ = batch(32)
    z = torch.nn.functional.normalize(z, dim=1)
    moved = model(z, actions[:, 0])
    assert torch.allclose(moved.norm(dim=1), torch.ones(32), atol=1e-5)
    residuals = model.residuals(z).unflatten(-1, (A, D))
    residual = (actions[:, 0].unsqueeze(-2) @ residuals).squeeze(-2)
    across = residual - (residual * z).sum(dim=1, keepdim=True) * z
    assert torch.allclose(moved, torch.nn.functional.normalize(z + across, dim=1), atol=1e-6)
    assert float((z + across).norm(dim=1).min().detach()) >= 1.0 - 1e-5


@pytest.mark.parametrize("form", FORMS)
def test_training_uses_the_form_that_it_names(form):
    room = load_gridworld("MiniGrid-Empty-5x5-v0")
    few = Contrastive(walks=50, walk_length=20, updates=150, batch=128, spectral_form=form)

    def growth(weight: float) -> float:
        model = train_contrastive(room, replace(few, spectral_weight=weight), 0)
        return learned_rollout_jacobian(room, model, 8, 0)

    assert growth(1.0) < 0.95 * growth(0.0)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("weight", [0.0, 0.05, 0.3, 2.0])
@pytest.mark.parametrize("gain", [0.0, 0.7, 1.0, 1.2, 1.5, 4.0])
def test_penalised_gain_is_the_least_of_a_fine_grid(form, weight, gain):
    w = torch.linspace(1e-6, 5.0, 500_001, dtype=torch.float64)
    penalty = {"square": w**2, "hinge": (w**2 - 1).clamp_min(0), "rollout": 2 * w.log().clamp_min(0)}[form]
    best = float(w[((gain - w).square() + weight * penalty).argmin()])
    assert penalised_gain(gain, weight, form) == pytest.approx(best, abs=2e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, z, a, g: regularity_loss(m, z, a[:, 0], g, form="soft"), "form must be one of 'square', .* 'soft'"),
        (lambda m, z, a, g: regularity_loss(m, z, a[:, 0], g, form="rollout", steps=0), "steps must be at least 1"),
        (lambda m, z, a, g: squared_growth(m, z, a[:2], g), "actions must have shape"),
        (lambda *_: penalised_gain(-1.0, 0.1, "hinge"), "gain must be finite and at least 0"),
        (lambda *_: penalised_gain(1.0, -0.1, "hinge"), "weight must be finite and at least 0"),
        (lambda *_: penalised_gain(1.0, 0.1, "soft"), "form must be one of"),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(scaled_rotation(1.0), *batch(3))
