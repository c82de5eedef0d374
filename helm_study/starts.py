"""Which start states are played when not all are.

Studies play every ``stride``-th start of a world. Those recorded so far took ``starts[::stride]``, in the order of the
states: cell by cell, four headings each. Where ``stride`` is a multiple of four, all those starts face the same way, in
Empty-8x8 to the right. A draw with ``"stratified"`` takes as many, of all distances and headings.
"""

from __future__ import annotations

import torch
from torch import Tensor

from helm_tutorial._check import require_choice, require_count
from helm_tutorial.worlds.gridworld import Gridworld, goal_distances

DRAWS = ("stride", "stratified")
"""How starts are drawn; the first is that of records that do not say."""


def draw_starts(world: Gridworld, stride: int, draw: str = "stratified") -> Tensor:
    """One in ``stride`` of a world's starts, ascending, shape ``(B,)``; the environment's own is always among them."""
    require_count("stride", stride)
    require_choice("draw", draw, DRAWS)
    old = world.starts[::stride]
    drawn = old if draw == "stride" else stratified(world)[: len(old)]
    return torch.unique(torch.cat([drawn, torch.tensor([world.start])]))


def stratified(world: Gridworld, seed: int = 0) -> Tensor:
    """All starts in a random order of which every beginning represents the whole.

    Of the first ``n`` starts, as large a share is at each distance from the goal and has each heading as of all, as
    nearly as whole numbers allow: the next start is the one whose distance and heading are most lacking so far, and
    chance decides among equals.
    """
    generator = torch.Generator().manual_seed(seed)
    starts = world.starts[torch.randperm(len(world.starts), generator=generator)]
    kinds = [torch.unique(kind[starts], return_inverse=True)[1] for kind in (goal_distances(world), world.headings)]
    # Row by row, which starts are of the same distance (heading) as this one.
    same = sum((kind[:, None] == kind).double() for kind in kinds)
    share, taken = same.mean(dim=1), torch.zeros(len(starts), dtype=torch.float64)
    order: list[int] = []
    for count in range(1, len(starts) + 1):
        lacking = count * share - taken
        lacking[order] = -torch.inf
        order.append(int(lacking.argmax()))
        taken += same[:, order[-1]]
    return starts[order]
