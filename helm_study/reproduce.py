"""Run an experiment over seeds and summarise it: the library behind the command line."""

from __future__ import annotations

import math
import os
import platform
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from datetime import date
from functools import partial
from importlib import metadata
from multiprocessing import get_context

import torch

from helm_study.flat import completed, flat
from helm_study.metric import interval_over_seeds
from helm_study.records import SCHEMA
from helm_study.registry import EXPERIMENTS
from helm_tutorial import __version__
from helm_tutorial._check import require_choice, require_count

INTERVAL = "Student's t, 95 %, over seeds"
MOST_SEEDS = 1000

SeedProgress = Callable[[int, str, float], None]
"""Called as ``progress(seed, message, fraction)``."""


def configure(experiment: str, *, quick: bool = False, env: str | None = None, layout_seed: int | None = None):
    """The experiment's configuration.

    Args:
        experiment: a name in :data:`EXPERIMENTS`.
        quick: the small one, that shows that all runs.
        env: the MiniGrid environment, the experiment's own by default.
        layout_seed: the seed that draws the environment's layout, the experiment's own by default.

    Raises:
        ValueError: there is no such experiment, it has no environment or layout to choose, ``layout_seed`` is
            negative, or the environment does not exist or is not supported.
    """
    require_choice("experiment", experiment, EXPERIMENTS)
    config_class = EXPERIMENTS[experiment].Config
    options = {name: value for name, value in (("env", env), ("layout_seed", layout_seed)) if value is not None}
    for name, value in options.items():
        if name not in config_class.__dataclass_fields__:
            what = "environment" if name == "env" else "layout"
            raise ValueError(f"{name} must not be given for {experiment}, which has no {what} to choose, got {value!r}")
    if layout_seed is not None:
        require_count("layout_seed", layout_seed, low=0)
    config = replace(config_class.quick() if quick else config_class(), **options)
    if options and hasattr(config, "env"):
        # Read it now: an environment that is refused must be so before any work starts.
        from helm_tutorial.worlds.gridworld import load_gridworld

        load_gridworld(config.env, layout_seed=config.layout_seed)
    return config


def reproduce(
    experiment: str,
    seeds: Sequence[int],
    config=None,
    *,
    jobs: int = 1,
    earlier: dict | None = None,
    command: Callable[[list[int]], str] | None = None,
    progress: SeedProgress | None = None,
    finished: Callable[[dict], None] | None = None,
) -> dict:
    """Run an experiment once for each seed.

    Args:
        experiment: a name in :data:`EXPERIMENTS`.
        seeds: distinct seeds, each from 0.
        config: the experiment's configuration, :func:`configure`'s by default.
        jobs: processes that share the seeds; with more than one, ``progress`` hears of finished seeds only. A group of
            seeds that an experiment runs together (its ``run_seeds`` and ``GROUP``) is finished together.
        earlier: what this returned before it was interrupted, such as a file that it was written to: the seeds in it
            are not run again.
        command: from the seeds that are done to the command that makes their result anew, kept in it.
        progress: see :data:`SeedProgress`.
        finished: called with the summary so far whenever a seed is done, so that an interruption loses none.

    Returns:
        ``schema``, ``experiment``, ``config``, ``seeds``, ``interval``, ``versions``, ``date``, ``command``,
        ``seconds`` and ``metrics``: for each name ``values`` (one per seed), ``mean``, ``low``, ``high``, ``unit``,
        ``meaning`` and ``reported``. An experiment with ``EXTRAS`` adds those under their own keys, from the
        first seed that has them.

    Raises:
        ValueError: an argument is out of range, or ``earlier`` is of something else than what is asked for.
    """
    require_choice("experiment", experiment, EXPERIMENTS)
    seeds = check_seeds(seeds)
    require_count("jobs", jobs, high=64)
    config = configure(experiment) if config is None else config
    done = {} if earlier is None else seeds_done(earlier, experiment, config, seeds)
    began = time.monotonic() - (0.0 if earlier is None else earlier["seconds"])
    seeds = [seed for seed in seeds if seed not in done]
    if not seeds:
        return summarise(experiment, config, done, time.monotonic() - began, command)

    def keep(seed: int, values: dict) -> None:
        done[seed] = values
        if finished is not None:
            finished(summarise(experiment, config, done, time.monotonic() - began, command))

    groups = _groups(experiment, seeds, jobs)
    if jobs == 1 or len(groups) == 1:
        for group in groups:
            tell = None if progress is None else partial(progress, group[0])
            for seed, values in _run_group(experiment, config, group, progress=tell).items():
                keep(seed, values)
    else:
        pool = ProcessPoolExecutor(
            min(jobs, len(groups)),
            mp_context=get_context("spawn"),
            initializer=_begin_worker,
        )
        waiting = {pool.submit(_run_group, experiment, config, group): group for group in groups}
        if progress is not None:
            progress(groups[0][0], f"in {min(jobs, len(groups))} processes", 0.0)
        try:
            for future in as_completed(waiting):
                for seed, values in future.result().items():
                    keep(seed, values)
                    if progress is not None:
                        progress(seed, "done", 1.0)
        except BaseException:
            for future, group in waiting.items():
                if future.done() and not future.cancelled() and future.exception() is None:
                    for seed in group:
                        if seed not in done:
                            keep(seed, future.result()[seed])
            workers = list((pool._processes or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in workers:
                worker.terminate()
            raise
        pool.shutdown()
    return summarise(experiment, config, done, time.monotonic() - began, command)


def seeds_done(earlier: dict, experiment: str, config, seeds: list[int]) -> dict[int, dict]:
    """What an earlier result found for each of its seeds.

    Raises:
        ValueError: it has another configuration or other versions, seeds or metrics than what is asked for.
    """
    asked = {"experiment": experiment, "config": flat(config), "versions": _others(versions())}
    given = {name: earlier.get(name) for name in asked}
    if isinstance(given["config"], dict) and isinstance(given["versions"], dict):
        given |= {"config": completed(given["config"]), "versions": _others(given["versions"])}
    for name, value in asked.items():
        if given[name] != value:
            raise ValueError(f"earlier must have the same {name} as what is asked for, {value}, got {given[name]}")
    unasked = sorted(set(earlier["seeds"]) - set(seeds))
    if unasked:
        raise ValueError(f"earlier must have no seeds but those that are asked for, got also {unasked}")
    metrics = EXPERIMENTS[experiment].METRICS
    if set(earlier["metrics"]) != set(metrics):
        raise ValueError("earlier must have the metrics that this version of the experiment measures")
    done = {}
    for at, seed in enumerate(earlier["seeds"]):
        values = {name: entry["values"][at] for name, entry in earlier["metrics"].items()}
        # JSON knows neither: of a norm it was infinity, of anything else that there was nothing to measure.
        done[seed] = {
            name: (math.inf if metrics[name].unit == "norm" else math.nan) if value is None else value
            for name, value in values.items()
        }
    for name in getattr(EXPERIMENTS[experiment], "EXTRAS", ()):
        if name in earlier:
            done[earlier["seeds"][0]][name] = earlier[name]
    return done


def _others(found: dict[str, str]) -> dict[str, str]:
    """Versions of what is not ours. Tests hold ours to the same results from version to version, so it may differ."""
    return {name: version for name, version in found.items() if name != "helm_tutorial"}


def check_seeds(seeds: Sequence[int]) -> list[int]:
    """The seeds as a list.

    Raises:
        ValueError: there are none, more than 1000, one is negative or one is there twice.
    """
    seeds = list(seeds)
    require_count("the number of seeds", len(seeds), high=MOST_SEEDS)
    for seed in seeds:
        require_count("each seed", seed, low=0, high=2**31 - 1)
    if len(set(seeds)) != len(seeds):
        raise ValueError(f"seeds must be distinct, got {seeds}")
    return seeds


def summarise(
    experiment: str,
    config,
    results: dict[int, dict],
    seconds: float,
    command: Callable[[list[int]], str] | None = None,
) -> dict:
    """Means and intervals over the seeds in ``results``, in the form that :func:`reproduce` returns."""
    seeds = sorted(results)
    metrics = {}
    for name, metric in EXPERIMENTS[experiment].METRICS.items():
        values = [results[seed][name] for seed in seeds]
        metrics[name] = {
            "values": values,
            **interval_over_seeds(values, metric.unit),
            "unit": metric.unit,
            "meaning": metric.meaning,
            "reported": metric.reported,
        }
    extras = {}
    for name in getattr(EXPERIMENTS[experiment], "EXTRAS", ()):
        having = [seed for seed in seeds if name in results[seed]]
        if having:
            extras[name] = results[having[0]][name]
    return {
        "schema": SCHEMA,
        "experiment": experiment,
        "config": flat(config),
        "seeds": seeds,
        "interval": INTERVAL,
        "versions": versions(),
        "date": date.today().isoformat(),
        "command": command(seeds) if command else None,
        "seconds": round(seconds, 1),
        "metrics": metrics,
        **extras,
    }


def versions() -> dict[str, str]:
    """Versions of everything that can change a result."""
    packages = ("torch", "numpy", "gymnasium", "minigrid")
    ours = {"python": platform.python_version(), "helm_tutorial": __version__}
    return ours | {name: metadata.version(name) for name in packages}


def usual_jobs(experiment: str) -> int:
    """Processes that an experiment takes when none are asked for: one a core where it trains groups of seeds."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return min(cores, 64) if hasattr(EXPERIMENTS[experiment], "run_seeds") else 1


def _groups(experiment: str, seeds: list[int], jobs: int) -> list[list[int]]:
    """Seeds that are run together: one by one, or for an experiment with ``run_seeds`` up to ``GROUP``, jobs shared."""
    most = getattr(EXPERIMENTS[experiment], "GROUP", 1)
    size = max(1, min(most, math.ceil(len(seeds) / jobs)))
    return [seeds[at : at + size] for at in range(0, len(seeds), size)]


def _run_group(experiment: str, config, group: list[int], *, progress=None) -> dict[int, dict]:
    module = EXPERIMENTS[experiment]
    if hasattr(module, "run_seeds"):
        return module.run_seeds(config, group, progress=progress)
    return {seed: module.run(config, seed, progress=progress) for seed in group}


def _begin_worker() -> None:
    # Workers do not hear an interruption: it is ours to keep what they have finished and to end them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One thread a process: the processes share the cores, and a result does not depend on how many there are.
    torch.set_num_threads(1)
