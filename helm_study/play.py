"""How experiments 3, 4 and 5 plan and judge: the same planner, budget and starts for every world model."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from helm_study.starts import DRAWS, draw_starts
from helm_tutorial._check import require_choice, require_count, require_real
from helm_tutorial.jacobian import rollout_jacobian
from helm_tutorial.models.regularity import bounded_gradient
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.planning.episodes import Episodes, execute
from helm_tutorial.planning.gradient import Iterate, plan_gradient
from helm_tutorial.planning.local_search import plan_local_search
from helm_tutorial.planning.plan import COSTS, Plan
from helm_tutorial.planning.relaxation import RELAXATIONS
from helm_tutorial.planning.search import plan_cross_entropy, plan_exhaustive, plan_path_integral, plan_random_shooting
from helm_tutorial.worlds.gridworld import ACTIONS, Gridworld, goal_distances, load_gridworld

PLANNERS = (
    "gradient",
    "random shooting",
    "cross-entropy",
    "path integral",
    "greedy",
    "local search",
    "unguided local search",
)
"""What :func:`play` can plan with."""

KEEPERS = ("gradient", "cross-entropy", "local search", "unguided local search")
"""Those that can begin with what is left of an earlier plan."""

ITERATIONS = 8
"""Rounds of the cross-entropy method and of path integral control, which share their budget."""

ROUNDS, SWAPS = 3, 4
"""Rounds of local search and swaps in each, which are 24 imagined plans for each restart."""


@dataclass(frozen=True)
class Planning:
    """The planner's settings and the episode's rules.

    Attributes:
        horizon: steps imagined ahead ``T``; 12 is the longest geodesic distance to the goal in Empty-8x8.
        steps: gradient steps for each plan.
        restarts: initial plans for each start.
        lr: Adam's step size on the logits.
        decode_every: gradient steps between two scorings of the decoded plans.
        over: what a plan costs, one of :data:`helm_tutorial.planning.plan.COSTS`.
        relaxation: how actions are relaxed, one of :data:`helm_tutorial.planning.relaxation.RELAXATIONS`.
        replan: plan before every step, or once (open loop).
        limit: most steps of an episode, in multiples of the world's longest geodesic distance to the goal.
        stride: one in ``stride`` start states is played; 1 plays all.
        draw: how they are drawn, one of :data:`helm_study.starts.DRAWS`.
    """

    horizon: int = 12
    steps: int = 50
    restarts: int = 8
    lr: float = 0.3
    decode_every: int = 10
    over: str = "rollout"
    relaxation: str = "softmax"
    replan: bool = True
    limit: float = 2.0
    stride: int = 1
    draw: str = DRAWS[0]

    def __post_init__(self):
        for name in ("horizon", "steps", "restarts", "decode_every", "stride"):
            require_count(name, getattr(self, name))
        require_real("lr", self.lr, above=0.0)
        require_real("limit", self.limit, above=0.0)
        require_choice("over", self.over, COSTS)
        require_choice("relaxation", self.relaxation, RELAXATIONS)
        require_choice("draw", self.draw, DRAWS)


def report_planner(planning: Planning) -> Planning:
    """A planner as the report describes it: one initial plan of 25 steps, scored by its last latent, open loop.

    The last relaxed iterate is decoded and executed to its end.
    """
    return replace(planning, horizon=25, restarts=1, steps=100, decode_every=100, over="terminal", replan=False)


def open_loop_planner(planning: Planning) -> Planning:
    """Our planner, but planning once: 14 steps, two more than the longest way in Empty-8x8, and more search for it."""
    return replace(planning, horizon=14, restarts=2 * planning.restarts, steps=4 * planning.steps, replan=False)


def plain_planner(planning: Planning) -> Planning:
    """One start and the last relaxed iterate decoded, replanned like ours: beside ours, it shows what restarts add."""
    return replace(planning, restarts=1, decode_every=planning.steps)


def played_starts(world: Gridworld, planning: Planning) -> Tensor:
    """The start states that are played, ascending; the environment's own start is always among them, shape ``(B,)``."""
    return draw_starts(world, planning.stride, planning.draw)


def recorded_starts(env: str, layout_seed: int, **plannings: Planning) -> dict[str, list[int]]:
    """The starts that each planning plays, for a record; none where all are drawn as records do that do not say."""
    drawn = {name: planning for name, planning in plannings.items() if planning.draw != DRAWS[0]}
    world = load_gridworld(env, layout_seed=layout_seed) if drawn else None
    return {name: played_starts(world, planning).tolist() for name, planning in drawn.items()}


def play(
    world: Gridworld,
    model: WorldModel,
    planning: Planning,
    seed: int,
    *,
    starts: Tensor | None = None,
    by: str = "gradient",
    bounded: bool = False,
    keep: bool = False,
    watch: Callable[[Iterate], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Episodes:
    """Plan with ``model`` and play on the real environment.

    Args:
        world: where.
        model: a trained world model.
        planning: the planner's settings and the episode's rules.
        seed: of the planner's random initial plans.
        starts: start states, those of :func:`played_starts` by default.
        by: one of :data:`PLANNERS`. Random shooting, cross-entropy and path integral control use no gradient, but as
            many plans scored as make the same number of model calls as our planner (restarts times gradient steps and
            scorings), whose backward passes come on top. Greedy looks one step ahead. Local search has as many
            restarts as its budget allows; unguided, it tries swaps at random.
        bounded: the gradient planner's gradient is kept from growing on its way back, see
            :func:`helm_tutorial.models.regularity.bounded_gradient`.
        keep: each decision begins with what is left of the last plan; for gradient, cross-entropy and local search.
        watch: sees every gradient step, see :func:`helm_tutorial.planning.gradient.plan_gradient`; changes nothing.
        progress: called with the step and the limit.
    """
    require_choice("by", by, PLANNERS)
    if keep and not (planning.replan and by in KEEPERS):
        raise ValueError(f"keep must be False unless planning anew by one of {', '.join(KEEPERS)}, got True for {by}")
    generator = torch.Generator().manual_seed(seed)
    scored = planning.restarts * (planning.steps + math.ceil(planning.steps / planning.decode_every))
    same = {"actions": len(ACTIONS), "over": planning.over}
    with torch.no_grad():
        goal = model.encode_goal(world.features[world.goals])

    def planner(observations: Tensor, kept: Tensor | None = None) -> Plan:
        with torch.no_grad():
            z0 = model.encode(observations)
        if by == "greedy":
            return plan_exhaustive(model, z0, goal, 1, **same)
        if by == "random shooting":
            return plan_random_shooting(model, z0, goal, planning.horizon, generator=generator, samples=scored, **same)
        if by in ("cross-entropy", "path integral"):
            samples = max(1, scored // ITERATIONS)
            sizes = {"iterations": ITERATIONS, "samples": samples, "generator": generator}
            if by == "path integral":
                return plan_path_integral(model, z0, goal, planning.horizon, **sizes, **same)
            sizes |= {"elites": math.ceil(samples / 10), "kept": kept}
            return plan_cross_entropy(model, z0, goal, planning.horizon, **sizes, **same)
        if by in ("local search", "unguided local search"):
            return plan_local_search(
                model,
                z0,
                goal,
                planning.horizon,
                generator=generator,
                rounds=ROUNDS,
                restarts=max(1, scored // (2 * ROUNDS * SWAPS)),
                swaps=SWAPS,
                proposals="gradient" if by == "local search" else "random",
                kept=kept,
                **same,
            )
        return plan_gradient(
            bounded_gradient(model) if bounded else model,
            z0,
            goal,
            planning.horizon,
            generator=generator,
            steps=planning.steps,
            lr=planning.lr,
            restarts=planning.restarts,
            decode_every=planning.decode_every,
            relaxation=planning.relaxation,
            kept=kept,
            watch=watch,
            **same,
        )

    # The planner differentiates with respect to actions only; without this every step would also build
    # the graph of the weights.
    required = [parameter.requires_grad for parameter in model.parameters()]
    model.requires_grad_(False)
    try:
        return execute(
            world,
            planner,
            played_starts(world, planning) if starts is None else starts,
            limit=episode_limit(world, planning),
            replan=planning.replan,
            keep=keep,
            progress=progress,
        )
    finally:
        for parameter, flag in zip(model.parameters(), required, strict=True):
            parameter.requires_grad_(flag)


def play_randomly(world: Gridworld, planning: Planning, seed: int) -> Episodes:
    """Uniformly random actions under the same rules: what a planner has to beat."""
    generator = torch.Generator().manual_seed(seed)

    def planner(observations: Tensor) -> Plan:
        actions = torch.randint(len(ACTIONS), (len(observations), 1), generator=generator)
        nothing = torch.zeros(len(observations))
        return Plan(actions, nothing)

    return execute(world, planner, played_starts(world, planning), limit=episode_limit(world, planning))


def episode_limit(world: Gridworld, planning: Planning) -> int:
    """Most steps of an episode: a plan that is made once is carried out to its end."""
    if not planning.replan:
        return planning.horizon
    return max(1, round(planning.limit * float(goal_distances(world).max())))


def success_rate(episodes: Episodes) -> float:
    """Share of episodes that the environment ended with a reward."""
    return float(episodes.success.float().mean())


def path_ratio(episodes: Episodes, to_goal: Tensor) -> float:
    """Steps taken over geodesic distance, mean over the successful episodes; ``nan`` if there are none.

    Args:
        episodes: what was played.
        to_goal: geodesic distance of every state to the goal, shape ``(N,)``.
    """
    won = episodes.success
    return float((episodes.steps[won] / to_goal[episodes.states[won, 0]]).mean())


def from_own_start(world: Gridworld, episodes: Episodes) -> tuple[bool, float]:
    """Success, and final Euclidean distance to the goal, of the episode from the environment's own start."""
    row = int((episodes.states[:, 0] == world.start).nonzero()[0, 0])
    return bool(episodes.success[row]), float(episodes.final_distance[row])


def learned_rollout_jacobian(
    world: Gridworld, model: WorldModel, horizon: int, seed: int, *, rollouts: int = 16
) -> float:
    """Geometric mean over random rollouts of the Frobenius norm of ``d z_T / d z_0``.

    Starts are uniformly random states, actions uniformly random corners of the simplex.
    """
    require_count("horizon", horizon)
    generator = torch.Generator().manual_seed(seed)
    states = torch.randint(world.states, (rollouts,), generator=generator)
    actions = torch.randint(len(ACTIONS), (rollouts, horizon), generator=generator)
    with torch.no_grad():
        z0 = model.encode(world.features[states])
    norms = rollout_jacobian(model, z0, one_hot_actions(actions, len(ACTIONS))).state.double().flatten(1).norm(dim=1)
    return float(norms.log().mean().exp())


def blind_search(world: Gridworld, horizon: int, plans: int, *, limit: int, generator: torch.Generator) -> Tensor:
    """How search would fare with a perfect model and no distances at all: what a planner's geometry is held against.

    At each decision ``plans`` random plans are drawn. If some touch the goal, the first step of the one that touches
    it first is taken; if none does, a random step. An agent that wanders brings the goal within reach, so this arrives
    from more starts than those within the horizon.

    Args:
        world: whose true transitions are the model.
        horizon: steps of a plan.
        plans: plans drawn for each decision.
        limit: most steps of an episode.
        generator: draws plans.

    Returns:
        Whether each start of :attr:`~helm_tutorial.worlds.gridworld.Gridworld.starts` arrives, shape ``(B,)``.

    Raises:
        ValueError: a count is below 1.
    """
    for name, value in {"horizon": horizon, "plans": plans, "limit": limit}.items():
        require_count(name, value)
    is_goal = torch.zeros(world.states, dtype=torch.bool)
    is_goal[world.goals] = True
    here = torch.as_tensor(world.starts).clone()
    for _ in range(limit):
        going = (~is_goal[here]).nonzero()[:, 0]
        if len(going) == 0:
            break
        drawn = torch.randint(world.transitions.shape[1], (horizon, len(going), plans), generator=generator)
        there, touched = here[going, None].expand(-1, plans), torch.full((len(going), plans), horizon)
        for step, actions in enumerate(drawn):
            there = world.transitions[there, actions]
            touched = torch.where(is_goal[there] & (touched == horizon), step, touched)
        first = drawn[0].gather(1, touched.argmin(dim=1, keepdim=True))[:, 0]
        here[going] = world.transitions[here[going], first]
    return is_goal[here]
