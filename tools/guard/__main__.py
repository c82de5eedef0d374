"""Compare what the working tree computes with what the first state computed, bit for bit.

    python tools/guard                     all probes, in six minutes; then the first state is kept, and three do
    python tools/guard --only plan play    some: names, beginnings or patterns such as *kept
    python tools/guard --list              the probes' names

One line a probe says ``same``, ``DIFFERS`` or ``missing``; the exit status is 1 unless all are the same or differ as
:data:`EXPECTED` says. Both sides run here, one after another, on one thread: the first state from its own tree
(``_build/guard/first``) by ``first.py``, the working tree by ``now.py``, which follows its API.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import platform
import struct
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

FIRST = "8370138"
"""The commit of the first state."""

EXPECTED: dict[str, str] = {
    "train/watched": "a training is no longer watched; the stacked one is, see train/stacked",
    "statistics/storage": "models are no longer saved by the package",
    "statistics/intervals": "SciPy's quantile of Student's t, and no Wilson interval; 4e-14 of a quantile",
    "statistics/records": "ends of intervals, by SciPy's quantile of Student's t: the last digits",
    "study/summary": "ends of intervals, by SciPy's quantile of Student's t: the last digits",
    "jacobian/feedback_gain": "SciPy solves the Riccati equation, nearer to a solution of 60 digits than our own loop",
    "plan/carried_out": "its feedback gain is SciPy's",
    "plan/feedback": "its feedback gain is SciPy's",
    "plan/numbers_gradient": "a latent carries the last action, so products round differently; record controls",
    "plan/numbers_path_integral": "noise is weighed by a sum, not a matrix product; record controls",
    "study/script": "the first state did not have this study",
    "study/plans": "the first state did not have this study",
    "study/maps": "it keeps the planner's walks too",
    "study/exp1": "it measures the exact penalty on networks too",
    "study/exp3": "some starts are a stratified sample; an exact and tame model, several horizons, a larger room",
    "study/exp4": "some starts are a stratified sample; the lesson's model, the printed loss at its best temperature",
}
"""Probes that differ on purpose, and why. Whoever adds one says what became better."""

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILT = ROOT / "_build" / "guard"


def first_tree() -> Path:
    """The first state's tree, written from the repository the first time."""
    tree = BUILT / "first"
    if not tree.is_dir():
        packed = subprocess.run(["git", "archive", FIRST], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
        partial = BUILT / f"first-{os.getpid()}"
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(partial, filter="data")
        partial.rename(tree)
    return tree


def names(only: list[str] | None) -> list[str]:
    """The probes that are asked for, of both sides, the first state's first."""
    found: dict[str, None] = {}
    for script, tree in (("first.py", first_tree()), ("now.py", ROOT)):
        # A side that cannot even be imported has no names; its probes are missing then.
        listed = _python(script, tree, ["--list"], only, stdout=subprocess.PIPE).stdout.decode()
        found |= dict.fromkeys(listed.split())
    return list(found)


def run(script: str, tree: Path, only: list[str]) -> dict[str, dict]:
    """What one side's probes find, see ``run`` in ``first.py``."""
    out = BUILT / f"{script}-{os.getpid()}.pt"
    try:
        ended = _python(script, tree, ["--out", str(out)], only)
        return torch.load(out, weights_only=True) if ended.returncode == 0 else {}
    finally:
        out.unlink(missing_ok=True)


def _python(script: str, tree: Path, arguments: list[str], only: list[str] | None, **options):
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    asked = ["--only", *only] if only else []
    command = [sys.executable, str(HERE / script), *arguments, *asked]
    return subprocess.run(command, cwd=tree, env=environment, check=False, **options)


def first_side(only: list[str]) -> dict[str, dict]:
    """What the first state finds: kept in a file, in which only what is missing is computed."""
    key = {
        "script": hashlib.sha256((HERE / "first.py").read_bytes()).hexdigest(),
        "commit": FIRST,
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "processor": torch.backends.cpu.get_cpu_capability(),
    }
    path, kept = BUILT / "first.pt", {}
    if path.is_file():
        stored = torch.load(path, weights_only=True)
        kept = stored["results"] if stored["key"] == key else {}
    lacking = [name for name in only if name not in kept]
    if lacking:
        print(f"The first state, {FIRST}: {len(lacking)} probes", file=sys.stderr)
        found = run("first.py", first_tree(), lacking)
        kept |= {name: result for name, result in found.items() if "found" in result}
        partial = path.with_suffix(f".{os.getpid()}")
        torch.save({"key": key, "results": kept}, partial)
        partial.replace(path)
        return kept | found
    return kept


def differences(first, now, place: str = "") -> Iterator[tuple[str, float]]:
    """Where two finds differ in a bit, and by how much at the most (nan where that cannot be said)."""
    if isinstance(first, dict) and isinstance(now, dict):
        for key in [*first, *(key for key in now if key not in first)]:
            at = f"{place}.{key}".lstrip(".")
            if key not in first or key not in now:
                yield f"{at} (only {'now' if key in now else 'first'})", float("nan")
            else:
                yield from differences(first[key], now[key], at)
    elif isinstance(first, list) and isinstance(now, list):
        if len(first) != len(now):
            yield f"{place} (length {len(first)}, now {len(now)})", float("nan")
        for index, (one, other) in enumerate(zip(first, now, strict=False)):
            yield from differences(one, other, f"{place}[{index}]")
    elif isinstance(first, Tensor) and isinstance(now, Tensor):
        yield from _tensors(first, now, place)
    elif _bits(first) != _bits(now):
        pair = [value for value in (first, now) if isinstance(value, int | float)]
        yield f"{place} ({first!r}, now {now!r})", abs(pair[0] - pair[1]) if len(pair) == 2 else float("nan")


def _tensors(first: Tensor, now: Tensor, place: str) -> Iterator[tuple[str, float]]:
    if first.dtype != now.dtype or first.shape != now.shape:
        kinds = [f"{str(each.dtype).removeprefix('torch.')} {tuple(each.shape)}" for each in (first, now)]
        yield f"{place} ({kinds[0]}, now {kinds[1]})", float("nan")
        return
    if first.numel() == 0:
        return
    bits = [each.reshape(-1, 1).contiguous().view(torch.uint8) for each in (first, now)]
    wrong = (bits[0] != bits[1]).any(dim=1).nonzero()[:, 0]
    if len(wrong):
        at = [int(index) for index in torch.unravel_index(wrong[0], first.shape)]
        old, new = (each.reshape(-1)[wrong] for each in (first, now))
        where = f"{place}{at} ({old[0].item()!r}, now {new[0].item()!r}; {len(wrong)} of {first.numel()})"
        yield where, float((old.double() - new.double()).abs().max())


def _bits(value) -> tuple[str, object]:
    """A number's or word's kind and bits."""
    return type(value).__name__, struct.pack("<d", value) if isinstance(value, float) else value


def verdict(first: dict | None, now: dict | None) -> tuple[str, bool]:
    """One probe's result in words, and whether it is the same."""
    for side, result in (("first", first), ("now", now)):
        if result is None or "error" in result:
            return (
                f"missing {side}: {'no such probe, or that side did not run' if result is None else result['error']}",
                False,
            )
    found = list(differences(first["found"], now["found"]))
    if not found:
        return "same", True
    sizes = [size for _, size in found if size == size]
    most = f"max abs difference {max(sizes):.3g}" if sizes else "not comparable"
    return f"DIFFERS: {most}, in {len(found)} places, first {found[0][0]}", False


def main() -> int:
    """Run both sides and compare."""
    parser = argparse.ArgumentParser(prog="python tools/guard", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="names, beginnings or patterns of probes")
    parser.add_argument("--list", action="store_true", help="print the probes' names and end")
    options = parser.parse_args()
    BUILT.mkdir(parents=True, exist_ok=True)
    asked = names(options.only)
    if options.list:
        print(
            "\n".join(f"{name}  (expected to differ: {EXPECTED[name]})" if name in EXPECTED else name for name in asked)
        )
        return 0
    if not asked:
        print(f"no probe is called {' or '.join(options.only or [])}; see --list", file=sys.stderr)
        return 1
    before = first_side(asked)
    print(f"The working tree: {len(asked)} probes", file=sys.stderr)
    after = run("now.py", ROOT, asked)
    failed, different, times = 0, 0, [0.0, 0.0]
    for name in asked:
        first, now = before.get(name), after.get(name)
        words, same = verdict(first, now)
        if name in EXPECTED:
            words += f"  (expected to differ: {EXPECTED[name]})"
        different += not same
        failed += not same and not (name in EXPECTED and words.startswith(("DIFFERS", "missing")))
        seconds = [0.0 if side is None else side["seconds"] for side in (first, now)]
        times = [total + own for total, own in zip(times, seconds, strict=True)]
        print(f"{name}: {words}  [{seconds[0]:.1f} s, now {seconds[1]:.1f} s]", flush=True)
    spent = f"{times[0]:.0f} s first, {times[1]:.0f} s now"
    print(f"{len(asked)} probes, {len(asked) - different} the same, {failed} that must not differ; {spent}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
