"""Exact minimiser of the invariance loss on a box, over all functions rather than networks, on a grid."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from helm_tutorial._check import require_count, require_real, require_shape
from helm_tutorial.funnel.landscape import Energy


@dataclass(frozen=True, eq=False)
class GridFunction:
    """Function on a grid of one or two dimensions, callable on points and differentiable once.

    Its gradient is a central difference of fourth order at the grid points, interpolated linearly between them.

    Attributes:
        values: at the grid points, shape ``(N,)`` or ``(N, N)``, the first coordinate along the first axis.
        half_width: the grid covers ``[-half_width, half_width]`` in each coordinate; outside, the edge's value holds.
    """

    values: Tensor
    half_width: float

    def __post_init__(self) -> None:
        require_real("half_width", self.half_width, above=0.0)
        require_count("the number of axes", self.values.dim(), high=2)
        require_shape("values", self.values, (self.values.shape[0],) * self.values.dim())
        require_count("grid points", len(self.values), low=5)

    @property
    def spacing(self) -> float:
        """Distance of neighbouring grid points."""
        return 2.0 * self.half_width / (len(self.values) - 1)

    def slopes(self) -> Tensor:
        """Gradient at the grid points, shape ``(..., dimensions)``."""
        return torch.stack([_difference(self.values, axis, self.spacing) for axis in range(self.values.dim())], dim=-1)

    def __call__(self, a: Tensor) -> Tensor:
        """Values at points ``(B, dimensions) -> (B,)``."""
        with torch.no_grad():
            table = torch.cat([self.values.unsqueeze(-1), self.slopes()], dim=-1)
            read = _interpolate(table, (a.double() / self.half_width + 1.0) * 0.5 * (len(self.values) - 1))
            read = read.to(a.dtype)
        # The value as it is, with the interpolated slope as its derivative.
        return read[:, 0] + (read[:, 1:] * (a - a.detach())).sum(-1)


def box_optimum(
    energy: Energy, *, dimension: int, sigma: float, weight: float, half_width: float = 3.0, points: int = 121
) -> GridFunction:
    """Minimise ``∫_box (f - E)² + λ ∫_box E_δ (f(a) - f(a + δ))²`` over *all* functions, on a grid.

    Points ``a`` are spread evenly over ``[-half_width, half_width]^A``, and ``δ`` is normal of width ``sigma``, cut off
    at 4 σ. Outside the box only the noise determines ``f``. The trapezoidal rule discretises the quadratic form, and
    conjugate gradients solve its normal equations, in float64.

    Args:
        energy: ``(B, A) -> (B,)``.
        dimension: ``A``, 1 or 2.
        sigma: width of the noise.
        weight: ``λ``.
        half_width: of the box.
        points: grid points along the box; the grid outside it has the same spacing.

    Returns:
        The minimiser on the box and 4 σ around it.

    Raises:
        ValueError: the grid's spacing is more than ``σ / 2``.
    """
    require_count("dimension", dimension, high=2)
    require_count("points", points, low=5)
    require_real("sigma", sigma, above=0.0)
    require_real("weight", weight, low=0.0)
    require_real("half_width", half_width, above=0.0)
    spacing = 2.0 * half_width / (points - 1)
    if spacing > 0.5 * sigma:
        raise ValueError(f"points must be at least {math.ceil(4 * half_width / sigma) + 1} for sigma {sigma:g}")
    margin = math.ceil(4.0 * sigma / spacing)
    axis = spacing * (torch.arange(points + 2 * margin, dtype=torch.float64) - margin) - half_width
    inside = (axis.abs() <= half_width + 1e-9).double()
    inside[[margin, -margin - 1]] = 0.5  # the trapezoidal rule's ends
    kernel = torch.exp(-0.5 * ((axis[:, None] - axis[None, :]) / sigma) ** 2)
    kernel = torch.where((axis[:, None] - axis[None, :]).abs() <= 4.0 * sigma + 1e-9, kernel, 0.0)
    kernel = kernel / kernel[len(axis) // 2].sum()  # rows near the ends do not matter: there are no data
    places = torch.cartesian_prod(*[axis] * dimension).reshape(-1, dimension)
    shape = (len(axis),) * dimension
    target = energy(places).reshape(shape)
    data = inside if dimension == 1 else torch.outer(inside, inside)

    def average(f: Tensor) -> Tensor:
        return kernel @ f if dimension == 1 else kernel @ f @ kernel

    # Half the gradient: w (f - E) + λ [(w + Kw) f - w Kf - K(wf)]. Where neither data nor noise arrive, f stays 0.
    total = data + weight * (data + average(data))

    def apply(f: Tensor) -> Tensor:
        return total * f - weight * (data * average(f) + average(data * f))

    solution = _conjugate_gradients(apply, data * target, total.clamp_min(1e-12))
    return GridFunction(solution, float(axis[-1]))


def _conjugate_gradients(apply, right: Tensor, diagonal: Tensor, *, most: int = 3000, tolerance: float = 1e-9):
    solution, residual = torch.zeros_like(right), right.clone()
    scaled = residual / diagonal
    direction, product = scaled.clone(), float((residual * scaled).sum())
    goal = tolerance**2 * product
    for _ in range(most):
        image = apply(direction)
        length = product / float((direction * image).sum())
        solution, residual = solution + length * direction, residual - length * image
        scaled = residual / diagonal
        before, product = product, float((residual * scaled).sum())
        if product <= goal:
            return solution
        direction = scaled + product / before * direction
    raise RuntimeError(f"conjugate gradients did not reach {tolerance:g} in {most} steps")


def _difference(values: Tensor, axis: int, spacing: float) -> Tensor:
    moved = values.movedim(axis, 0)
    slope = torch.empty_like(moved)
    slope[2:-2] = (8.0 * (moved[3:-1] - moved[1:-3]) - (moved[4:] - moved[:-4])) / (12.0 * spacing)
    for at, (left, right) in {0: (0, 1), 1: (0, 2), -2: (-3, -1), -1: (-2, -1)}.items():
        slope[at] = (moved[right] - moved[left]) / (spacing * (2 if at in (1, -2) else 1))
    return slope.movedim(0, axis)


def _interpolate(table: Tensor, position: Tensor) -> Tensor:
    """Interpolate ``(N, ..., C)`` linearly at positions ``(B, dimensions)`` in units of the grid."""
    count = len(table)
    low = position.floor().clamp(0, count - 2)
    share = (position - low).clamp(0.0, 1.0)
    low = low.long()
    if position.shape[1] == 1:
        i, s = low[:, 0], share
        return (1 - s) * table[i] + s * table[i + 1]
    i, j = low.unbind(1)
    s, t = share.unsqueeze(2).unbind(1)
    upper = (1 - t) * table[i, j] + t * table[i, j + 1]
    lower = (1 - t) * table[i + 1, j] + t * table[i + 1, j + 1]
    return (1 - s) * upper + s * lower
