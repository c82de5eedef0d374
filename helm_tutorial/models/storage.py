"""A trained world model in one file: how it was built, and its weights. The file holds data only, no code."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from helm_study.records import write_bytes
from helm_tutorial.models.world_model import WorldModel

FORMAT = "helm_tutorial.WorldModel"
"""What such a file says that it is."""

VERSION = 1
"""Version of the format, raised when a file of the old form can no longer be read."""


def save_model(model: WorldModel, path: str | Path) -> None:
    """Write a model atomically: a reader sees the old file or the new one, never a part.

    Raises:
        TypeError: ``model`` is not a :class:`helm_tutorial.models.world_model.WorldModel`.
        OSError: the folder does not exist or cannot be written.
    """
    if not isinstance(model, WorldModel):
        raise TypeError(f"model must be a WorldModel, got {type(model).__name__}")
    if not Path(path).resolve().parent.is_dir():
        raise FileNotFoundError(f"path must lie in a folder that exists, got {path}")
    weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "version": VERSION, "options": model.options, "weights": weights}, buffer)
    write_bytes(path, buffer.getvalue())


def load_model(path: str | Path) -> WorldModel:
    """The model that :func:`save_model` wrote, on the CPU and ready to be used, not trained: in ``eval`` mode.

    The file is read as data (``weights_only`` of :func:`torch.load`), so a foreign one cannot run anything.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not a model, is damaged, or has another version of the format.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path must name a file that save_model has written, got {path}: no such file")
    with path.open("rb") as file:
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # what a foreign file raises depends on what it happens to be
            raise ValueError(f"path must name a file that save_model has written, got {path}: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"path must name a file that save_model has written, got {path}, which holds something else")
    if content.get("version") != VERSION:
        given = f"{path}: version {content.get('version')!r}"
        raise ValueError(f"path must name a file of format version {VERSION}, got {given}")
    try:
        with torch.device("meta"):  # no weights are drawn that the file's are to replace
            model = WorldModel(**content["options"])
        model.load_state_dict(content["weights"], assign=True)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ValueError(f"path must name a whole model, got {path}, whose parts do not fit: {error}") from error
    return model.eval()
