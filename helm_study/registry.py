"""The studies by name, for ``python -m helm_tutorial reproduce``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from helm_study.study import Study

MODULES = {
    "exp1": "cliff.spectral_cliff",
    "exp2": "funnel.mollified_funnel",
    "exp3": "stability.stability_alone",
    "exp4": "contrastive.contrastive_fix",
    "script": "stability.report_script",
    "pillars": "pillars.two_pillars",
    "continuous": "pillars.continuous_pillars",
    "closest": "pillars.closest_approach",
    "forms": "forms.regularity_forms",
    "errors": "forms.imagined_errors",
    "rivals": "rivals.rivals",
    "swaps": "rivals.swaps",
    "controls": "rivals.many_controls",
    "ablation": "contrastive.contrastive_ablation",
    "maps": "contrastive.latent_map",
    "choices": "contrastive.contrastive_choices",
    "steps": "directed.contrastive_steps",
    "worlds": "directed.other_worlds",
    "pixels": "directed.pixels",
    "funnel": "funnel.funnel_dissected",
    "plans": "funnel.plan_mollification",
}
"""The module that defines the ``STUDY`` of each name."""


class _Studies(Mapping[str, Study]):
    """All studies, each imported when it is first used.

    So a mistyped command imports none of them.
    """

    def __getitem__(self, name: str) -> Study:
        return import_module(f"helm_study.{MODULES[name]}").STUDY

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


STUDIES: Mapping[str, Study] = _Studies()
"""The studies by their names on the command line."""
