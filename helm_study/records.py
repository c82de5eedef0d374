"""Records: results that a study wrote and that the chapters show.

They are written by ``python -m helm_tutorial reproduce``. A record says how it was made: configuration, seeds,
versions, date, and the command that reproduces it.
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
"""Version of the form of a record.

Records of version 1 do not name it, and the oldest of them lack settings that were added later.
:func:`helm_study.flat.completed` reads both versions.
"""

_PACKAGE = Path(__file__).parent
_NUMBERS = re.compile(r"\[\n([-+.,\w\s]+)\]")  # a list of numbers; JSON strings contain no line breaks


def directory() -> Path:
    """Return the folder of the book's records.

    In a checkout this is ``book/records``; elsewhere it is the copy inside the installed package.
    """
    checkout = _PACKAGE.parent / "book" / "records"
    return checkout if checkout.is_dir() else _PACKAGE / "recorded"


def available() -> list[str]:
    """List the names of the book's records."""
    return sorted(path.stem for path in directory().glob("*.json"))


def load(experiment: str) -> dict:
    """Load the book's record of an experiment.

    It has the form that :func:`helm_study.reproduce.reproduce` returns.

    Raises:
        ValueError: there is no such record.
    """
    require_choice("experiment", experiment, available())
    return json.loads((directory() / f"{experiment}.json").read_text(encoding="utf-8"))


def paired(metrics: Mapping[str, Mapping], first: str, second: str) -> Interval:
    """Interval of the difference of two metrics, ``first - second``, paired by seed.

    Raises:
        KeyError: the record has no such metric.
        ValueError: one has more seeds than the other.
    """
    return t_interval([a - b for a, b in zip(metrics[first]["values"], metrics[second]["values"], strict=True)])


def write(path: str | Path, result: dict | list) -> None:
    """Write JSON atomically: a reader sees the old file or the new one, never a part.

    Numbers that are not finite become ``null``, since JSON cannot express them. A list of numbers takes one line.

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
