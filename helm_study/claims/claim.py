"""What a claim is, how it can be judged, and how its figures are put in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from helm_study.words import in_words

HOLDS, CONDITION, FAILS = "holds", "holds with a condition", "does not hold"
OPEN = "not settled"

BOOK = "https://helm-tutorial.github.io/helm-tutorial/book/"
"""Where the book's pages are; `make address` changes it."""

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
        late: the rule was fixed after its figure was known.
        chapter: the page that shows the evidence.
        section: its heading there.
    """

    claim: str
    reported: str
    record: str
    found: Callable[[Metrics], str]
    verdict: Callable[[Metrics], str]
    rule: str
    chapter: str
    section: str
    late: bool = False

    @property
    def link(self) -> str:
        """Address of that section of the book, which its pages turn into a link within; headings as GitHub has them."""
        kept = re.sub(r"[^\w\- ]", "", self.section.lower())
        return f"{BOOK}{self.chapter}.html#{kept.replace(' ', '-')}"


def share(metric: dict) -> str:
    """A share with its interval, in per cent."""
    return in_words(metric, ".1%")


def number(metric: dict) -> str:
    """A number with its interval."""
    return in_words(metric, ".1e" if metric["mean"] >= 1000 else ".3g")
