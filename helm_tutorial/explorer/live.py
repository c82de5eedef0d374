"""The life with a kernel: widgets that call the package at each move."""

from __future__ import annotations

import html
import io
from collections import OrderedDict
from collections.abc import Callable

import ipywidgets

from helm_tutorial.explorer.controls import Control
from helm_tutorial.explorer.drawing import CSS_DPI, draw_frame, new_figure

DENSITY = 2.0
"""Image pixels for each CSS pixel."""

REMEMBERED = 64
"""Drawn frames that an explorer keeps."""


class LiveExplorer(ipywidgets.VBox):
    """The explorer as widgets: ``inputs`` by name, ``picture`` (PNG) and ``caption``, redrawn at each move."""

    def __init__(self, draw: Callable, controls: tuple[Control, ...], title: str | None, figsize: tuple[float, float]):
        self._draw, self._controls, self._title = draw, controls, title
        self._figure = new_figure(figsize, DENSITY)
        self._frames: OrderedDict[tuple[int, ...], tuple[bytes, str]] = OrderedDict()
        self._resetting = False
        self.inputs = {control.name: _live_input(control) for control in controls}
        self.picture = ipywidgets.Image(
            format="png", width=round(figsize[0] * CSS_DPI), layout={"max_width": "100%", "height": "auto"}
        )
        self.caption = ipywidgets.HTML()
        self._show(*self._frame())  # before any widget listens: a bad draw fails the cell
        for widget in self.inputs.values():
            widget.observe(self._update, names="value")
        reset = ipywidgets.Button(description="Reset", tooltip="Back to the start", layout={"width": "auto"})
        reset.on_click(lambda _: self.reset())
        heading = [ipywidgets.HTML(f"<strong>{html.escape(title)}</strong>")] if title else []
        super().__init__([*heading, self.picture, self.caption, *self.inputs.values(), reset])

    def __repr__(self) -> str:
        return f"explore({self._title or ', '.join(self.inputs)})"

    def reset(self) -> None:
        """Put every control back to its start, drawing once."""
        self._resetting = True
        for control in self._controls:
            self.inputs[control.name].value = control.start
        self._resetting = False
        self._update()

    def _update(self, _change: object = None) -> None:
        if self._resetting:
            return
        try:
            self._show(*self._frame())
        except (RuntimeError, ValueError) as error:  # a callback's traceback would be lost
            self.picture.layout.visibility = "hidden"
            self.caption.value = f'<p role="alert" style="color:#C62828">{html.escape(str(error))}</p>'

    def _frame(self) -> tuple[bytes, str]:
        at = tuple(self.inputs[control.name].value for control in self._controls)
        if at not in self._frames:
            picture, caption = draw_frame(self._draw, self._figure, self._controls, at)
            out = io.BytesIO()
            picture.save(out, "png", compress_level=1)  # fast: it travels no further than the browser
            self._frames[at] = out.getvalue(), caption
            if len(self._frames) > REMEMBERED:
                self._frames.popitem(last=False)
        self._frames.move_to_end(at)
        return self._frames[at]

    def _show(self, picture: bytes, caption: str) -> None:
        self.picture.value = picture
        self.picture.layout.visibility = None
        if self.picture.has_trait("tooltip"):  # ipywidgets 8: the picture's accessible name
            self.picture.tooltip = caption
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
