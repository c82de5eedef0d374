"""Maps of latent distance: measured as the planner measures, kept as the record reads them, the record run again."""

import pytest
import torch

from helm_study import records, reproduce
from helm_study.contrastive import latent_map
from helm_tutorial import diagnosis
from helm_tutorial.models.settings import Contrastive, LatentPrediction, Reconstruction
from helm_tutorial.worlds.gridworld import geodesic_distances, goal_distances, load_gridworld

FEW = {"walks": 20, "walk_length": 10, "batch": 16, "hidden": 16, "latent": 4}
TINY = latent_map.Config(
    env="MiniGrid-Empty-5x5-v0",
    reconstruction=Reconstruction(**FEW, autoencoder_updates=4, dynamics_updates=1),
    latent_prediction=LatentPrediction(**FEW, updates=4),
    contrastive=Contrastive(**FEW, updates=4),
    map_seed=1,
)


@pytest.fixture(scope="module")
def room():
    return load_gridworld(TINY.env)


@pytest.fixture(scope="module")
def record():
    return records.load("maps")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: latent_map.Config(map_seed=-1), "map_seed must be at least 0, got -1"),
        (lambda: latent_map.distances({}, "hinge"), "objective must be one of 'untrained', .* got 'hinge'"),
        (lambda: latent_map.distances({"seeds": [3]}, "untrained"), r"record must have maps, got seeds \[3\] and none"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_pairs_of_another_world_are_refused(room):
    with pytest.raises(ValueError, match=r"pairs must have shape \(36, 36\)"):
        latent_map.to_cells(torch.zeros(4, 4), room)


def test_distance_to_a_cell_is_what_planner_and_world_say(room):
    goal = latent_map.cells(room).tolist().index(room.positions[room.goals[0]].tolist())
    z = torch.randn(room.num_states, 3, generator=torch.Generator().manual_seed(0))
    latent = latent_map.to_cells(diagnosis.latent_distances(z, z), room)
    assert latent.shape == (9, room.num_states)
    assert torch.equal(latent[goal], diagnosis.goal_latent_distances(z, room))
    geodesic = geodesic_distances(room)
    assert torch.equal(latent_map.to_cells(geodesic, room)[goal], goal_distances(room))
    towards = latent_map.goal_by_goal(z, room, geodesic)
    assert towards["greedy_accuracy"][goal] == diagnosis.greedy_accuracy(z, room, goal_distances(room))
    assert towards["descent_share"][goal] == diagnosis.descent_share(z, room)


def test_a_perfect_metric_is_perfect_towards_every_cell(room, monkeypatch):
    geodesic = geodesic_distances(room)
    monkeypatch.setattr(diagnosis, "latent_distances", lambda x, y: geodesic[: len(x), y[:, 0].long()])
    states = torch.arange(room.num_states, dtype=torch.float32)[:, None]
    towards = latent_map.goal_by_goal(states, room, geodesic)
    for measure in ("rank_correlation", "descent_share", "greedy_accuracy"):
        assert towards[measure] == pytest.approx([1.0] * 9), measure


def test_one_seed_has_maps_and_they_have_their_own_key(room):
    result = reproduce.reproduce("maps", [0, 1], TINY)
    assert set(result["metrics"]) == set(latent_map.METRICS)
    assert result["maps"]["seed"] == 1 and list(result["maps"]["objectives"]) == list(latent_map.OBJECTIVES)
    z = diagnosis.latents(latent_map.OBJECTIVES["contrastive"](room, TINY, 1), room)
    table = latent_map.to_cells(diagnosis.latent_distances(z, z), room)
    kept = latent_map.distances(result, "contrastive")
    assert torch.allclose(kept, table, atol=float(table.max()) / latent_map.SCALE)
    assert "maps" not in reproduce.reproduce("maps", [0], TINY)


# ------------------------------------------------------------- the record


def test_the_untrained_maps_run_again(record):
    world, kept = load_gridworld(record["config"]["env"]), record["maps"]["objectives"]["untrained"]
    geodesic = geodesic_distances(world)
    for seed, recorded in zip(
        record["seeds"], record["metrics"]["metric_correlation_untrained"]["values"], strict=True
    ):
        z = diagnosis.latents(latent_map.OBJECTIVES["untrained"](world, latent_map.Config(), seed), world)
        assert diagnosis.metric_correlation(z, geodesic) == pytest.approx(recorded, abs=0.01)
        if seed == record["maps"]["seed"]:
            table = latent_map.to_cells(diagnosis.latent_distances(z, z), world)
            assert torch.allclose(latent_map.distances(record, "untrained"), table, atol=2e-4 * kept["largest"])
            for measure, values in latent_map.goal_by_goal(z, world, geodesic).items():
                assert values == pytest.approx(kept[measure], abs=0.01), measure


@pytest.mark.parametrize("name", latent_map.OBJECTIVES)
def test_recorded_maps_give_the_recorded_numbers(record, name):
    world, kept = load_gridworld(record["config"]["env"]), record["maps"]["objectives"][name]
    table = latent_map.distances(record, name)
    assert record["maps"]["cells"] == latent_map.cells(world).tolist()
    ahead = table[:, world.transitions].min(dim=2).values
    for cell, position in enumerate(latent_map.cells(world)):
        off = (world.positions != position).any(dim=1)
        share = float((ahead[cell, off] < table[cell, off]).float().mean())
        assert share == pytest.approx(kept["descent_share"][cell], abs=1.5 / 140), (name, cell)
    number = record["seeds"].index(record["maps"]["seed"])
    for measure in ("descent_share", "greedy_accuracy"):
        mean = sum(kept[measure]) / len(kept[measure])
        assert mean == pytest.approx(record["metrics"][f"{measure}_{name}"]["values"][number], abs=1e-4), measure
