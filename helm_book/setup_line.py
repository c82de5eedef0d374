"""The line under a chapter's set-up cell."""

from __future__ import annotations

import torch


def describe_device() -> str:
    """The version of torch, and that the CPU does the work: no chapter needs a GPU."""
    return f"torch {torch.__version__} on the CPU: no chapter needs a GPU"
