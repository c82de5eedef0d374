"""The record of the two-by-two: one seed of each cell trained and played again, and what chapter 6 says of it."""

import math
from dataclasses import replace

import pytest
import recorded_trainings
from record_span import hold_to_seeds
from test_recorded_trainings import require_beginning

from helm_study import records
from helm_study.pillars import two_pillars
from helm_study.play import Planning, gradient_planner, learned_rollout_jacobian, plain_planner, play
from helm_tutorial import diagnosis
from helm_tutorial.models.settings import Contrastive, Reconstruction
from helm_tutorial.planning.episodes import success_rate
from helm_tutorial.worlds.gridworld import geodesic_distances, load_gridworld


@pytest.mark.whole
@pytest.mark.parametrize("cell", two_pillars.CELLS)
def test_a_cell_run_again_for_one_seed(cell, request):
    record, config = records.load("pillars"), two_pillars.Config()
    seed = record["seeds"][0]
    assert seed == 0 and (config.reconstruction, config.contrastive) == (Reconstruction(), Contrastive())
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
