"""How long each chapter runs, and how much memory it takes, as the build runs it: static, in a process of its own.

``book_seconds`` is the sum over all chapters, one after another; ``peak_memory_gib`` is the most that any chapter takes
over a bare ``import torch``.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from measuring import ROOT, figure, record

UNIT = 1024 if sys.platform != "darwin" else 1  # of ru_maxrss, in bytes


def peak() -> float:
    """The most memory that this process has held, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / 2**30


def run(chapter: Path) -> dict:
    """Seconds from the first cell to the last, and GiB over a bare torch."""
    import nbformat
    import torch  # noqa: F401
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.io import capture_output

    bare, shell, began = peak(), InteractiveShell.instance(), time.perf_counter()
    os.chdir(chapter.parent)
    for cell in nbformat.read(chapter, as_version=4).cells:
        if cell.cell_type == "code":
            with capture_output():
                ran = shell.run_cell(cell.source)
            ran.raise_error()
    return {"seconds": time.perf_counter() - began, "memory": peak() - bare}


def main() -> None:
    """Run every chapter once and record."""
    environment = os.environ | {"HELM_EXPLORER": "static", "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}
    rows = {}
    for chapter in sorted((ROOT / "book").glob("*.ipynb")):
        ran = subprocess.run(
            [sys.executable, __file__, "--run", str(chapter)], env=environment, capture_output=True, text=True
        )
        if ran.returncode:
            raise SystemExit(f"{chapter.name}: {ran.stderr[-2000:]}")
        rows[chapter.stem] = json.loads(ran.stdout.strip().splitlines()[-1])
        print(f"  {chapter.stem:<20}{rows[chapter.stem]['seconds']:>7.1f} s{rows[chapter.stem]['memory']:>7.2f} GiB")
    record(
        {
            "book_seconds": figure([sum(row["seconds"] for row in rows.values())], "s"),
            "chapter_seconds_max": figure([max(row["seconds"] for row in rows.values())], "s"),
            "peak_memory_gib": figure([max(row["memory"] for row in rows.values())], "GiB"),
        }
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps(run(Path(sys.argv[2]))))
    else:
        main()
