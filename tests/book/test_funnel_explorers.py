"""Explorers of chapter 2: their sliders drive the package, and what they say is what descent does."""

import pytest
import torch

from helm_book.figures import funnel_explorers as explorers
from helm_study import records
from helm_tutorial.funnel.descent import arrived, basin_coverage, descend, start_grid
from helm_tutorial.funnel.landscape import funnel_weight, invariance_optimum, mollify, report_energy


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setenv("HELM_EXPLORER", "live")
    for cached in (explorers.balls, explorers.few_descents, explorers.journeys):
        cached.cache_clear()


def test_a_moved_width_mollifies_with_it_and_descends_that_energy(monkeypatch):
    widths, energies = [], []

    def smooth(energy, sigma):
        widths.append(sigma)
        return mollify(energy, sigma)

    def roll(energy, starts, **settings):
        energies.append(energy.amplitudes)
        return descend(energy, starts, **settings)

    explorers.covered()
    monkeypatch.setattr(explorers, "mollify", smooth)
    monkeypatch.setattr(explorers, "descend", roll)
    box = explorers.explore_width()
    widths.clear()
    energies.clear()
    box.inputs["sigma"].index = explorers.WIDTHS.index(0.5)
    assert set(widths) == {0.5}
    assert len(energies) == 1 and torch.equal(energies[0], mollify(report_energy(), 0.5).amplitudes)
    assert "Width 0.50: 100\N{NO-BREAK SPACE}%" in box.caption.value


def test_coverage_is_that_of_the_energy_with_a_safe_step():
    assert explorers.STEP * report_energy().highest_curvature() < 2
    for sigma in (0.0, 0.4):
        alone = basin_coverage(
            mollify(report_energy(), sigma), start_grid(), steps=explorers.STEPS, step_size=explorers.STEP
        )
        assert explorers.covered()[explorers.WIDTHS.index(sigma)] == pytest.approx(alone, abs=2e-3)


def test_a_dropped_ball_ends_where_descent_ends():
    box = explorers.explore_ball()
    box.inputs["landscape"].index = 1
    box.inputs["x"].index = explorers.LEDGE.index(-1.0)
    box.inputs["y"].index = explorers.LEDGE.index(2.0)
    start = torch.tensor([[-1.0, 2.0]], dtype=torch.float64)
    end = descend(mollify(report_energy(), 0.52), start, steps=300, step_size=0.02)[0, -1]
    said = f"({end[0]:.2f}, {end[1]:.2f})".translate(explorers.MINUS)
    assert said in box.caption.value and "inside the target" in box.caption.value


def test_descents_gather_on_the_wide_level_and_stay_together():
    together, alone = explorers.journeys("two levels"), explorers.journeys("no smoothing")
    assert float((together[:, -1] - together[0, -1]).norm(dim=1).max()) < 1e-6
    assert int(arrived(together[:, -1]).sum()) == 100 > 10 > int(arrived(alone[:, -1]).sum())
    box = explorers.explore_levels()
    box.inputs["step"].index = len(explorers.MOMENTS) - 1
    assert "on the energy itself. In the target: 100 of 100 descents." in box.caption.value


def test_a_moved_weight_asks_for_its_optimum(monkeypatch):
    asked = []

    def optimum(energy, sigma, weight):
        asked.append((sigma, weight))
        return invariance_optimum(energy, sigma, weight)

    explorers.filtered_coverage()
    monkeypatch.setattr(explorers, "invariance_optimum", optimum)
    box = explorers.explore_filter()
    asked.clear()
    box.inputs["weight"].index = explorers.WEIGHTS.index(23)
    assert asked == [(0.5, 23)]
    enough = {key for key in explorers.filtered_coverage() if key[1] >= funnel_weight(report_energy(), key[0], 0.5)}
    assert enough and all(explorers.filtered_coverage()[key] == 1 for key in enough)


def test_the_cost_of_a_plan_is_the_recorded_one():
    record = records.load("plans")
    box = explorers.explore_plan(record)
    box.inputs["width"].index = 2
    table = torch.tensor(record["slice"]["costs"]["1"])
    lows = int(explorers.local_minima(table).sum())
    assert "noise of width 1 " in box.caption.value and f"{lows} local minima" in box.caption.value


def test_the_sentence_below_the_widths_says_what_the_curve_shows():
    said, shares = explorers.told_widths(), dict(zip(explorers.WIDTHS, explorers.covered(), strict=True))
    assert said["third"] == shares[0.3] < said["two"] == shares[0.4] < 1
    assert all((share == 1) == (width >= said["full"]) for width, share in shares.items())
