"""Does it help a planner to smooth the cost of its plans?

A contrastive model of MiniGrid imagines a plan, and the plan costs its mean latent distance to the goal. The cost is a
function of the plan's logits, and Gaussian noise on them smooths it as chapter 2 smooths an energy. Each planner
imagines equally many plans for a start, and plans once (open loop). Only the world judges whether a plan arrives.

The rules were fixed before any of these planners was run: budget, widths, starts, and the step size, which is that of
experiment 4's planner.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

import torch
from torch import Tensor

from helm_study.fast.contrastive import train_contrastive
from helm_study.metric import Metric
from helm_study.play import COSTS
from helm_study.starts import stratified
from helm_study.study import SeedArms, Study, Tell, arms_by_name, each_seed
from helm_tutorial._check import require_count, require_real
from helm_tutorial.funnel.landscape import Energy, mollify
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.planning.episodes import Episodes, run_episodes, success_rate
from helm_tutorial.planning.plan import Plan, imagined_cost, score
from helm_tutorial.rollouts import Dynamics
from helm_tutorial.worlds.gridworld import load_gridworld

Level = tuple[float, int]
"""Width of the noise on the logits, and the number of gradient steps at this width."""


@dataclass(frozen=True)
class Config:
    """Settings of the comparison.

    Attributes:
        training: settings of experiment 4, whose model with two encoders is used.
        horizon: steps of a plan, two more than the longest shortest path.
        starts: number of start states, drawn anew for each seed, all distances and headings alike.
        budget: plans imagined for each start.
        samples: noisy copies of a plan whose costs are averaged; also the number of restarts.
        lr: step size of Adam on the logits.
        widths: widths of the noise, ascending. Initial logits are standard normal, so 1 is their own spread.
    """

    training: Contrastive = field(default_factory=Contrastive)
    horizon: int = 14
    starts: int = 40
    budget: int = 480
    samples: int = 8
    lr: float = 0.3
    widths: tuple[float, float, float] = (0.5, 1.0, 2.0)

    def __post_init__(self) -> None:
        for name in ("horizon", "starts", "samples"):
            require_count(name, getattr(self, name))
        require_count("budget", self.budget, low=8 * self.samples)
        require_real("lr", self.lr, above=0.0)

    @classmethod
    def quick(cls) -> Config:
        """Return a small configuration that only shows that the study runs.

        One seed takes a few seconds (hardly trained, few starts). The results mean nothing.
        """
        return cls(training=Contrastive(updates=40, walks=200, batch=128), starts=4, budget=64)


PLANNERS = {
    "raw": "descent on the cost itself, from one plan",
    "mollified": "descent on the cost averaged over noise as wide as the first logits",
    "mollified_half": "the same, noise half as wide",
    "mollified_double": "the same, noise twice as wide",
    "coarse_to_fine": "noise of falling width, then the cost itself",
    "restarts": "descent on the cost itself, from several plans, the best carried out",
    "search": "random plans, the best carried out",
}
"""Planners by their names in the metrics, in words."""

SLICES, POINTS, REACH, DRAWS = 8, 25, 6.0, 32
"""Slices through the cost: starts, points along each side, how far its logits go, noisy copies averaged."""

LAST = ("raw", "mollified", "coarse_to_fine", "restarts")
"""Planners that are also run with the distance of the last latent alone as the cost."""

METRICS = {
    **{f"success_plan_{name}": Metric("fraction", f"plans that arrive, {words}") for name, words in PLANNERS.items()},
    **{
        f"cost_plan_{name}": Metric("distance", f"imagined cost of the plan carried out, {words}")
        for name, words in PLANNERS.items()
    },
    **{
        f"success_plan_{name}_last": Metric("fraction", f"plans that arrive, {PLANNERS[name]}; cost: the last distance")
        for name in LAST
    },
    "minima_plan_raw": Metric("places", "local minima on a slice through the cost along two actions"),
    "minima_plan_mollified": Metric("places", "the same, the cost averaged over noise as wide as the first logits"),
}


@each_seed
def measure(config: Config, seed: int, tell: Tell) -> SeedArms:
    """Return the arms of one seed: each planner, with one model."""
    world = load_gridworld(observation="profiles")
    starts = stratified(world, seed)[: config.starts]

    @cache
    def model() -> torch.nn.Module:
        tell("training", 0.0)
        return train_contrastive(world, config.training.directed(), seed)

    def played(name: str, over: str) -> tuple[Episodes, list[Tensor]]:
        brain, costs = model(), []
        tell("planning", 0.5)

        def planner(model: Dynamics, z0: Tensor, goal: Tensor, *, generator: torch.Generator, warm_start: None) -> Plan:
            plan = plan_once(config, name, model, z0, goal, COSTS[over], world.num_actions, generator)
            costs.append(plan.cost)
            return plan

        generator = torch.Generator().manual_seed(seed)
        return run_episodes(
            world, brain, planner, starts, limit=config.horizon, generator=generator, replan=False
        ), costs

    def of_planner(name: str) -> dict[str, float]:
        episodes, costs = played(name, "rollout")
        values = {f"success_plan_{name}": success_rate(episodes), f"cost_plan_{name}": float(costs[0].mean())}
        if name in LAST:
            values[f"success_plan_{name}_last"] = success_rate(played(name, "terminal")[0])
        return values

    def landscape() -> dict:
        brain, generator = model(), torch.Generator().manual_seed(seed)
        tell("slices", 0.5)
        values: dict = {}
        with torch.no_grad():
            goal = brain.encode_goal(world.goal)

            def slice_from(start: int, width: float, generator: torch.Generator) -> Tensor:
                return cost_slice(config, brain, brain.encode(world.features[[start]]), goal, width, generator)

            for name, width in {"raw": 0.0, "mollified": config.widths[1]}.items():
                generator.manual_seed(seed)
                counts = [int(local_minima(slice_from(s, width, generator)).sum()) for s in starts[:SLICES].tolist()]
                values[f"minima_plan_{name}"] = sum(counts) / len(counts)
            if seed == 0:
                costs = {}
                for width in (0.0, *config.widths):
                    generator.manual_seed(seed)
                    table = slice_from(world.start, width, generator)
                    costs[f"{width:g}"] = [[round(value, 4) for value in row] for row in table.tolist()]
                values["slice"] = {
                    "meaning": "cost of a random plan from the environment's start, first action along the rows, "
                    "second along the columns, both from left over forward to right; by width of the noise",
                    "seed": seed,
                    "costs": costs,
                }
        return values

    return {**{name: partial(of_planner, name) for name in PLANNERS}, "landscape": landscape}


STUDY = Study(
    name="plans",
    summary="Plan in MiniGrid by descent on a cost as it is, on one smoothed by noise, and from coarse to fine.",
    Config=Config,
    metrics=METRICS,
    arms={
        **arms_by_name([metric for metric in METRICS if not metric.startswith("minima")], PLANNERS),
        "landscape": ("minima_plan_raw", "minima_plan_mollified"),
    },
    measure=measure,
    extras=("slice",),
)


def plan_once(
    config: Config,
    planner: str,
    model: Dynamics,
    z0: Tensor,
    goal: Tensor,
    cost: Callable[[Tensor, Tensor], Tensor],
    num_actions: int,
    generator: torch.Generator,
) -> Plan:
    """Make one plan for each start with one of :data:`PLANNERS`.

    Every planner imagines :attr:`Config.budget` plans for each start. A final scoring of the plan that is carried out
    is not counted, since it changes nothing.
    """
    shape = (len(z0), config.horizon, num_actions)
    copies = config.samples if planner == "restarts" else 1
    logits = torch.randn(copies * shape[0], shape[1] * shape[2], generator=generator)  # copy by copy, start by start
    if planner == "search":
        plans = torch.randint(num_actions, (shape[0], config.budget, shape[1]), generator=generator)
    else:
        energy = plan_energy(model, z0, goal, cost, num_actions)
        found = descend_levels(energy, logits, levels(config, planner), config, generator)
        plans = found.view(copies, *shape).argmax(dim=-1).transpose(0, 1)
    costs = score(model, z0, goal, plans, num_actions=num_actions, cost=cost)
    lowest, best = costs.min(dim=1)
    return Plan(plans[torch.arange(len(plans)), best], lowest, config.budget * config.horizon)


def levels(config: Config, planner: str) -> list[Level]:
    """Widths and gradient steps of a planner, which spend the budget.

    A gradient step at width 0 imagines one plan, any other one :attr:`Config.samples` plans.
    """
    smooth = config.budget // config.samples
    half, one, double = config.widths
    if planner == "restarts":  # each copy has a share of the budget, and one of its plans is the scoring of the end
        return [(0.0, smooth - 1)]
    if planner == "coarse_to_fine":  # three quarters of the budget on three widths, the rest on the cost itself
        quarter = smooth // 4
        return [(double, quarter), (one, quarter), (half, quarter), (0.0, config.budget - 3 * quarter * config.samples)]
    width = {"raw": 0.0, "mollified": one, "mollified_half": half, "mollified_double": double}[planner]
    return [(width, smooth if width else config.budget)]


def plan_energy(
    model: Dynamics, z0: Tensor, goal: Tensor, cost: Callable[[Tensor, Tensor], Tensor], num_actions: int
) -> Energy:
    """Cost of a plan as a function of its logits, ``(S B, T A) -> (S B,)``.

    Row ``s B + b`` is a plan from start ``b``. The model imagines the softmax of the logits.
    """

    def energy(x: Tensor) -> Tensor:
        actions = x.view(-1, len(z0), x.shape[1] // num_actions, num_actions).softmax(dim=-1)
        return imagined_cost(model, z0, goal, actions.transpose(0, 1), cost).T.flatten()

    return energy


@torch.enable_grad()
def descend_levels(
    energy: Energy, x: Tensor, schedule: Sequence[Level], config: Config, generator: torch.Generator
) -> Tensor:
    """Descend an energy by Adam at one width of smoothing after the other, from every row of ``x`` at once."""
    x = x.clone().requires_grad_(True)
    adam = torch.optim.Adam([x], lr=config.lr)
    for sigma, steps in schedule:
        smooth = mollify(energy, sigma, generator=generator, samples=config.samples) if sigma else energy
        for _ in range(steps):
            (x.grad,) = torch.autograd.grad(smooth(x).sum(), x)
            adam.step()
    return x.detach()


def cost_slice(
    config: Config, model: Dynamics, z0: Tensor, goal: Tensor, width: float, generator: torch.Generator
) -> Tensor:
    """Cost of plans that differ in their first two actions, shape ``(POINTS, POINTS)``.

    A number ``u`` between ``-REACH`` and ``REACH`` gives an action the logits ``(-u, u, 2)``: left at one end, forward
    in the middle, right at the other. All other actions are those of one random plan. The cost is averaged
    over noise on all logits, the same noise at every point.

    Args:
        config: the horizon.
        model: a model with the actions of a gridworld.
        z0: the start's latent, shape ``(1, D)``.
        goal: the goal's latents.
        width: of the noise; 0 is the cost itself.
        generator: source of the random plan and the noise.
    """
    plan = torch.randn(config.horizon, 3, generator=generator)
    noise = width * torch.randn(DRAWS, 1, config.horizon, 3, generator=generator)[: DRAWS if width else 1]
    u = torch.linspace(-REACH, REACH, POINTS)
    action = torch.stack([-u, u, torch.full_like(u, 2.0)], dim=1)
    logits = plan.repeat(POINTS, POINTS, 1, 1)
    logits[:, :, 0], logits[:, :, 1] = action[:, None], action[None]
    energy = plan_energy(model, z0, goal, COSTS["rollout"], 3)
    costs = energy((logits.flatten(0, 1) + noise).flatten(0, 1).flatten(1))
    return costs.view(len(noise), POINTS, POINTS).mean(dim=0)


def local_minima(table: Tensor) -> Tensor:
    """Which entries of a table are below all their neighbours, corner to corner included."""
    around = torch.nn.functional.pad(table[None, None], (1, 1, 1, 1), value=float("inf"))
    near = torch.nn.functional.unfold(around, 3).view(9, *table.shape)
    return table < near[[0, 1, 2, 3, 5, 6, 7, 8]].min(dim=0).values
