"""Metrics of a study: unit, meaning and the report's figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from helm_study.intervals import t_interval

BOUNDS = {
    "fraction": (0.0, 1.0),
    "correlation": (-1.0, 1.0),
    "difference": (-2.0, 2.0),
    "amplitude": (-math.inf, math.inf),
}
"""Range of the values of a unit, if it is not from 0 upwards."""


@dataclass(frozen=True)
class Metric:
    """One number per seed.

    Attributes:
        unit: ``"fraction"``, ``"norm"``, ``"cells"``, ``"steps"``, ``"correlation"``, ``"ratio"``, ``"amplitude"``,
            ``"directions"``, ``"places"``, ``"distance"`` or ``"error"``.
        meaning: one line for the table's reader.
        reported: the report's figure, or ``None`` if it gives none.
    """

    unit: str
    meaning: str
    reported: float | None = None


def interval_over_seeds(values: Sequence[float | None], unit: str) -> dict[str, float]:
    """Mean and 95 % Student's t interval of a metric over seeds.

    Returns ``mean``, ``low`` and ``high``. The interval is clipped to the range of the unit.

    Args:
        values: one for each seed. ``None``, as stored in a record, means a value that is not finite, as infinity does.
        unit: see :class:`Metric`.
    """
    # A path ratio has no value for a seed that never arrives: the interval is over the others. An infinite
    # norm does have one, and stays.
    known = [math.inf if value is None else value for value in values if value is None or not math.isnan(value)]
    if known and all(map(math.isfinite, known)):
        interval = t_interval(known, bounds=BOUNDS.get(unit, (0.0, math.inf)))
        return {"mean": interval.mean, "low": interval.low, "high": interval.high}
    return {"mean": math.inf if known else math.nan, "low": math.nan, "high": math.nan}
