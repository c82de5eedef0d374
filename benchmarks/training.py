"""How long a world model of MiniGrid-Empty-8x8 trains on one core, to a prediction accuracy of 100 %."""

from __future__ import annotations

import time

import torch
from measuring import figure, record

from helm_tutorial import diagnosis
from helm_tutorial.gridworld import load_gridworld
from helm_tutorial.recipes import Training, train_contrastive

RUNS = 3


def main() -> None:
    """Train with the first seeds and record."""
    torch.set_num_threads(1)
    world, taken = load_gridworld("MiniGrid-Empty-8x8-v0"), []
    for seed in range(RUNS):
        began = time.perf_counter()
        model = train_contrastive(world, Training(), seed)
        taken.append(time.perf_counter() - began)
        accuracy = diagnosis.prediction_accuracy(model, world)
        print(f"  seed {seed}: {taken[-1]:.1f} s, prediction accuracy {accuracy:.3f}")
        assert accuracy > 0.999
    record({"train_seconds": figure(taken, "s")})


if __name__ == "__main__":
    main()
