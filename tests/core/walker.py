"""Small planning problems that several tests share."""

import torch

ACTIONS, HORIZON = 3, 5
MOVES = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-0.5, -0.5]])
DISCRETE = {"horizon": HORIZON, "num_actions": ACTIONS}
REAL = {"horizon": HORIZON, "low": [-1.0, -0.3], "high": [0.5, 0.3]}


def walker(z: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
    """A point in the plane that each action moves its own way, on slightly curved ground; real actions push it."""
    return z + (a @ MOVES.to(a.dtype) if a.shape[1] == ACTIONS else a) + 0.05 * torch.sin(3 * z)


def problem() -> tuple[torch.Tensor, torch.Tensor]:
    """Six starts and a goal."""
    return torch.randn(6, 2, generator=seeded(0)), torch.tensor([[2.0, 2.0]])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
