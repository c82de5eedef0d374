"""The table of an explorer: a press chooses the value in whose box it lies, however unevenly the values lie."""

import numpy as np
import pytest

from helm_book.explorer.moving import set_numbers
from helm_book.figures.tables import moving_table, table_numbers

ACROSS, UP = (0.0, 0.5, 0.8, 0.95), (0.05, 0.1, 1.0)
SHARES = {(x, y): x * y for x in ACROSS for y in UP}


def test_boxes_are_equal_and_values_in_their_middles(axes):
    artists = moving_table(axes, ACROSS, UP)
    paths = [
        axes.transAxes.inverted().transform(axes.transData.transform(p.vertices)) for p in artists["table"].get_paths()
    ]
    assert len(paths) == len(SHARES)
    for number, path in enumerate(paths):
        i, j = divmod(number, len(ACROSS))
        assert np.ptp(path, axis=0) == pytest.approx([1 / 4, 1 / 3])
        at = axes.transAxes.inverted().transform(axes.transData.transform((ACROSS[j], UP[i])))
        assert at == pytest.approx([(j + 0.5) / 4, (i + 0.5) / 3])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "0.5", "0.8", "0.95"]


def test_numbers_fit_the_artists_and_the_frame_holds_the_choice(axes):
    artists = moving_table(axes, ACROSS, UP)
    numbers = table_numbers(ACROSS, UP, SHARES, (0.8, 0.1))
    assert set(numbers) == set(artists)
    for name, value in numbers.items():
        set_numbers(artists[name], value)
    assert numbers["table"][4 + 2] == pytest.approx(0.08)
    assert artists["share_1_2"].get_text() == "8" and artists["share_2_3"].get_text() == "95"
    assert artists["share_2_3"].get_position() == (0.95, 1.0)
    x, y = numbers["frame"]
    assert x.min() < 0.8 < x.max() < 0.95 and y.min() < 0.1 < y.max() < 1.0 and y.min() > 0.05
