"""A part of the records of experiment 4, of its steps and of the other worlds, run again or held to each other."""

from dataclasses import replace

import pytest
import recorded_trainings
from test_recorded_trainings import require_beginning

from helm_study import records
from helm_study.contrastive import contrastive_fix
from helm_study.contrastive.lesson import lesson_planner, trained_lesson
from helm_study.directed import other_worlds
from helm_study.play import gradient_planner, play
from helm_tutorial import diagnosis
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.worlds.gridworld import Gridworld, geodesic_distances


def first_seed(name: str) -> dict[str, float]:
    record = records.load(name)
    assert record["seeds"][0] == 0
    return {metric: entry["values"][0] for metric, entry in record["metrics"].items()}


def holds_to(recorded: dict[str, float], ending: str, world: Gridworld, model: WorldModel, planning) -> None:
    """Correlation and accuracies as recorded; of a few starts at most one more fails than the recorded share."""
    z, goals = diagnosis.latents(model, world), diagnosis.goal_latents(model, world)
    correlation = diagnosis.metric_correlation(z, geodesic_distances(world), goals=goals)
    assert correlation == pytest.approx(recorded[f"metric_correlation_{ending}"], abs=0.02)
    accuracy = diagnosis.prediction_accuracy(model, world)
    assert accuracy == pytest.approx(recorded[f"prediction_accuracy_{ending}"], abs=0.01)
    few = world.starts[:: len(world.starts) // 7]
    won = play(world, model, gradient_planner(planning), planning, 0, starts=few).success
    assert float(won.float().sum()) >= round(len(few) * recorded[f"success_{ending}"]) - 1


@pytest.mark.whole
def test_exp4_run_again_for_one_seed():
    config = contrastive_fix.Config()
    world, model, losses = recorded_trainings.trained("exp4")
    require_beginning("exp4", losses)
    holds_to(first_seed("exp4"), "contrastive", world, model, config.planning)


@pytest.mark.whole
def test_exp4_with_one_encoder_run_again_for_one_seed(contrastive):
    config, (world, model) = contrastive_fix.Config(), contrastive
    assert config.training == Contrastive() and config.env == world.env_id
    holds_to(first_seed("exp4"), "one_encoder", world, model, config.planning)


@pytest.mark.whole
def test_the_model_that_chapter_4_writes_out_run_again_for_one_seed(contrastive):
    world, recorded, planning = contrastive[0], first_seed("exp4"), contrastive_fix.Config().planning
    model = trained_lesson(world, 0)
    order = diagnosis.metric_correlation(diagnosis.latents(model, world), geodesic_distances(world))
    assert order == pytest.approx(recorded["metric_correlation_lesson"], abs=0.02)
    accuracy = diagnosis.prediction_accuracy(model, world)
    assert accuracy == pytest.approx(recorded["prediction_accuracy_lesson"], abs=0.01)
    few = world.starts[:: len(world.starts) // 7]
    won = play(world, model, lesson_planner, planning, 0, starts=few).success
    assert float(won.float().sum()) >= round(len(few) * recorded["success_lesson"]) - 1


@pytest.mark.whole
def test_a_world_of_other_worlds_run_again_for_one_seed():
    config = other_worlds.Config()
    world, model, losses = recorded_trainings.trained("worlds")
    require_beginning("worlds", losses)
    recorded = {
        name.removesuffix("_crossing"): value
        for name, value in first_seed("worlds").items()
        if name.endswith("_crossing")
    }
    holds_to(recorded, "contrastive", world, model, replace(config.planning, limit=2.0))
