"""Our planners against the solvers of stable-worldmodel, on the same trained model, starts and goals.

Every solver climbs a ladder of budgets, the smallest first. At each, every second start is played to its end on the
real environment, planned anew before each step, all starts that are still under way as one batch; what counts is the
share that arrives, how far they walk, and the seconds of planning per decision. Who can begin with what is left of the
last plan does so, ours and theirs: GradientSolver and PGD, which climb a second ladder from nothing; CategoricalCEM
takes such a plan and ignores it. A solver leaves the ladder when it arrives as often as our descent does with its full
budget, 8 restarts of 50 steps from nothing (within one point), and walks no farther (within two per cent).

``plan_speedup_vs_peer_T12`` is how many times as long the fastest peer takes that arrives as often as that, over the
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
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from gymnasium.spaces import Box, Discrete
from measuring import figure, ratio, record
from torch import Tensor

from helm_study.fast.contrastive import train_contrastive
from helm_study.play import Planning, episode_limit
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.planning.cost import mean_distance
from helm_tutorial.planning.episodes import run_episodes, success_rate
from helm_tutorial.planning.gradient import GradientPlanner
from helm_tutorial.planning.local_search import LocalSearchPlanner
from helm_tutorial.planning.plan import LEANING, Plan, Planner
from helm_tutorial.rollouts import rollout
from helm_tutorial.worlds.gridworld import ACTIONS, Gridworld, goal_distances, load_gridworld

PEER = "stable_worldmodel"
HORIZONS = (12, 25)
STRIDE, SEED, SLACK, FARTHER, RUNS = 2, 0, 0.01, 1.02, 5
FULL = (8, 50)
DESCENTS = ((1, 5), (2, 5), (2, 10), (4, 10), (4, 25))  # restarts and gradient steps
SEARCHES = ((1, 1, 4), (2, 1, 4), (4, 1, 4), (4, 1, 6), (4, 2, 6), (8, 2, 6), (8, 3, 6))  # restarts, rounds, swaps
SAMPLED = ((4, 2), (8, 2), (8, 4), (24, 4), (24, 8), (56, 8), (120, 8), (300, 10))  # samples a round, and rounds
DESCENDED = ((1, 5), (1, 10), (2, 10), (2, 25), (4, 25), (8, 50))  # samples and gradient steps

Solve = Callable[[Tensor, Tensor | None], Tensor]
"""From latents ``(B, D)`` and what is left of the last plans ``(B, T - 1)`` to plans ``(B, T)``."""


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
        return mean_distance(latents, self.goal).view(candidates.shape[:2])


def peers(solvers: types.ModuleType, model: WorldModel, goal: Tensor, horizon: int) -> dict[str, dict[str, Solve]]:
    """Each solver of the peer, at each of its budgets."""
    config = types.SimpleNamespace(horizon=horizon, action_block=1)

    def solve(make: Callable[[], object], space: object, begin: Callable[[Tensor], dict] | None = None) -> Solve:
        def run(z0: Tensor, kept: Tensor | None) -> Tensor:
            solver = make()
            options = {} if begin is None or kept is None else begin(kept)
            with contextlib.redirect_stdout(io.StringIO()):
                solver.configure(action_space=space, n_envs=len(z0), config=config)
                plans = solver.solve({"z0": z0}, **options)["actions"]
            return plans.argmax(dim=-1) if plans.is_floating_point() else plans.flatten(1)

        return run

    def leaning(kept: Tensor) -> dict:
        return {"init_action": LEANING * one_hot_actions(kept, len(ACTIONS))}

    def as_they_are(kept: Tensor) -> dict:
        return {"init_action": kept.unsqueeze(-1), "from_scalar": True}

    discrete = Discrete(len(ACTIONS))
    logits = Box(-10.0, 10.0, (1, len(ACTIONS)))
    together = {"batch_size": 10_000}
    adam = {"optimizer_cls": torch.optim.Adam, "optimizer_kwargs": {"lr": 0.3}}
    found: dict[str, dict[str, Solve]] = {
        name: {} for name in ("CategoricalCEM", "GradientSolver", "GradientSolver kept", "PGD", "PGD kept")
    }
    for samples, rounds in SAMPLED:
        options = {"num_samples": samples, "n_steps": rounds, "topk": max(1, samples // 10)} | together
        found["CategoricalCEM"][f"{samples} x {rounds}"] = solve(
            lambda options=options: solvers.CategoricalCEMSolver(Costed(model, goal, False), **options), discrete
        )
    for samples, steps in DESCENDED:
        options = {"num_samples": samples, "n_steps": steps} | together

        def gradient(options: dict = options) -> object:
            return solvers.GradientSolver(Costed(model, goal, True), **options, **adam)

        def projected(options: dict = options) -> object:
            return solvers.PGDSolver(Costed(model, goal, False), **options)

        for suffix, begins in (("", (None, None)), (" kept", (leaning, as_they_are))):
            found[f"GradientSolver{suffix}"][f"{samples} x {steps}"] = solve(gradient, logits, begins[0])
            found[f"PGD{suffix}"][f"{samples} x {steps}"] = solve(projected, discrete, begins[1])
    return found


def ours(model: WorldModel, goal: Tensor, horizon: int) -> dict[str, dict[str, Solve]]:
    """Our planners at each of their budgets; the full one first."""
    draws = torch.Generator().manual_seed(SEED)
    same = {"horizon": horizon, "num_actions": len(ACTIONS)}

    def solve(planner: Planner, keeps: bool = True) -> Solve:
        return lambda z0, kept: planner(model, z0, goal, generator=draws, warm_start=kept if keeps else None).actions

    def descend(restarts: int, steps: int, keeps: bool) -> Solve:
        sizes = {"restarts": restarts, "steps": steps, "decode_every": max(5, steps // 5)}
        return solve(GradientPlanner(**sizes, **same), keeps)

    def search(restarts: int, rounds: int, swaps: int) -> Solve:
        return solve(LocalSearchPlanner(restarts=restarts, rounds=rounds, swaps=swaps, **same))

    return {
        "full": {" x ".join(map(str, FULL)): descend(*FULL, False)},
        "descent kept": {f"{restarts} x {steps}": descend(restarts, steps, True) for restarts, steps in DESCENTS},
        "local search kept": {" x ".join(map(str, sizes)): search(*sizes) for sizes in SEARCHES},
    }


@dataclass(frozen=True)
class Played:
    """What a solver did: the share that arrives, steps over the fewest among those, seconds of planning a decision."""

    share: float
    path: float
    seconds: float


def play(world: Gridworld, model: WorldModel, solve: Solve) -> Played:
    """Play every ``STRIDE``-th start to its end."""
    spent, decisions = 0.0, 0

    def planner(_: WorldModel, z0: Tensor, goal: Tensor, *, warm_start: Tensor | None, **options: object) -> Plan:
        nonlocal spent, decisions
        began = time.perf_counter()
        with torch.enable_grad():  # the peer's solvers descend, and take it for granted
            actions = solve(z0, warm_start)
        spent += time.perf_counter() - began
        decisions += len(z0)
        return Plan(actions, torch.zeros(len(z0)))

    starts = world.starts[::STRIDE]
    limit = episode_limit(world, Planning())
    episodes = run_episodes(world, model, planner, starts, limit=limit, warm_start=True)
    fewest = goal_distances(world)[starts]
    path = (episodes.steps / fewest)[episodes.success].mean()
    return Played(success_rate(episodes), float(path), spent / decisions)


def climb(name: str, ladder: dict[str, Solve], measure: Callable[[Solve], Played], enough: Callable[[Played], bool]):
    """Play budgets until one is enough; returns all that were played."""
    played = {}
    for budget, solve in ladder.items():
        found = played[budget] = measure(solve)
        print(
            f"  {name:<20}{budget:>10}{100 * found.share:>7.1f} % arrive, path {found.path:.3f},"
            f"{1000 * found.seconds:>8.2f} ms a decision",
            flush=True,
        )
        if enough(found):
            break
    return played


def by_time(row: tuple[Played, str, str]) -> float:
    """What the fastest is the least of."""
    return row[0].seconds


def compare(world: Gridworld, model: WorldModel, horizon: int, solvers: types.ModuleType | None) -> dict:
    """All ladders at one horizon, and the figures."""
    with torch.no_grad():
        goal = model.encode_goal(world.features[world.goals])
    mine = ours(model, goal, horizon)
    theirs = {} if solvers is None else peers(solvers, model, goal, horizon)
    rungs = mine | theirs

    def measure(solve: Solve) -> Played:
        return play(world, model, solve)

    played = {"full": climb("full", rungs["full"], measure, lambda _: False)}
    (full,) = played["full"].values()

    def arrives(found: Played) -> bool:
        return found.share >= full.share - SLACK

    def equals(found: Played) -> bool:
        return arrives(found) and found.path <= FARTHER * full.path

    played |= {name: climb(name, ladder, measure, equals) for name, ladder in rungs.items() if name != "full"}

    def fastest(names: Iterable[str], enough: Callable[[Played], bool]) -> tuple[str, str, bool]:
        """The fastest that is enough, and that it is; or else the dearest, and that it is not."""
        tried = [(found, name, budget) for name in names for budget, found in played[name].items()]
        reached = [row for row in tried if enough(row[0])]
        pick = min(reached, key=by_time) if reached else max(tried, key=by_time)
        return *pick[1:], bool(reached)

    figures: dict[str, dict | None] = {}
    for kind, enough in (("vs_peer", arrives), ("same_path", equals)):
        if not theirs:
            figures[f"plan_speedup_{kind}_T{horizon}"] = None
            continue
        pair = fastest(theirs, enough), fastest(mine, enough)
        times = [[measure(rungs[name][budget]).seconds for name, budget, _ in pair] for _ in range(RUNS)]
        figures[f"plan_speedup_{kind}_T{horizon}"] = ratio(*zip(*times, strict=True))
        figures[f"decisions_per_second_{kind}_T{horizon}"] = figure([1 / t for _, t in times], "decisions / s")
        named = [" ".join(row[:2]) + ("" if row[2] else ", a bound") for row in pair]
        print(f"  {kind}: ours {named[1]} against {named[0]}")
    return figures


def main() -> None:
    """Play everything and record."""
    torch.set_num_threads(1)
    world = load_gridworld("MiniGrid-Empty-8x8-v0")
    model = train_contrastive(world, Contrastive(), SEED).requires_grad_(False)
    solvers, figures = peer_solvers(), {}
    for horizon in HORIZONS:
        print(f"T = {horizon}")
        figures |= compare(world, model, horizon, solvers)
    record(figures)


if __name__ == "__main__":
    main()
