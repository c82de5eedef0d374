"""Configuration of a study, in the form that records store.

The first records were written when all recipes shared one flat set of settings, and records keep that form. The
settings of a recipe are stored under ``training``, with its 24 keys and their original names. A study with several
recipes merges their settings, and raises if they disagree.
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
"""The keys of ``training`` in a record, each with its original value.

The value is the one that was in force before the setting existed. The oldest records hold only 13 of the keys. A study
stores this value if none of its recipes has such a setting.
"""

NAMES = {"symmetric": "both_ways"}
"""Settings that records store under another name."""

UNRECORDED = {"stop_gradient": True}
"""Settings that no record holds, with the value that they must have."""


YOUNGER = {"draw": "stride"}
"""Settings newer than the first records, with the value for earlier behaviour.

A record leaves out a setting that has this value.
"""


def flat(config: Any) -> dict:
    """Return the configuration of a study as JSON, as a record stores it.

    Raises:
        ValueError: two recipes disagree on a setting, or a setting has a value that records cannot express.
    """
    return json.loads(json.dumps(_stored(config)))  # tuples become lists


def completed(config: dict) -> dict:
    """Complete a stored configuration with the keys that were added later."""
    filled = {key: completed(value) if isinstance(value, dict) else value for key, value in config.items()}
    return filled | ({"training": TRAINING | filled["training"]} if "training" in filled else {})


def _stored(config: Any) -> dict:
    from helm_tutorial.models.settings import Settings  # imports torch; a mistyped command should not wait for it

    stored: dict[str, Any] = {}
    recipes: list[Any] = []
    for field in fields(config):
        value = getattr(config, field.name)
        if (field.name, value) in YOUNGER.items():
            continue
        if isinstance(value, Settings):
            recipes.append(value)
            stored["training"] = None  # keeps the position of the first recipe
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
