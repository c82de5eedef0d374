"""Student's t intervals, such as those over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import stdtrit

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
    """Student's t interval for the mean of independent values.

    The values may be one result per seed. With the five to ten seeds of this book the interval is wide, as it should
    be: a percentile bootstrap of five values would be too narrow. The interval assumes a roughly normal mean. If all
    values agree it has no width, which says only that the seeds agree.

    Args:
        values: at least one number; a single one has the interval ``bounds``, since it shows no spread.
        level: coverage, between 0 and 1.
        bounds: limits of the quantity, for example ``(0, 1)`` for a fraction; the ends are clipped there.

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


def t_quantile(probability: float, degrees: int) -> float:
    """Quantile of Student's t distribution with ``degrees`` degrees of freedom."""
    require_real("probability", probability, low=0.0, high=1.0)
    require_count("degrees", degrees)
    # scipy.stats.t.ppf calls this function, but importing scipy.stats takes half a second.
    return float(stdtrit(degrees, probability))
