"""The life with a kernel: widgets that call the package at each move."""

from __future__ import annotations

import base64
import html
import io
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

import ipywidgets
import numpy as np
from PIL import Image

from helm_book.explorer.controls import Control
from helm_book.explorer.drawing import CSS_DPI, draw_frame, new_figure
from helm_book.explorer.guess import WAITING, Guess, check_guess, hidden_until_guessed
from helm_book.explorer.live_guess import LiveGuess
from helm_book.explorer.scene import Scene, Stage

DENSITY = 2.0
"""Image pixels for each CSS pixel."""

REMEMBERED = 64
"""Drawn frames that an explorer keeps."""

SLOW = 0.3
"""Seconds from which on a drawing announces that it is under way."""


class Picture(Protocol):
    """What a live explorer asks for pictures."""

    def draw(self, at: Sequence[int]) -> tuple[Image.Image, str]:
        """The picture and its caption at one position of each control."""


class LiveFrames:
    """Pictures drawn whole by ``draw``."""

    def __init__(self, draw: Callable, controls: tuple[Control, ...], figsize: tuple[float, float]):
        self._draw, self._controls, self._figure = draw, controls, new_figure(figsize, DENSITY)

    def draw(self, at: Sequence[int]) -> tuple[Image.Image, str]:
        """The picture and its caption at one position of each control."""
        return draw_frame(self._draw, self._figure, self._controls, at)


class LiveNumbers:
    """Pictures of a scene: the background is kept, only what moves is drawn."""

    def __init__(self, scene: Scene, figsize: tuple[float, float]):
        self._scene, self.stage = scene, Stage(scene, figsize, DENSITY)
        self.hidden: tuple[str, ...] = ()
        self._asked = None  # what the guessed artist showed when it was guessed

    def draw(self, at: Sequence[int]) -> tuple[Image.Image, str]:
        """The picture and its caption at one position of each control."""
        numbers, caption = self._scene.numbers(at)
        self.stage.give(numbers)
        if self.stage.sketch is not None:
            # A sketch says something about the curve that was asked for, and about no other.
            shown = np.array(numbers[self.stage.sketch_of], dtype=float)
            self._asked = shown if self._asked is None else self._asked
            self.stage.sketch.set_visible(np.array_equal(shown, self._asked, equal_nan=True))
        return self.stage.picture(self.hidden), caption


class LiveExplorer(ipywidgets.VBox):
    """The explorer as widgets: ``inputs`` by name, ``picture`` and ``caption``, redrawn at each move.

    ``png`` holds the picture's bytes; ``guess`` the widgets of the question asked first, if there is one: until it
    is answered the inputs are disabled.
    """

    def __init__(
        self,
        source: LiveFrames | LiveNumbers,
        controls: tuple[Control, ...],
        title: str | None,
        figsize: tuple[float, float],
        guess: Guess | None = None,
    ):
        self._source, self._controls, self._title = source, controls, title
        self._frames: OrderedDict[tuple[int, ...], tuple[bytes, str]] = OrderedDict()
        self._resetting, self._took = False, 0.0
        self.inputs = {control.name: _live_input(control) for control in controls}
        self.players = {c.name: _player(c, self.inputs[c.name]) for c in controls if c.interval is not None}
        # Not an Image widget: it has no alternative text, and a tooltip breaks it in ipywidgets 8.
        self.picture = ipywidgets.HTML(layout={"max_width": "100%"})
        self.png = b""
        self._width = round(figsize[0] * CSS_DPI)
        self.caption = ipywidgets.HTML()
        self.guess = None
        if guess is not None:
            stage = source.stage if isinstance(source, LiveNumbers) else None
            check_guess(guess, None if stage is None else stage.artists)
            self.guess = LiveGuess(guess, stage, self._answered, self._redraw)
            self._open(False)
            if stage is not None:
                source.hidden = hidden_until_guessed(guess)
        self._show(*self._frame())  # before any widget listens: a bad drawing fails the cell
        for widget in self.inputs.values():
            widget.observe(self._update, names="value")
        reset = ipywidgets.Button(description="Reset", tooltip="Back to the start", layout={"width": "auto"})
        reset.on_click(lambda _: self.reset())
        heading = [ipywidgets.HTML(f"<strong>{html.escape(title)}</strong>")] if title else []
        asked = [self.guess.box] if self.guess else []
        rows = [
            ipywidgets.HBox([widget, self.players[name]]) if name in self.players else widget
            for name, widget in self.inputs.items()
        ]
        super().__init__([*heading, *asked, self.picture, self.caption, *rows, ipywidgets.HBox([reset])])

    def __repr__(self) -> str:
        return f"explore({self._title or ', '.join(self.inputs)})"

    def reset(self) -> None:
        """Put every control back to its start, drawing once."""
        self._resetting = True
        for control in self._controls:
            self.inputs[control.name].value = control.start
        self._resetting = False
        self._update()

    def _open(self, may_move: bool) -> None:
        for widget in (*self.inputs.values(), *self.players.values()):
            widget.disabled = not may_move

    def _answered(self) -> None:
        if isinstance(self._source, LiveNumbers):
            self._source.hidden = ()
        self._open(True)
        self._redraw()

    def _redraw(self) -> None:
        self._frames.clear()
        self._update()

    def _update(self, _change: object = None) -> None:
        if self._resetting:
            return
        if self._took > SLOW:
            self.caption.value = "<p>Computing …</p>"
        try:
            self._show(*self._frame())
        except (RuntimeError, ValueError) as error:  # a callback's traceback would be lost
            self.picture.layout.visibility = "hidden"
            self.caption.value = f'<p role="alert" style="color:#C62828">{html.escape(str(error))}</p>'

    def _frame(self) -> tuple[bytes, str]:
        at = tuple(self.inputs[control.name].value for control in self._controls)
        if at not in self._frames:
            began = time.monotonic()
            picture, caption = self._source.draw(at)
            out = io.BytesIO()
            picture.save(out, "png", compress_level=1)  # fast: it travels no further than the browser
            self._took = time.monotonic() - began
            if isinstance(self._source, LiveNumbers) and self._source.hidden:
                caption = WAITING
            self._frames[at] = out.getvalue(), caption
            if len(self._frames) > REMEMBERED:
                self._frames.popitem(last=False)
        self._frames.move_to_end(at)
        return self._frames[at]

    def _show(self, picture: bytes, caption: str) -> None:
        self.png = picture
        source = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
        look = f"width:{self._width}px;max-width:100%;height:auto;display:block;background:white"
        self.picture.value = f'<img alt="{html.escape(caption)}" style="{look}" src="{source}">'
        self.picture.layout.visibility = None
        self.caption.value = f'<p style="max-width:44em;line-height:1.45;margin:0">{html.escape(caption)}</p>'


def _live_input(control: Control) -> ipywidgets.Widget:
    kind = ipywidgets.ToggleButtons if control.is_choice else ipywidgets.SelectionSlider
    return kind(
        options=[(text, i) for i, text in enumerate(control.texts)],
        value=control.start,
        description=control.label,
        style={"description_width": "initial"},
        layout={"max_width": "100%", "width": "auto" if control.is_choice else "40em"},
    )


def _player(control: Control, slider: ipywidgets.Widget) -> ipywidgets.Play:
    """Play buttons that move a slider, and follow it."""
    player = ipywidgets.Play(
        min=0, max=len(control.values) - 1, value=control.start, interval=round(1000 * control.interval)
    )
    player.observe(lambda change: setattr(slider, "value", change["new"]), names="value")
    slider.observe(lambda change: setattr(player, "value", change["new"]), names="value")
    return player
