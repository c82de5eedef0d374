"""Choice of the start states from which episodes are run.

Studies use one in ``stride`` of a world's starts. The first records took ``starts[::stride]``, in the order of the
states: cell by cell, with four headings each. If ``stride`` is a multiple of four, all those starts face the same way,
in Empty-8x8 to the right. The draw ``"stratified"`` takes as many starts, of all distances and headings.
"""

from __future__ import annotations

import torch
from torch import Tensor

from helm_tutorial._check import require_choice, require_count
from helm_tutorial.worlds.gridworld import Gridworld, goal_distances

DRAWS = ("stride", "stratified")
"""Ways to draw starts; a record that names none used the first."""


def draw_starts(world: Gridworld, stride: int, draw: str = "stratified") -> Tensor:
    """Draw one in ``stride`` of a world's starts, ascending, shape ``(B,)``.

    The environment's own start is always among them.
    """
    require_count("stride", stride)
    require_choice("draw", draw, DRAWS)
    old = world.starts[::stride]
    drawn = old if draw == "stride" else stratified(world)[: len(old)]
    return torch.unique(torch.cat([drawn, torch.tensor([world.start])]))


def stratified(world: Gridworld, seed: int = 0) -> Tensor:
    """Order all starts randomly so that every beginning represents the whole.

    The first ``n`` starts have the same distribution of distances from the goal, and of headings, as all starts, as
    nearly as whole numbers allow. The next start is always the one whose distance and heading are most lacking so far;
    ties are broken at random.
    """
    generator = torch.Generator().manual_seed(seed)
    starts = world.starts[torch.randperm(len(world.starts), generator=generator)]
    kinds = [torch.unique(kind[starts], return_inverse=True)[1] for kind in (goal_distances(world), world.headings)]
    # For each start, the number of these two properties that it shares with every other start.
    same = sum((kind[:, None] == kind).double() for kind in kinds)
    share, taken = same.mean(dim=1), torch.zeros(len(starts), dtype=torch.float64)
    order: list[int] = []
    for count in range(1, len(starts) + 1):
        lacking = count * share - taken
        lacking[order] = -torch.inf
        order.append(int(lacking.argmax()))
        taken += same[:, order[-1]]
    return starts[order]
