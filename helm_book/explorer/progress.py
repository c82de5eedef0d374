"""Training that says how far it is, in a notebook; silent in a page and outside of notebooks."""

from __future__ import annotations

import html
import os
import time
from collections.abc import Callable

import ipywidgets
from IPython import get_ipython
from IPython.display import display


class ProgressBar(ipywidgets.HBox):
    """A bar with words: how much of a training is done, its loss, and at the end how long it took."""

    def __init__(self, label: str):
        self._label, self._began = label, time.monotonic()
        self.bar = ipywidgets.IntProgress(min=0, max=100, layout={"width": "16em"})
        self.words = ipywidgets.HTML(html.escape(f"{label}: beginning"))
        super().__init__([self.bar, self.words])

    def __call__(self, step: int, steps: int, loss: float) -> None:
        """Show that ``step`` of ``steps`` are done."""
        self.bar.value = round(100 * step / steps)
        if step == steps:
            said = f"trained in {time.monotonic() - self._began:.0f} s"
        else:
            said = f"{self.bar.value} %, loss {loss:.3g}"
        self.words.value = html.escape(f"{self._label}: {said}")

    def __repr__(self) -> str:
        return f"training: {self._label}"


def training_progress(label: str) -> Callable[[int, int, float], None] | None:
    """A bar for ``progress=`` of a training, shown at once.

    Args:
        label: what is trained.

    Returns:
        The bar in a live notebook; ``None``, which reports nothing, where ``HELM_EXPLORER=static`` or there is no
        notebook.

    Raises:
        TypeError: ``label`` is not text.
    """
    if not isinstance(label, str) or not label.strip():
        raise TypeError(f"label must be text, got {label!r}")
    shell = get_ipython()
    if os.environ.get("HELM_EXPLORER") == "static" or shell is None or not hasattr(shell, "kernel"):
        return None
    bar = ProgressBar(label)
    display(bar)
    return bar
