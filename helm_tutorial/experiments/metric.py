"""What an experiment measures: the name, unit and the report's figure of each metric."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One number per seed.

    Attributes:
        unit: ``"fraction"``, ``"norm"``, ``"cells"``, ``"steps"``, ``"correlation"``, ``"ratio"``, ``"amplitude"``,
            ``"directions"``, ``"distance"`` or ``"error"``.
        meaning: one line for the table's reader.
        reported: the report's figure, or ``None`` where it gives none.
    """

    unit: str
    meaning: str
    reported: float | None = None
