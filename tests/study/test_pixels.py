"""The experiment from pixels: that it runs, what its record says, and one seed of the record trained again."""

from dataclasses import replace

import pytest
import recorded_trainings
from test_recorded_trainings import require_beginning

from helm_study import records, reproduce
from helm_study.contrastive import contrastive_fix
from helm_study.directed import pixels
from helm_tutorial import diagnosis
from helm_tutorial.diagnosis import rank_correlation
from helm_tutorial.worlds.gridworld import geodesic_distances, goal_distances, load_gridworld


def test_the_small_one_measures_everything_and_keeps_one_seeds_distances():
    config, heard = pixels.Config.quick("MiniGrid-Empty-5x5-v0"), []
    values = pixels.STUDY.run(config, 0, progress=lambda message, fraction: heard.append(fraction))
    assert set(values) == {*pixels.METRICS, "distance"}
    assert heard == sorted(heard) and heard[0] == 0.0 < heard[-1] < 1.0
    distance = pixels.latent_distance(values)
    assert distance.shape == (load_gridworld(config.env).num_states,)
    assert bool((distance >= 0).all()) and bool((distance <= 2.001).all())  # on the sphere
    other = pixels.STUDY.run(config, 1)
    assert set(other) == set(pixels.METRICS)
    again = pixels.STUDY.run(replace(config, picture_seed=1), 1)
    assert {name: again[name] for name in other} == pytest.approx(other, nan_ok=True)
    assert again["distance"]["seed"] == 1


def test_what_it_shares_with_experiment_4_is_the_same():
    ours, theirs = pixels.Config(), contrastive_fix.Config()
    assert ours.planning == theirs.planning and ours.env == theirs.env
    assert replace(ours.training, updates=theirs.training.updates) == theirs.training


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="picture_seed must be at least 0, got -1"):
        pixels.Config(picture_seed=-1)
    assert reproduce.configure("pixels", env="MiniGrid-Empty-6x6-v0").env == "MiniGrid-Empty-6x6-v0"


@pytest.mark.whole
def test_one_seed_of_the_record_trained_again():
    # About a minute: training is all that tells whether what is recorded comes out of this code.
    record = records.load("pixels")
    assert record["distance"]["seed"] == recorded_trainings.SEED
    at = record["seeds"].index(recorded_trainings.SEED)
    world, model, losses = recorded_trainings.trained("pixels")
    require_beginning("pixels", losses)
    z, goals = diagnosis.latents(model, world), diagnosis.goal_latents(model, world)
    distance = diagnosis.goal_latent_distances(z, world, goals=goals)
    assert rank_correlation(distance, pixels.latent_distance(record)) > 0.99
    recorded = {name: entry["values"][at] for name, entry in record["metrics"].items()}
    fresh = {
        "metric_correlation": diagnosis.metric_correlation(z, geodesic_distances(world), goals=goals),
        "prediction_accuracy": diagnosis.prediction_accuracy(model, world),
        "greedy_accuracy": diagnosis.greedy_accuracy(z, world, goal_distances(world), goals=goals),
    }
    for name, value in fresh.items():
        assert value == pytest.approx(recorded[f"{name}_contrastive_pixels"], abs=0.01), name
