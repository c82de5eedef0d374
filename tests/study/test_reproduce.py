"""The command line and the record: what it writes, what it refuses, what an interruption keeps."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace

import pytest

from helm_study import __main__ as command
from helm_study import records, reproduce
from helm_study.metric import Metric
from helm_study.registry import STUDIES
from helm_study.study import Study, each_seed

ROW = "python -m helm_tutorial reproduce tiny"


@dataclass(frozen=True)
class Config:
    scale: float = 2.0

    @classmethod
    def quick(cls):
        return cls(scale=1.0)


@pytest.fixture
def ran():
    """What ran, as pairs of an arm and a seed."""
    return []


@pytest.fixture
def tiny(monkeypatch, ran):
    """A real run of the command line over a study of two arms that costs nothing; its third seed is interrupted."""

    @each_seed
    def measure(config, seed, tell):
        def share():
            tell("thinking", 0.5)
            ran.append(("share", seed))
            if seed == 3 and ran.count(("share", 3)) == 1:
                raise KeyboardInterrupt
            picture = {"picture": {"seed": 0, "parts": {"share": [1]}}} if seed == 0 else {}
            return {"share": 0.5 + seed / 10, **picture}

        def ratio():
            ran.append(("ratio", seed))
            picture = {"picture": {"seed": 0, "parts": {"ratio": [2]}}} if seed == 0 else {}
            return {"ratio": math.nan if seed == 0 else config.scale, **picture}

        return {"share": share, "ratio": ratio}

    metrics = {
        "share": Metric("fraction", "a share", 0.25),
        "sum": Metric("ratio", "of both"),
        "ratio": Metric("ratio", "a ratio"),
    }
    study = Study(
        "tiny",
        "Cost nothing.",
        Config,
        metrics,
        {"share": ("share",), "ratio": ("ratio",)},
        measure,
        extras=("picture",),
        derive=lambda values: {"sum": values["share"] + values["ratio"]},
    )
    for module in (reproduce, command):
        monkeypatch.setattr(module, "STUDIES", {**STUDIES, "tiny": study})
    return study


def refused(*line):
    with pytest.raises(SystemExit) as stop:
        command.main(["reproduce", *line])
    assert stop.value.code == 2


def test_result_has_the_promised_form(tiny, tmp_path, capsys):
    target = tmp_path / "tiny.json"
    assert command.main(["reproduce", "tiny", "--seeds", "3", "--json", str(target)]) == 0
    result = json.loads(target.read_text())
    assert list(result) == [
        "schema", "experiment", "config", "seeds", "interval", "versions", "date", "command", "seconds", "metrics",
        "picture",
    ]  # fmt: skip
    assert result["seeds"] == [0, 1, 2] and result["config"] == {"scale": 2.0}
    assert result["command"] == f"{ROW} --seeds 3" and list(result["metrics"]) == ["share", "sum", "ratio"]
    share = result["metrics"]["share"]
    assert share["values"] == [0.5, 0.6, 0.7]
    assert share["low"] < share["mean"] == pytest.approx(0.6) and share["high"] <= 1.0
    assert share["reported"] == 0.25 and share["unit"] == "fraction"
    # A seed without a value is null, and the mean is over the others.
    assert result["metrics"]["ratio"]["values"] == [None, 2.0, 2.0]
    assert result["metrics"]["ratio"]["mean"] == 2.0
    assert result["picture"] == {"seed": 0, "parts": {"share": [1], "ratio": [2]}}
    out = capsys.readouterr()
    assert "share" in out.out and "0.25" in out.out and f"written to {target}" in out.out
    assert "tiny" in out.err and "seed 2 (3 of 3)" in out.err
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.json"]


def test_interruption_keeps_the_finished_seeds(tiny, tmp_path, capsys):
    target = tmp_path / "tiny.json"
    assert command.main(["reproduce", "tiny", "--seed-list", "1,2,3,4", "--json", str(target)]) == 130
    assert json.loads(target.read_text())["seeds"] == [1, 2]
    assert "interrupted: 2 of 4 seeds of tiny are kept" in capsys.readouterr().err


def test_a_resumed_run_makes_only_what_is_missing_and_ends_as_if_uninterrupted(tiny, ran, tmp_path, capsys):
    target = tmp_path / "tiny.json"
    line = ["reproduce", "tiny", "--json", str(target), "--resume", "--seed-list", "0,2,3,4"]
    assert command.main(line) == 130
    assert command.main(line) == 0
    assert [seed for arm, seed in ran if arm == "share"] == [0, 2, 3, 3, 4]
    resumed = json.loads(target.read_text())
    assert resumed["metrics"]["ratio"]["values"] == [None, 2.0, 2.0, 2.0] and resumed["picture"]["seed"] == 0
    assert resumed["command"] == f"{ROW} --seed-list 0,2,3,4"
    count = len(ran)
    assert command.main(line) == 0
    assert len(ran) == count and json.loads(target.read_text()) == resumed


def test_an_arm_goes_into_a_record_which_says_where_it_is_from_and_keeps_the_rest(tiny, ran, tmp_path, capsys):
    target = tmp_path / "tiny.json"
    assert command.main(["reproduce", "tiny", "--seeds", "3", "--json", str(target)]) == 0
    record = json.loads(target.read_text())
    record["versions"]["torch"], record["metrics"]["ratio"]["values"][1] = "1.0", 7.0
    record["metrics"]["share"]["low"] = 0.123
    target.write_text(json.dumps(record))
    ran.clear()
    assert command.main(["reproduce", "tiny", "--seeds", "3", "--only", "ratio", "--json", str(target)]) == 0
    assert ran == [("ratio", 0), ("ratio", 1), ("ratio", 2)]
    merged = json.loads(target.read_text())
    assert merged["metrics"]["ratio"]["values"] == [None, 2.0, 2.0]
    assert merged["metrics"]["share"] == record["metrics"]["share"] and merged["picture"] == record["picture"]
    assert merged["metrics"]["sum"]["values"] == [None, 2.6, 2.7] and list(merged["metrics"]) == [
        "share",
        "sum",
        "ratio",
    ]
    whence = merged["arms"].pop("ratio")
    assert not merged["arms"] and whence.pop("seconds") >= 0.0
    assert whence == {
        "metrics": ["ratio"],
        "command": f"{ROW} --seeds 3 --only ratio",
        "date": merged["date"],
        "versions": reproduce.versions(),
        "seeds": [0, 1, 2],
    }
    assert {key: merged[key] for key in ("command", "versions")} == {
        key: record[key] for key in ("command", "versions")
    }
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.json"]


def test_a_new_record_of_some_arms_says_which_are_missing_until_they_are_there(tiny, tmp_path, capsys):
    target = tmp_path / "tiny.json"
    line = ["reproduce", "tiny", "--seeds", "2", "--json", str(target), "--only"]
    assert command.main([*line, "ratio"]) == 0
    first = json.loads(target.read_text())
    assert first["missing"] == ["share"] and list(first["metrics"]) == ["ratio"] and "arms" not in first
    assert "without the arms share" in capsys.readouterr().out
    assert command.main([*line, "share"]) == 0
    both = json.loads(target.read_text())
    assert (
        "missing" not in both and list(both["metrics"]) == ["share", "sum", "ratio"] and list(both["arms"]) == ["share"]
    )
    assert both["picture"]["parts"] == {"ratio": [2], "share": [1]}


def test_interrupted_arms_are_kept_beside_the_record_and_resumed(tiny, ran, tmp_path, capsys):
    target = tmp_path / "tiny.json"
    seeds = ["--seed-list", "0,2,3,4", "--json", str(target)]
    assert command.main(["reproduce", "tiny", *seeds, "--only", "ratio"]) == 0
    record = target.read_text()
    assert command.main(["reproduce", "tiny", *seeds, "--only", "share"]) == 130
    assert target.read_text() == record and json.loads((tmp_path / "tiny.json.part").read_text())["seeds"] == [0, 2]
    assert command.main(["reproduce", "tiny", *seeds, "--only", "share", "--resume"]) == 0
    assert [seed for arm, seed in ran if arm == "share"] == [0, 2, 3, 3, 4]
    assert "missing" not in json.loads(target.read_text()) and not (tmp_path / "tiny.json.part").exists()
    # A record of these arms alone that was interrupted is gone on with as it is.
    ran.clear()
    target.unlink()
    line = ["reproduce", "tiny", *seeds, "--only", "share"]
    assert command.main(line) == 130 and json.loads(target.read_text())["seeds"] == [0, 2]
    assert command.main([*line, "--resume"]) == 0 and "arms" not in json.loads(target.read_text())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["tiny", "--seeds", "2", "--only", "best"], "each arm of tiny must be one of 'share', 'ratio', got 'best'"),
        (
            ["tiny", "--seeds", "3", "--only", "ratio"],
            "the record must have the same seeds as",
        ),
        (["tiny", "--seeds", "2", "--quick", "--only", "ratio"], "the record must have the same config"),
        (["all", "--seeds", "2", "--only", "ratio"], "--only needs one study, got all"),
        (["exp1", "--seeds", "2", "--only", "linear"], "must be a file of exp1, got one of tiny"),
    ],
)
def test_arms_go_into_no_other_record(tiny, tmp_path, capsys, line, message):
    target = tmp_path / "tiny.json"
    assert command.main(["reproduce", "tiny", "--seeds", "2", "--json", str(target)]) == 0
    before = target.read_text()
    capsys.readouterr()
    refused(*line, "--json", str(target))
    assert message in capsys.readouterr().err and target.read_text() == before


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        ({}, ["--seeds", "1"], "earlier must have no seeds but those that are asked for, got also [1]"),
        (
            {},
            ["--seeds", "2", "--quick"],
            "earlier must have the same config as what is asked for, {'scale': 1.0}, got",
        ),
        ({"versions": {"torch": "1"}}, ["--seeds", "2"], "earlier must have the same versions"),
        ({"experiment": "exp9"}, ["--seeds", "2"], "must be a file of tiny, got one of exp9"),
        ({"metrics": {}}, ["--seeds", "2"], "earlier must have the metrics that this version"),
    ],
)
def test_only_a_part_of_the_same_is_resumed(tiny, tmp_path, capsys, change, line, message):
    target = tmp_path / "tiny.json"
    assert command.main(["reproduce", "tiny", "--seeds", "2", "--json", str(target)]) == 0
    before = json.dumps(json.loads(target.read_text()) | change)
    target.write_text(before)
    refused("tiny", *line, "--json", str(target), "--resume")
    assert message in capsys.readouterr().err
    assert target.read_text() == before


def test_what_is_no_result_is_not_resumed(tiny, tmp_path, capsys):
    target = tmp_path / "notes.json"
    target.write_text("[1, 2")
    for line, message in (
        (["--json", str(target)], "--resume and --only need a file that --json wrote"),
        ([], "--resume needs --json, the file to go on from"),
    ):
        refused("tiny", "--resume", *line)
        assert message in capsys.readouterr().err


@pytest.mark.whole
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_processes_stop_at_once_and_keep_what_is_finished(tmp_path, told):
    target = tmp_path / "errors.json"
    words = [sys.executable, "-m", "helm_tutorial", "reproduce", "errors", "--quick", "--seeds", "200", "--jobs", "2"]
    # A shell starts its background jobs, and what they start, with SIGINT ignored: here it must count.
    running = subprocess.Popen(
        [*words, "--json", str(target)],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        for _ in range(600):
            time.sleep(0.2)
            if target.exists():
                break
        os.kill(running.pid, told)
        assert running.wait(timeout=60) == 130
    finally:
        running.kill()
    result = json.loads(target.read_text())
    assert 1 <= len(result["seeds"]) < 200
    assert all(len(metric["values"]) == len(result["seeds"]) for metric in result["metrics"].values())


def test_an_exploded_norm_is_not_left_out(tiny):
    results = {0: {"share": 0.1, "ratio": math.inf}, 1: {"share": 0.1, "ratio": 2.0}}
    entry = reproduce.summarise("tiny", Config(), results, 0.0)
    assert entry["metrics"]["ratio"]["mean"] == math.inf


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["exp9"], "invalid choice: 'exp9'"),
        (["exp3", "--env", "Nowhere-v0"], "env must be a registered MiniGrid environment"),
        (["exp3", "--env", "MiniGrid-DoorKey-5x5-v0"], "has door, key: its state is more than where the agent stands"),
        (["exp1", "--env", "MiniGrid-Empty-8x8-v0"], "env must not be given for exp1"),
        (
            ["exp1", "--layout-seed", "3"],
            "layout_seed must not be given for exp1, which has no layout to choose, got 3",
        ),
        (["exp3", "--layout-seed", "-1"], "layout_seed must be at least 0, got -1"),
        (
            ["worlds", "--env", "MiniGrid-FourRooms-v0"],
            "worlds, which has no environment to choose, got 'MiniGrid-Four",
        ),
        (["all", "--layout-seed=-1"], "layout_seed must be at least 0, got -1"),
        (["exp1", "--seeds", "1000000"], "--seeds must be between 1 and 1000, got 1000000"),
        (["exp1", "--seeds", "many"], "invalid int value: 'many'"),
        (["exp1", "--seed-list", "1,x"], "--seed-list must be integers"),
        (["exp1", "--seed-list", "1,1"], "seeds must be distinct"),
        (["exp1", "--seed-list=-5"], "each seed must be between 0"),
        (["exp1", "--jobs", "0"], "--jobs must be between 1 and 64, got 0"),
        (["exp1", "--json", "/nowhere/at/all.json"], "there is no /nowhere/at"),
        (["exp1", "--json", "/dev/null"], "must name an ordinary file, got /dev/null"),
        (["exp1", "--json", "/proc/x.json"], "must name a file that can be written, got /proc/x.json"),
        (["exp1", "--json", "."], "must name a file, got the folder ."),
    ],
)
def test_bad_arguments_get_one_clear_line_and_status_2(arguments, message, capsys):
    refused(*arguments)
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_layout_seed_is_in_the_command_of_those_that_have_one(tiny, tmp_path, monkeypatch, capsys):
    @dataclass(frozen=True)
    class Laid(Config):
        layout_seed: int = 0

    for module in (reproduce, command):
        monkeypatch.setattr(module, "STUDIES", {"tiny": tiny, "laid": replace(tiny, name="laid", Config=Laid)})
    target = tmp_path / "all.json"
    assert command.main(["reproduce", "all", "--seeds", "1", "--layout-seed", "2", "--json", str(target)]) == 0
    without, with_layout = json.loads(target.read_text())
    assert without["command"] == f"{ROW} --seeds 1"
    assert with_layout["command"] == "python -m helm_tutorial reproduce laid --seeds 1 --layout-seed 2"
    assert with_layout["config"]["layout_seed"] == 2


def test_a_mistake_is_answered_without_importing_torch_and_help_says_what_each_study_does(capsys):
    words = "import sys\nfrom helm_study.__main__ import main\ntry: main(sys.argv[1:])\nexcept SystemExit as stop: "
    words += "print(stop.code, 'torch' in sys.modules)"
    for line in (["reproduce", "exp9"], ["reproduce", "exp1", "--seeds", "0"]):
        done = subprocess.run([sys.executable, "-c", words, *line], capture_output=True, text=True)
        assert done.stdout == "2 False\n", done.stderr
    with pytest.raises(SystemExit):
        command.main(["reproduce", "--help"])
    shown = capsys.readouterr().out
    assert all(study.summary in shown for study in STUDIES.values())


@pytest.mark.whole
def test_processes_give_what_one_process_gives():
    config = STUDIES["errors"].Config.quick()
    alone, shared = (reproduce.reproduce("errors", [0, 1], config, jobs=jobs) for jobs in (1, 2))
    for name, metric in alone["metrics"].items():
        assert metric["values"] == pytest.approx(shared["metrics"][name]["values"], rel=1e-4), name


def test_write_is_all_or_nothing(tmp_path):
    target = tmp_path / "x.json"
    records.write(target, {"a": [1.0, math.inf]})
    assert json.loads(target.read_text()) == {"a": [1.0, None]}
    assert '"a": [1.0,null]' in target.read_text()  # numbers in one line
    with pytest.raises(TypeError):
        records.write(target, {"a": object()})
    assert json.loads(target.read_text()) == {"a": [1.0, None]}
    assert len(list(tmp_path.iterdir())) == 1


def test_unknown_record_is_named():
    with pytest.raises(ValueError, match=r"experiment must be one of .*got 'exp0'"):
        records.load("exp0")


def test_seeds_that_are_trained_together_are_grouped_and_shared_among_processes(tiny, monkeypatch):
    seen = []

    def measure(config, seeds, tell):
        seen.append(list(seeds))
        return {"share": lambda: {seed: {"share": seed / 10} for seed in seeds}}

    arms = {"share": ("share",)}
    grouped = replace(tiny, measure=measure, arms=arms, metrics={"share": tiny.metrics["share"]}, group=3, derive=None)
    monkeypatch.setattr(reproduce, "STUDIES", {"grouped": grouped, "tiny": tiny})
    kept = []
    result = reproduce.reproduce("grouped", [4, 0, 1, 2], Config(), finished=lambda r: kept.append(r["seeds"]))
    assert seen == [[4, 0, 1], [2]]
    assert result["seeds"] == [0, 1, 2, 4] and result["metrics"]["share"]["values"] == [0.0, 0.1, 0.2, 0.4]
    assert kept[-1] == [0, 1, 2, 4]
    assert reproduce.usual_jobs("grouped") >= 1 == reproduce.usual_jobs("tiny")
