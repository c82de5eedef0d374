"""Forms of spectral regularity: what a training can ask of the growth of small differences, and what a planner can do.

The report penalises the squared Frobenius norm of the step Jacobian, all of it. But a model that predicts must let
differences pass: what has to go is *growth*. With ``v`` a random direction of length 1 along which a latent can move::

    g(v) = |J^T v|^2,   E g = ||P J||_F^2 / dim,

where ``J`` is the Jacobian of ``T`` steps, ``P`` the projection on those directions and ``dim`` their number.
``g <= 1`` for all ``v`` is what a non-expansive rollout means, and ``max(0, g - 1)`` is zero there: it asks for no
more.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from helm_tutorial._check import require_choice, require_count, require_shape
from helm_tutorial.jacobian import spectral_penalty_hutchinson
from helm_tutorial.rollouts import Dynamics, rollout

FORMS = ("square", "hinge", "rollout")
"""Penalties by name, see :func:`regularity_loss`; the report's first."""


def squared_growth(
    model: Dynamics, z: Tensor, actions: Tensor, generator: torch.Generator, *, sphere: bool = False
) -> Tensor:
    """``g(v) = |J^T v|^2`` of a rollout, for one random direction ``v`` for each sample; it can be differentiated.

    Args:
        model: ``z_next = model(z, a)``.
        z: first latents, shape ``(B, D)``.
        actions: shape ``(B, T, A)``, ``T`` at least 1.
        generator: draws the directions.
        sphere: latents have length 1: directions are tangent to the sphere at the last latent.

    Returns:
        Shape ``(B,)``.

    Raises:
        ValueError: a shape is not as above.
    """
    require_shape("z", z, ("B", "D"))
    require_shape("actions", actions, (len(z), "T", "A"))
    require_count("the horizon of actions", actions.shape[1])
    z = z.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        last = rollout(model, z, actions)[:, -1]
        v = torch.randn(last.shape, generator=generator, dtype=last.dtype).to(last.device)
        if sphere:
            here = last.detach()
            v = v - (v * here).sum(dim=1, keepdim=True) * here
        v = v / v.norm(dim=1, keepdim=True)
        (pulled,) = torch.autograd.grad((last * v).sum(), z, create_graph=True)
    return pulled.square().sum(dim=1)


def regularity_loss(
    model: Dynamics,
    z: Tensor,
    a: Tensor,
    generator: torch.Generator,
    *,
    form: str = "square",
    steps: int = 8,
    sphere: bool = False,
) -> Tensor:
    """A penalty on the growth of small differences: a scalar.

    Args:
        model: ``z_next = model(z, a)``.
        z: latents, shape ``(B, D)``.
        a: actions, shape ``(B, A)``.
        generator: draws probes, and further actions.
        form: ``"square"`` for the squared Frobenius norms of the step's state and action Jacobians (the report's
            formula, Hutchinson's estimate); ``"hinge"`` for ``D max(0, g - 1)`` of the step; ``"rollout"`` for
            ``D max(0, log g) / steps`` of a rollout of ``steps`` steps, the first with ``a``, the others with random
            actions, on every ``steps``-th sample so that it costs about as much.
        steps: of the rollout.
        sphere: latents have length 1.

    Raises:
        ValueError: a shape does not fit, or there is no such form.
    """
    require_choice("form", form, FORMS)
    require_shape("z", z, ("B", "D"))
    require_shape("a", a, (len(z), "A"))
    require_count("steps", steps)
    if form == "square":
        return spectral_penalty_hutchinson(model, z, a, generator)
    size = z.shape[1]
    if form == "hinge":
        growth = squared_growth(model, z, a[:, None], generator, sphere=sphere)
        return size * (growth - 1.0).clamp_min(0.0).mean()
    z, a = z[::steps], a[::steps]
    further = torch.randint(a.shape[1], (len(a), steps - 1), generator=generator).to(a.device)
    actions = torch.cat([a[:, None], torch.nn.functional.one_hot(further, a.shape[1]).to(a.dtype)], dim=1)
    growth = squared_growth(model, z, actions, generator, sphere=sphere)
    return size * growth.clamp_min(1.0).log().mean() / steps


def bounded_gradient(model: Callable[[Tensor, Tensor], Tensor]) -> Dynamics:
    """The same dynamics, whose backward pass never hands on a gradient longer than 1.

    What a planner can do about a cliff without another model: forward nothing changes. Each sample's gradient with
    respect to a latent is shortened to length 1 where it is longer, so that through ``T`` steps it cannot grow. It is
    no longer the gradient of any cost.
    """

    def bounded(z: Tensor, a: Tensor) -> Tensor:
        if z.requires_grad:
            z = z.view_as(z)
            z.register_hook(lambda gradient: gradient / gradient.norm(dim=-1, keepdim=True).clamp_min(1.0))
        return model(z, a)

    return bounded
