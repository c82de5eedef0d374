"""Many contrastive world models trained at once: each with its own randomness, all with one step.

Matrix products are less than half of one model's update; the rest is many small operations and fresh memory for each.
Here one operation serves all models, and the gradient, written out by hand, needs half of the time even for a single
one: see :mod:`helm_study.stacked.world_models`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from helm_study.fast.data import Data
from helm_study.stacked.world_models import StackedWorldModels
from helm_tutorial._check import require_count, require_real
from helm_tutorial.models.fit import Progress, TrainingDiverged
from helm_tutorial.models.losses import geometric_gaps
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.worlds.gridworld import Gridworld

PLAIN = {
    "similarity": "cosine",
    "symmetric": False,
    "negatives": None,
    "sphere": True,
    "goal_encoder": False,
    "rescale": False,
    "prediction_steps": 1,
    "spectral_weight": 0.0,
    "tangent": False,
}
"""What the settings must say, which are its defaults and chapter 4's model with one encoder."""

COUNTS = 2_000_000
"""Numbers of pairs that are counted together, of as many steps as that makes."""


def train_contrastive_stacked(
    world: Gridworld,
    config: Contrastive,
    seeds: Sequence[int],
    *,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
    watch: Callable[[int, int, WorldModel], None] | None = None,
    watch_at: Sequence[int] = (),
) -> list[WorldModel]:
    """One model for each seed, trained side by side as :func:`~helm_study.fast.contrastive.train_contrastive`
    does.

    A seed draws the same weights, walks and batches as there, and the loss is the same, so the models differ by
    rounding. A model does not depend on which others are trained beside it.

    Args:
        world: with no more than four times as many states ``N`` as a batch has samples, seen as cells or profiles.
        config: with :data:`PLAIN`'s settings; all others are free.
        seeds: ``S`` distinct ones.
        device: where all is computed; it is drawn on the CPU, and there the models end.
        progress: see :data:`helm_tutorial.models.fit.Progress`; the loss is the mean over the models. Seeds whose walks
            meet different numbers of states, which says how many updates they get, are trained one group after another.
        watch: called as ``watch(step, seed, model)`` for each seed; it may look at the model, not change it.
        watch_at: when, in numbers of updates done, from 0.

    Returns:
        ``S`` models, in the order of ``seeds``.

    Raises:
        ValueError: ``config`` says something else than :data:`PLAIN` or has a temperature below 0.02, the world has too
            many states or is seen as pixels, or a seed is negative or there twice.
        TrainingDiverged: a loss is not finite.
    """
    _check(world, config, seeds)
    data = [Data(world, config, seed, sphere=True) for seed in seeds]
    models = [each.model for each in data]
    alike: dict[tuple[int, float], list[int]] = {}
    for index, each in enumerate(data):
        schedule = (each.steps(config.updates), config.positives_gamma(each.walks.distinct))
        alike.setdefault(schedule, []).append(index)
    done, steps = 0, sum(updates for updates, _ in alike)
    for schedule, members in alike.items():
        tell = None if progress is None else (lambda step, _, loss, before=done: progress(before + step, steps, loss))
        look = None if watch is None else (lambda step, k, m=members: watch(step, seeds[m[k]], models[m[k]]))
        _fit(world, [data[k] for k in members], [models[k].to(device) for k in members], schedule, tell, look, watch_at)
        done += schedule[0]
    return [model.cpu().eval() for model in models]


def _fit(
    world: Gridworld,
    data: Sequence[Data],
    models: Sequence[WorldModel],
    schedule: tuple[int, float],
    progress: Progress | None,
    watch: Callable[[int, int], None] | None,
    watch_at: Sequence[int],
) -> None:
    """Train models of the same ``schedule``, steps and gamma, in place; ``watch`` is told which of them."""
    config, (steps, gamma) = data[0].settings, schedule
    stacked = StackedWorldModels(models, world, temperature=config.temperature, weight=config.prediction_weight)
    optimizer = torch.optim.Adam(stacked.parameters(), lr=config.lr, fused=True)
    report_every = max(1, steps // 100)

    def look(step: int) -> None:
        if watch is not None and step in watch_at:
            stacked.copy_into(models)
            for index in range(len(models)):
                watch(step, index)

    look(0)
    for step, (pairs, taken) in enumerate(_batches(data, gamma, steps, models[0].shift.device)):
        optimizer.param_groups[0]["lr"] = config.lr * min(1.0, 2.0 * (1.0 - step / steps))
        losses = stacked.gradient(pairs, taken)
        optimizer.step()
        if step % report_every == 0 or step == steps - 1:
            loss = float(losses.mean())
            if not math.isfinite(loss):
                raise TrainingDiverged(f"the loss is {loss} at step {step} of {steps}; try an lr below {config.lr}")
            if progress is not None:
                progress(step + 1, steps, loss)
        look(step + 1)
    stacked.copy_into(models)


def _batches(data: Sequence[Data], gamma: float, steps: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """The counts of each step for :meth:`StackedWorldModels.gradient`, from what each seed would draw alone."""
    like, batch = data[0].walks, data[0].settings.batch
    states, num_actions = like.num_states, like.num_actions
    walks = torch.stack([each.walks.states for each in data]).flatten()
    actions = torch.stack([each.walks.actions for each in data]).flatten()
    count, length = like.actions.shape
    first = count * torch.arange(len(data))[:, None]  # of each seed's walks
    together = max(1, COUNTS // (len(data) * states**2))
    for begin in range(0, steps, together):
        shape = (min(together, steps - begin), len(data), batch)
        walk, t, walk_taken, t_taken = (torch.empty(shape, dtype=torch.long) for _ in range(4))
        u = torch.empty(shape, dtype=torch.float64)
        for step in range(shape[0]):
            for seed, each in enumerate(data):
                own = {"generator": each.generator}
                torch.randint(count, (batch,), out=walk[step, seed], **own)
                torch.randint(length, (batch,), out=t[step, seed], **own)
                if gamma:
                    torch.rand(batch, out=u[step, seed], dtype=torch.float64, **own)
                torch.randint(count, (batch,), out=walk_taken[step, seed], **own)
                torch.randint(length, (batch,), out=t_taken[step, seed], **own)
        gap = geometric_gaps(u, gamma) if gamma else 1
        anchors = walks[(first + walk) * (length + 1) + t]
        positives = walks[(first + walk) * (length + 1) + (t + gap).clamp_max(length)]
        before = walks[(first + walk_taken) * (length + 1) + t_taken]
        taken = actions[(first + walk_taken) * length + t_taken]
        yield from zip(
            _count((anchors * states + positives).to(device), states**2).unflatten(2, (states, states)),
            _count((before * num_actions + taken).to(device), states * num_actions).unflatten(2, (states, num_actions)),
            strict=True,
        )


def _count(which: Tensor, kinds: int) -> Tensor:
    """How often each of so many kinds is in each batch of ``(steps, S, B)``: shape ``(steps, S, kinds)``."""
    count = torch.zeros(*which.shape[:2], kinds, device=which.device)
    return count.scatter_add_(2, which, count.new_ones(()).expand(which.shape))


def _check(world: Gridworld, config: Contrastive, seeds: Sequence[int]) -> None:
    require_count("the number of seeds", len(seeds))
    for seed in seeds:
        require_count("each seed", seed, low=0)
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be distinct, got {list(seeds)}")
    require_real("config.temperature", config.temperature, low=0.02)
    for name, value in PLAIN.items():
        if getattr(config, name) != value:
            raise ValueError(f"config.{name} must be {value!r} to train many at once, got {getattr(config, name)!r}")
    if world.features.ndim != 2 or world.num_states > 4 * config.batch:
        raise ValueError(
            f"world must be seen as cells or profiles, with at most {4 * config.batch} states where batch is "
            f"{config.batch}, got {world.num_states} states and observations of shape {tuple(world.features.shape[1:])}"
        )
