"""Descent and sampling on plans of real numbers: the same four ideas as for discrete plans, on a cost alone.

A cost maps ``N`` plans of ``n`` numbers, shape ``(N, n)``, to their costs ``(N,)``. An *evaluation* is one plan's cost;
descent pays for its gradients with backward passes on top. Each search keeps the best plan that it has evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from helm_tutorial._check import require_count, require_real
from helm_tutorial.planning.plan import BestPlans

Cost = Callable[[Tensor], Tensor]
"""From ``N`` plans ``(N, n)`` to their costs ``(N,)``."""


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        plan: the best plan that was evaluated, shape ``(n,)``.
        cost: its cost.
        evaluations: plans whose cost was computed.
    """

    plan: Tensor
    cost: float
    evaluations: int


class _Best:
    """The best of all plans evaluated, and how many they were."""

    def __init__(self, size: int):
        self.plans = BestPlans(1, size, torch.device("cpu"), torch.float64)
        self.evaluations = 0

    def offer(self, plans: Tensor, costs: Tensor) -> None:
        self.evaluations += len(plans)
        self.plans.offer(plans.detach()[None], costs.detach()[None])

    def found(self) -> Found:
        return Found(self.plans.actions[0], float(self.plans.cost[0]), self.evaluations)


def _noise(generator: torch.Generator, count: int, size: int) -> Tensor:
    return torch.randn(count, size, generator=generator, dtype=torch.float64)


def search_gradient(
    cost: Cost,
    size: int,
    generator: torch.Generator,
    *,
    restarts: int = 8,
    steps: int = 55,
    lr: float = 0.1,
    spread: float = 0.1,
) -> Found:
    """Adam on ``restarts`` plans at once, each drawn with standard deviation ``spread``, every iterate evaluated.

    Raises:
        ValueError: a size is below 1, or a number is not positive.
    """
    _check(size, lr=lr, spread=spread, restarts=restarts, steps=steps)
    plans = (spread * _noise(generator, restarts, size)).requires_grad_(True)
    optimizer, best = torch.optim.Adam([plans], lr=lr), _Best(size)
    for _ in range(steps):
        costs = cost(plans)
        best.offer(plans, costs)
        (plans.grad,) = torch.autograd.grad(costs.sum(), plans)
        optimizer.step()
    return best.found()


def search_cross_entropy(
    cost: Cost,
    size: int,
    generator: torch.Generator,
    *,
    iterations: int = 8,
    samples: int = 55,
    elite_share: float = 0.1,
    spread: float = 0.5,
    smoothing: float = 0.1,
) -> Found:
    """The cross-entropy method (Rubinstein, 1999): a normal distribution for each number of the plan, fitted to the
    best ``elite_share`` of its samples; a share ``smoothing`` of the old deviation is kept, lest it shrink too early.

    Raises:
        ValueError: a size is below 1, a share is not between 0 and 1, or ``spread`` is not positive.
    """
    _check(size, spread=spread, elite_share=elite_share, iterations=iterations, samples=samples)
    require_real("smoothing", smoothing, low=0.0, high=1.0)
    best, elites = _Best(size), max(2, math.ceil(elite_share * samples))
    mean, deviation = torch.zeros(size, dtype=torch.float64), torch.full((size,), spread, dtype=torch.float64)
    for _ in range(iterations):
        plans = mean + deviation * _noise(generator, samples, size)
        costs = cost(plans)
        best.offer(plans, costs)
        elite = plans[costs.nan_to_num(nan=math.inf).topk(min(elites, samples), largest=False).indices]
        mean = elite.mean(dim=0)
        deviation = (1.0 - smoothing) * elite.std(dim=0, correction=0) + smoothing * deviation
    return best.found()


def search_path_integral(
    cost: Cost,
    size: int,
    generator: torch.Generator,
    *,
    iterations: int = 8,
    samples: int = 55,
    elite_share: float = 0.1,
    spread: float = 0.5,
) -> Found:
    """Path integral control (Williams et al., 2017): the plan moves by the mean of the noise, weighted by
    ``exp(-cost / temperature)``, where a plan at the best ``elite_share`` of costs weighs ``1/e`` of the best one.

    The mean of each iteration is evaluated beside the next one's samples.

    Raises:
        ValueError: a size is below 1, ``elite_share`` is not between 0 and 1, or ``spread`` is not positive.
    """
    _check(size, spread=spread, elite_share=elite_share, iterations=iterations, samples=samples)
    best, mean = _Best(size), torch.zeros(size, dtype=torch.float64)
    for _ in range(iterations):
        noise = spread * _noise(generator, samples, size)
        noise[0] = 0.0
        costs = cost(mean + noise).nan_to_num(nan=math.inf)
        best.offer(mean + noise, costs)
        above = costs - costs.min()
        temperature = above.kthvalue(math.ceil(elite_share * samples)).values.clamp_min(1e-12)
        mean = mean + (-above / temperature).softmax(dim=0) @ noise
    return best.found()


def search_random(
    cost: Cost, size: int, generator: torch.Generator, *, samples: int = 440, spread: float = 0.1
) -> Found:
    """Random shooting: ``samples`` plans drawn once.

    Raises:
        ValueError: a size is below 1, or ``spread`` is not positive.
    """
    _check(size, spread=spread, samples=samples)
    best, plans = _Best(size), spread * _noise(generator, samples, size)
    best.offer(plans, cost(plans))
    return best.found()


def _check(size: int, *, spread: float, lr: float = 1.0, elite_share: float = 1.0, **counts: int) -> None:
    require_count("size", size)
    for name, value in counts.items():
        require_count(name, value)
    require_real("spread", spread, above=0.0)
    require_real("lr", lr, above=0.0)
    require_real("elite_share", elite_share, above=0.0, high=1.0)
