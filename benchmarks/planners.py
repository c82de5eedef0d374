"""Our gradient planner against the solvers of stable-worldmodel, on the same trained model, starts and goals.

Every solver climbs a ladder of budgets, the smallest first. At each, every second start is played to its end on the
real environment, planned anew before each step, all starts that are still under way as one batch; what counts is the
share that arrives, how far they walk, and the seconds of planning per decision. A solver leaves the ladder when it
arrives as often as our planner does with its full budget (within one point) and walks no farther (within two per cent).

``plan_speedup_vs_peer_T12`` is how many times as long the fastest peer takes that arrives as often as we do, over the
fastest budget of ours that does; ``plan_speedup_same_path_T12`` asks the same of those that also walk no farther. Where
no peer gets there on its ladder, the figure is a bound: the time of the dearest budget that was tried.

stable-worldmodel asks for much that its solvers do not need, so get it without:
``.venv/bin/python -m pip install --no-deps stable-worldmodel loguru``. Where it is missing the figures are null.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import sys
import time
import types
from collections.abc import Callable
from dataclasses import dataclass

import torch
from gymnasium.spaces import Box, Discrete
from measuring import figure, ratio, record
from torch import Tensor

from helm_tutorial.execution import execute
from helm_tutorial.experiments.gridworld_planning import Planning, episode_limit
from helm_tutorial.gridworld import ACTIONS, Gridworld, goal_distances, load_gridworld
from helm_tutorial.planning import plan_gradient
from helm_tutorial.plans import Plan, goal_cost
from helm_tutorial.recipes import Training, train_contrastive
from helm_tutorial.rollout import rollout
from helm_tutorial.world_model import WorldModel

PEER = "stable_worldmodel"
HORIZONS = (12, 25)
STRIDE, SEED, SLACK, FARTHER, RUNS = 2, 0, 0.01, 1.02, 5
OURS = ((1, 2), (1, 5), (1, 10), (2, 10), (2, 25), (4, 25), (8, 50))  # restarts and gradient steps
SAMPLED = ((4, 2), (8, 2), (8, 4), (24, 4), (24, 8), (56, 8), (120, 8), (300, 10))  # samples a round, and rounds
DESCENDED = ((1, 5), (1, 10), (2, 10), (2, 25), (4, 25), (8, 50))  # samples and gradient steps

Solve = Callable[[Tensor], Tensor]
"""From latents ``(B, D)`` to plans ``(B, T)``."""


def peer_solvers() -> types.ModuleType | None:
    """The peer's solvers, loaded past its own ``__init__``, which imports everything; ``None`` where it is missing."""
    found = importlib.util.find_spec(PEER)
    if found is None or importlib.util.find_spec("loguru") is None:
        return None
    package = types.ModuleType(PEER)
    package.__path__ = list(found.submodule_search_locations or ())
    sys.modules[PEER] = package
    return importlib.import_module(f"{PEER}.solver")


@dataclass
class Costed:
    """The world model as the peer's solvers ask for it.

    Attributes:
        model: a trained world model.
        goal: latents of the goal, shape ``(G, D)``.
        relaxed: candidates are logits, which the softmax makes actions of.
    """

    model: WorldModel
    goal: Tensor
    relaxed: bool

    def parameters(self):
        """The peer reads the numbers' type off these."""
        return self.model.parameters()

    def get_cost(self, info: dict, candidates: Tensor) -> Tensor:
        """Costs ``(B, S)`` of candidates ``(B, S, T, A)`` from latents ``(B, S, D)``."""
        actions = candidates.softmax(dim=-1) if self.relaxed else candidates
        latents = rollout(self.model, info["z0"].flatten(0, 1), actions.flatten(0, 1))[:, 1:]
        return goal_cost(latents, self.goal).view(candidates.shape[:2])


def peers(solvers: types.ModuleType, model: WorldModel, goal: Tensor, horizon: int) -> dict[str, dict[str, Solve]]:
    """Each solver of the peer, at each of its budgets."""
    config = types.SimpleNamespace(horizon=horizon, action_block=1)

    def solve(make: Callable[[], object], space: object) -> Solve:
        def run(z0: Tensor) -> Tensor:
            solver = make()
            with contextlib.redirect_stdout(io.StringIO()):
                solver.configure(action_space=space, n_envs=len(z0), config=config)
                plans = solver.solve({"z0": z0})["actions"]
            return plans.argmax(dim=-1) if plans.is_floating_point() else plans.flatten(1)

        return run

    discrete = Discrete(len(ACTIONS))
    logits = Box(-10.0, 10.0, (1, len(ACTIONS)))
    together = {"batch_size": 10_000}
    adam = {"optimizer_cls": torch.optim.Adam, "optimizer_kwargs": {"lr": 0.3}}
    found: dict[str, dict[str, Solve]] = {"CategoricalCEM": {}, "GradientSolver": {}, "PGD": {}}
    for samples, rounds in SAMPLED:
        options = {"num_samples": samples, "n_steps": rounds, "topk": max(1, samples // 10)} | together
        found["CategoricalCEM"][f"{samples} x {rounds}"] = solve(
            lambda options=options: solvers.CategoricalCEMSolver(Costed(model, goal, False), **options), discrete
        )
    for samples, steps in DESCENDED:
        options = {"num_samples": samples, "n_steps": steps}
        found["GradientSolver"][f"{samples} x {steps}"] = solve(
            lambda options=options: solvers.GradientSolver(Costed(model, goal, True), **options, **adam, **together),
            logits,
        )
        found["PGD"][f"{samples} x {steps}"] = solve(
            lambda options=options: solvers.PGDSolver(Costed(model, goal, False), **options, **together), discrete
        )
    return found


def ours(model: WorldModel, goal: Tensor, horizon: int) -> dict[str, Solve]:
    """Our planner at each of its budgets."""
    draws = torch.Generator().manual_seed(SEED)

    def solve(restarts: int, steps: int) -> Solve:
        options = {"actions": len(ACTIONS), "generator": draws, "restarts": restarts, "steps": steps}
        return lambda z0: plan_gradient(model, z0, goal, horizon, decode_every=max(5, steps // 5), **options).actions

    return {f"{restarts} x {steps}": solve(restarts, steps) for restarts, steps in OURS}


@dataclass(frozen=True)
class Played:
    """What a solver did: the share that arrives, steps over the fewest among those, seconds of planning a decision."""

    share: float
    path: float
    seconds: float


def play(world: Gridworld, model: WorldModel, solve: Solve) -> Played:
    """Play every ``STRIDE``-th start to its end."""
    spent, decisions = 0.0, 0

    def planner(observations: Tensor) -> Plan:
        nonlocal spent, decisions
        with torch.no_grad():
            z0 = model.encode(observations)
        began = time.perf_counter()
        actions = solve(z0)
        spent += time.perf_counter() - began
        decisions += len(z0)
        nothing = torch.zeros(len(z0))
        return Plan(actions, nothing, nothing, 0)

    starts = world.starts[::STRIDE]
    episodes = execute(world, planner, starts, limit=episode_limit(world, Planning()))
    fewest = goal_distances(world)[starts]
    path = (episodes.steps / fewest)[episodes.success].mean()
    return Played(float(episodes.success.float().mean()), float(path), spent / decisions)


def climb(name: str, ladder: dict[str, Solve], measure: Callable[[Solve], Played], enough: Callable[[Played], bool]):
    """Play budgets until one is enough; returns all that were played."""
    played = {}
    for budget, solve in ladder.items():
        found = played[budget] = measure(solve)
        print(
            f"  {name:<16}{budget:>9}{100 * found.share:>7.1f} % arrive, path {found.path:.3f},"
            f"{1000 * found.seconds:>8.2f} ms a decision",
            flush=True,
        )
        if enough(found):
            break
    return played


def main() -> None:
    """Play everything and record."""
    torch.set_num_threads(1)
    world = load_gridworld("MiniGrid-Empty-8x8-v0")
    model = train_contrastive(world, Training(), SEED).requires_grad_(False)
    with torch.no_grad():
        goal = model.encode_goal(world.features[world.goals])
    solvers = peer_solvers()
    figures: dict[str, dict | None] = {}
    for horizon in HORIZONS:
        print(f"T = {horizon}")
        rungs = ours(model, goal, horizon)

        def measure(solve: Solve) -> Played:
            return play(world, model, solve)

        mine_all = climb("ours", rungs, measure, lambda _: False)
        full = list(mine_all.values())[-1]

        def arrives(found: Played, full: Played = full) -> bool:
            return found.share >= full.share - SLACK

        def equals(found: Played, full: Played = full) -> bool:
            return found.share >= full.share - SLACK and found.path <= FARTHER * full.path

        ladders = {} if solvers is None else peers(solvers, model, goal, horizon)
        played = {name: climb(name, ladder, measure, equals) for name, ladder in ladders.items()}
        for kind, enough in (("vs_peer", arrives), ("same_path", equals)):
            mine = next(budget for budget, found in mine_all.items() if enough(found))
            reached = {
                (name, budget): found.seconds
                for name, budgets in played.items()
                for budget, found in budgets.items()
                if enough(found)
            }
            dearest = {
                (name, budget): found.seconds for name, budgets in played.items() for budget, found in budgets.items()
            }
            pick = min(reached, key=reached.get) if reached else max(dearest, key=dearest.get, default=None)
            if pick is None:
                figures[f"plan_speedup_{kind}_T{horizon}"] = None
                continue
            times = [(measure(ladders[pick[0]][pick[1]]).seconds, measure(rungs[mine]).seconds) for _ in range(RUNS)]
            figures[f"plan_speedup_{kind}_T{horizon}"] = ratio(*zip(*times, strict=True))
            figures[f"decisions_per_second_{kind}_T{horizon}"] = figure([1 / t for _, t in times], "decisions / s")
            print(f"  {kind}: ours {mine} against {' '.join(pick)}{'' if reached else ', a bound'}")
    record(figures)


if __name__ == "__main__":
    main()
