"""How time grows: planning with the horizon, training with the size of a latent and the number of states.

Exponents are slopes of straight lines through logarithms of times, the least of three runs each. The rooms are
MiniGrid's empty ones, built at sizes that it does not register, each in a process of its own: reading the room off the
environment, distances to its goal, an update of the contrastive model, and the most memory over a bare torch. A whole
training there is not run but reckoned, its updates times the time of one: in the largest room it would take days.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial

import gymnasium
import torch
from chapters import peak
from measuring import curve, exponent, figure, record, seconds

from helm_study.fast.contrastive import train_contrastive
from helm_tutorial.models.settings import Contrastive, updates_for
from helm_tutorial.planning.gradient import GradientPlanner
from helm_tutorial.planning.local_search import LocalSearchPlanner
from helm_tutorial.worlds.gridworld import Gridworld, goal_distances, load_gridworld

HORIZONS = (12, 25, 50, 100, 200)
LATENTS = (8, 16, 32, 64, 128)
SIDES = (5, 8, 16, 32, 64)
FEW = Contrastive(walks=200)
"""Data small enough that an update is what is timed."""


def update(world: Gridworld, config: Contrastive = FEW, updates: int = 20) -> float:
    """Milliseconds of one update, the median of some after the first, which is slow."""
    times: list[float] = []

    class Enough(Exception):
        pass

    def progress(step: int, steps: int, loss: float) -> None:
        times.append(time.perf_counter() / apart)
        if len(times) > updates:
            raise Enough

    # Progress is told a hundred times in a fit: of so many updates, after each.
    apart = max(1, updates_for(config.updates, world.num_states) // 100)
    with contextlib.suppress(Enough):
        train_contrastive(world, config, 0, progress=progress)
    return 1000 * statistics.median(later - earlier for earlier, later in itertools.pairwise(times))


def room(side: int) -> dict:
    """What a room of this size takes, on its own in this process."""
    bare, name = peak(), f"MiniGrid-Empty-{side}x{side}-v0"
    if name not in gymnasium.registry:
        gymnasium.register(name, entry_point="minigrid.envs:EmptyEnv", kwargs={"size": side})
    found = {}
    worlds: list[Gridworld] = []
    found["load"] = seconds(lambda: worlds.append(load_gridworld(name)))
    found["states"] = worlds[0].num_states
    found["distances"] = seconds(lambda: goal_distances(worlds[0]))
    found["update"] = update(worlds[0], updates=5 if side > 32 else 20)
    found["training"] = updates_for(Contrastive.updates, worlds[0].num_states) * found["update"] / 1000
    return found | {"memory": peak() - bare}


def main() -> None:
    """Measure everything and record."""
    torch.set_num_threads(1)
    world = load_gridworld("MiniGrid-Empty-8x8-v0")
    model = train_contrastive(world, Contrastive(updates=50), 0).requires_grad_(False)
    with torch.no_grad():
        z0, goal = model.encode(world.features[world.starts[::2]]), model.encode_goal(world.features[world.goals])
    figures, planning = {}, {}
    for name, planner, options in (
        ("descent", GradientPlanner, {"restarts": 2, "steps": 5}),
        ("local_search", LocalSearchPlanner, {"restarts": 2, "rounds": 2}),
    ):
        times = planning[name.replace("_", " ")] = {}
        for horizon in HORIZONS:
            task = partial(planner(horizon=horizon, num_actions=world.num_actions, **options), model, z0, goal)
            times[horizon] = min(seconds(task) for _ in range(3))
        figures[f"growth_{name}_with_horizon"] = exponent(times)
    times = {size: min(update(world, replace(FEW, latent=size)) for _ in range(3)) for size in LATENTS}
    figures["growth_update_with_latent"] = exponent(times)
    curves = {
        "planning": curve("A decision for each of 70 starts", "horizon T", "s", planning),
        "latent": curve("Training", "size of a latent", "ms", {"an update": times}),
    }
    rooms = {}
    for side in SIDES:
        ran = subprocess.run([sys.executable, __file__, "--room", str(side)], capture_output=True, text=True)
        if ran.returncode:
            print(f"  {side} x {side}: breaks: {ran.stderr.strip().splitlines()[-1][:200]}", flush=True)
            continue
        rooms[side] = json.loads(ran.stdout.strip().splitlines()[-1])
        told = ", ".join(f"{name} {value:.3g}" for name, value in rooms[side].items())
        print(f"  {side} x {side}: {told}", flush=True)
    sizes = {
        what: {row["states"]: row[what] for row in rooms.values()}
        for what in ("load", "distances", "update", "training", "memory")
    }
    for what, found in sizes.items():
        figures[f"growth_{what}_with_states"] = exponent(found)
    names = {"load": "reading it", "training": "training, reckoned", "distances": "distances to the goal"}
    lines = {name: sizes[what] for what, name in names.items()}
    curves["room"] = curve("A larger room: time", "states", "s", lines)
    curves["memory"] = curve("A larger room: memory", "states", "GiB", {"memory": sizes["memory"]})
    largest = rooms[max(rooms)]
    figures["states_largest_room"] = figure([largest["states"]], "states")
    figures["memory_largest_room"] = figure([largest["memory"]], "GiB")
    figures["load_largest_room"] = figure([largest["load"]], "s")
    figures["training_reckoned_largest_room"] = figure([largest["training"] / 3600], "hours")
    record(figures, curves=curves)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--room"]:
        torch.set_num_threads(1)
        print(json.dumps(room(int(sys.argv[2]))))
    else:
        main()
