"""A part of the records of the forms of regularity, of the rivals and of many controls, run again or held together."""

import math
from dataclasses import replace

import pytest
import recorded_trainings
from record_span import hold_to_seeds
from test_recorded_trainings import require_beginning

from helm_study import records
from helm_study.forms import regularity_forms
from helm_study.play import gradient_planner, learned_rollout_jacobian, plain_planner, play, played_starts
from helm_study.rivals import many_controls, rivals, swaps
from helm_tutorial import diagnosis
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.planning.episodes import success_rate
from helm_tutorial.worlds.gridworld import geodesic_distances


def values(name: str, metric: str) -> list[float]:
    return records.load(name)["metrics"][metric]["values"]


@pytest.mark.whole
def test_a_form_run_again_for_one_seed():
    config, name = regularity_forms.Config(), "hinge_0.03"
    world, model, losses = recorded_trainings.trained("forms")
    require_beginning("forms", losses)

    def recorded(metric: str) -> float:
        return values("forms", metric)[records.load("forms")["seeds"].index(0)]

    correlation = diagnosis.metric_correlation(diagnosis.latents(model, world), geodesic_distances(world))
    assert correlation == pytest.approx(recorded(f"metric_correlation_{name}"), abs=0.02)
    assert diagnosis.prediction_accuracy(model, world) == pytest.approx(
        recorded(f"prediction_accuracy_{name}"), abs=0.02
    )
    norm = learned_rollout_jacobian(world, model, 50, 0)
    # Fifty steps ahead rounding alone moves it by a factor of two; what no penalty leaves is a thousand times more.
    assert math.log(norm) == pytest.approx(math.log(recorded(f"rollout_jacobian_{name}_T50")), abs=1.4)
    assert norm < recorded("rollout_jacobian_none_T50") / 100
    few = played_starts(world, config.planning)[::5]
    plain = plain_planner(config.planning)
    won = play(world, model, gradient_planner(plain), plain, 0, starts=few).success
    assert float(won.float().sum()) >= round(len(few) * recorded(f"success_{name}_T50_plain")) - 1


@pytest.mark.slow
def test_the_rivals_run_again_for_one_seed(contrastive):
    config, (world, model) = rivals.Config(), contrastive
    assert config.pillars == swaps.Config().pillars and config.pillars.contrastive == Contrastive()
    budget = min(rivals.BUDGETS)
    planning = replace(config.planning, horizon=12, **rivals.BUDGETS[budget])
    for rival, (_, make) in rivals.RIVALS.items():
        share = success_rate(play(world, model, make(planning), planning, 0))
        hold_to_seeds("rivals", f"success_{rival}_contrastive_T12_B{budget}", share, slack=0.1)


@pytest.mark.slow
def test_swaps_ranked_and_played_again_for_one_seed(contrastive):
    config, (world, model) = swaps.Config(), contrastive
    for horizon in (5, 12):
        ranked = swaps.rank_swaps(world, model, horizon, 0, plans=config.ranked)
        for name, value in ranked.items():
            hold_to_seeds("swaps", f"{name}_contrastive_T{horizon}", value, slack=0.15)
    planning = replace(config.planning, horizon=12, **swaps.BUDGETS[120])
    for planner in ("guided", "unguided"):
        _, make = swaps.PLANNERS[planner]
        share = success_rate(play(world, model, make(planning), planning, 0, warm_start=True))
        hold_to_seeds("swaps", f"success_{planner}_contrastive_T12_B120_kept", share, slack=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(("controls", "horizon"), [(1, 5), (4, 12)])
def test_many_controls_run_again_for_one_seed(monkeypatch, controls, horizon):
    monkeypatch.setattr(many_controls, "CONTROLS", (controls,))
    monkeypatch.setattr(many_controls, "HORIZONS", (horizon,))
    place = records.load("controls")["seeds"].index(0)
    arms = many_controls.STUDY.measure(many_controls.Config(), [0], lambda message, fraction: None)
    for name, value in {name: value for arm in arms.values() for name, value in arm()[0].items()}.items():
        assert value == pytest.approx(values("controls", name)[place], rel=0.02, abs=1e-6)
