"""Intervals over seeds and over starts, and rank correlation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from helm_tutorial._check import require_count, require_real


@dataclass(frozen=True)
class Interval:
    """A mean and the interval around it.

    Attributes:
        mean: the sample's mean.
        low: lower end.
        high: upper end.
        n: size of the sample.
    """

    mean: float
    low: float
    high: float
    n: int


def t_interval(
    values: Sequence[float], *, level: float = 0.95, bounds: tuple[float, float] = (-math.inf, math.inf)
) -> Interval:
    """Student's t interval for the mean of independent values, such as one result per seed.

    With the five to ten seeds of this book it is wide, and honestly so: a percentile bootstrap of
    five values would be too narrow. It rests on a roughly normal mean; where all values agree it has
    no width, which says that the seeds agree and no more.

    Args:
        values: at least one number; a single one has the interval ``bounds``, since it says nothing of spread.
        level: coverage, between 0 and 1.
        bounds: limits of the quantity, for example ``(0, 1)`` for a share; the ends are clipped there.

    Raises:
        ValueError: no values, or ``level`` is not inside (0, 1).

    Example:
        >>> found = t_interval([0.9, 1.0, 0.95], bounds=(0.0, 1.0))
        >>> round(found.mean, 2), round(found.low, 2), found.high
        (0.95, 0.83, 1.0)
    """
    require_real("level", level, above=0.0, high=1.0 - 1e-9)
    n = len(values)
    require_count("the number of values", n)
    mean = math.fsum(values) / n
    if n == 1:
        return Interval(mean, *bounds, 1)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = t_quantile(0.5 + level / 2, n - 1) * deviation / math.sqrt(n)
    return Interval(mean, max(bounds[0], mean - half), min(bounds[1], mean + half), n)


def wilson_interval(successes: int, trials: int, *, level: float = 0.95) -> Interval:
    """Wilson's score interval for a share, such as successes over start states (Wilson, 1927).

    Raises:
        ValueError: ``trials`` is below 1 or ``successes`` is not between 0 and ``trials``.
    """
    require_count("trials", trials)
    require_count("successes", successes, low=0, high=trials)
    require_real("level", level, above=0.0, high=1.0 - 1e-9)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share = successes / trials
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half), trials)


def t_quantile(probability: float, degrees: int) -> float:
    """Quantile of Student's t distribution with ``degrees`` degrees of freedom, by bisection.

    Raises:
        ValueError: ``probability`` is not in [0.5, 1) or ``degrees`` is below 1.
    """
    require_real("probability", probability, low=0.5, high=1.0 - 1e-12)
    require_count("degrees", degrees)
    # With t = tan(angle) sqrt(degrees) the density becomes cos(angle)^(degrees - 1) on a bounded interval.
    total = _cosine_power(math.pi / 2, degrees - 1)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        below = 0.5 + 0.5 * _cosine_power(middle, degrees - 1) / total
        low, high = (middle, high) if below < probability else (low, middle)
    return math.tan(low) * math.sqrt(degrees)


def _cosine_power(angle: float, power: int) -> float:
    """Integral of ``cos^power`` from 0 to ``angle``, by the reduction formula."""
    total, factor = 0.0, 1.0
    while power > 1:
        total += factor * math.cos(angle) ** (power - 1) * math.sin(angle) / power
        factor *= (power - 1) / power
        power -= 2
    return total + factor * (math.sin(angle) if power == 1 else angle)
