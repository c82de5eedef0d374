"""What each form of spectral regularity does to a linear system, as a picture that moves."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helm_book.explorer.controls import in_digits
from helm_book.figures.style import COLORS, HALO, apart, panels
from helm_tutorial.models.regularity import FORMS, penalised_gain

FORM_COLORS = {"square": "helm", "hinge": "report", "rollout": "both"}
"""Colour of each penalty of :data:`helm_tutorial.models.regularity.FORMS`, by its name in the palette."""

GAINS = (0.5, 1.5)
"""Range of the true gain in the left panel of :func:`build_gains`."""


def build_gains(figure: Figure, *, steps: int = 50) -> dict:
    """The gain that each penalty leaves of each true gain, and what ``steps`` steps make of it; what moves."""
    left, right = panels(figure, 2, widths=[1, 1.25])
    left.plot(GAINS, GAINS, color=COLORS["true"], linewidth=1, linestyle=":")
    left.axhline(1.0, color=COLORS["faint"], linewidth=1, zorder=0)
    left.annotate("truth", (1.3, 1.3), xytext=(-3, 6), textcoords="offset points", ha="right", fontsize=9)
    left.set(xlim=GAINS, ylim=(0.2, 1.55), xlabel="true gain of a step", title="gain that is learned")
    artists = {}
    (artists["chosen"],) = left.plot([], [], color=COLORS["true"], linewidth=1, alpha=0.5)
    for form in FORMS:
        color = COLORS[FORM_COLORS[form]]
        (artists[f"gain {form}"],) = left.plot([], [], color=color, linewidth=1.8)
        (artists[f"dot {form}"],) = left.plot([], [], "o", color=color, markersize=7, linestyle="none")
        (artists[f"growth {form}"],) = right.plot([], [], color=color)
        artists[f"name {form}"] = _name(right, color)
    (artists["growth truth"],) = right.plot([], [], color=COLORS["true"], linestyle=":")
    artists["name truth"] = _name(right, COLORS["true"])
    right.set(yscale="log", xlim=(0, 1.42 * steps), ylim=(1e-4, 1e4), xlabel="steps", title="a difference of 1, later")
    right.set_xticks([0, steps // 2, steps])
    return artists


def move_gains(gain: float, weight: float, *, steps: int = 50) -> tuple[dict, str]:
    """Numbers for :func:`build_gains`, and the caption, at a true ``gain`` and a ``weight`` of the penalty."""
    gains = np.linspace(*GAINS, 61)
    times = np.arange(steps + 1)
    learned = {form: penalised_gain(gain, weight, form) for form in FORMS}
    numbers = {"chosen": ([gain, gain], [0.2, 1.55]), "growth truth": (times, gain**times)}
    for form, w in learned.items():
        numbers[f"gain {form}"] = (gains, [penalised_gain(float(g), weight, form) for g in gains])
        numbers[f"dot {form}"] = ([gain], [w])
        numbers[f"growth {form}"] = (times, w**times)
    ends = {form: steps * math.log10(max(w, 1e-9)) for form, w in {"truth": gain, **learned}.items()}
    heights = apart({form: min(max(end, -3.7), 3.5) for form, end in ends.items()}, 0.55)
    # A name stands at the line's end or, where the line leaves the frame before, at that place.
    leaves = {form: steps * min(1.0, 3.9 / max(abs(end), 1e-9)) for form, end in ends.items()}
    lowest = max((leaves[form] for form, end in ends.items() if end < -3.7), default=steps)
    for form, height in heights.items():
        numbers[f"name {form}"] = (lowest if ends[form] < -3.7 else leaves[form], 10**height, form)
    sizes = ", ".join(f"{form} {in_digits(w**steps)}" for form, w in learned.items())
    return numbers, (
        f"A step multiplies differences by {gain:g}; penalty weight {weight:g}. Learned gain: "
        + ", ".join(f"{form} {w:.3f}" for form, w in learned.items())
        + f". After {steps} steps a difference of 1 is {in_digits(gain**steps)} in truth; predicted: {sizes}."
    )


def _name(axes: Axes, color: str):
    look = {"color": color, "va": "center", "fontsize": 9, "fontweight": "bold", "path_effects": HALO}
    return axes.annotate("", (1, 1), xytext=(6, 0), textcoords="offset points", **look)
