"""Figures of the chapter on directed distances show the numbers that they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from helm_book.figures import directed, rooms
from helm_tutorial.worlds.gridworld import geodesic_distances, goal_distances, load_gridworld


@pytest.fixture
def panels():
    figure, panels = plt.subplots(1, 3)
    yield panels
    plt.close(figure)


def test_a_strip_names_the_action_that_leads_to_each_state_and_shows_all_cells(world, panels):
    here = world.index((1, 2), 0)
    ahead = int(world.transitions[here, 2])
    directed.show_strip(panels, world, [here, ahead], margin=0)
    assert [panel.get_title() for panel in panels] == ["start", "1: forward", ""]
    assert len(panels[1].images) == 1 and len(panels[2].images) == 0
    (agent,) = panels[1].patches
    assert np.allclose(agent.get_xy()[:3].T, rooms.agent_at(world, ahead))
    assert panels[0].get_xlim() == (0.5, 2.5) and panels[0].get_ylim() == (2.5, 1.5)


def test_a_strip_refuses_what_no_action_does_and_too_few_axes(world, panels):
    here, there = world.index((1, 1), 0), world.index((3, 3), 0)
    with pytest.raises(ValueError, match="follow one another"):
        directed.show_strip(panels, world, [here, there])
    with pytest.raises(ValueError, match="at least as many"):
        directed.show_strip(panels[:1], world, [here, int(world.transitions[here, 0])])


def test_asymmetry_is_zero_for_a_symmetric_latent_distance_and_the_steps_own_for_steps(world, panels):
    steps = geodesic_distances(world)
    directed.show_asymmetry(panels[0], steps, steps + steps.T, "black")
    directed.show_asymmetry(panels[1], steps, steps, "black")
    x, flat = panels[0].lines[0].get_data()
    assert np.array_equal(x, [-4, -2, 0, 2, 4]) and np.all(flat == 0)
    assert np.array_equal(panels[1].lines[0].get_ydata(), x)


def test_measures_have_a_panel_each_and_pass_over_what_was_never_measured(panels):
    metric = {"values": [0.2, 0.4], "mean": 0.3, "low": 0.1, "high": 0.5, "reported": None}
    never = {"values": [None, None], "mean": None, "low": None, "high": None, "reported": None}
    metrics = {
        "success_a": metric,
        "success_b": metric,
        "ratio_a": metric,
        "ratio_b": never,
        "last_a": metric,
        "last_b": metric,
    }
    rows = [("a", "first", "true"), ("b", "second", "goal")]
    measures = {"success_{}": ("share", (0, 1)), "ratio_{}": ("ratio", None), "last_{}": ("last", None)}
    directed.show_measures(panels, metrics, rows, measures)
    assert [panel.get_title(loc="left") or panel.get_title() for panel in panels] == ["share", "ratio", "last"]
    assert [text.get_text() for text in panels[0].get_yticklabels()] == ["first", "second"]
    assert [text.get_text() for text in panels[1].get_yticklabels()] == ["", ""]
    assert panels[0].get_xlim() == (0, 1)
    assert panels[0].lines[1].get_xdata().tolist() == [0.2, 0.4]


def test_a_field_picture_has_each_states_value_on_the_side_that_it_faces(world):
    values = torch.arange(world.num_states).float()
    picture = directed.field_picture(world, values, size=5 * 20 + 3)
    assert picture.shape == (100, 100)  # whole dots
    toward = {0: (1, 0), 1: (0, 1), 2: (-1, 0), 3: (0, -1)}
    for state in range(world.num_states):
        dx, dy = toward[int(world.headings[state])]
        x, y = ((world.positions[state].numpy() + 0.5) * 20 + 6 * np.array([dx, dy])).astype(int)
        assert picture[y, x] == pytest.approx(state / (world.num_states - 1))
    assert np.isnan(picture[3, 3])


def test_places_of_two_sizes_are_walked_in_one_picture(monkeypatch, world):
    places = {"small": world, "large": load_gridworld("MiniGrid-Empty-8x8-v0")}
    walked = {name: [place.start, int(place.transitions[place.start, 2])] for name, place in places.items()}
    fields = {(name, line): goal_distances(place) for name, place in places.items() for line in directed.LINES}
    asked = {}
    monkeypatch.setattr(directed, "explore_numbers", lambda *scene, **options: asked.update(scene=scene, **options))
    directed.explore_places(places, fields, walked, title="Places")
    build, move, controls = asked["scene"]
    assert asked["title"] == "Places" and len(controls["step"].values) == 2
    artists = build(Figure(figsize=(7, 4)))
    for name, place in places.items():
        numbers, caption = move(name, "latent", 1)
        assert set(numbers) == set(artists) and "rank correlation 1.00" in caption
        size = {"small": 5, "large": 8}[name]
        x, y = np.array(rooms.agent_at(place, walked[name][1]))
        assert np.allclose(numbers["agent"], ((x + 0.5) / size, (y + 0.5) / size))
        assert np.min(numbers["goal"]) == pytest.approx((size - 2) / size)
        assert f"{int(goal_distances(place)[walked[name][1]])} steps are left" in caption


def test_pixels_are_shown_as_the_model_sees_them_all_cells_or_one(world, panels):
    seen = load_gridworld("MiniGrid-Empty-5x5-v0", observation="pixels")
    state = seen.index((2, 3), 1)
    directed.show_pixels(panels[0], seen, state)
    directed.show_pixels(panels[1], seen, state, cell=(2, 3))
    shown = panels[0].images[0]
    assert shown.get_array().shape == (40, 40, 3) and np.array_equal(shown.get_array(), seen.images[state].numpy())
    assert shown.get_interpolation() == "nearest"
    assert panels[0].get_xlim() == (-0.5, 4.5) and panels[0].get_ylim() == (4.5, -0.5)
    assert len(panels[0].collections[0].get_segments()) == len(panels[0].collections[1].get_segments()) == 4
    assert panels[1].get_xlim() == (1.5, 2.5) and panels[1].get_ylim() == (3.5, 2.5)
    with pytest.raises(ValueError, match="observed as pixels, got 'cells'"):
        directed.show_pixels(panels[2], world, 0)
