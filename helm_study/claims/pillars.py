"""The report's claims about the two pillars together, and the rules that judge them."""

from __future__ import annotations

import math
from dataclasses import replace

from helm_study import records
from helm_study.claims.claim import CONDITION, FAILS, HOLDS, OPEN, Claim, Metrics, share
from helm_study.intervals import Interval, t_interval
from helm_study.pillars.two_pillars import HORIZONS
from helm_study.words import formatted, in_points

COSTED = (("", "ours", 12), ("", "ours", 50), ("_plain", "plain", 12), ("_plain", "plain", 50))
"""Where a pillar's worth is measured, by the planner, as metrics end and as prose calls it, and the horizon."""


def price(metrics: Metrics, without: str, planner: str, horizon: int) -> Interval:
    """What taking a pillar away costs: success with both less that of the cell ``without``, paired by seed."""
    both, one = (f"success_{cell}_T{horizon}{planner}" for cell in ("both", without))
    return records.paired(metrics, both, one)


def necessary(metrics: Metrics, without: str, line: float = 0.10) -> str:
    """The verdict on a pillar: does taking it away cost more than ``line``, for every planner and horizon?"""
    gaps = [price(metrics, without, planner, horizon) for planner, _, horizon in COSTED]
    return _over_cases([gap.low > line for gap in gaps], [gap.high < line for gap in gaps])


def _over_cases(passing: list[bool], failing: list[bool]) -> str:
    """One verdict on several cases: a condition needs a case that passes and one that fails, not one that is open."""
    if all(passing) or all(failing):
        return HOLDS if all(passing) else FAILS
    return CONDITION if any(passing) and any(failing) else OPEN


def _points(gap: Interval, line: float = 0.10) -> str:
    """A difference in points; an end that rounding would put on the line is told more exactly."""
    near = [
        f"; {name} end {100 * end:+.2f}"
        for name, end in (("lower", gap.low), ("upper", gap.high))
        if round(100 * end) == round(100 * line)
    ]
    return in_points(gap, " points").removesuffix(")") + "".join(near) + ")"


def _costs(metrics: Metrics, without: str) -> str:
    parts = []
    for planner, name, horizon in COSTED:
        parts.append(f"{name}, T={horizon}: {_points(price(metrics, without, planner, horizon))}")
    return "; ".join(parts)


def sufficient(metrics: Metrics, line: float = 0.95) -> str:
    """The verdict on both pillars together: do more than ``line`` arrive, for every planner and horizon?"""
    cells = [metrics[f"success_both_T{horizon}{planner}"] for planner, _, horizon in COSTED]
    return _over_cases([cell["low"] > line for cell in cells], [cell["high"] < line for cell in cells])


def prices_where_both_arrive(metrics: Metrics, without: str, line: float = 0.90) -> dict[int, Interval]:
    """What taking a pillar away costs in the expansive world, at each horizon at which both reach ``line``.

    For our planner charged for its closest approach: under the cost of all steps both reach it nowhere.
    """
    reached = [horizon for horizon in HORIZONS if metrics[f"success_both_T{horizon}_closest"]["mean"] >= line]
    return {horizon: price(metrics, without, "_closest", horizon) for horizon in reached}


def necessary_where_both_arrive(metrics: Metrics, without: str, line: float = 0.10) -> str:
    """The verdict on a pillar in the expansive world: does taking it away cost more than ``line`` there?"""
    gaps = prices_where_both_arrive(metrics, without).values()
    return _over_cases([gap.low > line for gap in gaps], [gap.high < line for gap in gaps]) if gaps else OPEN


def _costs_where_both_arrive(metrics: Metrics, without: str) -> str:
    gaps = prices_where_both_arrive(metrics, without)
    return "; ".join(f"T={horizon}: {_points(gap)}" for horizon, gap in gaps.items())


def _suffice_expansive(metrics: Metrics, line: float = 0.90) -> str:
    cells = [metrics[f"success_both_T{horizon}_closest"] for horizon in HORIZONS]
    return _over_cases([cell["low"] > line for cell in cells], [cell["high"] < line for cell in cells])


def _orders(metrics: Metrics, first: str, second: str):
    """Interval of how many orders of magnitude one norm is above another, paired by seed."""
    pairs = zip(metrics[first]["values"], metrics[second]["values"], strict=True)
    return t_interval([math.log10(max(a, 1e-30)) - math.log10(max(b, 1e-30)) for a, b in pairs])


def _largest_norm(metrics: Metrics) -> float:
    """The largest rollout Jacobian of 50 steps in the factorial; a missing value was infinite."""
    norms = [
        entry["values"] for name, entry in metrics.items() if name.startswith("rollout_jacobian") and "T50" in name
    ]
    return max(math.inf if value is None else value for values in norms for value in values)


_MINIGRID = (
    Claim(
        "Metric alignment is necessary",
        "no figure",
        "pillars",
        lambda m: "both, less spectral only: " + _costs(m, "spectral"),
        lambda m: necessary(m, "spectral"),
        "holds if taking it away costs more than 10 points, both planners, T = 12 and 50; with a condition if so in "
        "some cases and less than that in others",
        "two_pillars",
        "What the four cells do",
        late=True,
    ),
    Claim(
        "Spectral regularity is necessary",
        "no figure",
        "pillars",
        lambda m: "both, less contrastive only: " + _costs(m, "contrastive"),
        lambda m: necessary(m, "contrastive"),
        "as for metric alignment",
        "two_pillars",
        "What the four cells do",
        late=True,
    ),
    Claim(
        "The two invariants are independent",
        "no figure",
        "pillars",
        lambda m: (
            f"the Jacobian of 50 steps, InfoNCE alone over reconstruction alone: a factor of "
            f"$10^{{{_orders(m, 'rollout_jacobian_contrastive_T50', 'rollout_jacobian_neither_T50').mean:.0f}}}$"
        ),
        lambda m: (
            FAILS if _orders(m, "rollout_jacobian_contrastive_T50", "rollout_jacobian_neither_T50").high < -1 else HOLDS
        ),
        "does not hold if metric alignment alone lowers the Jacobian more than tenfold",
        "two_pillars",
        "What each rollout does to a small difference",
        late=True,
    ),
    Claim(
        "Without the first pillar planning ends in NaNs and divergence",
        "no figure",
        "pillars",
        lambda m: (
            f"the largest Jacobian of 50 steps, all models and seeds: {formatted(_largest_norm(m), '.0e')}; "
            f"single precision ends at {formatted(3.4e38, '.1e')}"
        ),
        lambda m: HOLDS if _largest_norm(m) > 3.4e38 else FAILS,
        "holds if a Jacobian leaves the range of single precision",
        "two_pillars",
        "What each rollout does to a small difference",
        late=True,
    ),
    Claim(
        "The two are jointly sufficient",
        "100 %",
        "pillars",
        lambda m: "; ".join(f"{name}, T={T}: {share(m[f'success_both_T{T}{planner}'])}" for planner, name, T in COSTED),
        sufficient,
        "holds if above 95 % for both planners at T = 12 and 50; with a condition if some are above and some below",
        "two_pillars",
        "What the four cells do",
        late=True,
    ),
)

_EXPANSIVE = (
    Claim(
        "Metric alignment is necessary, in another world too",
        "no figure",
        "continuous",
        lambda m: "both, less spectral only: " + _costs_where_both_arrive(m, "spectral"),
        lambda m: necessary_where_both_arrive(m, "spectral"),
        "as in MiniGrid, for our planner charged for its closest approach, at the horizons where both pillars bring it "
        "to the goal from 90 % of the starts",
        "two_pillars",
        "A world that is itself expansive",
        late=True,
    ),
    Claim(
        "Spectral regularity is necessary, in another world too",
        "no figure",
        "continuous",
        lambda m: "both, less contrastive only: " + _costs_where_both_arrive(m, "contrastive"),
        lambda m: necessary_where_both_arrive(m, "contrastive"),
        "as for metric alignment",
        "two_pillars",
        "A world that is itself expansive",
        late=True,
    ),
    Claim(
        "The two are jointly sufficient, in another world too",
        "100 %",
        "continuous",
        lambda m: (
            "charged for the closest approach: "
            + "; ".join(f"T={T}: {share(m[f'success_both_T{T}_closest'])}" for T in HORIZONS)
            + f"; with neither pillar at T=25: {share(m['success_neither_T25_closest'])}. Under the cost of all steps "
            f"both reach {100 * max(m[f'success_both_T{T}']['mean'] for T in HORIZONS):.0f} % at best"
        ),
        _suffice_expansive,
        "holds if above 90 % at every horizon, charged for the closest approach; with a condition if above at some and "
        "below at others",
        "two_pillars",
        "A world that is itself expansive",
        late=True,
    ),
)
_UNDER_ANOTHER_COST = tuple(
    replace(
        claim,
        claim=f"{claim.claim}, under another cost too",
        record="closest",
        rule="as above, both planners charged for the closest approach",
        section="The same cost in MiniGrid",
    )
    for claim in _MINIGRID
    if claim.claim.endswith(("necessary", "sufficient"))
)

CLAIMS = (*_MINIGRID, *_UNDER_ANOTHER_COST, *_EXPANSIVE)
"""The claims of the report's discussion, judged in MiniGrid, there under another cost, and in the expansive world."""
