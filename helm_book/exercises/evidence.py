"""Exercises on evidence: chapters 6, 8 and 9. Right answers are read off the book's records."""

from __future__ import annotations

import copy
import math

import torch

from helm_book.exercises.judging import Exercise, a_formula, a_number
from helm_study import records
from helm_study.claims.claim import CONDITION, FAILS, HOLDS, OPEN, Claim
from helm_study.claims.pillars import sufficient
from helm_study.intervals import t_quantile

__all__ = ["EXERCISES"]

LINE = 0.10
HORIZONS = (5, 12, 25, 50)


def _worst_seed(answer) -> str:
    record = records.load("pillars")
    shares = record["metrics"]["success_contrastive_T50_plain"]["values"]
    worst = record["seeds"][shares.index(min(shares))]
    if answer == worst:
        return ""
    return f"seed {answer} is not the worst" if answer in record["seeds"] else f"the record has no seed {answer}"


def _first_horizon(without: str) -> int | None:
    metrics = records.load("pillars")["metrics"]
    costs = (records.paired(metrics, f"success_both_T{T}_plain", f"success_{without}_T{T}_plain").low for T in HORIZONS)
    return next((T for T, low in zip(HORIZONS, costs, strict=True) if low > LINE), None)


def _first_horizons(answer) -> str:
    for pillar, without, found in zip(("penalty", "alignment"), ("contrastive", "spectral"), answer, strict=True):
        if found != _first_horizon(without):
            return f"the {pillar}: at T = {found} the interval is not the first that lies above 10 points"
    return ""


def _interaction_ceiling(neither: float, spectral: float, contrastive: float) -> float:
    return (1 - contrastive) - (spectral - neither)


def _budget_of_equal_time() -> int:
    metrics = records.load("rivals")["metrics"]
    cells = [(model, T) for model in ("contrastive", "both") for T in (12, 50)]
    budgets = sorted({int(name.rsplit("_B", 1)[1]) for name in metrics if name.startswith("milliseconds_cross")})

    def ratio(budget: int) -> float:
        """Of the times, over all cells: how far from equal."""
        return sum(
            abs(
                math.log(
                    metrics[f"milliseconds_cross_entropy_{model}_T{T}_B{budget}"]["mean"]
                    / metrics[f"milliseconds_gradient_{model}_T{T}_B24"]["mean"]
                )
            )
            for model, T in cells
        )

    return min(budgets, key=ratio)


def _sufficient(line: float) -> str:
    return sufficient(records.load("pillars")["metrics"], line)


def _rule_with_a_line(answer) -> str:
    for line in (0.05, 0.5, 0.8, 0.9, 0.95, 0.97, 0.99):
        if (found := answer(line)) != _sufficient(line):
            return f"at a line of {line} it says {found!r}, where the rule of the card says {_sufficient(line)!r}"
    return ""


def _claim(answer) -> str:
    if not isinstance(answer, Claim):
        return f"hand in a verdicts.Claim, not {type(answer).__name__}"
    metrics = records.load(answer.record)["metrics"]
    if answer.verdict(metrics) not in (HOLDS, CONDITION, FAILS, OPEN):
        return f"its verdict {answer.verdict(metrics)!r} is none of those in helm_study.claims.claim"
    # What would be true if restarts and scoring did nothing, and if they did everything.
    for plain, wanted in ((1.0, False), (0.0, True)):
        changed = copy.deepcopy(metrics)
        for name, metric in changed.items():
            if name.startswith("success"):
                share = plain if name.endswith("_plain") else 1.0
                metric.update(mean=share, low=share, high=share, values=[share] * len(metric["values"]))
        if (answer.verdict(changed) == HOLDS) is not wanted:
            always = "arrives as often as" if plain else "never arrives, unlike"
            return f"if the plain planner {always} ours, it says {answer.verdict(changed)!r}"
    return ""


def _best_swap(answer) -> str:
    draws = torch.Generator().manual_seed(0)
    for _ in range(20):
        slope, plan = torch.randn(6, 4, generator=draws), torch.randint(4, (6,), generator=draws)
        # The slopes of a step's own level say nothing: only differences within a step do.
        slope = slope + 3 * torch.randn(6, 1, generator=draws)
        change = slope - slope.gather(1, plan[:, None])
        t, k = (int(number) for number in answer(slope, plan))
        if (t, k) == divmod(int(change.argmin()), 4):
            continue
        if (t, k) == divmod(int(slope.argmin()), 4):
            return "that is where the slope is least; a swap also takes away the action that is there"
        if k == int(plan[t]):
            return f"at step {t} the plan has action {k} already"
        return f"the swap to {k} at step {t} changes the cost by {float(change[t, k]):+.2f}; another by less"
    return ""


EXERCISES = (
    Exercise("two_pillars", 1, "the seed", _worst_seed),
    Exercise("two_pillars", 2, "two horizons, first the penalty's, then alignment's", _first_horizons),
    Exercise(
        "two_pillars",
        3,
        "a function of the shares of neither, spectral and contrastive that returns the ceiling",
        a_formula(
            _interaction_ceiling,
            [(0.0, 0.7, 0.9), (0.3, 0.3, 0.3), (0.2, 0.6, 1.0)],
            ["neither", "spectral", "contrastive"],
            otherwise={"that forgets what the penalty does without alignment": lambda n, s, c: 1 - c},
        ),
    ),
    Exercise(
        "gradient_rivals",
        1,
        "a function of the number of actions and the confidence that returns the number of plans",
        a_formula(
            lambda actions, confidence: math.ceil(math.log(1 - confidence) / math.log(1 - 1 / (2 * actions))),
            [(3, 0.99), (4, 0.9), (10, 0.95)],
            ["actions", "confidence"],
            relative=1e-9,
            otherwise={
                "only half of the plans that begin rightly look better than all others": lambda actions, c: math.ceil(
                    math.log(1 - c) / math.log(1 - 1 / actions)
                )
            },
        ),
    ),
    Exercise(
        "gradient_rivals",
        2,
        "the recorded budget of cross-entropy that costs as much time",
        a_number(_budget_of_equal_time),
    ),
    Exercise("gradient_rivals", 3, "a function of a gradient (T, A) and a plan (T,) that returns (t, k)", _best_swap),
    Exercise("report_card", 1, "a function of the line, a share, that returns a verdict", _rule_with_a_line),
    Exercise("report_card", 2, "your verdicts.Claim", _claim),
    Exercise(
        "report_card",
        3,
        "how many times as wide the interval becomes",
        a_number(
            lambda: (t_quantile(0.975, 2) / 3**0.5) / (t_quantile(0.975, 9) / 10**0.5),
            relative=0.02,
            otherwise=[(lambda: (10 / 3) ** 0.5, "the quantile grows too: two degrees of freedom instead of nine")],
        ),
    ),
)
"""Those that can be checked; the others ask for a run, or for a project."""
