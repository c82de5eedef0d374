"""The fit loop fits, repeats and notices divergence."""

import itertools

import pytest
import torch

from helm_tutorial.models.fit import TrainingDiverged, fit


def test_fit_reaches_the_least_squares_solution():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(50, 3, generator=generator)
    y = x @ torch.tensor([1.0, -2.0, 0.5])
    w = torch.zeros(3, requires_grad=True)
    seen = []
    history = fit(
        [w], lambda: (x @ w - y).square().mean(), steps=2000, lr=0.02, progress=lambda *step: seen.append(step)
    )
    assert torch.allclose(w, torch.tensor([1.0, -2.0, 0.5]), atol=1e-3)
    assert history.shape == (2000,) and history[-1] < 1e-4 * history[0]
    assert seen[-1][:2] == (2000, 2000) and 90 <= len(seen) <= 110


def test_a_fit_works_where_gradients_are_switched_off():
    w = torch.ones(1, requires_grad=True)
    with torch.no_grad():
        assert float(fit([w], lambda: w.square().sum(), steps=2, lr=0.1)[1]) < 1.0


def test_the_step_size_falls_to_nothing_over_the_second_half():
    w, values = torch.zeros(1, requires_grad=True), []

    def loss() -> torch.Tensor:
        values.append(float(w.detach()))
        return w.sum()  # a constant gradient: Adam moves by the step size

    fit([w], loss, steps=8, lr=0.1, decay=True)
    values.append(float(w.detach()))
    moved = [before - after for before, after in itertools.pairwise(values)]
    assert moved == pytest.approx([0.1] * 5 + [0.075, 0.05, 0.025], rel=1e-4)


def test_divergence_is_said_with_its_step():
    w = torch.ones(1, requires_grad=True)
    with pytest.raises(TrainingDiverged, match=r"loss is (nan|inf) at step"):
        fit([w], lambda: (w * 1e30).pow(4).sum(), steps=10, lr=1.0)


@pytest.mark.parametrize("bad", [{"steps": 0}, {"steps": 5, "lr": -1.0}])
def test_bad_settings_are_refused_before_the_loss_is_asked(bad):
    def never():
        raise AssertionError("the loss was evaluated")

    with pytest.raises(ValueError, match=r"steps|lr"):
        fit([torch.ones(1, requires_grad=True)], never, **bad)
