"""Planners without gradients: score plans on the model and keep the best.

:class:`~helm_tutorial.planning.gradient.GradientPlanner` is compared with them on the same model, for the same number
of model calls. As there, plans are discrete or real.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from helm_tutorial._check import require_count, require_real
from helm_tutorial.planning.plan import BestPlans, Plan, Planner, discrete_only, normal, precise, without_nan


@dataclass(frozen=True, kw_only=True)
class RandomShootingPlanner(Planner):
    """Draw random plans, score them and keep the best.

    Attributes:
        samples: plans for each start.
        spread: standard deviation of real actions; discrete ones are uniform.
    """

    samples: int = 800
    spread: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_count("samples", self.samples)
        require_real("spread", self.spread, low=0.0)

    def _search(self, model, z0, goal, generator, warm_start) -> Plan:
        shape = (len(z0), self.samples, self.horizon)
        if self.num_actions is None:
            plans = self.decode(self.spread * normal((*shape, self.width), z0, generator))
        else:
            plans = torch.randint(self.num_actions, shape, generator=generator, device=generator.device).to(z0.device)
        if warm_start is not None:
            plans[:, 0, : warm_start.shape[1]] = warm_start
        best = BestPlans()
        best.offer(plans, self.score(model, z0, goal, plans))
        return Plan(best.actions, best.cost, self.samples * self.horizon)


@dataclass(frozen=True, kw_only=True)
class CrossEntropyPlanner(Planner):
    """The cross-entropy method: draw plans, refit to the best few, repeat.

    See Rubinstein (1999). Each step of a plan has its own distribution: categorical over discrete actions, normal over
    each real action. A warm start is among the first draws.

    Attributes:
        iterations: rounds of drawing and refitting.
        samples: plans drawn for each start in a round.
        elites: number of best plans to which the distribution is refitted.
        smoothing: weight of the uniform distribution, or of the old standard deviation, in the new one, so that no
            action dies out.
        spread: initial standard deviation of real actions.

    Example:
        >>> import torch
        >>> moves = torch.tensor([[-1.0], [0.0], [1.0]])  # three actions on a line
        >>> planner = CrossEntropyPlanner(horizon=4, num_actions=3)
        >>> planner(lambda z, a: z + a @ moves, torch.zeros(1, 1), torch.tensor([[3.0]])).actions
        tensor([[2, 2, 2, 1]])
    """

    iterations: int = 8
    samples: int = 100
    elites: int = 10
    smoothing: float = 0.1
    spread: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require_count("iterations", self.iterations)
        require_count("samples", self.samples)
        require_count("elites", self.elites, high=self.samples)
        require_real("smoothing", self.smoothing, low=0.0, high=1.0)
        require_real("spread", self.spread, above=0.0)

    def _search(self, model, z0, goal, generator, warm_start) -> Plan:
        discrete, best, size = self.num_actions is not None, BestPlans(), (len(z0), self.samples, self.horizon)
        probabilities = torch.full((len(z0), self.horizon, self.width), 1.0 / self.width, device=z0.device)
        mean, deviation = 0.0, self.spread
        for iteration in range(self.iterations):
            if discrete:
                # Inverse-transform sampling, so that the draw depends on the generator alone.
                u = torch.rand(*size, 1, generator=generator, device=generator.device).to(z0.device)
                drawn = (u > probabilities.cumsum(dim=-1).unsqueeze(1)).sum(dim=-1).clamp_max(self.width - 1)
            else:
                drawn = self.inside(mean + deviation * normal((*size, self.width), z0, generator))
            if warm_start is not None and iteration == 0:
                drawn[:, 0, : warm_start.shape[1]] = warm_start if discrete else self.encode(warm_start, drawn)
            plans = drawn if discrete else self.decode(drawn)
            cost = self.score(model, z0, goal, plans)
            best.offer(plans, cost)
            elite = without_nan(cost).topk(self.elites, dim=1, largest=False).indices
            chosen = drawn[torch.arange(len(z0), device=z0.device)[:, None], elite]
            if discrete:
                share = F.one_hot(chosen, self.width).float().mean(dim=1)
                probabilities = (1 - self.smoothing) * share + self.smoothing / self.width
            else:
                mean, fitted = chosen.mean(dim=1, keepdim=True), chosen.std(dim=1, correction=0, keepdim=True)
                deviation = (1.0 - self.smoothing) * fitted + self.smoothing * deviation
        return Plan(best.actions, best.cost, self.iterations * self.samples * self.horizon)


@dataclass(frozen=True, kw_only=True)
class MPPIPlanner(Planner):
    """Model predictive path integral control (Williams et al., 2017).

    Each iteration adds noise to a plan's numbers: the logits of discrete actions, or the real actions themselves. The
    numbers then move by the mean of the noise, weighted by ``exp(-cost / temperature)``. The temperature is set for
    each start so that the plan at the best ``elite_share`` of costs has ``1/e`` of the best plan's weight. A fixed
    temperature would not suit the different scales of costs between models and distances from the goal. A warm start
    sets the initial numbers.

    Attributes:
        iterations: rounds of adding noise and averaging.
        samples: noisy plans for each start in a round.
        noise: standard deviation of the noise.
        elite_share: fraction of plans that sets the temperature, in ``(0, 1]``.

    Example:
        >>> import torch
        >>> planner = MPPIPlanner(horizon=4, low=[-1.0], high=[1.0])  # real pushes along a line
        >>> plan = planner(lambda z, a: z + a, torch.zeros(1, 1), torch.tensor([[3.0]]))
        >>> bool(plan.actions[0, 0] > 0.8), plan.actions.shape
        (True, torch.Size([1, 4, 1]))
    """

    iterations: int = 8
    samples: int = 100
    noise: float = 1.0
    elite_share: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_count("iterations", self.iterations)
        require_count("samples", self.samples)
        require_real("noise", self.noise, above=0.0)
        require_real("elite_share", self.elite_share, above=0.0, high=1.0)

    def _search(self, model, z0, goal, generator, warm_start) -> Plan:
        shape = (len(z0), self.samples, self.horizon, self.width)
        centre, best = torch.zeros(len(z0), 1, *shape[2:], device=z0.device).to(precise(z0)), BestPlans()
        self.lean(centre[:, 0], warm_start)
        elites = math.ceil(self.elite_share * self.samples)
        for _ in range(self.iterations):
            noise = self.noise * normal(shape, z0, generator)
            if self.num_actions is None:
                noise[:, 0] = 0.0  # for real actions the centre is itself a plan
            plans = self.decode(centre + noise)
            cost = without_nan(self.score(model, z0, goal, plans))
            best.offer(plans, cost)
            above = (cost - cost.min(dim=1, keepdim=True).values).nan_to_num(nan=0.0)  # nan: all are infinite
            temperature = above.kthvalue(elites, dim=1, keepdim=True).values.clamp(1e-6, 1e30)
            weights = (-above / temperature).softmax(dim=1)
            centre = self.inside(centre + (weights[..., None, None] * noise).sum(dim=1, keepdim=True))
        return Plan(best.actions, best.cost, self.iterations * self.samples * self.horizon)


@dataclass(frozen=True, kw_only=True)
class ExhaustivePlanner(Planner):
    """Score all ``A ** T`` discrete plans and return the best.

    The result is the optimum on the model, for short horizons. With ``horizon=1`` this is the greedy planner. At most
    100 000 plans are allowed.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        discrete_only(self)
        count, horizon = self.num_actions, self.horizon
        if count**horizon > 100_000:
            raise ValueError(f"horizon must keep num_actions ** horizon at most 100000, got {count} ** {horizon}")

    def _search(self, model, z0, goal, generator, warm_start) -> Plan:
        every = torch.cartesian_prod(*[torch.arange(self.num_actions, device=z0.device)] * self.horizon)
        plans = every.view(-1, self.horizon).expand(len(z0), -1, -1)
        best = BestPlans()
        best.offer(plans, self.score(model, z0, goal, plans))
        return Plan(best.actions, best.cost, len(every) * self.horizon)
