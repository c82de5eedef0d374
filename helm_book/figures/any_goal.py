"""Figures of the page on other goals: recorded maps of the latent distance to every cell, and walks to some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from helm_book.explorer import explore_numbers
from helm_book.figures.rooms import GOAL, agent_at, draw_room, moving_agent, moving_trail, show_distances, trail
from helm_book.figures.style import COLORS, panels
from helm_study.contrastive import latent_map
from helm_tutorial.worlds.gridworld import Gridworld, geodesic_distances, load_gridworld

TRAININGS = {
    "untrained": "untrained",
    "reconstruction": "reconstruction",
    "latent prediction": "latent_prediction",
    "one-step positives": "one_step",
    "contrastive": "contrastive",
}
SQUARE = torch.tensor([[-0.5, 0.5, 0.5, -0.5, -0.5], [-0.5, -0.5, 0.5, 0.5, -0.5]])
AHEAD = torch.tensor([[1, 0], [0, 1], [-1, 0], [0, -1]])
"""Columns and rows that a step forward adds, by heading."""


@cache
def room() -> tuple[Gridworld, Tensor]:
    """The room of the record, and the fewest steps of each state to each cell, shape ``(C, N)``."""
    world = load_gridworld("MiniGrid-Empty-8x8-v0")
    return world, latent_map.to_cells(geodesic_distances(world), world)


def dead_ends(latent: Tensor, world: Gridworld, cell: tuple[int, int]) -> Tensor:
    """Whether a state is off the goal cell and no action leads nearer to it.

    Args:
        latent: latent distance of each state to the cell, shape ``(N,)``.
        world: the room.
        cell: column and row of the goal.
    """
    off = (world.positions != torch.tensor(cell)).any(dim=1)
    return off & (latent[world.transitions].min(dim=1).values >= latent)


def dead_end_numbers(record: Mapping, objective: str) -> tuple[int, int, int]:
    """Dead ends of one training over all goal cells of ``maps``: how many, how many face away, of how many states."""
    world, _ = room()
    maps = latent_map.distances(record, objective)
    count = away = states = 0
    for here, cell in enumerate(record["maps"]["cells"]):
        stuck = dead_ends(maps[here], world, tuple(cell))
        backs = ((torch.tensor(cell) - world.positions) * AHEAD[world.headings]).sum(dim=1) < 0
        count, away = count + int(stuck.sum()), away + int((stuck & backs).sum())
        states += int((world.positions != torch.tensor(cell)).any(dim=1).sum())
    return count, away, states


def explore_goals(record: Mapping):
    """Let the reader make any cell the goal, and see steps and latent distance to it for five trainings.

    Args:
        record: a record of ``maps``.
    """
    world, steps_to = room()
    cells = [tuple(cell) for cell in record["maps"]["cells"]]
    latent_to = {name: latent_map.distances(record, key) for name, key in TRAININGS.items()}

    def build(figure):
        axes, artists = panels(figure, 2), {}
        for panel, name, title in zip(axes, ("steps", "latent"), ("Steps to the goal", "Latent distance"), strict=True):
            nothing = torch.zeros(world.num_states)
            artists[name] = show_distances(panel, world, nothing, limits=(0, 1), below=0.75)
            panel.set_title(title)
            (artists[f"{name}_goal"],) = panel.plot([], [], color=GOAL, linewidth=3, zorder=3)
            artists[f"{name}_most"] = panel.text(7.4, 7.6, "farthest", ha="right", va="top", fontsize=9)
        artists["dead_ends"] = axes[1].scatter(
            [], [], s=14, color="white", edgecolors="black", linewidths=0.8, zorder=4
        )
        bar = figure.colorbar(
            artists["latent"], ax=list(axes), orientation="horizontal", shrink=0.6, aspect=30, pad=0.01
        )
        bar.set_ticks([0, 1], labels=["0", "farthest"])
        return artists

    def move(training, column, row):
        here, kept = cells.index((column, row)), record["maps"]["objectives"][TRAININGS[training]]
        latent, steps = latent_to[training][here], steps_to[here]
        stuck = dead_ends(latent, world, (column, row))
        goal, most = SQUARE + torch.tensor([[column], [row]]), float(latent.max())
        order = f"{kept['rank_correlation'][here]:.2f}".replace("-", "−")
        numbers = {
            "steps": steps / steps.max(),
            "steps_goal": goal,
            "steps_most": f"farthest: {steps.max():.0f} steps",
            "latent": latent / most,
            "latent_goal": goal,
            "latent_most": f"farthest: {most:.2f}" if most > 0.01 else f"farthest: {most:.7f}",
            "dead_ends": (world.positions + 0.3 * AHEAD[world.headings])[stuck].T,
        }
        return numbers, (
            f"Training: {training}. Goal in column {column}, row {row}: rank correlation of latent distance with steps "
            f"{order}. The action that looks best is on a shortest path from "
            f"{100 * kept['greedy_accuracy'][here]:.0f} % of the other states. Dead ends, the dots: {int(stuck.sum())}."
        )

    return explore_numbers(
        build,
        move,
        {"training": list(TRAININGS), "column": range(1, 7), "row": range(1, 7)},
        start={"training": "contrastive", "column": 3, "row": 4},
        title="Press a cell",
        labels={"column": "goal column", "row": "goal row"},
        figsize=(7.2, 4.7),
        narrow=(3.4, 7.6),
        drag={"steps": ("column", "row"), "latent": ("column", "row")},
    )


def plot_walks(figure: Figure, world: Gridworld, walks: Mapping[tuple[int, int], Sequence[int]]) -> Figure:
    """Walks to several goal cells, a room each, the agent where it ended.

    Args:
        figure: where to draw.
        world: the room.
        walks: column and row of the goal -> states of the walk, its start included.
    """
    for axes, (cell, states) in zip(figure.subplots(1, len(walks)), walks.items(), strict=True):
        draw_room(axes, world)
        corner = torch.tensor([[cell[0]], [cell[1]]])
        axes.plot(*(0.92 * SQUARE + corner), color=COLORS["report"], linewidth=2, zorder=3.5)
        moving_trail(axes, COLORS["contrastive"]).set_data(*trail(world, states))
        moving_agent(axes).set_xy(np.stack(agent_at(world, states[-1]), axis=1))
        axes.set_title(f"{len(states) - 1} steps", fontsize=10)
    return figure
