"""The report's claims about planning in MiniGrid, and the rules that judge them."""

from __future__ import annotations

from helm_study import records
from helm_study.claims.claim import CONDITION, FAILS, HOLDS, OPEN, Claim, Metrics, number, share


def _no_success(metrics: Metrics) -> str:
    """Whether planning with the reconstruction model adds less than 10 points to random actions."""
    report = records.paired(metrics, "success_report_planner_reconstruction", "success_random_actions")
    ours = records.paired(metrics, "success_reconstruction", "success_random_actions")
    if report.high < 0.10:
        return HOLDS if ours.high < 0.10 else CONDITION
    return FAILS if report.low > 0.10 else OPEN


def _complement(metric: dict) -> dict:
    """One less a share, with its interval."""
    return {"mean": 1.0 - metric["mean"], "low": 1.0 - metric["high"], "high": 1.0 - metric["low"]}


def _colder() -> dict:
    """Success with one-step positives at half of the usual temperature, from the study of temperatures."""
    return records.load("ablation")["metrics"]["success_tau0.05_gamma0"]


def _contrastive_three_steps_ahead() -> dict:
    """Success of chapter 4's model with our planner and plans of three steps."""
    return records.load("exp4")["metrics"]["success_lesson_T3"]


def _script(model: str) -> dict:
    """Success in the setting of the report's public scripts."""
    return records.load("script")["metrics"][f"success_script_{model}"]


def _tame(metric: dict) -> bool:
    """Whether a Jacobian of 25 steps stays below ten times the identity's norm, 57 in 32 dimensions."""
    return metric["high"] < 57


CLAIMS = (
    Claim(
        "A model with perfect prediction plans with no success",
        "0 %",
        "exp3",
        lambda m: (
            f"one open-loop plan {share(m['success_report_planner_reconstruction'])}, "
            f"our planner {share(m['success_reconstruction'])}, "
            f"random actions {share(m['success_random_actions'])}, at a prediction accuracy of "
            f"{share(m['prediction_accuracy_reconstruction'])}; as the report's scripts run it "
            f"{share(_script('baseline'))}"
        ),
        lambda m: _no_success(m),
        "holds if it beats random actions by less than 10 points with both planners; with a condition if with one",
        "stability_alone",
        "The experiments as the scripts run them",
        late=True,
    ),
    Claim(
        "The reconstruction model's latent distances say nothing about the way to the goal",
        "no figure",
        "exp3",
        lambda m: f"rank correlation with geodesic distance {number(m['metric_correlation_reconstruction'])}",
        lambda m: HOLDS if m["metric_correlation_reconstruction"]["high"] < 0.2 else FAILS,
        "holds if the rank correlation is below 0.2",
        "stability_alone",
        "How far is it to the goal?",
    ),
    Claim(
        "Without metric alignment latent distance has dead ends, local minima",
        "no figure",
        "exp3",
        lambda m: (
            "no action lowers the distance to the goal from "
            f"{share(_complement(m['descent_share_reconstruction']))} of the states (reconstruction), "
            f"{share(_complement(m['descent_share_variance_covariance']))} "
            "(variance-covariance)"
        ),
        lambda m: HOLDS if _complement(m["descent_share_reconstruction"])["low"] > 0.05 else FAILS,
        "holds if more than 5 % of the reconstruction model's states are dead ends",
        "stability_alone",
        "How far is it to the goal?",
        late=True,
    ),
    Claim(
        "A prediction error of about 0 means that the model predicts",
        "MSE ≈ 0",
        "exp3",
        lambda m: (
            f"latent prediction, whose error is the smallest, predicts the right state in "
            f"{share(m['prediction_accuracy_latent_prediction'])}, reconstruction in "
            f"{share(m['prediction_accuracy_reconstruction'])}"
        ),
        lambda m: HOLDS if m["prediction_accuracy_latent_prediction"]["low"] > 0.9 else FAILS,
        "holds if the model with the smallest error predicts the right state in over 90 %",
        "stability_alone",
        "Which failure is which",
        late=True,
    ),
    Claim(
        "The latents are “one-hot” in style: all states equidistant",
        "no figure",
        "exp3",
        lambda m: (
            f"distances between latents vary by {number(m['distance_variation_reconstruction'])} of their mean; "
            "one-hot vectors: 0; 144 equidistant points do not fit into 32 dimensions"
        ),
        lambda m: (
            HOLDS
            if m["distance_variation_reconstruction"]["high"] < 0.05
            else CONDITION
            if m["distance_variation_reconstruction"]["high"] < 0.25
            else FAILS
        ),
        "holds if the variation is below 0.05; with a condition, nearly equidistant, if below 0.25",
        "stability_alone",
        "How far is it to the goal?",
        late=True,
    ),
    Claim(
        "The model that fails is stable",
        "no figure",
        "exp3",
        lambda m: (
            f"reconstruction's Jacobian of 25 steps is {number(m['rollout_jacobian_reconstruction_T25'])}. Where the "
            "model sees counts by row and column and pays the penalty, it is "
            f"{number(m['rollout_jacobian_tame_exact_T25'])}; then our planner arrives from "
            f"{share(m['success_tame_exact_T3'])} looking 3 steps ahead, a contrastive model from "
            f"{share(_contrastive_three_steps_ahead())}; looking 12 steps ahead "
            f"{share(m['success_tame_exact_T12'])}"
        ),
        lambda m: (
            HOLDS
            if _tame(m["rollout_jacobian_reconstruction_T25"])
            else CONDITION
            if _tame(m["rollout_jacobian_tame_exact_T25"])
            and m["success_tame_exact_T3"]["high"] < _contrastive_three_steps_ahead()["low"] - 0.10
            else FAILS
        ),
        "holds if the norm stays below ten times the identity's; with a condition if so by rows and columns with the "
        "penalty, and plans of 3 steps arrive from at least 10 points fewer starts than a contrastive model's",
        "stability_alone",
        "Limits",
        late=True,
    ),
    Claim(
        "Stability is not utility: a stable model may point in the wrong direction",
        "no figure",
        "exp3",
        lambda m: (
            f"tamed by the penalty, variance-covariance latents have a Jacobian of "
            f"{number(m['rollout_jacobian_variance_covariance_spectral_T25'])} and a best-looking action that is right "
            f"from {share(m['greedy_accuracy_variance_covariance_spectral'])} (a blind guess: 36 %)"
        ),
        lambda m: (
            HOLDS
            if _tame(m["rollout_jacobian_variance_covariance_spectral_T25"])
            and m["greedy_accuracy_variance_covariance_spectral"]["high"] < 0.9
            else FAILS
        ),
        "holds if a tame model's best-looking action is wrong from more than a tenth of the starts",
        "stability_alone",
        "See it fail",
        late=True,
    ),
    Claim(
        "A smooth gradient that points in the wrong direction is useless",
        "no figure",
        "exp3",
        lambda m: f"with the same model our planner arrives from {share(m['success_variance_covariance_spectral'])}",
        lambda m: (
            FAILS
            if m["success_variance_covariance_spectral"]["low"] > 0.9
            else HOLDS
            if m["success_variance_covariance_spectral"]["high"] < 0.5
            else OPEN
        ),
        "holds if fewer than half of the starts arrive with our planner, does not hold if more than 90 % do",
        "stability_alone",
        "Search can hide it",
        late=True,
    ),
    Claim(
        "Contrastive latents bring success",
        "100 %",
        "exp4",
        lambda m: (
            f"our planner {share(m['success_one_encoder'])}, "
            f"one open-loop plan {share(m['success_report_planner_one_encoder'])}; where the distance has a "
            f"direction, our planner {share(m['success_contrastive'])}, one open-loop plan "
            f"{share(m['success_report_planner_contrastive'])}; as the report's scripts run it "
            f"{share(_script('contrastive'))} of the plans"
        ),
        lambda m: (
            HOLDS
            if max(m[f"success_report_planner_{name}"]["low"] for name in ("one_encoder", "contrastive")) > 0.95
            else CONDITION
            if max(m[f"success_{name}"]["low"] for name in ("one_encoder", "contrastive")) > 0.95
            else FAILS
        ),
        "holds if above 95 % with one open-loop plan and one of the two models; with a condition if only with ours",
        "contrastive_fix",
        "The claim of the report",
    ),
    Claim(
        "The loss as printed, one-step positives, suffices",
        "100 %",
        "exp4",
        lambda m: (
            f"the report prints no temperature; ours, at 0.1 {share(m['success_printed_loss'])}, "
            f"at 0.05 {share(_colder())}"
        ),
        lambda m: (
            HOLDS
            if max(m["success_printed_loss"]["low"], _colder()["low"]) > 0.95
            else FAILS
            if max(m["success_printed_loss"]["high"], _colder()["high"]) < 0.95
            else OPEN
        ),
        "holds if above 95 % with our planner at one of two temperatures, does not hold if below it at both",
        "contrastive_fix",
        "A fair table",
        late=True,
    ),
    Claim(
        "The planner that was stuck at distance 7.0 comes to distance 0.0",
        "0.0",
        "exp4",
        lambda m: f"cells from the goal in the end, own start: {number(m['final_distance_start_one_encoder'])}",
        lambda m: HOLDS if m["final_distance_start_one_encoder"]["high"] < 0.5 else FAILS,
        "holds if below half a cell",
        "contrastive_fix",
        "The claim of the report",
        late=True,
    ),
    Claim(
        "InfoNCE makes the latent topology reflect the grid's geodesic structure",
        "no figure",
        "exp4",
        lambda m: (
            f"rank correlation: as printed {number(m['metric_correlation_printed_loss'])}, positives further "
            f"ahead {number(m['metric_correlation_one_encoder'])}, with a direction "
            f"{number(m['metric_correlation_contrastive'])}"
        ),
        lambda m: (
            HOLDS
            if m["metric_correlation_printed_loss"]["low"] > 0.9
            else CONDITION
            if m["metric_correlation_contrastive"]["low"] > 0.9
            else FAILS
        ),
        "holds if the printed loss passes 0.9; with a condition if only another form does",
        "directed_distance",
        "The distance that comes out",
        late=True,
    ),
)
"""The claims of the report's experiments 3 and 4."""
