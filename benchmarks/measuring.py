"""What every benchmark shares: interleaved timing, chapters run in processes of their own, and one file of results.

Tasks that are compared run in turn, so that a busy machine slows both sides of a ratio. ``benchmarks/results.json``
holds ``versions``, ``machine``, ``date`` and ``figures``; each figure has ``value``, ``low``, ``high`` (quartiles
of its runs), ``unit`` and ``runs``. A benchmark replaces its own figures and leaves the others alone. A figure
whose peer, browser or page is not at hand is ``null``, never a remembered one. ``curves`` has what the status page
draws: ``title``, ``against`` what, ``unit``, and ``lines``, each a name with its points; ``chapters`` what each takes.
"""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
PACKAGES = ("helm_tutorial", "torch", "numpy", "matplotlib", "minigrid")


def seconds(task: Callable[[], object]) -> float:
    """How long one run takes."""
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def interleaved(tasks: dict[str, Callable[[], object]], *, runs: int) -> dict[str, list[float]]:
    """Seconds of each task, run in turn ``runs`` times after a first round that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for run in range(runs + 1):
        for name, task in tasks.items():
            spent = seconds(task)
            if run:
                taken[name].append(spent)
    return taken


def figure(values: Sequence[float], unit: str) -> dict:
    """A figure of the results: the median and the quartiles of its runs."""
    ends = statistics.quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
    return {"value": statistics.median(values), "low": ends[0], "high": ends[2], "unit": unit, "runs": len(values)}


def ratio(slower: Sequence[float], faster: Sequence[float]) -> dict:
    """How many times as long one task took as the other, run by run."""
    return figure([a / b for a, b in zip(slower, faster, strict=True)], "times")


def in_process(script: str, chapter: Path | str, life: str) -> dict | list:
    """What ``script --run chapter`` prints as its last line, JSON, in a fresh process on one core.

    ``life`` is what explorers are in it: ``"static"``, as the build makes them, or ``"live"``.
    """
    environment = os.environ | {"HELM_EXPLORER": life, "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, script, "--run", str(chapter)], env=environment, capture_output=True, text=True
    )
    if ran.returncode:
        raise SystemExit(f"{chapter}, {life}: {ran.stderr[-2000:]}")
    return json.loads(ran.stdout.strip().splitlines()[-1])


def run_cells(chapter: Path) -> Iterator[tuple[object, float]]:
    """Run a chapter's code cells here; gives for each its last value and the seconds it took."""
    import nbformat
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.io import capture_output

    shell = InteractiveShell.instance()
    os.chdir(chapter.parent)
    for cell in nbformat.read(chapter, as_version=4).cells:
        if cell.cell_type == "code":
            began = time.perf_counter()
            with capture_output():
                ran = shell.run_cell(cell.source)
            ran.raise_error()
            yield ran.result, time.perf_counter() - began


def where() -> dict:
    """Versions, machine and date of a measurement."""
    return {
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "system": platform.system()},
        "date": date.today().isoformat(),
    }


def curve(title: str, against: str, unit: str, lines: dict[str, dict[int, float]]) -> dict:
    """A curve of the results; ``lines`` is ``{name: {x: y}}``."""
    points = {name: sorted(found.items()) for name, found in lines.items()}
    for name, found in points.items():
        print(f"  {title}, {name}: " + ", ".join(f"{x} {y:.3g}" for x, y in found) + f" {unit}", flush=True)
    return {"title": title, "against": against, "unit": unit, "lines": points}


def exponent(points: dict[int, float]) -> dict:
    """The figure of a curve's growth: the slope of a straight line through logarithms."""
    x, y = (list(map(math.log, values)) for values in (points.keys(), points.values()))
    return figure([statistics.linear_regression(x, y).slope], "exponent")


def record(figures: dict[str, dict | None], **more: dict[str, dict]) -> None:
    """Print the figures and put them into the results; ``more`` are ``curves`` and ``chapters``."""
    for name, found in figures.items():
        if found is None:
            print(f"  {name}: null, what it needs is not at hand")
        else:
            spread = f"{found['low']:.3g} to {found['high']:.3g}"
            print(f"  {name}: {found['value']:.3g} {found['unit']} ({spread}; {found['runs']} runs)")
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    parts = {name: known.get(name, {}) for name in ("figures", "curves", "chapters")}
    for name, found in (("figures", figures), *more.items()):
        parts[name] = dict(sorted((parts[name] | found).items()))
    results = where() | parts
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
