"""The artists that an explorer of numbers moves: what each takes, and how it is written down for the page.

Everything leaves here in *axes fractions*, 0 to 1 across the axes' box and 0 to 1 up it, as whole
ten-thousandths. Logarithmic scales, limits and units are matplotlib's business alone: the page
multiplies a fraction by the width of a box, and knows no more of a picture's mathematics.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.patches import Polygon
from matplotlib.path import Path
from matplotlib.patheffects import Stroke
from matplotlib.text import Annotation, Text
from PIL import Image

PX = 100 / 72
"""CSS pixels for each point of matplotlib's."""

UNIT = 10_000
"""Whole numbers to one side of an axes' box."""

LEVELS = 254
"""Colours of a colour map; level 255 means no value."""

FAR = 1000
"""Sides of the box beyond which a point is not told apart."""

MOVABLE = (Line2D, Polygon, PathCollection, PolyCollection, AxesImage, BarContainer, Text)


def check_movable(name: str, artist: object) -> None:
    """Raise ``TypeError`` unless the page can draw what moves under this name."""
    if not isinstance(artist, MOVABLE) or axes_of(artist) is None:
        kinds = "a line, dots, a polygon, polygons, an image, bars or a text of an axes"
        raise TypeError(f"build must return artists that can move ({kinds}), got {artist!r} as {name!r}")
    if isinstance(artist, Line2D) and (
        artist.get_drawstyle() != "default" or artist.get_markevery() not in (None, [-1])
    ):
        raise TypeError(
            f"a line that moves must have drawstyle 'default' and markevery None or [-1], {name!r} has "
            f"{artist.get_drawstyle()!r} and {artist.get_markevery()!r}"
        )
    if isinstance(artist, BarContainer) and artist.orientation == "horizontal":
        raise TypeError(f"bars that move must be upright, {name!r} are horizontal")


def set_numbers(artist: Artist | BarContainer, value: object) -> None:
    """Give a moving artist its numbers: a line or the corners of a polygon ``(x, y)``, dots ``(x, y)`` or
    ``(x, y, c)``, polygons ``(N,)`` values, an image ``(H, W)`` values or ``(H, W, 3)`` bytes, bars ``(N,)``
    heights, a text ``str``, an annotation ``(x, y, str)``.
    """
    if isinstance(artist, Line2D | Polygon):
        x, y = (np.atleast_1d(np.asarray(part, dtype=float)) for part in value)
        if x.shape != y.shape or x.ndim != 1:
            kind = "a line" if isinstance(artist, Line2D) else "a polygon"
            raise ValueError(f"{kind} takes x and y of one length, got shapes {x.shape} and {y.shape}")
        if isinstance(artist, Line2D):
            artist.set_data(x, y)
        else:
            artist.set_xy(np.stack([x, y], axis=1))
    elif isinstance(artist, PathCollection):
        x, y, *c = (np.atleast_1d(np.asarray(part, dtype=float)) for part in value)
        if len({part.shape for part in (x, y, *c)}) > 1 or x.ndim != 1 or len(c) > 1:
            shapes = ", ".join(str(part.shape) for part in (x, y, *c))
            raise ValueError(f"dots take x and y, or x, y and c, of one length, got shapes {shapes}")
        colors = artist.get_array()
        if (colors is None and c) or (colors is not None and not c and len(colors) != len(x)):
            raise ValueError(f"dots take a c where scatter was given one, got {len(c)} for {len(x)} dots")
        artist.set_offsets(np.stack([x, y], axis=1))
        if c:
            artist.set_array(c[0])
    elif isinstance(artist, PolyCollection):
        values = np.asarray(value, dtype=float)
        if values.shape != (len(artist.get_paths()),):
            raise ValueError(
                f"polygons take one value each, {len(artist.get_paths())} in all, got shape {values.shape}"
            )
        artist.set_array(values)
    elif isinstance(artist, AxesImage):
        values = np.asarray(value)
        if values.ndim == 3 and (values.dtype != np.uint8 or values.shape[2] != 3):
            raise ValueError(
                f"an image takes (H, W) values or (H, W, 3) bytes, got shape {values.shape} of {values.dtype}"
            )
        artist.set_data(values)
    elif isinstance(artist, BarContainer):
        if len(value) != len(artist.patches):
            raise ValueError(f"bars take one height each, {len(artist.patches)} in all, got {len(value)}")
        for patch, height in zip(artist.patches, value, strict=True):
            patch.set_height(float(height))
    elif isinstance(artist, Annotation):
        x, y, text = value
        artist.xy = (float(x), float(y))
        artist.set_text(_plain(text))
    else:
        artist.set_text(_plain(value))


def _plain(words: object) -> str:
    if not isinstance(words, str) or "\n" in words or "$" in words:
        raise ValueError(f"a text takes a string of one line without formulas ($), got {words!r}")
    return words


def axes_of(artist: Artist | BarContainer):
    """The axes that an artist is drawn in."""
    return artist.patches[0].axes if isinstance(artist, BarContainer) else artist.axes


def order_of(artist: Artist | BarContainer) -> float:
    """The artist's place from back to front."""
    return artist.patches[0].get_zorder() if isinstance(artist, BarContainer) else artist.get_zorder()


def fractions(axes, transform, x, y) -> np.ndarray:
    """Points as axes fractions, shape ``(N, 2)``, whatever the axes' scale; not finite where there is no place."""
    with np.errstate(all="ignore"):
        points = np.stack([np.asarray(x, dtype=float), np.asarray(y, dtype=float)], axis=-1)
        return axes.transAxes.inverted().transform(transform.transform(points))


def numbers_of(artist: Artist | BarContainer) -> object:
    """What the artist shows at this moment, as the page takes it."""
    axes = axes_of(artist)
    if isinstance(artist, Line2D):
        return _whole(fractions(axes, artist.get_transform(), *artist.get_data(orig=False)))
    if isinstance(artist, Polygon):
        return _whole(fractions(axes, axes.transData, *artist.get_xy()[:-1].T))  # the page closes it
    if isinstance(artist, PathCollection):
        places = _whole(fractions(axes, artist.get_offset_transform(), *np.ma.getdata(artist.get_offsets()).T))
        return {"at": places, "levels": _levels(artist)} if artist.get_array() is not None else {"at": places}
    if isinstance(artist, PolyCollection):
        return _levels(artist)
    if isinstance(artist, AxesImage):
        data = artist.get_array()
        left, right, bottom, top = artist.get_extent()
        (u0, v0), (u1, v1) = fractions(axes, axes.transData, [left, right], [bottom, top])
        # From the upper left of the box: an axis that runs the other way turns the picture over.
        rows = data[:: 1 if (artist.origin == "upper") == bool(v0 < v1) else -1, :: 1 if u0 < u1 else -1]
        if data.ndim == 3:
            return _picture(rows)
        return {"size": [data.shape[1], data.shape[0]], "levels": _levels(artist, rows)}
    if isinstance(artist, BarContainer):
        tops = [patch.get_y() + patch.get_height() for patch in artist.patches]
        left = [patch.get_x() for patch in artist.patches]
        return _whole(fractions(axes, axes.transData, left, tops))[1::2]
    if isinstance(artist, Annotation):
        place = fractions(axes, axes.transData, *np.atleast_2d(artist.xy).T)
        # As matplotlib does it: words about a point outside the axes are not shown.
        shown = artist.get_annotation_clip() is False or bool(np.all((place > -1e-9) & (place < 1 + 1e-9)))
        return {"at": _whole(place if shown else np.full((1, 2), np.nan)), "text": artist.get_text()}
    return {"text": artist.get_text()}


def style_of(artist: Artist | BarContainer) -> dict:
    """How the artist looks, which does not change: for the page."""
    axes = axes_of(artist)
    if isinstance(artist, Line2D):
        style = {"kind": "line"}
        if artist.get_linestyle() not in ("None", "", " "):
            offset, dashes = artist._unscaled_dash_pattern  # no public reader of an explicit dash pattern
            style |= {"stroke": to_hex(artist.get_color()), "width": artist.get_linewidth() * PX}
            style["dash"] = [d * artist.get_linewidth() * PX for d in dashes] if dashes else None
        if artist.get_marker() not in ("None", "", None):
            style["marker"] = _marker(
                MarkerStyle(artist.get_marker()), artist.get_markersize() * PX, artist.get_markerfacecolor(),
                artist.get_markeredgecolor(), artist.get_markeredgewidth() * PX,
            )  # fmt: skip
            style["last"] = artist.get_markevery() == [-1]
    elif isinstance(artist, Polygon):
        style = {"kind": "polygon", "fill": to_hex(artist.get_facecolor())}
        if artist.get_edgecolor()[3] > 0:
            style |= {"stroke": to_hex(artist.get_edgecolor()), "width": artist.get_linewidth() * PX}
    elif isinstance(artist, PathCollection):
        edges, widths = artist.get_edgecolors(), artist.get_linewidths()
        face = artist.get_facecolors()
        size = float(np.sqrt(artist.get_sizes()[0])) * PX
        shape = Path(artist.get_paths()[0].vertices, artist.get_paths()[0].codes)
        edge = edges[0] if len(edges) else "none"
        look = _drawn(shape, size, face[0] if len(face) else "none", edge, widths[0] * PX)
        if artist.get_array() is not None and np.array_equal(edges, face):
            look["stroke"] = "face"  # each dot's own colour
        style = {"kind": "dots", "marker": look}
    elif isinstance(artist, PolyCollection):
        shapes = [fractions(axes, axes.transData, *path.vertices.T) for path in artist.get_paths()]
        style = {"kind": "polygons", "shapes": [_whole(shape) for shape in shapes]}
        edges = artist.get_edgecolor()
        if len(edges) == 1 and len(shapes) > 1 and edges[0, 3] > 0:  # else each has an edge of its own colour, or none
            style |= {"stroke": to_hex(edges[0]), "width": artist.get_linewidth()[0] * PX}
    elif isinstance(artist, AxesImage):
        left, right, bottom, top = artist.get_extent()
        corners = fractions(axes, axes.transData, [left, right], [bottom, top])
        style = {
            "kind": "image",
            "box": _whole(corners),
            "smooth": artist.get_interpolation() in ("bilinear", "bicubic"),
        }
    elif isinstance(artist, BarContainer):
        places = [
            _whole(fractions(axes, axes.transData, [p.get_x(), p.get_x() + p.get_width()], [p.get_y()] * 2))
            for p in artist.patches
        ]
        style = {"kind": "bars", "places": places, "fills": [to_hex(p.get_facecolor()) for p in artist.patches]}
    else:
        style = {
            "kind": "text", "fill": to_hex(artist.get_color()), "size": artist.get_fontsize() * PX,
            "weight": str(artist.get_fontweight()), "across": artist.get_ha(), "up": artist.get_va(),
        }  # fmt: skip
        if isinstance(artist, Annotation):
            offset = artist.xyann if artist.anncoords == "offset points" else (0, 0)
            style["offset"] = [offset[0] * PX, -offset[1] * PX]
        else:
            style["at"] = _whole(fractions(axes, artist.get_transform(), *np.atleast_2d(artist.get_position()).T))
    if hasattr(artist, "get_cmap") and artist.get_array() is not None and artist.get_array().ndim < 3:
        style["colors"] = "".join(to_hex(color)[1:] for color in artist.get_cmap()(np.linspace(0, 1, LEVELS)))
    effects = (
        []
        if isinstance(artist, BarContainer)
        else [e for e in artist.get_path_effects() or () if isinstance(e, Stroke)]
    )
    if effects:
        given = effects[0]._gc  # no public reader of a path effect either
        style["halo"] = {
            "stroke": to_hex(given.get("foreground", artist.get_color())),
            "width": given["linewidth"] * PX,
        }
    alpha = (artist.patches[0] if isinstance(artist, BarContainer) else artist).get_alpha()
    style |= {"alpha": float(alpha)} if alpha is not None else {}
    first = artist.patches[0] if isinstance(artist, BarContainer) else artist
    return style | ({} if isinstance(artist, Text) else {"clip": bool(first.get_clip_on())})


def _whole(points: np.ndarray) -> list:
    """Flattened ten-thousandths, ``None`` for what is not finite."""
    flat = np.asarray(points, dtype=float).reshape(-1) * UNIT
    # Far outside the box a curve is cut off anyway; the bound keeps its numbers short, and is far enough away
    # for a line that leaves the box to leave it where it would.
    finite = np.isfinite(flat)
    whole = np.rint(np.clip(np.where(finite, flat, 0.0), -FAR * UNIT, FAR * UNIT)).astype(int).tolist()
    return whole if finite.all() else [value if kept else None for value, kept in zip(whole, finite, strict=True)]


def _levels(artist, values=None) -> str:
    """Values through the artist's normalisation as bytes in base64, for its colour map."""
    values = np.ma.masked_invalid(artist.get_array() if values is None else values)
    scaled = np.ma.clip(artist.norm(values), 0, 1)
    return base64.b64encode(np.rint(scaled * (LEVELS - 1)).filled(255).astype(np.uint8).tobytes()).decode()


def _picture(rows: np.ndarray) -> dict:
    out = io.BytesIO()
    Image.fromarray(np.asarray(rows, dtype=np.uint8)).save(out, "webp", quality=80, method=6)
    return {"picture": base64.b64encode(out.getvalue()).decode()}


def _marker(style: MarkerStyle, size: float, face, edge, width: float) -> dict:
    path = style.get_path().transformed(style.get_transform())
    return _drawn(path, size, face if style.is_filled() else "none", edge, width)


def _drawn(path: Path, size: float, face, edge, width: float) -> dict:
    """A marker as an SVG path around the origin, ``size`` CSS pixels to matplotlib's unit."""
    letters = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "Z"}
    words = []
    for points, code in path.iter_segments(simplify=False):
        numbers = points.reshape(-1, 2) * (size, -size)
        words.append(letters[code] + ("" if code == Path.CLOSEPOLY else " ".join(f"{v:.2f}" for v in numbers.ravel())))
    fill = "none" if isinstance(face, str) and face == "none" else to_hex(face, keep_alpha=False)
    stroke = "none" if isinstance(edge, str) and edge == "none" else to_hex(edge, keep_alpha=False)
    if len(np.shape(face)) and len(face) == 4 and face[3] == 0:
        fill = "none"
    return {"path": "".join(words), "fill": fill, "stroke": stroke, "width": width}
