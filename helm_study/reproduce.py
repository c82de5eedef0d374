"""Run a study over seeds and summarise it; the command line calls this module."""

from __future__ import annotations

import math
import os
import platform
import signal
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from datetime import date
from functools import partial
from importlib import metadata
from multiprocessing import get_context

from helm_study.flat import completed, flat
from helm_study.metric import interval_over_seeds
from helm_study.records import SCHEMA
from helm_study.registry import STUDIES
from helm_study.study import Study, merged
from helm_tutorial import __version__
from helm_tutorial._check import require_choice, require_count

INTERVAL = "Student's t, 95 %, over seeds"
MOST_SEEDS = 1000

SeedProgress = Callable[[int, str, float], None]
"""Progress callback, called as ``progress(seed, message, fraction)``."""


def configure(experiment: str, *, quick: bool = False, env: str | None = None, layout_seed: int | None = None):
    """Build the configuration of a study.

    Args:
        experiment: a name in :data:`STUDIES`.
        quick: use the small configuration, which only shows that the study runs.
        env: the MiniGrid environment, the study's own by default.
        layout_seed: the seed that draws the environment's layout, the study's own by default.
    """
    require_choice("experiment", experiment, STUDIES)
    options = {name: value for name, value in (("env", env), ("layout_seed", layout_seed)) if value is not None}
    for name, value in options.items():
        if not takes(experiment, name):
            what = "environment" if name == "env" else "layout"
            raise ValueError(f"{name} must not be given for {experiment}, which has no {what} to choose, got {value!r}")
    if layout_seed is not None:
        require_count("layout_seed", layout_seed, low=0)
    config_class = STUDIES[experiment].Config
    config = replace(config_class.quick() if quick else config_class(), **options)
    if options and takes(experiment, "env"):
        # Read it now, so that an unsupported environment is refused before any work starts.
        from helm_tutorial.worlds.gridworld import load_gridworld

        load_gridworld(config.env, layout_seed=config.layout_seed)
    return config


def takes(experiment: str, option: str) -> bool:
    """Tell whether a study has the setting ``"env"`` or ``"layout_seed"``."""
    return option in STUDIES[experiment].Config.__dataclass_fields__


def reproduce(
    experiment: str,
    seeds: Sequence[int],
    config=None,
    *,
    only: Collection[str] = (),
    jobs: int = 1,
    earlier: dict | None = None,
    command: Callable[[list[int]], str] | None = None,
    progress: SeedProgress | None = None,
    finished: Callable[[dict], None] | None = None,
) -> dict:
    """Run a study once for each seed.

    Args:
        experiment: a name in :data:`STUDIES`.
        seeds: distinct seeds, each from 0.
        config: the study's configuration, by default that of :func:`configure`.
        only: names of the study's arms, all by default.
        jobs: processes that share the seeds; with more than one, ``progress`` is called for finished seeds only. A
            group of seeds that are trained side by side is finished together.
        earlier: the result of an interrupted run, such as the content of its file; the seeds in it are not run
            again.
        command: maps the finished seeds to the command that reproduces their result, which is stored in the result.
        progress: see :data:`SeedProgress`.
        finished: called with the summary so far whenever a seed is done, so that an interruption loses none.

    Returns:
        ``schema``, ``experiment``, ``config``, ``seeds``, ``interval``, ``versions``, ``date``, ``command``,
        ``seconds`` and ``metrics``: for each name ``values`` (one per seed), ``mean``, ``low``, ``high``, ``unit``,
        ``meaning`` and ``reported``. Then, if there are any: ``starts``, those that the configuration draws; the
        study's extras, from the first seed that has them; ``missing``, the arms that were not run; and ``arms``, those
        that another run measured, see :func:`with_arms`.
    """
    require_choice("experiment", experiment, STUDIES)
    study = STUDIES[experiment]
    only = study.chosen(only)
    seeds = check_seeds(seeds)
    require_count("jobs", jobs, high=64)
    config = configure(experiment) if config is None else config
    done = {} if earlier is None else seeds_done(earlier, experiment, config, seeds, only)
    began = time.monotonic() - (0.0 if earlier is None else earlier["seconds"])
    kept = {} if earlier is None or "arms" not in earlier else {"arms": earlier["arms"]}
    seeds = [seed for seed in seeds if seed not in done]

    def summary() -> dict:
        return summarise(experiment, config, done, time.monotonic() - began, command) | kept

    def keep(seed: int, values: dict) -> None:
        done[seed] = values
        if finished is not None:
            finished(summary())

    size = max(1, min(study.group, math.ceil(len(seeds) / jobs)))
    groups = [seeds[at : at + size] for at in range(0, len(seeds), size)]
    if jobs == 1 or len(groups) == 1:
        for group in groups:
            tell = None if progress is None else partial(progress, group[0])
            for seed, values in study.run_seeds(config, group, only=only, progress=tell).items():
                keep(seed, values)
    elif groups:
        pool = ProcessPoolExecutor(
            min(jobs, len(groups)),
            mp_context=get_context("spawn"),
            initializer=_begin_worker,
        )
        waiting = {pool.submit(_run_group, experiment, config, group, only): group for group in groups}
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
    return summary()


def seeds_done(
    earlier: dict, experiment: str, config, seeds: Sequence[int], only: Collection[str] = ()
) -> dict[int, dict]:
    """Return an earlier result's values for each of its seeds.

    Raises:
        ValueError: its configuration, versions, seeds or arms differ from those asked for.
    """
    study = STUDIES[experiment]
    require_same("earlier", earlier, experiment, config, versions=versions())
    unasked = sorted(set(earlier["seeds"]) - set(seeds))
    if unasked:
        raise ValueError(f"earlier must have no seeds but those that are asked for, got also {unasked}")
    lacking = study.missing(earlier["metrics"])
    if not set(earlier["metrics"]) <= set(study.metrics) or set(study.chosen(only)) != set(study.arms) - set(lacking):
        raise ValueError("earlier must have the metrics that this version of the study measures, of the same arms")
    return _by_seed(study, earlier)


def with_arms(record: dict, part: dict) -> dict:
    """Replace the arms of a record by those of another result.

    All else in the record is unchanged. Its ``arms`` then give, for each such arm, the ``metrics`` and their origin:
    ``command``, ``date``, ``versions``, ``seconds`` and ``seeds`` of the run that measured them.

    Args:
        record: the content of a file that ``--json`` wrote.
        part: the result of :func:`reproduce` with ``only``, for the same configuration and seeds.
    """
    study = STUDIES[part["experiment"]]
    whence = {key: part[key] for key in ("command", "date", "versions", "seconds", "seeds")}
    run = [arm for arm in study.arms if arm not in part.get("missing", ())]
    arms = record.get("arms", {}) | {arm: {"metrics": list(study.arms[arm]), **whence} for arm in run}
    metrics = record["metrics"] | part["metrics"]
    values = _by_seed(study, {"seeds": record["seeds"], "metrics": metrics})
    complete = _summarised(study, {seed: study.completed(found) for seed, found in values.items()})
    # The record is left unchanged to the last digit, except for metrics derived from several arms.
    measured = {name for names in study.arms.values() for name in names}
    metrics = {name: metrics[name] if name in measured else complete[name] for name in complete}
    result = merged(record, {key: part[key] for key in (*study.extras, "starts") if key in part})
    result |= {"metrics": metrics, "arms": arms}
    return _with_missing(study, result)


def require_same(name: str, result: dict, experiment: str, config, **others) -> None:
    """Raise unless a result belongs to this study and configuration.

    Other entries, such as ``seeds``, must also be the same. The version of this package may differ: tests hold its
    results to be the same from version to version.
    """
    asked = {"experiment": experiment, "config": flat(config), **others}
    given = {key: result.get(key) for key in asked}
    if isinstance(given["config"], dict):
        given["config"] = completed(given["config"])
    for found in (asked, given):
        if isinstance(found.get("versions"), dict):
            found["versions"] = {key: value for key, value in found["versions"].items() if key != "helm_tutorial"}
    for key, value in asked.items():
        if given[key] != value:
            raise ValueError(f"{name} must have the same {key} as what is asked for, {value}, got {given[key]}")


def check_seeds(seeds: Sequence[int]) -> list[int]:
    """Return the seeds as a list of 1 to 1000 distinct integers from 0."""
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
    """Compute means and intervals over the seeds in ``results``.

    The result has the form that :func:`reproduce` returns.
    """
    study = STUDIES[experiment]
    seeds = sorted(results)
    drawn = study.starts(config) if study.starts else {}
    extras = {name: results[seed][name] for name in study.extras for seed in reversed(seeds) if name in results[seed]}
    result = {
        "schema": SCHEMA,
        "experiment": experiment,
        "config": flat(config),
        "seeds": seeds,
        "interval": INTERVAL,
        "versions": versions(),
        "date": date.today().isoformat(),
        "command": command(seeds) if command else None,
        "seconds": round(seconds, 1),
        "metrics": _summarised(study, results),
        **({"starts": drawn} if drawn else {}),
        **extras,
    }
    return _with_missing(study, result)


def versions() -> dict[str, str]:
    """Return the versions of everything that can change a result."""
    packages = ("torch", "numpy", "gymnasium", "minigrid")
    ours = {"python": platform.python_version(), "helm_tutorial": __version__}
    return ours | {name: metadata.version(name) for name in packages}


def usual_jobs(experiment: str) -> int:
    """Return the default number of processes of a study.

    It is the number of cores if the study trains groups of seeds side by side, and 1 otherwise.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return min(cores, 64) if STUDIES[experiment].group > 1 else 1


def _by_seed(study: Study, result: dict) -> dict[int, dict]:
    """Return a stored result's values for each seed, its extras with the first."""
    done: dict[int, dict] = {}
    for at, seed in enumerate(result["seeds"]):
        values = {name: entry["values"][at] for name, entry in result["metrics"].items()}
        # JSON stores both inf and nan as null: for a norm it was inf, for anything else there was no value.
        done[seed] = {
            name: (math.inf if study.metrics[name].unit == "norm" else math.nan) if value is None else value
            for name, value in values.items()
        }
    done[result["seeds"][0]] |= {name: result[name] for name in study.extras if name in result}
    return done


def _summarised(study: Study, results: dict[int, dict]) -> dict[str, dict]:
    """Summarise the metrics that all seeds have, in the form of a record."""
    return {
        name: {
            "values": (values := [results[seed][name] for seed in sorted(results)]),
            **interval_over_seeds(values, metric.unit),
            "unit": metric.unit,
            "meaning": metric.meaning,
            "reported": metric.reported,
        }
        for name, metric in study.metrics.items()
        if all(name in values for values in results.values())
    }


def _with_missing(study: Study, result: dict) -> dict:
    """Add to a result the list of arms that it lacks."""
    missing = study.missing(result["metrics"])
    rest = {key: value for key, value in result.items() if key != "missing"}
    return rest | ({"missing": missing} if missing else {})


def _run_group(experiment: str, config, group: list[int], only: list[str]) -> dict[int, dict]:
    return STUDIES[experiment].run_seeds(config, group, only=only)


def _begin_worker() -> None:
    import torch

    # Workers ignore an interruption; the parent keeps what they have finished and ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One thread per process: processes share the cores, and results do not depend on their number.
    torch.set_num_threads(1)
