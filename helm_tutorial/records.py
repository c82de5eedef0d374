"""Results written by ``python -m helm_tutorial reproduce`` and shown by the chapters as recorded.

A record says how it was made: configuration, seeds, versions, date, and the command that makes it anew.
"""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from helm_tutorial.statistics import Interval, t_interval
from helm_tutorial.validation import require_choice

_PACKAGE = Path(__file__).parent
_NUMBERS = re.compile(r"\[\n([-+.,\w\s]+)\]")  # a list of numbers; a line break in JSON is never within a string


def directory() -> Path:
    """Where the book's records are: ``book/records`` in a checkout, a copy beside the installed package elsewhere."""
    checkout = _PACKAGE.parent / "book" / "records"
    return checkout if checkout.is_dir() else _PACKAGE / "recorded"


def available() -> list[str]:
    """Names of the book's records."""
    return sorted(path.stem for path in directory().glob("*.json"))


def load(experiment: str) -> dict:
    """The book's record of an experiment, as :func:`helm_tutorial.reproduce.reproduce` returned it.

    Raises:
        ValueError: there is no such record.
    """
    require_choice("experiment", experiment, available())
    return json.loads((directory() / f"{experiment}.json").read_text(encoding="utf-8"))


def paired(metrics: Mapping[str, Mapping], first: str, second: str) -> Interval:
    """What the metric ``first`` has more than ``second``, seed by seed: the interval of the difference.

    Raises:
        KeyError: the record has no such metric.
        ValueError: one has more seeds than the other.
    """
    return t_interval([a - b for a, b in zip(metrics[first]["values"], metrics[second]["values"], strict=True)])


def in_words(metric: dict, style: str = ".0%") -> str:
    """A metric of a record as prose writes it, in Markdown: the mean in bold, the interval in brackets.

    Args:
        metric: with ``mean``, ``low`` and ``high``.
        style: a format such as ``".0%"``, ``".2f"`` or ``".1e"``; powers of ten from 1000 are typeset.
    """
    mean, low, high = (formatted(metric[key], style) for key in ("mean", "low", "high"))
    if metric["low"] == metric["high"]:
        return f"**{mean}** on every seed"
    return f"**{mean}** ({low.removesuffix(' %')} to {high})"


def in_points(difference: Interval, unit: str = "", *, bold: bool = False) -> str:
    """A difference of shares as tables and prose write it, in percentage points: the mean, the interval in brackets.

    Args:
        difference: such as :func:`paired` gives, as fractions.
        unit: follows the mean, such as ``" points"``.
        bold: sets the mean in bold.

    Example:
        >>> in_points(Interval(0.081, -0.004, 0.162, n=5), " points")
        '+8 points (0 to +16)'
    """
    mean, low, high = (
        f"{round(100 * x):+d}".replace("-", "−") if round(100 * x) else "0"
        for x in (difference.mean, difference.low, difference.high)
    )
    mark = "**" if bold else ""
    return f"{mark}{mean}{unit}{mark} ({low} to {high})"


def formatted(value: float, style: str) -> str:
    """A number in ``style``, with a true minus, a space before the per cent sign and powers of ten typeset."""
    text = f"{value:{style}}"
    mantissa, power, exponent = text.partition("e")
    if not power:
        sign = "−" if text.startswith("-") and text.strip("-0.%") else ""  # a rounded zero has none
        return sign + text.removeprefix("-").replace("%", " %")
    if 0 <= int(exponent) <= 2:
        return f"{float(text):g}"
    return f"${mantissa} \\times 10^{{{int(exponent)}}}$"


def write(path: str | Path, result: dict | list) -> None:
    """Write JSON atomically: a reader sees the old file or the new one, never a part.

    Numbers that are not finite become ``null``, since JSON has no word for them. A list of numbers is one line.

    Raises:
        OSError: the folder does not exist or cannot be written.
    """
    text = json.dumps(_finite(result), indent=1)
    text = _NUMBERS.sub(lambda found: "[" + "".join(found[1].split()) + "]", text) + "\n"
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file atomically, as :func:`write` does.

    Raises:
        OSError: the folder does not exist or cannot be written.
    """
    path = Path(path).resolve()
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _finite(value):
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
