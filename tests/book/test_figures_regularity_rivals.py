"""Figures of the forms of regularity and of the rivals show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helm_book.figures.intervals import upright
from helm_book.figures.regularity import build_gains, move_gains
from helm_book.figures.rivals import RIVAL_COLORS, build_rivals, move_rivals, name_excess, show_excess
from helm_book.figures.style import apart
from helm_book.figures.swaps import ASKED_COLORS, LONGEST, build_asked, move_asked, show_ranking
from helm_tutorial.models.regularity import FORMS, penalised_gain


@pytest.fixture
def figure():
    figure = plt.figure(figsize=(7.2, 3.5))
    yield figure
    plt.close(figure)


def metric(mean: float, low: float | None = None, high: float | None = None) -> dict:
    return {"mean": mean, "low": mean if low is None else low, "high": mean if high is None else high, "values": [mean]}


def test_gains_move_by_the_closed_form(figure):
    artists = build_gains(figure)
    numbers, caption = move_gains(1.2, 0.1)
    assert set(numbers) == set(artists)
    for form in FORMS:
        w = penalised_gain(1.2, 0.1, form)
        assert numbers[f"dot {form}"] == ([1.2], [w])
        assert numbers[f"growth {form}"][1][-1] == pytest.approx(w**50)
        assert f"{form} {w:.3f}" in caption
    assert numbers["growth truth"][1][-1] == pytest.approx(1.2**50)


def test_a_name_stands_where_its_line_ends_or_leaves_the_frame(figure):
    build_gains(figure)
    low, high = figure.axes[1].get_ylim()
    for gain, weight in ((1.0, 0.01), (1.3, 0.4), (0.8, 0.05)):
        numbers, _ = move_gains(gain, weight)
        for form, w in {"truth": gain, **{form: penalised_gain(gain, weight, form) for form in FORMS}}.items():
            x, y, _ = numbers[f"name {form}"]
            assert 0 < x <= 50 and low < y < high
            assert x == 50 if low < w**50 < high and w**50 > 2e-4 else x < 50


def test_labels_keep_apart_and_in_order():
    raised = apart({"a": 0.0, "b": 0.01, "c": 1.0}, 0.1)
    assert raised == {"a": 0.0, "b": 0.1, "c": 1.0}
    assert list(apart({"a": 1.0, "b": 0.0}, 0.5)) == ["b", "a"]


def test_intervals_stay_within_shares():
    x, y = upright([3, 5], [metric(0.5, -0.2, 0.7), metric(0.9, 0.8, 1.4)])
    assert np.nan_to_num(x, nan=-1).tolist() == [3, 3, -1, 5, 5, -1]
    assert np.nan_to_num(y, nan=-1).tolist() == [0.0, 0.7, -1, 0.8, 1.0, -1]


def test_rivals_move_with_model_and_horizon(figure):
    budgets = [24, 120]
    metrics = {}
    for place, name in enumerate(RIVAL_COLORS):
        for budget in budgets:
            metrics[f"success_{name}_both_T12_B{budget}"] = metric(0.1 * place + budget / 1000)
            metrics[f"milliseconds_{name}_both_T12_B{budget}"] = metric(budget / 10)
    metrics["success_greedy_both"] = metric(0.4)
    artists = build_rivals(figure, budgets)
    numbers, caption = move_rivals(metrics, budgets, 3, "both", 12)
    assert set(numbers) == set(artists)
    assert numbers["shooting plans"] == (budgets, pytest.approx([0.324, 0.42]))
    assert numbers["gradient time"][0].tolist() == [2.4, 12.0]
    assert "random plans 32, 42 % (12 ms at 120)" in caption and "Greedy: 40 %" in caption and "n = 3" in caption


def test_excess_is_drawn_against_the_numbers_of_a_plan(figure):
    metrics = {
        f"excess_{name}_A4_T{T}": metric(0.01 * T, 0.005 * T, 0.02 * T) for name in RIVAL_COLORS for T in (5, 12)
    }
    axes = show_excess(figure.subplots(), metrics, 4, (5, 12))
    name_excess(axes, metrics, 4, (5, 12))
    assert all(line.get_xdata().tolist() == [20, 48] for line in axes.lines)
    assert {text.get_text() for text in axes.texts} == {"gradient", "cross-entropy", "path integral", "random plans"}


def test_ranking_is_drawn_against_the_horizon(figure):
    metrics = {
        f"rank_correlation_{name}_T{T}": metric(1 / T, 0.5 / T, 1.5 / T)
        for name in ("both", "contrastive")
        for T in (5, 50)
    }
    axes = show_ranking(figure.subplots(), metrics, (5, 50))
    assert axes.lines[0].get_ydata() == pytest.approx([0.2, 0.02])
    assert {text.get_text() for text in axes.texts} == {"both pillars", "contrastive only"}


def test_asked_moves_with_what_is_chosen(figure):
    metrics = {}
    for place, name in enumerate(ASKED_COLORS):
        for kept, suffix in enumerate(("", "_kept")):
            key = f"{name}_both_T12_B24{suffix}"
            metrics[f"success_{key}"] = metric(0.1 * place + 0.5 * kept)
            metrics[f"path_ratio_{key}"] = metric(5.0 - place - kept)
            metrics[f"milliseconds_{key}"] = metric(7.0)
    artists = build_asked(figure)
    numbers, caption = move_asked(metrics, 3, "both", 12, 24)
    assert set(numbers) == set(artists)
    assert numbers["guided share"][1] == pytest.approx([0.1, 0.6])
    assert numbers["gradient path"][1] == pytest.approx([LONGEST, 4.0])  # 5 is drawn at the upper end
    assert "Asked: 10 → 60 % arrive, path 4.00 → 3.00, 7 ms." in caption and "n = 3" in caption
