"""Checks of arguments, made before any work starts.

Every error names the argument, says what was given and what is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def require_count(name: str, value: int, *, low: int = 1, high: int | None = None) -> None:
    """Raise unless ``value`` is an integer in ``[low, high]``.

    Integer scalars of NumPy and PyTorch are accepted.
    """
    plain = _plain(value)
    if isinstance(plain, bool) or not isinstance(plain, int):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if plain < low or (high is not None and plain > high):
        allowed = f"at least {low}" if high is None else f"between {low} and {high}"
        raise ValueError(f"{name} must be {allowed}, got {plain}")


def require_real(
    name: str,
    value: float,
    *,
    above: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> None:
    """Raise unless ``value`` is finite and within the bounds.

    The bounds are ``above < value`` and ``low <= value <= high``; a bound of ``None`` is not checked.
    """
    plain = _plain(value)
    if isinstance(plain, bool) or not isinstance(plain, (int, float)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    bounds = []
    if above is not None:
        bounds.append(f"greater than {above}")
    if low is not None:
        bounds.append(f"at least {low}")
    if high is not None:
        bounds.append(f"at most {high}")
    inside = (
        math.isfinite(plain)
        and (above is None or plain > above)
        and (low is None or plain >= low)
        and (high is None or plain <= high)
    )
    if not inside:
        raise ValueError(f"{name} must be finite{''.join(' and ' + b for b in bounds)}, got {plain}")


def _plain(value: object) -> object:
    """Unwrap a scalar of NumPy or PyTorch; return anything else unchanged."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def require_choice(name: str, value: object, allowed: Collection) -> None:
    """Raise unless ``value`` is one of ``allowed``."""
    if value not in allowed:
        choices = ", ".join(repr(choice) for choice in allowed)
        raise ValueError(f"{name} must be one of {choices}, got {value!r}")


def require_shape(name: str, tensor: torch.Tensor, shape: tuple[int | str, ...]) -> None:
    """Raise unless ``tensor`` has ``shape``.

    A letter such as ``"B"`` matches any size. A leading ``...`` matches any leading dimensions.
    """
    import torch  # imported here, so that a mistyped command line gets its error at once

    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {type(tensor).__name__}")
    wanted = shape[1:] if shape and shape[0] is ... else shape
    given = tuple(tensor.shape)
    tail = given[len(given) - len(wanted) :] if wanted else ()
    right_rank = len(given) >= len(wanted) if shape and shape[0] is ... else len(given) == len(wanted)
    if not right_rank or any(isinstance(w, int) and w != g for w, g in zip(wanted, tail, strict=True)):
        text = ", ".join("..." if size is ... else str(size) for size in shape)
        raise ValueError(f"{name} must have shape ({text}), got {given}")
