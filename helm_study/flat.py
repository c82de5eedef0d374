"""A study's configuration as its record stores it.

The records were begun when all recipes shared one flat set of settings, so that is what they hold: a recipe's settings
are written under ``training``, with its 24 keys and their names of then. A study with several recipes writes them into
one, and says no where they disagree.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any

TRAINING = {
    "walks": 1000,
    "walk_length": 50,
    "latent": 32,
    "hidden": 256,
    "batch": 512,
    "lr": 0.002,
    "autoencoder_updates": 4000,
    "dynamics_updates": 2000,
    "updates": 2000,
    "gamma": 0.8,
    "temperature": 0.1,
    "similarity": "cosine",
    "both_ways": False,
    "negatives": None,
    "sphere": True,
    "goal_encoder": False,
    "rescale": False,
    "prediction_steps": 1,
    "prediction_weight": 1.0,
    "variance_weight": 1.0,
    "covariance_weight": 1.0,
    "spectral_weight": 0.0,
    "spectral_form": "square",
    "tangent": False,
}
"""The keys of ``training`` in a record, each with the value that was in force before it could be set.

The oldest records hold only 13 of them. A study writes this value where none of its recipes has such a setting.
"""

NAMES = {"symmetric": "both_ways"}
"""Names of settings that records call otherwise."""

UNRECORDED = {"stop_gradient": True}
"""Settings that no record has, and the value that a configuration must leave them at."""


YOUNGER = {"draw": "stride"}
"""Settings younger than the records, and the value that stands for what was done before; a record leaves it out."""


def flat(config: Any) -> dict:
    """The configuration of a study as JSON: what a record holds under ``config``.

    Raises:
        ValueError: two recipes of it disagree on a setting, or a setting has a value that records do not know.
    """
    return json.loads(json.dumps(_stored(config)))  # tuples become lists


def completed(config: dict) -> dict:
    """The stored configuration of any record, older ones with the keys that were added since."""
    filled = {key: completed(value) if isinstance(value, dict) else value for key, value in config.items()}
    return filled | ({"training": TRAINING | filled["training"]} if "training" in filled else {})


def _stored(config: Any) -> dict:
    from helm_tutorial.models.settings import Settings  # torch, which a mistake on the command line need not wait for

    stored: dict[str, Any] = {}
    recipes: list[Any] = []
    for field in fields(config):
        value = getattr(config, field.name)
        if (field.name, value) in YOUNGER.items():
            continue
        if isinstance(value, Settings):
            recipes.append(value)
            stored["training"] = None  # in the place of the first
        else:
            stored[field.name] = _stored(value) if is_dataclass(value) else value
    return stored | ({"training": _training(recipes)} if recipes else {})


def _training(recipes: list[Any]) -> dict:
    said: dict[str, Any] = {}
    for recipe in recipes:
        for field in fields(recipe):
            name, value = NAMES.get(field.name, field.name), getattr(recipe, field.name)
            if name in UNRECORDED:
                if value != UNRECORDED[name]:
                    raise ValueError(f"{name} must be {UNRECORDED[name]!r} in a recorded configuration, got {value!r}")
            elif said.setdefault(name, value) != value:
                raise ValueError(f"{field.name} must be the same in all recipes of a study, got {said[name]}, {value}")
    return TRAINING | said
