"""Explorers of the opening: their settings drive the package, and what they draw is what it computes."""

import notebooks
import numpy as np
import pytest
import torch

from helm_book.figures import opening
from helm_book.figures.rooms import agent_at, trail
from helm_study import records
from helm_tutorial import diagnosis
from helm_tutorial.cliff.closed_forms import action_jacobian_norms
from helm_tutorial.cliff.linear_system import LinearSystem
from helm_tutorial.funnel.descent import descend
from helm_tutorial.worlds.gridworld import goal_distances

EXPLORERS = {
    "ball": {"x": opening.LEDGE, "y": opening.LEDGE},
    "plan": {"horizon": opening.HORIZONS, "step": opening.IMPROVED},
    "width": {"width": opening.WIDTHS},
    "lost": {"column": range(1, 7), "row": range(1, 7), "step": range(25)},
    "found": {"column": range(1, 7), "row": range(1, 7), "step": range(25)},
}


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setenv("HELM_EXPLORER", "live")
    for kept in (opening.rolls, opening.coverage, opening.descents, opening.walks):
        kept.cache_clear()


@pytest.fixture
def asked(monkeypatch):
    """What an explorer asks for: the scene of any that is opened, so that it can be moved without drawing."""
    scenes = []

    def keep(build, move, controls, **settings):
        scenes.append((build, move, controls, settings))

    monkeypatch.setattr(opening, "explore_numbers", keep)

    def of(name):
        getattr(opening, f"explore_{name}")()
        return scenes[-1]

    return of


def spy(monkeypatch, name, calls):
    original = getattr(opening, name)

    def record(*arguments, **settings):
        calls.append(arguments)
        return original(*arguments, **settings)

    monkeypatch.setattr(opening, name, record)


@pytest.mark.parametrize("name", EXPLORERS)
def test_an_explorer_has_its_settings_and_begins_with_one_of_them(name, asked):
    _, _, controls, settings = asked(name)
    values = {key: list(getattr(given, "values", given)) for key, given in controls.items()}
    assert values == {key: list(given) for key, given in EXPLORERS[name].items()}
    assert all(settings["start"][key] in values[key] for key in values)
    assert settings["narrow"][0] <= 3.6 and settings["figsize"][0] <= 7.2


# ------------------------------------------------------------- live sliders drive the package


def test_a_moved_ball_is_dropped_where_the_slider_says(monkeypatch):
    calls = []
    spy(monkeypatch, "descend", calls)
    box = opening.explore_ball()
    calls.clear()
    box.inputs["x"].index = 0
    assert len(calls) == 2  # on both landscapes
    for energy, starts in calls:
        assert energy in opening.landscapes().values()
        assert set(starts[:, 0].tolist()) == {opening.LEDGE[0]}


def test_a_longer_plan_is_planned(monkeypatch):
    import helm_book.figures.cliff_explorers as cliff

    horizons = []
    original = cliff.plan_descent

    def record(model, z0, goals, horizon, **settings):
        horizons.append(horizon)
        return original(model, z0, goals, horizon, **settings)

    monkeypatch.setattr(cliff, "plan_descent", record)
    box = opening.explore_plan()
    horizons.clear()
    box.inputs["horizon"].index = 0
    assert horizons == [opening.HORIZONS[0]]


def test_a_moved_width_mollifies_by_it(monkeypatch):
    calls = []
    spy(monkeypatch, "mollify", calls)
    box = opening.explore_width()
    calls.clear()
    box.inputs["width"].index = len(opening.WIDTHS) - 1
    assert {width for _, width in calls} == {opening.WIDTHS[-1]}


def test_an_agent_starts_in_the_state_that_the_sliders_name(monkeypatch):
    seen = []
    world, original = opening.room(), type(opening.room()).index

    def record(self, position, heading):
        seen.append((position, heading))
        return original(self, position, heading)

    box = opening.explore_lost()
    monkeypatch.setattr(type(world), "index", record)
    box.inputs["column"].index = 3
    assert seen == [((4, 1), 0)]


# ------------------------------------------------------------- what is drawn


def test_a_ball_comes_to_rest_where_descent_ends(asked):
    _, move, _, settings = asked("ball")
    x, y = settings["start"].values()
    numbers, caption = move(x, y)
    for name, energy in opening.landscapes().items():
        start = torch.tensor([[x, y]], dtype=torch.float64)
        path = descend(energy, start, steps=opening.ROLL, step_size=opening.safe_step(energy))[0]
        drawn = numbers[f"{name}_ball"]
        assert torch.allclose(drawn[:, 0], path[0]) and torch.allclose(drawn[:, -1], path[-1])
        with torch.no_grad():
            assert bool((energy(path).diff() <= 1e-12).all()), "a ball that rolls never climbs"
            force = energy.gradient(path[-1:]).norm()
        assert float(force) < 1e-3, "it is at rest"
    assert numbers["rugged_fate"] == "it is trapped" and numbers["mollified_fate"] == "it arrives"
    assert "trapped" in caption and "in the target" in caption


def test_the_rugged_landscape_traps_and_the_mollified_one_is_convex():
    assert opening.coverage(0.0) < 0.1 and opening.coverage(opening.least_width()) == 1.0
    landscapes = opening.landscapes()
    assert landscapes["rugged"].lowest_curvature() < 0 <= landscapes["mollified"].lowest_curvature() + 1e-9


def test_coverage_is_the_share_of_balls_within_the_circle():
    energy = opening.mollify(opening.report_energy(), 0.36)
    starts = opening.start_grid(points=opening.GRID).double()
    ends = descend(energy, starts, steps=opening.ROLL, step_size=opening.safe_step(energy))[:, -1]
    share = float((ends.norm(dim=1) < opening.RADIUS).double().mean())
    assert 0 < share < 1 and opening.coverage(0.36) == pytest.approx(share)


def test_plans_have_the_norm_of_the_formula_and_the_defaults_show_the_point(asked):
    for (_, gaps, norm, _), eigenvalues in zip(opening.plans(20), ((1.2, 0.9), (1.3, 1.3)), strict=True):
        system = LinearSystem(torch.diag(torch.tensor(eigenvalues, dtype=torch.float64)), torch.eye(2).double())
        assert norm == pytest.approx(float(action_jacobian_norms(system, 20)[-1]))
        assert (float(gaps[-1]) < opening.ARRIVED) == (eigenvalues[0] == eigenvalues[1])
    _, move, _, settings = asked("plan")
    numbers, caption = move(**settings["start"])
    paths = opening.plans(20)[0][0]
    assert torch.equal(numbers["unequal_path"], paths[-1].T)
    assert "does not arrive" in caption and "Equal stretches: it arrives" in caption


@pytest.mark.parametrize("model", opening.MODELS)
def test_recorded_walks_are_walks_of_the_room_and_end_where_the_caption_says(model, asked):
    world, to_goal = opening.room(), goal_distances(opening.room())
    walks = opening.walks(model)
    assert len(walks) == 35 and set(world.headings[list(walks)].tolist()) == {0}
    for walk in walks.values():
        there = world.transitions[walk[:-1]]
        assert bool((there == torch.tensor(walk[1:])[:, None]).any(dim=1).all()), "a step that no action makes"
        assert len(walk) == 25 or to_goal[walk[-1]] == 0
    _, move, _, _ = asked("found")
    numbers, caption = move(1, 1, 24)
    walk = walks[world.start]
    assert np.array_equal(numbers[f"{model}_walk"], trail(world, walk))
    assert np.array_equal(numbers[f"{model}_agent"], agent_at(world, walk[-1]))
    left = int(to_goal[walk[-1]])
    assert (f"{left} steps to go" if left else f"there after {len(walk) - 1} steps") in caption
    assert np.array_equal(move(1, 1, 3)[0][f"{model}_walk"], trail(world, walk[:4]))
    assert move(6, 6, 5)[0][f"{model}_fate"] == "there after 0 steps"


def test_maps_are_those_of_the_record_and_order_states_as_it_says():
    record, world = records.load("maps"), opening.room()
    correlation = {}
    for model in opening.MODELS:
        field = opening.nearness(model)
        assert float(field.max()) == 1.0 and bool((field[world.goals] == 0).all())
        correlation[model] = diagnosis.rank_correlation(field, goal_distances(world))
        kept = record["maps"]["objectives"][model]
        cell = record["maps"]["cells"].index([6, 6])
        assert kept["rank_correlation"][cell] == pytest.approx(
            diagnosis.rank_correlation(field[world.starts], goal_distances(world)[world.starts]), abs=0.01
        )
    assert correlation["contrastive"] > 0.85 > 0.5 > correlation["reconstruction"]


def test_the_lines_that_plan_do_what_the_text_says_of_ten_steps_and_of_twenty(capsys):
    [lines] = [cell.source for cell in notebooks.read(notebooks.opening()).cells if "# imagine" in cell.source]

    def distance(source):
        exec(source, {"torch": torch})
        return float(capsys.readouterr().out.split()[-1])

    assert distance(lines) < 0.01
    longer = lines.replace("zeros(10,", "zeros(20,")
    assert longer != lines and not distance(longer) < 1e6, "the step is too long"
    safe = 1.0 / sum(1.2 ** (2 * k) for k in range(20))  # one over the largest curvature
    assert distance(longer.replace("0.01 *", f"{safe} *")) > 0.4, "it stalls"
