"""The line that a rule draws, as a picture that moves: where do the intervals lie, and what is the verdict?"""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from helm_book.figures.style import COLORS, is_narrow
from helm_study.claims.pillars import COSTED, necessary, price

PILLARS = {"metric alignment": "spectral", "spectral regularity": "contrastive"}
"""Each pillar, and the cell of the two-by-two that is left when it is taken away."""


def build_line(figure: Figure) -> dict:
    """What taking a pillar away costs, an interval for each planner and horizon, beside a line; what moves."""
    axes = figure.subplots()
    names = [f"{words},\nT = {horizon}" for _, words, horizon in COSTED]
    if not is_narrow(figure):
        names = [name.replace("\n", " ") for name in names]
    artists = {}
    (artists["line"],) = axes.plot([], [], color=COLORS["true"], linewidth=2)
    for row in range(len(COSTED)):
        (artists[f"interval {row}"],) = axes.plot([], [], color=COLORS["helm"], linewidth=3)
        (artists[f"mean {row}"],) = axes.plot([], [], "o", color=COLORS["helm"], markersize=8, linestyle="none")
    artists["verdict"] = axes.annotate("", (-14, -0.75), color=COLORS["true"], fontweight="bold", va="center")
    axes.set(xlim=(-15, 100), ylim=(len(COSTED) - 0.5, -1.1), yticks=range(len(COSTED)), yticklabels=names)
    cost = "cost, points of success" if is_narrow(figure) else "cost of taking the pillar away, points of success"
    axes.set_xlabel(cost)
    axes.spines["left"].set_visible(False)
    axes.tick_params(left=False)
    return artists


def move_line(metrics: Mapping[str, Mapping], pillar: str, line: int) -> tuple[dict, str]:
    """Numbers for :func:`build_line`, and the caption.

    Args:
        metrics: of the record ``pillars``.
        pillar: one of :data:`PILLARS`.
        line: points that taking it away must cost, at least.
    """
    without = PILLARS[pillar]
    gaps = [price(metrics, without, planner, horizon) for planner, _, horizon in COSTED]
    verdict = necessary(metrics, without, line / 100)
    numbers = {"line": ([line, line], [-0.5, len(COSTED) - 0.5]), "verdict": (-14, -0.75, verdict)}
    for row, gap in enumerate(gaps):
        numbers[f"interval {row}"] = ([100 * gap.low, 100 * gap.high], [row, row])
        numbers[f"mean {row}"] = ([100 * gap.mean], [row])
    above = sum(100 * gap.low > line for gap in gaps)
    below = sum(100 * gap.high < line for gap in gaps)
    caption = (
        f"Necessary if taking {pillar} away costs more than {line} points: {above} of {len(gaps)} intervals lie beyond "
        f"the line, {below} before it, {len(gaps) - above - below} across it. Verdict: {verdict}."
    )
    return numbers, caption
