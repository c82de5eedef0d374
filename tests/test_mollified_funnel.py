import dataclasses
import math

import pytest
import torch

from helm_tutorial.experiments.mollified_funnel import METRICS, Config, fit_energy, run
from helm_tutorial.landscape import (
    RuggedEnergy,
    convexity_width,
    funnel_weight,
    invariance_optimum,
    invariant_factor,
    report_energy,
)

LIGHT = dataclasses.replace(Config.quick(), steps=2, batch=16, width=8, grid=20)


def test_there_is_one_share_for_each_metric_and_the_closed_forms_need_no_training():
    values = run(LIGHT, 0)
    assert list(values) == list(METRICS)
    assert all(0.0 <= value <= 1.0 for value in values.values())
    assert values["coverage_true"] < 0.1
    assert values["coverage_gaussian"] == values["coverage_coarse_to_fine"] == values["coverage_predicted_helm"] == 1.0
    assert values["coverage_predicted_helm_recipe"] < 0.7


def test_the_weight_follows_from_the_closed_form_not_from_a_search():
    config = Config()
    assert config.weight == math.ceil(funnel_weight(report_energy(), config.sigma, config.radius))
    assert invariance_optimum(report_energy(), config.sigma, config.weight).trapping_radius() < config.radius
    assert convexity_width(report_energy()) < config.gaussian_sigma < convexity_width(report_energy()) + 0.01
    assert config.schedule[0] > convexity_width(report_energy())


@pytest.mark.parametrize(("sigma", "weight"), [(0.0, 0.0), (0.3, 5.0)])
def test_a_fitted_network_keeps_the_fraction_of_a_sine_that_the_closed_form_keeps(sigma, weight):
    """On one dimension and a slow sine, away from the boundary, by regression over one period of the sine."""
    energy = RuggedEnergy(torch.tensor([[3.0]], dtype=torch.float64), torch.ones(1, dtype=torch.float64))
    config = dataclasses.replace(Config(), steps=800, width=32, lr=5e-3, batch=128, half_width=4.0)
    model = fit_energy(energy, config, torch.Generator().manual_seed(0), sigma=sigma, weight=weight)
    a = torch.arange(200)[:, None] / 200 * (2 * math.pi / 3) - math.pi / 3
    sine = torch.sin(3 * a[:, 0])
    kept = float(model(a).detach() @ sine / (sine @ sine))
    expected = float(invariant_factor(energy, sigma, weight))
    assert expected == (1.0 if weight == 0.0 else pytest.approx(1 / (1 + 10 * (1 - math.exp(-0.405)))))
    assert kept == pytest.approx(expected, abs=0.1)


def test_same_seed_same_numbers_whatever_the_global_generator():
    model = fit_energy(report_energy(), LIGHT, torch.Generator().manual_seed(3), sigma=0.2, weight=1.0)
    torch.rand(1)
    again = fit_energy(report_energy(), LIGHT, torch.Generator().manual_seed(3), sigma=0.2, weight=1.0)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), again.parameters(), strict=True))
    assert run(LIGHT, 3) == run(LIGHT, 3)


def test_progress_runs_from_nothing_to_all():
    seen = []
    run(LIGHT, 0, progress=lambda *event: seen.append(event))
    fractions = [fraction for _, fraction in seen]
    assert fractions[0] == 0.0
    assert fractions[-1] == 1.0
    assert fractions == sorted(fractions)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: run(LIGHT, -1), "seed must be at least 0, got -1"),
        (lambda: Config(descent_steps=3), "descent_steps must be at least 5, got 3"),
        (lambda: Config(sigma=0.0), "sigma must be finite and greater than 0.0"),
        (lambda: Config(weight=-1.0), "weight must be finite and at least 0.0"),
    ],
)
def test_bad_settings_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
