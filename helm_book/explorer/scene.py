"""A picture of which a part moves: drawn once by matplotlib, then given numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.container import BarContainer
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from PIL import Image

from helm_book.explorer.controls import Control, describe, require_choice
from helm_book.explorer.drawing import CSS_DPI, new_figure, one_line, render
from helm_book.explorer.moving import axes_of, check_movable, fractions, order_of, set_numbers


@dataclass(frozen=True)
class Scene:
    """What ``explore_numbers`` was asked for: ``build`` draws, ``move`` computes, ``controls`` are its arguments.

    ``rolling`` names lines that the page draws point by point after each move, ``gliding`` lines and polygons that
    it moves from one step to the next as a player plays them, ``drag`` the artists that follow
    the pointer, with the controls set across and up (``None`` for a direction that sets nothing).
    """

    build: Callable
    move: Callable
    controls: tuple[Control, ...]
    rolling: tuple[str, ...] = ()
    drag: Mapping[str, tuple[str | None, str | None]] | None = None
    gliding: tuple[str, ...] = ()

    def numbers(self, at: Sequence[int]) -> tuple[Mapping[str, object], str]:
        """The numbers of each moving artist, and the caption, at one position of each control."""
        where = describe(self.controls, at, " = ")
        try:
            moved = self.move(**{c.name: c.values[i] for c, i in zip(self.controls, at, strict=True)})
        except Exception as error:
            raise RuntimeError(f"move failed at {where}: {type(error).__name__}: {error}") from error
        if not isinstance(moved, tuple) or len(moved) != 2 or not isinstance(moved[0], Mapping):
            raise ValueError(f"move must return a mapping of numbers and a caption; at {where} it returned {moved!r}")
        numbers, caption = moved
        if not isinstance(caption, str) or not caption.strip():
            raise ValueError(f"move must return its caption, a non-empty string; at {where} it returned {caption!r}")
        return numbers, one_line(caption)


class Stage:
    """One drawn size of a scene: a figure, laid out once, whose moving artists take numbers."""

    def __init__(self, scene: Scene, figsize: tuple[float, float], density: float):
        self.scene = scene
        self.sketch: Line2D | None = None  # what a reader guesses of the artist `sketch_of`, drawn over everything
        self.sketch_of: str | None = None
        self.figure = new_figure(figsize, density)
        self.artists = self._build()
        self.give(scene.numbers([control.start for control in scene.controls])[0])
        render(self.figure)
        self.figure.set_layout_engine("none")  # what moves must not move its axes
        for artist in self._parts():
            artist.set_animated(True)
        self.figure.canvas.draw()
        self._background = self.figure.canvas.copy_from_bbox(self.figure.bbox)

    def _build(self) -> dict[str, Artist | BarContainer]:
        try:
            artists = self.scene.build(self.figure)
        except Exception as error:
            raise RuntimeError(f"build failed: {type(error).__name__}: {error}") from error
        if not isinstance(artists, Mapping) or not artists:
            raise ValueError(f"build must return at least one moving artist by name, got {artists!r}")
        for name, artist in artists.items():
            check_movable(name, artist)
        for name in self.scene.rolling:
            require_choice("a name in rolling", name, tuple(artists))
            if not isinstance(artists[name], Line2D):
                raise TypeError(f"rolling must name lines, {name!r} is {artists[name]!r}")
        for name in self.scene.gliding:
            require_choice("a name in gliding", name, tuple(artists))
            if not isinstance(artists[name], Line2D | Polygon):
                raise TypeError(f"gliding must name lines or polygons, {name!r} is {artists[name]!r}")
        for name in self.scene.drag or {}:
            require_choice("a name in drag", name, tuple(artists))
        return dict(artists)

    def _parts(self) -> list[Artist]:
        """The moving artists, from back to front."""
        ordered = sorted(self.artists.values(), key=order_of)
        return [part for a in ordered for part in (a.patches if isinstance(a, BarContainer) else [a])]

    def give(self, numbers: Mapping[str, object]) -> None:
        """Give the moving artists their numbers.

        Raises:
            ValueError: the names are not those of the artists, or numbers do not fit an artist.
        """
        self.require_names(numbers)
        for name, value in numbers.items():
            self.give_one(name, value)

    def require_names(self, numbers: Mapping[str, object]) -> None:
        """Raise unless there are numbers for each moving artist, and for no other."""
        if set(numbers) != set(self.artists):
            raise ValueError(f"move must return numbers for {sorted(self.artists)}, got {sorted(numbers)}")

    def give_one(self, name: str, value: object) -> None:
        """Give one moving artist its numbers; ``ValueError`` if they do not fit."""
        try:
            set_numbers(self.artists[name], value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"numbers of {name!r} do not fit: {error}") from error

    def picture(self, hidden: Sequence[str] = (), *, moving: bool = True) -> Image.Image:
        """The picture as it stands, without the artists named in ``hidden``; the background alone if not ``moving``."""
        canvas = self.figure.canvas
        canvas.restore_region(self._background)
        shut = {id(part) for name in hidden for part in self._of(name)}
        for part in self._parts() if moving else []:
            if id(part) not in shut:
                part.axes.draw_artist(part)
        if moving and self.sketch is not None:
            self.sketch.axes.draw_artist(self.sketch)
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")

    def _of(self, name: str) -> list[Artist]:
        artist = self.artists[name]
        return list(artist.patches) if isinstance(artist, BarContainer) else [artist]

    def box(self, axes) -> list[float]:
        """Left, top, width and height of an axes' box in CSS pixels of the figure."""
        width, height = self.figure.get_size_inches() * CSS_DPI
        # A box of fixed aspect is smaller than its place: the place as drawn counts.
        place = axes.get_position()
        return [
            round(float(v), 2)
            for v in (place.x0 * width, (1 - place.y1) * height, place.width * width, place.height * height)
        ]

    def stops(self, name: str, across: bool, control: Control) -> list[float]:
        """Where each value of a control lies in the axes of the artist ``name``, as fractions."""
        axes = axes_of(self.artists[name])
        values = np.asarray(control.values, dtype=float)
        # Where the other coordinate lies does not matter, but it must have a place on a logarithmic axis.
        other = np.full(len(values), (axes.get_ylim() if across else axes.get_xlim())[1])
        points = (values, other) if across else (other, values)
        return [round(float(v), 4) for v in fractions(axes, axes.transData, *points)[:, 0 if across else 1]]
