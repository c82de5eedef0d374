"""Explorers and table of chapter 4: a moved slider trains, a page shows records, and what is said is recorded."""

import os
import re

import pytest
import torch

from helm_book.explorer import explore_numbers
from helm_book.figures import contrast_explorers as explorers
from helm_book.figures import contrast_tables
from helm_study import records
from helm_study.contrastive import contrastive_ablation as ablation
from helm_study.contrastive import lesson
from helm_tutorial import diagnosis

SPACE = "\N{NO-BREAK SPACE}"


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(explorers, "UPDATES", 25)


def test_a_moved_temperature_and_discount_train_with_them(live, short):
    asked = []

    def train(*given, **settings):
        asked.append(settings)
        return lesson.train(*given, **settings)

    box = explorers.explore_training(lesson.WorldModel, train)
    asked.clear()
    box.inputs["temperature"].index = ablation.TEMPERATURES.index(0.5)
    box.inputs["gamma"].index = ablation.GAMMAS.index(0.0)
    assert asked == [
        {"gamma": 0.8, "tau": 0.5, "updates": 25},
        {"gamma": 0.0, "tau": 0.5, "updates": 25},
    ]
    assert "trained just now: after 25 updates" in box.caption.value


def test_a_page_trains_nothing_and_shows_the_record(static):
    def train(*given, **settings):
        raise AssertionError("a page has no time to train")

    page = explorers.explore_training(lesson.WorldModel, train)
    assert page.combinations == len(ablation.GRID)
    course = explorers.recorded_runs()[0.1, 0.8][1]
    assert f"recorded: after 200 updates the rank correlation of latent distance with steps is {course[4]:.2f}" in (
        page.html.replace("\n", " ")
    )


def test_latents_are_watched_without_changing_the_training():
    world = explorers.room()[0]
    kept = explorers.trained_latents(lesson.WorldModel, lesson.train, 0.1, 0.8, 10)
    alone = lesson.trained_lesson(world, 0, gamma=0.8, tau=0.1, updates=10)
    assert len(kept) == 11
    assert torch.equal(kept[-1], diagnosis.latents(alone, world))
    assert not torch.equal(kept[0], kept[1])


def test_each_life_calls_its_own_function(either_life):
    called = []

    def build(figure):
        return {"dot": figure.subplots().plot([], [], "o")[0]}

    def answer(name):
        return lambda x: (called.append(name), ({"dot": ([x], [x])}, name))[1]

    explore_numbers(build, answer("move"), {"x": [0, 1]}, recorded=answer("recorded"), title="A dot")
    assert set(called) == {"move" if os.environ["HELM_EXPLORER"] == "live" else "recorded"}


def test_what_is_recorded_must_take_the_controls(static):
    with pytest.raises(TypeError, match="recorded must take"):
        explore_numbers(lambda figure: {}, lambda x: ({}, "x"), {"x": [0, 1]}, recorded=lambda y: ({}, "y"))


def test_agents_walk_as_recorded(live):
    exp3, exp4 = records.load("exp3"), records.load("exp4")
    box = explorers.explore_arrivals(exp3, exp4)
    to_goal = explorers.room()[2]
    for name, record, kept in (("Exact and tame", exp3, "tame_exact"), ("Contrastive", exp4, "lesson")):
        walk = record["walks"][kept]["3"][explorers.FIRST - 1]
        left = int(to_goal[walk[-1]])
        words = "arrives after" if left == 0 else "after"
        assert f"{name}: {words} {len(walk) - 1} steps" in box.caption.value.replace(SPACE, " ")
    starts = [
        [walk[0] for walk in record["walks"][kept]["12"]] for record, kept in ((exp3, "tame_exact"), (exp4, "lesson"))
    ]
    assert starts[0] == starts[1] and starts[0][0] == explorers.room()[0].start


def test_the_start_shown_first_parts_the_two_models():
    to_goal, parted = explorers.room()[2], []
    walks = zip(
        records.load("exp3")["walks"]["tame_exact"]["3"], records.load("exp4")["walks"]["lesson"]["3"], strict=True
    )
    for number, (exact, contrastive) in enumerate(walks, start=1):
        if to_goal[exact[-1]] > 0 and to_goal[contrastive[-1]] == 0:
            parted.append(number)
    assert explorers.FIRST in parted and len(parted) > 1


@pytest.mark.parametrize(
    ("arriving", "words"),
    [
        ((), "does not arrive"),
        ((3, 5, 12), "arrives if it imagines 3, 5 or 12 steps"),
        ((5, 12), "arrives if it imagines 5 or 12 steps, and does not if it imagines 3"),
    ],
)
def test_the_own_start_is_told_as_walked(arriving, words):
    world = explorers.room()[0]
    walks = {str(T): [[world.start, int(world.goals[0]) if T in arriving else world.start]] for T in explorers.HORIZONS}
    assert words == explorers.own_start({"walks": {"lesson": walks}})


def test_the_map_says_what_is_recorded(live):
    box = explorers.explore_map()
    box.inputs["temperature"].index = ablation.TEMPERATURES.index(0.05)
    box.inputs["gamma"].index = ablation.GAMMAS.index(0.95)
    metrics = records.load("ablation")["metrics"]
    said = box.caption.value.replace(SPACE, " ")
    assert f"{100 * metrics['success_tau0.05_gamma0.95']['mean']:.0f} % of the starts arrive" in said
    box.inputs["update"].index = 0
    assert "after 0 updates: rank correlation 0.09" in box.caption.value


TABLES = {
    "fair": lambda: contrast_tables.fair_table(records.load("exp3"), records.load("exp4")),
    "far": lambda: contrast_tables.far_table(*(records.load(name) for name in ("exp3", "exp4", "worlds"))),
}


@pytest.mark.parametrize(("table", "count"), [("fair", len(contrast_tables.MODELS)), ("far", len(contrast_tables.FAR))])
def test_a_table_has_the_best_of_each_column_in_bold(table, count):
    lines = TABLES[table]().data.split("\n\n")[0].split("\n")[2:]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert len(rows) == count
    for column in list(zip(*rows, strict=True))[1:]:
        values = {cell: float(re.sub(r"[* %]", "", cell)) for cell in column if cell != "–"}
        best = max(values.values())
        assert all(cell.startswith("**") == (value == best) for cell, value in values.items())


def test_a_share_that_is_not_on_every_seed_does_not_read_as_all():
    assert [contrast_tables._short({"mean": mean}, ".0%") for mean in (0.9975, 0.9996, 1.0, 0.5, 0.002, 0.0)] == [
        "99.8 %", "99.96 %", "100 %", "50 %", "0.2 %", "0 %",
    ]  # fmt: skip
