"""The record of the 2 x 2 in the expansive world: what it says, and one cell of it trained again."""

import math
from dataclasses import replace

import pytest
import recorded_trainings
import torch
from record_span import hold_to_seeds
from test_recorded_trainings import require_beginning

from helm_study import records
from helm_study.pillars import continuous_pillars, expansive_play
from helm_study.pillars.expansive import solvable_starts
from helm_tutorial import diagnosis


def test_the_record_rests_on_an_expansive_world_and_on_pillars_that_were_switched():
    record = records.load("continuous")
    means = {name: entry["mean"] for name, entry in record["metrics"].items()}
    assert means["rollout_jacobian_true_T50"] == pytest.approx(1.1**50 * math.sqrt(2))
    # The pillars were really switched: alignment by InfoNCE, smaller Jacobians by the penalty.
    assert means["metric_correlation_contrastive"] > means["metric_correlation_neither"]
    assert means["rollout_jacobian_spectral_T12"] < means["rollout_jacobian_neither_T12"]


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
