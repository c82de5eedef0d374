"""What all planners share: the plan they return, what a plan costs on the model, and the best of many."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from helm_tutorial._check import require_count, require_shape
from helm_tutorial.planning.cost import Cost, mean_distance
from helm_tutorial.rollouts import Dynamics, rollout

LEANING = 2.0
"""By how much the logit of a warm start's action exceeds the others in the mean: odds of e^2, soon turned."""


@dataclass(frozen=True, eq=False)
class Plan:
    """One plan for each of ``B`` starts.

    Attributes:
        actions: what is to be executed, action indices ``(B, T)`` or real numbers ``(B, T, A)``.
        cost: cost of exactly these actions, shape ``(B,)``; ``inf`` where no plan that was tried has a finite cost.
        model_calls: evaluations of the model on a single latent, for each start.
        relaxed_cost: cost of the best relaxed plan, shape ``(B,)``, where a planner relaxes discrete actions.
        states: the states that the planner expects, shape ``(B, T + 1, D)``, where it computes them.

    Example:
        >>> import torch
        >>> from helm_tutorial import GradientPlanner
        >>> planner = GradientPlanner(horizon=3, low=[-1.0], high=[1.0], restarts=2, steps=5)
        >>> plan = planner(lambda z, a: z + a, torch.zeros(1, 1), torch.ones(1, 1))
        >>> plan.actions.shape, plan.model_calls
        (torch.Size([1, 3, 1]), 30)
    """

    actions: Tensor
    cost: Tensor
    model_calls: int = 0
    relaxed_cost: Tensor | None = None
    states: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Planner:
    """The settings that all planners share; a planner is called with a model, latents and a goal.

    Plans consist of discrete actions where ``num_actions`` is given, of real ones where ``low`` and ``high`` are. The
    model sees a discrete action as a one-hot vector. Searches count real actions in half the distance from ``low`` to
    ``high``, where that is finite, so one step size or spread suits all ranges.

    Attributes:
        horizon: steps ``T`` of a plan.
        num_actions: number ``A`` of discrete actions.
        low: least value of each of ``A`` real actions; may be ``-inf`` if the range includes 0.
        high: largest value of each, or ``inf``.
        cost: what a plan costs, see :mod:`helm_tutorial.planning.cost`.
    """

    horizon: int = 12
    num_actions: int | None = None
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    cost: Cost = field(default_factory=lambda: mean_distance)  # a plain default would be a method of the class

    def __post_init__(self) -> None:
        require_count("horizon", self.horizon)
        if self.num_actions is not None and self.low is None and self.high is None:
            require_count("num_actions", self.num_actions)
            return
        if self.num_actions is not None or self.low is None or self.high is None:
            raise ValueError("num_actions must be given, or low and high, and not both")
        for name in ("low", "high"):  # a Box of gymnasium has arrays
            object.__setattr__(self, name, tuple(float(bound) for bound in getattr(self, name)))
        bounds = list(zip(self.low, self.high, strict=False))
        if len(self.low) != len(self.high) or not all(low <= high for low, high in bounds) or not bounds:
            raise ValueError(f"low must be at most high, number by number, got {self.low} and {self.high}")
        if any(math.isinf(high - low) and not low <= 0.0 <= high for low, high in bounds):
            raise ValueError(f"low and high must enclose 0 where one is infinite, got {self.low} and {self.high}")

    def __call__(
        self,
        model: Dynamics,
        z0: Tensor,
        goal: Tensor,
        *,
        generator: torch.Generator | None = None,
        warm_start: Tensor | None = None,
    ) -> Plan:
        """Plan from each of ``B`` starts; works under ``torch.no_grad`` too.

        Args:
            model: ``z_next = model(z, a)``. A module is in evaluation mode meanwhile.
            z0: latents to start from, shape ``(B, D)``; the plan has their dtype and device.
            goal: ``G`` latents that count as the goal for every start, shape ``(G, D)``, or a set for each start,
                shape ``(B, G, D)``.
            generator: source of all random numbers; by default a new one with seed 0.
            warm_start: what is left of an earlier plan for each start, shape ``(B, at most T)``, or
                ``(B, at most T, A)`` for real actions; the search begins near it.
        """
        require_shape("z0", z0, ("B", "D"))
        batch, size = z0.shape
        alternatives = ("G", size) if isinstance(goal, Tensor) and goal.ndim < 3 else (batch, "G", size)
        require_shape("goal", goal, alternatives)
        for name, count in {"the number of starts": batch, "the number of goal latents": goal.shape[-2]}.items():
            require_count(name, count)
        if warm_start is not None:
            step = () if self.num_actions is not None else (self.width,)
            require_shape("warm_start", warm_start, (batch, "at most T", *step))
            require_count("the length of warm_start", warm_start.shape[1], low=0, high=self.horizon)
            warm_start = warm_start.to(z0.device)
        generator = torch.Generator().manual_seed(0) if generator is None else generator
        with fixed(model):
            plan = self._search(model, z0.detach(), goal.detach().to(z0), generator, warm_start)
        return plan if self.num_actions is not None else replace(plan, actions=plan.actions.to(z0.dtype))

    def _search(self, model, z0, goal, generator, warm_start) -> Plan:
        """What a kind of planner adds: the search, from arguments that have been checked."""
        raise NotImplementedError

    @property
    def width(self) -> int:
        """Numbers ``A`` that the model sees of an action."""
        return len(self.low) if self.num_actions is None else self.num_actions

    def score(self, model: Dynamics, z0: Tensor, goal: Tensor, plans: Tensor) -> Tensor:
        """Cost of this planner's ``plans``, see :func:`score`."""
        return score(model, z0, goal, plans, num_actions=self.num_actions, cost=self.cost)

    def decode(self, x: Tensor) -> Tensor:
        """The plans of numbers ``(..., T, A)`` that a search moves.

        Discrete actions are those with the largest number. Real ones go from ``low`` to ``high`` as a number goes from
        -1 to 1, or are the number itself where the range is infinite.
        """
        if self.num_actions is not None:
            return x.argmax(dim=-1)
        low, high, finite = self._range(x)
        low, high = low.where(finite, 0.0), high.where(finite, 0.0)
        x = self.inside(x)
        return torch.where(finite, low.lerp(high, (x + 1.0) / 2.0), x)  # exactly low at -1 and high at 1

    def inside(self, x: Tensor) -> Tensor:
        """The numbers moved into the range that :meth:`decode` has for real actions."""
        if self.num_actions is not None:
            return x
        low, high, finite = self._range(x)
        return x.clamp(low.where(~finite, -1.0), high.where(~finite, 1.0))

    def encode(self, actions: Tensor, like: Tensor) -> Tensor:
        """Numbers that :meth:`decode` makes real ``actions`` of."""
        low, high, finite = self._range(like)
        actions = actions.to(like)
        return torch.where(finite, 2.0 * (actions - low) / (high - low).where(high > low, 1.0) - 1.0, actions)

    def lean(self, x: Tensor, warm_start: Tensor | None) -> None:
        """Let numbers ``(B, T, A)`` lean towards the discrete actions of a warm start, or begin at the real ones."""
        if warm_start is not None and self.num_actions is not None:
            x[:, : warm_start.shape[1]] += LEANING * F.one_hot(warm_start, self.num_actions)
        elif warm_start is not None:
            x[:, : warm_start.shape[1]] = self.encode(warm_start, x)

    def _range(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        low, high = (torch.tensor(side, dtype=like.dtype, device=like.device) for side in (self.low, self.high))
        return low, high, (high - low).isfinite()


def imagined_cost(model: Dynamics, z0: Tensor, goal: Tensor, actions: Tensor, cost: Cost = mean_distance) -> Tensor:
    """Cost of imagined actions ``(B, S, T, A)`` from ``z0`` ``(B, D)``: shape ``(B, S)``, float32 or better."""
    size = actions.shape[:2]
    latents = rollout(model, z0.repeat_interleave(size[1], dim=0), actions.to(z0.dtype).flatten(0, 1))[:, 1:]
    goal = goal[:, None, None] if goal.ndim == 3 else goal
    found = cost(latents.to(precise(z0)).unflatten(0, size), goal.to(precise(z0)))
    require_shape("what cost returns", found, tuple(size))
    return found


@torch.no_grad()
def score(
    model: Dynamics,
    z0: Tensor,
    goal: Tensor,
    plans: Tensor,
    *,
    num_actions: int | None = None,
    cost: Cost = mean_distance,
) -> Tensor:
    """Cost of ``S`` plans for each start, shape ``(B, S)``.

    Args:
        model: ``z_next = model(z, a)``.
        z0: latents to start from, shape ``(B, D)``.
        goal: latents of the goal, shape ``(G, D)`` or ``(B, G, D)``.
        plans: action indices ``(B, S, T)``, with ``num_actions``, or real actions ``(B, S, T, A)``.
        num_actions: number ``A`` of discrete actions.
        cost: what a plan costs, see :mod:`helm_tutorial.planning.cost`.
    """
    return imagined_cost(model, z0, goal, plans if num_actions is None else F.one_hot(plans, num_actions), cost)


class BestPlans:
    """The best plan offered so far for each of ``B`` starts.

    Attributes:
        actions: that plan, shape ``(B, T)`` or ``(B, T, A)``.
        cost: its cost, shape ``(B,)``.
    """

    def __init__(self) -> None:
        self.actions: Tensor | None = None
        self.cost: Tensor | None = None

    def offer(self, plans: Tensor, costs: Tensor) -> None:
        """Keep for each start the cheapest of ``S`` plans, costs ``(B, S)``, if it is cheaper than the one kept."""
        cost, which = without_nan(costs).min(dim=1)
        chosen = plans[torch.arange(len(plans), device=plans.device), which]
        if self.actions is not None:
            better = cost < self.cost
            chosen = torch.where(better.view(-1, *[1] * (chosen.ndim - 1)), chosen, self.actions)
            cost = torch.where(better, cost, self.cost)
        self.actions, self.cost = chosen, cost


def without_nan(costs: Tensor) -> Tensor:
    """Costs with infinity for ``nan``: a rollout that overflowed must not win every comparison."""
    return torch.where(costs.isnan(), math.inf, costs)


def precise(z: Tensor) -> torch.dtype:
    """The precision that searches count in: that of ``z``, but at least float32."""
    return torch.promote_types(z.dtype, torch.float32)


def normal(shape: Sequence[int], z: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal numbers for a search on the device of ``z``."""
    return torch.randn(shape, generator=generator, dtype=precise(z), device=generator.device).to(z.device)


def discrete_only(planner: Planner) -> None:
    """Raise unless the planner has discrete actions."""
    if planner.num_actions is None:
        raise ValueError(f"num_actions must be given: a {type(planner).__name__} plans discrete actions only")


@contextmanager
def fixed(model: Callable) -> Iterator[None]:
    """Hold a module in evaluation mode and its weights without gradients, and restore both."""
    if not isinstance(model, torch.nn.Module):
        yield
        return
    modes = {module: module.training for module in model.modules()}
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    try:
        model.eval()
        for weight in weights:  # or each gradient step would build the graph of the weights too
            weight.requires_grad_(False)
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        for weight in weights:
            weight.requires_grad_(True)
