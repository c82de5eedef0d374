"""A slider figure with two lives: redrawn by the package in a notebook, drawn ahead for a page with no kernel.

:func:`explore` takes a function that draws and the values it may be drawn at. The environment
variable ``HELM_EXPLORER`` says which life the very same cell gets:

``live`` (the default)
    ipywidgets; a move of a slider calls the function, and nothing is computed beforehand.
``static``
    one piece of HTML holding every frame; ``explorer.js`` and ``explorer.css``,
    files of the package that the page loads once, move between them. No kernel, no network, no widget state.

A cell's output is one or the other, never both: widget state has no place in a page.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from helm_tutorial.explorer.controls import check_controls, check_draw, is_number
from helm_tutorial.explorer.live import LiveExplorer
from helm_tutorial.explorer.static import StaticExplorer, draw_static
from helm_tutorial.validation import require_choice

__all__ = ["LiveExplorer", "StaticExplorer", "explore"]


def explore(
    draw: Callable[..., str],
    controls: Mapping[str, Sequence],
    *,
    start: Mapping[str, object] | None = None,
    title: str | None = None,
    labels: Mapping[str, str] | None = None,
    figsize: tuple[float, float] = (6.4, 4.0),
) -> LiveExplorer | StaticExplorer:
    """Let the reader move through ``draw(figure, **values)``; the last expression of a notebook cell.

    Args:
        draw: draws into a matplotlib figure and returns the caption, plain text that says what the
            picture shows: it is the alternative text as well. The figure is the same object at every
            call (and belongs to no pyplot state), so ``draw`` either clears it or updates its artists;
            what it shows must depend on the values alone.
        controls: name of an argument of ``draw`` -> its values, at least two, all numbers (a slider)
            or all strings (buttons). Several controls make a grid of frames.
        start: name -> value shown first and restored by the reset button; the middle value of each
            control that it does not name.
        title: heading of the explorer.
        labels: name -> the words beside the control; the name itself, underscores as spaces, by default.
        figsize: width and height in inches, 100 CSS pixels each.

    Returns:
        An ipywidgets box, or an object with ``_repr_html_`` when ``HELM_EXPLORER=static``.

    Raises:
        TypeError: an argument is of the wrong kind, or ``draw`` does not take what ``controls`` names.
        ValueError: a control is empty or repeats a value, ``start`` or ``labels`` names what is not there,
            ``draw`` returns no caption or adds artists at each call, the static life has more than 400
            combinations, or ``HELM_EXPLORER`` is neither ``live`` nor ``static``.
        RuntimeError: ``draw`` raised; the message names the values. (Live, only for the first frame:
            later ones show the error in place of the caption.)

    Static frames are WebP at two image pixels for each CSS pixel, fewer where all of them would pass
    1 MB of HTML; equal frames are stored once. Measured for 40 frames of 640x400: 0.3 MB for one curve,
    0.6 MB for curves beside bars, 0.8 MB (at 1.5 pixels) for a filled landscape beside its slice; about
    0.25 s of CPU a frame, most of it matplotlib's.
    """
    life = os.environ.get("HELM_EXPLORER", "live")
    require_choice("the environment variable HELM_EXPLORER", life, ("live", "static"))
    checked = check_controls(controls, start or {}, labels or {})
    check_draw(draw, checked)
    if title is not None and (not isinstance(title, str) or not title.strip()):
        raise ValueError(f"title must be a non-empty string or None, got {title!r}")
    if not isinstance(figsize, Sequence) or len(figsize) != 2 or not all(is_number(x) and x > 0 for x in figsize):
        raise ValueError(f"figsize must be two positive numbers of inches, got {figsize!r}")
    if life == "live":
        return LiveExplorer(draw, checked, title, figsize)
    return draw_static(draw, checked, title, figsize)
