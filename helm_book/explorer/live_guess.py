"""The question asked first, as widgets."""

from __future__ import annotations

import html
from collections.abc import Callable

import ipywidgets
import numpy as np
from matplotlib.lines import Line2D

from helm_book.explorer.guess import Guess, GuessChoice, GuessCurve, GuessNumber, reply
from helm_book.explorer.moving import axes_of
from helm_book.explorer.scene import Stage


class LiveGuess:
    """``box`` holds the question; ``entry`` what is guessed with; ``commit`` and ``skip`` end it."""

    def __init__(self, guess: Guess, stage: Stage | None, answered: Callable[[], None], changed: Callable[[], None]):
        self._guess, self._stage, self._answered = guess, stage, answered
        self._touched = False  # where a slider stands at first is nobody's guess
        self.entry = self._entry(stage, changed)
        self.commit = ipywidgets.Button(description="That is my guess", layout={"width": "auto"})
        self.skip = ipywidgets.Button(description="Show me", layout={"width": "auto"})
        self.reply = ipywidgets.HTML()
        self.commit.on_click(lambda _: self._end(skipped=False))
        self.skip.on_click(lambda _: self._end(skipped=True))
        question = ipywidgets.HTML(f"<p><strong>Guess first.</strong> {html.escape(guess.question)}</p>")
        self._buttons = ipywidgets.HBox([self.commit, self.skip])
        self.box = ipywidgets.VBox([question, self.entry, self._buttons, self.reply])

    def _entry(self, stage: Stage | None, changed: Callable[[], None]) -> ipywidgets.Widget:
        if isinstance(self._guess, GuessNumber):
            texts = self._guess.texts
            slider = ipywidgets.SelectionSlider(
                options=[(text, i) for i, text in enumerate(texts)],
                value=len(texts) // 2,
                description="your guess",
                layout={"width": "40em", "max_width": "100%"},
            )
            slider.observe(self._touch, names="value")
            return slider
        if isinstance(self._guess, GuessChoice):
            return ipywidgets.RadioButtons(options=self._guess.texts, value=None, layout={"width": "auto"})
        axes = axes_of(stage.artists[self._guess.artist])
        x = np.array(self._guess.at, dtype=float)
        line = Line2D(x, self._height(axes, np.full(len(x), 0.5)), color="#555555", linestyle="--", marker="o")
        line.set_animated(True)
        axes.add_line(line)
        stage.sketch, stage.sketch_of = line, self._guess.artist
        sliders = [
            ipywidgets.FloatSlider(
                value=0.5, min=0, max=1, step=0.02, orientation="vertical", description=f"{value:g}", readout=False,
                layout={"width": "3em", "height": "9em"},
            )
            for value in self._guess.at
        ]  # fmt: skip

        def draw(_change: object) -> None:
            line.set_ydata(self._height(axes, np.array([slider.value for slider in sliders])))
            changed()

        for slider in sliders:
            slider.observe(draw, names="value")
            slider.observe(self._touch, names="value")
        return ipywidgets.HBox(sliders)

    def _touch(self, _change: object) -> None:
        self._touched = True

    @staticmethod
    def _height(axes, up: np.ndarray) -> np.ndarray:
        """Values of the vertical axis at fractions of its height, whatever its scale."""
        points = np.stack([np.full_like(up, 0.5), up], axis=1)
        return axes.transData.inverted().transform(axes.transAxes.transform(points))[:, 1]

    def _end(self, *, skipped: bool) -> None:
        if not skipped and not self._touched and not isinstance(self._guess, GuessChoice):
            first = "Draw" if isinstance(self._guess, GuessCurve) else "Move the slider"
            self.reply.value = f"<p>{first} first, or ask to be shown.</p>"
            return
        if isinstance(self._guess, GuessCurve):
            explained = self._guess.explain or "Solid: the curve as computed."
            said = explained if skipped else f"Dashed: your sketch. {explained}"
            if skipped:
                self._stage.sketch = None  # nothing was sketched
        else:
            given = None if skipped else self.entry.index if isinstance(self._guess, GuessChoice) else self.entry.value
            if given is None and not skipped:
                self.reply.value = "<p>Choose one first, or ask to be shown.</p>"
                return
            said = reply(self._guess, given)
        self.reply.value = f'<p role="status">{html.escape(said)}</p>'
        self._buttons.layout.display = "none"
        self.entry.layout.display = "none"
        self._answered()
