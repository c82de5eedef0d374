"""What a study is: every registered one measures each metric once, and its arms give the same alone as together."""

from dataclasses import replace

import pytest

from helm_study import records, reproduce
from helm_study.registry import STUDIES
from helm_study.study import arms_by_name, merged


@pytest.mark.parametrize("name", STUDIES)
def test_each_metric_is_measured_by_one_arm_or_derived_and_the_record_has_them_in_this_order(name):
    study = STUDIES[name]
    measured = [metric for metrics in study.arms.values() for metric in metrics]
    assert study.name == name and study.summary.endswith(".") and all(study.arms.values())
    assert len(set(measured)) == len(measured) and set(measured) <= set(study.metrics)
    rest = set(study.metrics) - set(measured)
    assert not rest or set(study.derive(dict.fromkeys(measured, 0.0))) == rest
    assert list(study.metrics) == list(records.load(name)["metrics"])


@pytest.mark.parametrize("name", ["errors", "maps", pytest.param("exp1", marks=pytest.mark.whole)])
def test_an_arm_alone_gives_what_it_gives_among_all(name):
    study, config = STUDIES[name], reproduce.configure(name, quick=True)
    whole, heard = study.run(config, 0), []
    last = list(study.arms)[-1]
    alone = study.run(config, 0, only=[last], progress=lambda message, fraction: heard.append((message, fraction)))
    assert [metric for metric in alone if metric in study.metrics] == list(study.arms[last])
    assert all(alone[metric] == whole[metric] for metric in study.arms[last])
    assert heard[0] == (last, 0.0) and all(message.startswith(last) and 0 <= part <= 1 for message, part in heard)
    assert [part for _, part in heard] == sorted(part for _, part in heard)
    for extra in study.extras:
        assert merged(whole, {extra: alone[extra]}) == whole


def test_the_pillars_interact_where_all_four_cells_are_there():
    study = STUDIES["pillars"]
    values = {metric: 0.0 for metrics in study.arms.values() for metric in metrics} | {"success_both_T5": 0.75}
    assert study.completed(values)["interaction_T5"] == 0.75
    assert "interaction_T5" not in study.completed({"success_both_T5": 0.75})


def test_starts_are_those_that_a_configuration_draws():
    for name, study in STUDIES.items():
        config = study.Config()
        if study.starts is None:
            assert name not in ("exp3", "exp4", "pillars")
        else:
            drawn = {"exp3": {"some", "larger_room"}, "exp4": {"some"}}.get(name, set())
            assert set(study.starts(config)) == drawn
    config = STUDIES["exp4"].Config.quick()
    drawn = STUDIES["exp4"].starts(replace(config, planning=replace(config.planning, draw="stratified")))
    assert set(drawn) == {"planning", "some"} and len(drawn["some"]) < len(drawn["planning"])


def test_a_metric_belongs_to_the_arm_with_the_longest_name_in_its_own():
    arms = arms_by_name(["success_flat_T5", "success_flat_relu", "best", "rest"], ["flat", "flat_relu"], best="flat")
    assert arms == {"flat": ("success_flat_T5", "best"), "flat_relu": ("success_flat_relu",)}


@pytest.mark.parametrize(
    ("seeds", "only", "message"),
    [
        ([0, -1], (), "seed must be at least 0, got -1"),
        ([0], ["both", "neither_nor"], "each arm of pillars must be one of 'neither', .* got 'neither_nor'"),
    ],
)
def test_bad_arguments_are_named(seeds, only, message):
    study = STUDIES["pillars"]
    with pytest.raises(ValueError, match=message):
        study.run_seeds(study.Config.quick(), seeds, only=only)
