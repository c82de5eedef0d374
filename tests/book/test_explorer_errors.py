"""Bad use of an explorer is refused with a message that names the argument, what was given and what is allowed."""

from __future__ import annotations

import re

import numpy as np
import pytest
from explorer_scenes import CONTROLS, POINT, WIDE, build_all, build_point, move_all, move_point

from helm_book.explorer import GuessChoice, GuessCurve, GuessNumber, Steps, explore, explore_numbers
from helm_book.explorer.static import LIMIT

CURVE = GuessCurve("How?", "curve", [1, 2])


def caption_only(figure, k=0, j=0):
    return "caption"


def frames(draw=caption_only, controls=None, figsize=(1.6, 1.0), **options):
    return explore(draw, {"k": [1, 2]} if controls is None else controls, figsize=figsize, **options)


def numbers(build=build_point, move=move_point, controls=POINT, **options):
    return explore_numbers(build, move, controls, figsize=(3.0, 2.0), **options)


def require_refused(make, said: str) -> None:
    """``said`` is a pattern of the error's type, a colon and its message."""
    with pytest.raises(Exception) as refused:
        make()
    assert re.search(rf"^{said}", f"{refused.type.__name__}: {refused.value}"), refused.value


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"controls": {}}, "ValueError: .*at least one name"),
        ({"controls": {"k": [1]}}, "ValueError: control 'k' must have at least two values"),
        ({"controls": {"k": "abc"}}, "TypeError: control 'k' must be a list"),
        ({"controls": {"k": 3}}, "TypeError: control 'k' must be a list"),
        ({"controls": {"k": [1, "a"]}}, "TypeError: control 'k' must hold finite numbers only"),
        ({"controls": {"k": [1, float("nan")]}}, "TypeError: control 'k' must hold finite numbers only"),
        ({"controls": {"k": [True, False]}}, "TypeError: control 'k' must hold"),
        ({"controls": {"k": [1, 2, 1.0]}}, "ValueError: control 'k' must have distinct values, got 1"),
        ({"controls": {"two words": [1, 2]}}, "ValueError: .*'two words'"),
        ({"controls": {"k": Steps(["a", "b"])}}, "TypeError: control 'k' plays its steps, so they must be numbers"),
        ({"draw": 3}, "TypeError: draw must be a function"),
        ({"controls": {"q": [1, 2]}}, r"TypeError: draw must take \(figure, q\)"),
        ({"draw": lambda figure: ""}, r"TypeError: draw must take \(figure, k\)"),
        ({"draw": lambda figure, k: None}, "ValueError: .*at k = 2 it returned None"),
        ({"draw": lambda figure, k: " "}, "ValueError: .*a non-empty string; at k = 2"),
        ({"draw": lambda figure, k: 1 / 0}, "RuntimeError: draw failed at k = 2: Zero"),
        ({"start": {"j": 1}}, "ValueError: a name in start must be one of 'k', got 'j'"),
        ({"start": {"k": 7}}, r"ValueError: start of control 'k' must be one of its values \[1, 2\], got 7"),
        ({"labels": {"j": "x"}}, "ValueError: a name in labels must be one of 'k', got 'j'"),
        ({"title": " "}, "ValueError: title must be a non-empty string"),
        ({"figsize": (0, 4)}, "ValueError: figsize must be two positive numbers"),
        ({"figsize": 4}, "ValueError: figsize must be two positive numbers"),
        ({"narrow": (3.0, -1)}, r"ValueError: narrow must be two positive numbers of inches, got \(3.0, -1\)"),
        ({"guess": CURVE}, "TypeError: guess must not be a curve or hide artists in an explorer of frames"),
        ({"guess": "three"}, "TypeError: guess must be a GuessNumber, a GuessChoice or a GuessCurve, got 'three'"),
    ],
)
def test_bad_use_is_named(either_life, arguments, said):
    require_refused(lambda: frames(**arguments), said)


@pytest.mark.parametrize("interval", [0.04, float("nan"), "fast", True])
def test_steps_are_not_faster_than_the_eye(interval):
    said = f"ValueError: interval must be at least 0.05 seconds, got {re.escape(repr(interval))}"
    require_refused(lambda: Steps([1, 2, 3], interval), said)


def test_unknown_life_is_named(monkeypatch):
    monkeypatch.setenv("HELM_EXPLORER", "dead")
    require_refused(frames, "ValueError: .* HELM_EXPLORER must be one of 'live', 'static', got 'dead'")


def test_too_many_combinations_are_counted_before_anything_is_drawn(monkeypatch, static):
    calls = []
    controls = {"k": range(LIMIT // 2), "j": range(3)}

    def draw(figure, k, j):
        calls.append(k)
        return "caption"

    require_refused(
        lambda: frames(draw, controls),
        f"ValueError: .* at most {LIMIT} combinations, got 200 of 'k' x 3 of 'j' = 600",
    )
    many = {"growth": range(2001), "horizon": range(10)}
    require_refused(
        lambda: numbers(move=lambda growth, horizon: calls.append(growth), controls=many),
        "ValueError: .* at most 20000 combinations, got 2001 of 'growth' x 10 of 'horizon' = 20010",
    )
    assert not calls
    monkeypatch.setenv("HELM_EXPLORER", "live")  # nothing is drawn ahead: any number will do
    frames(draw, controls)
    assert len(calls) == 1


def test_the_page_names_the_setting_that_raises(static):
    def draw(figure, k):
        return caption_only(figure) if k != 3 else {}["three"]

    def move(growth, horizon):
        return move_point(growth, horizon) if horizon != 3 else {}["three"]

    require_refused(lambda: frames(draw, {"k": [1, 2, 3, 4]}), "RuntimeError: draw failed at k = 3: KeyError: 'three'")
    require_refused(
        lambda: numbers(move=move), r"RuntimeError: move failed at growth = 1\.2, horizon = 3: KeyError: 'three'"
    )


def test_a_drawing_that_piles_up_is_refused(static):
    def draw(figure, k):
        axes = figure.axes[0] if figure.axes else figure.subplots()
        axes.plot([0, k])
        return "one more line"

    require_refused(lambda: frames(draw), "ValueError: .*a second call at k = 2 added to the first .* clear the figure")


def build_of(make):
    return {"build": lambda figure: {"it": make(figure)}}


def move_of(moved):
    return {"move": lambda growth, horizon: moved}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"build": 3}, "TypeError: build must be a function of a figure, got 3"),
        ({"build": lambda figure: 1 / 0}, "RuntimeError: build failed: ZeroDivisionError"),
        ({"build": lambda figure: {}}, r"ValueError: build must return at least one moving artist by name, got \{\}"),
        (build_of(lambda figure: figure), r"TypeError: .*artists that can move \(a line, dots.*as 'it'"),
        (build_of(lambda figure: figure.text(0, 0, "")), "TypeError: .*artists that can move .* a text of an axes.*"),
        (build_of(lambda f: f.subplots().barh([0], [1])), "TypeError: .*must be upright, 'it' are horizontal"),
        (build_of(lambda f: f.subplots().step([0], [1])[0]), "TypeError: .*drawstyle 'default' .*'it' has 'steps-pre'"),
        ({"move": 3}, "TypeError: move must be a function of the values of controls, got 3"),
        ({"move": lambda growth: None}, r"TypeError: move must take \(growth, horizon\) as controls names them"),
        ({"move": lambda growth, horizon: 1 / 0}, "RuntimeError: move failed at growth = 2, horizon = 6: ZeroDiv"),
        (move_of("x"), "ValueError: .*a mapping of numbers and a caption; at growth = 2, .*'x'"),
        (move_of(({}, " ")), "ValueError: move must return its caption, a non-empty string"),
        (move_of(({"curve": 0}, "c")), r"ValueError: .*numbers for \['curve', 'dot', 'value'\], got \['curve'\]"),
        ({"rolling": ["curl"]}, "ValueError: a name in rolling must be one of 'curve', 'dot', 'value', got 'curl'"),
        ({"rolling": ["value"]}, "TypeError: rolling must name lines, 'value' is Text"),
        ({"drag": {"curl": ("horizon", None)}}, "ValueError: a name in drag must be one of 'curve', .* got 'curl'"),
        ({"drag": {"dot": ("mode", None)}}, r"ValueError: a control in drag\['dot'\] must be one of .* got 'mode'"),
        ({"drag": {"dot": "horizon"}}, r"TypeError: drag\['dot'\] must be \(control across, control up\).*'horizon'"),
        ({"drag": {"dot": (None, None)}}, r"TypeError: drag\['dot'\] must be .* got \(None, None\)"),
        ({"guess": GuessCurve("?", "curl", [1, 2])}, "ValueError: guess.artist must be one of .* got 'curl'"),
        ({"guess": GuessCurve("?", "value", [1, 2])}, "TypeError: guess.artist must name a line, 'value' is Text"),
        (
            {"guess": GuessNumber("?", 1, low=0, high=2, hides=["it"])},
            "ValueError: a name in guess.hides must be one of 'curve', 'dot', 'value', got 'it'",
        ),
    ],
)
def test_bad_use_of_numbers_is_named(either_life, arguments, said):
    if "mode" in str(arguments):  # words lie nowhere along an axis
        arguments = arguments | {"move": lambda mode: None, "controls": {"mode": ["a", "b"]}}
    require_refused(lambda: numbers(**arguments), said)


UNFIT = {
    "curve": ([1, 2], [1, 2, 3]),
    "logs": ([[1, 2]], [[1, 2]]),
    "end": None,
    "fixed": ([1, 2], [1]),
    "tinted": ([1, 2], [1, 2], [1]),
    "upper": [1, 2, 3],
    "lower": np.zeros((3, 4, 2), np.uint8),
    "photo": np.zeros((3, 4, 3)),
    "cells": [1, 2, 3],
    "bars": [1, 2],
    "words": "two\nlines",
    "note": (1, 2, "$x$"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_numbers_that_do_not_fit_are_named(either_life, name):
    def move(k, mode):
        good, caption = move_all(k, mode)
        return good | {name: UNFIT[name]}, caption

    require_refused(
        lambda: explore_numbers(build_all, move, CONTROLS, figsize=WIDE),
        f"ValueError: numbers of '{name}' do not fit: ",
    )


def test_dots_without_a_colour_map_take_no_values(live):
    require_refused(
        lambda: numbers(
            lambda figure: {"it": figure.subplots().scatter([], [])},
            lambda k: ({"it": ([1], [1], [k])}, "c"),
            {"k": [1, 2]},
        ),
        "ValueError: numbers of 'it' do not fit: dots take a c where scatter was given one",
    )


def test_too_heavy_an_explorer_is_weighed(static, monkeypatch):
    monkeypatch.setattr("helm_book.explorer.static_numbers.WEIGHT_LIMIT", 5000)
    said = r"ValueError: .*at most 5000 bytes, 'Heavy' with its 40 combinations weighs \d+: fewer"
    require_refused(lambda: numbers(title="Heavy"), said)


def test_both_sizes_must_be_drawn_alike(static):
    def build(figure, *, limit=False, order=False):
        artists = build_point(figure)
        if figure.get_figheight() > 2.5:
            if limit:
                figure.axes[0].set_xlim(0, 11)
            if order:
                artists = dict(sorted(artists.items(), reverse=True))
        return artists

    for unlike, said in (
        ("limit", "the axes of 'curve' must have the same limits at both sizes"),
        ("order", r".*the same artists at both sizes, got \['curve', 'dot', 'value'\] and \['value', 'dot', 'curve'\]"),
    ):
        require_refused(
            lambda unlike=unlike: numbers(lambda figure: build(figure, **{unlike: True}), narrow=(2.0, 3.0)),
            f"ValueError: {said}",
        )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: GuessNumber("", 1, low=0, high=2), "TypeError: question must be plain text, got ''"),
        (lambda: GuessNumber("?", "1", low=0, high=2), "TypeError: answer must be a finite number, got '1'"),
        (lambda: GuessNumber("?", 1, low=2, high=2), "ValueError: low must be below high, got low = 2 and high = 2"),
        (lambda: GuessNumber("?", 1, low=0, high=2, log=True), "ValueError: low must be above zero and below high"),
        (lambda: GuessNumber("?", 1, low=0, high=2, explain=3), "TypeError: explain must be plain text, got 3"),
        (lambda: GuessChoice("?", ["a"], "a"), "ValueError: choices must be two or more different statements, got"),
        (lambda: GuessChoice("?", ["a", "a"], "a"), "ValueError: choices must be two or more different statements"),
        (lambda: GuessChoice("?", "ab", "a"), "ValueError: choices must be two or more different .* got 'ab'"),
        (lambda: GuessChoice("?", ["a", "b"], "c"), "ValueError: answer must be one of 'a', 'b', got 'c'"),
        (lambda: GuessCurve("?", "curve"), r"ValueError: at must be two to twelve rising numbers, got \(\)"),
        (lambda: GuessCurve("?", "curve", [2, 1]), r"ValueError: at must be two to twelve rising .* got \[2, 1\]"),
        (lambda: GuessCurve("?", "curve", range(13)), "ValueError: at must be two to twelve rising numbers"),
    ],
)
def test_bad_guesses_are_named(make, said):
    require_refused(make, said)
