"""The report's invariance loss and the network that it trains.

A closed form shows how the loss deforms a bowl near the edge of the data.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from helm_tutorial._check import require_count, require_real, require_shape
from helm_tutorial.models.world_model import initialise


def energy_network(generator: torch.Generator, *, dimension: int = 2, width: int = 128) -> nn.Module:
    """Build the report's network for an energy, ``(B, A) -> (B,)``.

    It has three hidden layers of tanh units. Its weights are drawn from ``generator``, by PyTorch's default rule for
    linear layers.
    """
    require_count("dimension", dimension)
    require_count("width", width)
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise((dimension, width, width, width, 1)):
        # Without skip_init the layer would draw weights of its own, from the global generator.
        layers += [nn.utils.skip_init(nn.Linear, inputs, outputs), nn.Tanh()]
    network = nn.Sequential(*layers[:-1], nn.Flatten(0))
    initialise(network, generator)
    return network


def invariance_loss(
    model: nn.Module, a: Tensor, target: Tensor, generator: torch.Generator, *, sigma: float, weight: float
) -> Tensor:
    """Squared error plus a penalty on how noise changes the prediction: a scalar.

    This is ``mean (f(a) - target)² + λ mean (f(a) - f(a + δ))²``, where every coordinate of ``δ`` is normal with
    standard deviation ``sigma``: the report's high-frequency invariance. With ``weight`` 0 it is the plain fit and
    draws no noise.

    Args:
        model: ``f``, shapes ``(B, A) -> (B,)``.
        a: points, shape ``(B, A)``.
        target: their energies, shape ``(B,)``.
        generator: source of the noise.
        sigma: standard deviation of the noise.
        weight: ``λ``.

    Example:
        >>> import torch
        >>> def model(a):
        ...     return 3 * a[:, 0]
        >>> a = torch.zeros(10_000, 1)
        >>> loss = invariance_loss(model, a, model(a), torch.Generator().manual_seed(0), sigma=0.1, weight=2.0)
        >>> round(loss.item(), 2)  # 2 (3 · 0.1)²
        0.18
    """
    require_shape("a", a, ("B", "A"))
    require_shape("target", target, (len(a),))
    require_real("sigma", sigma, low=0.0)
    require_real("weight", weight, low=0.0)
    if weight == 0.0:
        return (model(a) - target).pow(2).mean()
    noise = sigma * torch.randn(a.shape, generator=generator, dtype=a.dtype)
    here, there = model(torch.cat([a, a + noise])).chunk(2)
    return (here - target).pow(2).mean() + weight * (here - there).pow(2).mean()


def bounded_bowl_slope(a: Tensor, half_width: float, length: float) -> Tensor:
    """Slope that the invariance loss learns for the bowl ``½a²`` on ``[-h, h]``.

    The data are only on this interval. For noise much narrower than ``length = σ √λ`` the loss is
    ``∫ (f - ½a²)² + length² ∫ f'²``. Its optimum solves ``f - length² f'' = ½a²`` with ``f' = 0`` at both ends, because
    no data beyond them support the slope. Hence ``f' = a - h sinh(a / length) / sinh(h / length)``.

    Args:
        a: positions within the interval, any shape.
        half_width: ``h``.
        length: ``σ √λ``.
    """
    require_real("half_width", half_width, above=0.0)
    require_real("length", length, above=0.0)
    return a - half_width * torch.sinh(a / length) / torch.sinh(torch.tensor(half_width / length, dtype=a.dtype))
