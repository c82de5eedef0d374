"""Norms of a rollout's Jacobian at every horizon: one pass of ours against ``torch.func.jacrev`` on the rollout.

Both compute the state Jacobian's norm after each step of one rollout of 200 steps, for a world model of the book's
size; ``jacrev`` differentiates the rollout once, for all its states together. Then longer and longer rollouts, with the
exponent at which our time grows.
"""

from __future__ import annotations

import torch
from measuring import curve, exponent, interleaved, ratio, record, seconds
from torch import Tensor

from helm_tutorial.jacobian import jacobian_norms
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.rollouts import rollout

HORIZON = 200
LONGER = (50, 100, 200, 500, 1000)
LONGEST_OF_JACREV = 500
SIZES = {"latent": 32, "hidden": 256, "actions": 3}


def setting(horizon: int) -> tuple[WorldModel, Tensor, Tensor]:
    """An untrained world model on the sphere in float64, a latent and random actions."""
    draw = torch.Generator().manual_seed(0)
    model = WorldModel(10, sphere=True, generator=draw, **SIZES).double().requires_grad_(False)
    z0 = torch.nn.functional.normalize(torch.randn(1, SIZES["latent"], generator=draw, dtype=torch.float64), dim=1)
    actions = torch.randn(1, horizon, SIZES["actions"], generator=draw, dtype=torch.float64).softmax(dim=2)
    return model, z0, actions


def by_jacrev(model: WorldModel, z0: Tensor, actions: Tensor) -> Tensor:
    """State norms after each step, shape ``(T,)``."""
    jacobian = torch.func.jacrev(lambda z: rollout(model, z[None], actions)[0, 1:])(z0[0])
    return jacobian.flatten(1).norm(dim=1)


def main() -> None:
    """Measure and record."""
    torch.set_num_threads(1)
    model, z0, actions = setting(HORIZON)
    ours, theirs = jacobian_norms(model, z0, actions)[1][0], by_jacrev(model, z0, actions)
    difference = float(((ours - theirs) / theirs).abs().max())
    print(f"largest relative difference over {HORIZON} horizons: {difference:.1e}")
    assert difference < 1e-6
    taken = interleaved(
        {"ours": lambda: jacobian_norms(model, z0, actions), "jacrev": lambda: by_jacrev(model, z0, actions)}, runs=7
    )
    lines: dict[str, dict[int, float]] = {"one pass": {}, "jacrev": {}}
    for horizon in LONGER:
        long = setting(horizon)
        lines["one pass"][horizon] = 1000 * min(seconds(lambda long=long: jacobian_norms(*long)) for _ in range(5))
        if horizon <= LONGEST_OF_JACREV:
            lines["jacrev"][horizon] = 1000 * seconds(lambda long=long: by_jacrev(*long))
    figures = {
        "jacobian_speedup_T200": ratio(taken["jacrev"], taken["ours"]),
        "jacobian_growth": exponent(lines["one pass"]),
    }
    record(figures, curves={"jacobian": curve("Norms of a Jacobian", "horizon T", "ms", lines)})


if __name__ == "__main__":
    main()
