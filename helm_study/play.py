"""Planning and running episodes, in the same way for every world model.

Experiments 3, 4 and 5 use the same planner, budget and starts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from helm_study.starts import DRAWS, draw_starts, stratified
from helm_tutorial._check import require_choice, require_count, require_real
from helm_tutorial.jacobian import rollout_jacobian
from helm_tutorial.models.regularity import bounded_gradient
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.planning import cost
from helm_tutorial.planning.episodes import Episodes, run_episodes
from helm_tutorial.planning.gradient import RELAXATIONS, GradientPlanner
from helm_tutorial.planning.local_search import LocalSearchPlanner
from helm_tutorial.planning.plan import Plan
from helm_tutorial.planning.search import CrossEntropyPlanner, ExhaustivePlanner, MPPIPlanner, RandomShootingPlanner
from helm_tutorial.worlds.gridworld import ACTIONS, Gridworld, goal_distances, load_gridworld
from helm_tutorial.worlds.world import World

COSTS = {"rollout": cost.mean_distance, "terminal": cost.final_distance, "closest": cost.closest_approach}
"""Costs of a plan, by their names in the records."""

ITERATIONS = 8
"""Rounds of the cross-entropy method and of path integral control.

Both have the same budget.
"""

ROUNDS, SWAPS = 3, 4
"""Rounds of local search, and swaps in each round.

Together these are 24 imagined plans for each restart.
"""

AnyPlanner = Callable[..., Plan]
"""A planner for :func:`~helm_tutorial.planning.episodes.run_episodes`."""


@dataclass(frozen=True)
class Planning:
    """Settings of the planner and rules of the episodes.

    Attributes:
        horizon: number ``T`` of imagined steps; 12 is the longest geodesic distance to the goal in Empty-8x8.
        steps: gradient steps for each plan.
        restarts: initial plans for each start.
        lr: Adam's step size on the logits.
        decode_every: gradient steps between two scorings of the decoded plans.
        over: cost of a plan, one of :data:`COSTS`.
        relaxation: how actions are relaxed, one of :data:`helm_tutorial.planning.gradient.RELAXATIONS`.
        replan: plan before every step, or once (open loop).
        limit: maximum number of steps of an episode, in multiples of the world's longest geodesic distance to the goal.
        stride: one in ``stride`` start states is used; 1 uses all.
        draw: how starts are drawn, one of :data:`helm_study.starts.DRAWS`.
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

    @property
    def plans(self) -> int:
        """Number of plans that a decision imagines for each start.

        It counts gradient steps and scorings.
        """
        return self.restarts * (self.steps + math.ceil(self.steps / self.decode_every))


def report_planner(planning: Planning) -> Planning:
    """Return the planner that the report describes.

    It has one initial plan of 25 steps, whose cost is the distance of its last latent, and plans once (open loop). The
    last relaxed iterate is decoded and executed to its end.
    """
    return replace(planning, horizon=25, restarts=1, steps=100, decode_every=100, over="terminal", replan=False)


def open_loop_planner(planning: Planning) -> Planning:
    """Return our planner, but planning only once (open loop).

    It imagines 14 steps, two more than the longest path in Empty-8x8, and searches with more restarts and steps.
    """
    return replace(planning, horizon=14, restarts=2 * planning.restarts, steps=4 * planning.steps, replan=False)


def plain_planner(planning: Planning) -> Planning:
    """Return our planner with one restart and only the last iterate decoded.

    It replans as ours does. Compared with ours, it shows what restarts and decoding add.
    """
    return replace(planning, restarts=1, decode_every=planning.steps)


def gradient_planner(planning: Planning, num_actions: int = len(ACTIONS)) -> GradientPlanner:
    """Build our planner: the gradient planner with the settings of ``planning``."""
    return GradientPlanner(
        horizon=planning.horizon,
        num_actions=num_actions,
        cost=COSTS[planning.over],
        restarts=planning.restarts,
        steps=planning.steps,
        lr=planning.lr,
        decode_every=planning.decode_every,
        relaxation=planning.relaxation,
    )


def bounded_planner(planning: Planning) -> AnyPlanner:
    """Build our planner with a gradient that cannot grow.

    See :func:`helm_tutorial.models.regularity.bounded_gradient`.
    """
    planner = gradient_planner(planning)
    return lambda model, *latents, **options: planner(bounded_gradient(model), *latents, **options)


def shooting_planner(planning: Planning) -> RandomShootingPlanner:
    """Build random shooting with as many plans as :attr:`Planning.plans`.

    It uses no gradient, so it needs no backward passes.
    """
    return RandomShootingPlanner(samples=planning.plans, **_same(planning))


def cross_entropy_planner(planning: Planning) -> CrossEntropyPlanner:
    """Build the cross-entropy method with as many plans as our planner."""
    samples = max(1, planning.plans // ITERATIONS)
    sizes = {"iterations": ITERATIONS, "samples": samples, "elites": math.ceil(samples / 10)}
    return CrossEntropyPlanner(**sizes, **_same(planning))


def path_integral_planner(planning: Planning) -> MPPIPlanner:
    """Build path integral control with as many plans as our planner."""
    return MPPIPlanner(iterations=ITERATIONS, samples=max(1, planning.plans // ITERATIONS), **_same(planning))


def local_search_planner(planning: Planning, *, proposals: str = "gradient") -> LocalSearchPlanner:
    """Build local search with at most as many plans as our planner."""
    restarts = max(1, planning.plans // (2 * ROUNDS * SWAPS))
    sizes = {"rounds": ROUNDS, "restarts": restarts, "swaps": SWAPS, "proposals": proposals}
    return LocalSearchPlanner(**sizes, **_same(planning))


def unguided_planner(planning: Planning) -> LocalSearchPlanner:
    """Build local search that tries swaps at random."""
    return local_search_planner(planning, proposals="random")


def greedy_planner(planning: Planning) -> ExhaustivePlanner:
    """Build the greedy planner, which imagines one step."""
    return ExhaustivePlanner(**_same(planning) | {"horizon": 1})


def _same(planning: Planning) -> dict[str, object]:
    return {"horizon": planning.horizon, "num_actions": len(ACTIONS), "cost": COSTS[planning.over]}


def played_starts(world: Gridworld, planning: Planning) -> Tensor:
    """Return the start states that are used, ascending, shape ``(B,)``.

    The environment's own start is always among them.
    """
    return draw_starts(world, planning.stride, planning.draw)


def recorded_starts(env: str, layout_seed: int, **plannings: Planning) -> dict[str, list[int]]:
    """Return the starts of each planning, for a record.

    Plannings with the first of :data:`helm_study.starts.DRAWS` are left out, because a record that names no draw used
    that one.
    """
    drawn = {name: planning for name, planning in plannings.items() if planning.draw != DRAWS[0]}
    world = load_gridworld(env, layout_seed=layout_seed) if drawn else None
    return {name: played_starts(world, planning).tolist() for name, planning in drawn.items()}


def play(
    world: Gridworld,
    model: WorldModel,
    planner: AnyPlanner,
    planning: Planning,
    seed: int,
    *,
    starts: Tensor | None = None,
    warm_start: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Episodes:
    """Plan with ``model`` and run the episodes in the real environment.

    Args:
        world: where to run the episodes.
        model: a trained world model.
        planner: a planner, such as :func:`gradient_planner` builds from ``planning``.
        planning: the rules of the episodes.
        seed: seed of the planner's random numbers.
        starts: start states, by default those of :func:`played_starts`.
        warm_start: each decision begins with the rest of the last plan.
        progress: called with the step and the limit.
    """
    return run_episodes(
        world,
        model,
        planner,
        played_starts(world, planning) if starts is None else starts,
        limit=episode_limit(world, planning),
        generator=torch.Generator().manual_seed(seed),
        replan=planning.replan,
        warm_start=warm_start,
        progress=progress,
    )


class Unasked:
    """A model for planners that use none."""

    def encode(self, observations: Tensor) -> Tensor:
        return observations


def play_randomly(world: World, seed: int, starts: Tensor, *, limit: int) -> Episodes:
    """Run episodes of uniformly random actions, the baseline for a planner."""

    def draw(model: object, z0: Tensor, goal: Tensor, *, generator: torch.Generator, warm_start: None) -> Plan:
        return Plan(torch.randint(world.num_actions, (len(z0), 1), generator=generator), torch.zeros(len(z0)))

    generator = torch.Generator().manual_seed(seed)
    return run_episodes(world, Unasked(), draw, starts, limit=limit, generator=generator)


def episode_limit(world: Gridworld, planning: Planning) -> int:
    """Return the maximum number of steps of an episode.

    A plan that is made only once is carried out to its end.
    """
    if not planning.replan:
        return planning.horizon
    return max(1, round(planning.limit * float(goal_distances(world).max())))


def path_ratio(episodes: Episodes, to_goal: Tensor) -> float:
    """Steps taken over geodesic distance, mean over the successful episodes.

    The ratio is ``nan`` if no episode succeeded.

    Args:
        episodes: results of the episodes.
        to_goal: geodesic distance of every state to the goal, shape ``(N,)``.
    """
    won = episodes.success
    return float((episodes.steps[won] / to_goal[episodes.states[won, 0]]).mean())


def final_distance(world: Gridworld, episodes: Episodes) -> Tensor:
    """Euclidean distance from the last cell to the nearest goal cell.

    The result has shape ``(B,)``.
    """
    last = episodes.states.gather(1, episodes.steps[:, None])[:, 0]
    cells = world.positions.float()
    return torch.cdist(cells[last], cells[world.goals]).min(dim=1).values


SHOWN_STARTS = 12
"""Number of starts whose walks a record keeps to be drawn, besides the environment's own."""


def shown_walks(world: Gridworld, episodes: Episodes) -> list[list[int]]:
    """Return the states visited from the environment's own start and from a few others, one list for each.

    The others are the first of :func:`helm_study.starts.stratified` among the episodes' starts, at most
    :data:`SHOWN_STARTS`.
    """
    rows = {walk[0]: [state for state in walk if state >= 0] for walk in episodes.states.tolist()}
    drawn = [start for start in stratified(world).tolist() if start in rows and start != world.start]
    return [rows[start] for start in (world.start, *drawn[:SHOWN_STARTS])]


def from_own_start(world: Gridworld, episodes: Episodes) -> tuple[bool, float]:
    """Success and final distance of the episode from the environment's own start.

    The distance is the Euclidean distance to the goal.
    """
    row = int((episodes.states[:, 0] == world.start).nonzero()[0, 0])
    return bool(episodes.success[row]), float(final_distance(world, episodes)[row])


def learned_rollout_jacobian(
    world: Gridworld, model: WorldModel, horizon: int, seed: int, *, rollouts: int = 16
) -> float:
    """Measure :func:`rollout_growth` from uniformly random states of a room."""
    generator = torch.Generator().manual_seed(seed)
    states = torch.randint(world.num_states, (rollouts,), generator=generator)
    return rollout_growth(model, world.features[states], horizon, world.num_actions, generator)


def rollout_growth(
    model: WorldModel, observations: Tensor, horizon: int, num_actions: int, generator: torch.Generator
) -> float:
    """Geometric mean over rollouts of the Frobenius norm of ``d z_T / d z_0``.

    Rollouts begin at ``observations`` ``(B, ...)``; their actions are uniformly random corners of the simplex.
    """
    require_count("horizon", horizon)
    actions = torch.randint(num_actions, (len(observations), horizon), generator=generator)
    with torch.no_grad():
        z0 = model.encode(observations)
    norms = rollout_jacobian(model, z0, one_hot_actions(actions, num_actions)).state.double().flatten(1).norm(dim=1)
    return float(norms.log().mean().exp())


def blind_search(world: Gridworld, horizon: int, plans: int, *, limit: int, generator: torch.Generator) -> Tensor:
    """Random search with a perfect model and no distances, as a reference.

    It shows how far a planner could get without the geometry of a latent space. At each decision ``plans`` random plans
    are drawn. If some reach the goal, the agent takes the first step of the plan that reaches it first; if none does,
    it takes a random step. A wandering agent can bring the goal within reach, so this also succeeds from starts beyond
    the horizon.

    Args:
        world: the world, whose true transitions are the model.
        horizon: steps of a plan.
        plans: plans drawn for each decision.
        limit: maximum number of steps of an episode.
        generator: source of the plans.

    Returns:
        Whether each start of :attr:`~helm_tutorial.worlds.gridworld.Gridworld.starts` arrives, shape ``(B,)``.
    """
    for name, value in {"horizon": horizon, "plans": plans, "limit": limit}.items():
        require_count(name, value)
    is_goal = torch.zeros(world.num_states, dtype=torch.bool)
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
