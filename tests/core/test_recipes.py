"""The plain recipes: what each does to the latents, on any world and any device, and the step that saves work."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from helm_tutorial import diagnosis
from helm_tutorial.models import baselines, contrastive
from helm_tutorial.models.baselines import train_latent_prediction, train_reconstruction, train_variance_covariance
from helm_tutorial.models.batches import encode_once
from helm_tutorial.models.contrastive import train_contrastive
from helm_tutorial.models.regularity import FORMS
from helm_tutorial.models.settings import Contrastive, LatentPrediction, Reconstruction, VarianceCovariance
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.worlds.gridworld import geodesic_distances, load_gridworld
from helm_tutorial.worlds.walks import Walks

SIZES = {"walks": 200, "walk_length": 20, "batch": 256, "hidden": 64}
FEW = {"walks": 50, "walk_length": 30, "batch": 32, "hidden": 16}
PLAIN = Contrastive(**FEW, updates=5)
RECIPES = {
    "contrastive": (train_contrastive, PLAIN),
    "directed": (train_contrastive, replace(PLAIN.directed(), walks=50, walk_length=30)),
    "few negatives": (train_contrastive, replace(PLAIN, negatives=5)),
    "off the sphere": (train_contrastive, replace(PLAIN, sphere=False)),
    **{form: (train_contrastive, replace(PLAIN, spectral_weight=0.1, spectral_form=form)) for form in FORMS},
    "reconstruction": (
        train_reconstruction,
        Reconstruction(**FEW, autoencoder_updates=5, dynamics_updates=4, spectral_weight=0.1),
    ),
    "latent prediction": (train_latent_prediction, LatentPrediction(**FEW, updates=5)),
    "no stop": (train_latent_prediction, LatentPrediction(**FEW, updates=5, stop_gradient=False)),
    "variance": (train_variance_covariance, VarianceCovariance(**FEW, updates=5)),
}


@pytest.fixture(scope="module")
def room():
    return load_gridworld("MiniGrid-Empty-5x5-v0", observation="profiles")


def trained(name, world, seed=0):
    train, settings = RECIPES[name]
    return train(world, settings, seed)


def everything(model: WorldModel) -> torch.Tensor:
    return torch.cat([value.flatten() for value in model.state_dict().values()])


def test_each_recipe_repeats_with_its_seed_and_is_its_own(room):
    models = {name: everything(trained(name, room, 3)) for name in RECIPES}
    for name in RECIPES:
        torch.rand(3)  # torch's own generator is not asked
        assert torch.equal(everything(trained(name, room, 3)), models[name]), name
        assert not torch.equal(everything(trained(name, room, 4)), models[name]), name
    assert len({tuple(model.tolist()) for model in models.values()}) == len(models)


class _Enough(Exception):
    """The last loss and its gradient are done."""


@pytest.mark.parametrize("name", RECIPES)
def test_a_training_lives_on_one_device(room, monkeypatch, name):
    """On "meta", tensors have a shape and a device but no values, and an operation that mixes devices fails."""
    train, settings = RECIPES[name]
    stages = 2 if train is train_reconstruction else 1

    def fit(parameters, loss, **_options):
        nonlocal stages
        value = loss()
        value.backward()
        gradients = [p.grad for p in parameters.parameters() if p.grad is not None]
        assert gradients and {tensor.device.type for tensor in (value, *gradients)} == {"meta"}
        stages -= 1
        if not stages:
            raise _Enough

    for module in (contrastive, baselines):
        monkeypatch.setattr(module, "fit", fit)
    with pytest.raises(_Enough):
        train(room, settings, 0, device="meta")


def test_a_model_comes_back_to_the_cpu_ready_to_be_used(room):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for train, settings in RECIPES.values():
        model = train(room, settings, 0, device=device)
        assert not model.training and everything(model).device.type == "cpu"


def test_latents_are_the_same_and_each_state_is_encoded_once(room):
    model = WorldModel(room.features.shape[1], 3, latent=4, hidden=8, generator=torch.Generator().manual_seed(0))
    seen = []

    def encode(x):
        seen.append(len(x))
        return model.encode(x)

    draws = torch.Generator().manual_seed(1)
    parts = torch.randint(9, (40,), generator=draws), torch.randint(9, (3, 4), generator=draws)
    latents = encode_once(encode, room.features, *parts)
    assert seen == [len(torch.cat([part.flatten() for part in parts]).unique())]
    for z, part in zip(latents, parts, strict=True):
        assert z.shape == (*part.shape, 4)
        assert torch.allclose(z, model.encode(room.features[part]), atol=1e-6)


def test_every_recipe_trains_for_as_long_as_its_walks_ask():
    world = load_gridworld("MiniGrid-SimpleCrossingS9N2-v0", observation="profiles")
    sizes = {"walks": 400, "walk_length": 50, "hidden": 8, "batch": 32}
    stages = {  # more than 144 distinct observations, fewer than 216
        train_contrastive: (Contrastive(**sizes, updates=2), 3),
        train_latent_prediction: (LatentPrediction(**sizes, updates=2), 3),
        train_variance_covariance: (VarianceCovariance(**sizes, updates=2), 3),
        train_reconstruction: (Reconstruction(**sizes, autoencoder_updates=2, dynamics_updates=1), 3 + 2),
    }
    for train, (settings, steps) in stages.items():

        class Heard(list):  # empty at first, and so false
            def __call__(self, step: int, total: int, loss: float) -> None:
                self.append((step, total))

        heard = Heard()
        train(world, settings, 0, progress=heard)
        assert heard == [(step, steps) for step in range(1, steps + 1)]


def test_a_world_of_ones_own_is_any_that_can_be_walked_in():
    """A ring of nine places, seen by an encoder of one's own, in float64; then the same walks themselves."""

    class Ring:
        def random_walks(self, count: int, length: int, *, generator: torch.Generator) -> Walks:
            actions = torch.randint(2, (count, length), generator=generator)
            start = torch.randint(9, (count, 1), generator=generator)
            places = torch.cat([start, start + (2 * actions - 1).cumsum(dim=1)], dim=1) % 9
            seen = torch.eye(9, dtype=torch.float64).view(9, 3, 3)[places]
            return Walks.from_observations(seen, actions, num_actions=2)

    encoder = nn.Sequential(nn.Flatten(), nn.Linear(9, 32))
    before = encoder[1].weight.clone()
    settings = Contrastive(walks=300, walk_length=30, updates=200, batch=128, hidden=64)
    walks = Ring().random_walks(300, 30, generator=torch.Generator().manual_seed(0))
    for world in (Ring(), walks):
        model = train_contrastive(world, settings, encoder=encoder)
        assert torch.equal(encoder[1].weight, before)  # a copy was trained
        z = model.encode(torch.eye(9, dtype=torch.float64).view(9, 3, 3))
        assert z.dtype == torch.float64
        apart = torch.cdist(z, z)[0]
        assert apart[1] < apart[2] < apart[4] and apart[8] < apart[7] < apart[5]


def test_latents_have_length_one_on_the_sphere_and_any_off_it(room):
    model = trained("directed", room)
    for z in (diagnosis.latents(model, room), diagnosis.goal_latents(model, room)):
        assert torch.allclose(z.norm(dim=1), torch.ones(room.num_states), atol=1e-5)
    lengths = diagnosis.latents(trained("off the sphere", room), room).norm(dim=1)
    assert float(lengths.std()) > 0.01 * float(lengths.mean())


def test_what_each_baseline_does_to_the_latents(room):
    start = diagnosis.spread(
        diagnosis.latents(train_latent_prediction(room, LatentPrediction(**SIZES, updates=1)), room)
    )
    collapsed = train_latent_prediction(room, LatentPrediction(**SIZES, updates=300, stop_gradient=False))
    assert diagnosis.spread(diagnosis.latents(collapsed, room)) < 0.02 * start
    assert diagnosis.prediction_accuracy(collapsed, room) < 0.3  # nothing is left to tell states apart by

    varied = train_variance_covariance(room, VarianceCovariance(**SIZES, updates=300))
    z = diagnosis.latents(varied, room)
    assert diagnosis.spread(z) > 2 * start
    assert float(z.std(dim=0).min()) > 0.4 and diagnosis.effective_rank(z) > 0.5 * z.shape[1]
    assert diagnosis.prediction_accuracy(varied, room) > 0.95

    exact = train_reconstruction(room, Reconstruction(**SIZES, autoencoder_updates=500, dynamics_updates=300))
    z = diagnosis.latents(exact, room)
    assert torch.allclose(z.std(dim=0), torch.ones(z.shape[1]), atol=0.1)
    decoded, true = (room.view.restore(x).round() for x in (exact.decode(z), room.features))
    assert float((decoded == true).all(dim=1).float().mean()) > 0.9
    assert diagnosis.prediction_accuracy(exact, room) > 0.9


def test_without_their_weights_variance_and_covariance_do_nothing(room):
    weightless = VarianceCovariance(**FEW, updates=5, variance_weight=0.0, covariance_weight=0.0)
    varied, plain = train_variance_covariance(room, weightless), trained("no stop", room)
    assert torch.allclose(everything(varied), everything(plain), atol=1e-6)
    for name in ("variance_weight", "covariance_weight"):
        other = train_variance_covariance(room, replace(weightless, **{name: 1.0}))
        assert not torch.allclose(everything(other), everything(plain), atol=1e-4)


def test_directed_training_passes_what_any_symmetric_distance_can_reach(room):
    """So few updates order the distances; the dynamics take three times as many to predict well."""
    geodesic = geodesic_distances(room)
    bound = diagnosis.symmetric_bound(geodesic)
    settings = replace(Contrastive(updates=200, hidden=64, batch=256).directed(), walks=200, walk_length=50)
    model = train_contrastive(room, settings)
    z, y = diagnosis.latents(model, room), diagnosis.goal_latents(model, room)
    assert diagnosis.metric_correlation(z, geodesic, goals=y) > bound + 0.02
    for alone in (z, y):  # either encoder alone is a symmetric distance
        assert diagnosis.metric_correlation(alone, geodesic) <= bound
