"""Planning by gradient: relax the actions, descend the cost, decode.

The planners to compare it with are in :mod:`helm_tutorial.planning.search` and
:mod:`helm_tutorial.planning.local_search`. No planner sees the environment, a state index or a geodesic distance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from helm_tutorial._check import require_choice, require_count, require_real
from helm_tutorial.planning.plan import BestPlans, Plan, Planner, imagined_cost, normal, without_nan

RELAXATIONS = ("softmax", "straight-through", "annealed", "gumbel")
"""Relaxations in :func:`relax`; the first is the default."""

FINAL_TEMPERATURE = 0.03
"""Final temperature of ``"annealed"``.

It is a tenth of Adam's default step on the logits, so that one step then changes odds by e^10.
"""


@dataclass(frozen=True)
class Iterate:
    """One gradient step, as an observer of :class:`GradientPlanner` sees it.

    There are ``B`` starts and ``S`` restarts.

    Attributes:
        updates: number of gradient steps taken before this one, from 0.
        actions: the relaxed actions that are imagined, shape ``(B, S, T, A)``.
        cost: their cost, shape ``(B, S)``.
        decoded: the plans decoded after one more update, shape ``(B, S, T)``; ``None`` if none are scored.
        decoded_cost: the cost of the decoded plans, shape ``(B, S)``, or ``None``.
    """

    updates: int
    actions: Tensor
    cost: Tensor
    decoded: Tensor | None = None
    decoded_cost: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class GradientPlanner(Planner):
    """Optimise several initial plans by Adam and return the best plan seen.

    A discrete action is relaxed to a point of the simplex, made from ``A`` logits. The relaxed cost says little about
    the plan that is executed, so each restart is decoded and scored every few steps. Real actions need no relaxation:
    every iterate is a plan, and is moved back into its bounds after each step.

    Attributes:
        restarts: initial plans ``S`` for each start.
        steps: number of gradient steps.
        lr: step size of Adam on the logits, or on real actions.
        spread: standard deviation of the initial logits, or of the initial real actions.
        decode_every: gradient steps between two scorings of decoded plans; the last iterate is always scored.
        relaxation: one of :data:`RELAXATIONS`, see :func:`relax`.
        watch: called with an :class:`Iterate` at every step.

    Example:
        >>> import torch
        >>> moves = torch.tensor([[-1.0], [0.0], [1.0]])  # three actions on a line
        >>> planner = GradientPlanner(horizon=4, num_actions=3)
        >>> plan = planner(lambda z, a: z + a @ moves, torch.zeros(1, 1), torch.tensor([[3.0]]))
        >>> plan.actions  # three steps to the right, then stay
        tensor([[2, 2, 2, 1]])
    """

    restarts: int = 8
    steps: int = 100
    lr: float = 0.3
    spread: float = 1.0
    decode_every: int = 10
    relaxation: str = "softmax"
    watch: Callable[[Iterate], None] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("restarts", "steps", "decode_every"):
            require_count(name, getattr(self, name))
        require_real("lr", self.lr, above=0.0)
        require_real("spread", self.spread, low=0.0)
        require_choice("relaxation", self.relaxation, RELAXATIONS)

    @torch.enable_grad()
    def _search(self, model, z0, goal, generator, warm_start) -> Plan:
        x = self.spread * normal((len(z0), self.restarts, self.horizon, self.width), z0, generator)
        self.lean(x[:, 0], warm_start)
        x = self.inside(x).requires_grad_(True)
        optimizer = torch.optim.Adam([x], lr=self.lr)
        best, relaxed_cost, scorings = BestPlans(), torch.inf, 0
        for step in range(1, self.steps + 1):
            actions = self._relaxed(x, step, generator)
            cost = imagined_cost(model, z0, goal, actions, self.cost)
            (x.grad,) = torch.autograd.grad(cost.sum(), x)
            optimizer.step()
            actions, cost = actions.detach(), cost.detach()
            decoded = decoded_cost = None
            if self.num_actions is None:
                best.offer(actions, cost)
                x.data = self.inside(x.data)
            elif step % self.decode_every == 0 or step == self.steps:
                decoded = self.decode(x.detach())
                decoded_cost = self.score(model, z0, goal, decoded)
                best.offer(decoded, decoded_cost)
                scorings += 1
            relaxed_cost = without_nan(cost).min(dim=1).values.clamp_max(relaxed_cost)
            if self.watch is not None:
                self.watch(Iterate(step - 1, actions.clone(), cost.clone(), decoded, decoded_cost))
        calls = self.restarts * self.horizon * (self.steps + scorings)
        return Plan(best.actions, best.cost, calls, relaxed_cost if self.num_actions else None)

    def _relaxed(self, x: Tensor, step: int, generator: torch.Generator) -> Tensor:
        if self.num_actions is None:
            return self.decode(x)
        return relax(x, self.relaxation, progress=(step - 1) / max(self.steps - 1, 1), generator=generator)


def relax(logits: Tensor, relaxation: str = "softmax", *, progress: float, generator: torch.Generator) -> Tensor:
    """Relax actions: map logits to points of the simplex, shape ``(..., A)``.

    The cost of a plan is computed from these.

    * ``"softmax"``: the softmax of the logits.
    * ``"straight-through"``: the forward pass gives the one-hot action of the largest logit, exactly; the backward pass
      gives the derivative of the softmax (Bengio et al., 2013; Jang et al., 2017, without their noise). The cost is
      that of the decoded plan. The gradient is not the gradient of that cost, which is zero almost everywhere.
    * ``"annealed"``: the softmax of the logits over a temperature that falls geometrically from 1 to
      :data:`FINAL_TEMPERATURE`, so that the last relaxed plans are nearly the decoded ones.
    * ``"gumbel"``: a Gumbel-softmax sample (Jang et al., 2017; Maddison et al., 2017), the softmax of the logits plus
      fresh standard Gumbel noise, at temperature 1.

    Args:
        logits: shape ``(..., A)``.
        relaxation: one of the above.
        progress: from 0 at the first gradient step to 1 at the last; only ``"annealed"`` uses it.
        generator: source of the noise; only ``"gumbel"`` draws any.
    """
    require_choice("relaxation", relaxation, RELAXATIONS)
    if relaxation == "annealed":
        return (logits / FINAL_TEMPERATURE**progress).softmax(dim=-1)
    if relaxation == "gumbel":
        uniform = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=generator.device)
        noise = -(-uniform.clamp_min(torch.finfo(logits.dtype).tiny).log()).log()
        return (logits + noise.to(logits.device)).softmax(dim=-1)
    soft = logits.softmax(dim=-1)
    if relaxation == "softmax":
        return soft
    hard = F.one_hot(logits.argmax(dim=-1), logits.shape[-1]).to(logits.dtype)
    return hard + (soft - soft.detach())  # in this order the bracket is 0 without rounding
