"""What all planners share: their settings, their plans, and the cost of a plan."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
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
"""Mean lead in logit of a warm start's action over the other actions.

It gives odds of e^2, which a search can soon reverse.
"""


@dataclass(frozen=True, eq=False)
class Plan:
    """One plan for each of ``B`` starts.

    Attributes:
        actions: the actions to execute, indices ``(B, T)`` or real numbers ``(B, T, A)``.
        cost: cost of exactly these actions, shape ``(B,)``; ``inf`` if no plan that was tried has a finite cost.
        model_calls: evaluations of the model on a single latent, for each start.
        relaxed_cost: cost of the best relaxed plan, shape ``(B,)``, if the planner relaxes discrete actions.
        states: the states that the planner expects, shape ``(B, T + 1, D)``, if it computes them.

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
class Planner(ABC):
    """Settings that all planners share.

    A planner is called with a model, latents and a goal. Plans consist of discrete actions if ``num_actions`` is given,
    and of real ones if ``low`` and ``high`` are. The model sees a discrete action as a one-hot vector. Searches measure
    real actions in units of half the distance from ``low`` to ``high``, if that is finite, so one step size or spread
    suits all ranges.

    Attributes:
        horizon: steps ``T`` of a plan.
        num_actions: number ``A`` of discrete actions.
        low: smallest value of each of the ``A`` numbers of a real action; may be ``-inf`` if the range includes 0.
        high: largest value of each, or ``inf``. One number is enough where ``A`` is 1.
        cost: what a plan costs, see :mod:`helm_tutorial.planning.cost`.
    """

    horizon: int = 12
    num_actions: int | None = None
    low: Sequence[float] | float | None = None
    high: Sequence[float] | float | None = None
    cost: Cost = field(default_factory=lambda: mean_distance)  # a plain default would be a method of the class

    def __post_init__(self) -> None:
        require_count("horizon", self.horizon)
        if self.num_actions is not None and self.low is None and self.high is None:
            require_count("num_actions", self.num_actions)
            return
        if self.num_actions is not None or self.low is None or self.high is None:
            given = f"{self.num_actions}, {self.low} and {self.high}"
            raise ValueError(f"num_actions must be given, or low and high, and not both, got {given}")
        for name in ("low", "high"):  # gymnasium's Box has arrays
            side = getattr(self, name)
            bounds = [side] if isinstance(side, (int, float)) else side
            object.__setattr__(self, name, tuple(float(bound) for bound in bounds))
        if len(self.low) != len(self.high) or not self.low:
            raise ValueError(f"low and high must have one number for each action, got {self.low} and {self.high}")
        bounds = list(zip(self.low, self.high, strict=True))
        if not all(low <= high for low, high in bounds):
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
            model: ``z_next = model(z, a)``. A module is kept in evaluation mode while planning.
            z0: latents to start from, shape ``(B, D)``; the plan has their dtype and device.
            goal: ``G`` latents that count as the goal for every start, shape ``(G, D)``, or a set for each start,
                shape ``(B, G, D)``.
            generator: source of all random numbers; by default a new one with seed 0.
            warm_start: the rest of an earlier plan for each start, shape ``(B, at most T)``, or
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
        if not z0.is_floating_point():
            raise TypeError(f"z0 must hold real numbers, got {z0.dtype}")
        generator = torch.Generator().manual_seed(0) if generator is None else generator
        if not isinstance(generator, torch.Generator):
            raise TypeError(f"generator must be a torch.Generator, got {generator!r}")
        with fixed(model):
            plan = self._search(model, z0.detach(), goal.detach().to(z0), generator, warm_start)
        return plan if self.num_actions is not None else replace(plan, actions=plan.actions.to(z0.dtype))

    @abstractmethod
    def _search(self, model, z0, goal, generator, warm_start) -> Plan:
        """Search for the best plan, with arguments that have been checked.

        Each kind of planner implements this.
        """

    @property
    def width(self) -> int:
        """Dimension ``A`` of an action as the model sees it."""
        return len(self.low) if self.num_actions is None else self.num_actions

    def score(self, model: Dynamics, z0: Tensor, goal: Tensor, plans: Tensor) -> Tensor:
        """Cost of this planner's ``plans``, see :func:`score`."""
        return score(model, z0, goal, plans, num_actions=self.num_actions, cost=self.cost)

    def decode(self, x: Tensor) -> Tensor:
        """Turn the numbers ``(..., T, A)`` that a search changes into plans.

        A discrete action is the index of the largest number. A real action goes from ``low`` to ``high`` as its number
        goes from -1 to 1, or is the number itself if its range is infinite.
        """
        if self.num_actions is not None:
            return x.argmax(dim=-1)
        low, high, finite = self._range(x)
        low, high = low.where(finite, 0.0), high.where(finite, 0.0)
        x = self.inside(x)
        return torch.where(finite, low.lerp(high, (x + 1.0) / 2.0), x)  # exactly low at -1 and high at 1

    def inside(self, x: Tensor) -> Tensor:
        """Clamp numbers to the range that :meth:`decode` has for real actions."""
        if self.num_actions is not None:
            return x
        low, high, finite = self._range(x)
        return x.clamp(low.where(~finite, -1.0), high.where(~finite, 1.0))

    def encode(self, actions: Tensor, like: Tensor) -> Tensor:
        """Turn real ``actions`` into the numbers that :meth:`decode` maps to them."""
        low, high, finite = self._range(like)
        actions = actions.to(like)
        return torch.where(finite, 2.0 * (actions - low) / (high - low).where(high > low, 1.0) - 1.0, actions)

    def lean(self, x: Tensor, warm_start: Tensor | None) -> None:
        """Move numbers ``(B, T, A)`` towards a warm start, in place.

        The logits of its discrete actions are raised by :data:`LEANING`. Real numbers are set to its real actions.
        """
        if warm_start is not None and self.num_actions is not None:
            x[:, : warm_start.shape[1]] += LEANING * F.one_hot(warm_start, self.num_actions)
        elif warm_start is not None:
            x[:, : warm_start.shape[1]] = self.encode(warm_start, x)

    def _range(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        low, high = (torch.tensor(side, dtype=like.dtype, device=like.device) for side in (self.low, self.high))
        return low, high, (high - low).isfinite()


def imagined_cost(model: Dynamics, z0: Tensor, goal: Tensor, actions: Tensor, cost: Cost = mean_distance) -> Tensor:
    """Cost of imagined actions ``(B, S, T, A)``, shape ``(B, S)``.

    The starts ``z0`` have shape ``(B, D)``. The cost is in float32 or a more precise dtype.
    """
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
        """Keep the cheapest of ``S`` plans for each start.

        ``costs`` has shape ``(B, S)``. A plan replaces the one kept so far only if it is cheaper.
        """
        cost, which = without_nan(costs).min(dim=1)
        chosen = plans[torch.arange(len(plans), device=plans.device), which]
        if self.actions is not None:
            better = cost < self.cost
            chosen = torch.where(better.view(-1, *[1] * (chosen.ndim - 1)), chosen, self.actions)
            cost = torch.where(better, cost, self.cost)
        self.actions, self.cost = chosen, cost


def without_nan(costs: Tensor) -> Tensor:
    """Replace ``nan`` by infinity in costs.

    Otherwise a rollout that overflowed would win every comparison.
    """
    return torch.where(costs.isnan(), math.inf, costs)


def precise(z: Tensor) -> torch.dtype:
    """Dtype in which searches compute: that of ``z``, but at least float32."""
    return torch.promote_types(z.dtype, torch.float32)


def normal(shape: Sequence[int], z: Tensor, generator: torch.Generator) -> Tensor:
    """Draw standard normal numbers and move them to the device of ``z``."""
    return torch.randn(shape, generator=generator, dtype=precise(z), device=generator.device).to(z.device)


def discrete_only(planner: Planner) -> None:
    """Raise unless the planner has discrete actions."""
    if planner.num_actions is None:
        raise ValueError(f"num_actions must be given: a {type(planner).__name__} plans discrete actions only")


@contextmanager
def fixed(model: Callable) -> Iterator[None]:
    """Freeze a module in evaluation mode, and restore it afterwards.

    Its weights need no gradients meanwhile.
    """
    if not isinstance(model, torch.nn.Module):
        yield
        return
    modes = {module: module.training for module in model.modules()}
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    try:
        model.eval()
        for weight in weights:  # otherwise each gradient step would build the graph of the weights too
            weight.requires_grad_(False)
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        for weight in weights:
            weight.requires_grad_(True)
