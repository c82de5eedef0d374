"""The lines that chapter 4 writes out are those that experiment 4 measures, and the package has the same things."""

import ast
from pathlib import Path

import nbformat
import pytest
import torch

from helm_study.contrastive import lesson
from helm_tutorial import diagnosis
from helm_tutorial.models.losses import info_nce, sample_positives
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.worlds.gridworld import geodesic_distances, load_gridworld

ROOT = Path(__file__).resolve().parents[2]
FOLDED = {"hide-input", "remove-input", "hide-cell"}
WRITTEN_OUT = ("WorldModel", "sample", "contrastive_loss", "train", "plan")


def definitions(source: str) -> dict[str, str]:
    """Each function and class as the text of its syntax tree, without docstrings; comments are not in it."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return {n.name: ast.unparse(n) for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef)}


@pytest.fixture(scope="module")
def world():
    return load_gridworld("MiniGrid-Empty-5x5-v0")


def test_the_chapter_shows_the_lines_that_are_measured():
    cells = nbformat.read(ROOT / "book/contrastive_fix.ipynb", 4).cells
    shown = [c.source for c in cells if c.cell_type == "code" and not FOLDED & set(c.metadata.get("tags", ()))]
    measured = definitions(Path(lesson.__file__).read_text("utf-8"))
    found = definitions("\n".join(shown))
    for name in WRITTEN_OUT:
        assert found[name] == measured[name], name


@pytest.mark.parametrize("gamma", [0.0, 0.8, 0.95])
def test_its_sampler_and_its_loss_are_the_packages(world, gamma):
    walks = world.random_walks(20, 30, generator=torch.Generator().manual_seed(0)).states
    walk, t, later = lesson.sample(walks, 300, gamma, torch.Generator().manual_seed(1))
    pairs = sample_positives(walks, 300, gamma=gamma, generator=torch.Generator().manual_seed(1))
    assert torch.equal(walks[walk, t], pairs[0]) and torch.equal(walks[walk, later], pairs[1])
    assert int((later - t).min()) == 1 and (gamma > 0 or int((later - t).max()) == 1)
    z, w = torch.nn.functional.normalize(torch.randn(2, 40, 5, generator=torch.Generator().manual_seed(2)), dim=-1)
    assert torch.allclose(lesson.contrastive_loss(z, w, 0.2), info_nce(z, w, 0.2))


def test_its_model_is_the_packages_on_the_sphere(world):
    model = lesson.WorldModel(world.features.shape[1], 3)
    package = WorldModel(world.features.shape[1], 3, sphere=True)
    assert package.load_state_dict(model.state_dict(), strict=False).unexpected_keys == []
    a = torch.rand(world.num_states, 3, generator=torch.Generator().manual_seed(0)).softmax(dim=-1)
    z = model.encode(world.features)
    assert torch.allclose(package.encode(world.features), z) and torch.allclose(package(z, a), model(z, a), atol=1e-6)


def test_a_short_training_orders_the_room_and_the_planner_finds_its_goal(world):
    model = lesson.trained_lesson(world, 0, updates=150)
    z = diagnosis.latents(model, world)
    assert diagnosis.metric_correlation(z, geodesic_distances(world)) > 0.7
    generator = torch.Generator().manual_seed(0)
    found = lesson.lesson_planner(model, z[[world.start]], z[world.goals], generator=generator, warm_start=None)
    assert found.actions.shape == (1, 12) and not found.actions.is_floating_point()
