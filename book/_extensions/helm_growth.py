"""Sphinx extension of the book: how time grows, drawn from the curves that the benchmarks recorded."""

from __future__ import annotations

import base64
import html
import io
import json
import statistics
from collections.abc import Sequence
from itertools import cycle
from math import log
from pathlib import Path

import matplotlib as mpl
from docutils import nodes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from helm_book.figures.style import COLORS, HALO, use_style

BEND = 0.3  # by how much a line's last exponent differs from that of the whole where it is said
LINES = ("helm", "flat", "contrastive", "both")


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """The slope of a straight line through logarithms."""
    x, y = zip(*points, strict=True)
    return statistics.linear_regression([log(a) for a in x], [log(b) for b in y]).slope


def grows(points: Sequence[tuple[float, float]]) -> str:
    """The exponent over the whole range, and that of the last step where the line bends."""
    whole, last = exponent(points), exponent(points[-2:])
    return f"{whole:.2f}" if abs(last - whole) < BEND else f"{whole:.2f}, at last {last:.2f}"


def draw(curve: dict) -> bytes:
    """One panel as SVG: a line for each way, both axes logarithmic, the fitted exponent beside its name."""
    with mpl.rc_context():
        use_style()
        mpl.rcParams["svg.hashsalt"] = curve["title"]  # the same picture from the same numbers
        figure = Figure(figsize=(3.9, 3.1))
        figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)
        axes = figure.subplots()
        highest = max(curve["lines"], key=lambda name: curve["lines"][name][-1][1])
        for (name, points), color in zip(curve["lines"].items(), cycle(LINES), strict=False):
            axes.plot(*zip(*points, strict=True), marker="o", markersize=4, color=COLORS[color])
            # The highest line's name stands over its end, the others' below where they begin: lines rise.
            above = name == highest
            label = axes.annotate(
                f"{name}, {grows(points)}",
                points[-1 if above else 0],
                xytext=(0, 7) if above else (0, -6),
                textcoords="offset points",
                ha="right" if above else "left",
                va="bottom" if above else "top",
                color=COLORS[color],
                fontweight="bold",
                fontsize=8,
                path_effects=HALO,  # where another line passes behind
            )
            label.set_in_layout(False)  # or a long one would leave the lines no room
        ticks = sorted({x for points in curve["lines"].values() for x, _ in points})
        axes.set(xscale="log", yscale="log", xlabel=curve["against"], ylabel=curve["unit"], title=curve["title"])
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        low, high = axes.get_ylim()
        if high < 30 * low:  # within one or two powers of ten, which alone would be too few ticks
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.margins(x=0.08, y=0.2)
        written = io.BytesIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
        return written.getvalue()


def in_words(curve: dict) -> str:
    """What the panel shows, for those who do not see it."""
    parts = []
    for name, points in curve["lines"].items():
        ends = " and ".join(f"{y:.3g} {curve['unit']} at {x:g}" for x, y in (points[0], points[-1]))
        parts.append(f"{name}, {ends}, exponent {grows(points)}")
    return f"{curve['title']}, against {curve['against']}: " + "; ".join(parts)


class Growth(SphinxDirective):
    """``{growth}``: a panel for each recorded curve."""

    def run(self) -> list[nodes.Node]:
        """Draw them."""
        path = Path(self.env.srcdir) / "benchmarks" / "results.json"
        self.env.note_dependency(str(path))
        curves = json.loads(path.read_text(encoding="utf-8")).get("curves", {})
        panels = "\n".join(
            f'<img src="data:image/svg+xml;base64,{base64.b64encode(draw(curve)).decode()}"'
            f' alt="{html.escape(in_words(curve))}" width="390" height="310">'
            for _, curve in sorted(curves.items())
        )
        return [nodes.raw("", f'<div class="helm-panels">\n{panels}\n</div>', format="html")]


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.add_directive("growth", Growth)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
