"""The record of the two-by-two: one seed of each cell trained and played again, and what chapter 6 says of it."""

import math
from dataclasses import replace

import pytest
import recorded_trainings
from record_span import hold_to_seeds
from test_recorded_trainings import require_beginning

from helm_study import records
from helm_study.claims import card as report_card
from helm_study.claims import pillars as report_claims_pillars
from helm_study.pillars import two_pillars
from helm_study.play import Planning, gradient_planner, learned_rollout_jacobian, plain_planner, play
from helm_tutorial import diagnosis
from helm_tutorial.models.contrastive import Training
from helm_tutorial.planning.episodes import success_rate
from helm_tutorial.worlds.gridworld import geodesic_distances, load_gridworld


@pytest.mark.parametrize(
    "cell",
    # A part in every run, the rest in "make whole".
    [
        pytest.param(cell, marks=pytest.mark.slow if cell == "contrastive" else pytest.mark.whole)
        for cell in two_pillars.CELLS
    ],
)
def test_a_cell_run_again_for_one_seed(cell, request):
    record, config = records.load("pillars"), two_pillars.Config()
    seed = record["seeds"][0]
    assert seed == 0 and config.training == Training()
    if cell == "contrastive":
        world, model = request.getfixturevalue("contrastive")
    elif cell == "both":
        world, model, losses = recorded_trainings.trained("pillars")
        require_beginning("pillars", losses)
    else:
        world = load_gridworld(config.env)
        model = two_pillars.train_cell(world, config, cell, seed)

    def recorded(metric: str) -> float:
        return record["metrics"][metric]["values"][0]

    correlation = diagnosis.metric_correlation(diagnosis.latents(model, world), geodesic_distances(world))
    assert correlation == pytest.approx(recorded(f"metric_correlation_{cell}"), abs=0.02)
    assert diagnosis.prediction_accuracy(model, world) == pytest.approx(
        recorded(f"prediction_accuracy_{cell}"), abs=0.01
    )
    norm = learned_rollout_jacobian(world, model, 12, seed)
    assert math.log(norm) == pytest.approx(math.log(recorded(f"rollout_jacobian_{cell}_T12")), abs=0.7)
    planning = plain_planner(replace(Planning(**record["config"]["planning"]), horizon=5))
    share = success_rate(play(world, model, gradient_planner(planning), planning, seed))
    hold_to_seeds("pillars", f"success_{cell}_T5_plain", share, slack=0.1)
    if cell == "contrastive":  # for the record of the other cost, which has the same models
        planning = replace(planning, horizon=12, over="closest")
        share = success_rate(play(world, model, gradient_planner(planning), planning, seed))
        hold_to_seeds("closest", f"success_{cell}_T12_plain", share, slack=0.1)


def test_both_pillars_hold_success_fifty_steps_ahead():
    metrics = records.load("pillars")["metrics"]
    assert metrics["success_both_T50"]["low"] >= 0.95
    assert metrics["prediction_accuracy_both"]["low"] >= 0.99


def test_the_plain_planner_needs_the_penalty_only_far_ahead():
    """What chapter 6 says in words."""
    metrics = records.load("pillars")["metrics"]
    assert metrics["success_contrastive_T5_plain"]["low"] >= 0.95
    assert metrics["success_contrastive_T50_plain"]["high"] < 0.8 < metrics["success_both_T50_plain"]["low"]


def test_the_closest_approach_does_most_of_what_the_penalty_did_and_none_of_what_alignment_does():
    """What chapter 6 says in words, over the seeds that both records have."""
    record, closest = records.load("pillars"), records.load("closest")
    places = [record["seeds"].index(seed) for seed in closest["seeds"]]
    under = closest["metrics"]
    before = {name: [record["metrics"][name]["values"][k] for k in places] for name in under}

    def adds(pillar_off: str, where: str) -> tuple[float, float]:
        """What the pillar adds to the other one, under the cost of all steps and under the closest approach."""
        both, one = f"success_both_{where}", f"success_{pillar_off}_{where}"
        all_steps = sum(b - a for a, b in zip(before[one], before[both], strict=True)) / len(places)
        return all_steps, records.paired(under, both, one).mean

    first, then = adds("contrastive", "T50_plain")
    assert first > 0.5 and 0.1 < then < 0.13
    assert records.paired(under, "success_both_T50_plain", "success_contrastive_T50_plain").low < 0.1
    first, then = adds("contrastive", "T25_plain")
    assert first > 0.2 and 0.015 < then < 0.035
    assert all(abs(adds("contrastive", f"T{horizon}")[1]) < 0.02 for horizon in (12, 25, 50))
    for where in (f"T{horizon}{suffix}" for horizon in (12, 25, 50) for suffix in ("", "_plain")):
        assert min(adds("spectral", where)) > 0.25, where
    for horizon in (25, 50):
        name = f"success_neither_T{horizon}"
        assert under[name]["mean"] - sum(before[name]) / len(places) > 0.6
    assert under["success_contrastive_T50_plain"]["mean"] > 0.85
    for horizon in (12, 25, 50):
        spectral = f"success_spectral_T{horizon}"
        assert abs(under[spectral]["mean"] - sum(before[spectral]) / len(places)) < 0.07
        for cell in ("neither", "spectral"):
            assert 0.15 < 1 - under[f"success_{cell}_T{horizon}"]["mean"] < 0.34
            assert under[f"success_{cell}_T{horizon}_plain"]["mean"] < 0.5
    assert records.paired(under, "success_both_T12", "success_spectral_T12").low < 0.1


def test_the_verdicts_of_the_chapter_are_those_of_its_table():
    """Chapter 6 says them in words beside each figure, and side by side at its end."""
    rows = [line.split(" | ") for line in report_card.verdicts_on_the_pillars().splitlines()[2:]]
    assert [[cell.strip(" |✓◐?✗") for cell in row] for row in rows] == [
        ["Metric alignment is necessary", "holds", "not settled", "not settled"],
        ["Spectral regularity is necessary", "holds with a condition", "not settled", "does not hold"],
        ["The two are jointly sufficient", "holds", "holds", "holds with a condition"],
    ]
    metrics = records.load("pillars")["metrics"]
    gaps = {where: report_claims_pillars.price(metrics, "contrastive", *where) for where in _cases()}
    assert gaps["_plain", 50].low > 0.1 > max(gaps["_plain", 12].high, gaps["", 12].high)
    assert gaps["", 50].low < 0.1 < gaps["", 50].high


def _cases() -> list[tuple[str, int]]:
    return [(suffix, horizon) for suffix, _, horizon in report_claims_pillars.COSTED]
