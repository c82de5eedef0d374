"""Seed defects, one at a time, and see that the tests catch each: a check of the tests.

    python tools/defects.py                  all of them, some minutes
    python tools/defects.py --only NAME ...  some of them
    python tools/defects.py --list           what they are

Each is a small change that a tired author could make. It is made in a copy of the working tree, its test is run there
and must fail. A defect whose text is no longer found once in its file "no longer applies": write it for the new code.
The exit status is 0 when every defect was caught, by a test that passes without it.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Defect(NamedTuple):
    """``old`` stands once in ``file`` and becomes ``new``; pytest, given ``test``, is to fail then."""

    name: str
    file: str
    old: str
    new: str
    test: str


DEFECTS = [
    # ------------------------------------------------------------ helm_tutorial
    Defect(
        "the gradient planner keeps the real actions after the step, and the cost of those before it",
        "helm_tutorial/planning/gradient.py",
        "best.offer(actions, cost)",
        "best.offer(self.decode(x.detach()), cost)",
        "tests/core/test_gradient.py tests/core/test_planners.py",
    ),
    Defect(
        "a plan's cost is that of the relaxed iterate, not scored again",
        "helm_tutorial/planning/gradient.py",
        "decoded_cost = self.score(model, z0, goal, decoded)",
        "decoded_cost = cost",
        "tests/core/test_gradient.py tests/core/test_planners.py",
    ),
    Defect(
        "InfoNCE without its temperature",
        "helm_tutorial/models/losses.py",
        "scores = similarities(anchors, positives, similarity) / temperature",
        "scores = similarities(anchors, positives, similarity)",
        "tests/core/test_losses.py",
    ),
    Defect(
        "positives run past the walk's end into its beginning",
        "helm_tutorial/models/losses.py",
        "(t + gap).clamp_max(points - 1)",
        "(t + gap) % points",
        "tests/core/test_losses.py",
    ),
    Defect(
        "the spectral penalty averages over the state Jacobian's rows instead of summing",
        "helm_tutorial/cliff/penalties.py",
        "state.flatten(1).pow(2).sum(dim=1)",
        "state.pow(2).sum(dim=2).mean(dim=1)",
        "tests/core/test_penalties.py",
    ),
    Defect(
        "Hutchinson's probes are the same at every call",
        "helm_tutorial/cliff/penalties.py",
        "torch.randint(0, 2, z_next.shape, generator=generator)",
        "torch.randint(0, 2, z_next.shape, generator=torch.Generator().manual_seed(0))",
        "tests/core/test_penalties.py",
    ),
    Defect(
        "mollification without the one half in its exponent",
        "helm_tutorial/funnel/landscape.py",
        "torch.exp(-0.5 * sigma**2",
        "torch.exp(-1.0 * sigma**2",
        "tests/core/test_landscape.py",
    ),
    Defect(
        "coarse to fine with steps longer than two over the curvature",
        "helm_tutorial/funnel/descent.py",
        "size = 1.0 / level.highest_curvature()",
        "size = 2.1 / level.highest_curvature()",
        "tests/core/test_funnel_descent.py",
    ),
    Defect(
        "an episode that ends counts as a success, whatever the reward",
        "helm_tutorial/worlds/gridworld.py",
        "= terminated and reward > 0, terminated or truncated",
        "= terminated, terminated or truncated",
        "tests/core/test_episodes.py",
    ),
    Defect(
        "prediction accuracy asks for the state where one is, not the next",
        "helm_tutorial/diagnosis.py",
        "z[following], ends.flatten())",
        "z, torch.arange(count).repeat_interleave(num_actions))",
        "tests/core/test_diagnosis.py",
    ),
    Defect(
        "rank correlation gives tied values no mean rank",
        "helm_tutorial/diagnosis.py",
        "rankdata(values.detach().cpu().numpy())",
        'rankdata(values.detach().cpu().numpy(), method="max")',
        "tests/core/test_diagnosis.py",
    ),
    Defect(
        "a recipe's batches are drawn from torch's global seed",
        "helm_tutorial/models/losses.py",
        "walk = torch.randint(count, (batch,), generator=generator)",
        "walk = torch.randint(count, (batch,))",
        "tests/core/test_recipes.py -k repeats_with_its_seed",
    ),
    Defect(
        "walks follow one action and write down another",
        "helm_tutorial/worlds/gridworld.py",
        "states[:, t + 1] = self.transitions[states[:, t], actions[:, t]]",
        "states[:, t + 1] = self.transitions[states[:, t], actions[:, t - 1]]",
        "tests/core/test_gridworld.py",
    ),
    # ------------------------------------------------------------ helm_study
    Defect(
        "Student's t with as many degrees of freedom as values",
        "helm_study/intervals.py",
        "t_quantile(0.5 + level / 2, n - 1)",
        "t_quantile(0.5 + level / 2, n)",
        "tests/study/test_statistics.py",
    ),
    Defect(
        "a verdict on a pillar looks at means and ignores their intervals",
        "helm_study/claims/pillars.py",
        "for planner, _, horizon in COSTED]\n    return _over_cases([gap.low > line for gap in gaps], "
        "[gap.high < line for gap in gaps])",
        "for planner, _, horizon in COSTED]\n    return _over_cases([gap.mean > line for gap in gaps], "
        "[gap.mean < line for gap in gaps])",
        "tests/study/test_report_card.py",
    ),
    Defect(
        "resuming runs the finished seeds again",
        "helm_study/reproduce.py",
        "seeds = [seed for seed in seeds if seed not in done]",
        "seeds = list(seeds)",
        "tests/study/test_reproduce.py",
    ),
    Defect(
        "a record is written in place, so that an interruption leaves half of it",
        "helm_study/records.py",
        '        with os.fdopen(descriptor, "wb") as file:\n',
        '        with open(path, "wb") as file:\n',
        "tests/study/test_reproduce.py",
    ),
    # ------------------------------------------------------------ helm_book
    Defect(
        "a page's slider shows the setting beside the one it names",
        "helm_book/explorer/page/explorer.js",
        "helm.position = (at, sizes) => at.reduce((index, i, k) => index * sizes[k] + i, 0);",
        "helm.position = (at, sizes) => Math.max(0, at.reduce((index, i, k) => index * sizes[k] + i, 0) - 1);",
        "tests/book/test_explorer_page.py -k keys_move",
    ),
    Defect(
        "a figure marks the lower end of an interval as its mean",
        "helm_book/figures/intervals.py",
        'axes.plot([metric["mean"]], [row], "|"',
        'axes.plot([metric["low"]], [row], "|"',
        "tests/book/test_figures_grid_intervals.py",
    ),
    Defect(
        "the exercises' judge takes a number of the wrong sign",
        "helm_book/exercises/judging.py",
        "return math.isclose(float(found), wanted,",
        "return math.isclose(abs(float(found)), abs(wanted),",
        "tests/book/test_exercises.py -k judged",
    ),
]


def copy_of_the_tree(to: Path) -> None:
    """What git knows of and what it does not ignore, as it is now."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def run_tests(tree: Path, test: str) -> subprocess.CompletedProcess:
    """pytest in ``tree``, which its imports come from; ``test`` is one test, or files with perhaps ``-k NAME``."""
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    asked = [test] if "::" in test else shlex.split(test)
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *asked]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)


def seed(tree: Path, defect: Defect) -> str:
    """Make the defect, run its test, and undo it: "caught", "NOT CAUGHT", or why that cannot be said."""
    path = tree / defect.file
    sound = path.read_text(encoding="utf-8") if path.is_file() else ""
    if sound.count(defect.old) != 1:
        return f"NO LONGER APPLIES: its text stands {sound.count(defect.old)} times in {defect.file}"
    path.write_text(sound.replace(defect.old, defect.new), encoding="utf-8")
    try:
        ran = run_tests(tree, defect.test)
    finally:
        path.write_text(sound, encoding="utf-8")
    failed = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if ran.returncode == 1 and failed:
        by = failed[0].removeprefix("FAILED ").removeprefix("ERROR ").split(" - ")[0]
        without = run_tests(tree, by)
        return f"caught by {by}" if without.returncode == 0 else f"NOT CAUGHT: {by} fails without the defect too"
    if ran.returncode == 0:
        return f"NOT CAUGHT by {defect.test}"
    return f"CANNOT BE SAID, pytest ends with {ran.returncode}: {(ran.stdout + ran.stderr).strip()[-300:]}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only defects with this in their name")
    parser.add_argument("--list", action="store_true", help="say what the defects are")
    asked = parser.parse_args(arguments)
    chosen = [d for d in DEFECTS if not asked.only or any(part.lower() in d.name.lower() for part in asked.only)]
    if not chosen:
        parser.error(f"no defect has {' or '.join(asked.only)} in its name; --list says what there is")
    if asked.list:
        print("\n".join(f"{defect.name}\n    {defect.file}; {defect.test}" for defect in chosen))
        return 0
    with tempfile.TemporaryDirectory(prefix="defects-") as folder:
        tree = Path(folder)
        copy_of_the_tree(tree)
        missed = []
        for number, defect in enumerate(chosen, 1):
            began = time.monotonic()
            found = seed(tree, defect)
            if not found.startswith("caught"):
                missed.append(defect.name)
            print(f"{number:2} {defect.name}\n   {found} ({time.monotonic() - began:.0f} s)", flush=True)
    print(f"{len(chosen)} defects, {len(missed)} not caught or not to be said")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
