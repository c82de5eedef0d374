"""Where a training runs: on the CPU, or on a GPU where there is one and an update is large enough to gain by it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from helm_tutorial._check import require_count

PAYS_FROM = 2e8
"""Multiplications in one pass of a batch through the encoder from which a training goes to the GPU.

An update of the book's models is some two hundred small kernels, and a GPU takes a few milliseconds to start them
whatever their size. The CPU needs those few milliseconds for a room of 144 states, at 8e6 multiplications, and ten
times as long for one of 784, at 2e8. ``make bench`` measures both sides where there is a GPU.
"""


def training_device(encoder: nn.Module, observations: Tensor, batch: int) -> torch.device:
    """The device on which an ``encoder`` is trained that sees ``batch`` of these ``observations`` ``(N, ...)`` at once.

    The first GPU that CUDA shows, from :data:`PAYS_FROM` on; else the CPU. ``CUDA_VISIBLE_DEVICES=`` hides all GPUs.

    Raises:
        ValueError: ``batch`` is below 1.

    Example:
        >>> training_device(nn.Linear(218, 256), torch.zeros(144, 218), 144)  # Empty-8x8, wherever it runs
        device(type='cpu')
    """
    require_count("batch", batch)
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda" if batch * multiplications(encoder, observations[:1]) >= PAYS_FROM else "cpu")


@torch.no_grad()
def multiplications(network: nn.Module, inputs: Tensor) -> int:
    """How many multiplications ``network`` makes of ``inputs``.

    Example:
        >>> multiplications(nn.Linear(3, 5), torch.zeros(2, 3))
        30
    """
    with FlopCounterMode(display=False) as counter:
        network(inputs)
    return counter.get_total_flops() // 2


def describe_device() -> str:
    """One line for a reader: the version of torch, and what computes."""
    if torch.cuda.is_available():
        return f"torch {torch.__version__}: the CPU, and {torch.cuda.get_device_name()} to train in large rooms"
    return f"torch {torch.__version__} on the CPU, no GPU here: no chapter needs one"
