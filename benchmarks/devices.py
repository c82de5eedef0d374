"""What a GPU gives: an update of the contrastive model on the CPU over the same on a GPU, in rooms of growing size.

And a thousand seeds side by side on a GPU, in absolute time. Without a GPU the figures are null; the CPU's own times
are recorded either way.
"""

from __future__ import annotations

from functools import partial

import torch
from measuring import figure, interleaved, ratio, record, seconds

from helm_study.stacked.contrastive import train_contrastive_stacked
from helm_tutorial.models.contrastive import train_contrastive
from helm_tutorial.models.settings import Contrastive, updates_for
from helm_tutorial.worlds.gridworld import load_gridworld

ROOMS = {"8x8": "MiniGrid-Empty-8x8-v0", "16x16": "MiniGrid-Empty-16x16-v0", "four_rooms": "MiniGrid-FourRooms-v0"}
UPDATES, RUNS, MANY = 20, 3, 1000


def many_seeds() -> dict:
    """Seconds of a whole training of many seeds on the GPU, drawing included; one run, for it is long."""
    world = load_gridworld(ROOMS["8x8"])
    train_contrastive_stacked(world, Contrastive(updates=UPDATES), range(MANY), device="cuda")
    return figure([seconds(lambda: train_contrastive_stacked(world, Contrastive(), range(MANY), device="cuda"))], "s")


def main() -> None:
    """Measure both sides in turn and record."""
    torch.set_num_threads(1)
    figures: dict[str, dict | None] = {}
    for name, env in ROOMS.items():
        world, few = load_gridworld(env), Contrastive(walks=200, updates=UPDATES)
        tasks = {"cpu": partial(train_contrastive, world, few)}
        if torch.cuda.is_available():
            tasks["gpu"] = partial(train_contrastive, world, few, device="cuda")
        spent = interleaved(tasks, runs=RUNS)
        updates = updates_for(UPDATES, world.num_states)
        figures[f"update_cpu_ms_{name}"] = figure([1000 * t / updates for t in spent["cpu"]], "ms")
        figures[f"update_cpu_over_gpu_{name}"] = ratio(spent["cpu"], spent["gpu"]) if "gpu" in spent else None
    figures["seeds1000_gpu_seconds"] = many_seeds() if torch.cuda.is_available() else None
    record(figures)


if __name__ == "__main__":
    main()
