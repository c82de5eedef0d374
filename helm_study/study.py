"""Definition of a study: its settings, its metrics, and its arms.

An arm is a part of a study that can be run alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from helm_study.metric import Metric
from helm_tutorial._check import require_choice, require_count

Tell = Callable[[str, float], None]
"""Progress callback inside a study, called as ``tell(message, fraction)``.

The fraction is that of the arm that is running.
"""

Values = dict[str, Any]
"""Results of one seed: numbers by metric name, and extras by theirs."""

Arms = Mapping[str, Callable[[], dict[int, Values]]]
"""Functions by arm name; each measures its arm and returns the values by seed.

What several arms share, such as a trained model, is computed when the first of them needs it, and then kept.
"""


SeedArms = dict[str, Callable[[], Values]]
"""The arms of one seed; each function returns the values of that seed."""


@dataclass(frozen=True)
class Study:
    """One study, as ``python -m helm_tutorial reproduce`` runs it.

    Attributes:
        name: name on the command line and in the record.
        summary: one plain sentence.
        Config: a frozen dataclass of settings: ``Config()`` is the book's, and ``Config.quick()`` only shows that
            the study runs.
        metrics: metrics measured for each seed, in the order of the record.
        arms: names of the metrics that each arm measures. An arm is a part that can be run alone, such as a model, a
            planner or a penalty; its numbers do not depend on which other arms are run.
        measure: called as ``measure(config, seeds, tell)``, returns the :data:`Arms`; see :func:`each_seed`.
        group: number of seeds that are trained side by side. More are no faster, and an interruption can lose a group.
        extras: keys of results other than numbers, such as a picture. The record keeps those of the first seed.
        derive: computes, from a seed's values, the metrics that need several arms.
        starts: maps a configuration to the starts that it draws; ``None`` if the study uses no gridworld.
    """

    name: str
    summary: str
    Config: type
    metrics: Mapping[str, Metric]
    arms: Mapping[str, Sequence[str]]
    measure: Callable[[Any, Sequence[int], Tell], Arms]
    group: int = 1
    extras: tuple[str, ...] = ()
    derive: Callable[[Values], Values] | None = None
    starts: Callable[[Any], dict[str, list[int]]] | None = None

    def run(self, config: Any, seed: int, *, only: Collection[str] = (), progress: Tell | None = None) -> Values:
        """Run one seed; see :meth:`run_seeds`."""
        return self.run_seeds(config, [seed], only=only, progress=progress)[seed]

    def run_seeds(
        self, config: Any, seeds: Sequence[int], *, only: Collection[str] = (), progress: Tell | None = None
    ) -> dict[int, Values]:
        """Run arms for each seed.

        The results of one seed do not depend on which other seeds are run.

        Args:
            config: the settings.
            seeds: integers from 0.
            only: names of arms, all by default.
            progress: called as ``progress(message, fraction)``, with the fraction of all arms.
        """
        for seed in seeds:
            require_count("seed", seed, low=0)
        wanted = self.chosen(only)
        arm, done = wanted[0], 0

        def tell(message: str, fraction: float) -> None:
            if progress is not None:
                progress(f"{arm}: {message}" if message else arm, (done + fraction) / len(wanted))

        arms = self.measure(config, seeds, tell)
        values: dict[int, Values] = {seed: {} for seed in seeds}
        for done, arm in enumerate(wanted):  # noqa: B007 (both are what `tell` says)
            tell("", 0.0)
            for seed, found in arms[arm]().items():
                extras = {name: found[name] for name in self.extras if name in found}
                values[seed] = merged(values[seed], {name: found[name] for name in self.arms[arm]} | extras)
        return {seed: self.completed(found) for seed, found in values.items()}

    def chosen(self, only: Collection[str]) -> list[str]:
        """List the arms that are asked for, in the study's order; by default all."""
        for arm in only:
            require_choice(f"each arm of {self.name}", arm, self.arms)
        return [arm for arm in self.arms if arm in only or not only]

    def completed(self, values: Values) -> Values:
        """Add the derived metrics to one seed's values and put them in order.

        Metrics come in the record's order, before the extras.
        """
        measured = {name for names in self.arms.values() for name in names}
        if self.derive and measured <= set(values):
            values = values | self.derive(values)
        return {name: values[name] for name in (*self.metrics, *self.extras) if name in values}

    def missing(self, metrics: Collection[str]) -> list[str]:
        """List the arms that have a metric that is not among ``metrics``."""
        return [arm for arm, names in self.arms.items() if not set(names) <= set(metrics)]


def each_seed(measure: Callable[[Any, int, Tell], SeedArms]) -> Callable[[Any, Sequence[int], Tell], Arms]:
    """Turn a function of one seed into one of several seeds.

    The function is ``measure(config, seed, tell)``. The result is what :class:`Study` calls.
    """

    @functools.wraps(measure)
    def measure_each(config: Any, seeds: Sequence[int], tell: Tell) -> Arms:
        opened = {seed: measure(config, seed, tell) for seed in seeds}

        def of_all(arm: str) -> dict[int, Values]:
            return {seed: arms[arm]() for seed, arms in opened.items()}

        return {arm: functools.partial(of_all, arm) for arm in opened[seeds[0]]}

    return measure_each


def arms_by_name(metrics: Iterable[str], arms: Iterable[str], **others: str) -> dict[str, tuple[str, ...]]:
    """Assign each metric to the arm whose name is the longest in its own.

    Args:
        metrics: names such as ``success_both_T50``, made of words joined by underscores.
        arms: names such as ``both``.
        others: the arm of each metric whose name does not contain it.

    Returns:
        Names of metrics by arm. A metric that belongs to no arm is left out; it has to be derived.
    """
    found: dict[str, list[str]] = {arm: [] for arm in arms}
    for metric in metrics:
        named = [others[metric]] if metric in others else [arm for arm in found if f"_{arm}_" in f"_{metric}_"]
        if named:
            found[max(named, key=len)].append(metric)
    return {arm: tuple(names) for arm, names in found.items()}


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two mappings; where they differ, ``new`` wins.

    Dictionaries within them are merged key by key.
    """
    both = dict(old)
    for key, value in new.items():
        inner = both.get(key)
        both[key] = merged(inner, value) if isinstance(value, dict) and isinstance(inner, dict) else value
    return both
