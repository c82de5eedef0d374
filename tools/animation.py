"""Draw the README's moving picture, book/_assets/walk.gif, and its still, walk.png: two agents, one lost, one arriving.

Both models are trained here, see the same observations and start where MiniGrid starts; the planner is the same and
looks three steps ahead. What the picture says of a model is measured here. It takes a minute of one core.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

from helm_book.figures import rooms
from helm_book.figures.cliff_explorers import in_round_numbers
from helm_book.figures.style import COLORS, use_style
from helm_study.fast.baselines import train_reconstruction
from helm_study.fast.contrastive import train_contrastive
from helm_study.play import Planning, gradient_planner, learned_rollout_jacobian, play
from helm_tutorial import diagnosis
from helm_tutorial.models.settings import Contrastive, Reconstruction
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.worlds.gridworld import Gridworld, goal_distances, load_gridworld

ASSETS = Path(__file__).resolve().parent.parent / "book" / "_assets"
SEED = 0
PLANNING = Planning(horizon=3)
TITLE = "Same view, same start, same planner. Only the training differs."
BETWEEN, DELAY = 5, 50  # pictures of a step, and milliseconds of each
FIRST, LAST = 800, 3500  # milliseconds before the first step and after the last
SIZE, DPI = (7.6, 5.05), 170
COLOURS = 64


@dataclass(frozen=True)
class Walker:
    """An agent of the picture: what is said of its model, and the states that it went through."""

    trained: str
    verdict: str
    badge: str
    color: str
    states: list[int]


def walker(world: Gridworld, model: WorldModel, trained: str, name: str) -> Walker:
    """Let an agent walk, and say of its model what holds: exact, tame, and whether it arrives."""
    start = torch.tensor([world.start])
    episode = play(world, model, gradient_planner(PLANNING), PLANNING, SEED, starts=start)
    right = diagnosis.prediction_accuracy(model, world)
    growth = learned_rollout_jacobian(world, model, 25, SEED)
    qualities = ["exact"] * (right > 0.995) + ["tame"] * (growth < 2)
    verdict = f"{', '.join(qualities)}, and {'it arrives' if episode.success[0] else 'lost'}"
    size = f"{growth:.1f}" if growth < 10 else in_round_numbers(growth)
    badge = f"{100 * right:.0f} % of predictions right · Jacobian {size}"
    states = episode.states[0][: int(episode.steps[0]) + 1].tolist()
    return Walker(trained, verdict, badge, COLORS[name], states)


def between(world: Gridworld, before: int, after: int, share: float) -> tuple[float, float, float]:
    """Column, row and heading of an agent that has gone this share of a step; into a wall it goes a little."""
    (column, row), turn = world.positions[before].tolist(), int(world.headings[before])
    if before == after:
        ahead = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])[turn] * rooms.KNOCK * np.sin(np.pi * share)
        return column + ahead[0], row + ahead[1], turn
    turned = (int(world.headings[after]) - turn + 1) % 4 - 1  # the shorter way round
    to = world.positions[after].tolist()
    return column + share * (to[0] - column), row + share * (to[1] - row), turn + share * turned


def grown(world: Gridworld, states: list[int], share: float) -> np.ndarray:
    """The trail of a walk whose last step is gone by this share, shape ``(2, n)``."""
    whole, known = np.array(rooms.trail(world, states)), len(rooms.trail(world, states[:-1])[0])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(whole[:, known - 1 :]), axis=0))])
    end = share * along[-1]
    tip = [np.interp(end, along, part) for part in whole[:, known - 1 :]]
    kept = known - 1 + int((along < end).sum())
    return np.column_stack([whole[:, : max(known, kept)], tip])


def pictures(world: Gridworld, walkers: list[Walker]) -> Iterator[tuple[Image.Image, int]]:
    """Every picture of the film, and how many milliseconds it is shown."""
    figure = plt.figure(figsize=SIZE, dpi=DPI, layout="none", facecolor="white")
    figure.text(0.02, 0.95, TITLE, fontsize=12.5, weight="bold")
    to_goal = goal_distances(world)
    side = len(rooms.cells(world))
    parts = []
    for k, one in enumerate(walkers):
        axes = figure.add_axes((0.02 + 0.49 * k, 0.085, 0.47, 0.707))
        rooms.draw_room(axes, world)
        axes.set_anchor("NW")
        put = {"xy": (-0.5, -0.5), "textcoords": "offset points"}
        axes.annotate(one.trained, xytext=(0, 37), fontsize=13, weight="bold", color=one.color, **put)
        axes.annotate(one.verdict, xytext=(0, 21), fontsize=11.5, weight="bold", color=one.color, **put)
        axes.annotate(one.badge, xytext=(0, 6), fontsize=9.5, color="#333333", **put)
        rooms.moving_start(axes, one.color).set_data([1], [1])
        fate = axes.annotate(
            "", (-0.5, side - 0.5), xytext=(0, -6), textcoords="offset points", fontsize=12.5, weight="bold", va="top",
            color=one.color,
        )  # fmt: skip
        parts.append((one, rooms.moving_trail(axes, one.color, linewidth=3), rooms.moving_agent(axes), fate))
    last = max(len(one.states) for one in walkers) - 1
    for frame in range(last * BETWEEN + 1):
        step, part = divmod(frame, BETWEEN)
        for one, line, agent, fate in parts:
            at = min(step, len(one.states) - 1)
            going = part > 0 and at < len(one.states) - 1
            share = (1 - np.cos(np.pi * part / BETWEEN)) / 2 if going else 0.0
            seen = one.states[: at + 1 + going]
            line.set_data(*(grown(world, seen, share) if going else rooms.trail(world, seen)))
            agent.set_xy(np.transpose(rooms.agent_outline(*between(world, one.states[at], seen[-1], share))))
            fate.set_text(rooms.fate(at, int(to_goal[one.states[at]])))
        yield shot(figure), {0: FIRST, last * BETWEEN: LAST}.get(frame, DELAY)
    plt.close(figure)


def shot(figure: Figure) -> Image.Image:
    """The figure as it stands."""
    figure.canvas.draw()
    return Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")


def most_used(picture: Image.Image) -> Image.Image:
    """A palette of the colours that cover most of a picture, so that floor, walls, goal and agent are exact."""
    chosen: list[tuple[int, ...]] = []
    for _, colour in sorted(picture.getcolors(picture.width * picture.height), reverse=True):
        # Pillow takes near colours for one another: of two that are alike the one that is seen more is kept.
        if len(chosen) < COLOURS and all(np.abs(np.subtract(colour, other)).max() > 8 for other in chosen):
            chosen.append(colour)
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in chosen for part in colour])
    return palette


def main() -> None:
    use_style()
    torch.set_num_threads(1)
    world = load_gridworld(observation="profiles")
    walkers = [
        walker(
            world,
            train_reconstruction(world, Reconstruction(spectral_weight=0.03), SEED),
            "Trained to reconstruct",
            "reconstruction",
        ),
        walker(world, train_contrastive(world, Contrastive(), SEED), "Trained by contrast", "contrastive"),
    ]
    film, shown = zip(*pictures(world, walkers), strict=True)
    palette = most_used(film[-1])
    frames = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in film]
    frames[-1].save(ASSETS / "walk.png", optimize=True)
    frames[0].save(ASSETS / "walk.gif", save_all=True, append_images=frames[1:], duration=shown, loop=0, optimize=False)
    for one in walkers:
        print(f"{one.trained}: {one.verdict} ({one.badge}): {len(one.states) - 1} steps")
    for name in ("walk.gif", "walk.png"):
        print(f"drawn: {name}, {(ASSETS / name).stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
