"""Experiment 3: what it promises of its models, and a part of its record run again."""

import math
from dataclasses import replace

import pytest
import recorded_trainings
import torch
from test_recorded_trainings import require_beginning

from helm_study import records
from helm_study.fast.baselines import train_latent_prediction, untrained
from helm_study.flat import completed, flat
from helm_study.play import from_own_start, gradient_planner, learned_rollout_jacobian, play
from helm_study.stability import stability_alone
from helm_study.stability.stability_alone import METRICS, MODELS, Config, decoding_accuracy, distance_variation
from helm_tutorial import diagnosis
from helm_tutorial.worlds.gridworld import geodesic_distances, load_gridworld


@pytest.fixture(scope="module")
def recorded():
    return records.load("exp3")


def test_a_quick_run_gives_a_value_for_every_metric():
    config = Config.quick("MiniGrid-Empty-5x5-v0")
    few = {"walks": 50, "updates": 5}
    config = replace(
        config,
        reconstruction=replace(config.reconstruction, walks=50, autoencoder_updates=5, dynamics_updates=5),
        latent_prediction=replace(config.latent_prediction, **few),
        variance_covariance=replace(config.variance_covariance, **few),
    )
    values = stability_alone.STUDY.run(config, 0)
    walks = values.pop("walks")
    assert {room: list(by_horizon) for room, by_horizon in walks.items()} == {
        "tame_exact": ["3", "5", "12"],
        "larger_room": ["12"],
    }
    assert list(values) == list(METRICS)
    for name, value in values.items():
        assert math.isfinite(value) or name.startswith(("path_ratio", "metric_correlation")), name
        if METRICS[name].unit == "fraction":
            assert 0.0 <= value <= 1.0, name


@pytest.mark.parametrize(("name", "wrong"), [("spectral_weight", 0.0), ("variants_stride", 0)])
def test_settings_out_of_range_are_refused(name, wrong):
    with pytest.raises(ValueError, match=name):
        Config(**{name: wrong})


def test_equidistant_latents_vary_by_nothing_and_random_ones_as_their_dimension_says():
    assert distance_variation(torch.eye(20)) == pytest.approx(0.0, abs=1e-6)
    line = torch.tensor([[0.0], [1.0], [3.0]])  # distances 1, 2, 3
    assert distance_variation(line) == pytest.approx((2 / 3) ** 0.5 / 2)
    assert math.isnan(distance_variation(torch.zeros(4, 2)))
    random = torch.randn(600, 32, generator=torch.Generator().manual_seed(0))
    assert distance_variation(random) == pytest.approx(64**-0.5, rel=0.05)


def test_free_latents_shrink_by_four_times_the_loss_and_a_stop_gradient_keeps_their_gram_matrix():
    """The two identities of the chapter, in float64: Euler's, and the normal equation's."""
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(12, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    successors = torch.eye(12, dtype=torch.float64)[torch.randperm(12, generator=generator)]
    best = torch.linalg.lstsq(z.detach(), (successors @ z).detach()).solution
    for dynamics in (best, torch.randn(3, 3, generator=generator, dtype=torch.float64)):
        loss = (z @ dynamics - successors @ z).square().sum()
        (gradient,) = torch.autograd.grad(loss, z)
        assert float(-2 * (z * gradient).sum().detach()) == pytest.approx(-4 * float(loss.detach()))
    stopped = (z @ best - (successors @ z).detach()).square().sum()
    (gradient,) = torch.autograd.grad(stopped, z)
    gram = -(gradient.T @ z + z.T @ gradient)
    assert float(stopped.detach()) > 1.0 and float(gram.detach().abs().max()) < 1e-10


def test_collapse_is_measured_and_depends_on_the_stop_gradient_and_the_view():
    config = Config()
    worlds = {view: load_gridworld(config.env, observation=view) for view in ("cells", "profiles")}
    few = replace(config.latent_prediction, updates=300)

    def measured(view, stop):
        world = worlds[view]
        model = train_latent_prediction(world, replace(few, stop_gradient=stop), 0)
        before = diagnosis.spread(diagnosis.latents(untrained(world, few, 0), world))
        accuracy = diagnosis.prediction_accuracy(model, world)
        return diagnosis.spread(diagnosis.latents(model, world)) / before, accuracy

    spread, accuracy = measured("profiles", True)
    assert spread > 0.3 and accuracy > 0.95
    spread, accuracy = measured("profiles", False)
    assert spread < 0.03 and accuracy < 0.3
    spread, accuracy = measured("cells", True)
    assert spread < 0.2 and accuracy < 0.3


@pytest.mark.whole
def test_a_part_of_the_record_run_again(recorded):
    config = Config()
    seed = recorded["seeds"][0]
    assert seed == recorded_trainings.SEED
    assert completed(recorded["config"]) == flat(config)
    name = "reconstruction_spectral_profiles"
    assert MODELS[name].spectral and MODELS[name].view == "profiles"
    world, model, losses = recorded_trainings.trained("exp3")
    require_beginning("exp3", losses)
    z = diagnosis.latents(model, world)
    fresh = {
        "decoding_accuracy": decoding_accuracy(model, world),
        "prediction_accuracy": diagnosis.prediction_accuracy(model, world),
        "metric_correlation": diagnosis.metric_correlation(z, geodesic_distances(world)),
        "distance_variation": distance_variation(z),
    }
    for measure, value in fresh.items():
        assert value == pytest.approx(recorded["metrics"][f"{measure}_{name}"]["values"][0], abs=0.02), measure
    jacobian = learned_rollout_jacobian(world, model, 25, seed)
    assert jacobian == pytest.approx(recorded["metrics"][f"rollout_jacobian_{name}_T25"]["values"][0], rel=0.3)
    assert name == stability_alone.TAME_EXACT
    planning = replace(config.planning, horizon=3)
    episodes = play(world, model, gradient_planner(planning), planning, seed, starts=[world.start])
    ends = recorded["metrics"]["final_distance_start_tame_exact_T3"]["values"][0]
    assert from_own_start(world, episodes) == (False, pytest.approx(ends))


@pytest.mark.parametrize("observation", ["cells", "profiles"])
def test_decoding_accuracy_rounds_to_the_next_states_counts(observation):
    room = load_gridworld("MiniGrid-Empty-5x5-v0", observation=observation)

    class Table:
        """A perfect model that looks states up, and decodes them with an error."""

        num_actions = 3

        def __init__(self, error: float = 0.0):
            self.error = error

        def encode(self, features):
            return torch.eye(room.num_states)[torch.cdist(features, room.features).argmin(dim=1)]

        def __call__(self, z, a):
            return torch.eye(room.num_states)[room.transitions[z.argmax(1), a.argmax(1)]]

        def decode(self, z):
            return z @ room.features + self.error * room.view.scale

    for error, accuracy in ((0.0, 1.0), (0.45, 1.0), (-0.45, 1.0), (0.55, 0.0), (-0.55, 0.0)):
        assert decoding_accuracy(Table(error), room) == accuracy
