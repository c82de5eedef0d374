"""Adam, as PyTorch computes it, without the half of PyTorch that its class brings along."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.adam import adam

from helm_tutorial._check import require_real


class Adam:
    """``torch.optim.Adam`` with its default settings: the same numbers, bit for bit, from the same function.

    The first optimiser that a process makes from PyTorch's classes imports PyTorch's compiler and what that needs, as
    long again as importing PyTorch itself. Every notebook would wait for that once, and nothing is learned meanwhile;
    the function underneath, ``torch.optim.adam.adam``, asks for none of it.

    Args:
        tensors: what is changed in place; a tensor without a gradient stays as it is.
        lr: step size; may be set anew between steps.
        fused: one kernel for all tensors together; pays where they are many and small, as in training.

    Raises:
        ValueError: ``lr`` is not positive, or there are no tensors.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.

    Example:
        >>> x = torch.tensor([3.0], requires_grad=True)
        >>> optimizer = Adam([x], lr=1.0)
        >>> (x.grad,) = torch.autograd.grad(x.square().sum(), x)
        >>> optimizer.step()
        >>> x.detach()  # the first step is as long as lr, whatever the gradient
        tensor([2.])
    """

    def __init__(self, tensors: Iterable[Tensor], *, lr: float = 1e-3, fused: bool = False) -> None:
        require_real("lr", lr, above=0.0)
        self.lr, self.fused = lr, fused
        self._tensors = list(tensors)
        if not self._tensors:
            raise ValueError("tensors must hold at least one tensor, got none")
        self._means = [torch.zeros_like(tensor, requires_grad=False) for tensor in self._tensors]
        self._squares = [torch.zeros_like(tensor, requires_grad=False) for tensor in self._tensors]
        # Counted apart, because a tensor that had no gradient at first begins later.
        self._counts = [torch.tensor(0.0, device=tensor.device if fused else "cpu") for tensor in self._tensors]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for tensor in self._tensors:
            tensor.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """One step along the gradients that the tensors hold in ``grad``."""
        held = [k for k, tensor in enumerate(self._tensors) if tensor.grad is not None]
        adam(
            [self._tensors[k] for k in held],
            [self._tensors[k].grad for k in held],
            [self._means[k] for k in held],
            [self._squares[k] for k in held],
            [],
            [self._counts[k] for k in held],
            fused=True if self.fused else None,  # None: what PyTorch chooses on this device
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self.lr,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )
