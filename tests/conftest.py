"""Tests that train what a record holds come first, so that no worker is left alone with one at the end."""

import pytest

from helm_study.fast.contrastive import train_contrastive
from helm_study.pillars import two_pillars
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.worlds.gridworld import load_gridworld


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def contrastive():
    """The room of most records, and the model of seed 0 that several of them hold: InfoNCE, no penalty."""
    world = load_gridworld(two_pillars.Config().env)
    return world, train_contrastive(world, Contrastive(), 0)
