"""Intervals against SciPy, and against what they promise; and how prose says them."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from helm_study.intervals import t_interval, t_quantile
from helm_study.words import in_words


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=12))
def test_t_interval_is_scipys(values):
    ours = t_interval(values)
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    assert ours.mean == pytest.approx(math.fsum(values) / len(values), abs=1e-9)
    assert ours.high - ours.low == pytest.approx(2 * half, rel=1e-9, abs=1e-9)


def test_t_interval_covers_as_often_as_it_says():
    generator = torch.Generator().manual_seed(0)
    samples = torch.randn(2000, 5, generator=generator, dtype=torch.float64)
    covered = [interval.low <= 0 <= interval.high for interval in map(t_interval, samples.tolist())]
    # 2000 trials at 95 %: three standard deviations are 1.5 points.
    assert abs(sum(covered) / 2000 - 0.95) < 0.015


def test_t_interval_stays_inside_its_bounds_and_one_value_says_nothing():
    assert t_interval([0.99, 1.0, 1.0], bounds=(0, 1)).high == 1.0
    assert t_interval([0.5], bounds=(0, 1)) == t_interval([0.5], bounds=(0.0, 1.0))
    assert (t_interval([0.5], bounds=(0, 1)).low, t_interval([0.5], bounds=(0, 1)).high) == (0, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: t_interval([]), "number of values must be at least 1, got 0"),
        (lambda: t_interval([1.0, 2.0], level=1.0), "level"),
        (lambda: t_quantile(1.3, 4), "probability"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("metric", "style", "words"),
    [
        ((0.981, 0.957, 1.0), ".0%", "**98 %** (96 to 100 %)"),
        ((1.0, 1.0, 1.0), ".1%", "**100.0 %** on every seed"),
        ((0.999, 0.9969, 1.0), ".0%", "**99.9 %** (99.7 to 100 %)"),
        ((0.998, 0.991, 1.0), ".0%", "**100 %** (99 to 100 %)"),
        ((0.00004, 0.0, 0.00013), ".1%", "**0.004 %** (0 to 0.013 %)"),
        ((0.999999, 0.999998, 1.0), ".0%", "**100.000 %** (100.000 to 100 %)"),
        ((0.384, 0.382, 0.3841), ".0%", "**38 %** (38 to 38 %)"),
        ((0.054, -0.03, 0.08), ".2f", "**0.05** (−0.03 to 0.08)"),
        ((-0.0001, -0.02, 0.0), ".1%", "**0.0 %** (−2.0 to 0.0 %)"),
        ((5.53, 4.0, 120.0), ".1e", "**5.5** (4 to 120)"),
        ((1.5e6, 3e5, 2e7), ".1e", r"**$1.5 \times 10^{6}$** ($3.0 \times 10^{5}$ to $2.0 \times 10^{7}$)"),
    ],
)
def test_metrics_in_words(metric, style, words):
    assert in_words(dict(zip(("mean", "low", "high"), metric, strict=True)), style) == words
