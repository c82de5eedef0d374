"""Which numbers of a stored output this processor is to reach: all of them, or none because it rounds otherwise.

    python tools/rounding.py book/*.ipynb    prints what nbval is to pass over

A training repeats every bit on processors of one kind. On another kind sums are added up in another order, and what the
last bit says grows over thousands of updates into another model: its numbers are right and are not the stored ones.
So each notebook keeps a fingerprint of the rounding it was executed with. Where that is this processor's, every checked
output is compared; elsewhere its words are, its numbers are not.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import nbformat
import torch

FOLDER = Path("tests") / "notebooks"
UPDATES = 100


def fingerprint() -> str:
    """Digest of a short training with torch alone, of the kinds of arithmetic that the chapters use."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(144, 148, generator=generator)
    wide = (torch.randn(148, 128, generator=generator) / 148**0.5).requires_grad_()
    narrow = (torch.randn(128, 64, generator=generator) / 128**0.5).requires_grad_()
    optimizer = torch.optim.Adam([wide, narrow], lr=1e-3, fused=True)
    for _ in range(UPDATES):
        z = torch.nn.functional.normalize(torch.relu(x @ wide) @ narrow, dim=-1)
        loss = -torch.log_softmax(z @ z.T.roll(1, dims=1) / 0.1, dim=1).diagonal().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    digest = hashlib.sha256(wide.detach().numpy().tobytes() + narrow.detach().numpy().tobytes())
    waves = torch.linspace(0, 30, 1000, dtype=torch.float64)
    for part in (waves.sin(), waves.cos(), (-waves).exp(), x.double() @ x.double().T):
        digest.update(part.numpy().tobytes())
    return digest.hexdigest()[:12]


def passed_over(paths: list[Path]) -> Path:
    """The file that tells nbval what may differ between the stored outputs of ``paths`` and this processor's."""
    here = fingerprint()
    other = [path.stem for path in paths if nbformat.read(path, as_version=4).metadata.get("rounding") != here]
    if not other:
        return FOLDER / "same_rounding.cfg"
    print(f"This processor rounds otherwise than that of {', '.join(other)}: numbers may differ", file=sys.stderr)
    return FOLDER / "other_rounding.cfg"


if __name__ == "__main__":
    print(passed_over([Path(name) for name in sys.argv[1:]]))
