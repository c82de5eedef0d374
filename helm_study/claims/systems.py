"""The report's claims about the spectral cliff and the mollified funnel, and the rules that judge them."""

from __future__ import annotations

from helm_study.claims.claim import CONDITION, FAILS, HOLDS, OPEN, Claim, Metrics, number, share
from helm_study.intervals import t_interval
from helm_study.words import formatted


def _ratio(metrics: Metrics, above: str, below: str):
    """Interval of the ratio of two metrics, paired by seed."""
    pairs = zip(metrics[above]["values"], metrics[below]["values"], strict=True)
    return t_interval([a / max(b, 1e-6) for a, b in pairs])


def _range(metric: Metrics) -> str:
    """The smallest and the largest value over seeds, of a norm that spreads over orders of magnitude."""
    values = [value for value in metric["values"] if value is not None]
    return f"{formatted(min(values), '.2g')} to {formatted(max(values), '.2g')}, by seed"


def _error(metric: Metrics) -> str:
    """An error with its interval, or that it is one of rounding only."""
    return "only that of rounding" if max(metric["values"]) < 1e-12 else number(metric)


CLAIMS = (
    Claim(
        "A flat model of an expansive system has an exploding rollout Jacobian",
        "1712 at T = 50",
        "exp1",
        lambda m: (
            f"{number(m['jacobian_flat_T50'])}; the true system's own is {number(m['jacobian_true_T50'])}; in networks "
            f"without a penalty {_range(m['jacobian_flat_relu_T50'])}"
        ),
        lambda m: HOLDS if m["jacobian_flat_T50"]["low"] > 1000 else FAILS,
        "holds if the interval lies above 1000",
        "spectral_cliff",
        "The two numbers of the report",
    ),
    Claim(
        "A spectral penalty makes it saturate",
        "90 at T = 50",
        "exp1",
        lambda m: (
            f"with the exact penalty {number(m['jacobian_helm_T50'])}, growing {m['saturation_helm']['mean']:.3f}-fold "
            f"to T = 100; in networks with the printed one {_range(m['jacobian_helm_relu_T50'])}"
        ),
        lambda m: HOLDS if m["saturation_helm"]["high"] <= 1.05 else FAILS,
        "holds if the norm grows by at most 5 % from T = 50 to 100",
        "spectral_cliff",
        "Penalise the Jacobian",
    ),
    Claim(
        "Spectral regularisation bounds the Lipschitz constant of the learned dynamics",
        "no figure",
        "exp1",
        lambda m: (
            f"spectral radius {number(m['spectral_radius_helm'])}, of these symmetric matrices the Lipschitz constant "
            f"in the state; the true system's is 1.3. What that costs: a relative error of one step of "
            f"{number(m['one_step_error_helm'])}, without the penalty {_error(m['one_step_error_flat'])}"
        ),
        lambda m: HOLDS if m["spectral_radius_helm"]["high"] < 1 else FAILS,
        "holds if the spectral radius is below 1",
        "spectral_cliff",
        "Penalise the Jacobian",
        late=True,
    ),
    Claim(
        "The printed penalty is a “Frobenius norm approximation”",
        "no figure",
        "exp1",
        lambda m: (
            f"trained with it, the spectral radius is {number(m['spectral_radius_report'])} "
            f"and the norm {number(m['jacobian_report_T50'])}"
        ),
        lambda m: HOLDS if m["spectral_radius_report"]["high"] < 1 else FAILS,
        "holds if it tames the system, a spectral radius below 1, as the exact norm does",
        "spectral_cliff",
        "Penalise the Jacobian",
    ),
    Claim(
        "HELM solves the first pathology of planning, spectral explosion",
        "no figure",
        "exp1",
        lambda m: (
            f"gradient plans of 50 steps arrive: on the true system {share(m['plan_success_system_helm_T50'])} with "
            f"one action, {share(m['plan_success_system_helm_T50_A4'])} with four; on HELM's own rollouts, with four, "
            f"{share(m['plan_success_model_helm_T50_A4'])}; multiple shooting on a true model, with four, "
            f"{share(m['plan_success_system_best_T50_A4'])}"
        ),
        lambda m: (
            HOLDS
            if min(m[f"plan_success_system_helm_T50{size}"]["low"] for size in ("", "_A4")) > 0.95
            else CONDITION
            if max(m[f"plan_success_system_helm_T50{size}"]["low"] for size in ("", "_A4")) > 0.95
            else FAILS
        ),
        "holds if above 95 % on the true system, with one action and with four; with a condition if with one of them",
        "spectral_cliff",
        "What stability costs",
    ),
    Claim(
        "Descent on a flat model of a rugged energy is trapped",
        "coverage 4.3 %",
        "exp2",
        lambda m: share(m["coverage_flat"]),
        lambda m: HOLDS if m["coverage_flat"]["high"] < 0.10 else FAILS,
        "holds if the interval lies below 10 %",
        "mollified_funnel",
        "What was measured",
    ),
    Claim(
        "High-frequency invariance opens a funnel",
        "coverage 96.4 %",
        "exp2",
        lambda m: f"{share(m['coverage_helm'])}; at the report's own setting {share(m['coverage_helm_recipe'])}",
        lambda m: (
            HOLDS if m["coverage_helm_recipe"]["low"] > 0.9 else CONDITION if m["coverage_helm"]["low"] > 0.9 else FAILS
        ),
        "holds if above 90 % at the report's setting; with a condition if only at the closed form's",
        "mollified_funnel",
        "What was measured",
    ),
    Claim(
        "Invariance raises coverage 22-fold",
        "22-fold",
        "exp2",
        lambda m: (
            "the mean of each seed's own ratio, at the report's own setting: "
            f"{number(vars(_ratio(m, 'coverage_helm_recipe', 'coverage_flat')))}"
        ),
        lambda m: (
            HOLDS
            if _ratio(m, "coverage_helm_recipe", "coverage_flat").low > 11
            else FAILS
            if _ratio(m, "coverage_helm_recipe", "coverage_flat").high < 11
            else OPEN
        ),
        "holds if the whole interval of the ratio, paired by seed, lies above 11, half of that; does not hold if below",
        "mollified_funnel",
        "What was measured",
        late=True,
    ),
)
"""The claims of the report's experiments 1 and 2."""
