"""Figures of *The penalty on paper*: what they draw and write is what the package computes."""

import pytest

from helm_book.figures import penalty_on_paper as deeper
from helm_book.figures.cliff import drawn_system
from helm_study import records
from helm_tutorial.cliff.closed_forms import ridge_optimum


@pytest.fixture(scope="module")
def record():
    return records.load("exp1")


def cells(table) -> list[list[str]]:
    """The rows of a Markdown table, without its head."""
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.data.splitlines()[2:]]


def test_the_weight_slider_says_radius_and_error_of_the_shrunk_model(live):
    system = drawn_system()
    box = deeper.explore_shrinkage(system, {0.1: ridge_optimum(system, 0.1)})
    box.inputs["weight"].index = deeper.WEIGHTS.index(0.1)
    radius, error = 1.3 / 1.4, 100 * 0.4 / 1.4
    assert f"spectral radius {radius:.3f}, below 1" in box.caption.value
    assert f"{error:.1f}\N{NO-BREAK SPACE}%" in box.caption.value


def test_the_table_of_norms_and_the_least_ratio_hold_the_record(record):
    metrics = record["metrics"]
    norms = {row[0]: row[1:] for row in cells(deeper.norms_table(record))}
    radii = metrics["spectral_radius_helm"]["values"]
    assert norms["exact penalty"][1] == f"{min(radii):.2f} to {max(radii):.2f}"
    ratio = deeper.least_ratio(record, "jacobian_true_T50", "jacobian_helm_T50")
    pairs = zip(*(metrics[f"jacobian_{name}_T50"]["values"] for name in ("true", "helm")), strict=True)
    assert ratio == min(a / b for a, b in pairs)


def test_the_reports_figures_are_placed_among_the_networks():
    metrics = {
        "jacobian_flat_relu_T50": {"values": [100.0, 2000.0, 9000.0], "reported": 1712.0},
        "jacobian_helm_relu_T50": {"values": [200.0, 20.0, 30.0], "reported": 90.0},
    }
    numbers = deeper.network_numbers({"metrics": metrics})
    assert (numbers["networks"], numbers["lowered"]) == (3, 2)
    assert (numbers["below_flat"], numbers["below_printed"]) == (1, 2)
    assert [numbers[name] for name in ("least", "middle", "most")] == pytest.approx([0.5, 100.0, 300.0])
    assert numbers["reported"] == pytest.approx(19.02, abs=0.01)
