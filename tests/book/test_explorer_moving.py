"""Explorers of numbers: what is written down for the page, where, and how often."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from explorer_pages import looked_up, payload_of
from explorer_scenes import CONTROLS, POINT, WIDE, build_all, build_point, move_all, move_point
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from helm_book.explorer import Steps, explore_numbers
from helm_book.explorer.controls import check_controls
from helm_book.explorer.drawing import new_figure, render
from helm_book.explorer.moving import axes_of, fractions, numbers_of, style_of
from helm_book.explorer.static_numbers import _track

SIZE = (3.0, 2.0)


def point(**options):
    return explore_numbers(build_point, move_point, options.pop("controls", POINT), figsize=SIZE, **options)


def test_the_payload_says_what_the_controls_are(static):
    data = payload_of(point(labels={"growth": "growth <g>"}, narrow=(2.0, 2.4)).html)
    assert data["names"] == ["growth", "horizon"]
    assert data["labels"] == ["growth <g>", "horizon"]
    assert data["sizes"] == [4, 10]
    assert data["texts"][0] == ["1.2", "1.5", "2", "2.5"]
    assert data["keys"][0] == ["1.2", "1.5", "2.0", "2.5"]
    assert [(stage["width"], stage["height"]) for stage in data["stages"]] == [(300, 200), (200, 240)]
    for i, growth in enumerate(POINT["growth"]):
        for j, horizon in enumerate(POINT["horizon"]):
            assert looked_up(data["captions"], (i, j), data["sizes"]) == move_point(growth, horizon)[1]


def test_the_numbers_are_written_where_they_lie_in_their_axes(static):
    """Worked out from the limits alone, for artists of every kind."""
    explorer = explore_numbers(build_all, move_all, CONTROLS, figsize=WIDE)
    assert explorer.combinations == 10 and explorer.weight == len(explorer.html.encode()) < 200_000
    data, artists = payload_of(explorer.html), build_all(new_figure(WIDE, 1.0))

    def require(found, name, *xy):
        """Alternating x and y in ten-thousandths of the axes; not a number where there is no place."""
        axes, found = axes_of(artists[name]), np.array(found, float)
        for written, values, limits, scale in (
            (found[0::2], xy[0], axes.get_xlim(), axes.get_xscale()),
            (found[1::2], xy[1], axes.get_ylim(), axes.get_yscale()),
        ):
            values = np.where(np.isnan(xy).any(axis=0), np.nan, values)
            values, (low, high) = (np.log10(values), np.log10(limits)) if scale == "log" else (values, limits)
            np.testing.assert_allclose(written, 10_000 * (values - low) / (high - low), atol=1, err_msg=name)

    def require_levels(found, values, low, high):
        levels = np.frombuffer(base64.b64decode(found), np.uint8)
        np.testing.assert_allclose(levels, 253 * (np.ravel(values) - low) / (high - low), atol=0.51)

    for at in np.ndindex(5, 2):
        numbers, caption = move_all(CONTROLS["k"][at[0]], CONTROLS["mode"][at[1]])
        shown = {artist["name"]: looked_up(artist["track"], at, data["sizes"]) for artist in data["artists"]}
        assert looked_up(data["captions"], at, data["sizes"]) == caption and set(shown) == set(numbers)
        for name in ("curve", "end", "logs", "shape"):
            require(shown[name], name, *numbers[name])
        for name in ("fixed", "tinted"):
            require(shown[name]["at"], name, *numbers[name][:2])
        require_levels(shown["tinted"]["levels"], numbers["tinted"][2], -1, 1)
        for name in ("cells", "edged"):
            require_levels(shown[name], numbers[name], 0, 10)
        for name, rows in (
            ("upper", numbers["upper"]), ("lower", numbers["lower"][::-1]), ("turned", numbers["turned"][:, ::-1]),
        ):  # fmt: skip
            assert shown[name]["size"] == list(rows.shape[::-1])
            require_levels(shown[name]["levels"], rows, 0, 1)
        photo = np.asarray(Image.open(io.BytesIO(base64.b64decode(shown["photo"]["picture"]))), int)
        assert np.abs(photo - numbers["photo"])[12::24, 12::24].max() <= 10
        require(np.column_stack([[0] * 3, shown["bars"]]).ravel(), "bars", np.full(3, -0.6), numbers["bars"])
        assert (shown["words"]["text"], shown["note"]["text"]) == (numbers["words"], numbers["note"][2])
        require(shown["note"]["at"], "note", *np.array(numbers["note"][:2])[:, None])
    style = {artist["name"]: artist["style"] for artist in data["artists"]}
    for name in ("cells", "edged"):
        for shape, path in zip(style[name]["shapes"], artists[name].get_paths(), strict=True):
            require(shape, name, *path.vertices.T)
    for i, place in enumerate(style["bars"]["places"]):
        require(place, "bars", [i - 0.4, i + 0.4], [0, 0])
    for name, (left, right, bottom, top) in {"lower": (0, 2, 0, 3), "turned": (4, 2, 0, 3)}.items():
        require(style[name]["box"], name, [left, right], [bottom, top])
    assert style["words"]["at"] == [5000, 9000]


def test_different_things_are_stored_once_and_only_along_what_they_depend_on(static):
    artists = {artist["name"]: artist for artist in payload_of(point().html)["artists"]}
    curve, dot = artists["curve"]["track"], artists["dot"]["track"]
    assert curve["depends"] == [0]
    assert curve["index"] == [0, 1, 2, 3]
    assert dot["depends"] == [0, 1]
    assert len(dot["index"]) == len(dot["table"]) == 40

    def still(growth, horizon):
        return move_point(2.0, 1 + (horizon > 5))[0], f"{growth} {horizon}"

    data = payload_of(explore_numbers(build_point, still, POINT, figsize=SIZE).html)
    tracks = {artist["name"]: artist["track"] for artist in data["artists"]}
    assert (tracks["curve"]["depends"], tracks["curve"]["index"], len(tracks["curve"]["table"])) == ([], [0], 1)
    assert (tracks["dot"]["depends"], tracks["dot"]["index"]) == ([1], [0] * 5 + [1] * 5)
    assert len(data["captions"]["table"]) == 40


def test_equal_numbers_of_other_types_are_stored_once(static):
    def build(figure):
        return {"dot": figure.subplots().plot([], [], "o")[0]}

    def move(k):
        return {"dot": [([0.5], [1]), (np.array([0.5]), np.array([1.0])), ((0.5,), (1,))][k]}, f"{k}"

    (artist,) = payload_of(explore_numbers(build, move, {"k": [0, 1, 2]}).html)["artists"]
    assert len(artist["track"]["table"]) == 1


@given(st.data())
def test_a_track_holds_what_it_was_given(data):
    sizes = data.draw(st.lists(st.integers(2, 4), min_size=1, max_size=3))
    controls = check_controls({f"c{k}": list(range(size)) for k, size in enumerate(sizes)}, {}, {})
    shape = [size if data.draw(st.booleans()) else 1 for size in sizes]
    count = int(np.prod(shape))
    some = np.array(data.draw(st.lists(st.sampled_from("abc"), min_size=count, max_size=count))).reshape(shape)
    shown = np.broadcast_to(some, sizes)
    track = _track([str(text) for text in shown.ravel()], controls)
    assert sorted(set(track["table"])) == sorted(track["table"])
    assert not {k for k, size in enumerate(shape) if size == 1} & set(track["depends"])
    for at in np.ndindex(*sizes):
        assert looked_up(track, at, sizes) == shown[at]


def test_only_named_lines_roll_and_drags_say_where_values_lie(static):
    options = {"rolling": ["curve"], "drag": {"dot": ("horizon", "growth"), "curve": (None, "growth")}}
    data = payload_of(point(**options).html)
    assert {artist["name"]: artist["rolling"] for artist in data["artists"]} == {
        "curve": True,
        "dot": False,
        "value": False,
    }
    both, up = data["drags"]
    assert both["across"] == {"control": 1, "stops": [round(h / 10, 4) for h in POINT["horizon"]]}
    assert both["up"]["control"] == 0
    np.testing.assert_allclose(both["up"]["stops"], np.log10(POINT["growth"]) / 4, atol=1e-4)
    assert up["name"] == "curve" and "across" not in up and up["up"] == both["up"]


def test_a_playing_control_has_a_button_with_its_interval(static):
    html = point(controls=POINT | {"horizon": Steps(range(1, 11), 0.4)}).html
    assert '<button class="helm-play" type="button" data-interval="400" aria-label="Play: horizon">' in html
    assert html.count('class="helm-play"') == 1


LIMIT = st.tuples(st.floats(-1e3, 1e3), st.floats(1e-2, 1e3)).map(lambda pair: (pair[0], pair[0] + pair[1]))
DECADES = st.tuples(st.floats(-8, 8), st.floats(0.3, 8)).map(lambda pair: (10 ** pair[0], 10 ** (pair[0] + pair[1])))
SHARES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5)


@given(st.one_of(LIMIT, DECADES.map(lambda pair: (*pair, "log"))), st.booleans(), SHARES)
@settings(deadline=None)
def test_fractions_are_undone_by_the_axes_own_mathematics(limits, turned, shares):
    low, high, *scale = limits
    axes = Figure().subplots()
    axes.set(xscale=scale[0] if scale else "linear", xlim=(high, low) if turned else (low, high), ylim=(0, 1))
    u, v = np.array(shares).T
    way = 1 - u if turned else u
    x = np.exp((1 - way) * np.log(low) + way * np.log(high)) if scale else (1 - way) * low + way * high
    np.testing.assert_allclose(fractions(axes, axes.transData, x, v), np.column_stack([u, v]), atol=1e-9)


def test_what_has_no_place_is_a_gap_and_what_is_far_keeps_its_direction():
    figure = new_figure(SIZE, 1.0)
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    (line,) = axes.plot([0, 0.5, np.nan, 0.2, np.inf, 1], [0, np.nan, 1, 0.3, 0, 500])
    assert numbers_of(line) == [0, 0, None, None, None, None, 2000, 3000, None, None, 10000, 5_000_000]
    line.set_data([0, 1], [0, 1e9])
    assert numbers_of(line) == [0, 0, 10000, 10_000_000]
    axes.set_yscale("log")
    axes.set_ylim(1, 100)
    line.set_data([0, 1], [10, 0])  # no logarithm, but matplotlib leads the curve downwards
    assert numbers_of(line)[:3] == [0, 5000, 10000] and numbers_of(line)[3] < -100_000


def test_an_annotation_outside_the_axes_is_not_shown():
    axes = new_figure(SIZE, 1.0).subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    note = axes.annotate("here", (0.5, 1))
    assert numbers_of(note)["at"] == [5000, 10000]
    note.xy = (0.5, 1.1)
    assert numbers_of(note)["at"] == [None, None]
    note.set_annotation_clip(False)
    assert numbers_of(note)["at"] == [5000, 11000]


@pytest.mark.parametrize("origin", ["upper", "lower"])
@pytest.mark.parametrize("xlim", [(0, 2), (2, 0)])
@pytest.mark.parametrize("ylim", [(0, 2), (2, 0)])
def test_an_image_is_written_down_as_it_is_seen(origin, xlim, ylim):
    figure = new_figure((1, 1), 1.0)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    values = np.array([[0, 1], [2, 3]])
    image = axes.imshow(values, origin=origin, extent=(0, 2, 0, 2), aspect="auto", cmap="gray", vmin=0, vmax=3)
    axes.set(xlim=xlim, ylim=ylim)
    render(figure)
    seen = np.asarray(figure.canvas.buffer_rgba())[25::50, 25::50, 0]
    levels = np.frombuffer(base64.b64decode(numbers_of(image)["levels"]), np.uint8)
    np.testing.assert_array_equal(np.rint(seen / 255 * 3), np.rint(levels.reshape(2, 2) / 253 * 3))


def test_missing_values_have_no_colour():
    axes = new_figure((1, 1), 1.0).subplots()
    image = axes.imshow([[0.0, np.nan], [1.0, 2.0]], vmin=0, vmax=1)
    levels = list(base64.b64decode(numbers_of(image)["levels"]))
    assert levels == [0, 255, 253, 253]
    assert len(style_of(image)["colors"]) == 6 * 254
