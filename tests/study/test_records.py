"""The records as they are stored: how they say they were made, the bars they meet, the models that they share."""

import math

import pytest

from helm_study import records
from helm_study.registry import STUDIES


def test_every_record_is_of_an_experiment():
    assert set(records.available()) == set(STUDIES)


@pytest.mark.parametrize("name", records.available())
def test_a_record_says_how_it_was_made_and_its_numbers_agree(name):
    record = records.load(name)
    assert record["experiment"] == name and record["command"].startswith(f"python -m helm_tutorial reproduce {name} ")
    assert record["seeds"] and record["config"] and record["versions"]["torch"] and record["date"]
    assert (records.directory() / f"{name}.json").stat().st_size < 400_000
    for metric, entry in record["metrics"].items():
        assert len(entry["values"]) == len(record["seeds"]), metric
        known = [value for value in entry["values"] if value is not None]
        assert entry["mean"] == pytest.approx(math.fsum(known) / len(known)), metric
        assert entry["low"] <= entry["mean"] <= entry["high"], metric


BARS = """
exp1        max limit_error_helm                          <= 0.02 in 20 seeds
exp1        max closed_form_distance_helm                 <= 0.05
exp1        max closed_form_distance_report               <= 0.05
exp1        max saturation_helm                           <= 1.05
exp1        max one_step_error_flat                       <= 1e-4
exp1        min jacobian_report_T50                       >= 1000
exp1        mean plan_success_system_best_T50             >= 0.95
exp1        mean plan_success_system_flat_T50             <= 0.01
exp2        mean coverage_helm                            >= 0.964 in 10 seeds
exp2        high coverage_flat                            <= 0.1
exp2        min coverage_coarse_to_fine                   >= 1
exp2        max distance_to_stationary_coarse_to_fine     <= 0.05
exp2        max evaluations_coarse_to_fine                <= 100
plans       low success_plan_restarts                     >= 0.8 in 10 seeds
plans       high success_plan_raw                         <= 0.6
exp4        low success_contrastive                       >= 0.99 in 10 seeds
exp4        min success_start_contrastive                 >= 1
exp4        high path_ratio_contrastive                   <= 1.10
exp4        low metric_correlation_contrastive            >= 0.95
exp4        low prediction_accuracy_contrastive           >= 0.99
exp4        mean success_open_loop_contrastive            >= 0.95
exp4        min success_lesson                            >= 0.95
pixels      mean success_contrastive_pixels               >= 0.99 in 5 seeds
pixels      min success_start_contrastive_pixels          >= 1
pixels      mean path_ratio_contrastive_pixels            <= 1.10
pixels      mean metric_correlation_contrastive_pixels    >= 0.95
pixels      mean prediction_accuracy_contrastive_pixels   >= 0.99
pixels      mean success_open_loop_contrastive_pixels     >= 0.95
worlds      min success_contrastive_empty16               >= 0.95
worlds      min success_contrastive_four_rooms            >= 0.90
exp3        min decoding_accuracy_reconstruction          >= 0.99
exp3        min prediction_accuracy_reconstruction        >= 0.99
exp3        min prediction_accuracy_variance_covariance   >= 0.99
pillars     low success_both_T50                          >= 0.95
pillars     low prediction_accuracy_both                  >= 0.99
continuous  mean success_random                           <= 0.1 in 5 seeds
continuous  mean success_true_T25_closest                 >= 0.9
""".strip().splitlines()


@pytest.mark.parametrize("bar", BARS, ids=str.split)
def test_a_record_meets_its_bars(bar):
    name, of, metric, sense, bound, *seeds = bar.split()
    entry = records.load(name)["metrics"][metric]
    value = entry[of] if of in entry else {"min": min, "max": max}[of](entry["values"])
    assert value >= float(bound) if sense == ">=" else value <= float(bound), value
    assert not seeds or len(entry["values"]) >= int(seeds[1])


GEOMETRY = ("metric_correlation", "greedy_accuracy")
SAME = [  # models that two records trained, what needs no planner, and how far rounding may lead on another machine
    ("steps", "printed", "exp4", "printed_loss", ("metric_correlation",), 0.02),
    ("steps", "printed", "exp4", "printed_loss", ("greedy_accuracy",), 0.1),
    ("steps", "prediction", "exp4", "contrastive", GEOMETRY, 0.02),
    ("choices", "negatives_511", "exp4", "one_encoder", ("metric_correlation", "prediction_accuracy"), 0.02),
    ("choices", "negatives_511", "exp4", "one_encoder", ("greedy_accuracy",), 0.1),
    ("forms", "none", "exp4", "one_encoder", ("metric_correlation", "prediction_accuracy"), 0.02),
    ("forms", "square_0.001", "pillars", "both", ("metric_correlation", "prediction_accuracy"), 0.02),
    ("maps", "reconstruction", "exp3", "reconstruction", ("metric_correlation",), 0.02),
    ("maps", "latent_prediction", "exp3", "latent_prediction", ("metric_correlation",), 0.02),
    ("maps", "one_step", "exp4", "printed_loss", ("metric_correlation",), 0.02),
    ("maps", "contrastive", "exp4", "one_encoder", ("metric_correlation",), 0.02),
    ("ablation", "tau0.1_gamma0.8", "exp4", "one_encoder", ("metric_correlation", "prediction_accuracy"), 0.005),
    ("ablation", "tau0.1_gamma0.8", "exp4", "one_encoder", ("greedy_accuracy",), 0.1),
    # The penalty comes after the encoder: what concerns latents alone is the same to the last digit.
    ("exp3", "reconstruction_profiles", "exp3", "reconstruction_spectral_profiles", (*GEOMETRY, "latent_spread"), 0.0),
]


@pytest.mark.parametrize(("one", "model", "other", "its_model", "measures", "near"), SAME)
def test_a_model_that_two_records_trained_is_the_same_in_both(one, model, other, its_model, measures, near):
    here, there = records.load(one), records.load(other)
    shared = sorted(set(here["seeds"]) & set(there["seeds"]))
    assert len(shared) >= 2
    for measure in measures:
        first, second = (
            [record["metrics"][f"{measure}_{name}"]["values"][record["seeds"].index(seed)] for seed in shared]
            for record, name in ((here, model), (there, its_model))
        )
        assert first == pytest.approx(second, abs=near), measure
