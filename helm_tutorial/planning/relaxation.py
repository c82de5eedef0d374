"""Relaxed actions: logits become points of the simplex that a gradient can move."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from helm_tutorial._check import require_choice, require_real

RELAXATIONS = ("softmax", "straight-through", "annealed", "gumbel")
"""What :func:`relax` knows, the default first."""

FINAL_TEMPERATURE = 0.03
"""Where ``"annealed"`` ends, a tenth of the step that Adam takes on the logits by default, which then changes odds by
e^10. A warm softmax reaches every mixture of actions too; only steps this coarse keep the descent from holding one."""


def relax(logits: Tensor, relaxation: str = "softmax", *, progress: float, generator: torch.Generator) -> Tensor:
    """The relaxed actions that a planner's cost is computed from.

    * ``"softmax"``: the softmax of the logits.
    * ``"straight-through"``: forwards the one-hot action of the largest logit, exactly; backwards the derivative of
      the softmax (Bengio et al., 2013; Jang et al., 2017, without their noise). The cost is that of the decoded plan;
      the gradient is not its gradient, which is zero almost everywhere.
    * ``"annealed"``: the softmax of the logits over a temperature that falls geometrically from 1 to
      :data:`FINAL_TEMPERATURE`, so that the last relaxed plans are nearly the decoded ones.
    * ``"gumbel"``: a Gumbel-softmax sample (Jang et al., 2017; Maddison et al., 2017), the softmax of logits plus
      fresh standard Gumbel noise, at temperature 1: the noise is all that tells it from ``"softmax"``.

    Args:
        logits: shape ``(..., A)``.
        relaxation: one of the above.
        progress: where the descent stands, from 0 at its first step to 1 at its last; only ``"annealed"`` asks.
        generator: draws the noise, of which only ``"gumbel"`` needs any.

    Returns:
        Points of the simplex, shape ``(..., A)``.

    Raises:
        TypeError: ``progress`` is not a number.
        ValueError: ``relaxation`` is none of these, or ``progress`` is not between 0 and 1.
    """
    require_choice("relaxation", relaxation, RELAXATIONS)
    require_real("progress", progress, low=0.0, high=1.0)
    if relaxation == "annealed":
        return (logits / FINAL_TEMPERATURE**progress).softmax(dim=-1)
    if relaxation == "gumbel":
        uniform = torch.rand(logits.shape, generator=generator, dtype=logits.dtype)
        noise = -(-uniform.clamp_min(torch.finfo(logits.dtype).tiny).log()).log()
        return (logits + noise.to(logits.device)).softmax(dim=-1)
    soft = logits.softmax(dim=-1)
    if relaxation == "softmax":
        return soft
    hard = F.one_hot(logits.argmax(dim=-1), logits.shape[-1]).to(logits.dtype)
    return hard + (soft - soft.detach())  # in this order the bracket is 0 without rounding
