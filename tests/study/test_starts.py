"""Which starts are played: a stratified draw represents the world, the recorded one of every fourth start does not."""

from dataclasses import replace

import pytest
import torch

from helm_study.play import Planning, played_starts, recorded_starts
from helm_study.starts import draw_starts, stratified
from helm_tutorial.worlds.gridworld import goal_distances, load_gridworld


@pytest.fixture(scope="module", params=["MiniGrid-Empty-8x8-v0", "MiniGrid-FourRooms-v0"])
def world(request):
    return load_gridworld(request.param)


def test_every_beginning_has_each_distance_and_heading_in_proportion(world):
    order = stratified(world)
    assert sorted(order.tolist()) == world.starts.tolist()
    for kind in (goal_distances(world), world.headings):
        whole, drawn = kind[world.starts], kind[order]
        for value in whole.unique():
            share = (whole == value).double().mean()
            due = share * torch.arange(1, len(order) + 1)
            assert float(((drawn == value).cumsum(0) - due).abs().max()) < 1.0


def test_the_draw_is_seeded(world):
    assert torch.equal(stratified(world, 3), stratified(world, 3))
    assert not torch.equal(stratified(world, 3), stratified(world, 4))


@pytest.mark.parametrize("draw", ["stride", "stratified"])
def test_as_many_starts_as_asked_for_and_the_environments_own(world, draw):
    drawn = draw_starts(world, 7, draw)
    assert world.start in drawn and torch.equal(drawn, drawn.unique())
    assert len(drawn) - len(world.starts[::7]) in (0, 1)


def test_every_fourth_start_of_the_recorded_draw_faces_right_and_the_stratified_one_all_ways():
    # States are listed cell by cell, four headings each; heading 0 is to the right.
    room = load_gridworld("MiniGrid-Empty-8x8-v0")
    assert room.headings[draw_starts(room, 4, "stride")].bincount(minlength=4).tolist() == [35, 0, 0, 0]
    assert min(room.headings[draw_starts(room, 4)].bincount(minlength=4).tolist()) >= 8


def test_records_say_which_starts_were_drawn_and_nothing_where_the_old_draw_was_used():
    old = Planning(stride=20)
    new = replace(old, draw="stratified")
    assert recorded_starts("MiniGrid-Empty-8x8-v0", 0, planning=old) == {}
    room = load_gridworld("MiniGrid-Empty-8x8-v0")
    assert recorded_starts("MiniGrid-Empty-8x8-v0", 0, planning=old, some=new) == {
        "some": played_starts(room, new).tolist()
    }
    with pytest.raises(ValueError, match="draw must be one of 'stride', 'stratified', got 'random'"):
        Planning(draw="random")
