"""The encoder of pictures: its shapes, what it can tell apart, and that a world model learns from it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from helm_study.directed.pictures import PictureEncoder
from helm_study.fast.contrastive import train_contrastive
from helm_tutorial.diagnosis import prediction_accuracy
from helm_tutorial.models.losses import latent_prediction_loss
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.models.world_model import WorldModel, initialise, one_hot_actions
from helm_tutorial.worlds.gridworld import HEADINGS, TILE, Gridworld, load_gridworld


@pytest.fixture(scope="module")
def world():
    return load_gridworld("MiniGrid-Empty-5x5-v0", observation="pixels")


def encoder(height: int, width: int, **options) -> PictureEncoder:
    module = PictureEncoder((3, height, width), 16, 5, **options)
    initialise(module, torch.Generator().manual_seed(0))
    return module


@pytest.mark.parametrize(("height", "width"), [(8, 8), (64, 64), (152, 152), (16, 40)])
@pytest.mark.parametrize("batch", [(), (1,), (2, 3), (0,)])
def test_any_picture_of_cells_and_any_batch_dimensions(height, width, batch):
    x = torch.rand(*batch, 3, height, width, generator=torch.Generator().manual_seed(1))
    m = encoder(height, width)
    assert m(x).shape == (*batch, 5)
    assert m.head[0].in_features == 16 * (height // TILE + width // TILE)
    if batch == (2, 3):
        assert torch.allclose(m(x[1, 2]), m(x)[1, 2], atol=1e-6)


def test_a_cell_is_as_large_as_it_is_drawn(world):
    assert encoder(40, 40).seen[0].kernel_size == encoder(40, 40).seen[0].stride == (TILE, TILE)
    assert encoder(15, 9, channels=2, cell=3).head[0].in_features == 2 * (5 + 3)


def test_the_head_is_told_the_most_in_each_row_and_column():
    m = encoder(24, 16, channels=2)
    x = torch.rand(3, 24, 16, generator=torch.Generator().manual_seed(1))
    cells = [[m.seen(x[:, i : i + 8, j : j + 8]).flatten() for j in (0, 8)] for i in (0, 8, 16)]
    rows = [torch.stack(row).amax(dim=0) for row in cells]
    columns = [torch.stack(column).amax(dim=0) for column in zip(*cells, strict=True)]
    told = torch.stack(rows + columns, dim=1).flatten()
    assert torch.allclose(m(x), m.head(told), atol=1e-6)


def test_every_cell_and_heading_is_told_apart_before_training(world):
    side = world.features.shape[-1]
    with torch.no_grad():
        z = encoder(side, side)(world.features)
    apart = torch.pdist(z)
    assert len(z) == 9 * len(HEADINGS)
    assert float(apart.min()) > 0.01 * float(apart.mean())
    standing = (world.positions == torch.tensor([2, 2])).all(dim=1)
    facing = world.headings == 0
    for alike in (standing, facing):  # one cell and four headings; one heading and nine cells
        assert float(torch.pdist(z[alike]).min()) > 0.05 * float(apart.mean())


def test_every_weight_is_drawn_from_the_generator_and_has_a_gradient(world):
    side = world.features.shape[-1]
    one, two = encoder(side, side), encoder(side, side)
    assert torch.equal(one(world.features), two(world.features))
    one(world.features).square().sum().backward()
    assert all(bool((parameter.grad != 0).any()) for parameter in one.parameters())


@pytest.mark.parametrize(
    ("shape", "error", "named"),
    [
        ((3, 7, 16), ValueError, "height of a picture must be at least 8, got 7"),
        ((3, 16, 0), ValueError, "width of a picture must be at least 8, got 0"),
        ((3, 16, 8.0), TypeError, "width of a picture must be an integer, got 8.0"),
    ],
)
def test_pictures_smaller_than_a_cell_are_refused(shape, error, named):
    with pytest.raises(error, match=named):
        PictureEncoder(shape, 16, 5)


@torch.no_grad()
def prediction_loss(model: WorldModel, world: Gridworld) -> float:
    """Squared distance of predicted from true next latents, in units of that of two states: collapse is no help."""
    z = model.encode(world.features)
    losses = [
        latent_prediction_loss(model(z, one_hot_actions(torch.full((len(z),), a), 3)), z[world.transitions[:, a]])
        for a in range(3)
    ]
    return float(torch.stack(losses).mean() / torch.pdist(z).square().mean())


def test_a_world_model_learns_to_predict_from_pictures(world):
    # One-step positives: with those of `directed` 300 updates are too few in this small room, by profiles too.
    settings = Contrastive(gamma=0.0, walks=200, batch=128, updates=300)
    encoder = PictureEncoder.of(world, settings)
    before = train_contrastive(world, replace(settings, lr=1e-9, updates=1), 0, encoder=encoder)
    model = train_contrastive(world, settings, 0, encoder=encoder)
    assert prediction_loss(model, world) < 0.05 < 0.5 < prediction_loss(before, world)
    assert prediction_accuracy(model, world) == 1.0
