"""Figures of the page on nine models: crosses, shares and arrows are those of the record and of the room."""

import matplotlib.pyplot as plt
import pytest
import torch

from helm_book.figures import nine_models
from helm_study import records
from helm_study.words import in_words
from helm_tutorial.worlds.gridworld import ACTIONS, goal_distances


@pytest.fixture(scope="module")
def record():
    return records.load("exp3")


def test_eight_measures_of_nine_models_are_drawn(record):
    figure = nine_models.plot_measures(plt.figure(figsize=(7, 9), layout="constrained"), record, blind=0.36)
    assert len(figure.axes) == len(nine_models.MEASURES) == 8
    drawn = figure.axes[2].lines[1].get_xdata()
    assert list(drawn) == record["metrics"]["prediction_accuracy_reconstruction"]["values"]
    assert list(figure.axes[-1].lines[-1].get_xdata()) == [0.36, 0.36]
    plt.close(figure)


def test_a_cross_is_a_mean_beyond_the_threshold(record):
    lines = nine_models.pathology_table(record).data.splitlines()
    assert set(nine_models.NAMES) == {name for name, _, _ in nine_models.ROWS}
    for line, name in zip(lines[2:], nine_models.NAMES, strict=False):
        crossed = [cell.strip() == "✗" for cell in line.strip("|").split("|")[1:]]
        assert crossed == [name in nine_models.ill(record, what) for what in nine_models.PATHOLOGIES]
    expansive = {m for m in nine_models.NAMES if record["metrics"][f"rollout_jacobian_{m}_T25"]["mean"] > 32**0.5}
    assert nine_models.ill(record, "expansive") == expansive


def test_arrows_point_where_the_action_leads(world):
    forward = torch.full((world.num_states,), ACTIONS.index("forward"))
    one = torch.zeros(world.num_states, dtype=torch.bool)
    one[world.start] = True  # faces right
    x, y = nine_models.arrows(world, forward, one)
    assert len(x) == 6 and float(x[1]) > float(x[0]) and float(y[1]) == float(y[0]) and bool(x[-1].isnan())
    x, y = nine_models.arrows(world, torch.zeros_like(forward), one)  # a turn to the left: upwards, rows count down
    assert float(x[1]) == float(x[0]) and float(y[1]) < float(y[0])


def test_the_explorer_says_how_often_the_advice_is_right(world, live):
    rule = torch.tensor(nine_models.FACE_RIGHT_THEN_GO)[world.headings]
    first = torch.zeros_like(rule)
    advice = {(model, way): a for model in ("one", "two") for way, a in (("always left", first), ("rule", rule))}
    box = nine_models.explore_advice(world, advice)
    to_goal = goal_distances(world)
    after = world.transitions[torch.arange(world.num_states), rule]
    share = float((to_goal[after] < to_goal)[world.starts].float().mean())
    assert f"rule, one: the action is on a shortest path from {100 * share:.0f}\N{NO-BREAK SPACE}%" in box.caption.value
    box.inputs["way"].index = 0
    share = float(nine_models.right(world, first)[world.starts].float().mean())
    assert f"always left, one: the action is on a shortest path from {100 * share:.0f}" in box.caption.value


def test_tables_hold_the_record(record):
    metrics = record["metrics"]
    shares = nine_models.shares_table(record, {"reconstruction": 0.25, "latent_prediction": 0.5}).data.splitlines()
    assert shares[2].endswith("| **25 %** | **50 %** |")
    assert in_words(metrics["descent_share_latent_prediction"]) in shares[4]
    tamed = nine_models.tamed_table(record).data
    for name in ("variance_covariance_spectral", "reconstruction_profiles"):
        assert in_words(metrics[f"success_{name}"]) in tamed
    change = records.paired(metrics, "success_variance_covariance_spectral", "success_variance_covariance")
    assert f"{round(100 * change.mean):+d}".replace("-", "−") + " points" in tamed


def test_growth_is_drawn_over_horizons(axes):
    nine_models.plot_growth(axes.figure, {"reconstruction": ([1, 5], [10.0, 90.0])})
    drawn = axes.figure.axes[-1]
    assert list(drawn.lines[0].get_ydata()) == [10.0, 90.0]
    assert list(drawn.lines[1].get_ydata()) == [nine_models.IDENTITY] * 2
