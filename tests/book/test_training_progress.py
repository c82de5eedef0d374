"""The progress bar of a training: shown in a live notebook, absent elsewhere."""

import types

import pytest
import torch

from helm_book.explorer import progress
from helm_tutorial.models.fit import fit


def train(report):
    weight = torch.ones(1, requires_grad=True)
    fit([weight], lambda: weight.square().sum(), steps=40, lr=0.1, progress=report)


def test_there_is_no_bar_outside_of_a_notebook_or_in_a_page(monkeypatch):
    assert progress.training_progress("a model") is None
    monkeypatch.setattr(progress, "get_ipython", lambda: types.SimpleNamespace(kernel=object()))
    monkeypatch.setenv("HELM_EXPLORER", "static")
    assert progress.training_progress("a model") is None


def test_a_live_notebook_shows_how_far_the_training_is(monkeypatch):
    monkeypatch.delenv("HELM_EXPLORER", raising=False)
    monkeypatch.setattr(progress, "get_ipython", lambda: types.SimpleNamespace(kernel=object()))
    shown = []
    monkeypatch.setattr(progress, "display", shown.append)
    bar = progress.training_progress("a <model>")
    assert shown == [bar] and repr(bar) == "training: a <model>"
    bar(10, 40, 0.5)
    assert bar.bar.value == 25 and "25 %, loss 0.5" in bar.words.value and "a &lt;model&gt;" in bar.words.value
    train(bar)
    assert bar.bar.value == 100 and "trained in" in bar.words.value


@pytest.mark.parametrize("label", ["", "  ", None, 3])
def test_a_bar_needs_words(label):
    with pytest.raises(TypeError, match="label must be text"):
        progress.training_progress(label)
