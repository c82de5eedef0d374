"""The experiments by name: what ``python -m helm_tutorial reproduce`` can run."""

from __future__ import annotations

from types import ModuleType

from helm_study.cliff import spectral_cliff
from helm_study.contrastive import contrastive_ablation, contrastive_choices, contrastive_fix, latent_map
from helm_study.directed import contrastive_steps, other_worlds, pixels
from helm_study.forms import imagined_errors, regularity_forms
from helm_study.funnel import funnel_dissected, mollified_funnel
from helm_study.pillars import closest_approach, continuous_pillars, two_pillars
from helm_study.rivals import many_controls, rivals, swaps
from helm_study.stability import stability_alone

EXPERIMENTS: dict[str, ModuleType] = {
    "exp1": spectral_cliff,
    "exp2": mollified_funnel,
    "exp3": stability_alone,
    "exp4": contrastive_fix,
    "pillars": two_pillars,
    "continuous": continuous_pillars,
    "closest": closest_approach,
    "forms": regularity_forms,
    "errors": imagined_errors,
    "rivals": rivals,
    "swaps": swaps,
    "controls": many_controls,
    "ablation": contrastive_ablation,
    "maps": latent_map,
    "choices": contrastive_choices,
    "steps": contrastive_steps,
    "worlds": other_worlds,
    "pixels": pixels,
    "funnel": funnel_dissected,
}
"""The experiments by the name that the command line gives them."""
