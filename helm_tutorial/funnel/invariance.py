"""The high-frequency-invariance loss, the network it trains, and what it does to a bowl near the edge of the data."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from helm_tutorial._check import require_count, require_real, require_shape
from helm_tutorial.models.world_model import initialise


def energy_network(generator: torch.Generator, *, dimension: int = 2, width: int = 128) -> nn.Module:
    """The report's network, ``A - width - width - width - 1`` with tanh: ``(B, A) -> (B,)``.

    Its weights are drawn from ``generator``, by PyTorch's default rule for linear layers.

    Raises:
        ValueError: a count is below 1.
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
    """Squared error plus ``weight`` times the report's high-frequency invariance, a scalar.

    ``mean (f(a) - target)² + λ mean (f(a) - f(a + δ))²`` with ``δ`` normal of width ``sigma`` in every coordinate. With
    ``weight`` 0 it is the plain fit, and no noise is drawn.

    Args:
        model: ``(B, A) -> (B,)``.
        a: points, shape ``(B, A)``.
        target: their energies, shape ``(B,)``.
        generator: source of the noise.
        sigma: width of the noise.
        weight: ``λ``.

    Raises:
        ValueError: a shape is not as above, or ``sigma`` or ``weight`` is negative.
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
    """Slope left of the bowl ``½a²`` on the interval ``[-h, h]``, for noise much narrower than ``length = σ √λ``.

    For narrow noise the loss is ``∫ (f - ½a²)² + length² ∫ f'²``. Its optimum has ``f - length² f'' = ½a²``, and
    ``f' = 0`` at both ends, where nothing holds the slope up: ``f' = a - h sinh(a / length) / sinh(h / length)``.

    Args:
        a: positions, any shape, within the interval.
        half_width: ``h``.
        length: ``σ √λ``.

    Raises:
        ValueError: ``half_width`` or ``length`` is not positive.
    """
    require_real("half_width", half_width, above=0.0)
    require_real("length", length, above=0.0)
    return a - half_width * torch.sinh(a / length) / torch.sinh(torch.tensor(half_width / length, dtype=a.dtype))
