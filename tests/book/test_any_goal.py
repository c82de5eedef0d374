"""Figures of the page on other goals: maps, dead ends and walks are the record's and the room's."""

import matplotlib.pyplot as plt
import pytest
import torch

from helm_book.figures import any_goal
from helm_study import records
from helm_study.contrastive import latent_map


@pytest.fixture(scope="module")
def record():
    return records.load("maps")


def test_a_corridor_of_distances_has_no_dead_end_but_where_they_are_equal(world):
    cell = tuple(world.positions[world.goals[0]].tolist())
    _, steps = any_goal.room()
    full, _ = any_goal.room()
    goal = tuple(full.positions[full.goals[0]].tolist())
    here = latent_map.cells(full).tolist().index(list(goal))
    assert not any_goal.dead_ends(steps[here], full, goal).any()
    off = (world.positions != torch.tensor(cell)).any(dim=1)
    assert torch.equal(any_goal.dead_ends(torch.ones(world.num_states), world, cell), off)


def test_dead_ends_are_counted_over_all_goals(record):
    count, away, states = any_goal.dead_end_numbers(record, "contrastive")
    world, _ = any_goal.room()
    maps = latent_map.distances(record, "contrastive")
    expected = sum(
        int(any_goal.dead_ends(row, world, tuple(cell)).sum())
        for row, cell in zip(maps, record["maps"]["cells"], strict=True)
    )
    assert count == expected >= away > 0
    assert states == 36 * 140


def test_the_explorer_says_what_the_record_says_of_a_cell(record, live):
    box = any_goal.explore_goals(record)
    box.inputs["training"].index = list(any_goal.TRAININGS).index("one-step positives")
    box.inputs["column"].index = 5
    box.inputs["row"].index = 0
    here = record["maps"]["cells"].index([6, 1])
    kept = record["maps"]["objectives"]["one_step"]
    assert f"with steps {kept['rank_correlation'][here]:.2f}. The action" in box.caption.value
    assert f"from {100 * kept['greedy_accuracy'][here]:.0f}\N{NO-BREAK SPACE}% of the other states" in box.caption.value


def test_walks_are_drawn_with_their_length(world):
    walk = [world.start, int(world.transitions[world.start, 2])]
    figure = any_goal.plot_walks(plt.figure(figsize=(4, 2)), world, {(1, 3): walk, (3, 3): [world.start]})
    assert [axes.get_title() for axes in figure.axes] == ["1 steps", "0 steps"]
    plt.close(figure)
