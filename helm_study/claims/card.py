"""The report card: the report's claims against the book's records, each verdict by the rule that stands beside it."""

from __future__ import annotations

from helm_study import records
from helm_study.claims import pillars, planning, systems
from helm_study.claims.claim import CONDITION, FAILS, HOLDS, OPEN, Claim
from helm_study.metric import interval_over_seeds
from helm_tutorial._check import require_count

CLAIMS = (*systems.CLAIMS, *planning.CLAIMS, *pillars.CLAIMS)
"""Every claim that the book has tested so far, in the report's order."""


PARTS = {
    "exp1": "Experiment 1, the spectral cliff",
    "exp2": "Experiment 2, the mollified funnel",
    "exp3": "Experiment 3, stability alone",
    "exp4": "Experiment 4, the contrastive fix",
    "pillars": "Discussion, the two pillars",
    "closest": "The discussion, under another cost",
    "continuous": "The discussion, in the expansive world",
}
"""Where the report makes a claim, by the record that tests it."""

MARKS = {HOLDS: "✓", CONDITION: "◐", OPEN: "?", FAILS: "✗"}
"""A sign for each verdict, beside its words."""


def report_card() -> str:
    """The report card in Markdown, from the book's records; † where a rule is younger than its figure.

    An entry a claim, in lists by the report's parts: what it said, what we found with interval and n, the rule.

    Raises:
        ValueError: a record that a claim needs is missing.
    """
    lines, part = [], None
    for claim in CLAIMS:
        record = records.load(claim.record)
        if claim.record != part:
            part = claim.record
            lines += ["", f"**{PARTS[part]}** (n = {len(record['seeds'])} seeds)", ""]
        verdict, dagger = claim.verdict(record["metrics"]), "\N{NO-BREAK SPACE}†" if claim.late else ""
        said = "" if claim.reported == "no figure" else f" Said: {claim.reported}."
        lines.append(
            f"- [{claim.claim}]({claim.link}): **{MARKS[verdict]}\N{NO-BREAK SPACE}{verdict}**.{said} Found: "
            f"{claim.found(record['metrics'])}. *Rule{dagger}: {claim.rule}.*"
        )
    return "\n".join(lines[1:])


def verdicts_on_the_pillars() -> str:
    """A table in Markdown: what the discussion claims of the pillars, judged in each setting that was tried.

    Raises:
        ValueError: a record that a claim needs is missing.
    """
    columns = {
        "pillars": "MiniGrid, all steps",
        "closest": "MiniGrid, closest approach",
        "continuous": "expansive world, closest approach (our planner only)",
    }
    rows: dict[str, dict[str, str]] = {}
    for claim in pillars.CLAIMS:
        name = claim.claim.split(",")[0]
        if name.endswith(("necessary", "sufficient")):
            verdict = claim.verdict(records.load(claim.record)["metrics"])
            rows.setdefault(name, {})[claim.record] = f"{MARKS[verdict]} {verdict}"
    lines = [f"| {name} | {' | '.join(row[record] for record in columns)} |" for name, row in rows.items()]
    return "\n".join([f"| | {' | '.join(columns.values())} |", "|---" * (1 + len(columns)) + "|", *lines])


def verdicts_without(claim: Claim) -> dict[int, str]:
    """The verdict on a claim by its record with one seed left out, for each seed: how firm it is.

    Raises:
        ValueError: the record is missing, or has fewer than two seeds.
    """
    record = records.load(claim.record)
    require_count(f"the number of seeds of {claim.record}", len(record["seeds"]), low=2)
    found = {}
    for left_out, seed in enumerate(record["seeds"]):
        metrics = {}
        for name, metric in record["metrics"].items():
            values = [value for place, value in enumerate(metric["values"]) if place != left_out]
            metrics[name] = metric | {"values": values} | interval_over_seeds(values, metric["unit"])
        found[seed] = claim.verdict(metrics)
    return found
