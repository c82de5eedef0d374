"""Explorers and tables of chapter 3: what they show is what the record walked and what the package measures."""

import ast
import itertools
from pathlib import Path

import nbformat
import pytest
import torch

from helm_book.figures import stability_explorers as explorers
from helm_study import records
from helm_study.contrastive import lesson
from helm_tutorial import WorldModel, load_gridworld
from helm_tutorial.diagnosis import latent_distances, latents, rank_correlation
from helm_tutorial.worlds.gridworld import geodesic_distances, goal_distances

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def live(monkeypatch):
    monkeypatch.setenv("HELM_EXPLORER", "live")


@pytest.fixture(scope="module")
def record():
    return records.load("exp3")


def test_a_pressed_cell_becomes_the_goal_whose_distances_the_core_measures(monkeypatch):
    world = load_gridworld()
    model = WorldModel(world.features.shape[1], 3, generator=torch.Generator().manual_seed(0))
    asked = []

    def measure(x, y):
        asked.append(y)
        return latent_distances(x, y)

    monkeypatch.setattr(explorers, "latent_distances", measure)
    box = explorers.explore_distances(model, world)
    asked.clear()
    box.inputs["column"].index = 2
    box.inputs["row"].index = 1
    z = latents(model, world)
    cell = (world.positions == torch.tensor([3, 2])).all(dim=1)
    assert torch.equal(asked[-1], z[cell])
    steps, looks = geodesic_distances(world)[:, cell].amin(1), latent_distances(z, z[cell]).amin(1)
    order = rank_correlation(looks[steps > 0], steps[steps > 0])
    assert "Goal in column 3, row 2." in box.caption.value
    assert f"{order:.2f}" in box.caption.value


def test_a_longer_look_ahead_shows_the_walk_that_was_recorded_with_it(record):
    to_goal = goal_distances(load_gridworld())
    box = explorers.explore_walk(record)
    for index, horizon in enumerate(explorers.TAME_HORIZONS):
        box.inputs["horizon"].index = index
        for start in (0, 3):
            box.inputs["start"].index = start
            box.inputs["step"].index = len(box.inputs["step"].options) - 1
            walked = record["walks"]["tame_exact"][str(horizon)][start]
            left = int(to_goal[walked[-1]])
            said = f"arrives after {len(walked) - 1} step" if left == 0 else f"{left} still to go"
            assert said in box.caption.value


def test_the_walks_are_walks_of_the_rooms_from_the_same_starts(record):
    for label, env in (("tame_exact", explorers.SMALL_ROOM), ("larger_room", explorers.LARGER_ROOM)):
        world = load_gridworld(env)
        walks = record["walks"][label]
        for every in walks.values():
            assert every[0][0] == world.start
            assert [walk[0] for walk in every] == [walk[0] for walk in next(iter(walks.values()))]
            for walk in every:
                assert all(b in world.transitions[a] for a, b in itertools.pairwise(walk))
    assert explorers.steps_left(record, "tame_exact", 3) > 0, "the page opens on an agent that is lost"


def test_reach_and_search_without_distances_grow_with_the_horizon():
    reach = [explorers.within_reach(explorers.SMALL_ROOM, horizon) for horizon in explorers.TAME_HORIZONS]
    blind = [explorers.blind_share(explorers.SMALL_ROOM, horizon) for horizon in explorers.TAME_HORIZONS]
    assert reach == sorted(reach) and reach[-1] == 1.0
    assert blind == sorted(blind) and all(found >= near for found, near in zip(blind[:2], reach[:2], strict=True))


def test_tables_hold_the_records_means(record):
    failures, search = explorers.failures_table(record).data, explorers.search_table(record).data
    for name, *successes in explorers.FAILURES.values():
        assert f"| {100 * record['metrics'][f'prediction_accuracy_{name}']['mean']:.0f} % |" in failures
        for success in filter(None, successes):
            assert f"**{100 * record['metrics'][success]['mean']:.0f} %**" in failures
    for label, horizon in (("tame_exact", 3), ("tame_exact", 12), ("larger_room", 12)):
        assert f"**{100 * record['metrics'][f'success_{label}_T{horizon}']['mean']:.0f} %**" in search
    script = records.load("script")
    assert "| 0 % |" in explorers.script_table(script).data and "| 100 % |" in explorers.script_table(script).data


def test_what_the_chapter_tells_agrees_with_the_records(record):
    told, script = explorers.larger_room_told(record), records.load("script")
    values = record["metrics"]["success_larger_room_T12"]["values"]
    assert told["low"] <= record["metrics"]["success_larger_room_T12"]["mean"] <= told["high"]
    assert 0 <= told["better"] <= len(values) and told["far"] < told["blind"]
    with_gradient, without = (record["metrics"][f"success_{kind}tame_exact_T3"]["mean"] for kind in ("", "search_"))
    assert abs(with_gradient - without) < 0.02, "random plans fail as often as the gradient, three steps ahead"
    assert "corner" in explorers.corner_told(record)["ends"]
    room = explorers.load_gridworld(explorers.SMALL_ROOM)
    assert explorers.script_told(script, room)["straight"] == pytest.approx(50**0.5)


def function(source: str, name: str) -> str:
    """The function's code without its docstring and comments, in one form."""
    found = next(node for node in ast.walk(ast.parse(source)) if getattr(node, "name", "") == name)
    if ast.get_docstring(found):
        found.body = found.body[1:]
    return ast.unparse(found)


def test_the_chapters_planner_is_the_measured_one_line_for_line():
    cells = nbformat.read(ROOT / "book/stability_alone.ipynb", 4).cells
    planner = next(cell.source for cell in cells if "\ndef walk(" in cell.source)
    assert function(planner, "plan") == function(Path(lesson.__file__).read_text("utf-8"), "plan")
