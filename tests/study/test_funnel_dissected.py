import dataclasses
import math

import pytest
import torch

from helm_study.funnel.box_filter import box_optimum
from helm_study.funnel.funnel_dissected import METRICS, STUDY, Config, kept, measured, roughen
from helm_tutorial.funnel.invariance import energy_network
from helm_tutorial.funnel.landscape import invariance_optimum, invariant_factor, report_energy

QUICK = Config.quick()
BASE = dataclasses.replace(QUICK.base, steps=2, batch=16, width=8, grid=12, draws=40)
LIGHT = dataclasses.replace(QUICK, base=BASE, sample=500)


def test_one_value_for_each_metric_whatever_seeds_run_beside():
    together = STUDY.run_seeds(LIGHT, [3, 1])
    assert list(together[3]) == list(METRICS)
    assert all(math.isfinite(value) for value in together[3].values())
    # least squares differ in their last bits with where the memory lies
    assert together[1] == pytest.approx(STUDY.run(LIGHT, 1), rel=1e-9, abs=1e-12)


def test_what_is_kept_is_read_off_exactly_from_a_filter():
    filtered = invariance_optimum(report_energy(), 0.5, 5.0)
    slow, _, fast = invariant_factor(report_energy(), 0.5, 5.0).tolist()
    assert kept(filtered) == pytest.approx((1.0, slow, fast), abs=1e-5)


def test_the_optimum_has_the_lowest_loss():
    energy = report_energy()
    best = box_optimum(energy, dimension=2, sigma=0.5, weight=5.0)
    loss = measured(LIGHT, best, "optimum")["loss_optimum"]
    assert loss < measured(LIGHT, invariance_optimum(energy, 0.5, 5.0), "recipe")["loss_recipe"]
    assert loss < measured(LIGHT, energy, "recipe")["loss_recipe"]


def test_a_rough_first_layer_reaches_the_fastest_frequency():
    network = energy_network(torch.Generator().manual_seed(0), width=512)
    roughen(network, report_energy(), 3.0)
    assert float(network[0].weight.detach().abs().max()) == pytest.approx(7 * 2**0.5, rel=0.02)
    assert float(network[0].bias.detach().abs().max()) == pytest.approx(3 * 7 * 2**0.5, rel=0.02)


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match="wide must be finite and at least"):
        Config(wide=0.5)
