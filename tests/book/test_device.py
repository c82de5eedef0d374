"""Where a training runs, and that nothing of it is left behind on the CPU when it runs on a GPU."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from helm_book import setup_line as device
from helm_tutorial.models import baselines, batches
from helm_tutorial.models import contrastive as recipes
from helm_tutorial.models.contrastive import Training, directed, train_contrastive
from helm_tutorial.models.regularity import FORMS
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.planning.gradient import GradientPlanner
from helm_tutorial.planning.local_search import LocalSearchPlanner
from helm_tutorial.planning.search import CrossEntropyPlanner, MPPIPlanner, RandomShootingPlanner
from helm_tutorial.worlds.gridworld import load_gridworld

FEW = Training(walks=20, walk_length=10, autoencoder_updates=1, dynamics_updates=1, updates=1, batch=32, hidden=16)
# A GPU that is only imagined: torch's fake tensors have a device and a shape but no values, and an operation that mixes
# devices fails. They can be called "cuda" only by a build of torch for GPUs, so they are on "meta".
GPU = torch.device("meta")


def test_without_a_gpu_everything_is_trained_on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device.training_device(nn.Linear(10, 10**6), torch.zeros(1, 10), 512).type == "cpu"
    assert "no GPU" in device.describe_device()


def test_with_a_gpu_large_rooms_go_there_and_the_books_do_not(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    assert "a GPU" in device.describe_device()
    for states, features, wanted in ((144, 218, "cpu"), (1040, 1562, "cuda")):  # Empty-8x8 and FourRooms
        assert device.training_device(nn.Linear(features, 256), torch.zeros(1, features), states).type == wanted


def test_pictures_cost_what_their_convolution_does():
    world = load_gridworld("MiniGrid-Empty-5x5-v0", observation="pixels")
    encoder = batches.Data(world, Training(), 0).model().encoder
    _, height, width = world.features.shape[1:]
    convolution = 16 * 3 * height * width
    head = 256 * (16 * (height // 8 + width // 8) + 32)
    assert device.multiplications(encoder, world.features[:2]) == 2 * (convolution + head)


def test_the_batch_must_hold_something():
    with pytest.raises(ValueError, match="batch must be at least 1, got 0"):
        device.training_device(nn.Linear(1, 1), torch.zeros(1, 1), 0)


def moved(mode, tensor):
    """The tensor without its values, on the imagined GPU."""
    return mode.from_tensor(tensor.detach()).to(GPU)


def move(mode, model):
    for module in model.modules():
        module._parameters = {k: nn.Parameter(moved(mode, v)) for k, v in module._parameters.items()}
        module._buffers = {k: moved(mode, v) for k, v in module._buffers.items()}


@pytest.fixture
def imagined_gpu(monkeypatch):
    """Trainings on the imagined GPU: each loss, computed once with its gradient, and the models that came home."""
    losses, home = [], []
    with ExitStack() as stack:

        class Data(batches.Data):
            def model(self, **options):
                model = super().model(**options)
                mode = stack.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
                self.device = GPU
                self.world = dataclasses.replace(self.world, features=moved(mode, self.world.features))
                move(mode, model)
                model.cpu = lambda: home.append(model) or model  # fake parameters cannot be moved in place
                return model

        def fit(parameters, loss, **_options):
            value = loss()
            value.backward()
            gradients = [p.grad for p in parameters.parameters() if p.grad is not None]
            assert gradients and {tensor.device for tensor in (value, *gradients)} == {GPU}
            losses.append(value)

        for module in (recipes, baselines):
            monkeypatch.setattr(module, "Data", Data)
            monkeypatch.setattr(module, "fit", fit)
        # How often a state is met is not known without values.
        monkeypatch.setattr(torch, "bincount", lambda rows, minlength: rows.new_zeros(minlength))
        yield losses, home


@pytest.mark.parametrize("batch", [8, 64])  # fewer samples than the room has states, and more
@pytest.mark.parametrize(
    ("train", "config"),
    [
        (train_contrastive, FEW),
        (train_contrastive, replace(FEW, negatives=5)),
        (train_contrastive, replace(directed(FEW), walks=20, walk_length=10)),
        *((train_contrastive, replace(FEW, spectral_weight=0.1, spectral_form=form)) for form in FORMS),
        (baselines.train_reconstruction, replace(FEW, spectral_weight=0.1)),
        (baselines.train_latent_prediction, FEW),
        (baselines.train_variance_covariance, FEW),
    ],
)
def test_a_training_lives_on_one_device_and_its_model_comes_home(imagined_gpu, train, config, batch):
    losses, home = imagined_gpu
    model = train(load_gridworld("MiniGrid-Empty-5x5-v0"), replace(config, batch=batch), 0)
    assert len(losses) == (2 if train is baselines.train_reconstruction else 1)
    assert home == [model]


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("space", [{"num_actions": 3}, {"low": [-1.0] * 3, "high": [1.0] * 3}])
@pytest.mark.parametrize(
    "kind", [GradientPlanner, LocalSearchPlanner, CrossEntropyPlanner, MPPIPlanner, RandomShootingPlanner]
)
def test_a_planner_plans_where_the_latents_are(kind, space, keeps):
    if kind is LocalSearchPlanner and "low" in space:
        return
    model, generator = WorldModel(10, 3), torch.Generator().manual_seed(0)
    left = torch.zeros(4, 4, dtype=torch.long) if "low" not in space else torch.zeros(4, 4, 3)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        move(mode, model)
        z0, goal, left = (moved(mode, part) for part in (torch.randn(4, 32), torch.randn(2, 32), left))
        short = {"steps": 3, "decode_every": 2} if kind is GradientPlanner else {}
        planner = kind(horizon=5, **space, **short)
        found = planner(model, z0, goal, generator=generator, warm_start=left if keeps else None)
        assert {found.actions.device, found.cost.device} == {GPU}
