"""Argument checks say what is wrong."""

import numpy as np
import pytest
import torch

from helm_tutorial._check import require_choice, require_count, require_real, require_shape


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
