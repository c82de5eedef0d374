"""Scenes that the tests of explorers move: one with every kind of artist, and one small."""

from __future__ import annotations

import numpy as np
from matplotlib import patheffects
from matplotlib.collections import PolyCollection
from matplotlib.patches import Polygon

WIDE, NARROW = (8.0, 4.0), (3.6, 7.2)
CONTROLS = {"k": [0, 1, 2, 3, 4], "mode": ["a", "b"]}
TRIANGLES = [[(0, 0), (1, 0), (0, 1)], [(1, 0), (1, 1), (0, 1)], [(0, 1), (1, 1), (0.5, 2)], [(1, 0), (2, 0), (1, 1)]]


def build_all(figure) -> dict:
    """Eight axes placed by hand, so that nothing that moves has a say in where they lie."""
    columns = 4 if figure.get_figwidth() > 5 else 2
    rows = 8 // columns
    width, height = 1 / columns, 1 / rows
    axes = [
        figure.add_axes(((i % columns + 0.2) * width, 1 - (i // columns + 0.9) * height, 0.72 * width, 0.72 * height))
        for i in range(8)
    ]
    line, logs, dots, upper, lower, photo, cells, bars = axes
    line.set(xlim=(-2, 3), ylim=(10, 60))
    logs.set(xlim=(1, 1e3), ylim=(1e-4, 1e4), xscale="log", yscale="log")
    dots.set(xlim=(0, 1), ylim=(1, 0))  # upside down
    cells.set(xlim=(0, 2), ylim=(0, 2))
    bars.set(xlim=(-0.6, 2.6), ylim=(-5, 5))
    polygons = PolyCollection(TRIANGLES, array=np.zeros(4), cmap="magma")
    edged = PolyCollection([[(x + 0.1, 1.6), (x + 0.3, 1.6), (x + 0.2, 1.9)] for x in (0, 1.5)], edgecolors="white")
    edged.set(array=np.zeros(2), cmap="magma", linewidth=0.8)
    for collection in (polygons, edged):
        collection.set_clim(0, 10)
        cells.add_collection(collection)
    shape = Polygon([(0, 0)] * 3, facecolor="#cc3311", edgecolor="black", linewidth=1.5)
    line.add_patch(shape)
    artists = {
        "shape": shape,
        "curve": line.plot(
            [], [], color="#0072b2", linewidth=2, path_effects=[patheffects.withStroke(linewidth=4, foreground="white")]
        )[0],
        "end": line.plot([], [], "--", color="#d55e00", marker="o", markevery=[-1], markersize=6)[0],
        "logs": logs.plot([], [], color="#009e73", alpha=0.5)[0],
        "fixed": dots.scatter([], [], s=36, color="#cc79a7", edgecolors="black"),
        "tinted": dots.scatter([], [], c=[], s=25, cmap="viridis", vmin=-1, vmax=1),
        "upper": upper.imshow(np.zeros((3, 4)), vmin=0, vmax=1, cmap="viridis", aspect="auto"),
        "lower": lower.imshow(
            np.zeros((3, 4)), vmin=0, vmax=1, cmap="magma", aspect="auto", origin="lower", extent=(0, 2, 0, 3)
        ),
        "turned": lower.imshow(np.zeros((2, 2)), vmin=0, vmax=1, aspect="auto", extent=(4, 2, 0, 3)),
        "photo": photo.imshow(np.zeros((48, 48, 3), np.uint8), aspect="auto"),
        "cells": polygons,
        "edged": edged,
        "bars": bars.bar([0, 1, 2], [1, 1, 1], bottom=0, width=0.8, color=["#e69f00", "#56b4e9", "#000000"]),
        "words": bars.text(0.5, 0.9, "", transform=bars.transAxes, ha="center", va="center", color="#333333"),
        "note": line.annotate("", (0, 0), xytext=(6, 8), textcoords="offset points", color="#222222", ha="right"),
    }
    lower.set(xlim=(0, 4), ylim=(0, 3))
    for name, artist in artists.items():
        for part in artist.patches if name == "bars" else [artist]:
            part.set_zorder(5)  # over spines and ticks, as what moves is drawn
    return artists


def move_all(k, mode) -> tuple[dict, str]:
    """Numbers of every kind, different at every setting, with gaps and with points outside the axes."""
    random = np.random.default_rng(10 * k + (mode == "b"))
    x = np.linspace(-1.9, 2.9, 9)
    y = random.uniform(12, 58, 9)
    gap = np.where(np.arange(9) == k + 2, np.nan, y)
    n = 3 + k
    place = random.uniform(0.05, 0.95, (2, n))
    outside = place.copy()
    outside[0, 0] = 1.5  # not seen
    outside[1, 1] = np.nan  # nowhere
    photo = np.kron(random.integers(0, 256, (2, 2, 3)), np.ones((24, 24, 1))).astype(np.uint8)
    numbers = {
        "shape": (x[k : k + 3], y[:3]),
        "curve": (x, gap),
        "end": (x[: k + 2], y[::-1][: k + 2]),
        "logs": (10 ** random.uniform(0.1, 2.9, 12), 10 ** random.uniform(-3.9, 3.9, 12)),
        "fixed": tuple(place),
        "tinted": (*outside, random.uniform(-1, 1, n)),
        "upper": random.random((3, 4)),
        "lower": random.random((3, 4)),
        "turned": random.random((2, 2)),
        "photo": photo,
        "cells": random.uniform(0, 10, 4),
        "edged": random.uniform(0, 10, 2),
        "bars": random.uniform(-5, 5, 3),
        "words": f"{mode} {k}",
        "note": (float(x[4]), 15.0 + 8 * k, f"k = {k}"),
    }
    return numbers, f"Everything at {k} in mode {mode}"


def build_point(figure) -> dict:
    """A curve that is also dragged, a dot on it and its value in words."""
    axes = figure.subplots()
    axes.set(xlim=(0, 10), ylim=(1, 1e4), yscale="log", xlabel="horizon $T$")
    return {
        "curve": axes.plot([], [], color="#0072b2")[0],
        "dot": axes.plot([], [], "o", color="#d55e00", markersize=9)[0],
        "value": axes.text(0.98, 0.05, "", transform=axes.transAxes, ha="right"),
    }


def move_point(growth, horizon) -> tuple[dict, str]:
    x = np.arange(1, 11)
    y = growth ** x.astype(float)
    value = f"{y[horizon - 1]:.3g}"
    numbers = {"curve": (x, y), "dot": ([horizon], [y[horizon - 1]]), "value": value}
    return numbers, f"At growth {growth:g} and horizon {horizon} the norm is {value}"


POINT = {"growth": [1.2, 1.5, 2.0, 2.5], "horizon": list(range(1, 11))}


def caption_of_point(growth, horizon) -> str:
    return move_point(growth, horizon)[1]


def paint_bars(figure, height, colour) -> str:
    """A block that fills so many tenths of the picture."""
    figure.clear()
    figure.add_axes((0, 0, 1, height / 10)).set_facecolor(colour)
    return f"A {colour} block, {height} tenths high"
