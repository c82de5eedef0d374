"""The picture of a rule's line says what the rule says."""

import matplotlib.pyplot as plt
import pytest

from helm_book.figures.verdict_line import PILLARS, build_line, move_line
from helm_study.claims.claim import CONDITION, FAILS, HOLDS, OPEN
from helm_study.claims.pillars import CLAIMS, COSTED


def worth(points: dict[str, tuple[float, float]]) -> dict:
    """Metrics of two seeds in which taking spectral regularity away costs ``points`` of success, by planner."""
    metrics = {}
    for planner, _, horizon in COSTED:
        metrics[f"success_both_T{horizon}{planner}"] = {"values": list(points[planner])}
        for cell in PILLARS.values():
            metrics[f"success_{cell}_T{horizon}{planner}"] = {"values": [0.0, 0.0]}
    return metrics


@pytest.fixture
def artists():
    figure = plt.figure(figsize=(7.2, 2.9))
    yield build_line(figure)
    plt.close(figure)


@pytest.mark.parametrize(
    "ours, plain, line, verdict, words",
    [
        ((0.3, 0.3), (0.6, 0.6), 10, HOLDS, "4 of 4 intervals lie beyond the line, 0 before it, 0 across it"),
        ((0.3, 0.3), (0.6, 0.6), 40, CONDITION, "2 of 4 intervals lie beyond the line, 2 before it, 0 across it"),
        ((0.3, 0.3), (0.6, 0.6), 70, FAILS, "0 of 4 intervals lie beyond the line, 4 before it, 0 across it"),
        ((0.0, 0.6), (0.3, 0.3), 40, OPEN, "0 of 4 intervals lie beyond the line, 2 before it, 2 across it"),
    ],
)
def test_the_line_divides_the_intervals_and_the_rule_judges(artists, ours, plain, line, verdict, words):
    metrics = worth({"": ours, "_plain": plain})
    for pillar in PILLARS:
        numbers, caption = move_line(metrics, pillar, line)
        assert set(numbers) == set(artists)
        assert numbers["line"][0] == [line, line] and numbers["verdict"][2] == verdict
        assert numbers["mean 0"][0] == pytest.approx([100 * sum(ours) / 2])
        assert words in caption and pillar in caption and caption.endswith(f"Verdict: {verdict}.")


def test_at_ten_points_it_is_the_rule_of_the_report_card():
    rules = {claim.claim.split(" is ")[0].lower(): claim for claim in CLAIMS if claim.claim.endswith("necessary")}
    assert set(rules) == set(PILLARS)
    for shares in ((0.0, 0.0), (0.3, 0.3), (0.0, 0.6)):
        metrics = worth({"": shares, "_plain": (0.5, 0.5)})
        for pillar, claim in rules.items():
            assert move_line(metrics, pillar, 10)[0]["verdict"][2] == claim.verdict(metrics)
