"""The ablation of temperature and positive horizon: its plane, its pictures, and a part of its record run again."""

import pytest
import torch

from helm_study import records, reproduce
from helm_study.contrastive import contrastive_ablation as ablation
from helm_study.fast.contrastive import train_contrastive
from helm_study.play import Planning
from helm_tutorial import diagnosis
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.worlds.gridworld import geodesic_distances, load_gridworld

TINY = ablation.Config(
    env="MiniGrid-Empty-5x5-v0",
    training=Contrastive(walks=20, walk_length=10, updates=4, batch=16, hidden=16),
    planning=Planning(horizon=2, stride=40, restarts=1, steps=1, decode_every=1, limit=0.2),
    checkpoints=(0, 1, 4),
)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ablation.label(0.3, 0.8), "temperature must be one of 0.05, 0.1, .* got 0.3"),
        (lambda: ablation.label(0.1, 0.99), "gamma must be one of 0.0, 0.5, .* got 0.99"),
        (lambda: ablation.Config(checkpoints=(0, 2001)), "each checkpoint must be between 0 and 2000, got 2001"),
        (lambda: ablation.Config(checkpoints=(5, 0, 2000)), "checkpoints must ascend to the 2000 updates"),
        (lambda: ablation.Config(checkpoints=(0, 100)), "checkpoints must ascend to the 2000 updates"),
        (lambda: ablation.Config(checkpoints=()), "checkpoints must ascend to the 2000 updates"),
        (lambda: ablation.Config(embedding_seed=-1), "embedding_seed must be at least 0, got -1"),
        (lambda: ablation.embedding({"seeds": [1]}, 0.1, 0.8), r"record must have an embedding, got seeds \[1\]"),
        (lambda: ablation.display_plane(torch.zeros(4), torch.zeros(4, 2)), r"z must have shape \(N, D\)"),
        (lambda: ablation.display_plane(torch.zeros(4, 3), torch.zeros(5, 2)), r"positions must have shape \(4, 2\)"),
        (lambda: ablation.display_plane(torch.zeros(4, 1), torch.zeros(4, 2)), "dimensions must be at least 2, got 1"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_plane_finds_a_hidden_room_and_turns_it_upright():
    generator = torch.Generator().manual_seed(0)
    cells = torch.cartesian_prod(torch.arange(5), torch.arange(4))
    hidden = torch.linalg.qr(torch.randn(6, 6, generator=generator)).Q[:2]
    z = cells.float() @ hidden + 3.0 + 1e-3 * torch.randn(20, 6, generator=generator)
    centre, basis, share = ablation.display_plane(z, cells)
    assert torch.allclose((z - centre) @ basis, cells - cells.float().mean(dim=0), atol=0.01)
    assert torch.allclose(basis.T @ basis, torch.eye(2), atol=1e-5)
    assert share > 0.999


def test_turning_the_plane_changes_no_distance_in_it():
    z = torch.randn(36, 8, generator=torch.Generator().manual_seed(1))
    cells = torch.cartesian_prod(torch.arange(6), torch.arange(6))
    centre, basis, share = ablation.display_plane(z, cells)
    _, spectrum, directions = torch.linalg.svd(z - z.mean(dim=0), full_matrices=False)
    assert torch.allclose(torch.pdist((z - centre) @ basis), torch.pdist((z - centre) @ directions[:2].T), atol=1e-5)
    assert share == pytest.approx(float(spectrum[:2].square().sum() / spectrum.square().sum()))


def test_a_combination_is_trained_as_one_by_one_and_kept_at_every_checkpoint():
    world, few = load_gridworld(TINY.env), TINY.training
    models, kept = ablation.train(world, TINY, few.temperature, few.gamma, [3, 0])
    assert kept.shape == (2, 3, world.num_states, few.latent)
    for seed, model, latents in zip((3, 0), models, kept, strict=True):
        assert torch.equal(latents[-1], diagnosis.latents(model, world))
        alone = train_contrastive(world, few, seed)
        assert torch.allclose(latents[-1], diagnosis.latents(alone, world), atol=1e-4)


def test_a_seed_gives_the_same_whatever_is_trained_beside_it():
    together = ablation.STUDY.run_seeds(TINY, [2, 0])
    assert together[2] == ablation.STUDY.run(TINY, 2) and set(together) == {0, 2}


def test_one_seed_has_pictures_and_they_have_their_own_key():
    result = reproduce.reproduce("ablation", [1, 0], TINY)
    assert set(result["metrics"]) == set(ablation.METRICS) and result["embedding"]["seed"] == 0
    assert len(result["embedding"]["runs"]) == len(ablation.TEMPERATURES) * len(ablation.GAMMAS)
    pictures, correlations = ablation.embedding(result, 0.1, 0.8)
    assert pictures.shape == (3, load_gridworld(TINY.env).num_states, 2) and len(correlations) == 3
    assert "embedding" not in reproduce.summarise("ablation", TINY, {1: dict.fromkeys(ablation.METRICS, 0.5)}, 0.0)


# ------------------------------------------------------------- the record


@pytest.fixture(scope="module")
def record():
    return records.load("ablation")


def test_recorded_pictures_lie_like_the_room_and_end_at_the_recorded_metric(record):
    world = load_gridworld(record["config"]["env"])
    seed = record["seeds"].index(record["embedding"]["seed"])
    for temperature in ablation.TEMPERATURES:
        for gamma in ablation.GAMMAS:
            name = ablation.label(temperature, gamma)
            pictures, correlations = ablation.embedding(record, temperature, gamma)
            assert pictures.shape == (8, world.num_states, 2) and len(correlations) == 8
            assert float(pictures.abs().max()) <= 2.0, name
            assert bool((pictures[-1, world.start] < 0).all()) and bool((pictures[-1, world.goals] > 0).all()), name
            values = record["metrics"][f"metric_correlation_{name}"]["values"]
            assert correlations[-1] == pytest.approx(values[seed], abs=1e-4), name


@pytest.mark.parametrize(("temperature", "gamma"), [(0.05, 0.0), (0.1, 0.8), (1.0, 0.95)])
def test_the_beginning_of_a_recorded_training_run_again(record, temperature, gamma):
    # The step size falls over the second half only: 100 of 200 updates are the first 100 of 2000.
    config = ablation.Config(training=Contrastive(updates=200), checkpoints=(0, 25, 50, 100, 200))
    world = load_gridworld(config.env)
    _, (kept,) = ablation.train(world, config, temperature, gamma, [record["embedding"]["seed"]])
    fresh = [diagnosis.metric_correlation(z, geodesic_distances(world)) for z in kept[:4]]
    assert fresh == pytest.approx(ablation.embedding(record, temperature, gamma)[1][:4], abs=0.02)
