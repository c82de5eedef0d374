"""A figure with controls and two lives: redrawn by the package in a notebook, prepared for a page with no kernel.

There are two kinds. :func:`explore` takes a function that draws a whole picture; the page gets every frame.
:func:`explore_numbers` takes a picture that is drawn once and a function that computes the numbers of what moves
in it; the page gets the numbers, and draws curves, dots, images and texts from them: hundreds of settings in the
weight of a few frames, sharp at every size, and a part that the reader drags. The environment variable
``HELM_EXPLORER`` says which life the very same cell gets:

``live`` (the default)
    ipywidgets; a move of a control calls the function, and nothing is computed beforehand.
``static``
    one piece of HTML; the files in ``explorer/page``, which the page loads once, bring it to life. No kernel, no
    network, no widget state.

A cell's output is one or the other, never both: widget state has no place in a page.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from helm_book.explorer.controls import Control, Steps, check_callable, check_controls, is_number, require_choice
from helm_book.explorer.guess import Guess, GuessChoice, GuessCurve, GuessNumber, check_guess
from helm_book.explorer.live import LiveExplorer, LiveFrames, LiveNumbers
from helm_book.explorer.markup import StaticExplorer
from helm_book.explorer.progress import training_progress
from helm_book.explorer.scene import Scene
from helm_book.explorer.static import draw_static
from helm_book.explorer.static_numbers import compute_static

__all__ = [
    "GuessChoice",
    "GuessCurve",
    "GuessNumber",
    "LiveExplorer",
    "StaticExplorer",
    "Steps",
    "explore",
    "explore_numbers",
    "training_progress",
]


def explore(
    draw: Callable[..., str],
    controls: Mapping[str, Sequence | Steps],
    *,
    start: Mapping[str, object] | None = None,
    title: str | None = None,
    labels: Mapping[str, str] | None = None,
    figsize: tuple[float, float] = (6.4, 4.0),
    narrow: tuple[float, float] | None = None,
    guess: Guess | None = None,
) -> LiveExplorer | StaticExplorer:
    """Let the reader move through ``draw(figure, **values)``; the last expression of a notebook cell.

    Args:
        draw: draws into a matplotlib figure and returns the caption, plain text that says what the
            picture shows: it is the alternative text as well. The figure is the same object at every
            call (and belongs to no pyplot state), so ``draw`` either clears it or updates its artists;
            what it shows must depend on the values alone.
        controls: name of an argument of ``draw`` -> its values, at least two, all numbers (a slider)
            or all strings (buttons); :class:`Steps` for values that can be played. Several controls make a
            grid of frames.
        start: name -> value shown first and restored by the reset button; the middle value of each
            control that it does not name.
        title: heading of the explorer, different from every other on its page: its link is made from it.
        labels: name -> the words beside the control; the name itself, underscores as spaces, by default.
        figsize: width and height in inches, 100 CSS pixels each.
        narrow: width and height for a phone, where the page also draws; at most 3.6 inches wide is readable
            there. By default the wide picture is made smaller.
        guess: what the reader is asked before the controls may be moved.

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
    life, checked, figsizes = _check(controls, start, title, labels, figsize, narrow)
    check_callable("draw", draw, checked, "figure")
    check_guess(guess, None)
    if life == "live":
        return LiveExplorer(LiveFrames(draw, checked, figsize), checked, title, figsize, guess)
    return draw_static(draw, checked, title, figsizes, guess)


def explore_numbers(
    build: Callable[..., Mapping[str, object]],
    move: Callable[..., tuple[Mapping[str, object], str]],
    controls: Mapping[str, Sequence | Steps],
    *,
    start: Mapping[str, object] | None = None,
    title: str | None = None,
    labels: Mapping[str, str] | None = None,
    figsize: tuple[float, float] = (6.4, 4.0),
    narrow: tuple[float, float] | None = None,
    guess: Guess | None = None,
    rolling: Sequence[str] = (),
    drag: Mapping[str, tuple[str | None, str | None]] | None = None,
    gliding: Sequence[str] = (),
) -> LiveExplorer | StaticExplorer:
    """Let the reader move the parts of a picture; the last expression of a notebook cell.

    Args:
        build: ``build(figure)`` draws everything, sets the limits of its axes, and returns the artists that move,
            by name. They lie over all that stays. What can move, and the numbers it takes: a line ``(x, y)`` (not
            finite: a gap; ``markevery=[-1]`` marks its end only), the corners of a ``Polygon`` ``(x, y)``, the dots
            of ``scatter`` ``(x, y)`` or ``(x, y, c)``, an image ``(H, W)`` values or ``(H, W, 3)`` bytes, a
            ``PolyCollection`` ``(N,)`` values, ``bar`` ``(N,)`` heights, a ``Text`` its words, an ``Annotation``
            ``(x, y, words)``.
        move: ``move(**values)`` computes ``(numbers, caption)``: numbers by artist, and plain text that says what the
            picture shows, the alternative text as well.
        controls: name of an argument of ``move`` -> its values, as for :func:`explore`; a fine list of numbers makes
            a slider that moves smoothly.
        start: as for :func:`explore`; so are ``title``, ``labels``, ``figsize`` and ``guess``.
        narrow: as for :func:`explore`: ``build`` draws a second background, with the same artists in axes of the
            same limits.
        rolling: names of lines that the page draws point by point after each move, their end running ahead;
            a reader who asks for less motion sees them at once.
        drag: name of a moving artist -> ``(control across, control up)``, either ``None``: pressing or dragging in
            its axes sets these controls to the nearest values; so do the arrow keys. In a notebook the sliders do it.
        gliding: names of lines and polygons that move from where they were to where they are when a control of
            :class:`Steps` goes on by one: a polygon moves and turns without changing its shape, a line that goes on
            grows. A reader who asks for less motion, or who has a kernel, sees them there at once.

    Returns:
        An ipywidgets box, or an object with ``_repr_html_`` when ``HELM_EXPLORER=static``.

    Raises:
        TypeError: an argument is of the wrong kind, ``move`` does not take what ``controls`` names, or ``build``
            returns what cannot move.
        ValueError: as for :func:`explore`; numbers do not fit their artists; the static life has more than 20 000
            combinations or weighs more than 1 MB.
        RuntimeError: ``build`` or ``move`` raised; the message names the values.

    The page draws what ``move`` computed, to a ten-thousandth of the axes' width; equal numbers are stored once.
    """
    life, checked, figsizes = _check(controls, start, title, labels, figsize, narrow)
    check_callable("move", move, checked)
    if not callable(build):
        raise TypeError(f"build must be a function of a figure, got {build!r}")
    for artist, pair in (drag or {}).items():
        if not isinstance(pair, tuple) or len(pair) != 2 or pair == (None, None):
            raise TypeError(f"drag[{artist!r}] must be (control across, control up), either may be None, got {pair!r}")
        for name in filter(None, pair):
            require_choice(f"a control in drag[{artist!r}]", name, tuple(c.name for c in checked if not c.is_choice))
    scene = Scene(build, move, checked, tuple(rolling), drag, tuple(gliding))
    if life == "static":
        return compute_static(scene, title, figsizes, guess)
    return LiveExplorer(LiveNumbers(scene, figsize), checked, title, figsize, guess)


def _check(controls, start, title, labels, figsize, narrow) -> tuple[str, tuple[Control, ...], list]:
    life = os.environ.get("HELM_EXPLORER", "live")
    require_choice("the environment variable HELM_EXPLORER", life, ("live", "static"))
    checked = check_controls(controls, start or {}, labels or {})
    if title is not None and (not isinstance(title, str) or not title.strip()):
        raise ValueError(f"title must be a non-empty string or None, got {title!r}")
    for name, size in (("figsize", figsize), ("narrow", narrow)):
        if name == "narrow" and size is None:
            continue
        if not isinstance(size, Sequence) or len(size) != 2 or not all(is_number(x) and x > 0 for x in size):
            raise ValueError(f"{name} must be two positive numbers of inches, got {size!r}")
    return life, checked, [figsize] if narrow is None else [figsize, narrow]
