"""Where a GPU pays: an update of the contrastive model on the CPU over the same on a GPU, in rooms of growing size.

And a thousand seeds side by side on a GPU, in absolute time.

The smallest room in which the ratio is above 1 is where :data:`helm_book.setup_line.PAYS_FROM` should lie. Without a
GPU the figures are null; the CPU's own times are recorded either way.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from measuring import figure, interleaved, ratio, record, seconds

from helm_book import setup_line as device
from helm_study.stacked.contrastive import train_contrastive_stacked
from helm_tutorial.models.contrastive import Training, train_contrastive
from helm_tutorial.worlds.gridworld import Gridworld, load_gridworld

ROOMS = {"8x8": "MiniGrid-Empty-8x8-v0", "16x16": "MiniGrid-Empty-16x16-v0", "four_rooms": "MiniGrid-FourRooms-v0"}
UPDATES, RUNS, MANY = 20, 3, 1000


def training(world: Gridworld, pays_from: float) -> Callable[[], object]:
    """A short training that goes to a GPU from so many multiplications on."""

    def train() -> None:
        device.PAYS_FROM = pays_from
        train_contrastive(world, Training(walks=200, updates=UPDATES), 0)

    return train


def many_seeds() -> dict:
    """Seconds of a whole training of many seeds on the GPU, drawing included; one run, for it is long."""
    world = load_gridworld(ROOMS["8x8"])
    train_contrastive_stacked(world, Training(updates=UPDATES), range(MANY), device="cuda")
    return figure([seconds(lambda: train_contrastive_stacked(world, Training(), range(MANY), device="cuda"))], "s")


def main() -> None:
    """Measure both sides in turn and record."""
    torch.set_num_threads(1)
    figures: dict[str, dict | None] = {}
    for name, env in ROOMS.items():
        world = load_gridworld(env)
        tasks = {"cpu": training(world, float("inf"))}
        if torch.cuda.is_available():
            tasks["gpu"] = training(world, 0.0)
        spent = interleaved(tasks, runs=RUNS)
        updates = UPDATES * max(1.0, world.num_states / 144)
        figures[f"update_cpu_ms_{name}"] = figure([1000 * t / updates for t in spent["cpu"]], "ms")
        figures[f"update_cpu_over_gpu_{name}"] = ratio(spent["cpu"], spent["gpu"]) if "gpu" in spent else None
    figures["seeds1000_gpu_seconds"] = many_seeds() if torch.cuda.is_available() else None
    record(figures)


if __name__ == "__main__":
    main()
