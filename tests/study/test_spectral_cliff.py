import dataclasses
import functools
import math

import pytest
import torch

from helm_study import records
from helm_study.cliff import cliff_planning
from helm_study.cliff.spectral_cliff import METRICS, STUDY, Config, draw_transitions, fit_linear, summed_gradient_norm
from helm_tutorial.cliff.closed_forms import action_jacobian, relative_distance, report_optimum, ridge_optimum
from helm_tutorial.cliff.linear_system import expansive_system
from helm_tutorial.cliff.penalties import spectral_penalty, spectral_penalty_report

# The ReLU networks cost half of a seed; with one step of training the rest is as it was recorded.
CONFIG = Config(relu_steps=1)


@pytest.fixture(scope="module")
def recorded():
    return records.load("exp1")


@pytest.fixture(scope="module")
def values(recorded):
    return STUDY.run(CONFIG, recorded["seeds"][-1])


@pytest.mark.whole
def test_a_seed_of_the_record_run_again(recorded, values):
    assert list(values) == list(METRICS) and all(math.isfinite(value) for value in values.values())
    jacobians = [f"jacobian_{model}_T50" for model in ("true", "flat", "helm", "report")]
    radii = [f"spectral_radius_{model}" for model in ("helm", "report")]
    for name in (*jacobians, *radii, "saturation_helm", "one_step_error_helm"):
        assert values[name] == pytest.approx(recorded["metrics"][name]["values"][-1], rel=0.02), name
    for name in ("one_step_error_flat", "limit_error_helm", "closed_form_distance_helm", "closed_form_distance_report"):
        assert values[name] == pytest.approx(recorded["metrics"][name]["values"][-1], abs=0.002), name
    for name, entry in recorded["metrics"].items():
        if name.startswith("plan_success") and "rounded_T50" not in name:  # at the edge of what float32 can hold
            assert values[name] == pytest.approx(entry["values"][-1], abs=0.1), name


def test_same_seed_same_numbers_whatever_the_global_generator(monkeypatch):
    """With planners that take two steps: each takes the time of all the rest together."""
    for name, planner in cliff_planning.REMEDIES.items():
        monkeypatch.setitem(cliff_planning.REMEDIES, name, functools.partial(planner, steps=2))
    monkeypatch.setattr(cliff_planning, "plan_descent", functools.partial(cliff_planning.plan_descent, steps=2))
    config = dataclasses.replace(Config.quick(), steps=100, relu_steps=2)
    first = STUDY.run(config, 0)
    torch.rand(1)
    assert STUDY.run(config, 0) == first
    assert STUDY.run(config, 1) != first


def test_trained_models_lie_on_their_closed_forms():
    """With many samples the only difference left is the sample covariance: about 1/sqrt(N)."""
    config = Config(samples=20_000, steps=400)
    generator = torch.Generator().manual_seed(0)
    system = expansive_system(generator, dtype=torch.float32)
    z, a = draw_transitions(system, generator, samples=config.samples)

    def hutchinson(model, z, a):
        return spectral_penalty(model, z, a, generator=generator, samples=4)

    for penalty, optimum, tolerance in (
        (spectral_penalty, ridge_optimum, 0.01),
        (spectral_penalty_report, report_optimum, 0.01),
        (hutchinson, ridge_optimum, 0.1),  # its noise does not vanish at the optimum, so Adam hovers around it
    ):
        model = fit_linear(system, z, a, config, penalty=penalty)
        assert relative_distance(model, optimum(system, config.weight)) < tolerance


def test_the_reports_measure_is_the_norm_of_the_column_sums():
    system = expansive_system(torch.Generator().manual_seed(0))
    actions = torch.zeros(1, 6, 1, dtype=torch.float64)
    measured = summed_gradient_norm(system, torch.zeros(1, 4, dtype=torch.float64), actions)
    assert measured == pytest.approx(float(action_jacobian(system, 6).sum(0).norm()))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Config(samples=0), "samples must be at least 1, got 0"),
        (lambda: Config(weight=-0.1), "weight must be finite and at least 0.0"),
        (lambda: Config(lr=0.0), "lr must be finite and greater than 0.0"),
        (lambda: Config(bend=2.0), "bend must be finite and at least 0.0 and at most 1.1, got 2.0"),
        (lambda: Config(trials=0), "trials must be at least 1, got 0"),
    ],
)
def test_bad_settings_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
