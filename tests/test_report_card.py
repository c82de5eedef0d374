"""The report card judges every claim by the rule beside it, and every rule can fall either way."""

import random

import pytest

from helm_tutorial import records, report_card
from helm_tutorial.verdicts import CONDITION, FAILS, HOLDS, OPEN


def test_every_claim_stands_in_the_card_with_its_verdict_and_n():
    lines = report_card.report_card().split("\n")
    assert len(lines) == len(report_card.CLAIMS) + 2
    for claim, line in zip(report_card.CLAIMS, lines[2:], strict=True):
        record = records.load(claim.record)
        assert f"[{claim.claim}]({claim.chapter}.ipynb)" in line
        assert f"(n = {len(record['seeds'])})" in line
        assert f"**{claim.verdict(record['metrics'])}**" in line and claim.rule in line
        assert line.endswith("† |") == claim.late
        assert line.count(" | ") == 4, "a cell of a table has no bars in it"


@pytest.mark.parametrize("claim", report_card.CLAIMS, ids=lambda claim: claim.claim[:40])
def test_a_verdict_can_fall_either_way(claim):
    """Over figures drawn at random each rule gives more than one verdict, and never anything but a verdict."""
    source, verdicts = random.Random(0), set()
    names = records.load(claim.record)["metrics"]
    levels = {"success": (0.0, 0.05, 0.5, 1.0), "rollout_jacobian": (0.1, 5.0, 1e6, 1e39)}
    for _ in range(400):
        metrics = {}
        for name in names:
            level = source.choice(
                next((at for kind, at in levels.items() if name.startswith(kind)), (0.0, 0.1, 0.97, 5e3))
            )
            metrics[name] = {"values": [level] * 3, "mean": level, "low": level, "high": level}
        verdicts.add(claim.verdict(metrics))
    assert len(verdicts) >= 2 and verdicts <= {HOLDS, CONDITION, FAILS, OPEN}
