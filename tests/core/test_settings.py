"""Each recipe has the settings that it uses, and says what is wrong with one."""

from dataclasses import fields, replace

import pytest

from helm_tutorial.models.settings import Contrastive, LatentPrediction, Reconstruction, VarianceCovariance, updates_for

SMALL = Contrastive(walks=200, hidden=64)
ALL = (Contrastive, LatentPrediction, Reconstruction, VarianceCovariance)


def changed(one: Contrastive, other: Contrastive) -> dict:
    return {f.name: getattr(other, f.name) for f in fields(one) if getattr(one, f.name) != getattr(other, f.name)}


def test_as_printed_undoes_every_change_to_the_loss_and_none_to_the_data():
    assert changed(Contrastive(), Contrastive().as_printed()) == {"gamma": 0.0}
    data = {"walks": 5000, "walk_length": 200}
    assert changed(Contrastive().as_printed(), Contrastive().directed().as_printed()) == data
    assert replace(SMALL, spectral_weight=0.1).as_printed().spectral_weight == 0.1


def test_directed_says_what_it_changes_and_keeps_the_rest():
    assert changed(SMALL, SMALL.directed()) == {
        "walks": 5000,
        "walk_length": 200,
        "gamma": None,
        "similarity": "distance",
        "symmetric": True,
        "goal_encoder": True,
        "rescale": True,
        "prediction_steps": 4,
        "prediction_weight": 2.0,
    }
    assert SMALL.directed().directed() == SMALL.directed()


def test_positives_are_as_far_ahead_as_the_world_is_wide():
    assert Contrastive().positives_gamma(144) == 0.8
    mean_steps = {n: 1 / (1 - Contrastive(gamma=None).positives_gamma(n)) for n in (36, 144, 1040)}
    assert mean_steps == pytest.approx({36: 5.0, 144: 10.0, 1040: 26.87}, abs=0.01)
    assert Contrastive(gamma=None).positives_gamma(1) == 0.0


def test_updates_grow_with_the_number_of_places():
    expected = {1: 2000, 36: 2000, 144: 2000, 145: 2014, 288: 4000, 1040: 14445}
    assert {distinct: updates_for(2000, distinct) for distinct in expected} == expected
    assert updates_for(1, 1040) == 8


@pytest.mark.parametrize("recipe", ALL)
@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"walks": 0}, "walks must be at least 1, got 0"),
        ({"batch": 1}, "batch must be at least 2, got 1"),
        ({"lr": 0.0}, "lr must be finite and greater than 0.0, got 0.0"),
        ({"spectral_weight": -1.0}, "spectral_weight must be finite and at least 0.0, got -1.0"),
        ({"spectral_form": "cube"}, "spectral_form must be one of .* got 'cube'"),
    ],
)
def test_what_all_recipes_share_is_checked_in_each(recipe, options, named):
    with pytest.raises(ValueError, match=named):
        recipe(**options)


@pytest.mark.parametrize(
    ("recipe", "options", "error", "named"),
    [
        (Contrastive, {"updates": 0}, ValueError, "updates must be at least 1, got 0"),
        (Contrastive, {"similarity": "angle"}, ValueError, "similarity must be one of 'cosine', 'distance', got"),
        (Contrastive, {"gamma": 1.0}, ValueError, "gamma must be finite and at least 0.0 and at most 0.999, got 1.0"),
        (Contrastive, {"prediction_steps": 0}, ValueError, "prediction_steps must be at least 1, got 0"),
        (Contrastive, {"prediction_steps": 1.5}, TypeError, "prediction_steps must be an integer, got 1.5"),
        (Contrastive, {"prediction_steps": 4, "walk_length": 3}, ValueError, "walk_length must be at least 4, got 3"),
        (Contrastive, {"prediction_steps": 4, "batch": 3}, ValueError, "batch must be at least 4, got 3"),
        (Contrastive, {"negatives": 512}, ValueError, "negatives must be between 1 and 511, got 512"),
        (Contrastive, {"temperature": 0.0}, ValueError, "temperature must be finite and greater than 0.0, got 0.0"),
        (Contrastive, {"prediction_weight": -1.0}, ValueError, "prediction_weight must be finite and at least 0.0"),
        (Contrastive, {"tangent": True, "sphere": False}, ValueError, "tangent must be False where sphere is"),
        (Reconstruction, {"dynamics_updates": 0}, ValueError, "dynamics_updates must be at least 1, got 0"),
        (LatentPrediction, {"gamma": 0.8}, TypeError, "unexpected keyword argument 'gamma'"),
        (VarianceCovariance, {"variance_weight": float("nan")}, ValueError, "variance_weight must be finite"),
        (VarianceCovariance, {"covariance_weight": "1"}, TypeError, "covariance_weight must be a number, got '1'"),
    ],
)
def test_bad_settings_are_refused_by_name(recipe, options, error, named):
    with pytest.raises(error, match=named):
        recipe(**options)
