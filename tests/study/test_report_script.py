"""The report's public script over seeds: its grid, its losses, its planner, and a part of the record run again."""

import math
from dataclasses import replace

import pytest
import torch
from record_span import hold_to_seeds
from torch.nn import functional as F

from helm_study import records
from helm_study.flat import completed, flat
from helm_study.metric import BOUNDS
from helm_study.stability.report_script import (
    METRICS,
    STUDY,
    Config,
    ScriptModel,
    compass_grid,
    draw_episodes,
    judged,
    one_step_accuracy,
    places,
    plan,
    steps_to_go,
    train,
)
from helm_tutorial.diagnosis import metric_correlation
from helm_tutorial.models.losses import info_nce

TABLE = compass_grid(8)
RIGHT, LEFT, UP, DOWN = range(4)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def model_of(config, generator):
    return ScriptModel(len(TABLE), config.hidden, config.latent, generator)


def test_a_quick_run_gives_a_value_for_every_metric_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    values = STUDY.run(Config.quick(), 0)
    assert list(values) == list(METRICS)
    for name, value in values.items():
        low, high = BOUNDS.get(METRICS[name].unit, (0.0, math.inf))
        assert math.isfinite(value) and low <= value <= high, name
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("name", "wrong"), [("size", 1), ("episodes", 0), ("temperature", 0.0), ("plans", 0)])
def test_settings_out_of_range_are_refused(name, wrong):
    with pytest.raises(ValueError, match=name):
        Config(**{name: wrong})


def test_actions_move_as_the_compass_says_and_edges_stop():
    assert TABLE[9].tolist() == [10, 8, 1, 17]
    assert TABLE[0].tolist() == [1, 0, 0, 8] and TABLE[63].tolist() == [63, 62, 55, 63]
    # The steps to go agree with a search: what can be reached in one step more, again and again.
    reached, found = torch.eye(64, dtype=torch.bool), torch.full((64, 64), -1.0).double()
    for steps in range(15):
        found[reached & (found < 0)] = steps
        reached = reached | reached[:, TABLE].any(dim=-1)
    assert torch.equal(found, steps_to_go(8))


def test_episodes_start_in_the_corner_obey_the_grid_and_end_at_the_goal():
    cells, actions = draw_episodes(TABLE, replace(Config(), episodes=400, episode_steps=200), seeded())
    assert bool((cells[:, 0] == 0).all()) and actions[:, 0].unique().tolist() == [0, 1, 2, 3]
    over = cells[:, :-1] == 63
    assert 0 < int(over[:, -1].sum()) < 400
    assert torch.equal(actions == -1, over)
    assert torch.equal(cells[:, 1:], torch.where(over, 63, TABLE[cells[:, :-1], actions.clamp_min(0)]))


@pytest.mark.parametrize("contrastive", [False, True])
def test_each_episode_gives_one_update_with_the_losses_of_the_script(contrastive):
    config = replace(Config(), episodes=5, lr=1e-30)  # so small a step leaves the model as it is
    generator = seeded()
    cells, actions = draw_episodes(TABLE, config, generator)
    model = model_of(config, generator)
    with torch.no_grad():
        z = model.latents()[cells]
        now, following = z[:, :-1], z[:, 1:]
        error = (model(now, F.one_hot(actions, 4).float()) - following).square().mean(dim=(1, 2))
        pairs = zip(F.normalize(now, dim=-1), F.normalize(following, dim=-1), strict=True)
        contrast = torch.stack([info_nce(x, y, 0.1) for x, y in pairs])
    losses = train(model, cells, actions, config, contrastive=contrastive)
    assert losses == pytest.approx(error + contrast if contrastive else error, rel=1e-4)


def test_the_baseline_sends_no_gradient_through_its_target():
    # An episode of two cells: the weights of the first cell's input move, those of the second, the target's, do not.
    config = replace(Config(), lr=1e-3)
    cells, actions = torch.tensor([[0, 1]]), torch.tensor([[RIGHT]])
    model = model_of(config, seeded())
    before = model.encoder[0].weight.detach().clone()
    train(model, cells, actions, config, contrastive=False)
    moved = (model.encoder[0].weight.detach() - before).abs().sum(dim=0)
    assert moved[0] > 0 and moved[1] == 0


def test_a_plan_is_scored_as_the_script_scores_it():
    model = model_of(Config(), seeded())
    plans = torch.full((4, 25), UP)
    plans[1, :7], plans[1, 7:] = RIGHT, UP  # into a corner beside the goal's
    plans[2, :7], plans[2, 7:14] = RIGHT, DOWN  # over the goal, where the walk stops whatever the plan says next
    plans[3, :3] = DOWN
    with torch.no_grad():
        scores = [judged(model, model.latents(), TABLE, each[None]) for each in plans]
    assert [found["success"] for found in scores] == [0.0, 0.0, 1.0, 0.0]
    assert [found["final_distance"] for found in scores] == pytest.approx([98**0.5, 7.0, 0.0, 98**0.5])


def test_the_planner_finds_the_way_where_the_latent_is_the_place():
    """The moves on an endless plane, linear: a metric without fault, so nothing but the planner is tried."""
    moves = torch.tensor([[0.0, 1.0], [0.0, -1.0], [-1.0, 0.0], [1.0, 0.0]])
    config = replace(Config(), horizon=14, plan_steps=300, plans=8)
    plans = plan(lambda z, a: z + a @ moves, torch.zeros(2), torch.tensor([7.0, 7.0]), config, seeded())
    assert plans.shape == (8, 14)
    ends = moves[plans].sum(dim=1)
    assert float((ends - 7.0).norm(dim=1).mean()) < 1.5
    assert float(((plans == RIGHT) | (plans == DOWN)).double().mean()) > 0.95


def test_the_planner_is_the_scripts_loop_over_torchs_own_gumbel_softmax():
    config = replace(Config(), horizon=6, plan_steps=40, plans=3)
    model = model_of(config, seeded())
    with torch.no_grad():
        z = model.latents()
    logits = torch.zeros(3, 6, 4, requires_grad=True)
    adam = torch.optim.Adam([logits], lr=0.05)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for step in range(40):
            last = z[:1].expand(3, -1)
            for a in F.gumbel_softmax(logits, tau=max(0.1, 1 - step / 40)).unbind(dim=1):
                last = model(last, a)
            adam.zero_grad()
            (last - z[63]).square().sum().backward()
            adam.step()
    assert torch.equal(plan(model, z[0], z[63], config, seeded(1)), logits.argmax(dim=-1))


def test_the_record_is_of_these_settings_and_ten_seeds():
    record = records.load("script")
    assert completed(record["config"]) == completed(flat(Config())) and record["seeds"] == list(range(10))
    assert record["metrics"]["success_script_contrastive"]["reported"] == 1.0
    assert record["metrics"]["final_distance_script_baseline"]["reported"] == 7.0
    share = record["metrics"]["success_script_contrastive"]["values"]
    assert all(float(20 * value).is_integer() for value in share)


@pytest.mark.whole
@pytest.mark.parametrize("name", ["baseline", "contrastive"])
def test_a_part_of_the_record_run_again(name):
    """One seed of each model, trained as recorded, with its geometry and its plans."""
    config, generator = Config(), seeded()
    cells, actions = draw_episodes(TABLE, config, generator)
    walks = float((cells == 63).any(dim=1).double().mean())
    assert walks == records.load("script")["metrics"]["walks_at_goal_script"]["values"][0]
    model = model_of(config, generator)
    train(model, cells, actions, config, contrastive=name == "contrastive")
    with torch.no_grad():
        z = model.latents()
    hold_to_seeds("script", f"prediction_accuracy_script_{name}", one_step_accuracy(model, z, TABLE), slack=0.05)
    hold_to_seeds("script", f"metric_correlation_script_{name}", metric_correlation(z, steps_to_go(8)), slack=0.05)
    scores = judged(model, z, TABLE, plan(model, z[0], z[63], config, generator))
    hold_to_seeds("script", f"success_script_{name}", scores["success"], slack=0.1)
    hold_to_seeds("script", f"final_distance_script_{name}", scores["final_distance"], slack=0.5)


def test_places_are_rows_and_columns():
    assert places(torch.tensor([0, 7, 56, 63]), 8).tolist() == [[0, 0], [0, 7], [7, 0], [7, 7]]
