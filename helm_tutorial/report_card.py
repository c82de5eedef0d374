"""The report's claims against the book's records: each verdict follows from the rule that stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from helm_tutorial import records
from helm_tutorial.statistics import t_interval

HOLDS, CONDITION, FAILS = "holds", "holds with a condition", "does not hold"
OPEN = "not settled"

Metrics = dict[str, dict]
"""Metrics of one record by name, as ``reproduce`` writes them."""


@dataclass(frozen=True)
class Claim:
    """One claim and how it is judged.

    Attributes:
        claim: what the report says.
        reported: its figure, or ``"no figure"``.
        record: the record that tests it.
        found: from that record's metrics to what we measured, in words and numbers.
        verdict: from the same metrics to one of the verdicts; *not settled* where an interval straddles the line.
        rule: that rule in words.
        chapter: the page that shows the evidence.
    """

    claim: str
    reported: str
    record: str
    found: Callable[[Metrics], str]
    verdict: Callable[[Metrics], str]
    rule: str
    chapter: str


def report_card() -> str:
    """The report card as a Markdown table, from the book's records.

    Raises:
        ValueError: a record that a claim needs is missing.
    """
    lines = ["| the report | said | we found | verdict | rule |", "|---|---|---|---|---|"]
    for claim in CLAIMS:
        record = records.load(claim.record)
        metrics = record["metrics"]
        lines.append(
            f"| [{claim.claim}]({claim.chapter}.ipynb) | {claim.reported} | {claim.found(metrics)} "
            f"(n = {len(record['seeds'])}) | **{claim.verdict(metrics)}** | {claim.rule} |"
        )
    return "\n".join(lines)


def share(metric: dict) -> str:
    """A share with its interval, in per cent."""
    return records.in_words(metric, ".1%")


def number(metric: dict) -> str:
    """A number with its interval."""
    return records.in_words(metric, ".1e" if metric["mean"] >= 1000 else ".3g")


def paired(metrics: Metrics, first: str, second: str):
    """Interval of the difference of two metrics, paired by seed."""
    return t_interval([a - b for a, b in zip(metrics[first]["values"], metrics[second]["values"], strict=True)])


def _necessary(metrics: Metrics, without: str) -> str:
    """Whether taking a pillar away costs at least 10 points, at either horizon and with either planner."""
    gaps = [
        paired(metrics, f"success_both_T{T}{planner}", f"success_{without}_T{T}{planner}")
        for T in (12, 50)
        for planner in ("", "_plain")
    ]
    costly = [gap.low > 0.10 for gap in gaps]
    if all(costly) or any(costly):
        return HOLDS if all(costly) else CONDITION
    return FAILS if all(gap.high < 0.10 for gap in gaps) else OPEN


def _no_success(metrics: Metrics) -> str:
    """Whether planning with the reconstruction model adds less than 10 points to random actions."""
    report = paired(metrics, "success_report_planner_reconstruction", "success_random_actions")
    ours = paired(metrics, "success_reconstruction", "success_random_actions")
    if report.high < 0.10:
        return HOLDS if ours.high < 0.10 else CONDITION
    return FAILS if report.low > 0.10 else OPEN


def _costs(metrics: Metrics, without: str) -> str:
    parts = []
    for planner, name in (("", "ours"), ("_plain", "plain")):
        for T in (12, 50):
            gap = paired(metrics, f"success_both_T{T}{planner}", f"success_{without}_T{T}{planner}")
            parts.append(f"{name}, T={T}: {100 * gap.mean:+.0f} points ({100 * gap.low:+.0f} to {100 * gap.high:+.0f})")
    return "; ".join(parts)


CLAIMS = (
    Claim(
        "A flat model of an expansive system has an exploding rollout Jacobian",
        "1712 at T = 50",
        "exp1",
        lambda m: f"{number(m['jacobian_flat_T50'])}; the true system's own is {number(m['jacobian_true_T50'])}",
        lambda m: HOLDS if m["jacobian_flat_T50"]["low"] > 1000 else FAILS,
        "holds if the interval lies above 1000",
        "spectral_cliff",
    ),
    Claim(
        "A spectral penalty makes it saturate",
        "90 at T = 50",
        "exp1",
        lambda m: f"{number(m['jacobian_helm_T50'])}, growing {m['saturation_helm']['mean']:.3f}-fold to T = 100",
        lambda m: HOLDS if m["saturation_helm"]["high"] <= 1.05 else FAILS,
        "holds if the norm grows by at most 5 % from T = 50 to 100",
        "spectral_cliff",
    ),
    Claim(
        "The printed penalty is a “Frobenius norm approximation”",
        "no figure",
        "exp1",
        lambda m: (
            f"trained with it, the spectral radius is {number(m['spectral_radius_report'])} "
            f"and the norm {number(m['jacobian_report_T50'])}"
        ),
        lambda m: HOLDS if m["spectral_radius_report"]["high"] < 1 else FAILS,
        "holds if it tames the system, a spectral radius below 1, as the exact norm does",
        "spectral_cliff",
    ),
    Claim(
        "HELM solves the first pathology of planning, spectral explosion",
        "no figure",
        "exp1",
        lambda m: (
            f"gradient plans of 50 steps arrive: on HELM's own rollouts {share(m['plan_success_model_helm_T50_A4'])}, "
            f"on the true system {share(m['plan_success_system_helm_T50_A4'])}; multiple shooting on a true model "
            f"{share(m['plan_success_system_best_T50_A4'])}, all with four actions"
        ),
        lambda m: (
            HOLDS
            if min(m[f"plan_success_system_helm_T50{size}"]["low"] for size in ("", "_A4")) > 0.95
            else CONDITION
            if max(m[f"plan_success_system_helm_T50{size}"]["low"] for size in ("", "_A4")) > 0.95
            else FAILS
        ),
        "holds if above 95 % on the true system, with one action and with four; with a condition if with one of them",
        "spectral_cliff",
    ),
    Claim(
        "Descent on a flat model of a rugged energy is trapped",
        "coverage 4.3 %",
        "exp2",
        lambda m: share(m["coverage_flat"]),
        lambda m: HOLDS if m["coverage_flat"]["high"] < 0.10 else FAILS,
        "holds if the interval lies below 10 %",
        "mollified_funnel",
    ),
    Claim(
        "High-frequency invariance opens a funnel",
        "coverage 96.4 %",
        "exp2",
        lambda m: f"{share(m['coverage_helm'])}; at the report's own setting {share(m['coverage_helm_recipe'])}",
        lambda m: (
            HOLDS if m["coverage_helm_recipe"]["low"] > 0.9 else CONDITION if m["coverage_helm"]["low"] > 0.9 else FAILS
        ),
        "holds if above 90 % at the report's setting; with a condition if only at the closed form's",
        "mollified_funnel",
    ),
    Claim(
        "A model with perfect prediction plans with no success",
        "0 %",
        "exp3",
        lambda m: (
            f"report's planner {share(m['success_report_planner_reconstruction'])}, "
            f"ours {share(m['success_reconstruction'])}, "
            f"random actions {share(m['success_random_actions'])}, at a prediction accuracy of "
            f"{share(m['prediction_accuracy_reconstruction'])}"
        ),
        lambda m: _no_success(m),
        "holds if it beats random actions by less than 10 points with both planners; with a condition if with one",
        "stability_alone",
    ),
    Claim(
        "Its latent distances say nothing about the way to the goal",
        "no figure",
        "exp3",
        lambda m: f"rank correlation with geodesic distance {number(m['metric_correlation_reconstruction'])}",
        lambda m: HOLDS if m["metric_correlation_reconstruction"]["high"] < 0.2 else FAILS,
        "holds if the rank correlation is below 0.2",
        "stability_alone",
    ),
    Claim(
        "Contrastive latents bring success",
        "100 %",
        "exp4",
        lambda m: (
            f"ours {share(m['success_one_encoder'])}, "
            f"report's planner {share(m['success_report_planner_one_encoder'])}; "
            f"where the distance has a direction, ours {share(m['success_contrastive'])}, report's planner "
            f"{share(m['success_report_planner_contrastive'])}"
        ),
        lambda m: (
            HOLDS
            if max(m[f"success_report_planner_{name}"]["low"] for name in ("one_encoder", "contrastive")) > 0.95
            else CONDITION
            if max(m[f"success_{name}"]["low"] for name in ("one_encoder", "contrastive")) > 0.95
            else FAILS
        ),
        "holds if above 95 % with the report's planner and one of the two models; with a condition if only with ours",
        "contrastive_fix",
    ),
    Claim(
        "The loss as printed, one-step positives, suffices",
        "100 %",
        "exp4",
        lambda m: f"ours {share(m['success_printed_loss'])}",
        lambda m: HOLDS if m["success_printed_loss"]["low"] > 0.95 else FAILS,
        "holds if above 95 % with our planner",
        "contrastive_fix",
    ),
    Claim(
        "Metric alignment is necessary",
        "no figure",
        "pillars",
        lambda m: "both, less spectral only: " + _costs(m, "spectral"),
        lambda m: _necessary(m, "spectral"),
        "holds if taking it away costs 10 points or more, both planners, T = 12 and 50; with a condition if for some",
        "two_pillars",
    ),
    Claim(
        "Spectral regularity is necessary",
        "no figure",
        "pillars",
        lambda m: "both, less contrastive only: " + _costs(m, "contrastive"),
        lambda m: _necessary(m, "contrastive"),
        "the same rule",
        "two_pillars",
    ),
    Claim(
        "The two are jointly sufficient",
        "100 %",
        "pillars",
        lambda m: "; ".join(
            f"{name}, T={T}: {share(m[f'success_both_T{T}{planner}'])}"
            for planner, name in (("", "ours"), ("_plain", "plain"))
            for T in (12, 50)
        ),
        lambda m: (
            HOLDS
            if min(m[f"success_both_T{T}{p}"]["low"] for T in (12, 50) for p in ("", "_plain")) > 0.95
            else CONDITION
            if max(m[f"success_both_T{T}{p}"]["low"] for T in (12, 50) for p in ("", "_plain")) > 0.95
            else FAILS
        ),
        "holds if above 95 % for both planners at T = 12 and 50; with a condition if for some",
        "two_pillars",
    ),
)
"""Every claim that the book has tested so far."""
