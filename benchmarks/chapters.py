"""How long each chapter runs, and how much memory it takes, as the build runs it: static, in a process of its own.

``book_seconds`` is the wall clock for all chapters, one a core at a time as the build executes them, each in a cold
process; ``book_core_seconds`` their sum when each has the machine to itself, and ``chapter_seconds_max`` the longest
then. ``peak_memory_gib`` is the most that any chapter takes over a bare ``import torch``,
``study_memory_gib`` what a seed of the two-by-two does. A study holds one seed a process, and most of it in an
episode's first decisions, when every start is still under way: later ones are left out here.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from measuring import ROOT, figure, in_process, record, run_cells, seconds

sys.path.insert(0, str(ROOT / "tools"))

import notebooks


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


def study() -> dict:
    """GiB over a bare torch of one seed of the two-by-two, short episodes, all starts."""
    import torch

    bare = peak()
    torch.set_num_threads(1)
    from helm_study.pillars import two_pillars

    planning = replace(two_pillars.Config().planning, limit=0.1)
    two_pillars.STUDY.run(two_pillars.Config(planning=planning), 0)
    return {"memory": peak() - bare}


def main() -> None:
    """Run every chapter once, and the study, and record."""
    rows = {}
    for chapter in notebooks.stored():
        row = rows[chapter.stem] = in_process(__file__, chapter, "static")
        print(f"  {chapter.stem:<20}{row['seconds']:>7.1f} s{row['memory']:>7.2f} GiB", flush=True)
    chapters = sorted(notebooks.stored(), key=lambda chapter: -rows[chapter.stem]["seconds"])

    def together() -> None:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda chapter: in_process(__file__, chapter, "static"), chapters))

    whole = seconds(together)
    studied = in_process(__file__, "study", "static")
    record(
        {
            "study_memory_gib": figure([studied["memory"]], "GiB"),
            "book_seconds": figure([whole], "s"),
            "book_core_seconds": figure([sum(row["seconds"] for row in rows.values())], "s"),
            "chapter_seconds_max": figure([max(row["seconds"] for row in rows.values())], "s"),
            "peak_memory_gib": figure([max(row["memory"] for row in rows.values())], "GiB"),
        },
        chapters=rows,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps(study() if sys.argv[2] == "study" else run(Path(sys.argv[2]))))
    else:
        main()
