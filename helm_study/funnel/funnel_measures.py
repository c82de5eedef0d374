"""The parts of experiment 2 that train nothing: closed forms, searches for the global minimum, more dimensions."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from helm_study.funnel.box_filter import box_optimum
from helm_study.funnel.continuation import Schedule, derived_schedule, polished
from helm_tutorial._check import require_count, require_real
from helm_tutorial.funnel.descent import arrived, descend, descend_coarse_to_fine, start_grid
from helm_tutorial.funnel.landscape import Energy, RuggedEnergy, invariance_optimum, mollify, report_energy


@dataclass(frozen=True)
class Config:
    """Settings of experiment 2; the defaults are the book's.

    Attributes:
        half_width: of the box that starts and training points are drawn from, the report's.
        radius: of the ball around the origin that counts as the bottom of the bowl, the report's; in ``d`` dimensions
            ``radius * sqrt(d / 2)``, the same distance a coordinate.
        grid: starts along each axis, the report's.
        descent_steps: gradient evaluations, the report's.
        step_size: of plain descent, the report's.
        sigma: width of the invariance noise, the smaller of the report's two: what the loss does to the bowl grows with
            ``sigma * sqrt(weight)``, and that product, at the weight needed, falls with ``sigma``.
        weight: of the invariance loss, the smallest whole number for which the closed form's trapping radius is below
            ``radius`` at this ``sigma`` (:func:`helm_tutorial.funnel.landscape.funnel_weight`): no start can then be
            trapped.
        recipe_sigma: the report's best width.
        recipe_weight: the report's weight there.
        gaussian_sigma: width of the Gaussian mollification, just above the convexity threshold of 0.507.
        late_sigma: width at which a search for the global minimum begins, below the width at which one hollow is left.
        draws: random starts in each dimension, and of each search for the global minimum.
        width: of the network's three hidden layers, the report's.
        steps: Adam steps of a fit, the report's.
        batch: points a step, uniform on the box, the report's.
        lr: Adam's step size, the report's.
    """

    half_width: float = 3.0
    radius: float = 0.5
    grid: int = 50
    descent_steps: int = 100
    step_size: float = 0.1
    sigma: float = 0.2
    weight: float = 23.0
    recipe_sigma: float = 0.5
    recipe_weight: float = 5.0
    gaussian_sigma: float = 0.51
    late_sigma: float = 0.4
    draws: int = 1000
    width: int = 128
    steps: int = 5000
    batch: int = 256
    lr: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("grid", "descent_steps", "draws", "width", "steps", "batch"):
            require_count(name, getattr(self, name))
        require_count("grid", self.grid, low=3)
        for name in (
            "half_width",
            "radius",
            "step_size",
            "sigma",
            "recipe_sigma",
            "gaussian_sigma",
            "late_sigma",
            "lr",
        ):
            require_real(name, getattr(self, name), above=0.0)
        for name in ("weight", "recipe_weight"):
            require_real(name, getattr(self, name), low=0.0)

    @classmethod
    def quick(cls) -> Config:
        """Shorter fits and a coarser grid, to see it run.

        Not the same picture: a network has not learned the sines in so few steps, and being smooth for want of training
        it already covers about half of the starts without any invariance loss.
        """
        return cls(steps=1000, grid=25, draws=200)


SEARCHES = {
    "restarts": "descents of the energy from uniform starts",
    "late": "coarse-to-fine descents from uniform starts that begin at late_sigma",
    "population": "descents of the energy from the coarse level's minimum, spread by its width",
}
DIMENSIONS = (2, 4, 8, 16)
CLOSED = {
    "true": "the energy itself",
    "gaussian": "the Gaussian-mollified energy",
    "invariance": "the invariance loss's optimum on unbounded data",
    "coarse_to_fine": "coarse-to-fine descent",
}


@functools.cache
def schedule() -> Schedule:
    """Derived schedule of the report's energy, in any dimension, since pairs of coordinates descend independently."""
    return derived_schedule(report_energy())


@functools.cache
def lowest_energy() -> float:
    """Lowest value of the report's energy, found from the 200 lowest points of a fine grid."""
    energy, grid = report_energy(), start_grid(points=200).double()
    best = grid[energy(grid).argsort()[:200]]
    return float(energy(polished(energy, best)).min())


def global_share(energy: RuggedEnergy, ends: Tensor) -> float:
    """Share of ``ends`` that are in the hollow of a global minimum of the two-dimensional ``energy``."""
    return float(_is_global(energy, ends).double().mean())


def _is_global(energy: RuggedEnergy, ends: Tensor) -> Tensor:
    return energy(polished(energy, ends, steps=200)) < lowest_energy() + 1e-6


def closed_forms(config: Config, energy: RuggedEnergy, starts: Tensor) -> dict[str, float]:
    """Metrics in two dimensions that do not depend on the seed, for descents from ``starts``, shape ``(B, 2)``."""

    def ends(landscape: Energy) -> Tensor:
        return descend(landscape, starts, steps=config.descent_steps, step_size=config.step_size)[:, -1]

    def share(landscape: Energy) -> float:
        return float(arrived(ends(landscape), radius=config.radius).double().mean())

    settings = {"helm": (config.sigma, config.weight), "helm_recipe": (config.recipe_sigma, config.recipe_weight)}
    smooth = mollify(energy, config.gaussian_sigma)
    plan = schedule()
    fine = descend_coarse_to_fine(energy, starts.double(), plan.sigmas, steps=plan.steps)[:, -1]
    values = {
        "coverage_true": share(energy),
        "coverage_gaussian": share(smooth),
        "coverage_coarse_to_fine": float(arrived(fine, radius=config.radius).double().mean()),
        "evaluations_coarse_to_fine": float(plan.evaluations),
        "levels_coarse_to_fine": float(len(plan.sigmas)),
        "distance_to_stationary_coarse_to_fine": float((fine - polished(energy, fine)).norm(dim=1).max()),
        "global_share_true": global_share(energy, ends(energy)),
        "global_share_gaussian": global_share(energy, ends(smooth)),
        "global_share_coarse_to_fine": global_share(energy, fine),
    }
    for name, (sigma, weight) in settings.items():
        values[f"coverage_predicted_{name}"] = share(invariance_optimum(energy, sigma, weight))
        best = box_optimum(energy, dimension=2, sigma=sigma, weight=weight, half_width=config.half_width)
        values[f"coverage_box_{name}"] = share(best)
    return values


def searches(config: Config, energy: RuggedEnergy, seed: int) -> dict[str, float]:
    """Search for the global minimum in three ways, with the same number of gradient evaluations for each draw."""
    generator = torch.Generator().manual_seed(seed)
    uniform = uniform_starts(config, 2, generator)
    spread = schedule().sigmas[0] * torch.randn(config.draws, 2, generator=generator, dtype=torch.float64)
    coarse = polished(mollify(energy, schedule().sigmas[0]), torch.zeros(1, 2, dtype=torch.float64))
    budget = config.descent_steps
    half = (config.late_sigma, config.late_sigma / 2, 0.0)
    levels = (budget // 3, budget // 3, budget - 2 * (budget // 3))
    ends = {
        "restarts": descend_coarse_to_fine(energy, uniform, (0.0,), steps=budget)[:, -1],
        "late": descend_coarse_to_fine(energy, uniform, half, steps=levels)[:, -1],
        "population": descend_coarse_to_fine(energy, coarse + spread, (0.0,), steps=budget)[:, -1],
    }
    values = {}
    for name, reached in ends.items():
        found = _is_global(energy, reached)
        share = float(found.double().mean())
        values[f"global_share_{name}"] = share
        values[f"global_found_{name}"] = float(found[: len(found) // 10 * 10].reshape(-1, 10).any(1).double().mean())
        need = math.ceil(math.log(0.01) / math.log1p(-share)) if 0.0 < share < 1.0 else (1 if share else math.inf)
        first = sum(schedule().steps[:1]) if name == "population" else 0
        values[f"evaluations_99_{name}"] = float(need * budget + first)
    return values


def uniform_starts(config: Config, dimension: int, generator: torch.Generator) -> Tensor:
    """Draw ``config.draws`` starts, uniform on the box, float64, shape ``(draws, dimension)``."""
    return config.half_width * (2.0 * torch.rand(config.draws, dimension, generator=generator, dtype=torch.float64) - 1)


def in_dimensions(config: Config, seed: int) -> dict[str, float]:
    """Coverage of each of :data:`CLOSED` from random starts, in each of :data:`DIMENSIONS`, at both radii."""
    values = {}
    plan = schedule()
    for dimension in DIMENSIONS:
        energy = report_energy(dimension)
        starts = uniform_starts(config, dimension, torch.Generator().manual_seed(seed))
        smooth = {
            "true": energy,
            "gaussian": mollify(energy, config.gaussian_sigma),
            "invariance": invariance_optimum(energy, config.sigma, config.weight),
        }
        ends = {
            name: descend(level, starts, steps=config.descent_steps, step_size=config.step_size)[:, -1]
            for name, level in smooth.items()
        }
        ends["coarse_to_fine"] = descend_coarse_to_fine(energy, starts, plan.sigmas, steps=plan.steps)[:, -1]
        for name, reached in ends.items():
            for suffix, radius in (("", config.radius * (dimension / 2) ** 0.5), ("_fixed", config.radius)):
                share = float(arrived(reached, radius=radius).double().mean())
                values[f"coverage_{name}_d{dimension}{suffix}"] = share
    return values
