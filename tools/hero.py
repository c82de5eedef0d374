"""Draw the README's second picture, book/_assets/hero.png: the two pillars, each with its failure and its fix.

Beside it book/_assets/social.png, the same four panels in a row under the title: what a link to the book looks like
elsewhere.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch

from helm_book.figures import rooms
from helm_book.figures.style import COLORS, use_style
from helm_study.fast.baselines import train_reconstruction
from helm_study.fast.contrastive import train_contrastive
from helm_study.play import Planning, gradient_planner, play
from helm_tutorial import diagnosis
from helm_tutorial.cliff.closed_forms import action_jacobian_norms, ridge_optimum
from helm_tutorial.cliff.linear_system import expansive_system
from helm_tutorial.funnel.landscape import convexity_width, mollify, report_energy
from helm_tutorial.models.settings import Contrastive, Reconstruction
from helm_tutorial.worlds.gridworld import load_gridworld

ASSETS = Path(__file__).resolve().parent.parent / "book" / "_assets"
SEED = 0


def cliff(axes) -> None:
    system = expansive_system(torch.Generator().manual_seed(SEED))
    steps = range(1, 51)
    axes.semilogy(steps, action_jacobian_norms(system, 50), color=COLORS["flat"], linewidth=3)
    axes.semilogy(steps, action_jacobian_norms(ridge_optimum(system, 0.1), 50), color=COLORS["helm"], linewidth=3)
    axes.text(24, 2e4, "faithful model", color=COLORS["flat"], ha="right", weight="bold")
    axes.text(50, 3.0, "with spectral penalty", color=COLORS["helm"], ha="right", weight="bold")
    axes.set(xlabel="steps planned ahead", ylabel="size of the gradient", title="1  The spectral cliff")


def funnel(axes) -> None:
    energy = report_energy()
    smooth = mollify(energy, convexity_width(energy))
    x = torch.linspace(-3, 3, 601, dtype=torch.float64)
    line = torch.stack([x, torch.zeros_like(x)], dim=1)
    axes.plot(x, energy(line), color=COLORS["flat"], linewidth=2)
    axes.plot(x, smooth(line), color=COLORS["helm"], linewidth=3)
    axes.text(-2.9, 0.4, "rugged", color=COLORS["flat"], weight="bold")
    axes.text(0.0, 2.6, "mollified", color=COLORS["helm"], weight="bold", ha="center")
    axes.set(xlabel="action", ylabel="energy", title="2  The mollified funnel", yticks=[])


def room(axes, world, model, title: str, color: str) -> None:
    z = diagnosis.latents(model, world)
    episode = play(world, model, gradient_planner(Planning()), Planning(), SEED, starts=torch.tensor([world.start]))
    distance = diagnosis.goal_latent_distances(z, world)
    rooms.show_distances(axes, world, distance / distance.max(), limits=(0.0, 1.0), below=0.9)
    rooms.mark_goal(axes, world).set_title(title)
    walked = episode.states[0]
    walked = walked[walked >= 0]
    rooms.moving_trail(axes, COLORS[color], outline="white", linewidth=3).set_data(*rooms.trail(world, walked))
    column, row = world.positions[world.start].tolist()
    rooms.moving_start(axes, COLORS[color], outline="white").set_data([column], [row])
    rooms.moving_agent(axes).set_xy(np.transpose(rooms.agent_at(world, int(walked[-1]))))
    end = "arrives after" if episode.success[0] else "not there after"
    words = f"{end} {int(episode.steps[0])} steps"
    axes.text(3.5, 8.0, words, color=COLORS[color], weight="bold", ha="center", va="center")


def panels(axes, world, models) -> None:
    """The four panels, in order."""
    cliff(axes[0])
    funnel(axes[1])
    for place, model, title, color in (
        (axes[2], models[0], "3  Perfect prediction, no slope", "reconstruction"),
        (axes[3], models[1], "4  Distance that shows the way", "contrastive"),
    ):
        room(place, world, model, title, color)


def main() -> None:
    use_style()
    torch.set_num_threads(1)
    world = load_gridworld()
    models = (
        train_reconstruction(world, Reconstruction(), SEED),
        train_contrastive(world, Contrastive(), SEED),
    )
    figure, axes = plt.subplots(2, 2, figsize=(9, 7.2))
    panels(axes.flatten(), world, models)
    figure.get_layout_engine().set(w_pad=0.15, h_pad=0.15)
    figure.savefig(ASSETS / "hero.png", dpi=150)

    # 1200 by 630 pixels is what social networks show whole.
    figure = plt.figure(figsize=(12, 6.3), layout="none")
    figure.text(0.04, 0.86, "The Two Pillars of Gradient Planning", fontsize=37, weight="bold")
    figure.text(0.04, 0.765, "Why planning by gradient dies, and what revives it. An executable book.", fontsize=20)
    axes = figure.subplots(1, 4, gridspec_kw={"left": 0.06, "right": 0.985, "bottom": 0.12, "top": 0.62, "wspace": 0.2})
    with plt.rc_context({"axes.titlesize": 10}):
        panels(axes, world, models)
    figure.savefig(ASSETS / "social.png", dpi=100)
    print("drawn: hero.png and social.png")


if __name__ == "__main__":
    main()
