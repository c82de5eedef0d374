"""A room as MiniGrid draws it, in vectors: walls, floor, goal, the agent as a triangle, and the trail of a walk.

Axes count in cells, the first cell's middle at 0, rows downwards. Colours and proportions are those of MiniGrid's own
rendering.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import ListedColormap, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon, Rectangle
from matplotlib.patheffects import withStroke
from minigrid.core.constants import COLORS as MINIGRID
from torch import Tensor

from helm_book.explorer import LiveExplorer, StaticExplorer, Steps, explore_numbers
from helm_book.figures.style import is_narrow
from helm_tutorial.worlds.gridworld import Gridworld, goal_distances

WALL, GOAL, AGENT = (to_hex(MINIGRID[name] / 255) for name in ("grey", "green", "red"))
FLOOR, CARPET = "#000000", to_hex(MINIGRID["blue"] / 2 / 255)

KINDS = (None, "wall", "goal", "floor")
"""What a cell can be, in the order of :func:`cells`; ``"floor"`` is MiniGrid's coloured floor."""

PALETTE = ListedColormap([FLOOR, WALL, GOAL, CARPET])

LINE = 0.031
"""Width of a line between two cells, in cells; MiniGrid draws it along a cell's left and upper edge."""

TRIANGLE = np.array([(0.12, 0.19), (0.87, 0.50), (0.12, 0.81)]) - 0.5
"""Corners of the agent that faces right, from the middle of its cell; the second is its tip."""

LANE, LANES = 0.12, 3  # cells that a trail keeps to the right of the middle, more each time it comes the same way

KNOCK = 0.1  # cells that an agent is drawn towards a wall that it walks into


# ---------------------------------------------------------------- the room


def cells(world: Gridworld) -> np.ndarray:
    """What each cell is, an index into :data:`KINDS`, shape ``(rows, columns)``."""
    grid = world.open(world.start).unwrapped.grid
    things = [[grid.get(x, y) for x in range(grid.width)] for y in range(grid.height)]
    return np.array([[KINDS.index(thing and thing.type) for thing in row] for row in things])


def draw_room(axes: Axes, world: Gridworld, *, below: float = 0.0, above: float = 0.0) -> Axes:
    """Draw what does not move in a room: floor, walls and goal.

    Args:
        axes: where to draw; they count in cells.
        world: whose room it is.
        below: cells of free space under the room, for words.
        above: the same over it.
    """
    kinds = cells(world)
    _stage_cells(axes, len(kinds)).set_data(kinds)
    corners = []
    for y, x in np.argwhere((kinds == KINDS.index(None)) | (kinds == KINDS.index("floor"))):
        left, top = x - 0.5, y - 0.5
        corners.append([(left, top), (left + LINE, top), (left + LINE, top + 1), (left, top + 1)])
        corners.append([(left, top), (left + 1, top), (left + 1, top + LINE), (left, top + LINE)])
    axes.add_collection(PolyCollection(corners, facecolors=WALL, edgecolors="none", zorder=1.1), autolim=False)
    _set_limits(axes, kinds.shape, below, above)
    return axes


def _stage_cells(axes: Axes, side: int) -> AxesImage:
    extent = (-0.5, side - 0.5, side - 0.5, -0.5)
    nothing = np.zeros((side, side))
    return axes.imshow(
        nothing, cmap=PALETTE, vmin=-0.5, vmax=len(KINDS) - 0.5, extent=extent, interpolation="nearest", zorder=1
    )


def _set_limits(axes: Axes, shape: Sequence[int], below: float, above: float) -> None:
    axes.set(xlim=(-0.5, shape[1] - 0.5), ylim=(shape[0] - 0.5 + below, -0.5 - above), aspect="equal")
    axes.set_axis_off()


def show_distances(
    axes: Axes,
    world: Gridworld,
    values: Tensor,
    *,
    cmap: str = "viridis_r",
    limits: tuple[float, float] | None = None,
    below: float = 0.0,
) -> PolyCollection:
    """Draw a number for each state over a room, as four triangles a cell, one for each heading; walls as they are.

    Args:
        axes: where to draw; they count in cells.
        world: whose states they are.
        values: shape ``(N,)``.
        cmap: colour map; the default is dark far from the goal.
        limits: values at the map's two ends, those of ``values`` by default.
        below: cells of free space under the room, for words.

    Returns:
        The triangles: for a colour bar, and for an explorer of numbers, to which they take ``(N,)`` values.
    """
    kinds = cells(world)
    walls = np.ma.masked_not_equal(kinds, KINDS.index("wall"))
    _stage_cells(axes, len(kinds)).set_data(walls)
    _set_limits(axes, kinds.shape, below, 0.0)
    corners = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    # Heading right is the triangle at the cell's right edge, and so on clockwise.
    edges = [corners[[1, 2]], corners[[2, 3]], corners[[3, 0]], corners[[0, 1]]]
    middles = world.positions.numpy().astype(float)
    triangles = [
        np.vstack([middle, middle + edges[heading]])
        for middle, heading in zip(middles, world.headings.tolist(), strict=True)
    ]
    field = PolyCollection(triangles, array=values.numpy(), edgecolors="white", linewidths=0.3, cmap=cmap, zorder=1.2)
    if limits is not None:
        field.set_clim(*limits)
    axes.add_collection(field, autolim=False)
    return field


def mark_goal(axes: Axes, world: Gridworld, state: int | None = None) -> Axes:
    """Frame a state's cell in MiniGrid's green, over :func:`show_distances`; the world's own goal by default."""
    x, y = world.positions[int(world.goals[0]) if state is None else state].tolist()
    for color, width in (("black", 4.5), (GOAL, 2.5)):
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=color, linewidth=width, zorder=1.5))
    return axes


# ---------------------------------------------------------------- what moves in it


def agent_at(world: Gridworld, state: int) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the agent in ``state``: ``(x, y)``, each of shape ``(3,)``."""
    return agent_outline(*world.positions[state].tolist(), int(world.headings[state]))


def agent_outline(column: float, row: float, heading: float) -> tuple[np.ndarray, np.ndarray]:
    """Corners of an agent anywhere, also between two cells and two headings: ``(x, y)``, each of shape ``(3,)``."""
    turn, (x, y) = math.pi / 2 * heading, TRIANGLE.T
    return column + x * math.cos(turn) - y * math.sin(turn), row + x * math.sin(turn) + y * math.cos(turn)


def agent_after(world: Gridworld, states: Sequence[int] | Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the agent at the end of a walk, as :func:`agent_at`; one that walks into a wall knocks at it.

    Every second time that it stays where it was it is drawn a little towards the wall, so that one sees it try.
    """
    states = torch.as_tensor(states)
    moved = (states[1:] != states[:-1]).nonzero()
    tries = len(states) - 1 - (int(moved[-1]) + 1 if len(moved) else 0)
    column, row = world.positions[states[-1]].tolist()
    heading = int(world.headings[states[-1]])
    turn, far = math.pi / 2 * heading, KNOCK * (tries % 2)
    return agent_outline(column + far * math.cos(turn), row + far * math.sin(turn), heading)


def moving_agent(axes: Axes, *, color: str = AGENT, **look) -> Polygon:
    """An agent that takes the ``(x, y)`` of :func:`agent_at`; named in ``gliding``, it walks and turns."""
    agent = Polygon([(0, 0)] * 3, facecolor=color, **{"edgecolor": "none", "zorder": 4} | look)
    axes.add_patch(agent)
    return agent


def trail(world: Gridworld, states: Sequence[int] | Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Where a walk went, kept a little to the right of the middle of the cells, as traffic is: ``(x, y)``.

    A way back lies beside the way there, and a way gone again beside both. A longer walk's trail begins with that of
    its beginning.
    """
    path = world.positions[torch.as_tensor(states)].numpy().astype(float)
    points, gone = [path[0]], {}
    for here, there in pairwise(path):
        if (here == there).all():
            continue
        way = (*here, *there)
        gone[way] = gone.get(way, -1) + 1
        ahead = (there - here) / np.linalg.norm(there - here)
        aside = LANE * (1 + gone[way] % LANES) * np.array([-ahead[1], ahead[0]])
        # Short of the middle of a cell, so that a turn to the right cuts the corner and one to the left rounds it.
        points += [here + aside + LANE * ahead, there + aside - LANE * ahead]
    x, y = np.array(points).T
    return x, y


def on_floor(color: str) -> str:
    """The same colour, light enough for a thin line on MiniGrid's black floor."""
    return to_hex([0.25 + 0.75 * part for part in to_rgb(color)])


def moving_trail(axes: Axes, color: str, *, outline: str | None = None, **line) -> Line2D:
    """A line that takes the ``(x, y)`` of :func:`trail`; named in ``gliding``, it grows as one walks.

    Args:
        axes: where to draw.
        color: of the model; on the black floor it is made lighter.
        outline: colour around the line where it is drawn over :func:`show_distances`; it then keeps its own colour.
        **line: as for ``plot``.
    """
    look = {"linewidth": 2, "zorder": 3, "solid_capstyle": "round", "solid_joinstyle": "round"} | line
    effects = [withStroke(linewidth=look["linewidth"] + 2, foreground=outline)] if outline else []
    (drawn,) = axes.plot([], [], color=color if outline else on_floor(color), path_effects=effects, **look)
    return drawn


def moving_start(axes: Axes, color: str, *, outline: str | None = None) -> Line2D:
    """A dot that takes ``([column], [row])``: where a walk begins; arguments as for :func:`moving_trail`."""
    look = {"markersize": 6.5, "markeredgecolor": outline or "none", "zorder": 3.1}
    (dot,) = axes.plot([], [], "o", color=color if outline else on_floor(color), **look)
    return dot


# ---------------------------------------------------------------- agents that walk, side by side


@dataclass(frozen=True)
class Agent:
    """Who walks in one of the rooms of :func:`explore_walks`.

    Attributes:
        label: the model's name, over its room.
        color: the model's, of its name, its trail and its fate.
        badge: a line under the name, or a function of the settings (by name, all but ``step``) that returns it.
    """

    label: str
    color: str
    badge: str | Callable[..., str] = ""


Walks = Mapping[str, Sequence[int]]
"""The states of a walk, its start included, for each agent."""


def explore_walks(
    worlds: Gridworld | Mapping[str, Gridworld],
    agents: Mapping[str, Agent],
    walks: Walks | Callable[..., Walks],
    *,
    title: str,
    controls: Mapping[str, Sequence] | None = None,
    start: Mapping[str, object] | None = None,
    labels: Mapping[str, str] | None = None,
    interval: float = 0.3,
    **options: object,
) -> LiveExplorer | StaticExplorer:
    """Let the reader watch agents walk step by step, each in its own copy of a room.

    At first the walks have ended, and their trails are seen; *Play* walks them from the start.

    Args:
        worlds: the room, or several by the names on their buttons, whatever their sizes: the control ``room``.
        agents: one or two, by name; each has a picture of the room.
        walks: what each agent does, by its name; a function of the settings if there are ``controls`` or several
            rooms, called with each of them by name (all but ``step``), ``room`` by the name on its button.
        title: of the explorer.
        controls: further controls of the caller, as for :func:`helm_book.explorer.explore_numbers`.
        start: settings shown first, as there; ``step`` is the end of the walks by default.
        labels: words beside the controls, as there.
        interval: seconds of a step.
        **options: as for ``explore_numbers``.
    """
    build, move, controls, start = walks_scene(
        worlds, agents, walks, controls=controls or {}, start=start or {}, interval=interval
    )
    count = len(agents)
    size = {"figsize": (7.2, 4.3) if count > 1 else (4.2, 5.0), "narrow": (3.3, 4.0 * count)}
    gliding = [f"{part} {name}" for name in agents for part in ("agent", "trail")]
    return explore_numbers(
        build,
        move,
        controls,
        start=start,
        title=title,
        labels={"step": "steps taken"} | dict(labels or {}),
        gliding=gliding,
        **size | options,
    )


def walks_scene(
    worlds: Gridworld | Mapping[str, Gridworld],
    agents: Mapping[str, Agent],
    walks: Walks | Callable[..., Walks],
    *,
    controls: Mapping[str, Sequence],
    start: Mapping[str, object],
    interval: float = 0.3,
) -> tuple[Callable, Callable, dict[str, object], dict[str, object]]:
    """``build``, ``move``, ``controls`` and ``start`` of :func:`explore_walks`; arguments as there.

    Raises:
        ValueError: a control is named ``step``, or ``walks`` is no function although there are settings.
    """
    if "step" in controls:
        raise ValueError("controls must not name step, which explore_walks adds")
    rooms = dict(worlds) if isinstance(worlds, Mapping) else {"": worlds}
    several = len(rooms) > 1
    settings = ({"room": list(rooms)} if several else {}) | dict(controls)
    if settings and not callable(walks):
        raise ValueError(f"walks must be a function of {', '.join(settings)}, got {walks!r}")
    kinds = {name: cells(world) for name, world in rooms.items()}
    side = max(max(shape.shape) for shape in kinds.values())
    to_goal = {name: goal_distances(world) for name, world in rooms.items()}

    def room_of(chosen: Mapping) -> str:
        return chosen["room"] if several else next(iter(rooms))

    known: dict[tuple, Walks] = {}

    def walks_of(chosen: Mapping) -> Walks:
        if not callable(walks):
            return walks
        key = tuple(chosen.items())
        if key not in known:
            known[key] = {name: [int(state) for state in states] for name, states in walks(**chosen).items()}
        return known[key]

    first = {name: start.get(name, values[len(values) // 2]) for name, values in settings.items()}
    if several:
        first["room"] = start.get("room", next(iter(rooms)))
    every = [dict(zip(settings, chosen, strict=True)) for chosen in product(*settings.values())]
    longest = max(len(states) for chosen in every for states in walks_of(chosen).values()) - 1
    at_first = max(len(states) for states in walks_of(first).values()) - 1

    def build(figure: Figure) -> dict:
        narrow = is_narrow(figure)
        drawn = figure.subplots(*((len(agents), 1) if narrow else (1, len(agents))), squeeze=False).ravel()
        badges = any(agent.badge for agent in agents.values())
        above, below = (0.125 if badges else 0.07) * side, 0.075 * side
        artists = {}
        for axes, (name, agent) in zip(drawn, agents.items(), strict=True):
            if several:
                artists[f"room {name}"] = _stage_cells(axes, side)
                (artists[f"lines {name}"],) = axes.plot([], [], color=WALL, linewidth=0.7, zorder=1.1)
                _set_limits(axes, (side, side), below, above)
            else:
                draw_room(axes, next(iter(rooms.values())), below=below, above=above)
            lift = {"xytext": (0, 19 if badges else 5), "textcoords": "offset points", "annotation_clip": False}
            axes.annotate(agent.label, (-0.5, -0.5), color=agent.color, weight="bold", fontsize=11, **lift)
            put = {"x": -0.5, "s": "", "in_layout": False}
            if agent.badge:
                artists[f"badge {name}"] = axes.text(y=-0.5 - 0.02 * side, color="#444444", fontsize=9, **put)
            artists[f"fate {name}"] = axes.text(
                y=side - 0.5 + 0.02 * side, color=agent.color, weight="bold", va="top", **put
            )
            artists[f"start {name}"] = moving_start(axes, agent.color)
            artists[f"trail {name}"] = moving_trail(axes, agent.color)
            artists[f"agent {name}"] = moving_agent(axes)
        return artists

    def move(**chosen) -> tuple[dict, str]:
        step = chosen.pop("step")
        room = room_of(chosen)
        world, scale = rooms[room], side / max(kinds[room].shape)
        numbers, words = {}, []

        def fit(x, y):
            return tuple((np.asarray(part, dtype=float) + 0.5) * scale - 0.5 for part in (x, y))

        for name, agent in agents.items():
            walk = walks_of(chosen)[name]
            seen = walk[: step + 1]
            end = fate(len(seen) - 1, int(to_goal[room][seen[-1]]))
            column, row = world.positions[walk[0]].tolist()
            if several:
                numbers |= {f"room {name}": _square(kinds[room]), f"lines {name}": fit(*_lines(kinds[room]))}
            if agent.badge:
                numbers[f"badge {name}"] = agent.badge(**chosen) if callable(agent.badge) else agent.badge
            numbers |= {
                f"fate {name}": end,
                f"start {name}": fit([column], [row]),
                f"trail {name}": fit(*trail(world, seen)),
                f"agent {name}": fit(*agent_after(world, seen)),
            }
            words.append(f"{agent.label}: {end}.")
        setting = ", ".join(f"{name} {value}" for name, value in chosen.items())
        return numbers, " ".join([f"{setting[:1].upper()}{setting[1:]}.", *words] if setting else words)

    steps = Steps(list(range(longest + 1)), interval)
    return build, move, settings | {"step": steps}, {"step": at_first} | first | dict(start)


def fate(taken: int, left: int) -> str:
    steps = f"{taken} {'step' if taken == 1 else 'steps'}"
    return f"arrives after {steps}" if left == 0 else f"after {steps}: {left} still to go"


def _square(kinds: np.ndarray) -> np.ndarray:
    """The cells of a room in a square picture; cells beyond the room are not numbers."""
    square = np.full((max(kinds.shape),) * 2, np.nan)
    square[: kinds.shape[0], : kinds.shape[1]] = kinds
    return square


def _lines(kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lines between the cells of the floor, as one line with gaps."""
    strokes = []
    for y, x in np.argwhere((kinds == KINDS.index(None)) | (kinds == KINDS.index("floor"))):
        strokes += [(x - 0.5, y + 0.5), (x - 0.5, y - 0.5), (x + 0.5, y - 0.5), (np.nan, np.nan)]
    columns, rows = np.array(strokes).T
    return columns, rows
