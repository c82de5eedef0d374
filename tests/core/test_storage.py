"""Models written and read again: the same numbers, and a clear word on everything that is not such a file."""

import json
import pickle
from pathlib import Path

import pytest
import torch

from helm_tutorial.models import storage
from helm_tutorial.models.contrastive import Training, train_contrastive
from helm_tutorial.models.storage import load_model, save_model
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.worlds.gridworld import load_gridworld

BUILT = {
    "plain": {"features": 10},
    "sphere, rescaled": {"features": 10, "sphere": True, "rescale": True},
    "decoder": {"features": 10, "decoder": True},
    "goal encoder": {"features": 10, "sphere": True, "goal_encoder": True},
    "pictures": {"features": (3, 24, 16)},
    "pictures, goal encoder": {"features": [3, 24, 16], "sphere": True, "goal_encoder": True, "rescale": True},
}


def built(name: str) -> WorldModel:
    generator = torch.Generator().manual_seed(0)
    return WorldModel(**BUILT[name], actions=3, latent=6, hidden=12, generator=generator)


def outputs(model: WorldModel) -> list[torch.Tensor]:
    """All that a model can say, with gradients."""
    features = model.options["features"]
    shape = (features,) if isinstance(features, int) else features
    x = torch.rand(5, *shape, generator=torch.Generator().manual_seed(1)).to(model.shift.dtype)
    z = model.encode(x)
    a = one_hot_actions(torch.tensor([0, 1, 2, 0, 1]), 3).to(z.dtype)
    said = [z, model.encode_goal(x), model(z, a)] + ([model.decode(z)] if model.options["decoder"] else [])
    return said + list(torch.autograd.grad(said[2].sum(), list(model.residuals.parameters())))


@pytest.mark.parametrize("name", BUILT)
def test_a_loaded_model_says_the_same_bit_for_bit(name, tmp_path):
    model = built(name)
    if name in ("decoder", "pictures"):
        shape = model.options["features"]
        model.standardise(torch.rand(9, *((shape,) if isinstance(shape, int) else shape)))
    save_model(model, tmp_path / "model.pt")
    assert model.training  # saving changes nothing
    loaded = load_model(tmp_path / "model.pt")
    assert not loaded.training and not any(module.training for module in loaded.modules())
    assert loaded.options == model.options and loaded.inputs == model.inputs
    for one, other in zip(outputs(model), outputs(loaded), strict=True):
        assert torch.equal(one, other)
    mine, theirs = model.state_dict(), loaded.state_dict()
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in loaded.parameters())


def test_options_build_the_same_networks_again():
    for name in BUILT:
        options = built(name).options
        again = WorldModel(**options, generator=torch.Generator().manual_seed(0))
        for one, other in zip(outputs(built(name)), outputs(again), strict=True):
            assert torch.equal(one, other)
        assert again.options == options
    assert built("pictures, goal encoder").options == {
        "features": (3, 24, 16),
        "actions": 3,
        "latent": 6,
        "hidden": 12,
        "sphere": True,
        "decoder": False,
        "goal_encoder": True,
        "rescale": True,
        "tangent": False,
    }


def test_a_trained_model_and_one_in_double_precision_are_kept(tmp_path):
    world = load_gridworld("MiniGrid-Empty-5x5-v0", observation="profiles")
    config = Training(walks=20, walk_length=10, updates=5, batch=16, hidden=16, goal_encoder=True)
    for model in (train_contrastive(world, config, 0), train_contrastive(world, config, 0).double()):
        save_model(model, str(tmp_path / "model.pt"))  # a path may be text; the second replaces the first
        loaded = load_model(str(tmp_path / "model.pt"))
        for one, other in zip(outputs(model), outputs(loaded), strict=True):
            assert one.dtype == other.dtype and torch.equal(one, other)


def test_loading_draws_no_random_number_and_a_loaded_model_can_be_trained_on(tmp_path):
    save_model(built("plain"), tmp_path / "model.pt")
    before = torch.random.get_rng_state()
    loaded = load_model(tmp_path / "model.pt")
    assert torch.equal(torch.random.get_rng_state(), before)
    first = outputs(loaded)[0]
    optimiser = torch.optim.SGD(loaded.parameters(), lr=0.1)
    first.square().sum().backward()
    optimiser.step()
    assert not torch.equal(outputs(loaded)[0], first)
    assert torch.equal(outputs(load_model(tmp_path / "model.pt"))[0], first)  # the file is nobody's memory


def test_saving_is_all_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "model.pt"
    save_model(built("plain"), path)
    whole = path.read_bytes()

    def fails(*arguments, **keywords):
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(storage.torch, "save", fails)
        with pytest.raises(OSError, match="disk full"):
            save_model(built("decoder"), path)
    with monkeypatch.context() as patched:
        patched.setattr("os.replace", fails)
        with pytest.raises(OSError, match="disk full"):
            save_model(built("decoder"), path)
    assert path.read_bytes() == whole and list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_saved_is_refused_by_name(tmp_path):
    with pytest.raises(TypeError, match="model must be a WorldModel, got Linear"):
        save_model(torch.nn.Linear(2, 2), tmp_path / "model.pt")
    with pytest.raises(FileNotFoundError, match=r"path must lie in a folder that exists, got .*nowhere"):
        save_model(built("plain"), tmp_path / "nowhere" / "model.pt")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_named(tmp_path):
    for path in (tmp_path / "missing.pt", tmp_path):
        with pytest.raises(FileNotFoundError, match=rf"path must name a file.*got {path}: no such file"):
            load_model(path)


class Trap:
    """Unpickled by a careless reader, it leaves a file behind."""

    def __init__(self, left: Path):
        self.left = left

    def __reduce__(self):
        return Path.touch, (self.left,)


def test_a_file_that_is_no_model_is_refused_and_runs_nothing(tmp_path):
    path, left = tmp_path / "model.pt", tmp_path / "left"
    save_model(built("plain"), path)
    whole = path.read_bytes()
    others = {
        "empty": b"",
        "text": json.dumps({"format": "helm_tutorial.WorldModel"}).encode(),
        "cut": whole[: len(whole) // 2],
        "pickle": pickle.dumps({"a": 1}, protocol=2),
        "trap": pickle.dumps(Trap(left), protocol=2),
    }
    for name, content in others.items():
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"path must name a file that save_model has written, got {path}"):
            load_model(path)
        assert not left.exists(), name
    for content in (Trap(left), {"format": "helm_tutorial.WorldModel", "version": 1, "options": Trap(left)}):
        torch.save(content, path)
        with pytest.raises(ValueError, match="path must name a file that save_model has written"):
            load_model(path)
        assert not left.exists()
    for content in (torch.ones(3), {}, built("plain").state_dict(), {"format": "another", "version": 1}):
        torch.save(content, path)
        with pytest.raises(ValueError, match="which holds something else"):
            load_model(path)


@pytest.mark.parametrize("version", [0, 2, None, "1"])
def test_another_version_of_the_format_is_refused(version, tmp_path):
    save_model(built("plain"), tmp_path / "model.pt")
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    assert content["version"] == storage.VERSION
    torch.save(content | {"version": version}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match=rf"path must name a file of format version 1, got .*: version {version!r}"):
        load_model(tmp_path / "model.pt")


def test_parts_that_do_not_fit_are_refused(tmp_path):
    path = tmp_path / "model.pt"
    save_model(built("goal encoder"), path)
    content = torch.load(path, weights_only=True)
    options, weights = content["options"], content["weights"]
    fewer = {name: value for name, value in weights.items() if "goal" not in name}
    changes = [
        {"options": options | {"latent": 7}},
        {"options": options | {"latent": 0}},
        {"options": options | {"colour": "red"}},
        {"options": None},
        {"options": options | {"goal_encoder": False}},
        {"weights": fewer},
        {"weights": None},
        {"weights": dict.fromkeys(weights, 1.0)},
    ]
    wrongs = [content | change for change in changes] + [{k: v for k, v in content.items() if k != "weights"}]
    for wrong in wrongs:
        torch.save(wrong, path)
        with pytest.raises(ValueError, match=r"path must name a whole model, got .*whose parts do not fit"):
            load_model(path)
