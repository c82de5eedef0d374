"""Bad use of an explorer is refused with a message that names the argument, what was given and what is allowed."""

from __future__ import annotations

import re

import numpy as np
import pytest
from explorer_scenes import CONTROLS, POINT, WIDE, build_all, build_point, move_all, move_point

from helm_book.explorer import GuessChoice, GuessCurve, GuessNumber, Steps, explore, explore_numbers
from helm_book.explorer.static import LIMIT

SIZE = (1.6, 1.0)


@pytest.fixture
def static(monkeypatch):
    monkeypatch.setenv("HELM_EXPLORER", "static")


@pytest.fixture
def live(monkeypatch):
    monkeypatch.delenv("HELM_EXPLORER", raising=False)


# ---------------------------------------------------------------- frames


def caption_only(figure, k=0, j=0):
    return "caption"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((caption_only, {}), ValueError, "at least one name"),
        ((caption_only, {"k": []}), ValueError, "control 'k' must have at least two values"),
        ((caption_only, {"k": [1]}), ValueError, "control 'k' must have at least two values"),
        ((caption_only, {"k": "abc"}), TypeError, "control 'k' must be a list"),
        ((caption_only, {"k": 3}), TypeError, "control 'k' must be a list"),
        ((caption_only, {"k": [1, "a"]}), TypeError, "control 'k' must hold finite numbers only"),
        ((caption_only, {"k": [1, float("nan")]}), TypeError, "control 'k' must hold finite numbers only"),
        ((caption_only, {"k": [True, False]}), TypeError, "control 'k' must hold"),
        ((caption_only, {"k": [1, 2, 1.0]}), ValueError, "control 'k' must have distinct values, got 1"),
        ((caption_only, {"two words": [1, 2]}), ValueError, "'two words'"),
        ((caption_only, {"k": Steps(["a", "b"])}), TypeError, "control 'k' plays its steps, so they must be numbers"),
        ((3, {"k": [1, 2]}), TypeError, "draw must be a function"),
        ((caption_only, {"q": [1, 2]}), TypeError, r"draw must take \(figure, q\)"),
        ((lambda figure: "", {"k": [1, 2]}), TypeError, r"draw must take \(figure, k\)"),
        ((lambda figure, k: None, {"k": [1, 2]}), ValueError, "at k = 2 it returned None"),
        ((lambda figure, k: " ", {"k": [1, 2]}), ValueError, "a non-empty string; at k = 2"),
        (
            (lambda figure, k, j: 1 / 0, {"k": [1, 2], "j": ["x", "y"]}),
            RuntimeError,
            "draw failed at k = 2, j = y: Zero",
        ),
    ],
)
@pytest.mark.parametrize("life", ["live", "static"])
def test_bad_use_is_named(life, arguments, error, message, monkeypatch):
    monkeypatch.setenv("HELM_EXPLORER", life)
    with pytest.raises(error, match=message):
        explore(*arguments, figsize=SIZE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": {"j": 1}}, "a name in start must be one of 'k', got 'j'"),
        ({"start": {"k": 7}}, r"start of control 'k' must be one of its values \[1, 2\], got 7"),
        ({"labels": {"j": "x"}}, "a name in labels must be one of 'k', got 'j'"),
        ({"title": " "}, "title must be a non-empty string"),
        ({"figsize": (0, 4)}, "figsize must be two positive numbers"),
        ({"figsize": 4}, "figsize must be two positive numbers"),
        ({"narrow": (3.0, -1)}, "narrow must be two positive numbers of inches, got \\(3.0, -1\\)"),
    ],
)
def test_bad_options_are_named(options, message, live):
    with pytest.raises(ValueError, match=message):
        explore(caption_only, {"k": [1, 2]}, **options)


@pytest.mark.parametrize("interval", [0.04, 0, -1, float("nan"), "fast", None, True])
def test_steps_are_not_faster_than_the_eye(interval):
    with pytest.raises(ValueError, match=rf"interval must be at least 0.05 seconds, got {re.escape(repr(interval))}"):
        Steps([1, 2, 3], interval)


def test_frames_take_no_guess_that_hides_artists(live):
    with pytest.raises(TypeError, match="guess must not be a curve or hide artists in an explorer of frames"):
        explore(caption_only, {"k": [1, 2]}, guess=GuessCurve("How?", "curve", [1, 2]))
    with pytest.raises(TypeError, match="guess must be a GuessNumber, a GuessChoice or a GuessCurve, got 'three'"):
        explore(caption_only, {"k": [1, 2]}, guess="three")


def test_unknown_life_is_named(monkeypatch):
    monkeypatch.setenv("HELM_EXPLORER", "dead")
    with pytest.raises(ValueError, match="HELM_EXPLORER must be one of 'live', 'static', got 'dead'"):
        explore(caption_only, {"k": [1, 2]})


def test_too_many_combinations_are_counted_before_drawing(monkeypatch, static):
    calls = []
    controls = {"k": range(LIMIT // 2), "j": range(3)}

    def draw(figure, k, j):
        calls.append(k)
        return "caption"

    with pytest.raises(ValueError, match=f"at most {LIMIT} combinations, got 200 of 'k' x 3 of 'j' = 600"):
        explore(draw, controls, figsize=SIZE)
    assert not calls
    monkeypatch.setenv("HELM_EXPLORER", "live")  # nothing is drawn ahead: any number will do
    explore(draw, controls, figsize=SIZE)
    assert len(calls) == 1


def test_static_names_the_combination_that_raises(static):
    def draw(figure, k):
        if k == 3:
            raise KeyError("three")
        return "caption"

    with pytest.raises(RuntimeError, match="draw failed at k = 3: KeyError: 'three'"):
        explore(draw, {"k": [1, 2, 3, 4]}, figsize=SIZE)


def test_a_drawing_that_piles_up_is_refused(static):
    def draw(figure, k):
        axes = figure.axes[0] if figure.axes else figure.subplots()
        axes.plot([0, k])
        return "one more line"

    with pytest.raises(ValueError, match=r"a second call at k = 2 added to the first .* clear the figure"):
        explore(draw, {"k": [1, 2]}, figsize=SIZE)


# ---------------------------------------------------------------- numbers


def numbers(build=build_point, move=move_point, controls=POINT, **options):
    return explore_numbers(build, move, controls, figsize=(3.0, 2.0), **options)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"build": 3}, TypeError, "build must be a function of a figure, got 3"),
        ({"build": lambda figure: 1 / 0}, RuntimeError, "build failed: ZeroDivisionError"),
        ({"build": lambda figure: {}}, ValueError, r"build must return at least one moving artist by name, got \{\}"),
        ({"build": lambda figure: None}, ValueError, "build must return at least one moving artist by name, got None"),
        ({"build": lambda figure: {"it": figure}}, TypeError, r"artists that can move \(a line, dots.*as 'it'"),
        (
            {"build": lambda figure: {"it": figure.text(0, 0, "")}},
            TypeError,
            "artists that can move .* a text of an axes.* as 'it'",
        ),
        (
            {"build": lambda figure: {"it": figure.subplots().barh([0], [1])}},
            TypeError,
            "bars that move must be upright, 'it' are horizontal",
        ),
        (
            {"build": lambda figure: {"it": figure.subplots().step([0], [1])[0]}},
            TypeError,
            "drawstyle 'default' and markevery None or .*'it' has 'steps-pre'",
        ),
        ({"move": 3}, TypeError, "move must be a function of the values of controls, got 3"),
        ({"move": lambda growth: None}, TypeError, r"move must take \(growth, horizon\) as controls names them"),
        ({"move": lambda growth, horizon: 1 / 0}, RuntimeError, "move failed at growth = 2, horizon = 6: ZeroDiv"),
        ({"move": lambda growth, horizon: "x"}, ValueError, "a mapping of numbers and a caption; at growth = 2, .*'x'"),
        (
            {"move": lambda growth, horizon: ({}, " ")},
            ValueError,
            "move must return its caption, a non-empty string",
        ),
        (
            {"move": lambda growth, horizon: ({"curve": ([], [])}, "c")},
            ValueError,
            r"move must return numbers for \['curve', 'dot', 'value'\], got \['curve'\]",
        ),
        ({"controls": {}}, ValueError, "controls must map at least one name to its values"),
        ({"start": {"horizon": 11}}, ValueError, "start of control 'horizon' must be one of its values .* got 11"),
        ({"title": ""}, ValueError, "title must be a non-empty string or None, got ''"),
        ({"narrow": (3,)}, ValueError, r"narrow must be two positive numbers of inches, got \(3,\)"),
        ({"rolling": ["curl"]}, ValueError, "a name in rolling must be one of 'curve', 'dot', 'value', got 'curl'"),
        ({"rolling": ["value"]}, TypeError, "rolling must name lines, 'value' is Text"),
        ({"drag": {"curl": ("horizon", None)}}, ValueError, "a name in drag must be one of 'curve', .* got 'curl'"),
        ({"drag": {"dot": ("time", None)}}, ValueError, r"a control in drag\['dot'\] must be one of .* got 'time'"),
        ({"drag": {"dot": "horizon"}}, TypeError, r"drag\['dot'\] must be \(control across, control up\).*'horizon'"),
        ({"drag": {"dot": (None, None)}}, TypeError, r"drag\['dot'\] must be .* got \(None, None\)"),
        (
            {"move": lambda mode: None, "controls": {"mode": ["a", "b"]}, "drag": {"dot": ("mode", None)}},
            ValueError,
            r"a control in drag\['dot'\] must be one of .*, got 'mode'",
        ),
        ({"guess": "three"}, TypeError, "guess must be a GuessNumber, a GuessChoice or a GuessCurve, got 'three'"),
        ({"guess": GuessCurve("?", "curl", [1, 2])}, ValueError, "guess.artist must be one of .* got 'curl'"),
        ({"guess": GuessCurve("?", "value", [1, 2])}, TypeError, "guess.artist must name a line, 'value' is Text"),
        (
            {"guess": GuessNumber("?", 1, low=0, high=2, hides=["it"])},
            ValueError,
            "a name in guess.hides must be one of 'curve', 'dot', 'value', got 'it'",
        ),
    ],
)
@pytest.mark.parametrize("life", ["live", "static"])
def test_bad_use_of_numbers_is_named(life, arguments, error, message, monkeypatch):
    monkeypatch.setenv("HELM_EXPLORER", life)
    with pytest.raises(error, match=message):
        numbers(**arguments)


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
@pytest.mark.parametrize("life", ["live", "static"])
def test_numbers_that_do_not_fit_are_named(life, name, monkeypatch):
    monkeypatch.setenv("HELM_EXPLORER", life)

    def move(k, mode):
        good, caption = move_all(k, mode)
        return good | {name: UNFIT[name]}, caption

    with pytest.raises(ValueError, match=f"numbers of '{name}' do not fit: "):
        explore_numbers(build_all, move, CONTROLS, figsize=WIDE)


def test_dots_without_a_colour_map_take_no_values(live):
    def build(figure):
        return {"dots": figure.subplots().scatter([], [])}

    with pytest.raises(ValueError, match="numbers of 'dots' do not fit: dots take a c where scatter was given one"):
        explore_numbers(build, lambda k: ({"dots": ([1], [1], [k])}, "c"), {"k": [1, 2]})


def test_too_many_numbers_are_counted_before_any_is_computed(static):
    calls = []

    def move(growth, horizon):
        calls.append(growth)

    with pytest.raises(ValueError, match="at most 20000 combinations, got 2001 of 'growth' x 10 of 'horizon' = 20010"):
        numbers(move=move, controls={"growth": range(2001), "horizon": range(10)})
    assert calls == []


def test_too_heavy_an_explorer_is_weighed(static, monkeypatch):
    monkeypatch.setattr("helm_book.explorer.static_numbers.WEIGHT_LIMIT", 5000)
    with pytest.raises(ValueError, match=r"at most 5000 bytes, 'Heavy' with its 40 combinations weighs \d+: fewer"):
        numbers(title="Heavy")


def test_both_sizes_must_be_drawn_alike(static):
    def build(figure, *, limit=False, order=False):
        artists = build_point(figure)
        if figure.get_figheight() > 2.5:
            if limit:
                figure.axes[0].set_xlim(0, 11)
            if order:
                artists = dict(sorted(artists.items(), reverse=True))
        return artists

    with pytest.raises(ValueError, match="the axes of 'curve' must have the same limits at both sizes"):
        numbers(build=lambda figure: build(figure, limit=True), narrow=(2.0, 3.0))
    same = r"the same artists at both sizes, got \['curve', 'dot', 'value'\] and \['value', 'dot', 'curve'\]"
    with pytest.raises(ValueError, match=same):
        numbers(build=lambda figure: build(figure, order=True), narrow=(2.0, 3.0))


def test_static_numbers_name_the_setting_that_raises(static):
    def move(growth, horizon):
        if horizon == 3:
            raise KeyError("three")
        return move_point(growth, horizon)

    with pytest.raises(RuntimeError, match=r"move failed at growth = 1\.2, horizon = 3: KeyError: 'three'"):
        numbers(move=move)


# ---------------------------------------------------------------- guesses


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: GuessNumber("", 1, low=0, high=2), TypeError, "question must be plain text, got ''"),
        (lambda: GuessNumber("?", "1", low=0, high=2), TypeError, "answer must be a finite number, got '1'"),
        (lambda: GuessNumber("?", float("nan"), low=0, high=2), TypeError, "answer must be a finite number, got nan"),
        (lambda: GuessNumber("?", 1, low=2, high=2), ValueError, "low must be below high, got low = 2 and high = 2"),
        (
            lambda: GuessNumber("?", 1, low=0, high=2, log=True),
            ValueError,
            "low must be above zero and below high, got low = 0 and high = 2",
        ),
        (lambda: GuessNumber("?", 1, low=0, high=2, explain=3), TypeError, "explain must be plain text, got 3"),
        (lambda: GuessChoice("?", ["a"], "a"), ValueError, r"choices must be two or more different .* got \['a'\]"),
        (lambda: GuessChoice("?", ["a", "a"], "a"), ValueError, "choices must be two or more different statements"),
        (lambda: GuessChoice("?", "ab", "a"), ValueError, "choices must be two or more different statements, got 'ab'"),
        (lambda: GuessChoice("?", ["a", "b"], "c"), ValueError, "answer must be one of 'a', 'b', got 'c'"),
        (lambda: GuessCurve("?", "curve"), ValueError, r"at must be two to twelve rising numbers, got \(\)"),
        (lambda: GuessCurve("?", "curve", [2, 1]), ValueError, r"two to twelve rising numbers, got \[2, 1\]"),
        (lambda: GuessCurve("?", "curve", range(13)), ValueError, "at must be two to twelve rising numbers"),
        (lambda: GuessCurve(3, "curve", [1, 2]), TypeError, "question must be plain text, got 3"),
    ],
)
def test_bad_guesses_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
