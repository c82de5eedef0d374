"""The life without a kernel, from numbers: one background, and what each moving artist shows at every setting."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
from collections.abc import Sequence

import numpy as np

from helm_book.explorer.controls import Control
from helm_book.explorer.drawing import CSS_DPI
from helm_book.explorer.guess import CURVE_STOPS, Guess, GuessCurve, check_guess, hidden_until_guessed
from helm_book.explorer.markup import StaticExplorer, control_data, write_html
from helm_book.explorer.moving import axes_of, fractions, numbers_of, order_of, style_of
from helm_book.explorer.scene import Scene, Stage
from helm_book.explorer.static import encode, require_combinations

LIMIT = 20_000
"""Most combinations of values that are computed."""

WEIGHT_LIMIT = 1_000_000
"""Most bytes of HTML."""

DENSITY = 2.0
"""Image pixels for each CSS pixel of the background."""


def compute_static(
    scene: Scene, title: str | None, figsizes: Sequence[tuple[float, float]], guess: Guess | None
) -> StaticExplorer:
    """Compute every combination once, draw the background at each of the figure sizes.

    Raises:
        ValueError: there are more than 20 000 combinations, the result is heavier than 1 MB, or the two
            sizes are not drawn alike.
    """
    controls = scene.controls
    count = require_combinations(controls, LIMIT)
    stages = [Stage(scene, figsize, DENSITY) for figsize in figsizes]
    wide = stages[0]
    check_guess(guess, wide.artists)
    for stage in stages[1:]:
        _check_alike(wide, stage)
    captions: list[str] = []
    shown: dict[str, list[str]] = {name: [] for name in wide.artists}
    written: dict[str, dict[object, str]] = {name: {} for name in wide.artists}
    for at in itertools.product(*(range(len(control.values)) for control in controls)):
        numbers, caption = scene.numbers(at)
        captions.append(caption)
        wide.require_names(numbers)
        for name, artist in wide.artists.items():
            key = _fingerprint(numbers[name])
            if key not in written[name]:
                wide.give_one(name, numbers[name])
                # As text at once: equal numbers are then found equal, and kept once.
                written[name][key] = json.dumps(numbers_of(artist), separators=(",", ":"))
            shown[name].append(written[name][key])
    start, caption = scene.numbers([control.start for control in controls])
    hidden = hidden_until_guessed(guess)
    stills, backgrounds = [], []
    for stage in stages:
        stage.give(start)
        stills.append(encode(stage.picture(hidden)))
        backgrounds.append(encode(stage.picture(moving=False)))
    whole = encode(wide.picture()) if hidden else None
    axes = list(dict.fromkeys(axes_of(artist) for artist in wide.artists.values()))
    order = sorted(wide.artists, key=lambda name: order_of(wide.artists[name]))
    data = control_data(controls) | {
        "captions": _track(captions, controls),
        "stages": [
            {
                "width": round(figsize[0] * CSS_DPI),
                "height": round(figsize[1] * CSS_DPI),
                "background": background,
                "boxes": [stage.box(a) for a in dict.fromkeys(axes_of(artist) for artist in stage.artists.values())],
            }
            for stage, figsize, background in zip(stages, figsizes, backgrounds, strict=True)
        ],
        "artists": [
            {
                "name": name,
                "axes": axes.index(axes_of(wide.artists[name])),
                "style": style_of(wide.artists[name]),
                "rolling": name in scene.rolling,
                "gliding": name in scene.gliding,
                "track": _track(shown[name], controls, json.loads),
            }
            for name in order
        ],
        "drags": [_drag(wide, name, pair, axes, controls) for name, pair in (scene.drag or {}).items()],
    }
    packed = base64.b64encode(gzip.compress(json.dumps(data, separators=(",", ":")).encode(), mtime=0)).decode()
    sketch = _sketch(wide, guess, axes)
    page = write_html("numbers", packed, stills, figsizes, controls, caption, title, guess, sketch, whole)
    explorer = StaticExplorer(page, title or ", ".join(control.label for control in controls), count, DENSITY)
    if explorer.weight > WEIGHT_LIMIT:
        raise ValueError(
            f"an explorer must weigh at most {WEIGHT_LIMIT} bytes, {explorer.title!r} with its {count} combinations "
            f"weighs {explorer.weight}: fewer values, or fewer points in what moves"
        )
    return explorer


def _fingerprint(value: object) -> object:
    """Equal for equal numbers, and cheap: most settings leave most artists where they are."""
    if isinstance(value, str):
        return value
    if isinstance(value, tuple | list) and not all(isinstance(part, (int, float)) for part in value):
        return tuple(_fingerprint(part) for part in value)
    array = np.asarray(value)
    return array.shape, array.dtype.str, array.tobytes()


def _track(shown: list[str], controls: Sequence[Control], read=str) -> dict:
    """Every different thing once, and which of them each setting shows.

    Controls on which nothing depends are left out of the index, so that a curve that one slider moves is not
    written down again for each position of the others.
    """
    table = {text: i for i, text in enumerate(dict.fromkeys(shown))}
    index = np.array([table[text] for text in shown]).reshape([len(control.values) for control in controls])
    depends = []
    for k in range(len(controls)):
        if (index == index.take([0], axis=k)).all():
            index = index.take([0], axis=k)
        else:
            depends.append(k)
    return {"depends": depends, "index": index.ravel().tolist(), "table": [read(text) for text in table]}


def _drag(stage: Stage, name: str, pair: tuple[str | None, str | None], axes: list, controls) -> dict:
    """Where in the axes of an artist the values of the controls lie that it sets, across and up."""
    names = [control.name for control in controls]
    drag: dict[str, object] = {"axes": axes.index(axes_of(stage.artists[name])), "name": name}
    for direction, control in zip(("across", "up"), pair, strict=True):
        if control is not None:
            k = names.index(control)
            drag[direction] = {"control": k, "stops": stage.stops(name, direction == "across", controls[k])}
    return drag


def _sketch(stage: Stage, guess: Guess | None, axes: list) -> dict | None:
    if not isinstance(guess, GuessCurve):
        return None
    drawn_in = axes_of(stage.artists[guess.artist])
    middle = np.full(len(guess.at), drawn_in.get_ylim()[1])
    across = fractions(drawn_in, drawn_in.transData, np.array(guess.at, dtype=float), middle)[:, 0]
    heights = np.stack([np.full(CURVE_STOPS, 0.5), np.linspace(0, 1, CURVE_STOPS)], axis=1)
    values = drawn_in.transData.inverted().transform(drawn_in.transAxes.transform(heights))[:, 1]
    return {
        "artist": guess.artist,
        "axes": axes.index(drawn_in),
        "at": [round(float(v), 4) for v in across],
        "places": [f"{drawn_in.get_xlabel() or 'x'} {value:g}".replace("$", "") for value in guess.at],
        "heights": [f"{value:.2g}" for value in values],
    }


def _check_alike(wide: Stage, narrow: Stage) -> None:
    if list(wide.artists) != list(narrow.artists):
        raise ValueError(
            f"build must return the same artists at both sizes, got {list(wide.artists)} and {list(narrow.artists)}"
        )
    for name in wide.artists:
        one, other = (axes_of(stage.artists[name]) for stage in (wide, narrow))
        if not np.allclose(one.viewLim.get_points(), other.viewLim.get_points()):
            raise ValueError(
                f"the axes of {name!r} must have the same limits at both sizes: set them, with a box of fixed aspect"
            )
