"""Figures of the page on collapse: a table of latents that descends, and what recorded trainings kept."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import torch
from IPython.display import Markdown
from torch import Tensor

from helm_book.explorer import Steps, explore_numbers
from helm_book.figures.style import COLORS, HALO, panels
from helm_study.words import in_words
from helm_tutorial.worlds.gridworld import load_gridworld

TARGETS = {"held still (stop-gradient)": True, "free to move": False}
RATE, UPDATES = 0.01, 2000
MOMENTS = [0, 2, 5, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 1500, 2000]
HEADINGS = {"right": "flat", "down": "helm", "left": "contrastive", "up": "both"}


def descended(after: Tensor, stop: bool, *, dimensions: int = 2, updates: int = UPDATES, seed: int = 0) -> Tensor:
    """Latents of a table, one row a state, after every update of latent prediction.

    The dynamics are the best linear ones for the latents of the moment, one matrix for each action.

    Args:
        after: the next state for each state and action, shape ``(N, A)``.
        stop: whether the target is held still.
        dimensions: of a latent.
        updates: gradient steps of size :data:`RATE`.
        seed: of the latents at the beginning.

    Returns:
        The latents, shape ``(updates + 1, N, dimensions)``, float64.
    """
    generator = torch.Generator().manual_seed(seed)
    Z = torch.randn(len(after), dimensions, generator=generator, dtype=torch.float64)
    kept = [Z]
    for _ in range(updates):
        slope = torch.zeros_like(Z)
        for following in after.T:
            F = torch.linalg.lstsq(Z, Z[following]).solution
            error = 2 * (Z @ F - Z[following])
            slope += error @ F.T
            if not stop:
                slope.index_add_(0, following, -error)
        Z = Z - RATE * slope
        kept.append(Z)
    return torch.stack(kept)


@cache
def tables() -> dict[str, Tensor]:
    """The latents of :func:`descended` in the room, for each of :data:`TARGETS`."""
    after = load_gridworld("MiniGrid-Empty-8x8-v0").transitions
    return {name: descended(after, stop) for name, stop in TARGETS.items()}


def size(Z: Tensor) -> Tensor:
    """Sum of the squares of all latents, shape ``(..., N, D)``."""
    return Z.square().sum(dim=(-2, -1))


def explore_tables():
    """Let the reader watch 144 latents of two numbers under latent prediction, with a stop-gradient and without."""
    headings = load_gridworld("MiniGrid-Empty-8x8-v0").headings
    sizes = {name: size(Z) for name, Z in tables().items()}

    def build(figure):
        plane, course = panels(figure, 2, widths=[1, 1.05], heights=[1.3, 1])
        plane.set(xlim=(-3.6, 3.6), ylim=(-3.6, 3.6), aspect="equal", title="144 latents")
        plane.set(xlabel="first number", ylabel="second number")
        artists = {}
        for place, (heading, color) in enumerate(HEADINGS.items()):
            artists[heading] = plane.scatter([], [], s=13, color=COLORS[color], linewidths=0, zorder=3)
            at = {"transform": plane.transAxes, "path_effects": HALO, "fontsize": 9, "va": "top"}
            plane.text(0.02, 0.99 - 0.075 * place, f"faces {heading}", color=COLORS[color], **at)
        course.set(xlim=(1.5, 2600), xscale="log", yscale="log", ylim=(0.03, 2000), xlabel="updates")
        course.set_title("Sum of the squared latents")
        for name, color in zip(TARGETS, ("helm", "flat"), strict=True):
            course.plot(MOMENTS[1:], sizes[name][MOMENTS[1:]], color=COLORS[color])
        course.text(2000, 400, "held still", color=COLORS["helm"], fontsize=9, ha="right")
        course.text(2, 15, "free to move", color=COLORS["flat"], fontsize=9)
        (artists["now"],) = course.plot([], [], "o", color=COLORS["true"], markersize=9, zorder=4)
        return artists

    def move(target, update):
        Z, total = tables()[target][update], float(sizes[target][update])
        numbers = {name: tuple(Z[headings == k].T) for k, name in enumerate(HEADINGS)}
        numbers["now"] = [max(update, 2)], [total]
        return numbers, (
            f"The target is {target}. After {update} updates the squares of the latents sum to {total:.3g}; "
            f"at the beginning it was {float(sizes[target][0]):.0f}."
        )

    return explore_numbers(
        build,
        move,
        {"target": list(TARGETS), "update": Steps(MOMENTS, interval=0.25)},
        start={"target": "free to move", "update": 20},
        title="A table of latents descends",
        labels={"target": "the target is", "update": "updates"},
        figsize=(7.2, 3.7),
        narrow=(3.4, 6.2),
        drag={"now": ("update", None)},
    )


VIEWS = {
    "cells, stop-gradient": "latent_prediction",
    "cells, no stop-gradient": "latent_prediction_unstopped",
    "rows and columns, stop-gradient": "latent_prediction_profiles",
    "rows and columns, no stop-gradient": "latent_prediction_unstopped_profiles",
}


def collapse_table(record: Mapping) -> Markdown:
    """Spread, effective rank and prediction accuracy of four trainings of ``exp3``, mean and interval."""
    rows = [
        "| view and target | spread, trained over untrained | effective rank | prediction accuracy |",
        "|---|---|---|---|",
    ]
    for label, name in VIEWS.items():
        cells = [
            in_words(record["metrics"][f"{measure}_{name}"], style)
            for measure, style in (("latent_spread", ".1e"), ("effective_rank", ".1f"), ("prediction_accuracy", ".0%"))
        ]
        rows.append(f"| {label} | {' | '.join(cells)} |")
    return Markdown("\n".join(rows))
