"""The recorded trainings that take longest, and the losses of their first tenth.

``make test`` runs that tenth and compares; ``make whole`` runs the same to its end and compares that with the record
too. Run as a script (``make beginnings``), this writes the losses to ``beginnings.json``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

from helm_study import records, reproduce
from helm_study.contrastive import contrastive_fix
from helm_study.directed import other_worlds, pictures, pixels
from helm_study.fast.baselines import train_reconstruction
from helm_study.fast.contrastive import train_contrastive
from helm_study.forms import regularity_forms
from helm_study.pillars import continuous_pillars, two_pillars
from helm_study.pillars.expansive import ContinuousWorld
from helm_study.stability import stability_alone
from helm_tutorial.models.fit import Progress
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.worlds.gridworld import Gridworld, load_gridworld

STORED = Path(__file__).with_name("beginnings.json")
SEED = 0
PART = 0.1
Trained = tuple[Gridworld | ContinuousWorld, WorldModel]


def _stable(progress: Progress) -> Trained:
    config = stability_alone.Config()
    world = load_gridworld(config.env, observation="profiles")
    settings = replace(config.reconstruction, spectral_weight=config.spectral_weight)
    return world, train_reconstruction(world, settings, SEED, progress=progress)


def _pixels(progress: Progress) -> Trained:
    config = pixels.Config()
    world = load_gridworld(config.env, layout_seed=config.layout_seed, observation="pixels")
    encoder = pictures.PictureEncoder.of(world, config.training)
    return world, train_contrastive(world, config.training.directed(), SEED, encoder=encoder, progress=progress)


def _form(progress: Progress) -> Trained:
    config = regularity_forms.Config()
    training = replace(config.training, **regularity_forms.TRAININGS["hinge_0.03"])
    world = load_gridworld(config.env)
    return world, train_contrastive(world, training, SEED, progress=progress)


def _both_pillars(progress: Progress) -> Trained:
    config = two_pillars.Config()
    world = load_gridworld(config.env)
    return world, two_pillars.train_cell(world, config, "both", SEED, progress=progress)


def _expansive_world(progress: Progress) -> Trained:
    config = continuous_pillars.Config()
    world = continuous_pillars.build_world(config)
    return world, continuous_pillars.train_cell(world, config, "contrastive", SEED, progress=progress)


def _directed(progress: Progress) -> Trained:
    config = contrastive_fix.Config()
    world = load_gridworld(config.env, observation="profiles")
    return world, train_contrastive(world, config.training.directed(), SEED, progress=progress)


def _crossing(progress: Progress) -> Trained:
    config = other_worlds.Config()
    world = load_gridworld(other_worlds.WORLDS["crossing"], observation=config.observation)
    return world, train_contrastive(world, config.contrastive.directed(), SEED, progress=progress)


TRAININGS: dict[str, Callable[[Progress], Trained]] = {
    "exp3": _stable,
    "pixels": _pixels,
    "forms": _form,
    "pillars": _both_pillars,
    "continuous": _expansive_world,
    "exp4": _directed,
    "worlds": _crossing,
}
"""By the record that each belongs to."""


class _Enough(Exception):
    """The first tenth is done."""


def beginning(name: str) -> list[float]:
    """Losses of the first tenth of a recorded training, about every hundredth of the whole."""
    losses = []

    def progress(step: int, steps: int, loss: float) -> None:
        losses.append(loss)
        if step > PART * steps:
            raise _Enough

    try:
        TRAININGS[name](progress)
    except _Enough:
        return losses
    raise AssertionError(f"the training of {name} ended before it was stopped")


def trained(name: str) -> tuple[Gridworld | ContinuousWorld, WorldModel, list[float]]:
    """World and model of a recorded training run to its end, and the losses of its first tenth."""
    losses, over = [], False

    def progress(step: int, steps: int, loss: float) -> None:
        nonlocal over
        if not over:
            losses.append(loss)
        over = step > PART * steps

    world, model = TRAININGS[name](progress)
    return world, model, losses


def stored(name: str) -> list[float]:
    """The losses that were written."""
    return json.loads(STORED.read_text())["losses"][name]


if __name__ == "__main__":
    records.write(
        STORED,
        {
            "command": "make beginnings",
            "date": date.today().isoformat(),
            "versions": reproduce.versions(),
            "seed": SEED,
            "part": PART,
            "losses": {name: beginning(name) for name in TRAININGS},
        },
    )
