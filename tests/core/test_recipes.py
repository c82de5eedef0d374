"""Recipes and baselines beyond the defaults: settings, data, and what each training does to the latents."""

from dataclasses import fields, replace

import pytest
import torch

from helm_tutorial import diagnosis
from helm_tutorial.models.baselines import (
    train_latent_prediction,
    train_reconstruction,
    train_variance_covariance,
    untrained,
)
from helm_tutorial.models.batches import Data, encoded, one_step
from helm_tutorial.models.contrastive import Training, as_printed, directed, positives_gamma, train_contrastive
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.worlds.gridworld import geodesic_distances, load_gridworld

SMALL = Training(walks=200, walk_length=20, updates=300, batch=256, hidden=64)
FEW = replace(SMALL, updates=5, autoencoder_updates=5, dynamics_updates=5, batch=32)


@pytest.fixture(scope="module")
def room():
    return load_gridworld("MiniGrid-Empty-5x5-v0", observation="profiles")


def few_directed() -> Training:
    return replace(directed(FEW), walks=50, walk_length=30)


# ---------------------------------------------------------------- settings


def changed(one: Training, other: Training) -> dict:
    return {f.name: getattr(other, f.name) for f in fields(Training) if getattr(one, f.name) != getattr(other, f.name)}


def test_as_printed_undoes_every_change_to_the_loss_and_none_to_the_data():
    assert changed(Training(), as_printed(Training())) == {"gamma": 0.0}
    data = {"walks": 5000, "walk_length": 200}
    assert changed(as_printed(Training()), as_printed(directed(Training()))) == data
    assert as_printed(replace(SMALL, spectral_weight=0.1)).spectral_weight == 0.1


def test_directed_says_what_it_changes_and_keeps_the_rest():
    assert changed(SMALL, directed(SMALL)) == {
        "walks": 5000,
        "walk_length": 200,
        "gamma": None,
        "similarity": "distance",
        "both_ways": True,
        "goal_encoder": True,
        "rescale": True,
        "prediction_steps": 4,
        "prediction_weight": 2.0,
    }
    assert directed(directed(SMALL)) == directed(SMALL)


def test_positives_are_as_far_ahead_as_the_world_is_wide():
    assert positives_gamma(Training(), 144) == 0.8
    mean_steps = {n: 1 / (1 - positives_gamma(Training(gamma=None), n)) for n in (36, 144, 1040)}
    assert mean_steps == pytest.approx({36: 5.0, 144: 10.0, 1040: 26.87}, abs=0.01)
    assert positives_gamma(Training(gamma=None), 1) == 0.0


@pytest.mark.parametrize(
    ("options", "error", "named"),
    [
        ({"similarity": "angle"}, ValueError, "similarity must be one of 'distance', 'cosine', got 'angle'"),
        ({"gamma": 1.0}, ValueError, "gamma must be finite and at least 0.0 and at most 0.999, got 1.0"),
        ({"prediction_steps": 0}, ValueError, "prediction_steps must be at least 1, got 0"),
        ({"prediction_steps": 1.5}, TypeError, "prediction_steps must be an integer, got 1.5"),
        ({"prediction_steps": 4, "walk_length": 3}, ValueError, "walk_length must be at least 4, got 3"),
        ({"prediction_steps": 4, "batch": 3}, ValueError, "batch must be at least 4, got 3"),
        ({"batch": 1}, ValueError, "batch must be at least 2, got 1"),
        ({"temperature": 0.0}, ValueError, "temperature must be finite and greater than 0.0, got 0.0"),
        ({"prediction_weight": -1.0}, ValueError, "prediction_weight must be finite and at least 0.0, got -1.0"),
        ({"variance_weight": float("nan")}, ValueError, "variance_weight must be finite and at least 0.0, got nan"),
        ({"covariance_weight": "1"}, TypeError, "covariance_weight must be a number, got '1'"),
    ],
)
def test_bad_options_are_refused_by_name(options, error, named):
    with pytest.raises(error, match=named):
        Training(**options)


# ---------------------------------------------------------------- data


def test_updates_grow_with_the_number_of_distinct_observations(room):
    data = Data(room, SMALL, 0)
    assert data.observations == room.num_states == 36
    expected = {1: 2000, 36: 2000, 144: 2000, 145: 2014, 288: 4000, 1040: 14445}
    for observations in expected:
        data.observations = observations
        assert data.steps(2000) == expected[observations]
    assert data.steps(1) == 8


def test_every_recipe_trains_for_as_long_as_its_data_asks():
    world = load_gridworld("MiniGrid-SimpleCrossingS9N2-v0", observation="profiles")
    config = replace(FEW, walks=400, walk_length=50, updates=2, autoencoder_updates=2, dynamics_updates=1, hidden=8)
    data = Data(world, config, 0)
    assert data.observations > 144
    two, one = data.steps(2), data.steps(1)
    assert (two, one) == (3, 2)
    stages = {
        train_contrastive: two,
        train_latent_prediction: two,
        train_variance_covariance: two,
        train_reconstruction: two + one,
    }
    for train, steps in stages.items():
        heard = []
        train(world, config, 0, progress=lambda step, total, loss, heard=heard: heard.append((step, total)))
        assert heard[-1] == (steps, steps)


def test_windows_are_pieces_of_walks_from_end_to_end(room):
    data = Data(room, replace(SMALL, walks=3, walk_length=6), 0)
    pieces = {tuple(walk[t : t + 5].tolist()) for walk in data.states for t in range(3)}
    states, actions = data.windows(400, 4)
    assert states.shape == (400, 5) and actions.shape == (400, 4)
    assert {tuple(piece.tolist()) for piece in states} == pieces  # all of them, the last included
    assert torch.equal(room.transitions[states[:, :-1], actions], states[:, 1:])


def test_latents_are_the_same_whether_all_states_are_encoded_or_those_asked_for(room):
    model = WorldModel(room.features.shape[1], 3, latent=4, hidden=8, generator=torch.Generator().manual_seed(0))
    rows = []

    def encode(x):
        rows.append(len(x))
        return model.encode(x)

    draws = torch.Generator().manual_seed(1)
    parts = (
        torch.randint(room.num_states, (7,), generator=draws),
        torch.randint(room.num_states, (3, 4), generator=draws),
    )
    gradients = []
    for more in ((), (torch.arange(room.num_states - 19),), (torch.arange(room.num_states),)):
        model.zero_grad()
        got = encoded(encode, room, *parts, *more)
        z, *which = got
        for place, part in zip(which, (*parts, *more), strict=True):
            assert place.shape == part.shape
            assert torch.allclose(z[place], model.encode(room.features[part]), atol=1e-6)
        sum(z[place].square().sum() for place in which[:2]).backward()
        gradients.append(model.encoder[0].weight.grad.clone())
    assert rows == [19, room.num_states, room.num_states]
    assert torch.allclose(gradients[0], gradients[1], rtol=1e-4, atol=1e-5)
    # Without rounding they are equal, not only close.
    few, many = (encoded(lambda x: x[:, :5], room, *parts, *more) for more in ((), (torch.arange(room.num_states),)))
    assert all(torch.equal(few[0][one], many[0][other]) for one, other in zip(few[1:3], many[1:3], strict=True))


@pytest.mark.parametrize("options", [{}, {"sphere": True}, {"sphere": True, "tangent": True}, {"rescale": True}])
def test_one_step_is_the_models_whether_successors_are_looked_up_or_each_sample_is_stepped(room, options):
    draws = torch.Generator().manual_seed(0)
    model = WorldModel(room.features.shape[1], 3, latent=4, hidden=8, generator=draws, **options).double()
    z = model.encode(room.features.double()).detach().requires_grad_(True)
    gradients = []
    for samples in (room.num_states - 1, room.num_states + 5):
        rows = torch.randint(10, (samples,), generator=draws)
        actions = torch.randint(3, (samples,), generator=draws)
        got = one_step(model, z, rows, actions)
        stepped = model(z[rows], torch.eye(3, dtype=torch.float64)[actions])
        assert torch.allclose(got, stepped, atol=1e-12)
        for way in (got, stepped):
            gradients.append(torch.autograd.grad(way.sin().sum(), z, retain_graph=True)[0])
        assert torch.allclose(gradients[-2], gradients[-1], atol=1e-10)


def test_the_loss_of_counted_pairs_trains_the_model_that_the_loss_of_samples_trains(room):
    """``negatives`` of all others is no restriction, but the loss then goes sample by sample."""
    config = replace(SMALL, updates=20)
    counted = train_contrastive(room, config, 0)
    sampled = train_contrastive(room, replace(config, negatives=config.batch - 1), 0)
    assert room.num_states <= config.batch
    for one, other in zip(counted.parameters(), sampled.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-4)


# ---------------------------------------------------------------- trainings


def everything(model: WorldModel) -> torch.Tensor:
    return torch.cat([value.flatten() for value in model.state_dict().values()])


TRAININGS = {
    "directed": lambda world, seed: train_contrastive(world, few_directed(), seed),
    "printed": lambda world, seed: train_contrastive(world, as_printed(FEW), seed),
    "both ways": lambda world, seed: train_contrastive(world, replace(FEW, both_ways=True), seed),
    "variance": lambda world, seed: train_variance_covariance(world, FEW, seed),
    "spectral": lambda world, seed: train_variance_covariance(world, replace(FEW, spectral_weight=0.1), seed),
    "no stop": lambda world, seed: train_latent_prediction(world, FEW, seed, stop_gradient=False),
    "untrained": lambda world, seed: untrained(world, FEW, seed),
}


def test_each_training_repeats_with_its_seed_and_is_its_own(room):
    models = {name: everything(train(room, 3)) for name, train in TRAININGS.items()}
    for name, train in TRAININGS.items():
        torch.rand(3)  # torch's own generator is not asked
        assert torch.equal(everything(train(room, 3)), models[name]), name
        assert not torch.equal(everything(train(room, 4)), models[name]), name
    seen = [tuple(model.tolist()) for model in models.values()]
    assert len(set(seen)) == len(seen)


def test_every_view_can_be_trained_on_and_only_pictures_cannot_be_reconstructed():
    for observation in ("cells", "profiles", "pixels"):
        world = load_gridworld("MiniGrid-Empty-5x5-v0", observation=observation)
        model = train_contrastive(world, few_directed(), 0)
        assert model.options["goal_encoder"] and model.options["rescale"] and model.options["sphere"]
        assert not model.training
        for z in (diagnosis.latents(model, world), diagnosis.goal_latents(model, world)):
            assert torch.allclose(z.norm(dim=1), torch.ones(world.num_states), atol=1e-5)
        train_variance_covariance(world, FEW, 0)
    with pytest.raises(ValueError, match="decoder must be False for pictures"):
        train_reconstruction(world, FEW, 0)


@pytest.mark.parametrize("seed", [0, 1])
def test_without_a_stop_gradient_latents_collapse_and_variance_keeps_them_apart(room, seed):
    start = diagnosis.spread(diagnosis.latents(untrained(room, SMALL, seed), room))
    collapsed = train_latent_prediction(room, SMALL, seed, stop_gradient=False)
    varied = train_variance_covariance(room, SMALL, seed)
    assert diagnosis.spread(diagnosis.latents(collapsed, room)) < 0.02 * start
    assert diagnosis.prediction_accuracy(collapsed, room) < 0.3  # nothing is left to tell states apart by
    z = diagnosis.latents(varied, room)
    assert diagnosis.spread(z) > 2 * start
    assert float(z.std(dim=0).min()) > 0.4 and diagnosis.effective_rank(z) > 0.5 * SMALL.latent
    assert diagnosis.prediction_accuracy(varied, room) > 0.95


def test_without_their_weights_variance_and_covariance_do_nothing(room):
    weightless = replace(FEW, variance_weight=0.0, covariance_weight=0.0)
    varied = train_variance_covariance(room, weightless, 0)
    plain = train_latent_prediction(room, FEW, 0, stop_gradient=False)
    assert torch.allclose(everything(varied), everything(plain), atol=1e-6)
    for name in ("variance_weight", "covariance_weight"):
        other = train_variance_covariance(room, replace(weightless, **{name: 1.0}), 0)
        assert not torch.allclose(everything(other), everything(plain), atol=1e-4)


@pytest.mark.parametrize("seed", [0, 1])
def test_directed_training_passes_what_any_symmetric_distance_can_reach(room, seed):
    """So few updates order the distances; the dynamics take three times as many to predict well."""
    geodesic = geodesic_distances(room)
    bound = diagnosis.symmetric_bound(geodesic)
    config = replace(directed(Training()), walks=200, walk_length=50, updates=200, hidden=64, batch=256)
    model = train_contrastive(room, config, seed)
    z, y = diagnosis.latents(model, room), diagnosis.goal_latents(model, room)
    assert diagnosis.metric_correlation(z, geodesic, goals=y) > bound + 0.02
    for alone in (z, y):  # either encoder alone is a symmetric distance
        assert diagnosis.metric_correlation(alone, geodesic) <= bound


def test_off_the_sphere_latents_have_any_length_and_cosines_are_still_compared(room):
    model = train_contrastive(room, replace(FEW, sphere=False), 0)
    lengths = diagnosis.latents(model, room).norm(dim=1)
    assert float(lengths.std()) > 0.01 * float(lengths.mean())
    on = diagnosis.latents(train_contrastive(room, FEW, 0), room).norm(dim=1)
    assert torch.allclose(on, torch.ones_like(on), atol=1e-5)
