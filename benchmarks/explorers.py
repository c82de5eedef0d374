"""How long a reader waits for an explorer: a live redraw in a notebook, the preparation for a page, and its bytes.

    python benchmarks/explorers.py [chapter ...]

Runs the code cells of each chapter once live and once static, in a process of its own, and keeps the explorers that
they end with. Live, every control is moved through its values (at most 40 evenly spread) with nothing remembered, and
each move timed from the slider's change to the finished PNG. Writes a table, and ``_build/bench/explorers.json``.
The bar is a median of 100 ms for explorers in closed form; none trains or plans when it is moved.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from pathlib import Path

from measuring import ROOT, figure, in_process, record, run_cells, where

sys.path.insert(0, str(ROOT / "tools"))

import notebooks

OUT = ROOT / "_build" / "bench" / "explorers.json"
MOVES = 40
BAR = 100  # milliseconds


def collect(chapter: Path) -> list[tuple[object, float]]:
    """The explorers of a chapter, with the seconds that their cells took."""
    return [row for row in run_cells(chapter) if type(row[0]).__name__ in ("LiveExplorer", "StaticExplorer")]


def time_moves(explorer) -> list[float]:
    """Milliseconds of each move of each control."""
    if explorer.guess is not None:
        explorer.guess.skip.click()
    taken = []
    for control in explorer._controls:
        count = len(control.values)
        for k in sorted({round(i * (count - 1) / (MOVES - 1)) for i in range(MOVES)}):
            explorer._frames.clear()
            if explorer.inputs[control.name].value == k:
                continue
            began = time.perf_counter()
            explorer.inputs[control.name].value = k
            taken.append(1000 * (time.perf_counter() - began))
            if 'role="alert"' in explorer.caption.value:  # a later cell took a name that the explorer needs, say
                raise RuntimeError(f"{explorer!r} fails when moved after the last cell: {explorer.caption.value}")
        explorer.reset()
    return taken


def measure(chapter: Path) -> list[dict]:
    """One row for each explorer of the chapter, in the life that the environment says."""
    rows = []
    for explorer, seconds in collect(chapter):
        if os.environ["HELM_EXPLORER"] == "static":
            rows.append(
                {
                    "title": explorer.title, "bytes": explorer.weight, "settings": explorer.combinations,
                    "cell_seconds": seconds, "density": explorer.density,
                }
            )  # fmt: skip
        else:
            moves = time_moves(explorer)
            cuts = statistics.quantiles(moves, n=20)
            rows.append({"moves": len(moves), "median_ms": statistics.median(moves), "p95_ms": cuts[-1]})
    return rows


def main() -> None:
    """Measure, print the table, write the JSON."""
    chapters = [ROOT / "book" / f"{name}.ipynb" for name in sys.argv[1:]] or notebooks.stored()
    print(f"{'explorer':<52}{'settings':>9}{'kB':>7}{'cell s':>8}{'median ms':>11}{'p95 ms':>8}")
    rows = []
    for chapter in chapters:
        for page, live in zip(*(in_process(__file__, chapter, life) for life in ("static", "live")), strict=True):
            row = {"chapter": chapter.stem, **page, **live}
            rows.append(row)
            slow = "  above the bar" if row["median_ms"] > BAR else ""
            print(
                f"{row['title'][:50]:<52}{row['settings']:>9}{row['bytes'] / 1000:>7.0f}{row['cell_seconds']:>8.1f}"
                f"{row['median_ms']:>11.0f}{row['p95_ms']:>8.0f}{slow}"
            )
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"rows": rows} | where(), indent=1) + "\n", encoding="utf-8")
    medians = [row["median_ms"] for row in rows]
    record(
        {
            "live_redraw_ms_median": figure(medians, "ms"),
            "explorer_kilobytes": figure([row["bytes"] / 1000 for row in rows], "kB"),
        }
    )
    print(f"every explorer: {sum(row['bytes'] for row in rows) / 1e6:.2f} MB; written to {OUT.relative_to(ROOT)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps(measure(Path(sys.argv[2]))))
    else:
        main()
