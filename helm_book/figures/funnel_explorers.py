"""The explorers of chapter 2: a ball to drop, a width to choose, coarse to fine, a filter, the cost of a plan."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import torch
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap
from torch import Tensor

from helm_book.explorer import Steps, explore_numbers
from helm_book.figures import funnel
from helm_book.figures.funnel_paths import coverages, resample
from helm_book.figures.style import COLORS, panels
from helm_study.funnel.plan_mollification import local_minima
from helm_tutorial.funnel.descent import arrived, descend, descend_coarse_to_fine, start_grid
from helm_tutorial.funnel.landscape import (
    RuggedEnergy,
    convexity_width,
    funnel_weight,
    funnel_width,
    invariance_optimum,
    mollify,
    report_energy,
)

STEP, STEPS = 0.02, 300  # a step below 2/L of the rugged energy, and enough of them to come to rest
RADIUS, HALF_WIDTH = 0.5, 3.0
SMOOTH = 0.52  # just above both thresholds
MINUS = str.maketrans("-", "\N{MINUS SIGN}")

LEDGE = [round(-2.8 + 0.2 * step, 1) for step in range(29)]
ALONG = torch.linspace(-0.8, 4.3, 103, dtype=torch.float64)


def landscapes() -> dict[str, RuggedEnergy]:
    """The landscapes of *Drop a ball*, by the names on its buttons."""
    return {"energy": report_energy(), "mollified energy": mollify(report_energy(), SMOOTH)}


@cache
def balls(name: str) -> Tensor:
    """Paths of the balls dropped at all places of the ledge, shape ``(B, STEPS + 1, 2)``."""
    ledge = torch.tensor(LEDGE, dtype=torch.float64)
    return descend(landscapes()[name], torch.cartesian_prod(ledge, ledge), steps=STEPS, step_size=STEP)


def explore_ball():
    """Let the reader drop a ball on the rugged and on the mollified energy."""
    energies = landscapes()
    pictures = {name: funnel.heights(energy) for name, energy in energies.items()}
    bottoms = {name: float(energy(start_grid(points=61).double()).min()) for name, energy in energies.items()}

    @cache
    def cut(name: str, end: tuple[float, float]) -> tuple[Tensor, float]:
        """Heights along the ray through a place of rest, and the height of that place; in one hollow all share it."""
        place = torch.tensor([end], dtype=torch.float64)
        points = ALONG[:, None] * place / place.norm()
        heights = energies[name](points) - bottoms[name]
        outside = points.abs().amax(dim=1) > HALF_WIDTH
        return heights.masked_fill(outside, torch.nan), float(energies[name](place)) - bottoms[name]

    def build(figure):
        plane, side = panels(figure, 2, widths=[1.15, 1], heights=[1.6, 1])
        artists = funnel.stage_landscape(plane)
        (artists["drop"],) = plane.plot(
            [], [], "o", color=COLORS["true"], markerfacecolor="white", markeredgewidth=2, markersize=9, zorder=5
        )
        (artists["path"],) = plane.plot(
            [], [], "-o", color=COLORS["helm"], markevery=[-1], markersize=9, markeredgecolor="white", zorder=6
        )
        plane.set_title("Drag the ring: the ball rolls")
        side.axvspan(-RADIUS, RADIUS, color=COLORS["contrastive"], alpha=0.15, linewidth=0)
        side.text(0.0, funnel.HIGHEST - 0.4, "target", color=COLORS["contrastive"], ha="center", va="top", fontsize=9)
        (artists["side"],) = side.plot([], [], color=COLORS["true"])
        (artists["resting"],) = side.plot(
            [], [], "o", color=COLORS["helm"], markersize=9, markeredgecolor="white", zorder=5
        )
        side.set(xlim=(-0.8, 4.3), ylim=(-0.6, funnel.HIGHEST))
        side.set(xlabel="distance from the origin", ylabel="energy above its lowest")
        side.set_title("Cut through origin and ball")
        return artists

    def move(landscape, x, y):
        path = balls(landscape)[LEDGE.index(x) * len(LEDGE) + LEDGE.index(y)]
        end = tuple(round(value, 2) + 0.0 for value in path[-1].tolist())
        heights, height = cut(landscape, end)
        distance = math.hypot(*end)
        fate = "inside the target" if distance < RADIUS else "trapped outside the target"
        thinned = resample(path, spacing=0.12, most=24)
        return {
            "landscape": pictures[landscape],
            "target": funnel.circle(RADIUS),
            "drop": ([x], [y]),
            "path": (thinned[:, 0], thinned[:, 1]),
            "side": (ALONG, heights),
            "resting": ([distance], [height]),
        }, (
            f"Dropped at ({x:g}, {y:g}) on the {landscape}, the ball comes to rest at ({end[0]:.2f}, {end[1]:.2f}), "
            f"{distance:.2f} from the origin, {fate}."
        ).translate(MINUS)

    return explore_numbers(
        build,
        move,
        {"landscape": list(energies), "x": LEDGE, "y": LEDGE},
        start={"landscape": "energy", "x": 2.0, "y": 1.4},
        title="Drop a ball",
        labels={"landscape": "roll on the", "x": "dropped at a1", "y": "dropped at a2"},
        figsize=(7.2, 3.7),
        narrow=(3.4, 5.7),
        rolling=["path"],
        drag={"drop": ("x", "y")},
    )


WIDTHS = [step / 40 for step in range(25)]
DRAWN = [0, 2, 4, 7, 11, 16, 22, 30, 40, 55, 75, 100, 150, 300]  # steps of a descent that are drawn


@cache
def covered() -> list[float]:
    """Coverage at each of :data:`WIDTHS`, from the grid of 50 by 50 starts."""
    energies = [mollify(report_energy(), sigma) for sigma in WIDTHS]
    return coverages(energies, start_grid(), steps=STEPS, step_size=STEP)


def told_widths() -> dict[str, float]:
    """Return what the sentence below the width's explorer says.

    Returns:
        ``third`` and ``two``: coverage at widths 0.3 and 0.4. ``full``: the least width at which every start arrives.
    """
    shares = dict(zip(WIDTHS, covered(), strict=True))
    return {"third": shares[0.3], "two": shares[0.4], "full": min(w for w, share in shares.items() if share == 1)}


@cache
def few_descents(sigma: float) -> Tensor:
    """Descents from 16 starts on the energy mollified with width ``sigma``, shape ``(16, STEPS + 1, 2)``."""
    starts = start_grid(half_width=2.4, points=4).double()
    return descend(mollify(report_energy(), sigma), starts, steps=STEPS, step_size=STEP)


def explore_width():
    """Let the reader choose the width of the mollification, and see what Lemmas 2 and 3 promise of it."""
    energy = report_energy()
    convex, enough, across = convexity_width(energy), funnel_width(energy, RADIUS), torch.linspace(-3, 3, 121)

    def build(figure):
        plane, side, strip = funnel.three_panels(figure)
        artists = funnel.stage_landscape(plane, points=49) | funnel.stage_descents(plane)
        (artists["reach"],) = plane.plot([], [], color=COLORS["helm"], linewidth=1.5, linestyle="--", zorder=4)
        plane.set_title("Landscape and 16 descents")
        artists |= funnel.stage_slice(side, energy, across)
        (artists["pull"],) = side.plot([], [], color=COLORS["helm"], linewidth=4)
        side.set(ylim=(-2.4, 6.4), yticks=[-2, 0, 2, 4, 6], xlabel="$a_1$ (at $a_2 = 0$)", ylabel="energy")
        side.set_title("Slice; grey: not smoothed")
        strip.plot(WIDTHS, [100 * share for share in covered()], color=COLORS["gaussian"])
        for at, words, height in ((enough, "trapping", 84), (convex, "convex", 56)):
            strip.axvline(at, color=COLORS["true"], linewidth=1)
            pointer = {"arrowstyle": "-|>", "linewidth": 0.8, "color": COLORS["true"], "shrinkA": 1, "shrinkB": 0}
            strip.annotate(
                f"{words}: {at:.2f}", (at, height), xytext=(0.29, height), ha="right", va="center", fontsize=8.5,
                arrowprops=pointer,
            )  # fmt: skip
        strip.set(xlim=(-0.02, 0.62), ylim=(0, 106), xlabel=r"width $\sigma$", ylabel="coverage, %")
        (artists["dot"],) = strip.plot([], [], "o", color=COLORS["helm"], markersize=9)
        return artists

    def move(sigma):
        smooth = replace(mollify(energy, sigma), offset=0.0)
        paths, share = few_descents(sigma), covered()[WIDTHS.index(sigma)]
        radius = smooth.trapping_radius()
        if radius > RADIUS:
            promise = "outside the target: Lemma 3 promises nothing"
        elif smooth.lowest_curvature() < 0:
            promise = "inside the target: by Lemma 3 every start arrives, convex or not"
        else:
            promise = "inside the target: by Lemma 3 every start arrives, and by Lemma 2 the landscape is convex"
        return funnel.descents(paths[:, DRAWN]) | {
            "landscape": funnel.heights(smooth, points=49),
            "target": funnel.circle(RADIUS),
            "reach": funnel.circle(radius),
            "slice": funnel.slice_of(smooth, across),
            "pull": ([-radius, radius], [-2.1, -2.1]),
            "dot": ([sigma], [100 * share]),
        }, (
            f"Width {sigma:.2f}: {100 * share:.0f} % of 2500 starts arrive, and {int(arrived(paths[:, -1]).sum())} of "
            f"the 16 drawn. Trapping radius {radius:.3g} (dashed circle and bar), {promise}."
        )

    return explore_numbers(
        build,
        move,
        {"sigma": WIDTHS},
        start={"sigma": 0.3},
        title="Mollification width",
        labels={"sigma": "width of the Gaussian"},
        figsize=(7.4, 4.4),
        narrow=(3.4, 6.3),
        drag={"dot": ("sigma", None)},
    )


SCHEDULES = {
    "two levels": ((0.56, 0.0), (50, 50)),
    "begun too narrow": ((0.26, 0.0), (50, 50)),
    "no smoothing": ((0.0,), (100,)),
}
MOMENTS = (0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 30, 50, 51, 52, 54, 57, 61, 66, 72, 80, 100)


@cache
def journeys(schedule: str) -> Tensor:
    """Descents from a grid of 100 starts along one of :data:`SCHEDULES`, shape ``(100, 101, 2)``."""
    sigmas, counts = SCHEDULES[schedule]
    starts = start_grid(half_width=2.6, points=10).double()
    return descend_coarse_to_fine(report_energy(), starts, sigmas, steps=counts)


def explore_levels():
    """Let the reader follow 100 descents from a smooth landscape to the rugged one."""
    energy, diagonal = report_energy(), torch.linspace(-3, 3, 121, dtype=torch.float64)

    def build(figure):
        plane, side = panels(figure, 2, widths=[1.1, 1], heights=[1.5, 1])
        artists = funnel.stage_landscape(plane)
        artists["crowd"] = plane.scatter([], [], s=22, color=COLORS["helm"], edgecolors="white", linewidths=0.5)
        plane.set_title("100 descents")
        artists |= funnel.stage_slice(side, energy, diagonal, direction=(1.0, 1.0), radius=RADIUS / 2**0.5)
        (artists["one"],) = side.plot(
            [], [], "o", color=COLORS["helm"], markersize=8, markeredgecolor="white", zorder=5
        )
        side.set(ylim=(-2.6, 11), xlabel="along the diagonal, $a_1 = a_2$", ylabel="energy")
        side.set_title("The descent from (2.6, 2.6)")
        return artists

    def move(schedule, step):
        sigmas, counts = SCHEDULES[schedule]
        level = bisect.bisect_left(list(itertools.accumulate(counts)), max(step, 1))
        smooth, here = replace(mollify(energy, sigmas[level]), offset=0.0), journeys(schedule)[:, step]
        what = f"width {sigmas[level]:g}" if sigmas[level] else "the energy itself"
        corner = here[-1]  # begins at (2.6, 2.6); the energy is symmetric, so it stays on the diagonal
        return {
            "landscape": funnel.heights(smooth),
            "target": funnel.circle(RADIUS),
            "crowd": (here[:, 0], here[:, 1]),
            "slice": funnel.slice_of(smooth, diagonal, direction=(1.0, 1.0)),
            "one": ([corner.mean()], [smooth(corner)]),
        }, f"Step {step}, on {what}. In the target: {int(arrived(here).sum())} of {len(here)} descents."

    return explore_numbers(
        build,
        move,
        {"schedule": list(SCHEDULES), "step": Steps(list(MOMENTS), interval=0.25)},
        start={"schedule": "two levels", "step": 0},
        title="Coarse to fine, step by step",
        labels={"step": "descent steps"},
        figsize=(7.2, 3.7),
        narrow=(3.4, 5.7),
    )


NOISES = [round(0.05 + 0.025 * step, 3) for step in range(27)]
WEIGHTS = [1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 23, 28, 34, 40]


@cache
def filtered_coverage() -> dict[tuple[float, float], float]:
    """Coverage of the invariance loss's optimum on unbounded data, by width and weight, from 225 starts."""
    filters = {(s, w): invariance_optimum(report_energy(), s, w) for w in WEIGHTS for s in NOISES}
    return dict(zip(filters, coverages(list(filters.values()), start_grid(points=15)), strict=True))


def explore_filter():
    """Let the reader choose width and weight of the invariance loss, on unbounded data, in closed form."""
    energy, across = report_energy(), torch.linspace(-3, 3, 121)
    bound = torch.linspace(0.04, 0.75, 40, dtype=torch.float64)
    least = [funnel_weight(energy, float(width), RADIUS) for width in bound]

    def build(figure):
        plane, side = panels(figure, 2, widths=[1.1, 1], heights=[1.25, 1])
        between = [(low * high) ** 0.5 for low, high in itertools.pairwise(WEIGHTS)]
        edges = [WEIGHTS[0] ** 1.5 / WEIGHTS[1] ** 0.5, *between, 43]
        cells = [
            [(s - 0.0125, low), (s + 0.0125, low), (s + 0.0125, high), (s - 0.0125, high)]
            for low, high in itertools.pairwise(edges)
            for s in NOISES
        ]
        shades = LinearSegmentedColormap.from_list("coverage", ["#F4F4F4", "#8FD3BD"])
        shares = PolyCollection(cells, array=list(filtered_coverage().values()), cmap=shades, edgecolors="none")
        shares.set_clim(0, 1)
        plane.set_yscale("log")
        plane.add_collection(shares, autolim=False)
        plane.plot(bound, least, color=COLORS["true"], linewidth=1.5)
        for width, weight, words, place in ((0.5, 5, "the report's", (8, -9)), (0.2, 23, "the chapter's", (7, 7))):
            plane.plot(width, weight, "s", color=COLORS["true"], markersize=6)
            plane.annotate(words, (width, weight), xytext=place, textcoords="offset points", fontsize=9, va="center")
        plane.text(0.345, 14, "every start must arrive", fontsize=9, va="bottom")
        plane.text(0.375, 1.15, "coverage: light 0 %, green 100 %", fontsize=9, ha="center", va="center")
        plane.set(xlim=(0.0375, 0.7125), ylim=(edges[0], 43), title="Width against weight")
        plane.set(xlabel=r"width of the noise, $\sigma$", ylabel=r"weight $\lambda$")
        plane.set_yticks([1, 2, 5, 10, 20, 40], ["1", "2", "5", "10", "20", "40"])
        plane.minorticks_off()
        artists = funnel.stage_slice(side, energy, across)
        artists["slice"].set_color(COLORS["helm"])
        (artists["pull"],) = side.plot([], [], color=COLORS["helm"], linewidth=4)
        (artists["dot"],) = plane.plot(
            [], [], "o", color=COLORS["helm"], markersize=10, markeredgecolor="white", zorder=5
        )
        side.set(ylim=(-2.4, 6.4), xlabel="$a_1$ (at $a_2 = 0$)", ylabel="energy", title="Slice; bar: trapping radius")
        return artists

    def move(sigma, weight):
        filtered = replace(invariance_optimum(energy, sigma, weight), offset=0.0)
        radius, length = filtered.trapping_radius(), sigma * weight**0.5
        return {
            "slice": funnel.slice_of(filtered, across),
            "pull": ([-radius, radius], [-2.1, -2.1]),
            "dot": ([sigma], [weight]),
        }, (
            f"Width {sigma:g}, weight {weight:g}: {100 * filtered_coverage()[sigma, weight]:.0f} % of 225 starts "
            f"arrive, on paper; trapping radius {radius:.2f} (target {RADIUS}). On a box of half-width {HALF_WIDTH:g} "
            f"the rim is levelled over a length of about {length:.2f} (not drawn)."
        )

    return explore_numbers(
        build,
        move,
        {"sigma": NOISES, "weight": WEIGHTS},
        start={"sigma": 0.5, "weight": 5},
        title="High-frequency invariance in closed form",
        labels={"sigma": "width of the noise", "weight": "weight of the loss"},
        figsize=(7.2, 3.7),
        narrow=(3.4, 5.8),
        drag={"dot": ("sigma", "weight")},
    )


def explore_plan(record: Mapping):
    """Let the reader smooth the recorded cost of a plan, as a function of its first two actions.

    Args:
        record: the record ``plans``, whose ``slice`` holds the costs.
    """
    costs = {float(width): torch.tensor(table) for width, table in record["slice"]["costs"].items()}
    size = len(next(iter(costs.values())))
    everything = torch.stack(list(costs.values()))
    lowest, highest = float(everything.min()), float(everything.max())
    place = torch.linspace(-1, 1, size)

    def build(figure):
        plane, side = panels(figure, 2, widths=[1.15, 1], heights=[1.4, 1])
        edge = size / (size - 1)
        image = plane.imshow(
            torch.zeros(size, size).numpy(), origin="lower", extent=(-edge, edge, -edge, edge), cmap="Greys_r",
            vmin=lowest, vmax=highest, interpolation="bilinear",
        )  # fmt: skip
        figure.colorbar(image, ax=plane, label="cost of the plan", shrink=0.6)
        (lows,) = plane.plot([], [], "o", color=COLORS["flat"], markersize=7, markeredgecolor="white", zorder=4)
        plane.set(xlabel="second action", ylabel="first action", title="Cost and its minima")
        side.plot(place, costs[0.0].diagonal(), color=COLORS["faint"], linewidth=4.0, alpha=0.7)
        (line,) = side.plot([], [], color=COLORS["gaussian"])
        side.set(xlim=(-1, 1), ylim=(lowest - 0.005, highest + 0.005), title="Diagonal; grey: no noise")
        for axis in (plane.xaxis, plane.yaxis, side.xaxis):
            axis.set_ticks([-1, 0, 1], ["left", "forward", "right"])
        return {"costs": image, "minima": lows, "line": line}

    def move(width):
        table = costs[width]
        low = local_minima(table)
        rows, columns = low.nonzero(as_tuple=True)
        what = f"averaged over noise of width {width:g} on all its logits" if width else "as the planner sees it"
        return {
            "costs": table,
            "minima": (place[columns], place[rows]),
            "line": (place, table.diagonal()),
        }, (
            f"The cost of a plan of {record['config']['horizon']} actions, {what}, while its first two actions change. "
            f"It spans {float(table.max() - table.min()):.3f}; {int(low.sum())} local minima on this slice (dots)."
        )

    return explore_numbers(
        build,
        move,
        {"width": list(costs)},
        start={"width": 0.0},
        title="The cost of a plan",
        labels={"width": "width of the noise"},
        figsize=(7.2, 3.6),
        narrow=(3.4, 5.6),
    )
