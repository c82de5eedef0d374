"""The training loop of every model in the book."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from helm_tutorial._check import require_count, require_real

Progress = Callable[[int, int, float], None]
"""Progress callback, called as ``progress(step, steps, loss)``.

It is called about a hundred times in a fit.
"""


class TrainingDiverged(RuntimeError):
    """The loss is no longer finite; the message names the step."""


def fit(
    parameters: nn.Module | Iterable[Tensor],
    loss: Callable[[], Tensor],
    *,
    steps: int,
    lr: float = 1e-3,
    decay: bool = False,
    progress: Progress | None = None,
) -> Tensor:
    """Minimise ``loss()`` with Adam.

    Each call of ``loss`` draws its own batch from its own ``torch.Generator``. So the loop knows nothing of data, and
    the same generator state gives the same fit. It works under ``torch.no_grad`` too.

    Args:
        parameters: a module, or the tensors to train.
        loss: returns a scalar tensor.
        steps: number of Adam steps.
        lr: step size.
        decay: let the step size fall linearly to 0 over the second half, so that the noise of the batches fades.
        progress: see :data:`Progress`.

    Returns:
        The loss before each step, shape ``(steps,)``.

    Raises:
        TrainingDiverged: the loss is not finite.
    """
    require_count("steps", steps)
    require_real("lr", lr, above=0.0)
    tensors = list(parameters.parameters() if isinstance(parameters, nn.Module) else parameters)
    optimizer = torch.optim.Adam(tensors, lr=lr, fused=True)
    history = torch.empty(steps, device=tensors[0].device)
    report_every = max(1, steps // 100)
    for step in range(steps):
        if decay:
            optimizer.param_groups[0]["lr"] = lr * min(1.0, 2.0 * (1.0 - step / steps))
        optimizer.zero_grad()
        with torch.enable_grad():
            value = loss()
            value.backward()
        optimizer.step()
        history[step] = value.detach()
        if step % report_every == 0 or step == steps - 1:
            # Reading the number waits for the device, so look for divergence only here.
            number = float(history[step])
            if not math.isfinite(number):
                raise TrainingDiverged(f"the loss is {number} at step {step} of {steps}; try an lr below {lr}")
            if progress is not None:
                progress(step + 1, steps, number)
    return history.cpu()
