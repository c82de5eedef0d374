"""Explorers of numbers: what is written down for the page, how often, and the life in a notebook."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from explorer_pages import looked_up, payload_of
from explorer_scenes import CONTROLS, POINT, WIDE, build_all, build_point, move_all, move_point
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from helm_book.explorer import Steps, explore_numbers
from helm_book.explorer.controls import check_controls, in_digits
from helm_book.explorer.drawing import new_figure, render
from helm_book.explorer.moving import fractions, numbers_of, style_of
from helm_book.explorer.scene import Scene, Stage
from helm_book.explorer.static_numbers import _track

SIZE = (3.0, 2.0)


@pytest.fixture
def static(monkeypatch):
    monkeypatch.setenv("HELM_EXPLORER", "static")


@pytest.fixture
def live(monkeypatch):
    monkeypatch.delenv("HELM_EXPLORER", raising=False)


def point(**options):
    return explore_numbers(build_point, move_point, options.pop("controls", POINT), figsize=SIZE, **options)


# ---------------------------------------------------------------- what is written down


def test_equal_input_gives_equal_bytes(static):
    pages = [explore_numbers(build_all, move_all, CONTROLS, figsize=WIDE, rolling=["curve"]) for _ in range(2)]
    assert pages[0].html == pages[1].html
    assert pages[0].combinations == 10
    assert pages[0].weight == len(pages[0].html.encode()) < 200_000


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


# ---------------------------------------------------------------- places


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


# ---------------------------------------------------------------- the life in a notebook


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), int)


def test_live_redraws_what_a_fresh_drawing_shows(live):
    explorer = explore_numbers(build_all, move_all, CONTROLS, figsize=WIDE)
    for k, mode in [(4, 1), (0, 0), (2, 1)]:
        explorer.inputs["k"].value, explorer.inputs["mode"].value = k, mode
        numbers, caption = move_all(CONTROLS["k"][k], CONTROLS["mode"][mode])
        assert caption in explorer.caption.value
        figure = new_figure(WIDE, 2.0)
        artists = build_all(figure)
        for name, value in numbers.items():
            artist = artists[name]
            if name in ("curve", "end", "logs"):
                artist.set_data(*value)
            elif name in ("fixed", "tinted"):
                artist.set_offsets(np.column_stack(value[:2]))
                artist.set_array(value[2] if name == "tinted" else None)
            elif name in ("cells", "edged"):
                artist.set_array(value)
            elif name == "bars":
                for patch, height in zip(artist.patches, value, strict=True):
                    patch.set_height(height)
            elif name == "words":
                artist.set_text(value)
            elif name == "note":
                artist.xy = value[:2]
                artist.set_text(value[2])
            else:
                artist.set_data(value)
        figure.set_layout_engine("none")
        figure.canvas.draw()
        fresh = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)
        assert np.abs(pixels(explorer.png) - fresh).max() <= 1


def test_live_moves_follow_sliders_players_and_reset(live):
    controls = POINT | {"horizon": Steps(POINT["horizon"], 0.05)}
    explorer = point(
        controls=controls, start={"growth": 2.0, "horizon": 3}, rolling=["curve"], drag={"dot": ("horizon", None)}
    )
    explorer.players["horizon"].value = 8
    assert explorer.inputs["horizon"].value == 8
    assert move_point(2.0, 9)[1] in explorer.caption.value
    start = Stage(
        Scene(build_point, move_point, check_controls(controls, {"growth": 2.0, "horizon": 3}, {})), SIZE, 2.0
    )
    explorer.reset()
    assert explorer.players["horizon"].value == 2
    assert np.array_equal(pixels(explorer.png), np.asarray(start.picture(), int))


def test_live_shows_a_later_error_and_recovers(live):
    def move(growth, horizon):
        numbers, caption = move_point(growth, horizon)
        return (numbers | {"curve": ([1], [1, 2])} if horizon == 10 else numbers), caption

    explorer = explore_numbers(build_point, move, POINT, figsize=SIZE)
    explorer.inputs["horizon"].value = 9
    assert "numbers of &#x27;curve&#x27; do not fit" in explorer.caption.value
    assert explorer.picture.layout.visibility == "hidden"
    explorer.inputs["horizon"].value = 8
    assert explorer.picture.layout.visibility is None
    assert move_point(2.0, 9)[1] in explorer.caption.value


def test_placing_axes_by_hand_gives_no_warning(live, recwarn):
    explore_numbers(build_all, move_all, CONTROLS, figsize=WIDE)
    assert [str(w.message) for w in recwarn if "gridspecs" in str(w.message)] == []


def test_nothing_of_a_kernel_is_in_the_page(static):
    html = point(title="<b>").html
    assert "widget" not in html and "<b>" not in html
    assert html.count("</script>") == 1
    assert not re.search(r"(?:https?:)?//[a-z]", re.sub(r"base64,[^\"]*|<script.*?</script>", "", html, flags=re.S))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.0123, "0.0123"),
        (1.234e-5, "1.23·10⁻⁵"),
        (-0.004, "−4·10⁻³"),
        (1712.4, "1710"),
        (4.98e6, "4.98·10⁶"),
    ],
)
def test_captions_write_three_digits_or_a_power_of_ten(value, text):
    assert in_digits(value) == text
