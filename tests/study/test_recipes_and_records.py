"""What the recipes do on a small world, and a part of each record run again."""

from dataclasses import replace

import pytest
import torch

from helm_study import records
from helm_study.fast.baselines import train_latent_prediction, train_reconstruction, untrained
from helm_study.fast.contrastive import train_contrastive
from helm_study.funnel import mollified_funnel
from helm_study.words import in_words
from helm_tutorial import diagnosis
from helm_tutorial.models.settings import Contrastive, LatentPrediction, Reconstruction
from helm_tutorial.worlds.gridworld import geodesic_distances, load_gridworld

FEW = {"walks": 200, "walk_length": 20, "batch": 256}
SMALL = Contrastive(**FEW, updates=400)
PREDICTION = LatentPrediction(**FEW, updates=400)


@pytest.fixture(scope="module")
def room():
    return load_gridworld("MiniGrid-Empty-5x5-v0")


def test_each_recipe_gives_the_latents_that_its_chapter_says(room):
    geodesic = geodesic_distances(room)
    reconstruction = train_reconstruction(room, Reconstruction(**FEW, autoencoder_updates=500, dynamics_updates=300), 0)
    collapsed = train_latent_prediction(room, PREDICTION, 0)
    contrastive = train_contrastive(room, replace(SMALL, updates=1000), 0)
    decoded = reconstruction.decode(reconstruction.encode(room.features)) > 0.5
    assert bool((decoded == (room.features > 0.5)).all())
    assert diagnosis.prediction_accuracy(reconstruction, room) > 0.95
    assert diagnosis.prediction_accuracy(contrastive, room) > 0.95
    start = diagnosis.spread(diagnosis.latents(untrained(room, PREDICTION, 0), room))
    assert diagnosis.spread(diagnosis.latents(collapsed, room)) < 0.5 * start
    order = {
        name: diagnosis.metric_correlation(diagnosis.latents(model, room), geodesic)
        for name, model in {"reconstruction": reconstruction, "contrastive": contrastive}.items()
    }
    assert order["contrastive"] > 0.7 > 0.4 > abs(order["reconstruction"])


def test_spectral_weight_lowers_the_step_jacobian(room):
    from helm_tutorial.cliff.penalties import spectral_penalty
    from helm_tutorial.models.world_model import one_hot_actions

    def penalty(weight: float) -> float:
        model = train_contrastive(room, replace(SMALL, spectral_weight=weight), 0)
        z = diagnosis.latents(model, room)
        return float(spectral_penalty(model, z, one_hot_actions(torch.zeros(len(z), dtype=torch.long), 3)))

    assert penalty(0.01) < 0.8 * penalty(0.0)


# ------------------------------------------------------------- the records


@pytest.mark.parametrize(
    ("metric", "style", "words"),
    [
        ((0.981, 0.957, 1.0), ".0%", "**98 %** (96 to 100 %)"),
        ((1.0, 1.0, 1.0), ".1%", "**100.0 %** on every seed"),
        ((0.054, -0.03, 0.08), ".2f", "**0.05** (−0.03 to 0.08)"),
        ((-0.0001, -0.02, 0.0), ".1%", "**0.0 %** (−2.0 to 0.0 %)"),
        ((5.53, 4.0, 120.0), ".1e", "**5.5** (4 to 120)"),
        ((1.5e6, 3e5, 2e7), ".1e", r"**$1.5 \times 10^{6}$** ($3.0 \times 10^{5}$ to $2.0 \times 10^{7}$)"),
    ],
)
def test_metrics_in_words(metric, style, words):
    assert in_words(dict(zip(("mean", "low", "high"), metric, strict=True)), style) == words


@pytest.mark.slow
def test_exp2_closed_forms_run_again():
    # A start on the edge of a basin falls to another side where the processor rounds otherwise: a hundredth is allowed.
    fresh = mollified_funnel.STUDY.run(mollified_funnel.Config(), 0, only=["closed_forms"])
    for name in ("coverage_true", "coverage_gaussian", "coverage_coarse_to_fine", "coverage_predicted_helm"):
        assert fresh[name] == pytest.approx(records.load("exp2")["metrics"][name]["values"][0], abs=0.01), name
