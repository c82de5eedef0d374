"""What the reader can set, and the checks of it, made before anything is drawn."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def require_choice(name: str, value: object, allowed: Collection) -> None:
    """Raise ``ValueError`` unless ``value`` is one of ``allowed``."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")


@dataclass(frozen=True)
class Steps:
    """Values that follow one another, such as the steps of an iteration: a slider with a button that plays them.

    Attributes:
        values: at least two numbers, in playing order.
        interval: seconds between two of them, at least 0.05.
    """

    values: Sequence
    interval: float = 0.25

    def __post_init__(self) -> None:
        if not is_number(self.interval) or self.interval < 0.05:
            raise ValueError(f"interval must be at least 0.05 seconds, got {self.interval!r}")


@dataclass(frozen=True)
class Control:
    """One thing the reader can set: ``values[i]`` is shown as ``texts[i]``; all numbers, or all words.

    ``interval`` is the seconds between two values while they play, ``None`` for a control that does not play.
    """

    name: str
    label: str
    values: tuple
    texts: tuple[str, ...]
    start: int
    interval: float | None = None

    @property
    def is_choice(self) -> bool:
        """Whether the values are words (buttons to choose from) rather than numbers (a slider)."""
        return isinstance(self.values[0], str)


def check_controls(controls: Mapping, start: Mapping, labels: Mapping) -> tuple[Control, ...]:
    if not isinstance(controls, Mapping) or not controls:
        raise ValueError(f"controls must map at least one name to its values, got {controls!r}")
    for argument, given in (("start", start), ("labels", labels)):
        for name in given:
            require_choice(f"a name in {argument}", name, tuple(controls))
    checked = []
    for name, given in controls.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(f"a control's name must be that of an argument of draw, got {name!r}")
        interval = given.interval if isinstance(given, Steps) else None
        given = given.values if isinstance(given, Steps) else given
        if isinstance(given, str) or not hasattr(given, "__iter__"):
            raise TypeError(f"control {name!r} must be a list of values, got {given!r}")
        values = tuple(value.item() if isinstance(value, np.generic) else value for value in given)
        if len(values) < 2:
            raise ValueError(f"control {name!r} must have at least two values, got {list(values)}")
        words = all(isinstance(value, str) and value.strip() for value in values)
        if not words and not all(is_number(value) for value in values):
            raise TypeError(f"control {name!r} must hold finite numbers only or non-empty strings only, got {values}")
        if words and interval is not None:
            raise TypeError(f"control {name!r} plays its steps, so they must be numbers, got {values}")
        repeated = [value for value in dict.fromkeys(values) if values.count(value) > 1]
        if repeated:
            raise ValueError(f"control {name!r} must have distinct values, got {repeated[0]!r} more than once")
        first = start.get(name, values[len(values) // 2])
        if first not in values:
            raise ValueError(f"start of control {name!r} must be one of its values {list(values)}, got {first!r}")
        label = labels.get(name, name.replace("_", " "))
        texts = values if words else number_texts(values)
        checked.append(Control(name, label, values, texts, values.index(first), interval))
    return tuple(checked)


def is_number(value: object) -> bool:
    """Whether ``value`` is a finite real number."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def number_texts(values: Sequence[float]) -> tuple[str, ...]:
    """The values as a reader would write them, with the fewest digits (three or more) that tell them apart."""

    def text(value: float, digits: int) -> str:
        if isinstance(value, numbers.Integral):
            return str(value).replace("-", "−")
        size = abs(value)
        if 1 <= size < 1e6:
            digits = max(digits, len(str(int(size))))  # 1200.0 is "1200", not "1.2e+03"
        mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
        power = f"·10{str(int(exponent)).translate(SUPERSCRIPTS)}" if exponent else ""
        return mantissa.replace("-", "−") + power

    for digits in range(3, 18):
        texts = tuple(text(value, digits) for value in values)
        if len(set(texts)) == len(texts):
            break
    return texts


def in_digits(value: float) -> str:
    """A number as captions write it: three digits, with a power of ten below 0.01 and from a million on."""
    mantissa, exponent = f"{float(value):.2e}".split("e")
    if int(exponent) > -3 or float(mantissa) == 0:
        return number_texts([float(f"{float(value):.3g}")])[0]
    return f"{number_texts([float(mantissa)])[0]}·10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def check_callable(name: str, function: Callable, controls: tuple[Control, ...], *first: str) -> None:
    """Raise unless ``function``, the argument ``name``, takes the arguments ``first`` and the controls' values."""
    if not callable(function):
        raise TypeError(
            f"{name} must be a function of {' and '.join([*first, 'the values of controls'])}, got {function!r}"
        )
    try:
        signature = inspect.signature(function)
    except ValueError:  # a callable that does not tell its arguments
        return
    try:
        signature.bind(*first, **{control.name: None for control in controls})
    except TypeError as error:
        names = ", ".join([*first, *(control.name for control in controls)])
        raise TypeError(f"{name} must take ({names}) as controls names them, but has {signature}") from error


def describe(controls: tuple[Control, ...], at: Sequence[int], between: str = " ") -> str:
    return ", ".join(f"{control.label}{between}{control.texts[i]}" for control, i in zip(controls, at, strict=True))
