"""Rooms in vectors look as MiniGrid renders them; trails can be told apart; agents walk as they were recorded to."""

import numpy as np
import pytest
import torch
from explorer_pages import Reader, as_static, needs_chromium, payload_of, write_page
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.path import Path

from helm_book.explorer import explore_numbers
from helm_book.figures import rooms
from helm_tutorial.worlds.gridworld import goal_distances, load_gridworld

TILE = 32


def world_frame(world, state, *, tile):
    """The environment's own rendering with the agent in ``state``."""
    return world.open(state).unwrapped.get_frame(highlight=False, tile_size=tile)


@pytest.fixture(scope="module", params=["MiniGrid-Empty-8x8-v0", "MiniGrid-FourRooms-v0"])
def room(request):
    return load_gridworld(request.param)


def pixels(world, draw) -> np.ndarray:
    """A room drawn at ``TILE`` pixels a cell, as the environment renders it."""
    rows, columns = rooms.cells(world).shape
    figure = Figure(figsize=(columns, rows), dpi=TILE)
    canvas = FigureCanvasAgg(figure)
    draw(figure.add_axes((0, 0, 1, 1)))
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def of_each_heading(world) -> list[int]:
    """States that head right, down, left and up, each in a cell of its own, and one on the goal."""
    random = np.random.default_rng(0)
    states = [int(random.choice(np.flatnonzero(world.headings.numpy() == heading))) for heading in range(4)]
    return [*states, int(world.goals[1])]


def test_a_room_has_minigrids_colours_in_the_middle_and_at_the_edges_of_every_cell(room):
    for state in of_each_heading(room):

        def draw(axes, state=state):
            rooms.draw_room(axes, room)
            rooms.moving_agent(axes).set_xy(np.transpose(rooms.agent_at(room, state)))

        found, wanted = pixels(room, draw), world_frame(room, state, tile=TILE).astype(int)
        assert found.shape == wanted.shape
        for down, right in ((0.5, 0.5), (0.0, 0.5), (0.5, 0.0), (0.97, 0.5), (0.5, 0.97)):
            place = np.s_[int(down * TILE) :: TILE, int(right * TILE) :: TILE]
            assert np.abs(found[place] - wanted[place]).max() <= 8, (state, down, right)
        assert (np.abs(found - wanted).max(axis=2) > 64).mean() < 0.001  # the triangle's slanted edges are smoothed


def test_the_agent_covers_what_minigrid_paints_red(room):
    for state in of_each_heading(room):
        frame = world_frame(room, state, tile=TILE)
        red = (frame[..., 0] > 127) & (frame[..., 1] < 127) & (frame[..., 2] < 50)
        x, y = np.meshgrid(*[(np.arange(size) + 0.5) / TILE - 0.5 for size in frame.shape[1::-1]])
        triangle = Path(np.transpose(rooms.agent_at(room, state)))
        inside = triangle.contains_points(np.column_stack([x.ravel(), y.ravel()])).reshape(red.shape)
        assert red.sum() > 200 and (inside ^ red).sum() <= 0.06 * red.sum()


def walk(world, start, actions):
    states = [start]
    for action in actions:
        states.append(int(world.transitions[states[-1], action]))
    return states


LEFT, RIGHT, FORWARD = 0, 1, 2


@pytest.fixture(scope="module")
def empty():
    return load_gridworld("MiniGrid-Empty-8x8-v0")


def test_a_way_back_lies_beside_the_way_there(empty):
    there_and_back = [FORWARD, FORWARD, LEFT, LEFT, FORWARD, FORWARD]
    x, y = rooms.trail(empty, walk(empty, empty.index((1, 1), 0), there_and_back))
    there, back = y[1:5], y[5:]
    assert (x[0], y[0]) == (1, 1)
    assert (there > 1.05).all() and (back < 0.95).all()  # each on the right of who walks
    assert np.abs(np.column_stack([x, y]) - np.column_stack([x, y]).round()).max() < 0.5


def test_a_way_gone_again_lies_beside_itself(empty):
    lap = [FORWARD, RIGHT, FORWARD, RIGHT, FORWARD, RIGHT, FORWARD, RIGHT]
    x, y = rooms.trail(empty, walk(empty, empty.index((3, 3), 0), lap * 2))
    first, second = y[1:3], y[9:11]
    assert x[2] > x[1] and x[10] > x[9]  # the same leg, gone twice
    assert np.abs(first - second).min() > 0.05


def test_a_longer_trail_begins_with_the_shorter_one(empty):
    generator = torch.Generator().manual_seed(1)
    states = walk(empty, empty.start, torch.randint(3, (60,), generator=generator).tolist())
    whole = np.array(rooms.trail(empty, states))
    for count in range(1, 61):
        part = np.array(rooms.trail(empty, states[:count]))
        assert np.array_equal(part, whole[:, : part.shape[1]])


def test_turning_and_bumping_leave_no_trail(empty):
    x, y = rooms.trail(empty, walk(empty, empty.index((1, 1), 3), [FORWARD, LEFT, FORWARD, RIGHT]))
    assert (x.tolist(), y.tolist()) == ([1], [1])


def test_an_agent_that_walks_into_a_wall_knocks_at_it(empty):
    states = walk(empty, empty.index((2, 1), 3), [LEFT, RIGHT] + [FORWARD] * 4 + [LEFT])  # heads up, to a wall
    heights = [np.mean(rooms.agent_after(empty, states[: n + 1])[1]) for n in range(8)]
    stands = [np.mean(rooms.agent_at(empty, state)[1]) for state in states]
    knocks = np.array([0, 0, 0, 1, 0, 1, 0, 0]) * rooms.KNOCK
    assert np.allclose(np.subtract(stands, heights), knocks)


def test_distances_leave_the_walls_as_they_are(room):
    values = goal_distances(room)

    def draw(axes):
        rooms.show_distances(axes, room, values, limits=(0.0, 30.0))
        rooms.mark_goal(axes, room)

    found, kinds = pixels(room, draw), rooms.cells(room)
    middles = found[TILE // 2 :: TILE, TILE // 2 :: TILE]
    walls = kinds == rooms.KINDS.index("wall")
    assert (np.abs(middles[walls] - 100).max(axis=1) <= 2).all()
    assert not (np.abs(middles[~walls] - 100).max(axis=1) <= 2).any()


# ---------------------------------------------------------------- agents that walk

FOUND = rooms.Agent("Found", "#009E73", "a badge")
LOST = rooms.Agent("Lost", "#D55E00", lambda room: f"in {room}")


@pytest.fixture(scope="module")
def worlds():
    return {"small": load_gridworld("MiniGrid-Empty-5x5-v0"), "large": load_gridworld("MiniGrid-FourRooms-v0")}


def greedy(world) -> list[int]:
    to_goal, states = goal_distances(world), [world.start]
    while to_goal[states[-1]] > 0:
        states.append(min(world.transitions[states[-1]].tolist(), key=lambda state: float(to_goal[state])))
    return states


def both(worlds):
    return lambda room: {
        "lost": walk(worlds[room], worlds[room].start, [LEFT] * (12 if room == "small" else 20)),
        "found": greedy(worlds[room]),
    }


def test_agents_walk_as_recorded_and_stay_at_the_end(worlds):
    world = worlds["small"]
    states = greedy(world)
    build, move, controls, start = rooms.walks_scene(world, {"found": FOUND}, {"found": states}, controls={}, start={})
    assert list(controls) == ["step"] and start == {"step": len(states) - 1}
    artists = build(Figure(figsize=(4, 5)))
    for step in controls["step"].values:
        numbers, caption = move(step=step)
        assert set(numbers) == set(artists)
        np.testing.assert_allclose(numbers["agent found"], rooms.agent_at(world, states[step]))
        np.testing.assert_allclose(numbers["trail found"], rooms.trail(world, states[: step + 1]))
    assert numbers["fate found"] == f"arrives after {len(states) - 1} steps"
    assert caption == f"Found: {numbers['fate found']}." and numbers["badge found"] == "a badge"
    assert move(step=1)[0]["fate found"] == f"after 1 step: {len(states) - 2} still to go"


def test_rooms_of_two_sizes_fill_the_same_axes(worlds):
    agents = {"lost": LOST, "found": FOUND}
    build, move, controls, start = rooms.walks_scene(worlds, agents, both(worlds), controls={}, start={})
    assert list(controls) == ["room", "step"] and start == {"step": 12, "room": "small"}
    assert controls["step"].values[-1] == max(20, len(greedy(worlds["large"])) - 1)
    artists = build(Figure(figsize=(7, 4)))
    for room, world in worlds.items():
        numbers, _ = move(room=room, step=9)
        assert set(numbers) == set(artists)
        kinds = rooms.cells(world)
        assert np.array_equal(numbers["room lost"], kinds)
        x, _ = numbers["agent lost"]
        across = (np.mean(x) + 0.5) / 19  # of the axes, which the larger room sets
        middle = np.mean(rooms.agent_at(world, both(worlds)(room)["lost"][9])[0])
        assert across == pytest.approx((middle + 0.5) / kinds.shape[1])
        assert numbers["badge lost"] == f"in {room}"


def test_after_the_last_step_nothing_changes(worlds):
    _, move, controls, _ = rooms.walks_scene(
        worlds, {"lost": LOST, "found": FOUND}, both(worlds), controls={}, start={}
    )
    (one, said), (other, still) = (move(room="small", step=step) for step in (12, controls["step"].values[-1]))
    assert said == still
    for name in one:
        assert isinstance(one[name], str) or np.array_equal(one[name], other[name], equal_nan=True)
    assert one["fate lost"].startswith("after 12 steps")


def test_walks_with_settings_must_be_a_function_and_step_is_taken(worlds):
    with pytest.raises(ValueError, match="walks must be a function of room"):
        rooms.walks_scene(worlds, {"found": FOUND}, {"found": [0]}, controls={}, start={})
    with pytest.raises(ValueError, match="controls must not name step"):
        rooms.walks_scene(worlds, {"found": FOUND}, both(worlds), controls={"step": [1, 2]}, start={})


@pytest.fixture(scope="module")
def walking(worlds, tmp_path_factory):
    made = as_static(rooms.explore_walks, worlds, {"lost": LOST, "found": FOUND}, both(worlds), title="Walks")
    return made, write_page(tmp_path_factory.mktemp("rooms") / "page.html", made)


OUTLINE = "a => document.querySelector(`[data-artist='agent ${a}'] path`).getAttribute('d')"


@needs_chromium
def test_the_page_walks_the_agent_between_two_cells_and_stops_where_nothing_changes(visit, walking):
    page = visit(walking[1])
    reader = Reader(page)
    reader.drawn()
    assert [a["name"] for a in payload_of(walking[0].html)["artists"] if a["gliding"]] == [
        "trail lost", "trail found", "agent lost", "agent found",
    ]  # fmt: skip
    cells = []
    for step in range(13):
        reader.set([0, step])
        page.wait_for_timeout(230)
        cells.append(page.evaluate(OUTLINE, "found"))
    reader.play.click()
    seen = page.evaluate(
        """() => new Promise((done) => {
            const seen = [];
            const look = () => {
                seen.push(document.querySelector("[data-artist='agent found'] path").getAttribute("d"));
                if (document.querySelector(".helm-play").textContent === "Pause") requestAnimationFrame(look);
                else done(seen);
            };
            requestAnimationFrame(look);
        })"""
    )
    assert set(seen) - set(cells), "no picture between two steps"
    assert reader.slider("step").input_value() == "12"  # of 20 and more: in this room nobody walks any further


@needs_chromium
def test_a_reader_who_asks_for_less_motion_sees_no_step_between(visit, walking):
    page = visit(walking[1])
    page.emulate_media(reduced_motion="reduce")
    reader = Reader(page)
    reader.drawn()
    reader.set([0, 0])
    before = page.evaluate(OUTLINE, "found")
    reader.set([0, 1])
    after = page.evaluate(OUTLINE, "found")
    page.wait_for_timeout(250)
    assert before != after == page.evaluate(OUTLINE, "found")


def test_what_glides_is_a_line_or_a_polygon():
    def build(figure):
        return {"dots": figure.subplots().scatter([0], [0])}

    with pytest.raises(TypeError, match="gliding must name lines or polygons, 'dots'"):
        explore_numbers(build, lambda k: ({"dots": ([k], [k])}, "k"), {"k": [0, 1]}, gliding=["dots"])
