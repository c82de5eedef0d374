"""Effect of temperature and positive horizon on contrastive latents.

The model, data and planner are those of experiment 4. Only ``temperature`` of InfoNCE and ``gamma``, which says how far
ahead the positives are, change. For one seed the record also keeps pictures of the training: the latents in the plane
of their two leading principal components, at several numbers of updates.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from helm_study.metric import Metric
from helm_study.play import Planning, gradient_planner, play, recorded_starts
from helm_study.stacked.contrastive import train_contrastive_stacked
from helm_study.study import Arms, Study, Tell, arms_by_name
from helm_tutorial import diagnosis
from helm_tutorial._check import require_choice, require_count, require_shape
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.planning.episodes import success_rate
from helm_tutorial.worlds.gridworld import Gridworld, geodesic_distances, goal_distances, load_gridworld

TEMPERATURES = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Temperatures of InfoNCE on cosine similarities; the book's is 0.1."""

GAMMAS = (0.0, 0.5, 0.8, 0.9, 0.95)
"""Values of ``gamma``; the book's is 0.8.

Positives are ``1 / (1 - gamma)`` steps ahead on average, which is 1, 2, 5, 10 and 20. Walks have 50 steps, and a
positive that would be beyond the end is the last state, so the last two horizons are in fact shorter.
"""

GRID = tuple(itertools.product(TEMPERATURES, GAMMAS))

SCALE = 1000
"""Unit of stored coordinates: whole thousandths, which halves the file.

Latents have length 1.
"""


@dataclass(frozen=True)
class Config:
    """Settings of the ablation.

    Attributes:
        env: the MiniGrid environment.
        layout_seed: seed of its layout.
        training: settings of every model; ``temperature`` and ``gamma`` are replaced by those of the grid.
        planning: settings of our planner, as in experiment 4, on every fifth start.
        checkpoints: numbers of updates at which the latents are kept, ascending; the last is the end of training.
        embedding_seed: the seed whose latents are kept.
    """

    env: str = "MiniGrid-Empty-8x8-v0"
    layout_seed: int = 0
    training: Contrastive = field(default_factory=Contrastive)
    planning: Planning = field(default_factory=lambda: Planning(stride=5))
    checkpoints: tuple[int, ...] = (0, 25, 50, 100, 200, 500, 1000, 2000)
    embedding_seed: int = 0

    def __post_init__(self) -> None:
        for step in self.checkpoints:
            require_count("each checkpoint", step, low=0, high=self.training.updates)
        if list(self.checkpoints) != sorted(set(self.checkpoints)) or self.checkpoints[-1:] != (self.training.updates,):
            raise ValueError(
                f"checkpoints must ascend to the {self.training.updates} updates of training, got {self.checkpoints}"
            )
        require_count("embedding_seed", self.embedding_seed, low=0)

    @classmethod
    def quick(cls, env: str = "MiniGrid-Empty-8x8-v0") -> Config:
        """Return a small configuration that only shows that the study runs.

        One seed takes about ten seconds (hardly trained, few starts). The results mean nothing.
        """
        planning = Planning(stride=40, restarts=2, steps=5, decode_every=5, limit=0.5)
        return cls(env=env, training=Contrastive(updates=20, batch=64), planning=planning, checkpoints=(0, 5, 20))


def label(temperature: float, gamma: float) -> str:
    """Name of a combination in metrics and pictures, such as ``tau0.1_gamma0.8``."""
    require_choice("temperature", temperature, TEMPERATURES)
    require_choice("gamma", gamma, GAMMAS)
    return f"tau{temperature:g}_gamma{gamma:g}"


def _metrics() -> dict[str, Metric]:
    metrics = {}
    for temperature, gamma in GRID:
        name, of = label(temperature, gamma), f"temperature {temperature:g}, gamma {gamma:g}"
        metrics |= {
            f"metric_correlation_{name}": Metric("correlation", f"latent with geodesic distance, {of}"),
            f"greedy_accuracy_{name}": Metric("fraction", f"best-looking action is on a shortest path, {of}"),
            f"prediction_accuracy_{name}": Metric("fraction", f"predicted latent nearest to the true one, {of}"),
            f"success_{name}": Metric("fraction", f"starts that arrive, our planner, {of}"),
        }
    return metrics


METRICS = _metrics()


def measure(config: Config, seeds: Sequence[int], tell: Tell) -> Arms:
    """Return the arms of several seeds: one combination each.

    The models of the seeds are trained side by side. For ``config.embedding_seed`` an arm also returns ``embedding``,
    the latents during training.
    """
    world = load_gridworld(config.env, layout_seed=config.layout_seed)
    geodesic, to_goal = geodesic_distances(world), goal_distances(world)

    def of_combination(temperature: float, gamma: float) -> dict[int, dict]:
        name = label(temperature, gamma)
        tell("training", 0.0)
        models, kept = train(world, config, temperature, gamma, seeds)
        tell("planning", 0.25)
        values: dict[int, dict] = {}
        for seed, model, latents in zip(seeds, models, kept, strict=True):
            z = diagnosis.latents(model, world)
            episodes = play(world, model, gradient_planner(config.planning), config.planning, seed)
            values[seed] = {
                f"metric_correlation_{name}": diagnosis.metric_correlation(z, geodesic),
                f"greedy_accuracy_{name}": diagnosis.greedy_accuracy(z, world, to_goal),
                f"prediction_accuracy_{name}": diagnosis.prediction_accuracy(model, world),
                f"success_{name}": success_rate(episodes),
            }
            if seed == config.embedding_seed:
                values[seed]["embedding"] = {
                    "meaning": "latents of all states in the plane of the final ones' two leading principal "
                    "components, turned to lie like the room, coordinates times scale; for display only",
                    "seed": seed,
                    "checkpoints": list(config.checkpoints),
                    "scale": SCALE,
                    "runs": {name: _picture(latents, world, geodesic)},
                }
        return values

    return {label(*combination): partial(of_combination, *combination) for combination in GRID}


STUDY = Study(
    name="ablation",
    summary="Vary the temperature of InfoNCE and how far ahead its positives are, and keep pictures of the training.",
    Config=Config,
    metrics=METRICS,
    arms=arms_by_name(METRICS, (label(*combination) for combination in GRID)),
    measure=measure,
    group=5,
    extras=("embedding",),
    starts=lambda config: recorded_starts(config.env, config.layout_seed, planning=config.planning),
)


def train(
    world: Gridworld, config: Config, temperature: float, gamma: float, seeds: Sequence[int]
) -> tuple[list[WorldModel], Tensor]:
    """Train one combination for each seed and keep latents at each checkpoint.

    Returns the models, and the latents of all states, shape ``(S, K, N, D)`` for ``S`` seeds and ``K`` checkpoints.
    """
    kept: dict[int, list[Tensor]] = {seed: [] for seed in seeds}

    def watch(step: int, seed: int, model: WorldModel) -> None:
        kept[seed].append(diagnosis.latents(model, world))

    training = replace(config.training, temperature=temperature, gamma=gamma)
    models = train_contrastive_stacked(world, training, seeds, watch=watch, watch_at=config.checkpoints)
    return models, torch.stack([torch.stack(latents) for latents in kept.values()])


def display_plane(z: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, float]:
    """Plane of the two leading principal components, aligned with the room.

    The components come from the latents alone. Only the rotation or reflection within the plane uses the cells:
    orthogonal Procrustes (Schönemann, 1966), which keeps all distances within the plane. It makes pictures comparable
    and is for display only; no training and no metric uses it. Coordinates increase like column and row. With the
    second axis upwards the start of Empty-8x8 is lower-left, and with it downwards the picture has the orientation of
    the room.

    Args:
        z: latents, shape ``(N, D)`` with ``D`` at least 2.
        positions: cell of each state as (column, row), shape ``(N, 2)``.

    Returns:
        The centre, shape ``(D,)``, an orthonormal basis, shape ``(D, 2)``, and the plane's fraction of the variance.
        The picture is ``(z - centre) @ basis``.
    """
    require_shape("z", z, ("N", "D"))
    require_shape("positions", positions, (len(z), 2))
    require_count("the number of latent dimensions", z.shape[1], low=2)
    centre = z.mean(dim=0)
    _, spectrum, directions = torch.linalg.svd(z - centre, full_matrices=False)
    principal = directions[:2].T
    cells = positions.to(z.dtype) - positions.to(z.dtype).mean(dim=0)
    left, _, right = torch.linalg.svd(((z - centre) @ principal).T @ cells)
    share = spectrum[:2].square().sum() / spectrum.square().sum().clamp_min(1e-30)
    return centre, principal @ left @ right, float(share)


def embedding(record: dict, temperature: float, gamma: float) -> tuple[Tensor, list[float]]:
    """Recorded pictures of one combination during training.

    The latents of all checkpoints are projected onto one plane, :func:`display_plane` of the last, so that only the
    latents move.

    Args:
        record: a record with ``embedding``, such as ``records.load("ablation")``. Its ``checkpoints`` are numbers of
            updates.
        temperature: one of :data:`TEMPERATURES`.
        gamma: one of :data:`GAMMAS`.

    Returns:
        Coordinates, shape ``(K, N, 2)``, and at each checkpoint the rank correlation of latent (not picture)
        with geodesic distance.
    """
    name = label(temperature, gamma)
    if "embedding" not in record:
        raise ValueError(f"record must have an embedding, got seeds {record.get('seeds')} and no picture")
    kept, run = record["embedding"], record["embedding"]["runs"][name]
    coordinates = torch.stack([torch.tensor(run["x"]), torch.tensor(run["y"])], dim=-1)
    return coordinates / kept["scale"], run["metric_correlation"]


def _picture(kept: Tensor, world: Gridworld, geodesic: Tensor) -> dict:
    centre, basis, share = display_plane(kept[-1], world.positions)
    x, y = ((kept - centre) @ basis * SCALE).round().long().unbind(dim=-1)
    return {
        "variance_share": round(share, 4),
        "metric_correlation": [round(diagnosis.metric_correlation(z, geodesic), 4) for z in kept],
        "x": x.tolist(),
        "y": y.tolist(),
    }
