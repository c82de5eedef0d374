"""Where gradients should pay: plans of many real numbers in a tame linear world whose best plan is known.

A gradient names the best direction among ``T A`` at the price of a few rollouts; a sample says one number about a whole
plan. The world only turns, ``z' = W z + B a`` with ``W`` orthogonal, so that no Jacobian grows and nothing but the
number of controls makes the problem larger.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import torch
from torch import Tensor

from helm_study.metric import Metric
from helm_study.rivals import continuous_search as search
from helm_study.study import SeedArms, Study, Tell, arms_by_name, each_seed
from helm_tutorial._check import require_count, require_real
from helm_tutorial.cliff.linear_system import LinearSystem
from helm_tutorial.rollouts import rollout

HORIZONS = (5, 12, 25, 50, 100)
CONTROLS = (1, 4, 16)
"""Numbers ``A`` that a step of the plan has."""

SPREADS = (0.01, 0.03, 0.1, 0.3)
ITERATIONS = (8, 20)
SEARCHES: dict[str, tuple[Callable[..., search.Found], tuple[dict, ...]]] = {
    "gradient": (
        search.search_gradient,
        tuple({"lr": lr, "restarts": restarts} for lr, restarts in itertools.product((0.01, 0.03, 0.1, 0.3), (1, 8))),
    ),
    **{
        name: (
            function,
            tuple(
                {"spread": spread, "iterations": iterations}
                for spread, iterations in itertools.product(SPREADS, ITERATIONS)
            ),
        )
        for name, function in {
            "cross_entropy": search.search_cross_entropy,
            "path_integral": search.search_path_integral,
        }.items()
    },
    "shooting": (search.search_random, tuple({"spread": spread} for spread in SPREADS)),
}
"""Each search, and the settings among which it may choose on a problem that does not count."""


@dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        dimension: ``D``, at least the largest of :data:`CONTROLS`.
        evaluations: plans that a search may evaluate; a multiple of 40.
        price: of the squared controls, against the squared distance from the goal.
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
        """A seed in a second or two: few evaluations. Shows that all runs, not what is true."""
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
    """One start, from which the state is to be brought to the origin.

    Attributes:
        system: ``z' = W z + B a``.
        z0: the start, shape ``(1, D)``, of length 1.
        horizon: ``T``.
        price: of the squared controls.
    """

    system: LinearSystem
    z0: Tensor
    horizon: int
    price: float

    @property
    def size(self) -> int:
        """Numbers ``n = T A`` of a plan."""
        return self.horizon * self.system.B.shape[1]

    def cost(self, plans: Tensor) -> Tensor:
        """Mean squared length of the states and of the controls, the latter times the price: ``(N, n)`` to ``(N,)``."""
        actions = plans.view(len(plans), self.horizon, -1)
        states = rollout(self.system, self.z0.expand(len(plans), -1), actions)[:, 1:]
        return (states.square().sum(dim=-1) + self.price * actions.square().sum(dim=-1)).mean(dim=1)

    def best(self) -> Tensor:
        """The best plan, ``(n,)``: where the gradient of this quadratic cost is zero."""
        actions = torch.eye(self.size, dtype=torch.float64).view(self.size, self.horizon, -1)
        still = torch.zeros(self.size, self.z0.shape[1], dtype=torch.float64)
        pushed = rollout(self.system, still, actions)[:, 1:].flatten(1)  # states that each number alone brings about
        drift = rollout(self.system, self.z0, 0.0 * actions[:1])[:, 1:].flatten()
        normal = pushed @ pushed.mT + self.price * torch.eye(self.size, dtype=torch.float64)
        return torch.linalg.solve(normal, -pushed @ drift)

    def excess(self, cost: float) -> float:
        """The share of the avoidable cost that is left: 0 for the best plan, 1 for doing nothing.

        Never below 0: a search that finds the best plan may beat the linear solver's in the last digits.
        """
        least, nothing = self.cost(torch.stack([self.best(), torch.zeros(self.size, dtype=torch.float64)])).tolist()
        return max(0.0, (cost - least) / (nothing - least))


def draw_problem(config: Config, controls: int, horizon: int, generator: torch.Generator) -> Problem:
    """An orthogonal ``W``, orthonormal columns ``B`` and a start, at random."""

    def orthogonal() -> Tensor:
        gaussian = torch.randn(config.dimension, config.dimension, generator=generator, dtype=torch.float64)
        return torch.linalg.qr(gaussian)[0]

    system = LinearSystem(orthogonal(), orthogonal()[:, :controls])
    z0 = torch.nn.functional.normalize(torch.randn(1, config.dimension, generator=generator, dtype=torch.float64))
    return Problem(system, z0, horizon, config.price)


def _search(config: Config, name: str, problem: Problem, settings: dict, seed: int) -> search.Found:
    function, _ = SEARCHES[name]
    n = config.evaluations
    if name == "gradient":
        spent = {"steps": n // settings["restarts"]}
    else:
        spent = {"samples": n // settings.get("iterations", 1)}
    return function(problem.cost, problem.size, torch.Generator().manual_seed(seed), **spent, **settings)


@each_seed
def measure(config: Config, seed: int, tell: Tell) -> SeedArms:
    """The arms of one seed: each search, on a problem of every size.

    Every search chooses its settings for each size on another problem of that size.
    """

    @cache
    def problems(controls: int, horizon: int) -> tuple[Problem, Problem]:
        generator = torch.Generator().manual_seed(seed)
        first, second = (draw_problem(config, controls, horizon, generator) for _ in range(2))
        return first, second

    def of_search(name: str) -> dict[str, float]:
        values = {}
        sizes = list(itertools.product(CONTROLS, HORIZONS))
        for number, (controls, horizon) in enumerate(sizes):
            tell(f"{controls} x {horizon} numbers", number / len(sizes))
            rehearsal, problem = problems(controls, horizon)
            settings = min(SEARCHES[name][1], key=lambda chosen: _search(config, name, rehearsal, chosen, seed).cost)
            found = _search(config, name, problem, settings, seed)
            values[f"excess_{name}_A{controls}_T{horizon}"] = problem.excess(found.cost)
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
