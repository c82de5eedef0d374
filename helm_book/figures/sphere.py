"""Figures of the page on negatives and the sphere: recorded choices, and two candidates of any length."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from IPython.display import Markdown
from matplotlib.figure import Figure

from helm_book.explorer import explore_numbers
from helm_book.figures.directed import show_measures
from helm_book.figures.style import COLORS, HALO, panels
from helm_study.words import in_words

ROWS = [
    ("negatives_511", "511 negatives, sphere", "contrastive"),
    ("negatives_63", "63 negatives", "contrastive"),
    ("negatives_7", "7 negatives", "contrastive"),
    ("negatives_1", "1 negative", "contrastive"),
    ("off_sphere", "any length, cosines", "report"),
    ("off_sphere_distance", "any length, distances", "report"),
]
MEASURES = {
    "greedy_accuracy_{}": ("best action right", (0.4, 1.02)),
    "prediction_accuracy_{}": ("prediction right", (-0.02, 1.05)),
    "success_{}": ("starts that arrive", (-0.02, 1.05)),
}


def plot_choices(figure: Figure, record: Mapping) -> Figure:
    """Three measures of six contrastive trainings, a dot for each seed, from a record of ``choices``."""
    show_measures(figure.subplots(1, 3), record["metrics"], ROWS, MEASURES)
    return figure


def choices_table(record: Mapping) -> Markdown:
    """Order, direction, prediction and success of the six trainings of ``choices``, mean and interval."""
    rows = [
        "| | rank correlation | best action right | prediction right | arrives |",
        "|---|---|---|---|---|",
    ]
    measures = (
        ("metric_correlation", ".2f"),
        ("greedy_accuracy", ".0%"),
        ("prediction_accuracy", ".0%"),
        ("success", ".0%"),
    )
    for name, label, _ in ROWS:
        cells = [in_words(record["metrics"][f"{measure}_{name}"], style) for measure, style in measures]
        rows.append(f"| {label} | {' | '.join(cells)} |")
    return Markdown("\n".join(rows))


LENGTHS = [round(0.25 * k, 2) for k in range(1, 13)]
ANGLES = [5 * k for k in range(1, 19)]
LENGTHS_OF = {"any length": False, "made length 1": True}
FIRST = 20  # degrees between the anchor and the first candidate


def two_candidates(length: float, angle: float, normalised: bool) -> tuple[torch.Tensor, list[float], list[float]]:
    """Two candidates for the anchor ``(1, 0)``: the first at 20 degrees and of some length, the second of length 1.

    Args:
        length: of the first candidate.
        angle: of the second, in degrees.
        normalised: whether the first is made length 1.

    Returns:
        The candidates, shape ``(2, 2)``, and for each its cosine and its distance to the anchor.
    """
    size = 1.0 if normalised else length
    degrees = torch.tensor([FIRST, angle], dtype=torch.float64).deg2rad()
    places = torch.stack([degrees.cos(), degrees.sin()], dim=1) * torch.tensor([[size], [1.0]])
    anchor = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    cosines = torch.nn.functional.cosine_similarity(places, anchor)
    return places, cosines.tolist(), (places - anchor).norm(dim=1).tolist()


def explore_candidates():
    """Let the reader move two candidates, and see whether cosine and distance choose the same one."""
    round_trip = torch.linspace(0, math.pi, 61)

    def build(figure):
        plane, bars = panels(figure, 2, widths=[1.5, 1], heights=[1.2, 1])
        plane.set(xlim=(-0.3, 3.1), ylim=(-0.25, 1.25), aspect="equal", title="An anchor and two candidates")
        plane.plot(round_trip.cos(), round_trip.sin(), color=COLORS["faint"], linewidth=1)
        plane.plot([0, 1], [0, 0], color=COLORS["true"])
        words = {"weight": "bold", "path_effects": HALO}
        plane.text(1.05, -0.15, "anchor", color=COLORS["true"], **words)
        artists = {}
        for name, color in (("first", "flat"), ("second", "helm")):
            look = {"color": COLORS[color], "markevery": [-1], "markersize": 9}
            (artists[name],) = plane.plot([], [], "-o", **look)
            artists[f"{name}_gap"] = plane.plot([], [], color=COLORS[color], linewidth=1, linestyle=":")[0]
            artists[f"{name}_label"] = plane.annotate(
                name, (0, 0), xytext=(5, 7), textcoords="offset points", color=COLORS[color], **words
            )
        bars.set(xlim=(0, 1), ylim=(0, 1), title="Which is nearer?")
        bars.set_axis_off()
        for row, name in enumerate(("cosine", "distance")):
            bars.text(0.0, 0.85 - 0.4 * row, f"by {name}", weight="bold", va="center")
            for column, (candidate, color) in enumerate((("first", "flat"), ("second", "helm"))):
                artists[f"{name}_{candidate}"] = bars.text(
                    0.02 + 0.5 * column, 0.7 - 0.4 * row, "", color=COLORS[color], va="center"
                )
        artists["verdict"] = bars.text(0.0, 0.1, "", weight="bold", va="center")
        return artists

    def move(lengths, length, angle):
        places, cosines, distances = two_candidates(length, angle, LENGTHS_OF[lengths])
        numbers = {}
        for k, name in enumerate(("first", "second")):
            x, y = places[k].tolist()
            numbers |= {
                name: ([0, x], [0, y]),
                f"{name}_gap": ([1, x], [0, y]),
                f"{name}_label": (x, y, name),
                f"cosine_{name}": f"{name} {cosines[k]:.2f}",
                f"distance_{name}": f"{name} {distances[k]:.2f}",
            }
        chosen = [
            _winner(cosines[0] - cosines[1]),
            _winner(distances[1] - distances[0]),
        ]
        agree = chosen[0] == chosen[1]
        numbers["verdict"] = "they agree" if agree else "they disagree"
        return numbers, (
            f"Latents of {'length 1' if LENGTHS_OF[lengths] else 'any length'}, the first drawn {length:g} long, the "
            f"second turned by {angle:g}°: by cosine {chosen[0]} is nearer to the anchor, by distance {chosen[1]}: "
            f"{numbers['verdict']}."
        )

    return explore_numbers(
        build,
        move,
        {"lengths": list(LENGTHS_OF), "length": LENGTHS, "angle": ANGLES},
        start={"lengths": "any length", "length": 2.5, "angle": 40},
        title="Cosine against distance",
        labels={"lengths": "latents of", "length": "length of the first", "angle": "angle of the second"},
        figsize=(7.2, 2.9),
        narrow=(3.4, 4.4),
    )


def _winner(lead: float) -> str:
    return "neither" if abs(lead) < 1e-9 else "the first" if lead > 0 else "the second"
