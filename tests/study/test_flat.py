"""Configurations as records store them, and that each of the book's records can be resumed."""

import json
import math
from dataclasses import dataclass, field

import pytest

from helm_study import records, reproduce
from helm_study.flat import TRAINING, completed, flat
from helm_study.records import SCHEMA
from helm_tutorial.models.settings import Contrastive, LatentPrediction, Reconstruction, VarianceCovariance


@dataclass(frozen=True)
class Config:
    reconstruction: Reconstruction = field(default_factory=Reconstruction)
    contrastive: Contrastive = field(default_factory=Contrastive)
    prediction: LatentPrediction = field(default_factory=LatentPrediction)
    variance: VarianceCovariance = field(default_factory=VarianceCovariance)
    sizes: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class Outer:
    pillars: Config = field(default_factory=Config)


def test_all_recipes_together_write_the_24_keys_with_their_names_of_then():
    assert flat(Config()) == {"training": TRAINING, "sizes": [1, 2]} and len(TRAINING) == 24
    told = flat(Config(Reconstruction(dynamics_updates=7), Contrastive(symmetric=True, gamma=None)))["training"]
    assert told == TRAINING | {"dynamics_updates": 7, "both_ways": True, "gamma": None}
    assert flat(Outer()) == {"pillars": flat(Config())}


def test_what_a_record_cannot_say_is_refused():
    with pytest.raises(ValueError, match="batch must be the same in all recipes of a study, got 512, 64"):
        flat(Config(contrastive=Contrastive(batch=64)))
    with pytest.raises(ValueError, match="stop_gradient must be True in a recorded configuration, got False"):
        flat(Config(prediction=LatentPrediction(stop_gradient=False)))


def test_older_records_are_completed_wherever_the_settings_are():
    old = {"walks": 5, "tangent": True}
    assert completed({"pillars": {"training": old, "stride": 2}}) == {
        "pillars": {"training": TRAINING | old, "stride": 2}
    }
    assert completed({"dimension": 4}) == {"dimension": 4}


def finite(values):
    return [None if isinstance(value, float) and not math.isfinite(value) else value for value in values]


@pytest.mark.parametrize("name", records.available())
def test_every_record_resumes_with_nothing_left_to_run(name):
    record = records.load(name)
    again = reproduce.reproduce(record["experiment"], record["seeds"], earlier=record)
    assert again["schema"] == SCHEMA and again["seeds"] == sorted(record["seeds"])
    assert again["config"] == completed(record["config"])
    for metric, entry in record["metrics"].items():
        assert finite(again["metrics"][metric]["values"]) == entry["values"], metric
        for said in ("unit", "reported"):
            assert again["metrics"][metric][said] == entry[said], metric
    extras = set(record) - {"schema", "date", "command", "seconds", "versions", "config", "metrics", "interval"}
    assert {key: json.loads(json.dumps(again[key])) for key in extras} == {key: record[key] for key in extras}


def test_another_version_of_this_package_is_resumed():
    record = records.load("steps")
    ours = record["versions"] | {"helm_tutorial": "9.9"}
    reproduce.reproduce("steps", record["seeds"], earlier=record | {"versions": ours})
