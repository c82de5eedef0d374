"""The command line and the record: what it writes, what it refuses, what an interruption keeps."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from helm_study import __main__ as command
from helm_study import records, reproduce
from helm_study.metric import Metric

METRICS_PROMISED = {
    "exp1": "jacobian_true_T50 jacobian_flat_T50 jacobian_helm_T50 jacobian_report_T50 spectral_radius_flat "
    "spectral_radius_helm spectral_radius_report saturation_helm limit_error_helm one_step_error_flat "
    "one_step_error_helm closed_form_distance_helm jacobian_flat_relu_T50 jacobian_helm_relu_T50 "
    "plan_success_model_flat_T10 plan_success_model_flat_T50 plan_success_model_helm_T10 plan_success_model_helm_T50 "
    "plan_success_system_flat_T10 plan_success_system_flat_T50 plan_success_system_helm_T10 "
    "plan_success_system_helm_T50 plan_success_system_best_T50",
    "exp2": "coverage_true coverage_flat coverage_helm coverage_gaussian coverage_coarse_to_fine "
    "coverage_predicted_helm coverage_box_helm_recipe distance_to_stationary_coarse_to_fine "
    "global_share_true global_share_flat global_share_helm global_share_helm_recipe global_share_gaussian "
    "global_share_coarse_to_fine global_share_restarts global_share_population global_share_late "
    + " ".join(
        f"coverage_{name}_d{d}" for name in ("true", "gaussian", "invariance", "coarse_to_fine") for d in (2, 4, 8, 16)
    ),
    "funnel": "coverage_inside_recipe coverage_inside_rough coverage_inside_optimum kept_fast_rough loss_optimum "
    "coverage_flat_d2 coverage_helm_d2 coverage_flat_d16 coverage_helm_d16",
    "exp3": "success_reconstruction success_latent_prediction prediction_accuracy_reconstruction "
    "latent_spread_latent_prediction metric_correlation_reconstruction final_distance_start_reconstruction",
    "exp4": "success_contrastive success_printed_loss success_start_contrastive final_distance_start_contrastive "
    "path_ratio_contrastive metric_correlation_contrastive prediction_accuracy_contrastive "
    "success_open_loop_contrastive success_one_encoder metric_correlation_bound",
    "ablation": "metric_correlation_tau0.1_gamma0.8 greedy_accuracy_tau0.05_gamma0 prediction_accuracy_tau1_gamma0.95 "
    "success_tau0.5_gamma0.5",
    "maps": "metric_correlation_contrastive greedy_accuracy_untrained descent_share_one_step",
}


@pytest.fixture
def tiny(monkeypatch):
    """A real run of the command line over an experiment that costs nothing."""

    @dataclass(frozen=True)
    class Config:
        scale: float = 2.0

        @classmethod
        def quick(cls):
            return cls(scale=1.0)

    def run(config, seed, *, progress=None):
        if progress is not None:
            progress("thinking", 0.5)
        if seed == 3:
            raise KeyboardInterrupt
        return {"share": 0.5 + seed / 10, "ratio": math.nan if seed == 0 else config.scale}

    metrics = {"share": Metric("fraction", "a share", 0.25), "ratio": Metric("ratio", "a ratio")}
    monkeypatch.setitem(reproduce.EXPERIMENTS, "tiny", SimpleNamespace(Config=Config, METRICS=metrics, run=run))
    monkeypatch.setattr(command, "NAMES", (*command.NAMES, "tiny"))


def test_result_has_the_promised_form(tiny, tmp_path, capsys):
    target = tmp_path / "tiny.json"
    assert command.main(["reproduce", "tiny", "--seeds", "3", "--json", str(target)]) == 0
    result = json.loads(target.read_text())
    assert set(result) == {
        "experiment", "config", "seeds", "interval", "versions", "date", "command", "seconds", "metrics"
    }  # fmt: skip
    assert result["seeds"] == [0, 1, 2] and result["config"] == {"scale": 2.0}
    assert result["command"] == "python -m helm_tutorial reproduce tiny --seeds 3"
    share = result["metrics"]["share"]
    assert share["values"] == [0.5, 0.6, 0.7]
    assert share["low"] < share["mean"] == pytest.approx(0.6) and share["high"] <= 1.0
    assert share["reported"] == 0.25 and share["unit"] == "fraction"
    # A seed without a value is null, and the mean is over the others.
    assert result["metrics"]["ratio"]["values"] == [None, 2.0, 2.0]
    assert result["metrics"]["ratio"]["mean"] == 2.0
    out = capsys.readouterr()
    assert "share" in out.out and "0.25" in out.out and f"written to {target}" in out.out
    assert "tiny" in out.err and "seed 2 (3 of 3)" in out.err
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.json"]


def test_interruption_keeps_the_finished_seeds(tiny, tmp_path, capsys):
    target = tmp_path / "tiny.json"
    assert command.main(["reproduce", "tiny", "--seed-list", "1,2,3,4", "--json", str(target)]) == 130
    assert json.loads(target.read_text())["seeds"] == [1, 2]
    assert "interrupted: 2 of 4 seeds of tiny are kept" in capsys.readouterr().err


def test_a_resumed_run_makes_only_what_is_missing_and_ends_as_if_uninterrupted(tiny, tmp_path, capsys):
    experiment = reproduce.EXPERIMENTS["tiny"]
    plain, ran = experiment.run, []

    def run(config, seed, *, progress=None):
        ran.append(seed)
        return plain(config, seed, progress=progress) | ({"picture": [1]} if seed == 0 else {})

    experiment.run, experiment.EXTRAS = run, ("picture",)
    target = tmp_path / "tiny.json"
    line = ["reproduce", "tiny", "--json", str(target), "--resume"]
    assert command.main([*line, "--seed-list", "0,2,3,4"]) == 130
    experiment.run = lambda config, seed, *, progress=None: run(config, seed + 10) if seed == 3 else run(config, seed)
    assert command.main([*line, "--seed-list", "0,2,3,4"]) == 0
    assert ran == [0, 2, 3, 13, 4]
    resumed = json.loads(target.read_text())
    assert resumed["metrics"]["ratio"]["values"] == [None, 2.0, 2.0, 2.0] and resumed["picture"] == [1]
    assert resumed["command"] == "python -m helm_tutorial reproduce tiny --seed-list 0,2,3,4"
    assert command.main([*line, "--seed-list", "0,2,3,4"]) == 0
    assert ran == [0, 2, 3, 13, 4] and json.loads(target.read_text()) == resumed


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
        ({"experiment": "exp9"}, ["--seeds", "2"], "--resume needs a file of tiny, got one of exp9"),
        ({"metrics": {}}, ["--seeds", "2"], "earlier must have the metrics that this version"),
    ],
)
def test_only_a_part_of_the_same_is_resumed(tiny, tmp_path, capsys, change, line, message):
    target = tmp_path / "tiny.json"
    assert command.main(["reproduce", "tiny", "--seeds", "2", "--json", str(target)]) == 0
    before = json.dumps(json.loads(target.read_text()) | change)
    target.write_text(before)
    with pytest.raises(SystemExit) as stop:
        command.main(["reproduce", "tiny", *line, "--json", str(target), "--resume"])
    assert stop.value.code == 2 and message in capsys.readouterr().err
    assert target.read_text() == before


def test_what_is_no_result_is_not_resumed(tiny, tmp_path, capsys):
    target = tmp_path / "notes.json"
    target.write_text("[1, 2")
    for line, message in (
        (["--json", str(target)], "--resume needs a file that --json wrote"),
        ([], "--resume needs --json, the file to go on from"),
    ):
        with pytest.raises(SystemExit):
            command.main(["reproduce", "tiny", "--resume", *line])
        assert message in capsys.readouterr().err


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


def test_an_extra_is_kept_beside_the_metrics(tiny):
    reproduce.EXPERIMENTS["tiny"].EXTRAS = ("picture",)
    values = {"share": 0.1, "ratio": 2.0}
    entry = reproduce.summarise("tiny", reproduce.configure("tiny"), {0: values, 1: values | {"picture": [1, 2]}}, 0.0)
    assert entry["picture"] == [1, 2] and set(entry["metrics"]) == {"share", "ratio"}
    assert "picture" not in reproduce.summarise("tiny", reproduce.configure("tiny"), {0: values}, 0.0)


def test_an_exploded_norm_is_not_left_out(tiny):
    results = {0: {"share": 0.1, "ratio": math.inf}, 1: {"share": 0.1, "ratio": 2.0}}
    entry = reproduce.summarise("tiny", reproduce.configure("tiny"), results, 0.0)
    assert entry["metrics"]["ratio"]["mean"] == math.inf


@pytest.mark.parametrize("name", METRICS_PROMISED)
def test_promised_metrics_are_there(name):
    assert set(METRICS_PROMISED[name].split()) <= set(reproduce.EXPERIMENTS[name].METRICS)


def test_reported_figures_are_the_reports():
    reported = {
        name: metric.reported
        for experiment in reproduce.EXPERIMENTS.values()
        for name, metric in experiment.METRICS.items()
    }
    expected = {
        "jacobian_flat_T50": 1712,
        "jacobian_helm_T50": 90,
        "coverage_flat": 0.043,
        "coverage_helm": 0.964,
        "success_reconstruction": 0,
        "final_distance_start_reconstruction": 7.0,
        "success_contrastive": 1.0,
        "final_distance_start_contrastive": 0.0,
    }
    assert {name: reported[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["exp9"], "invalid choice: 'exp9'"),
        (["exp3", "--env", "Nowhere-v0"], "env must be a registered MiniGrid environment"),
        (["exp3", "--env", "MiniGrid-DoorKey-5x5-v0"], "has door, key: its state is more than where the agent stands"),
        (
            ["exp4", "--env", "MiniGrid-LavaGapS5-v0"],
            "MiniGrid-LavaGapS5-v0 has lava, where an episode ends in failure",
        ),
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
        (["worlds", "--layout-seed", "-1"], "layout_seed must be at least 0, got -1"),
        (["all", "--layout-seed=-1"], "layout_seed must be at least 0, got -1"),
        (["exp3", "--layout-seed", "first"], "invalid int value: 'first'"),
        (["exp1", "--seeds", "-1"], "--seeds must be between 1 and 1000, got -1"),
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
    with pytest.raises(SystemExit) as stop:
        command.main(["reproduce", *arguments])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


@pytest.mark.parametrize("quick", [False, True])
def test_layout_seed_and_environment_reach_the_configuration(quick):
    env = "MiniGrid-SimpleCrossingS9N1-v0"
    usual = reproduce.configure("exp4", quick=quick)
    assert reproduce.configure("exp4", quick=quick, layout_seed=3) == replace(usual, layout_seed=3)
    assert reproduce.configure("worlds", layout_seed=3).layout_seed == 3
    assert reproduce.configure("exp4", quick=quick, env=env, layout_seed=3) == replace(usual, env=env, layout_seed=3)


def test_layout_seed_is_in_the_command_of_those_that_have_one(tiny, tmp_path, monkeypatch, capsys):
    @dataclass(frozen=True)
    class Laid(reproduce.EXPERIMENTS["tiny"].Config):
        layout_seed: int = 0

    experiments = {"tiny": reproduce.EXPERIMENTS["tiny"]}
    experiments["laid"] = SimpleNamespace(**vars(experiments["tiny"]) | {"Config": Laid})
    monkeypatch.setattr(reproduce, "EXPERIMENTS", experiments)
    target = tmp_path / "all.json"
    assert command.main(["reproduce", "all", "--seeds", "1", "--layout-seed", "2", "--json", str(target)]) == 0
    without, with_layout = json.loads(target.read_text())
    assert without["command"] == "python -m helm_tutorial reproduce tiny --seeds 1"
    assert with_layout["command"] == "python -m helm_tutorial reproduce laid --seeds 1 --layout-seed 2"
    assert with_layout["config"]["layout_seed"] == 2


def test_module_runs_as_a_command():
    done = subprocess.run(
        [sys.executable, "-m", "helm_tutorial", "reproduce", "exp1", "--seeds", "0"], capture_output=True, text=True
    )
    assert done.returncode == 2 and "--seeds must be between 1 and 1000, got 0" in done.stderr


def test_processes_give_what_one_process_gives():
    config = reproduce.EXPERIMENTS["errors"].Config.quick()
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


def test_seeds_that_are_trained_together_are_grouped_and_shared_among_processes(monkeypatch):
    seen = []

    def run_seeds(config, seeds, *, progress=None):
        seen.append(list(seeds))
        return {seed: {"share": seed / 10} for seed in seeds}

    @dataclass(frozen=True)
    class Config:
        scale: float = 1.0

    module = SimpleNamespace(
        Config=Config, METRICS={"share": Metric("fraction", "a share")}, run_seeds=run_seeds, GROUP=3
    )
    monkeypatch.setitem(reproduce.EXPERIMENTS, "grouped", module)
    kept = []
    result = reproduce.reproduce("grouped", [4, 0, 1, 2], finished=lambda r: kept.append(r["seeds"]))
    assert seen == [[4, 0, 1], [2]]
    assert result["seeds"] == [0, 1, 2, 4] and result["metrics"]["share"]["values"] == [0.0, 0.1, 0.2, 0.4]
    assert kept[-1] == [0, 1, 2, 4]
    assert reproduce._groups("grouped", [0, 1, 2, 3], 2) == [[0, 1], [2, 3]]
    assert reproduce.usual_jobs("grouped") >= 1
    assert reproduce.usual_jobs("exp4") == 1
