"""Figures of the page on discount and temperature: the border is theory's, the boxes and latents the record's."""

from itertools import pairwise

import matplotlib.pyplot as plt
import pytest
import torch

from helm_book.figures import grid, temperature
from helm_study import records
from helm_study.words import in_words
from helm_tutorial.worlds.gridworld import geodesic_distances


@pytest.fixture(scope="module")
def record():
    return records.load("ablation")


def test_the_successor_measure_is_the_sum_over_steps_ahead(world):
    walk = torch.nn.functional.one_hot(world.transitions).double().mean(dim=1)
    power, total = torch.eye(world.num_states).double(), 0.0
    for k in range(1, 200):
        power = power @ walk
        total = total + 0.2 * 0.8 ** (k - 1) * power
    torch.testing.assert_close(temperature.successor_measure(world, 0.8), total)
    assert float(temperature.visits(world).sum()) == pytest.approx(1.0)


def test_the_span_is_the_widest_row_without_the_state_itself(world):
    ratio = (temperature.successor_measure(world, 0.9) / temperature.visits(world)).log()
    rows = [torch.cat([row[:i], row[i + 1 :]]) for i, row in enumerate(ratio)]
    assert temperature.span(world, 0.9) == pytest.approx(max(float(row.max() - row.min()) for row in rows))
    assert temperature.span(world, 0.0) == float("inf")
    gammas, temperatures = temperature.border()
    assert temperatures == sorted(temperatures) and len(gammas) == len(temperatures)


def test_the_fall_lies_between_its_bounds(world, axes):
    soon = temperature.successor_measure(world, 0.8)
    temperature.plot_fall(axes, geodesic_distances(world), soon, 0.8)
    median, upper, lower = (torch.as_tensor(line.get_ydata()) for line in axes.lines)
    assert bool((lower <= median).all()) and bool((median <= upper).all())


def test_bands_are_of_the_latents_given(world):
    steps = geodesic_distances(world)
    figure, sides = plt.subplots(1, 2)
    line = torch.arange(world.num_states, dtype=torch.float32)[:, None]
    temperature.plot_bands(sides, steps, {"one step": line, "geometric": 2 * line})
    first, second = (torch.as_tensor(axes.lines[0].get_ydata()) for axes in sides)
    torch.testing.assert_close(second, 2 * first)
    plt.close(figure)


def test_the_explorer_says_what_the_record_says_of_a_box(record, live):
    box = temperature.explore_measures(record)
    box.inputs["measure"].index = 1
    box.inputs["temperature"].index = temperature.TEMPERATURES.index(0.05)
    box.inputs["gamma"].index = temperature.GAMMAS.index(0.95)
    mean = record["metrics"]["greedy_accuracy_tau0.05_gamma0.95"]["mean"]
    assert f"below the line. Best action right: {100 * mean:.0f}\N{NO-BREAK SPACE}%" in box.caption.value
    last = record["embedding"]["runs"]["tau0.05_gamma0.95"]["metric_correlation"][-1]
    assert f"and {last:.2f} at its end" in box.caption.value
    box.inputs["measure"].index = 3
    assert (
        f"Rank correlation: {record['metrics']['metric_correlation_tau0.05_gamma0.95']['mean']:.2f}"
        in box.caption.value
    )


def test_moments_are_the_recorded_latents(record):
    figure = temperature.plot_moments(plt.figure(figsize=(7, 2.5), layout="constrained"), record, 0.2, 0.0, (50, 2000))
    run = record["embedding"]["runs"]["tau0.2_gamma0"]
    drawn = figure.axes[1].collections[0].get_offsets()
    assert drawn[5, 0] == pytest.approx(run["x"][-1][5] / record["embedding"]["scale"])
    assert f"50 updates: {run['metric_correlation'][2]:.2f}" == figure.axes[0].get_title()
    plt.close(figure)


def test_lines_join_states_that_a_step_forward_joins(world):
    line = grid.lanes(world).tolist()
    assert sorted(s for s in line if s < world.num_states) == list(range(world.num_states))
    steps = {(a, b) for a, b in pairwise(line) if max(a, b) < world.num_states}
    forward = world.transitions[:, 2].tolist()
    assert steps and all(forward[a] == b or forward[b] == a for a, b in steps)


def test_tables_hold_the_records(record):
    rows = temperature.boxes_table(record).data.splitlines()[2:]
    assert len(rows) == len(temperature.BOXES)
    assert rows[0].startswith("| 0.8 | 0.1 | below |") and rows[1].startswith("| 0.8 | 0.2 | above |")
    assert in_words(record["metrics"]["prediction_accuracy_tau0.05_gamma0.95"]) in rows[7]
    exp3, exp4 = records.load("exp3"), records.load("exp4")
    together = temperature.together_table(exp3, exp4, record).data.splitlines()[2:]
    assert in_words(exp3["metrics"]["success_reconstruction"]) in together[0]
    assert in_words(exp4["metrics"]["greedy_accuracy_one_encoder"]) in together[-1]
