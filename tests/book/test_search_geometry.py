"""Figures of the page on search and geometry: rows, lines and walks are those of the record and of the room."""

import pytest
import torch

from helm_book.figures import search_geometry as figures
from helm_book.figures.watched_episode import jumps, watch_episode
from helm_study import records
from helm_study.fast.baselines import untrained
from helm_study.play import Planning
from helm_study.words import in_words
from helm_tutorial.models.settings import LatentPrediction
from helm_tutorial.worlds.gridworld import goal_distances


@pytest.fixture(scope="module")
def record():
    return records.load("exp3")


def test_who_arrives_is_drawn_from_the_record(record, axes):
    figures.plot_arrivals(axes, record)
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [label for _, label, _ in figures.ARRIVALS]
    seeds = axes.lines[1].get_xdata()
    assert list(seeds) == record["metrics"]["success_report_planner_reconstruction"]["values"]


def test_the_gain_is_paired_by_seed(record):
    rows = figures.gains_table(record).data.splitlines()[2:]
    for row, name in zip(rows, figures.COMPARED, strict=True):
        ours, theirs = (record["metrics"][f"success_{kind}{name}"] for kind in ("", "search_"))
        assert in_words(ours) in row and in_words(theirs) in row
        gain = sum(a - b for a, b in zip(ours["values"], theirs["values"], strict=True)) / len(ours["values"])
        assert f"{round(100 * gain):+d} points".replace("-", "−") in row


def test_horizons_are_drawn_with_the_control(record, axes):
    figures.plot_horizons(axes, record, {40: [0.1, 0.2, 0.3]})
    assert list(axes.lines[0].get_ydata()) == [0.1, 0.2, 0.3]
    means = [figures.at_horizon(record, "reconstruction", T)["mean"] for T in figures.HORIZONS]
    assert list(axes.containers[0].lines[0].get_ydata()) == means
    assert means[-1] == record["metrics"]["success_reconstruction"]["mean"]


def test_an_episode_in_numbers(world):
    planning = Planning(horizon=3, steps=4, restarts=2, decode_every=2, limit=1.0)
    watched = watch_episode(world, untrained(world, LatentPrediction(), seed=0), planning, seed=0)
    numbers = figures.episode_numbers(world, watched, 3)
    first = [float(d.cost[0].mean()) for d in watched.decisions]
    assert numbers["relaxed_first"] == pytest.approx(sum(first) / len(first))
    assert numbers["scored"] == 2
    odd = [jumps(world, d.imagined[-1]) / 3 for d in watched.decisions]
    assert numbers["jumps"] == pytest.approx(sum(odd) / len(odd))


def test_the_walk_is_shortest_and_the_caption_says_its_distances(world, live):
    walk, to_goal = figures.shortest_path(world), goal_distances(world)
    assert len(walk) == int(to_goal[world.start]) + 1 and walk[-1] in world.goals.tolist()
    wrong = 1 + torch.arange(world.num_states, dtype=torch.float32)
    box = figures.explore_shortest_path(world, {"reconstruction": wrong, "latent_prediction": to_goal})
    box.inputs["step"].index = 2
    share = 100 * wrong[walk[2]] / wrong.max()
    assert f"the latent distance {share:.0f}\N{NO-BREAK SPACE}%" in box.caption.value
    box.inputs["model"].index = 1
    assert "it is on a shortest path" in box.caption.value
    box.inputs["step"].index = len(walk) - 1
    assert "This is the goal." in box.caption.value
