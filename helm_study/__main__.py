"""The command line, ``python -m helm_tutorial``.

Example: ``python -m helm_tutorial reproduce exp1 --seeds 5 --json exp1.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Collection
from functools import partial
from pathlib import Path

from helm_study import records, reproduce
from helm_study.registry import STUDIES


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        # One clear line; argparse would print the usage before it.
        sys.stderr.write(f"{self.prog}: error: {message}\n")
        raise SystemExit(2)


class _Command(_Parser):
    def format_help(self) -> str:
        # Importing all studies takes time, so they are imported only when help is asked for.
        self.epilog = "\n".join(["studies:", *(f"  {name:<12}{study.summary}" for name, study in STUDIES.items())])
        return super().format_help()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status.

    The status is 0 after a full run, 2 for bad arguments and 130 after an interruption.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        seeds = reproduce.check_seeds(_seeds(options))
        if options.jobs is not None and not 1 <= options.jobs <= 64:
            raise ValueError(f"--jobs must be between 1 and 64, got {options.jobs}")
        names = list(STUDIES) if options.experiment == "all" else [options.experiment]
        configs = {name: _configure(name, options) for name in names}
        if options.json is not None:
            _check_writable(options.json)
        earlier, record = _found(options, configs, seeds)
        for name, result in earlier.items():
            reproduce.seeds_done(result, name, configs[name], seeds, options.only)
    except (TypeError, ValueError, OSError) as error:
        parser.error(str(error))

    import torch

    # Small networks run fastest on one thread, and then a result does not depend on the number of cores.
    torch.set_num_threads(1)
    results: dict[str, dict] = dict(earlier)
    # Arms are added to a record once all seeds have them; until then they are kept in a separate file.
    target = options.json if record is None else _part(options)

    def finished(result: dict) -> None:
        results[result["experiment"]] = result
        if target is not None:
            records.write(target, list(results.values()) if options.experiment == "all" else result)

    for name, config in configs.items():
        progress = _Progress(name, len(seeds))
        try:
            reproduce.reproduce(
                name,
                seeds,
                config,
                only=options.only,
                jobs=options.jobs or reproduce.usual_jobs(name),
                earlier=earlier.get(name),
                command=partial(_command, name, config, options),
                progress=progress,
                finished=finished,
            )
        except KeyboardInterrupt:
            progress.close()
            kept = len(results[name]["seeds"]) if name in results else 0
            sys.stderr.write(f"interrupted: {kept} of {len(seeds)} seeds of {name} are kept\n")
            if name in results:
                print(table(results[name]))
            return 130
        progress.close()
        print(table(results[name]))
    if record is not None:
        records.write(options.json, reproduce.with_arms(record, results[options.experiment]))
        Path(_part(options)).unlink()
    if options.json is not None:
        print(f"written to {options.json}")
    return 0


def table(result: dict) -> str:
    """Format a result as an aligned text table.

    Columns: metric, mean, interval, the report's figure, meaning.
    """
    seeds = ",".join(map(str, result["seeds"]))
    lines = [
        f"{result['experiment']}: {len(result['seeds'])} seeds ({seeds}), {result['seconds']:.0f} s; "
        f"interval: {result['interval']}"
    ]
    if "missing" in result:
        lines.append(f"  without the arms {', '.join(result['missing'])}")
    rows = [("metric", "mean", "interval", "report", "what it is")]
    for name, metric in result["metrics"].items():
        reported = "" if metric["reported"] is None else f"{metric['reported']:.4g}"
        interval = f"{metric['low']:.4g} to {metric['high']:.4g}" if len(result["seeds"]) > 1 else "one seed"
        rows.append((name, f"{metric['mean']:.4g}", interval, reported, metric["meaning"]))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for name, mean, interval, reported, meaning in rows:
        lines.append(
            f"  {name:<{widths[0]}}  {mean:>{widths[1]}}  {interval:>{widths[2]}}  {reported:>{widths[3]}}  {meaning}"
        )
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m helm_tutorial", description="Run the studies of the book again.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Command)
    command = commands.add_parser(
        "reproduce", help="run a study over seeds", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = (*STUDIES, "all")
    command.add_argument("experiment", choices=names, metavar="{" + ",".join(names) + "}")
    chosen = command.add_mutually_exclusive_group()
    chosen.add_argument("--seeds", type=int, metavar="N", help="run seeds 0 to N-1 (default: 5, with --quick 2)")
    chosen.add_argument("--seed-list", metavar="0,1,2", help="run these seeds")
    command.add_argument(
        "--env", metavar="ID", help="MiniGrid environment of every study that takes place in one; others refuse it"
    )
    command.add_argument("--layout-seed", type=int, metavar="N", help="seed that draws its layout, from 0 (default: 0)")
    command.add_argument(
        "--only",
        nargs="+",
        default=(),
        metavar="ARM",
        help="run these arms of the study, into the record in FILE if any",
    )
    command.add_argument("--quick", action="store_true", help="small: shows that it runs, not what is true")
    command.add_argument("--json", metavar="FILE", help="write the result here, after every seed")
    command.add_argument(
        "--resume", action="store_true", help="go on from what FILE has: only its missing seeds are run"
    )
    command.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="processes that share the seeds (default: 1; one a core where seeds are trained side by side)",
    )
    return parser


def _found(options: argparse.Namespace, configs: dict, seeds: list[int]) -> tuple[dict[str, dict], dict | None]:
    """Find results to resume from, by study, and the record to add arms to."""
    if options.resume and options.json is None:
        raise ValueError("--resume needs --json, the file to go on from")
    if not options.only:
        return (_read(options.json, configs) if options.resume else {}), None
    if options.experiment == "all":
        raise ValueError("--only needs one study, got all")
    name = options.experiment
    study, config = STUDIES[name], configs[name]
    others = [arm for arm in study.arms if arm not in study.chosen(options.only)]
    record = _read(options.json, configs).get(name) if options.json is not None else None
    if record is None:
        return {}, None
    if options.resume and study.missing(record["metrics"]) == others:
        return {name: record}, None
    reproduce.require_same("the record", record, name, config, seeds=sorted(seeds))
    return (_read(_part(options), configs) if options.resume else {}), record


def _read(path: str, names: Collection[str]) -> dict[str, dict]:
    """Read the results in a file, by study; none if the file does not exist yet."""
    if not Path(path).exists():
        return {}
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        results = {result["experiment"]: result for result in (found if isinstance(found, list) else [found])}
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"--resume and --only need a file that --json wrote, got {path}") from None
    for name in results:
        if name not in names:
            raise ValueError(f"{path} must be a file of {' or '.join(names)}, got one of {name}")
    return results


def _part(options: argparse.Namespace) -> str:
    """Return the path of the file that keeps arms until all seeds have them."""
    return f"{options.json}.part"


def _seeds(options: argparse.Namespace) -> list[int]:
    if options.seed_list is not None:
        try:
            return [int(text) for text in options.seed_list.split(",")]
        except ValueError:
            raise ValueError(f"--seed-list must be integers with commas between, got {options.seed_list!r}") from None
    count = options.seeds if options.seeds is not None else (2 if options.quick else 5)
    if not 1 <= count <= reproduce.MOST_SEEDS:
        raise ValueError(f"--seeds must be between 1 and {reproduce.MOST_SEEDS}, got {count}")
    return list(range(count))


def _configure(name: str, options: argparse.Namespace):
    # `all --env ID` applies to every study that lets its environment be chosen.
    chosen = {
        option: getattr(options, option)
        for option in ("env", "layout_seed")
        if options.experiment != "all" or reproduce.takes(name, option)
    }
    return reproduce.configure(name, quick=options.quick, **chosen)


def _command(name: str, config, options: argparse.Namespace, seeds: list[int]) -> str:
    """Return the command that reproduces this experiment's result."""
    words = ["python -m helm_tutorial reproduce", name]
    words.append(
        f"--seeds {len(seeds)}" if seeds == list(range(len(seeds))) else "--seed-list " + ",".join(map(str, seeds))
    )
    if options.env is not None and reproduce.takes(name, "env"):
        words.append(f"--env {config.env}")
    if options.layout_seed is not None and reproduce.takes(name, "layout_seed"):
        words.append(f"--layout-seed {config.layout_seed}")
    if options.quick:
        words.append("--quick")
    if options.only:
        words.append("--only " + " ".join(options.only))
    return " ".join(words)


def _check_writable(path: str) -> None:
    target = Path(path).resolve()
    folder = target.parent
    if target.is_dir():
        raise ValueError(f"--json must name a file, got the folder {path}")
    if not folder.is_dir():
        raise ValueError(f"--json must name a file in an existing folder, but there is no {folder}")
    if target.exists() and not target.is_file():
        raise ValueError(f"--json must name an ordinary file, got {path}")
    try:
        # Permission bits prove nothing, least of all for an administrator, so try to write.
        descriptor, trial = tempfile.mkstemp(dir=folder)
        os.close(descriptor)
        os.unlink(trial)
    except OSError as error:
        raise ValueError(f"--json must name a file that can be written, got {path}: {error.strerror}") from error


class _Progress:
    """A progress line on standard error.

    On a terminal it is rewritten in place; elsewhere there is one line for each seed.
    """

    def __init__(self, name: str, seeds: int):
        self.name, self.seeds, self.began, self.seen = name, seeds, time.monotonic(), []
        self.live = sys.stderr.isatty()

    def __call__(self, seed: int, message: str, fraction: float) -> None:
        fresh = seed not in self.seen
        if fresh:
            self.seen.append(seed)
        elapsed = time.monotonic() - self.began
        line = (
            f"{self.name} [{elapsed:4.0f} s] seed {seed} ({len(self.seen)} of {self.seeds}), {fraction:4.0%} {message}"
        )
        if self.live:
            sys.stderr.write(f"\r\033[K{line}")
        elif fresh:
            sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def close(self) -> None:
        if self.live:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def begin() -> int:
    """Run the command line as a program.

    A termination signal counts as an interruption too, so finished seeds are kept.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return main()


if __name__ == "__main__":
    sys.exit(begin())
