"""Argument checks say what is wrong; the fit loop fits, repeats and notices divergence."""

import numpy as np
import pytest
import torch

from helm_tutorial._check import require_choice, require_count, require_real, require_shape
from helm_tutorial.models.fit import TrainingDiverged, fit


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: require_count("steps", 0), ValueError, "steps must be at least 1, got 0"),
        (lambda: require_count("steps", 5, high=3), ValueError, "steps must be between 1 and 3, got 5"),
        (lambda: require_count("steps", 2.0), TypeError, "steps must be an integer, got 2.0"),
        (lambda: require_count("steps", True), TypeError, "steps must be an integer, got True"),
        (lambda: require_count("steps", torch.tensor(2.0)), TypeError, r"steps must be an integer, got tensor\(2.\)"),
        (lambda: require_count("steps", torch.tensor([2])), TypeError, r"steps must be an integer, got tensor"),
        (lambda: require_count("steps", torch.tensor(True)), TypeError, r"steps must be an integer, got tensor"),
        (lambda: require_real("lr", 0.0, above=0.0), ValueError, "lr must be finite and greater than 0.0, got 0.0"),
        (lambda: require_real("lr", float("nan")), ValueError, "lr must be finite, got nan"),
        (lambda: require_real("lr", "1"), TypeError, "lr must be a number, got '1'"),
        (lambda: require_real("p", 2.0, low=0.0, high=1.0), ValueError, "at least 0.0 and at most 1.0, got 2.0"),
        (lambda: require_choice("over", "all", ("a", "b")), ValueError, "over must be one of 'a', 'b', got 'all'"),
        (
            lambda: require_shape("z", torch.zeros(2, 3), ("B", 4)),
            ValueError,
            r"z must have shape \(B, 4\), got \(2, 3\)",
        ),
        (lambda: require_shape("z", torch.zeros(2), ("B", "D")), ValueError, r"z must have shape \(B, D\), got \(2,\)"),
        (lambda: require_shape("z", torch.zeros(3), (..., 2)), ValueError, r"z must have shape \(\.\.\., 2\)"),
        (lambda: require_shape("z", [1.0], ("B",)), TypeError, "z must be a torch.Tensor, got list"),
    ],
)
def test_errors_name_the_argument_what_was_given_and_what_is_allowed(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_good_arguments_pass():
    for three in (3, np.int64(3), np.array(3), torch.tensor(3)):
        require_count("steps", three, low=0, high=3)
        require_real("lr", three, low=0.0)
    for half in (0.5, np.float32(0.5), torch.tensor(0.5)):
        require_real("lr", half, low=0.0, high=1.0)
    require_real("lr", 1, above=0.0, high=1.0)
    require_choice("over", "a", ("a", "b"))
    require_shape("z", torch.zeros(5, 2, 3), (..., 2, "D"))
    require_shape("z", torch.zeros(2), (...,))


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


def test_fit_repeats_with_its_generator():
    def once() -> torch.Tensor:
        generator = torch.Generator().manual_seed(7)
        layer = torch.nn.Linear(2, 1)
        with torch.no_grad():
            layer.weight.fill_(0.1)
            layer.bias.fill_(0.0)
        return fit(layer, lambda: layer(torch.randn(8, 2, generator=generator)).square().mean(), steps=20)

    assert torch.equal(once(), once())


def test_a_fit_can_be_watched_step_by_step():
    w = torch.ones(1, requires_grad=True)
    seen = []
    fit([w], lambda: w.square().sum(), steps=3, lr=0.1, watch=lambda step: seen.append((step, float(w.detach()))))
    assert [step for step, _ in seen] == [0, 1, 2, 3]
    values = [value for _, value in seen]
    assert values[0] == 1.0 and values == sorted(values, reverse=True) and values[-1] == float(w.detach())


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
