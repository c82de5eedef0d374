"""Maps of the latent distance to every cell of the room, for each training.

The models are those of experiments 3 and 4 and the untrained encoder, with the same data and settings. The distance to
a cell is the one that the planner uses: to the nearest of the latents of the cell's four states. For one seed the
record keeps the whole map of each objective, and the planner's walks to the environment's own goal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from helm_study.fast.baselines import train_latent_prediction, train_reconstruction, untrained
from helm_study.fast.contrastive import train_contrastive
from helm_study.metric import Metric
from helm_study.play import Planning, gradient_planner, play
from helm_study.study import SeedArms, Study, Tell, arms_by_name, each_seed
from helm_tutorial import diagnosis
from helm_tutorial._check import require_choice, require_count, require_shape
from helm_tutorial.diagnosis import rank_correlation
from helm_tutorial.models.settings import Contrastive, LatentPrediction, Reconstruction
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.worlds.gridworld import Gridworld, geodesic_distances, load_gridworld

OBJECTIVES: dict[str, Callable[[Gridworld, Config, int], WorldModel]] = {
    "untrained": lambda world, config, seed: untrained(world, config.latent_prediction, seed),
    "reconstruction": lambda world, config, seed: train_reconstruction(world, config.reconstruction, seed),
    "latent_prediction": lambda world, config, seed: train_latent_prediction(world, config.latent_prediction, seed),
    "one_step": lambda world, config, seed: train_contrastive(world, replace(config.contrastive, gamma=0.0), seed),
    "contrastive": lambda world, config, seed: train_contrastive(world, config.contrastive, seed),
}
"""Training functions, by the name of the objective.

``one_step`` is the contrastive loss as the report prints it. ``untrained`` is the randomly initialised encoder from
which latent prediction starts.
"""

SCALE = 10_000
"""Unit of stored distances: whole ten-thousandths of the objective's largest."""


@dataclass(frozen=True)
class Config:
    """Settings of the maps.

    Attributes:
        env: the MiniGrid environment.
        layout_seed: seed of its layout.
        reconstruction: as in experiment 3.
        latent_prediction: as in experiment 3.
        contrastive: as in experiment 4; ``gamma`` is set to 0 for ``one_step``.
        map_seed: the seed whose maps and walks are kept.
        planning: the planner of the walks, as in both.
    """

    env: str = "MiniGrid-Empty-8x8-v0"
    layout_seed: int = 0
    reconstruction: Reconstruction = field(default_factory=Reconstruction)
    latent_prediction: LatentPrediction = field(default_factory=LatentPrediction)
    contrastive: Contrastive = field(default_factory=Contrastive)
    map_seed: int = 0
    planning: Planning = field(default_factory=Planning)

    def __post_init__(self) -> None:
        require_count("map_seed", self.map_seed, low=0)

    @classmethod
    def quick(cls, env: str = "MiniGrid-Empty-8x8-v0") -> Config:
        """Return a small configuration that only shows that the study runs.

        One seed takes about five seconds (few updates). The results mean nothing.
        """
        return cls(
            env=env,
            reconstruction=Reconstruction(autoencoder_updates=200, dynamics_updates=10),
            latent_prediction=LatentPrediction(updates=100),
            contrastive=Contrastive(updates=100),
            planning=Planning(horizon=2, steps=2, restarts=1, limit=0.2),
        )


def _metrics() -> dict[str, Metric]:
    metrics = {}
    for name in OBJECTIVES:
        of = name.replace("_", " ")
        metrics |= {
            f"metric_correlation_{name}": Metric("correlation", f"rank correlation of latent and geodesic, {of}"),
            f"descent_share_{name}": Metric("fraction", f"some action leads nearer, mean over all goal cells, {of}"),
            f"greedy_accuracy_{name}": Metric(
                "fraction", f"best-looking action is on a shortest path, mean over all goal cells, {of}"
            ),
        }
    return metrics


METRICS = _metrics()


@each_seed
def measure(config: Config, seed: int, tell: Tell) -> SeedArms:
    """Return the arms of one seed: each objective, trained and measured.

    For ``config.map_seed`` an arm also returns ``maps``.
    """
    world = load_gridworld(config.env, layout_seed=config.layout_seed)
    geodesic = geodesic_distances(world)

    def of_objective(name: str) -> dict:
        tell("training", 0.0)
        model = OBJECTIVES[name](world, config, seed)
        z = diagnosis.latents(model, world)
        towards = goal_by_goal(z, world, geodesic)
        values: dict = {f"metric_correlation_{name}": diagnosis.metric_correlation(z, geodesic)}
        for measure in ("descent_share", "greedy_accuracy"):
            values[f"{measure}_{name}"] = float(torch.tensor(towards[measure]).mean())
        if seed == config.map_seed:
            table = to_cells(diagnosis.latent_distances(z, z), world)
            largest = float(table.max())
            kept = {"largest": largest, "distances": (table / largest * SCALE).round().long().tolist()}
            kept |= {measure: [round(value, 4) for value in row] for measure, row in towards.items()}
            kept["walks"] = walks(world, model, config.planning, seed)
            values["maps"] = {
                "meaning": "for each cell as goal, latent distance of each state to the nearest of the cell's latents, "
                "times scale, over the objective's largest; walks: the states that the planner visits on its way to "
                "the environment's own goal, from each other cell, headed as the environment's own start is",
                "seed": seed,
                "scale": SCALE,
                "cells": cells(world).tolist(),
                "objectives": {name: kept},
            }
        return values

    return {name: partial(of_objective, name) for name in OBJECTIVES}


STUDY = Study(
    name="maps",
    summary="Map the latent distance to every cell of the room for each way of training the latents.",
    Config=Config,
    metrics=METRICS,
    arms=arms_by_name(METRICS, OBJECTIVES),
    measure=measure,
    extras=("maps",),
)


def cells(world: Gridworld) -> Tensor:
    """Cells that the agent can occupy, as (column, row), shape ``(C, 2)``."""
    return world.positions.unique(dim=0)


def to_cells(pairs: Tensor, world: Gridworld) -> Tensor:
    """Turn distances between states into distances to cells, shape ``(C, N)``.

    ``pairs`` has shape ``(N, N)``, from row to column. The distance to a cell is that to the nearest of its states, in
    any heading. The planner and :func:`helm_tutorial.diagnosis.goal_latent_distances` use the same rule.
    """
    require_shape("pairs", pairs, (world.num_states, world.num_states))
    return torch.stack([pairs[:, on].min(dim=1).values for on in _states_on(world)])


def goal_by_goal(z: Tensor, world: Gridworld, geodesic: Tensor) -> dict[str, list[float]]:
    """Measure the latents with each cell in turn as the goal.

    The measures are over the states that are not on that cell.

    Args:
        z: latents, shape ``(N, D)``.
        world: the gridworld.
        geodesic: fewest steps from each state to each other, shape ``(N, N)``.

    Returns:
        ``rank_correlation`` of latent with geodesic distance to the cell, and
        :func:`helm_tutorial.diagnosis.descent_share` and :func:`helm_tutorial.diagnosis.greedy_accuracy`, a list of
        ``C`` numbers each, in the order of :func:`cells`.
    """
    latent, steps = to_cells(diagnosis.latent_distances(z, z), world), to_cells(geodesic, world)
    found: dict[str, list[float]] = {"rank_correlation": [], "descent_share": [], "greedy_accuracy": []}
    for cell, goals in enumerate(_states_on(world)):
        task = replace(world, goals=goals)
        off = task.starts
        found["rank_correlation"].append(rank_correlation(latent[cell, off], steps[cell, off]))
        found["descent_share"].append(diagnosis.descent_share(z, task))
        found["greedy_accuracy"].append(diagnosis.greedy_accuracy(z, task, steps[cell]))
    return found


def distances(record: dict, objective: str) -> Tensor:
    """Recorded latent distance of each state to each cell, shape ``(C, N)``.

    Args:
        record: a record with ``maps``, such as ``records.load("maps")``; ``record["maps"]["cells"]`` names the cells.
        objective: one of :data:`OBJECTIVES`.
    """
    require_choice("objective", objective, tuple(OBJECTIVES))
    if "maps" not in record:
        raise ValueError(f"record must have maps, got seeds {record.get('seeds')} and none")
    kept = record["maps"]["objectives"][objective]
    return torch.tensor(kept["distances"]) * (kept["largest"] / record["maps"]["scale"])


def walks(world: Gridworld, model: WorldModel, planning: Planning, seed: int) -> list[list[int]]:
    """States that the planner visits from each cell but the goal's, headed as :attr:`Gridworld.start` is.

    The episodes run side by side, in the order of :func:`cells`; each list begins with its start.
    """
    heading = int(world.headings[world.start])
    starts = [int(on[world.headings[on] == heading]) for on in _states_on(world)]
    starts = torch.tensor([state for state in starts if state not in world.goals.tolist()])
    episodes = play(world, model, gradient_planner(planning), planning, seed, starts=starts)
    return [[state for state in row if state >= 0] for row in episodes.states.tolist()]


def _states_on(world: Gridworld) -> list[Tensor]:
    return [(world.positions == cell).all(dim=1).nonzero()[:, 0] for cell in cells(world)]
