"""Experiment 2: from how many starts does descent reach the bottom of the bowl, on rugged and on smoothed energies.

Networks are fitted to the energy plainly (``flat``), with high-frequency invariance at a width and weight that follow
from the closed form (``helm``), and at the report's (``helm_recipe``). Beside them the closed forms, and descent from
coarse to fine, which ends on the unsmoothed energy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from helm_tutorial.descent import arrived, basin_coverage, descend, descend_coarse_to_fine, start_grid
from helm_tutorial.experiments.metric import Metric
from helm_tutorial.invariance import energy_network, invariance_loss
from helm_tutorial.landscape import RuggedEnergy, invariance_optimum, mollified, report_energy
from helm_tutorial.training import fit
from helm_tutorial.validation import require_count, require_real


@dataclass(frozen=True)
class Config:
    """Settings of experiment 2; the defaults are the book's.

    Attributes:
        half_width: of the box that starts and training points are drawn from, the report's.
        radius: of the ball around the origin that counts as the bottom of the bowl, the report's.
        grid: starts along each axis, the report's.
        descent_steps: gradient evaluations, the report's; coarse-to-fine descent shares them among its levels.
        step_size: of plain descent, the report's.
        sigma: width of the invariance noise, the smaller of the report's two: what the loss does to the bowl grows with
            ``sigma * sqrt(weight)``, and that product, at the weight needed, falls with ``sigma``.
        weight: of the invariance loss, the smallest whole number for which the closed form's trapping radius is below
            ``radius`` at this ``sigma`` (:func:`helm_tutorial.landscape.funnel_weight`): no start can then be trapped.
        recipe_sigma: the report's best width.
        recipe_weight: the report's weight there.
        gaussian_sigma: width of the Gaussian mollification, just above the convexity threshold of 0.507.
        schedule: widths of coarse-to-fine descent: from above the convexity threshold to 0 in five levels.
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
    schedule: tuple[float, ...] = (0.52, 0.39, 0.26, 0.13, 0.0)
    width: int = 128
    steps: int = 5000
    batch: int = 256
    lr: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("grid", "descent_steps", "width", "steps", "batch"):
            require_count(name, getattr(self, name))
        require_count("grid", self.grid, low=3)
        require_count("descent_steps", self.descent_steps, low=len(self.schedule))
        for name in ("half_width", "radius", "step_size", "sigma", "recipe_sigma", "gaussian_sigma", "lr"):
            require_real(name, getattr(self, name), above=0.0)
        for name in ("weight", "recipe_weight"):
            require_real(name, getattr(self, name), low=0.0)

    @classmethod
    def quick(cls) -> Config:
        """Shorter fits and a coarser grid, to see it run.

        Not the same picture: a network has not learned the sines in so few steps, and being smooth for want of training
        it already covers about half of the starts without any invariance loss.
        """
        return cls(steps=1000, grid=25)


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
    "coverage_coarse_to_fine": Metric("fraction", "coarse-to-fine descent, ending on the energy itself"),
    "coverage_predicted_helm": Metric("fraction", "on the closed-form optimum of coverage_helm's loss"),
    "coverage_predicted_helm_recipe": Metric("fraction", "on the closed-form optimum of coverage_helm_recipe's loss"),
}


def run(config: Config, seed: int, *, progress: Callable[[str, float], None] | None = None) -> dict[str, float]:
    """Measure every one of :data:`METRICS` for one seed, which draws the first weights, the batches and the noise.

    The energy and the starts are fixed, so only the metrics of fitted networks vary with the seed.

    Args:
        config: the settings.
        seed: any integer from 0.
        progress: called as ``progress(message, fraction)``.

    Raises:
        ValueError: ``seed`` is negative.
    """
    require_count("seed", seed, low=0)
    tell = progress or (lambda message, fraction: None)
    energy = report_energy()
    starts = start_grid(half_width=config.half_width, points=config.grid)
    coverage = partial(
        basin_coverage, starts=starts, steps=config.descent_steps, step_size=config.step_size, radius=config.radius
    )
    tell("closed forms", 0.0)
    fine = descend_coarse_to_fine(energy, starts, config.schedule, steps=config.descent_steps // len(config.schedule))
    values = {
        "coverage_true": coverage(energy),
        "coverage_gaussian": coverage(mollified(energy, config.gaussian_sigma)),
        "coverage_coarse_to_fine": float(arrived(fine[:, -1], radius=config.radius).double().mean()),
        "coverage_predicted_helm": coverage(invariance_optimum(energy, config.sigma, config.weight)),
        "coverage_predicted_helm_recipe": coverage(
            invariance_optimum(energy, config.recipe_sigma, config.recipe_weight)
        ),
    }
    fits = {
        "flat": (0.0, 0.0),
        "helm": (config.sigma, config.weight),
        "helm_recipe": (config.recipe_sigma, config.recipe_weight),
    }
    reached: dict[str, Tensor] = {}
    for index, (name, (sigma, weight)) in enumerate(fits.items()):
        # Each fit starts from the same weights and sees the same first points: they differ in the loss alone.
        generator = torch.Generator().manual_seed(seed)
        report = partial(_report_fit, tell, f"network {name}", index / len(fits), 1.0 / len(fits))
        model = fit_energy(energy, config, generator, sigma=sigma, weight=weight, progress=report)
        ends = descend(model, starts, steps=config.descent_steps, step_size=config.step_size)[:, -1]
        reached[name] = arrived(ends, radius=config.radius).double()
        values[f"coverage_{name}"] = float(reached[name].mean())
    rim = starts.abs().amax(dim=1) > config.half_width * (1.0 - 1e-6)
    values["coverage_helm_recipe_rim"] = float(reached["helm_recipe"][rim].mean())
    values["coverage_helm_recipe_inside"] = float(reached["helm_recipe"][~rim].mean())
    tell("done", 1.0)
    return {name: values[name] for name in METRICS}


def fit_energy(
    energy: RuggedEnergy,
    config: Config,
    generator: torch.Generator,
    *,
    sigma: float = 0.0,
    weight: float = 0.0,
    progress: Callable[[int, int, float], None] | None = None,
) -> nn.Module:
    """Fit the report's network to ``energy`` on the box, with HF invariance where ``weight`` is positive.

    Args:
        energy: what to fit.
        config: box, network and training.
        generator: source of the weights, the points and the noise.
        sigma: width of the invariance noise.
        weight: of the invariance loss.
        progress: see :data:`helm_tutorial.training.Progress`.

    Returns:
        A network ``(B, A) -> (B,)``.

    Raises:
        ValueError: ``sigma`` or ``weight`` is negative.
    """
    model = energy_network(generator, dimension=energy.dimension, width=config.width)

    def loss() -> Tensor:
        unit = torch.rand(config.batch, energy.dimension, generator=generator)
        points = config.half_width * (2.0 * unit - 1.0)
        return invariance_loss(model, points, energy(points), generator, sigma=sigma, weight=weight)

    fit(model, loss, steps=config.steps, lr=config.lr, progress=progress)
    return model


def _report_fit(tell, message: str, start: float, share: float, step: int, steps: int, loss: float) -> None:
    tell(message, start + share * step / steps)
