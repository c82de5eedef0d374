"""Our Adam against PyTorch's class, and that it spares what the class imports."""

import pytest
import torch

from helm_tutorial.models.adam import Adam


def _tensors() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator).requires_grad_(True) for shape in ((3, 4), (4,), ())]


@pytest.mark.parametrize("fused", [False, True])
def test_the_numbers_are_those_of_pytorchs_class(fused):
    ours, theirs = _tensors(), _tensors()
    optimizers = Adam(ours, lr=0.1, fused=fused), torch.optim.Adam(theirs, lr=0.1, fused=fused)
    for step in range(30):
        for tensors, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            # The last tensor has no gradient at first: its moments begin later.
            used = tensors if step >= 10 else tensors[:-1]
            sum(tensor.sin().sum() for tensor in used).backward()
            optimizer.step()
        if step == 20:
            optimizers[0].lr = optimizers[1].param_groups[0]["lr"] = 0.01
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a, b)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"lr must be finite and greater than 0\.0, got 0\.0"):
        Adam(_tensors(), lr=0.0)
    with pytest.raises(ValueError, match="tensors must hold at least one tensor, got none"):
        Adam([])
