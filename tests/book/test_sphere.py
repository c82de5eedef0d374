"""Figures of the page on negatives and the sphere: the record's rows, and candidates that agree on the sphere."""

import matplotlib.pyplot as plt
import pytest

from helm_book.figures import sphere
from helm_study import records
from helm_study.contrastive.contrastive_choices import CHOICES
from helm_study.words import in_words


@pytest.fixture(scope="module")
def record():
    return records.load("choices")


def test_all_choices_are_drawn_from_the_record(record):
    assert {name for name, _, _ in sphere.ROWS} == set(CHOICES)
    figure = sphere.plot_choices(plt.figure(figsize=(7, 3), layout="constrained"), record)
    assert list(figure.axes[2].lines[1].get_xdata()) == record["metrics"]["success_negatives_511"]["values"]
    plt.close(figure)
    rows = sphere.choices_table(record).data.splitlines()[2:]
    for row, (name, label, _) in zip(rows, sphere.ROWS, strict=True):
        assert row.startswith(f"| {label} |") and in_words(record["metrics"][f"success_{name}"]) in row


def test_on_the_sphere_cosine_and_distance_choose_the_same_candidate():
    for length in sphere.LENGTHS:
        for angle in sphere.ANGLES:
            places, cosines, distances = sphere.two_candidates(length, angle, normalised=True)
            assert places.norm(dim=1).tolist() == pytest.approx([1, 1])
            for cosine, distance in zip(cosines, distances, strict=True):
                assert distance**2 == pytest.approx(2 - 2 * cosine)


def test_the_explorer_begins_where_they_disagree(live):
    box = sphere.explore_candidates()
    assert "by cosine the first is nearer to the anchor, by distance the second: they disagree" in box.caption.value
    box.inputs["lengths"].index = 1
    assert "they agree" in box.caption.value
    box.inputs["angle"].index = sphere.ANGLES.index(sphere.FIRST)
    assert "by cosine neither is nearer to the anchor, by distance neither: they agree" in box.caption.value
