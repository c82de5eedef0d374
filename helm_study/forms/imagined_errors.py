"""Errors of a model over imagined steps: do they add up or heal?

A third possibility is that all imagined latents come together, so that the errors mean nothing. The models are those of
:mod:`helm_study.forms.regularity_forms`. No planner is used.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import torch

from helm_study.fast.contrastive import train_contrastive
from helm_study.forms.regularity_forms import TRAININGS
from helm_study.metric import Metric
from helm_study.study import SeedArms, Study, Tell, arms_by_name, each_seed
from helm_tutorial import diagnosis
from helm_tutorial._check import require_count
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.rollouts import rollout
from helm_tutorial.worlds.gridworld import ACTIONS, Gridworld, load_gridworld

NAMES = ("none", "square_0.001", "hinge_0.03", "rollout_0.001", "multistep")
"""Names of the trainings used here.

They are keys of :data:`~helm_study.forms.regularity_forms.TRAININGS`.
"""

STEPS = (1, 2, 3, 4, 6, 8, 12)


@dataclass(frozen=True)
class Config:
    """Settings of the study of imagined errors.

    Attributes:
        env: the MiniGrid environment.
        layout_seed: seed of its layout.
        training: settings of experiment 4's model with one encoder.
        plans: number of random plans along which every state is rolled out.
    """

    env: str = "MiniGrid-Empty-8x8-v0"
    layout_seed: int = 0
    training: Contrastive = field(default_factory=Contrastive)
    plans: int = 20

    def __post_init__(self) -> None:
        require_count("plans", self.plans)

    @classmethod
    def quick(cls, env: str = "MiniGrid-Empty-8x8-v0") -> Config:
        """Return a small configuration that only shows that the study runs.

        One seed takes a few seconds (hardly trained). The results mean nothing.
        """
        return cls(env=env, training=Contrastive(updates=10, batch=64), plans=2)


METRICS = {
    f"{measure}_{name}_T{steps}": Metric("ratio", meaning)
    for name in NAMES
    for steps in STEPS
    for measure, meaning in (
        ("error", f"distance of imagined and true latent after {steps} steps, over that of neighbouring latents"),
        ("spread", f"distances between latents imagined {steps} steps ahead, over those of the true ones"),
    )
}


@torch.no_grad()
def follow(world: Gridworld, model: WorldModel, plans: torch.Tensor) -> dict[str, torch.Tensor]:
    """Roll out every state along each plan and compare with the truth.

    ``plans`` holds ``P`` plans of ``T`` actions, shape ``(P, T)``.

    Returns:
        ``error`` and ``spread`` as in :data:`METRICS`, each of shape ``(T + 1,)``; the start is the first.
    """
    z = diagnosis.latents(model, world)
    apart = torch.cdist(z, z)
    near = apart.masked_fill(torch.eye(len(z), dtype=torch.bool), torch.inf).min(dim=1).values.mean()
    errors, spreads = [], []
    for plan in plans:
        imagined = rollout(model, z, one_hot_actions(plan, model.num_actions).expand(len(z), -1, -1))
        true, error, spread = torch.arange(len(z)), [], []
        for step in range(len(plan) + 1):
            error.append((imagined[:, step] - z[true]).norm(dim=1).mean() / near)
            spread.append(torch.cdist(imagined[:, step], imagined[:, step]).sum() / apart[true][:, true].sum())
            if step < len(plan):
                true = world.transitions[true, plan[step]]
        errors.append(torch.stack(error))
        spreads.append(torch.stack(spread))
    return {"error": torch.stack(errors).mean(dim=0), "spread": torch.stack(spreads).mean(dim=0)}


@each_seed
def measure(config: Config, seed: int, tell: Tell) -> SeedArms:
    """Return the arms of one seed: the errors of each training along the same plans."""
    world = load_gridworld(config.env, layout_seed=config.layout_seed)
    plans = torch.randint(len(ACTIONS), (config.plans, max(STEPS)), generator=torch.Generator().manual_seed(seed))

    def of_training(name: str) -> dict[str, float]:
        tell("training", 0.0)
        model = train_contrastive(world, replace(config.training, **TRAININGS[name]), seed)
        return {
            f"{measure}_{name}_T{steps}": float(course[steps])
            for measure, course in follow(world, model, plans).items()
            for steps in STEPS
        }

    return {name: partial(of_training, name) for name in NAMES}


STUDY = Study(
    name="errors",
    summary="Follow how a model's errors grow or heal over imagined steps, without any planner.",
    Config=Config,
    metrics=METRICS,
    arms=arms_by_name(METRICS, NAMES),
    measure=measure,
)
