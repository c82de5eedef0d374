"""The experiments by name: what ``python -m helm_tutorial reproduce`` can run."""

from __future__ import annotations

from types import ModuleType

from helm_tutorial.experiments import (
    closest_approach,
    continuous_pillars,
    contrastive_ablation,
    contrastive_choices,
    contrastive_fix,
    contrastive_steps,
    funnel_dissected,
    imagined_errors,
    latent_map,
    many_controls,
    mollified_funnel,
    other_worlds,
    pixels,
    regularity_forms,
    rivals,
    spectral_cliff,
    stability_alone,
    swaps,
    two_pillars,
)

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
