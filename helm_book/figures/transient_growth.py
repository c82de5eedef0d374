"""Figures of *Transient growth*: the growth of powers, a unit that travels, peaks over dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import torch
from matplotlib.axes import Axes
from torch import Tensor

from helm_book.explorer import Steps, explore, explore_numbers
from helm_book.explorer.controls import in_digits
from helm_book.figures.cliff import NOWHERE, drawn_system
from helm_book.figures.style import COLORS, HALO, label_line, panels
from helm_tutorial.cliff.closed_forms import (
    action_jacobian_norms,
    lyapunov_limit,
    state_jacobian_singular_values,
    transient_growth,
)

LARGEST = [round(0.8 + 0.01 * k, 2) for k in range(31)]
COUPLINGS = {"normal": 0.0, "non-normal": 1.0}
LONGEST = 100


@cache
def grown(largest: float, matrix: str) -> tuple[Tensor, Tensor, float | None]:
    """Norms and singular values of 1 to 100 steps, and the norm's limit where there is one.

    The eigenvalues are evenly spaced from 0.2 below ``largest`` up to it.
    """
    system = drawn_system(low=largest - 0.2, high=largest, coupling=COUPLINGS[matrix])
    limit = lyapunov_limit(system) if largest < 1 else None
    return action_jacobian_norms(system, LONGEST), state_jacobian_singular_values(system, LONGEST), limit


def explore_growth():
    """Let the reader choose the largest eigenvalue and the horizon, of a normal and of a non-normal matrix."""
    steps = torch.arange(1, LONGEST + 1)
    shown = torch.cat([steps[:8], steps[9:20:3], steps[23:40:4], steps[49::10]])  # enough for a smooth curve
    strands = torch.cat([shown, torch.tensor([float("nan")])]).repeat(4)  # four lines in one, with gaps between them

    def build(figure):
        left, right = panels(figure, 2)
        for axes in (left, right):
            axes.set(xlim=(0, 104), yscale="log", xlabel="horizon $T$")
        left.set(ylim=(0.3, 1e10), title="Norm of the action Jacobian", yticks=[1, 1e3, 1e6, 1e9])
        right.set(ylim=(1e-10, 1e10), title="Singular values of $W^{\\,T}$", yticks=[1e-10, 1e-5, 1, 1e5, 1e10])
        right.axhline(1.0, color=COLORS["goal"], linewidth=1)
        words = {"transform": right.transAxes, "fontsize": 9, "path_effects": HALO}
        right.text(0.03, 0.92, "above 1: stretched", color=COLORS["flat"], **words)
        right.text(0.03, 0.04, "below 1: shrunk", color=COLORS["helm"], **words)
        return {
            "growing": left.plot([], [], color=COLORS["flat"])[0],
            "settling": left.plot([], [], color=COLORS["helm"])[0],
            "norm": left.plot([], [], "o", color=COLORS["true"], markersize=8)[0],
            "strands": right.plot([], [], color=COLORS["faint"], linewidth=1.5)[0],
            "grown": right.plot([], [], "o", color=COLORS["flat"], markersize=8)[0],
            "shrunk": right.plot([], [], "o", color=COLORS["helm"], markersize=8)[0],
        }

    def move(largest, horizon, matrix):
        norms, values, limit = grown(largest, matrix)
        norm, now = float(norms[horizon - 1]), values[horizon - 1]
        curve = shown, norms[shown - 1]
        fan = torch.cat([values[shown - 1], torch.full((1, 4), float("nan"))]).T.flatten()
        if limit is not None:
            fate = f"it levels off at {in_digits(limit)}"
        elif largest == 1:
            fate = "it grows as the square root of T"
        else:
            fate = f"it grows by {100 * largest - 100:.0f} % a step"
        above = int((now > 1 + 1e-9).sum())  # 1 and a rounding error is no growth
        return {
            "growing": NOWHERE if limit is not None else curve,
            "settling": curve if limit is not None else NOWHERE,
            "norm": ([horizon], [norm]),
            "strands": (strands, fan),
            "grown": ([horizon] * above, now[:above]),
            "shrunk": ([horizon] * (4 - above), now[above:]),
        }, (
            f"Largest eigenvalue {largest:.2f}, {matrix} matrix. At horizon {horizon} the norm is {in_digits(norm)}; "
            f"in the end {fate}. Singular values from {in_digits(now[-1])} to {in_digits(now[0])}: {above} above 1."
        )

    return explore_numbers(
        build,
        move,
        {
            "largest": LARGEST,
            "horizon": Steps([*range(1, 21), *range(22, 51, 2), *range(55, 101, 5)], interval=0.1),
            "matrix": list(COUPLINGS),
        },
        start={"largest": 0.95, "horizon": 22, "matrix": "non-normal"},
        title="Eigenvalue, horizon, and a peak on the way",
        labels={"largest": "largest eigenvalue", "horizon": "horizon T"},
        figsize=(7.2, 3.6),
        narrow=(3.4, 5.6),
        drag={"norm": ("horizon", None), "grown": ("horizon", None)},
    )


def explore_buckets(W: Tensor):
    """Let the reader watch a unit travel: the powers of ``W``, each drawn anew with a colour scale of its own.

    Args:
        W: a matrix with its couplings above the diagonal, shape ``(D, D)``; the first bucket is its last index.
    """
    buckets = range(len(W))
    names = [k + 1 for k in reversed(buckets)]

    def draw(figure, steps):
        figure.clear()
        axes = figure.subplots()
        power = torch.linalg.matrix_power(W, steps)
        image = axes.imshow(power.numpy(), vmin=0.0)
        figure.colorbar(image, ax=axes, label="held after $k$ steps")
        axes.set(xticks=buckets, yticks=buckets, xticklabels=names, yticklabels=names)
        axes.set(xlabel="poured into bucket", ylabel="found in bucket")
        return (
            f"After {_counted(steps)}, the first bucket holds {float(power[-1, -1]):.2g} of the unit that was poured "
            f"into it, and the last one {float(power[0, -1]):.2g}."
        )

    return explore(
        draw,
        {"steps": Steps([1, 2, 3, 5, 8, 12, 16, 20, 25, 30, 40, 50, 60, 80, 100], interval=0.3)},
        start={"steps": 12},
        title="A unit that travels",
        labels={"steps": "steps k"},
        figsize=(5.2, 4.0),
        narrow=(3.4, 2.8),
    )


def _counted(steps: int) -> str:
    return "1 step" if steps == 1 else f"{steps} steps"


def peak(ratio: float, dimension: int, *, eigenvalue: float = 0.9) -> float:
    """Highest corner entry of the powers of ``w I + c N``, for a coupling ``c`` of ``ratio`` times ``1 - w``."""
    values = torch.full((dimension,), eigenvalue, dtype=torch.float64)
    return float(transient_growth(values, ratio * (1 - eigenvalue), 400).max())


def plot_peaks(axes: Axes, ratios: Mapping[float, str], dimensions: Sequence[int]) -> Axes:
    """Highest corner entry against the dimension, one line for each ratio of coupling to gap.

    Args:
        axes: where to draw.
        ratios: coupling over gap -> name of a colour.
        dimensions: the dimensions, rising.
    """
    for ratio, color in ratios.items():
        peaks = [peak(ratio, dimension) for dimension in dimensions]
        axes.semilogy(dimensions, peaks, "o-", color=COLORS[color])
        shade = "#555555" if color == "faint" else COLORS[color]
        label_line(axes, dimensions[-1], peaks[-1], f"{ratio:g}", shade)
    axes.axhline(1, color=COLORS["faint"], linewidth=1, zorder=0)
    axes.set(xlabel="dimensions $D$", ylabel="highest corner entry")
    axes.set_xlim(dimensions[0] - 0.3, dimensions[-1] + 0.9)
    return axes
