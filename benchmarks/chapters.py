"""How long each chapter runs, and how much memory it takes, as the build runs it: static, in a process of its own.

``book_seconds`` is the sum over all chapters, one after another; ``peak_memory_gib`` is the most that any chapter takes
over a bare ``import torch``.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from measuring import ROOT, figure, in_process, record, run_cells


def peak() -> float:
    """The most memory that this process has held, GiB."""
    status = Path("/proc/self/status")
    if status.is_file():  # Linux counts what the parent held before this process began, if asked by getrusage
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**30


def run(chapter: Path) -> dict:
    """Seconds from the first cell to the last, and GiB over a bare torch."""
    import torch  # noqa: F401

    bare = peak()
    spent = [seconds for _, seconds in run_cells(chapter)]
    return {"seconds": sum(spent), "memory": peak() - bare}


def main() -> None:
    """Run every chapter once and record."""
    rows = {}
    for chapter in sorted((ROOT / "book").glob("*.ipynb")):
        row = rows[chapter.stem] = in_process(__file__, chapter, "static")
        print(f"  {chapter.stem:<20}{row['seconds']:>7.1f} s{row['memory']:>7.2f} GiB", flush=True)
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
