"""The record of the 2 x 2 in the expansive world: what it says, and one cell of it trained again."""

import math
from dataclasses import replace

import pytest
import recorded_trainings
import torch
from record_span import hold_to_seeds
from test_recorded_trainings import require_beginning

from helm_study import records
from helm_study.pillars import continuous_pillars, expansive_play, two_pillars
from helm_study.pillars.expansive import solvable_starts
from helm_tutorial import diagnosis


def test_the_record_says_how_it_was_made_and_what_it_rests_on():
    record = records.load("continuous")
    seeds = len(record["seeds"])
    assert record["command"] == f"python -m helm_tutorial reproduce continuous --seeds {seeds}" and seeds >= 5
    assert set(record["metrics"]) == set(continuous_pillars.METRICS)
    means = {name: entry["mean"] for name, entry in record["metrics"].items()}
    # The world is neither trivial nor impossible: chance fails, the true dynamics arrive.
    assert means["success_random"] < 0.1 and means["success_true_T25_closest"] > 0.9
    assert means["rollout_jacobian_true_T50"] == pytest.approx(1.1**50 * math.sqrt(2))
    # The pillars were really switched: alignment by InfoNCE, smaller Jacobians by the penalty.
    assert means["metric_correlation_contrastive"] > means["metric_correlation_neither"]
    assert means["rollout_jacobian_spectral_T12"] < means["rollout_jacobian_neither_T12"]


def test_charged_for_the_closest_approach_all_arrive_with_neither_pillar_too():
    """What chapter 6 and the report card say in words."""
    metrics = records.load("continuous")["metrics"]

    def arrive(cell: str, horizon: int) -> float:
        return metrics[f"success_{cell}_T{horizon}_closest"]["mean"]

    for horizon in (12, 25, 50):
        assert min(arrive(cell, horizon) for cell in (*two_pillars.CELLS, "true")) > 0.85
        assert abs(arrive("both", horizon) - arrive("neither", horizon)) < 0.04
        assert (
            arrive("both", horizon) > 0.9 > max(metrics[f"success_{c}_T{horizon}"]["mean"] for c in two_pillars.CELLS)
        )
    assert arrive("both", 5) < 0.9
    for on, off in (("contrastive", "neither"), ("both", "spectral")):
        assert records.paired(metrics, f"success_{on}_T5_closest", f"success_{off}_T5_closest").mean > 0.1


@pytest.mark.whole
def test_one_cell_of_the_record_trained_again():
    # Half a minute: training is all that tells whether what is recorded comes out of this code.
    record, config = records.load("continuous"), continuous_pillars.Config()
    assert record["seeds"][0] == recorded_trainings.SEED
    world, model, losses = recorded_trainings.trained("continuous")
    require_beginning("continuous", losses)
    recorded = {name: entry["values"][0] for name, entry in record["metrics"].items()}
    points, steps = continuous_pillars.measured_pairs(world, config.pairs)
    with torch.no_grad():
        z = model.encode(world.observe(points))
    correlation = diagnosis.metric_correlation(z, steps)
    assert correlation == pytest.approx(recorded["metric_correlation_contrastive"], abs=0.02)
    accuracy = diagnosis.prediction_accuracy(model, expansive_play.surroundings(world, 0))
    assert accuracy == pytest.approx(recorded["prediction_accuracy_contrastive"], abs=0.02)
    starts, ways = solvable_starts(world, 5 * config.starts)
    limit = round(config.planning.limit * float(ways.max()))
    for suffix, over in (("", config.planning.over), ("_closest", "closest")):
        planning = replace(config.planning, horizon=5, over=over)
        episodes = expansive_play.play_learned(world, model, planning, 0, starts[: config.starts], limit=limit)
        share = float(episodes.success.float().mean())
        hold_to_seeds("continuous", f"success_contrastive_T5{suffix}", share, slack=0.1)
