"""Penalties on the growth of small differences, and a gradient that cannot grow.

The report penalises the whole squared Frobenius norm of the step Jacobian. But a model that predicts must pass
differences on; only their *growth* is harmful. For a random direction ``v`` of length 1 in which a latent can move,
let::

    g(v) = |Jᵀ v|²,   E g = ||P J||_F² / dim,

where ``J`` is the Jacobian of ``T`` steps, ``P`` projects onto the space of those directions and ``dim`` is its
dimension. A rollout that expands nothing has ``g <= 1`` for every ``v``, so the penalty ``max(0, g - 1)`` is zero.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from helm_tutorial._check import require_choice, require_count, require_real, require_shape
from helm_tutorial.cliff.penalties import spectral_penalty
from helm_tutorial.jacobian import leaves
from helm_tutorial.rollouts import Dynamics, rollout

FORMS = ("square", "hinge", "rollout")
"""Forms of penalty in :func:`regularity_loss`; the first is the report's."""


def squared_growth(
    model: Dynamics, z: Tensor, actions: Tensor, generator: torch.Generator, *, sphere: bool = False
) -> Tensor:
    """Measure the growth of a rollout in one random direction for each sample.

    The growth is ``g(v) = |Jᵀ v|²``.

    Args:
        model: ``z_next = model(z, a)``.
        z: first latents, shape ``(B, D)``.
        actions: shape ``(B, T, A)`` with ``T`` at least 1.
        generator: source of the directions.
        sphere: whether latents have length 1. Directions are then tangent to the sphere at the last latent.

    Returns:
        Shape ``(B,)``, differentiable with respect to the model's parameters.
    """
    require_shape("z", z, ("B", "D"))
    require_shape("actions", actions, (len(z), "T", "A"))
    require_count("the horizon of actions", actions.shape[1])
    with torch.enable_grad():
        (z,) = leaves(z)
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
    """Penalise the growth of small differences, in one of three forms.

    Args:
        model: ``z_next = model(z, a)``.
        z: latents, shape ``(B, D)``.
        a: actions, shape ``(B, A)``.
        generator: source of the directions and of further actions.
        form: ``"square"`` is :func:`~helm_tutorial.cliff.penalties.spectral_penalty`, estimated: the report's formula.
            ``"hinge"`` is ``D max(0, g - 1)`` of one step. ``"rollout"`` is ``D max(0, log g) / steps`` of a rollout,
            whose first action is ``a`` and whose other actions are random; to cost about as much as the others, it
            uses only every ``steps``-th sample.
        steps: length of that rollout.
        sphere: whether latents have length 1, see :func:`squared_growth`.

    Returns:
        A scalar, differentiable with respect to the model's parameters.

    Example:
        >>> import torch
        >>> def doubling(z, a):
        ...     return 2 * z + a
        >>> z, a, g = torch.ones(4, 3), torch.zeros(4, 3), torch.Generator().manual_seed(0)
        >>> round(regularity_loss(doubling, z, a, g, form="hinge").item(), 4)  # 3 (2² - 1)
        9.0
    """
    require_choice("form", form, FORMS)
    require_shape("z", z, ("B", "D"))
    require_shape("a", a, (len(z), "A"))
    require_count("steps", steps)
    if form == "square":
        return spectral_penalty(model, z, a, generator=generator)
    size = z.shape[1]
    if form == "hinge":
        growth = squared_growth(model, z, a[:, None], generator, sphere=sphere)
        return size * (growth - 1.0).clamp_min(0.0).mean()
    z, a = z[::steps], a[::steps]
    further = torch.randint(a.shape[1], (len(a), steps - 1), generator=generator).to(a.device)
    actions = torch.cat([a[:, None], torch.nn.functional.one_hot(further, a.shape[1]).to(a.dtype)], dim=1)
    growth = squared_growth(model, z, actions, generator, sphere=sphere)
    return size * growth.clamp_min(1.0).log().mean() / steps


def penalised_gain(gain: float, weight: float, form: str) -> float:
    """Gain that least squares learns for one direction under a penalty.

    The result is the smallest ``w >= 0`` that minimises ``(gain - w)² + weight p(w)``. The penalty ``p`` of a step that
    multiplies differences by ``w`` is ``w²`` for ``"square"``, ``max(0, w² - 1)`` for ``"hinge"`` and
    ``2 max(0, log w)`` for ``"rollout"``. For a linear system and latents of covariance ``I`` this is the whole
    problem, since each singular value of the learned matrix can be chosen independently.

    Args:
        gain: factor by which the system multiplies differences, at least 0.
        weight: weight of the penalty, at least 0.
        form: one of :data:`FORMS`.

    Example:
        >>> [round(penalised_gain(1.2, 0.1, form), 2) for form in ("square", "hinge", "rollout")]
        [1.09, 1.09, 1.11]
    """
    require_real("gain", gain, low=0.0)
    require_real("weight", weight, low=0.0)
    require_choice("form", form, FORMS)
    if form == "square":
        return gain / (1.0 + weight)
    if gain <= 1.0:
        return gain
    if form == "hinge":
        return max(1.0, gain / (1.0 + weight))
    inside = gain**2 - 4.0 * weight
    root = 0.5 * (gain + math.sqrt(inside)) if inside >= 0.0 else 1.0

    def cost(w: float) -> float:
        return (gain - w) ** 2 + 2.0 * weight * math.log(w)

    return root if root > 1.0 and cost(root) < cost(1.0) else 1.0


def bounded_gradient(model: Dynamics) -> Dynamics:
    """Wrap a model so that its backward pass never returns a gradient longer than 1.

    A planner can use this against a cliff without training another model. The forward pass is unchanged. In the
    backward pass each sample's gradient with respect to its latent is shortened to length 1 if it is longer, so it
    cannot grow over ``T`` steps. It is then no longer the gradient of any cost.

    Example:
        >>> import torch
        >>> z, a = torch.ones(1, 1, requires_grad=True), torch.zeros(1, 20, 1)
        >>> tamed = bounded_gradient(lambda z, a: 3 * z + a)
        >>> torch.autograd.grad(rollout(tamed, z, a)[:, -1].sum(), z)[0]  # without the bound: 3²⁰
        tensor([[1.]])
    """

    def bounded(z: Tensor, a: Tensor) -> Tensor:
        if z.requires_grad:
            z = z.view_as(z)
            z.register_hook(lambda gradient: gradient / gradient.norm(dim=-1, keepdim=True).clamp_min(1.0))
        return model(z, a)

    return bounded
