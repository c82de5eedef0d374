"""The report card: the report's claims against the book's records, each verdict by the rule that stands beside it."""

from __future__ import annotations

from helm_tutorial import records, report_claims_planning, report_claims_systems

CLAIMS = (*report_claims_systems.CLAIMS, *report_claims_planning.CLAIMS)
"""Every claim that the book has tested so far, in the report's order."""


def report_card() -> str:
    """The report card as a Markdown table, from the book's records; † where a rule is younger than its figure.

    Raises:
        ValueError: a record that a claim needs is missing.
    """
    lines = ["| the report | said | we found | verdict | rule |", "|---|---|---|---|---|"]
    for claim in CLAIMS:
        record = records.load(claim.record)
        metrics = record["metrics"]
        lines.append(
            f"| [{claim.claim}]({claim.chapter}.ipynb) | {claim.reported} | {claim.found(metrics)} "
            f"(n = {len(record['seeds'])}) | **{claim.verdict(metrics)}** | {claim.rule}{' †' if claim.late else ''} |"
        )
    return "\n".join(lines)
