"""Experiment 2: from how many starts does descent reach the bottom of the bowl, on rugged and on smoothed energies.

Networks are fitted to the energy plainly (``flat``), with high-frequency invariance at a width and weight that follow
from the closed form (``helm``), and at the report's (``helm_recipe``). Beside them the closed forms, descent from
coarse to fine, which ends on the unsmoothed energy, the search for its global minimum, and more dimensions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn

from helm_study.funnel import funnel_measures as measures
from helm_study.funnel.funnel_measures import Config
from helm_study.metric import Metric
from helm_study.stacked.energies import fit_stacked
from helm_study.study import Arms, Study, Tell, arms_by_name
from helm_tutorial.funnel.descent import arrived, descend, start_grid
from helm_tutorial.funnel.invariance import energy_network
from helm_tutorial.funnel.landscape import RuggedEnergy, report_energy

NETWORKS = ("flat", "helm", "helm_recipe")
"""The fits: of the energy alone, and with invariance at our setting and at the report's."""

METRICS: dict[str, Metric] = {
    "coverage_true": Metric("fraction", "starts that reach the origin's ball on the energy itself"),
    "coverage_flat": Metric("fraction", "on a network fitted to the energy", 0.043),
    "coverage_helm": Metric(
        "fraction", "on a network with HF invariance, width and weight from the closed form", 0.964
    ),
    "coverage_helm_recipe": Metric(
        "fraction", "on a network with HF invariance at the report's width and weight", 0.964
    ),
    "coverage_helm_recipe_rim": Metric("fraction", "the same, of the starts on the edge of the box alone"),
    "coverage_helm_recipe_inside": Metric("fraction", "the same, of all other starts"),
    "coverage_gaussian": Metric("fraction", "on the Gaussian-mollified energy, just above the convexity threshold"),
    "coverage_coarse_to_fine": Metric("fraction", "ends of coarse-to-fine descent, on the unsmoothed energy"),
    "evaluations_coarse_to_fine": Metric("steps", "gradient evaluations of one such descent"),
    "levels_coarse_to_fine": Metric("steps", "widths of its derived schedule"),
    "distance_to_stationary_coarse_to_fine": Metric(
        "distance", "largest, from its ends to a stationary point of the unsmoothed energy"
    ),
    "coverage_predicted_helm": Metric("fraction", "on the closed-form optimum of coverage_helm's loss"),
    "coverage_predicted_helm_recipe": Metric("fraction", "on the closed-form optimum of coverage_helm_recipe's loss"),
    "coverage_box_helm": Metric("fraction", "on the best of all functions for coverage_helm's loss on the box"),
    "coverage_box_helm_recipe": Metric("fraction", "on the best of all functions for the recipe's loss on the box"),
    **{
        f"global_share_{name}": Metric("fraction", f"starts led to a global minimum of the energy: {words}")
        for name, words in {
            "true": "descent on the energy itself",
            "flat": "on the fitted network, then on the energy",
            "helm": "on the network with HF invariance, then on the energy",
            "helm_recipe": "at the report's setting, then on the energy",
            "gaussian": "on the mollified energy, then on the energy",
            "coarse_to_fine": "coarse to fine",
            **measures.SEARCHES,
        }.items()
    },
    **{
        f"global_found_{name}": Metric("fraction", f"sets of ten that hold a global minimum: {words}")
        for name, words in measures.SEARCHES.items()
    },
    **{
        f"evaluations_99_{name}": Metric("steps", f"gradient evaluations to find one with probability 99 %: {words}")
        for name, words in measures.SEARCHES.items()
    },
    **{
        f"coverage_{name}_d{d}{suffix}": Metric("fraction", f"random starts in {d} dimensions, {words}, {radius}")
        for suffix, radius in (("", "target 0.5 sqrt(d / 2)"), ("_fixed", "target 0.5"))
        for name, words in measures.CLOSED.items()
        for d in measures.DIMENSIONS
    },
}


def measure(config: Config, seeds: Sequence[int], tell: Tell) -> Arms:
    """The arms of several seeds, whose networks are trained side by side.

    A seed draws first weights, batches, noise and random starts. The energy and the grid of starts are fixed.
    """
    energy = report_energy()
    starts = start_grid(half_width=config.half_width, points=config.grid)
    rim = starts.abs().amax(dim=1) > config.half_width * (1.0 - 1e-6)

    def closed() -> dict[int, dict[str, float]]:
        fixed = measures.closed_forms(config, energy, starts)
        return {seed: fixed for seed in seeds}

    def of_network(name: str, sigma: float, weight: float) -> dict[int, dict[str, float]]:
        # Each fit of a seed starts from the same weights and sees the same first points: they differ in the loss alone.
        def report(step: int, steps: int, loss: float) -> None:
            tell("training", step / steps)

        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        models = fit_energies(energy, config, generators, sigma=sigma, weight=weight, progress=report)
        values = {}
        for seed, model in zip(seeds, models, strict=True):
            ends = descend(model, starts, steps=config.descent_steps, step_size=config.step_size)[:, -1]
            reached = arrived(ends, radius=config.radius).double()
            values[seed] = {
                f"coverage_{name}": float(reached.mean()),
                f"global_share_{name}": measures.global_share(energy, ends),
                f"coverage_{name}_rim": float(reached[rim].mean()),
                f"coverage_{name}_inside": float(reached[~rim].mean()),
            }
        return values

    networks = {
        "flat": (0.0, 0.0),
        "helm": (config.sigma, config.weight),
        "helm_recipe": (config.recipe_sigma, config.recipe_weight),
    }
    return {
        "closed_forms": closed,
        "searches": lambda: {seed: measures.searches(config, energy, seed) for seed in seeds},
        "dimensions": lambda: {seed: measures.in_dimensions(config, seed) for seed in seeds},
        **{name: partial(of_network, name, *setting) for name, setting in networks.items()},
    }


ARMS = ("closed_forms", "searches", "dimensions", *NETWORKS)


def _arm(metric: str) -> str:
    """The arm that measures a metric."""
    if re.search(r"_d\d", metric):
        return "dimensions"
    if metric.endswith(tuple(measures.SEARCHES)):
        return "searches"
    network = re.sub("^(coverage|global_share)_|_(rim|inside)$", "", metric)
    return network if network in NETWORKS else "closed_forms"


STUDY = Study(
    name="exp2",
    summary="Measure from how many starts descent reaches the bottom of a rugged bowl, and of smoothed ones.",
    Config=Config,
    metrics=METRICS,
    arms=arms_by_name(METRICS, ARMS, **{metric: _arm(metric) for metric in METRICS}),
    measure=measure,
    group=5,
)


def fit_energy(
    energy: RuggedEnergy,
    config: Config,
    generator: torch.Generator,
    *,
    sigma: float = 0.0,
    weight: float = 0.0,
    progress: Callable[[int, int, float], None] | None = None,
) -> nn.Module:
    """Fit one network, see :func:`fit_energies`."""
    return fit_energies(energy, config, [generator], sigma=sigma, weight=weight, progress=progress)[0]


def fit_energies(
    energy: RuggedEnergy,
    config: Config,
    generators: Sequence[torch.Generator],
    *,
    sigma: float = 0.0,
    weight: float = 0.0,
    progress: Callable[[int, int, float], None] | None = None,
) -> list[nn.Module]:
    """Fit the report's network to ``energy`` on the box, with HF invariance where ``weight`` is positive.

    Args:
        energy: what to fit.
        config: box, network and training.
        generators: source of the weights, the points and the noise of each network.
        sigma: width of the invariance noise.
        weight: of the invariance loss.
        progress: see :data:`helm_tutorial.models.fit.Progress`.

    Returns:
        A network ``(B, A) -> (B,)`` for each generator.

    Raises:
        ValueError: ``sigma`` or ``weight`` is negative.
    """
    models = [energy_network(own, dimension=energy.dimension, width=config.width) for own in generators]
    fit_stacked(
        models, energy, generators, dimension=energy.dimension, half_width=config.half_width, steps=config.steps,
        batch=config.batch, lr=config.lr, sigma=sigma, weight=weight, progress=progress,
    )  # fmt: skip
    return models
