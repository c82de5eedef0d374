"""A planner at work, iteration by iteration: what it tries, what that costs, what it imagines, what it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from matplotlib.figure import Figure

from helm_book.explorer import LiveExplorer, StaticExplorer, Steps, explore_numbers
from helm_book.figures.grid import OUTLINE, path_of, show_action_probabilities
from helm_book.figures.rooms import agent_at, draw_room, moving_agent, moving_trail, on_floor, trail
from helm_book.figures.style import COLORS, is_narrow
from helm_book.figures.watched_episode import Decision, WatchedEpisode, jumps
from helm_tutorial._check import require_count
from helm_tutorial.models.world_model import one_hot_actions
from helm_tutorial.worlds.gridworld import ACTIONS, Gridworld, goal_distances

APART = 0.075
"""Least distance between the two labels of the cost, as a share of its axis."""


def explore_planner(
    world: Gridworld, episode: WatchedEpisode, *, title: str, color: str, most: int = 24, **options: object
) -> LiveExplorer | StaticExplorer:
    """Let the reader move through an episode's decisions and through the iterations of each.

    The last position of ``iteration`` is the plan as it is decoded and kept, with its first action taken.

    Args:
        world: where it was played.
        episode: what was watched, at least two decisions.
        title: of the explorer.
        color: the model's: of what it imagines and of its costs.
        most: how many decisions are shown at most, from the first on.
        **options: as for :func:`helm_book.explorer.explore_numbers`, for example ``guess`` or ``start``.

    Raises:
        ValueError: the episode has one decision only, ``most`` is below 2, or as ``explore_numbers`` does.
    """
    build, move, controls = planner_scene(world, episode, color, most=most)
    options = {"start": {"decision": 1, "iteration": controls["iteration"].values[0]}} | options
    return explore_numbers(
        build,
        move,
        controls,
        title=title,
        labels={"decision": "decision", "iteration": "iteration"},
        figsize=(7.4, 4.3),
        narrow=(3.4, 8.0),
        drag={"cost": ("iteration", None)},
        gliding=["agent", "walked"],
        **options,
    )


def planner_scene(
    world: Gridworld, episode: WatchedEpisode, color: str, *, most: int = 24
) -> tuple[Callable, Callable, Mapping[str, object]]:
    """``build``, ``move`` and ``controls`` of :func:`explore_planner`; arguments as there."""
    require_count("most", most, low=2)
    shown = episode.decisions[:most]
    if len(shown) < 2:
        raise ValueError(f"episode must have at least two decisions to move between, got {len(shown)}")
    to_goal = goal_distances(world)
    costs = torch.cat([part.flatten() for d in shown for part in (d.cost, d.decoded_cost)])
    low, high = (float(bound(costs[costs.isfinite()])) for bound in (torch.min, torch.max))
    pad = 0.06 * (high - low) or 1.0
    limits = (low - pad, high + pad)

    def build(figure: Figure) -> dict:
        if is_narrow(figure):
            parts = figure.subplot_mosaic([["room"], ["plan"], ["cost"]], height_ratios=[3.4, 1.1, 2.2])
        else:
            parts = figure.subplot_mosaic(
                [["room", "plan"], ["room", "cost"]], width_ratios=[1.05, 1], height_ratios=[1, 2.1]
            )
        room, plan, cost = parts["room"], parts["plan"], parts["cost"]
        draw_room(room, world, below=0.9)
        room.set_title("walked, and imagined ahead")
        bottom = room.get_ylim()[0] - 0.4
        room.text(-0.4, bottom, "— walked", color=color, weight="bold", va="center")
        room.text(room.get_xlim()[1], bottom, "- - imagined", color=color, weight="bold", va="center", ha="right")
        plan.set_title("action probabilities")
        strip = show_action_probabilities(plan, shown[0].probabilities[0], ACTIONS)
        (taken,) = plan.plot([], [], color=color, linewidth=2.5, zorder=4, clip_on=False)
        cost.set(xlim=(-0.04 * episode.steps, 1.5 * episode.steps), ylim=limits, xlabel="iteration")
        cost.set_xticks(np.linspace(0, episode.steps, 6).round().astype(int))
        cost.set_title("cost of the plan")
        cost.text(
            0.98, 0.98, "grey: the other restarts", transform=cost.transAxes, ha="right", va="top", color="#666666"
        )
        words = {"xytext": (10, 0), "textcoords": "offset points", "va": "center", "zorder": 5, "path_effects": OUTLINE}
        return {
            "walked": moving_trail(room, color),
            "imagined": room.plot(
                [],
                [],
                color=on_floor(color),
                linewidth=2,
                linestyle=(0, (2, 1.2)),
                marker="o",
                markevery=[-1],
                markersize=9,
                markeredgecolor="white",
                zorder=5,
            )[0],
            "agent": moving_agent(room),
            "plan": strip,
            "taken": taken,
            "others": cost.plot([], [], color=COLORS["faint"], linewidth=0.8, zorder=1)[0],
            "cost": cost.plot([], [], color=color, linewidth=2, marker="o", markersize=7, markevery=[-1], zorder=3)[0],
            "decoded": cost.scatter([], [], s=36, color=COLORS["true"], zorder=3),
            "kept": cost.plot([], [], "o", color=COLORS["true"], fillstyle="none", markersize=12, zorder=4)[0],
            "relaxed_label": cost.annotate("relaxed", (0, low), color=color, weight="bold", **words),
            "decoded_label": cost.annotate("decoded", (0, low), color=COLORS["true"], weight="bold", **words),
        }

    def move(decision: int, iteration: int) -> tuple[dict, str]:
        d = shown[decision - 1]
        decoded = iteration > int(d.updates[-1])
        k = int((d.updates <= iteration).sum()) - 1
        relaxed = d.cost[: k + 1, d.followed]
        scored = d.scored <= iteration
        best = d.decoded_cost[:, d.followed]
        walked = episode.states[: decision + 1] if decoded else episode.states[:decision]
        probabilities = one_hot_actions(d.plan, len(ACTIONS)) if decoded else d.probabilities[k]
        first = float(d.plan[0])
        frame = np.array([[0.5, 1.5, 1.5, 0.5, 0.5], first + np.array([-0.5, -0.5, 0.5, 0.5, -0.5])])
        nothing = (np.array([]), np.array([]))
        kept_at = d.scored[best == d.plan_cost][:1]
        places = _labels(float(relaxed[-1]), float(best[scored][-1]) if bool(scored.any()) else None, limits)
        numbers = {
            "agent": agent_at(world, int(walked[-1])),
            "walked": trail(world, walked),
            "imagined": path_of(world, d.plan_imagined if decoded else d.imagined[k]),
            "plan": probabilities.T.numpy(),
            "taken": tuple(frame) if decoded else nothing,
            "others": _joined(d),
            "cost": (d.updates[: k + 1].numpy(), relaxed.numpy()),
            "decoded": (d.scored[scored].numpy(), best[scored].numpy()),
            "kept": (kept_at.numpy(), np.array([d.plan_cost])) if decoded else nothing,
            "relaxed_label": (int(d.updates[k]), places[0], "relaxed"),
            "decoded_label": (int(d.scored[scored][-1]), places[1], "decoded") if bool(scored.any()) else (0, low, ""),
        }
        return numbers, _caption(decision, k, decoded)

    def _caption(decision: int, k: int, decoded: bool) -> str:
        d = shown[decision - 1]
        where = f"Decision {decision} of {len(episode.decisions)}, {_steps(to_goal[d.state])} from the goal"
        if not decoded:
            known = d.decoded_cost[d.scored <= d.updates[k]]
            so_far = f" The best decoded plan so far costs {float(known.min()):.2f}." if len(known) else ""
            return (
                f"{where}; iteration {int(d.updates[k])}. The relaxed plan costs {float(d.cost[k, d.followed]):.2f}. "
                f"{_imagined(d.imagined[k])}{so_far}"
            )
        if decision < len(episode.decisions):
            close = f"That leaves {_steps(to_goal[episode.states[decision]])} to the goal."
        elif episode.success:
            close = "That reaches the goal."
        else:
            close = "The episode ends here: it has not arrived."
        return (
            f"{where}; decoded. The plan kept costs {d.plan_cost:.2f} (relaxed, one iteration before: "
            f"{float(d.cost[-1, d.followed]):.2f}). {_imagined(d.plan_imagined)} "
            f"Its first action is taken: {ACTIONS[int(d.plan[0])]}. {close}"
        )

    def _imagined(states: torch.Tensor) -> str:
        left, odd = int(to_goal[states[-1]]), jumps(world, states)
        end = "at the goal" if left == 0 else f"{_steps(left)} from the goal"
        odd = (
            "none of its {} steps is a move"
            if odd == 0
            else f"{odd} of its {{}} steps {'is a move' if odd == 1 else 'are moves'}"
        )
        return f"The imagined path ends {end}; {odd.format(len(states) - 1)} that no action makes."

    controls = {
        "decision": list(range(1, len(shown) + 1)),
        "iteration": Steps([*shown[0].updates.tolist(), episode.steps], 0.3),
    }
    return build, move, controls


def _steps(count: int | torch.Tensor) -> str:
    return f"{int(count)} {'step' if int(count) == 1 else 'steps'}"


def _joined(decision: Decision) -> tuple[np.ndarray, np.ndarray]:
    """The relaxed costs of all restarts as one line with gaps."""
    count = decision.cost.shape[1]
    x = np.append(decision.updates.numpy().astype(float), np.nan)
    y = np.concatenate([decision.cost.numpy(), np.full((1, count), np.nan)])
    return np.tile(x, count), y.T.ravel()


def _labels(relaxed: float, decoded: float | None, limits: tuple[float, float]) -> tuple[float, float]:
    """Heights of the two labels, kept apart and off the axis."""
    least = APART * (limits[1] - limits[0])
    floor = limits[0] + least
    if decoded is None:
        return max(relaxed, floor), relaxed
    relaxed, decoded = max(relaxed, floor), max(decoded, floor)
    missing = max(0.0, least - abs(decoded - relaxed)) / 2
    upward = 1 if decoded >= relaxed else -1
    raised = max(0.0, floor - min(relaxed, decoded) + missing)  # the lower of the two stays off the axis
    return relaxed - upward * missing + raised, decoded + upward * missing + raised
