"""Many contrastive models at once: the gradient is autograd's, the models are those that are trained one by one."""

import copy
from dataclasses import replace

import pytest
import torch

from helm_study.fast.contrastive import train_contrastive
from helm_study.fast.losses import info_nce_of_pairs
from helm_study.stacked.contrastive import PLAIN, train_contrastive_stacked
from helm_study.stacked.world_models import StackedWorldModels
from helm_tutorial.diagnosis import latents
from helm_tutorial.models.fit import TrainingDiverged
from helm_tutorial.models.losses import latent_prediction_loss
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.worlds.gridworld import load_gridworld

FEW = Contrastive(walks=50, walk_length=10, updates=12, batch=64, hidden=24, latent=8)
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(scope="module", params=["cells", "profiles"])
def room(request):
    return load_gridworld("MiniGrid-Empty-5x5-v0", observation=request.param)


def same(model, other):
    return all(torch.equal(p, q) for p, q in zip(model.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("device", DEVICES)
def test_losses_and_gradients_are_those_of_autograd_in_float64(room, device):
    generator = torch.Generator().manual_seed(0)
    features, states, batch, temperature, weight = room.features.shape[1], room.num_states, 64, 0.07, 1.7
    models = [WorldModel(features, 3, latent=5, hidden=11, sphere=True, generator=generator) for _ in range(3)]
    models = [model.double().to(device) for model in models]
    stacked = StackedWorldModels(models, room, temperature=temperature, weight=weight)
    pair, s, a = (
        torch.randint(high, (3, batch), generator=generator)
        for high in (states * states, states, room.transitions.shape[1])
    )
    pairs = torch.stack([torch.bincount(row, minlength=states**2) for row in pair]).view(3, states, states)
    taken = torch.stack([torch.bincount(row, minlength=3 * states) for row in s * 3 + a]).view(3, states, 3)
    losses = stacked.gradient(pairs.double().to(device), taken.double().to(device))
    images = copy.deepcopy(models)
    for tensor in stacked.parameters():
        tensor.copy_(tensor.grad)  # so that the gradients can be read as weights are
    stacked.copy_into(images)
    for index, (model, gradients) in enumerate(zip(models, images, strict=True)):
        z = model.encode(room.features.double().to(device))
        predicted = model.successors(z)[s[index], a[index]]
        contrast = info_nce_of_pairs(z, z, pairs[index].to(device), temperature)
        loss = contrast + weight * latent_prediction_loss(predicted, z[room.transitions[s[index], a[index]]])
        loss.backward()
        assert torch.allclose(losses[index], loss, atol=1e-12)
        for weights, gradient in zip(model.parameters(), gradients.parameters(), strict=True):
            assert torch.allclose(weights.grad, gradient, atol=1e-12)


@pytest.mark.parametrize("change", [{}, {"gamma": 0.0}, {"gamma": None, "temperature": 0.3, "prediction_weight": 2.0}])
def test_training_side_by_side_is_training_one_by_one(room, change):
    config, told = replace(FEW, **change), {}
    together = train_contrastive_stacked(
        room, config, [3, 0], progress=lambda *news: told.setdefault("both", []).append(news)
    )
    for seed, model in zip((3, 0), together, strict=True):
        alone = train_contrastive(
            room, config, seed, progress=lambda *news, seed=seed: told.setdefault(seed, []).append(news)
        )
        assert torch.allclose(latents(model, room), latents(alone, room), atol=2e-4)
        assert not model.training
    for (step, steps, loss), *each in zip(told["both"], told[3], told[0], strict=True):
        assert {(step, steps)} == {news[:2] for news in each}
        assert loss == pytest.approx(sum(news[2] for news in each) / 2, rel=1e-4)


def test_a_model_is_the_same_to_the_last_bit_whatever_is_trained_beside_it(room):
    (by_itself,) = train_contrastive_stacked(room, FEW, [4])
    for company in ([4, 1], [0, 1, 4], [9, 8, 7, 4, 3]):
        assert same(by_itself, train_contrastive_stacked(room, FEW, company)[company.index(4)])


def test_seeds_whose_walks_meet_different_numbers_of_states_are_trained_each_for_its_own():
    world = load_gridworld("MiniGrid-Empty-16x16-v0")
    config, told = replace(FEW, walks=4, walk_length=200, gamma=None, batch=512, updates=2), []
    together = train_contrastive_stacked(world, config, [0, 1, 2], progress=lambda step, *_: told.append(step))
    assert told == list(range(1, len(told) + 1)) and len(told) > 2 * config.updates
    for seed, model in enumerate(together):
        assert same(model, train_contrastive_stacked(world, config, [seed])[0])
        assert torch.allclose(latents(model, world), latents(train_contrastive(world, config, seed), world), atol=1e-4)


def test_who_watches_sees_each_model_when_asked_and_changes_nothing(room):
    seen = {}
    models = train_contrastive_stacked(
        room,
        FEW,
        [1, 2],
        watch=lambda step, seed, model: seen.update({(step, seed): latents(model, room)}),
        watch_at=(0, 7, 12),
    )
    assert list(seen) == [(step, seed) for step in (0, 7, 12) for seed in (1, 2)]
    fresh = train_contrastive_stacked(room, FEW, [1, 2])
    for seed, model, other in zip((1, 2), models, fresh, strict=True):
        assert same(model, other) and torch.equal(seen[12, seed], latents(model, room))
        assert not torch.equal(seen[0, seed], seen[7, seed])


OTHERWISE = {
    "similarity": "distance",
    "symmetric": True,
    "negatives": 5,
    "sphere": False,
    "goal_encoder": True,
    "rescale": True,
    "prediction_steps": 2,
    "spectral_weight": 0.1,
    "tangent": True,
}


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_not_written_out_by_hand_is_refused(room, name):
    assert getattr(Contrastive(), name) == PLAIN[name]
    with pytest.raises(ValueError, match=f"config.{name} must be {PLAIN[name]!r} to train many at once, got"):
        train_contrastive_stacked(room, replace(FEW, **{name: OTHERWISE[name]}), [0])


@pytest.mark.parametrize(
    ("change", "seeds", "message"),
    [
        ({}, [], "the number of seeds must be at least 1, got 0"),
        ({}, [0, -1], "each seed must be at least 0, got -1"),
        ({}, [2, 2], r"seeds must be distinct, got \[2, 2\]"),
        ({"temperature": 0.01}, [0], "config.temperature must be finite and at least 0.02, got 0.01"),
        ({"batch": 8}, [0], "at most 32 states where batch is 8, got 36 states and observations of shape"),
    ],
)
def test_bad_input_is_refused(room, change, seeds, message):
    with pytest.raises(ValueError, match=message):
        train_contrastive_stacked(room, replace(FEW, **change), seeds)


def test_pixels_are_refused():
    pixels = load_gridworld("MiniGrid-Empty-5x5-v0", observation="pixels")
    with pytest.raises(
        ValueError, match=r"seen as cells or profiles.* got 36 states and observations of shape \(3, 40, 40\)"
    ):
        train_contrastive_stacked(pixels, FEW, [0])


def test_divergence_is_told():
    world = load_gridworld("MiniGrid-Empty-5x5-v0")
    with pytest.raises(TrainingDiverged, match=r"the loss is nan at step .* try an lr below"):
        train_contrastive_stacked(world, replace(FEW, lr=1e38), [0])
