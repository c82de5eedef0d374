"""Gradients against samples, for plans of many real numbers.

This is where gradients should pay. A gradient gives the best direction among ``T A`` numbers at the price of a few
rollouts, whereas a sample gives one number about a whole plan. The world only rotates, ``z' = W z + B a`` with ``W``
orthogonal. So no Jacobian grows, and only the number of controls makes the problem harder. The best plan is known.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import torch
from torch import Tensor

from helm_study.metric import Metric
from helm_study.study import SeedArms, Study, Tell, arms_by_name, each_seed
from helm_tutorial._check import require_count, require_real
from helm_tutorial.cliff.linear_system import LinearSystem
from helm_tutorial.planning.gradient import GradientPlanner
from helm_tutorial.planning.plan import Plan, Planner
from helm_tutorial.planning.search import CrossEntropyPlanner, MPPIPlanner, RandomShootingPlanner
from helm_tutorial.rollouts import rollout

HORIZONS = (5, 12, 25, 50, 100)
CONTROLS = (1, 4, 16)
"""Dimensions ``A`` of an action."""

SPREADS = (0.01, 0.03, 0.1, 0.3)
ITERATIONS = (8, 20)


def gradient(evaluations: int, *, restarts: int, **settings: object) -> GradientPlanner:
    """Build Adam on several plans at once, with every iterate evaluated."""
    return GradientPlanner(restarts=restarts, steps=evaluations // restarts, spread=0.1, **settings)


def cross_entropy(evaluations: int, *, iterations: int, **settings: object) -> CrossEntropyPlanner:
    """Build the cross-entropy method, refitted to a tenth of its samples."""
    samples = evaluations // iterations
    elites = min(samples, max(2, math.ceil(0.1 * samples)))
    return CrossEntropyPlanner(iterations=iterations, samples=samples, elites=elites, **settings)


def path_integral(evaluations: int, *, iterations: int, spread: float, **settings: object) -> MPPIPlanner:
    """Build path integral control."""
    return MPPIPlanner(iterations=iterations, samples=evaluations // iterations, noise=spread, **settings)


def shooting(evaluations: int, **settings: object) -> RandomShootingPlanner:
    """Build random shooting, which draws plans once."""
    return RandomShootingPlanner(samples=evaluations, **settings)


_SAMPLED = tuple({"spread": s, "iterations": i} for s, i in itertools.product(SPREADS, ITERATIONS))
SEARCHES: dict[str, tuple[Callable[..., Planner], tuple[dict, ...]]] = {
    "gradient": (gradient, tuple({"lr": lr, "restarts": n} for lr, n in itertools.product(SPREADS, (1, 8)))),
    "cross_entropy": (cross_entropy, _SAMPLED),
    "path_integral": (path_integral, _SAMPLED),
    "shooting": (shooting, tuple({"spread": spread} for spread in SPREADS)),
}
"""Each search: a function that builds it, and the settings to choose from.

The settings are chosen on a rehearsal problem that does not count. The function takes a number of evaluations. An
*evaluation* is the cost of one plan; gradient descent needs backward passes in addition.
"""


@dataclass(frozen=True)
class Config:
    """Settings of the comparison.

    Attributes:
        dimension: dimension ``D`` of a state, at least the largest of :data:`CONTROLS`.
        evaluations: number of plans that a search may evaluate; a multiple of 40.
        price: weight of the squared controls relative to the squared distance from the goal.
    """

    dimension: int = 16
    evaluations: int = 440
    price: float = 0.01

    def __post_init__(self) -> None:
        require_count("dimension", self.dimension, low=max(CONTROLS))
        require_count("evaluations", self.evaluations, low=40)
        if self.evaluations % 40:
            raise ValueError(f"evaluations must be a multiple of 40, got {self.evaluations}")
        require_real("price", self.price, above=0.0)

    @classmethod
    def quick(cls) -> Config:
        """Return a small configuration that only shows that the study runs.

        One seed takes a second or two (few evaluations). The results mean nothing.
        """
        return cls(evaluations=40)


METRICS = {
    f"excess_{name}_A{controls}_T{horizon}": Metric(
        "fraction", f"{name.replace('_', ' ')}, {controls} x {horizon} numbers: avoidable cost that is left"
    )
    for name in SEARCHES
    for controls in CONTROLS
    for horizon in HORIZONS
}


@dataclass(frozen=True, eq=False)
class Problem:
    """One control problem: bring the state from a start to the origin.

    Attributes:
        system: the true system, ``z' = W z + B a``.
        z0: the start, shape ``(1, D)``, of length 1.
        horizon: number of steps ``T``.
        price: weight of the squared controls.
    """

    system: LinearSystem
    z0: Tensor
    horizon: int
    price: float

    @property
    def size(self) -> int:
        """Dimension ``n = T A`` of a plan."""
        return self.horizon * self.system.B.shape[1]

    def cost(self, plans: Tensor) -> Tensor:
        """Cost of plans, ``(N, n) -> (N,)``.

        It is the mean over steps of the squared length of the state plus the price times the squared length of the
        control.
        """
        actions = plans.view(len(plans), self.horizon, -1)
        states = rollout(self.system, self.z0.expand(len(plans), -1), actions)[:, 1:]
        return self._charged(states, actions)

    def plan(self, search: Callable[..., Planner], evaluations: int, seed: int, **settings: object) -> Plan:
        """Return the plan that a search of :data:`SEARCHES` finds."""
        size, controls = self.system.B.shape
        unbounded = {"low": [-math.inf] * controls, "high": [math.inf] * controls}
        planner = search(evaluations, horizon=self.horizon, cost=self._imagined, **unbounded, **settings)
        z0 = torch.cat([self.z0, torch.zeros(1, controls, dtype=torch.float64)], dim=1)

        def model(z: Tensor, a: Tensor) -> Tensor:  # the latent includes the last action, because the cost needs it
            return torch.cat([self.system(z[:, :size], a), a], dim=1)

        return planner(model, z0, torch.zeros_like(z0), generator=torch.Generator().manual_seed(seed))

    def _imagined(self, latents: Tensor, goal: Tensor) -> Tensor:
        states, actions = latents.tensor_split([len(self.system.W)], dim=-1)
        return self._charged(states, actions)

    def _charged(self, states: Tensor, actions: Tensor) -> Tensor:
        return (states.square().sum(dim=-1) + self.price * actions.square().sum(dim=-1)).mean(dim=-1)

    def best(self) -> Tensor:
        """Return the best plan, ``(n,)``, where the gradient of the cost is zero.

        The cost is quadratic.
        """
        actions = torch.eye(self.size, dtype=torch.float64).view(self.size, self.horizon, -1)
        still = torch.zeros(self.size, self.z0.shape[1], dtype=torch.float64)
        pushed = rollout(self.system, still, actions)[:, 1:].flatten(1)  # states that result from each number alone
        drift = rollout(self.system, self.z0, 0.0 * actions[:1])[:, 1:].flatten()
        normal = pushed @ pushed.mT + self.price * torch.eye(self.size, dtype=torch.float64)
        return torch.linalg.solve(normal, -pushed @ drift)

    def excess(self, cost: float) -> float:
        """Fraction of the avoidable cost that is left.

        It is 0 for the best plan and 1 for no action. It is never below 0: a search that finds the best plan may beat
        the linear solver's in the last digits.
        """
        least, nothing = self.cost(torch.stack([self.best(), torch.zeros(self.size, dtype=torch.float64)])).tolist()
        return max(0.0, (cost - least) / (nothing - least))


def draw_problem(config: Config, controls: int, horizon: int, generator: torch.Generator) -> Problem:
    """Draw an orthogonal ``W``, a ``B`` with orthonormal columns, and a start."""

    def orthogonal() -> Tensor:
        gaussian = torch.randn(config.dimension, config.dimension, generator=generator, dtype=torch.float64)
        return torch.linalg.qr(gaussian)[0]

    system = LinearSystem(orthogonal(), orthogonal()[:, :controls])
    z0 = torch.nn.functional.normalize(torch.randn(1, config.dimension, generator=generator, dtype=torch.float64))
    return Problem(system, z0, horizon, config.price)


@each_seed
def measure(config: Config, seed: int, tell: Tell) -> SeedArms:
    """Return the arms of one seed: each search, on a problem of every size.

    Every search chooses its settings for each size on another problem of that size.
    """

    @cache
    def problems(controls: int, horizon: int) -> tuple[Problem, Problem]:
        generator = torch.Generator().manual_seed(seed)
        first, second = (draw_problem(config, controls, horizon, generator) for _ in range(2))
        return first, second

    def of_search(name: str) -> dict[str, float]:
        values, (search, choices) = {}, SEARCHES[name]
        sizes = list(itertools.product(CONTROLS, HORIZONS))
        for number, (controls, horizon) in enumerate(sizes):
            tell(f"{controls} x {horizon} numbers", number / len(sizes))
            rehearsal, problem = problems(controls, horizon)
            tried = [float(rehearsal.plan(search, config.evaluations, seed, **settings).cost) for settings in choices]
            plan = problem.plan(search, config.evaluations, seed, **choices[tried.index(min(tried))])
            values[f"excess_{name}_A{controls}_T{horizon}"] = problem.excess(float(plan.cost))
        return values

    return {name: partial(of_search, name) for name in SEARCHES}


STUDY = Study(
    name="controls",
    summary="Search for plans of many real numbers with gradients and with samples.",
    Config=Config,
    metrics=METRICS,
    arms=arms_by_name(METRICS, SEARCHES),
    measure=measure,
)
