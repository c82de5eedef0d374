"""How long a world model of MiniGrid-Empty-8x8 trains on one core to a prediction accuracy of 100 %, and 16 of them.

Sixteen seeds are trained as the ablation trains its: side by side, in as many processes as there are cores, started
before the clock. What they are compared with is one model by ``train_contrastive``, what a reader waits for; beside
that, the sixteen one by one in the same processes, and sixteen side by side over one trained that way.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import torch
from measuring import curve, exponent, figure, interleaved, ratio, record

from helm_study.fast.contrastive import train_contrastive
from helm_study.stacked.contrastive import train_contrastive_stacked
from helm_tutorial import diagnosis
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.worlds.gridworld import load_gridworld

RUNS, SEEDS, MOST = 3, (1, 2, 4, 8, 16), 16
CORES = os.cpu_count() or 1


def train(seeds: list[int], stacked: bool, updates: int = Contrastive.updates) -> float:
    """Train a model with each seed, side by side or one by one; the least prediction accuracy."""
    torch.set_num_threads(1)
    world, config = load_gridworld("MiniGrid-Empty-8x8-v0"), Contrastive(updates=updates)
    if stacked:
        models = train_contrastive_stacked(world, config, seeds)
    else:
        models = [train_contrastive(world, config, seed) for seed in seeds]
    return min(diagnosis.prediction_accuracy(model, world) for model in models)


def shared(pool: ProcessPoolExecutor, count: int, stacked: bool) -> None:
    """``count`` trainings by the processes of the pool: one batch of seeds for each, or seed by seed."""
    batches = min(count, CORES) if stacked else count
    work = [list(range(first, count, batches)) for first in range(batches)]
    assert min(pool.map(partial(train, stacked=stacked), work)) > 0.999


def main() -> None:
    """Train with the first seeds and record."""
    train([0], stacked=False, updates=10)  # the first update of a process is slow
    taken = []
    for seed in range(RUNS):
        began = time.perf_counter()
        accuracy = train([seed], stacked=False)
        taken.append(time.perf_counter() - began)
        print(f"  seed {seed}: {taken[-1]:.1f} s, prediction accuracy {accuracy:.3f}", flush=True)
        assert accuracy > 0.999
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        list(pool.map(partial(train, stacked=True, updates=10), [[0]] * CORES))
        tasks = {(count, True): partial(shared, pool, count, True) for count in SEEDS}
        tasks |= {(count, False): partial(shared, pool, count, False) for count in (1, MOST)}
        spent = interleaved(tasks, runs=RUNS)
    side_by_side = {count: min(spent[count, True]) for count in SEEDS}
    one_by_one = {count: min(spent[count, False]) for count in (1, MOST)}
    figures = {
        "train_seconds": figure(taken, "s"),
        "seeds16_over_1": ratio(spent[MOST, True], spent[1, False]),
        "seeds16_one_by_one_over_1": ratio(spent[MOST, False], spent[1, False]),
        "seeds16_over_1_side_by_side": ratio(spent[MOST, True], spent[1, True]),
        "growth_training_with_seeds": exponent(side_by_side),
    }
    lines = {f"side by side, {CORES} processes": side_by_side, f"one by one, {CORES} processes": one_by_one}
    record(figures, curves={"seeds": curve("Many trainings", "seeds", "s", lines)})


if __name__ == "__main__":
    main()
