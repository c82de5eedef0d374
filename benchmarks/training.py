"""How long a world model of MiniGrid-Empty-8x8 trains on one core to a prediction accuracy of 100 %, and 16 of them.

Sixteen seeds are trained as a study trains them: by as many processes as there are cores (``--jobs``), started before
the clock. Weights stacked into one batch of matrices were tried and are no faster than that: an update is mostly
arithmetic already, and stacked it no longer fits the cache.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch
from measuring import curve, exponent, figure, interleaved, ratio, record, seconds

from helm_tutorial import diagnosis
from helm_tutorial.gridworld import load_gridworld
from helm_tutorial.recipes import Training, train_contrastive

RUNS, SEEDS = 3, (1, 2, 4, 8, 16)


def train(seed: int, updates: int = Training.updates) -> float:
    """Train a model with ``seed``; its prediction accuracy."""
    torch.set_num_threads(1)
    world = load_gridworld("MiniGrid-Empty-8x8-v0")
    return diagnosis.prediction_accuracy(train_contrastive(world, Training(updates=updates), seed), world)


def main() -> None:
    """Train with the first seeds and record."""
    train(0, updates=10)  # the first update of a process is slow
    taken = []
    for seed in range(RUNS):
        accuracies = []
        taken.append(seconds(lambda seed=seed, accuracies=accuracies: accuracies.append(train(seed))))
        print(f"  seed {seed}: {taken[-1]:.1f} s, prediction accuracy {accuracies[0]:.3f}", flush=True)
        assert accuracies[0] > 0.999
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        list(pool.map(train, range(os.cpu_count() or 1), [10] * (os.cpu_count() or 1)))
        spent = interleaved({n: lambda n=n: list(pool.map(train, range(n))) for n in SEEDS}, runs=2)
    times = {n: min(runs) for n, runs in spent.items()}
    figures = {
        "train_seconds": figure(taken, "s"),
        "seeds16_over_1": ratio(spent[16], spent[1]),
        "growth_training_with_seeds": exponent(times),
    }
    lines = {f"{os.cpu_count()} processes": times}
    record(figures, curves={"seeds": curve("Many trainings", "seeds", "s", lines)})


if __name__ == "__main__":
    main()
