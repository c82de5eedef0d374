"""The fast recipes that made the records against the plain ones of the core, and each of their shortcuts."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helm_study.fast import baselines as fast_baselines
from helm_study.fast import contrastive as fast_contrastive
from helm_study.fast.data import encoded, one_step
from helm_study.fast.losses import count_pairs, info_nce_of_pairs
from helm_tutorial.models import baselines, contrastive
from helm_tutorial.models.losses import info_nce
from helm_tutorial.models.settings import Contrastive, LatentPrediction, Reconstruction, VarianceCovariance
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.worlds.gridworld import load_gridworld

SMALL = {"walks": 200, "hidden": 64, "batch": 200}
PLAIN = Contrastive(**SMALL, updates=50)
RECIPES = {
    "contrastive": ("cells", "train_contrastive", PLAIN),
    "printed": ("cells", "train_contrastive", PLAIN.as_printed()),
    "directed": ("profiles", "train_contrastive", replace(PLAIN.directed(), walks=200)),
    "penalised": ("cells", "train_contrastive", replace(PLAIN, spectral_weight=0.03, spectral_form="hinge")),
    "few negatives": ("cells", "train_contrastive", replace(PLAIN, negatives=7)),
    "off the sphere": ("cells", "train_contrastive", replace(PLAIN, sphere=False)),
    "reconstruction": (
        "cells",
        "train_reconstruction",
        Reconstruction(**SMALL, autoencoder_updates=50, dynamics_updates=50, spectral_weight=0.03),
    ),
    "latent prediction": ("cells", "train_latent_prediction", LatentPrediction(**SMALL, updates=50)),
    "no stop": ("profiles", "train_latent_prediction", LatentPrediction(**SMALL, updates=50, stop_gradient=False)),
    "variance": ("cells", "train_variance_covariance", VarianceCovariance(**SMALL, updates=50)),
}


@pytest.mark.parametrize("name", RECIPES)
def test_the_fast_recipe_trains_what_the_plain_one_trains(name):
    """In float64, from the same draws. In float32 Adam makes a full step of a gradient that is nothing but rounding."""
    view, train, settings = RECIPES[name]
    world = load_gridworld("MiniGrid-Empty-8x8-v0", observation=view)
    world = replace(world, features=world.features.double())
    plain, fast = (contrastive, fast_contrastive) if train == "train_contrastive" else (baselines, fast_baselines)
    one, other = getattr(plain, train)(world, settings, 0), getattr(fast, train)(world, settings, 0)
    for weights, others in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.allclose(weights, others, rtol=0.0, atol=1e-5)


@pytest.fixture(scope="module")
def room():
    return load_gridworld("MiniGrid-Empty-5x5-v0", observation="profiles")


def test_latents_are_the_same_whether_all_states_are_encoded_or_those_asked_for(room):
    model = WorldModel(room.features.shape[1], 3, latent=4, hidden=8, generator=torch.Generator().manual_seed(0))
    draws = torch.Generator().manual_seed(1)
    walks = room.random_walks(5, 5, generator=draws)
    parts = torch.randint(36, (7,), generator=draws), torch.randint(36, (3, 4), generator=draws)
    gradients = []
    for more, rows in (((), 19), ((torch.arange(17),), 36), ((torch.arange(36),), 36)):
        model.zero_grad()
        z, *which = encoded(model.encode, walks, *parts, *more)
        assert len(z) == rows
        for place, part in zip(which, (*parts, *more), strict=True):
            assert place.shape == part.shape
            assert torch.allclose(z[place], model.encode(room.features[part]), atol=1e-6)
        sum(z[place].square().sum() for place in which[:2]).backward()
        gradients.append(model.encoder[0].weight.grad.clone())
    assert torch.allclose(gradients[0], gradients[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"sphere": True}, {"sphere": True, "tangent": True}, {"rescale": True}])
def test_one_step_is_the_models_whether_successors_are_looked_up_or_each_sample_is_stepped(room, options):
    draws = torch.Generator().manual_seed(0)
    model = WorldModel(room.features.shape[1], 3, latent=4, hidden=8, generator=draws, **options).double()
    z = model.encode(room.features.double()).detach().requires_grad_(True)
    for samples in (room.num_states - 1, room.num_states + 5):
        rows = torch.randint(10, (samples,), generator=draws)
        actions = torch.randint(3, (samples,), generator=draws)
        got, stepped = one_step(model, z, rows, actions), model(z[rows], torch.eye(3, dtype=torch.float64)[actions])
        assert torch.allclose(got, stepped, atol=1e-12)
        one, other = (torch.autograd.grad(way.sin().sum(), z, retain_graph=True)[0] for way in (got, stepped))
        assert torch.allclose(one, other, atol=1e-10)


@given(
    states=st.integers(2, 6), batch=st.integers(2, 40), seed=st.integers(0, 99),
    similarity=st.sampled_from(["cosine", "distance"]), symmetric=st.booleans(),
)  # fmt: skip
def test_info_nce_of_counted_pairs_is_that_of_the_whole_batch(states, batch, seed, similarity, symmetric):
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(states, 3, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(2))
    i, j = (torch.randint(states, (batch,), generator=generator) for _ in range(2))
    options = {"similarity": similarity, "symmetric": symmetric}
    pairs = count_pairs(i, j, states)
    assert int(pairs.sum()) == batch and int(pairs[i[0], j[0]]) == int(((i == i[0]) & (j == j[0])).sum())
    counted, whole = info_nce_of_pairs(x, y, pairs, 0.3, **options), info_nce(x[i], y[j], 0.3, **options)
    assert torch.allclose(counted, whole, rtol=1e-9)
    for one, other in zip(torch.autograd.grad(counted, (x, y)), torch.autograd.grad(whole, (x, y)), strict=True):
        assert torch.allclose(one, other, atol=1e-9)


def test_info_nce_of_counted_pairs_says_what_does_not_fit():
    x, pairs = torch.ones(3, 2), torch.ones(3, 3)
    with pytest.raises(ValueError, match="pairs"):
        info_nce_of_pairs(x, torch.ones(4, 2), pairs, 0.1)
    with pytest.raises(ValueError, match="anchors and positives"):
        info_nce_of_pairs(x, torch.ones(3, 5), pairs, 0.1)
    with pytest.raises(ValueError, match="at least two"):
        count_pairs(torch.tensor([1]), torch.tensor([2]), 3)
    with pytest.raises(ValueError, match="similarity"):
        info_nce_of_pairs(x, x, pairs, 0.1, similarity="angle")
