"""Why the trained network covers more starts than its loss's optimum, and what networks do in more dimensions.

Two things part the network from the filter of the closed form: the box ends, and the network is smooth. Each arm
changes one of them at the report's own width and weight. ``wide`` trains on a larger box, so that the edge is far from
every start; ``rough`` begins with a first layer that is as fast as the fastest sine; ``long`` trains four times as
long. The loss itself is measured on fresh points: the lower it is, the nearer is the network to the optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import nn

from helm_study.funnel import mollified_funnel
from helm_study.funnel.box_filter import box_optimum
from helm_study.funnel.funnel_measures import DIMENSIONS, uniform_starts
from helm_study.metric import Metric
from helm_study.stacked.energies import fit_stacked
from helm_study.study import Arms, Study, Tell, arms_by_name
from helm_tutorial._check import require_count, require_real
from helm_tutorial.funnel.descent import arrived, descend, start_grid
from helm_tutorial.funnel.invariance import energy_network, invariance_loss
from helm_tutorial.funnel.landscape import Energy, RuggedEnergy, report_energy


@dataclass(frozen=True)
class Config:
    """Settings; the defaults are the book's.

    Attributes:
        base: experiment 2's settings, which everything here shares.
        wide: factor on the training box of the arm ``wide``: the edge is then more than a noise width of 0.5 and a
            levelled rim of 1.1 away from every start.
        longer: factor on the steps of the arm ``long``.
        sample: fresh points that a loss is measured on.
    """

    base: mollified_funnel.Config = field(default_factory=mollified_funnel.Config)
    wide: float = 1.5
    longer: int = 4
    sample: int = 100_000

    def __post_init__(self) -> None:
        require_real("wide", self.wide, low=1.0)
        require_count("longer", self.longer)
        require_count("sample", self.sample)

    @classmethod
    def quick(cls) -> Config:
        """Shorter fits, to see it run; not the same picture."""
        return cls(base=replace(mollified_funnel.Config.quick(), steps=200), longer=2, sample=10_000)


ARMS = {
    "recipe": "the report's setting",
    "wide": "the same, trained on a larger box",
    "rough": "the same, first layer drawn as fast as the fastest sine",
    "long": "the same, trained four times as long",
    "optimum": "the best of all functions on the box",
}

METRICS: dict[str, Metric] = {
    **{f"coverage_{arm}": Metric("fraction", f"of the grid of starts, {words}") for arm, words in ARMS.items()},
    **{
        f"coverage_inside_{arm}": Metric("fraction", f"of the starts that are not on the edge, {words}")
        for arm, words in ARMS.items()
    },
    **{
        f"kept_{part}_{arm}": Metric("amplitude", f"of the {what} that is left, {words}")
        for part, what in {"bowl": "bowl", "slow": "slow ripples", "fast": "fast ripple"}.items()
        for arm, words in ARMS.items()
    },
    **{
        f"loss_{arm}": Metric("error", f"loss on fresh points, {words}") for arm, words in ARMS.items() if arm != "wide"
    },
    **{
        f"coverage_{name}_d{d}": Metric("fraction", f"random starts in {d} dimensions, {words}, target 0.5 sqrt(d / 2)")
        for name, words in {"flat": "network fitted to the energy", "helm": "network with HF invariance"}.items()
        for d in DIMENSIONS
    },
}


def measure(config: Config, seeds: Sequence[int], tell: Tell) -> Arms:
    """The arms of several seeds, whose networks are trained side by side.

    A seed draws first weights, batches, noise and random starts; the grid and the sample of the losses are fixed.
    """
    base, energy = config.base, report_energy()
    setting = {"sigma": base.recipe_sigma, "weight": base.recipe_weight}
    changes: dict[str, dict[str, float]] = {
        "recipe": {},
        "wide": {"half_width": config.wide * base.half_width},
        "rough": {},
        "long": {"steps": config.longer * base.steps},
    }

    def optimum() -> dict[int, dict[str, float]]:
        best = box_optimum(energy, dimension=2, half_width=base.half_width, **setting)
        return {seed: measured(config, best, "optimum") for seed in seeds}

    def of_network(arm: str) -> dict[int, dict[str, float]]:
        models = _fit(replace(base, **changes[arm]), energy, seeds, rough=arm == "rough", **setting)
        return {seed: measured(config, model, arm) for seed, model in zip(seeds, models, strict=True)}

    def of_dimension(dimension: int) -> dict[int, dict[str, float]]:
        values: dict[int, dict[str, float]] = {seed: {} for seed in seeds}
        for name, ours in {"flat": {}, "helm": {"sigma": base.sigma, "weight": base.weight}}.items():
            tell(name, 0.0)
            models = _fit(base, report_energy(dimension), seeds, **ours)
            for seed, model in zip(seeds, models, strict=True):
                starts = uniform_starts(base, dimension, torch.Generator().manual_seed(seed)).float()
                ends = descend(model, starts, steps=base.descent_steps, step_size=base.step_size)[:, -1]
                share = arrived(ends, radius=base.radius * (dimension / 2) ** 0.5).double().mean()
                values[seed][f"coverage_{name}_d{dimension}"] = float(share)
        return values

    return {
        "optimum": optimum,
        **{arm: partial(of_network, arm) for arm in changes},
        **{f"d{dimension}": partial(of_dimension, dimension) for dimension in DIMENSIONS},
    }


STUDY = Study(
    name="funnel",
    summary="Find out why a trained network covers more starts than the optimum of its loss.",
    Config=Config,
    metrics=METRICS,
    arms=arms_by_name(METRICS, (*ARMS, *(f"d{dimension}" for dimension in DIMENSIONS))),
    measure=measure,
    group=5,
)


def measured(config: Config, model: Energy, arm: str) -> dict[str, float]:
    """Coverage, the parts of the energy that ``model`` keeps, and its loss, under the names of :data:`METRICS`."""
    base, energy = config.base, report_energy()
    starts = start_grid(half_width=base.half_width, points=base.grid)
    inside = starts.abs().amax(dim=1) < base.half_width * (1.0 - 1e-6)
    ends = descend(model, starts, steps=base.descent_steps, step_size=base.step_size)[:, -1]
    reached = arrived(ends, radius=base.radius).double()
    generator = torch.Generator().manual_seed(12345)
    points = base.half_width * (2.0 * torch.rand(config.sample, 2, generator=generator) - 1.0)
    with torch.no_grad():
        loss = invariance_loss(
            model, points, energy(points), generator, sigma=base.recipe_sigma, weight=base.recipe_weight
        )
    bowl, slow, fast = kept(model)
    values = {
        f"coverage_{arm}": float(reached.mean()),
        f"coverage_inside_{arm}": float(reached[inside].mean()),
        f"kept_bowl_{arm}": bowl,
        f"kept_slow_{arm}": slow,
        f"kept_fast_{arm}": fast,
        f"loss_{arm}": float(loss),
    }
    return {name: value for name, value in values.items() if name in METRICS}


def kept(model: Energy, *, half_width: float = 2.0, points: int = 81) -> tuple[float, float, float]:
    """How much of the report's energy's bowl, slow and fast sines is in ``model``, by least squares on a square.

    The fit also has a constant and the fourth powers, which take up how a bowl is bent near the edge of a box.

    Args:
        model: ``(B, 2) -> (B,)``.
        half_width: of the square.
        points: along each axis.
    """
    places = start_grid(half_width=half_width, points=points)
    with torch.no_grad():
        seen = model(places).double()
    x, y = places.double().unbind(1)
    bowl, slow, fast = 0.5 * (x**2 + y**2), torch.sin(5 * x) + torch.sin(5 * y), 0.5 * torch.sin(7 * (x + y))
    columns = [bowl, slow, fast, torch.ones_like(x), x**4 + y**4, x**2 * y**2]
    found = torch.linalg.lstsq(torch.stack(columns, dim=1), seen.unsqueeze(1), driver="gels").solution[:3, 0]
    return tuple(found.tolist())


def roughen(network: nn.Module, energy: RuggedEnergy, half_width: float) -> None:
    """Scale the first layer in place so that its frequencies reach the energy's fastest, all over the box."""
    first = next(part for part in network.modules() if isinstance(part, nn.Linear))
    fastest = float(energy.frequencies.norm(dim=1).max()) * first.in_features**0.5
    with torch.no_grad():
        first.weight.mul_(fastest)
        first.bias.mul_(fastest * half_width)


def _fit(
    base: mollified_funnel.Config, energy: RuggedEnergy, seeds: Sequence[int], *, rough: bool = False, **setting: float
) -> list[nn.Module]:
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    models = [energy_network(own, dimension=energy.dimension, width=base.width) for own in generators]
    if rough:
        for model in models:
            roughen(model, energy, base.half_width)
    fit = partial(fit_stacked, models, energy, generators, dimension=energy.dimension, half_width=base.half_width)
    fit(steps=base.steps, batch=base.batch, lr=base.lr, **setting)
    return models
