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

from helm_study.intervals import Interval, t_interval
from helm_tutorial._check import require_choice

SCHEMA = 2
"""Version of a record's form. Version 1 does not name itself, and its oldest lack settings that were added since:
:func:`helm_study.flat.completed` reads both."""

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
    """The book's record of an experiment, as :func:`helm_study.reproduce.reproduce` returned it.

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
