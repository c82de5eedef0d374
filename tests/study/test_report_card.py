"""The report card judges every claim by the rule beside it, and every rule can fall either way."""

import random
import re
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from helm_study import records
from helm_study.claims import card as report_card
from helm_study.claims import pillars
from helm_study.claims import planning as report_claims_planning
from helm_study.claims.claim import CONDITION, FAILS, HOLDS, OPEN


def test_every_claim_stands_in_the_card_with_its_verdict():
    card = report_card.report_card()
    entries = [line for line in card.split("\n") if line.startswith("- ")]
    for claim, entry in zip(report_card.CLAIMS, entries, strict=True):
        metrics = records.load(claim.record)["metrics"]
        assert entry.startswith(f"- [{claim.claim}]({claim.link}): **")
        assert f"{report_card.MARKS[claim.verdict(metrics)]}\N{NO-BREAK SPACE}{claim.verdict(metrics)}**" in entry
        assert claim.found(metrics) in entry and claim.rule in entry
        assert ("Rule\N{NO-BREAK SPACE}†" in entry) == claim.late
        assert (f"Said: {claim.reported}." in entry) == (claim.reported != "no figure")


def test_the_card_names_each_part_of_the_report_once_with_its_n():
    card = report_card.report_card()
    for record, part in report_card.PARTS.items():
        assert card.count(f"**{part}** (n = {len(records.load(record)['seeds'])} seeds)") == 1


@pytest.mark.parametrize("claim", report_card.CLAIMS, ids=lambda claim: claim.claim[:40])
def test_the_section_that_a_claim_names_is_there(claim):
    chapter = nbformat.read(Path(__file__).resolve().parents[2] / "book" / f"{claim.chapter}.ipynb", 4)
    prose = "\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    assert f"## {claim.section}\n" in prose + "\n"
    assert re.fullmatch(r"https://\S+/book/\w+\.html#[\w-]+", claim.link)


@pytest.mark.parametrize("claim", report_card.CLAIMS, ids=lambda claim: claim.claim[:40])
def test_a_verdict_can_fall_either_way(claim, monkeypatch):
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
        # One claim reads a second record.
        level = source.choice(levels["success"])
        colder = {"mean": level, "low": level, "high": level}
        monkeypatch.setattr(report_claims_planning, "_colder", lambda colder=colder: colder)
        verdicts.add(claim.verdict(metrics))
    assert len(verdicts) >= 2 and verdicts <= {HOLDS, CONDITION, FAILS, OPEN}


@pytest.mark.parametrize(
    ("gains", "verdict"), [((0.3, 0.3, 0.3), HOLDS), ((0.0, 0.01, 0.02), FAILS), ((0.0, 0.3, 0.6), OPEN)]
)
def test_a_pillar_is_judged_by_intervals_and_not_by_means(gains, verdict):
    metrics = {
        f"success_{cell}_T{horizon}{planner}": {"values": list(gains) if cell == "both" else [0.0] * 3}
        for planner, _, horizon in pillars.COSTED
        for cell in ("both", "contrastive")
    }
    assert pillars.necessary(metrics, "contrastive") == verdict


def test_leaving_a_seed_out_asks_the_same_rule_of_the_others():
    for claim in report_card.CLAIMS[:3]:
        found = report_card.verdicts_without(claim)
        assert list(found) == records.load(claim.record)["seeds"]
        assert set(found.values()) <= {HOLDS, CONDITION, FAILS, OPEN}
    claim = report_card.CLAIMS[0]
    record = records.load(claim.record)
    seen = []
    asked = replace(claim, verdict=lambda metrics: seen.append(metrics["jacobian_flat_T50"]) or HOLDS)
    report_card.verdicts_without(asked)
    values = record["metrics"]["jacobian_flat_T50"]["values"]
    assert [metric["values"] for metric in seen] == [values[:k] + values[k + 1 :] for k in range(len(values))]
    assert seen[0]["mean"] == pytest.approx(sum(values[1:]) / len(values[1:]))
    assert seen[0]["low"] < seen[0]["mean"] < seen[0]["high"]
