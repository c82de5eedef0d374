"""Figures of the page on collapse: the table descends as the argument says, and the rows are the record's."""

import torch

from helm_book.figures import collapse
from helm_study import records
from helm_study.words import in_words


def test_an_update_follows_the_gradient(world):
    after = world.transitions
    start = collapse.descended(after, True, updates=0)[0]
    for stop in (True, False):
        Z = start.clone().requires_grad_()
        loss = 0.0
        for following in after.T:
            F = torch.linalg.lstsq(start, start[following]).solution
            target = Z[following].detach() if stop else Z[following]
            loss = loss + (Z @ F - target).square().sum()
        (slope,) = torch.autograd.grad(loss, Z)
        moved = collapse.descended(after, stop, updates=1)[1]
        torch.testing.assert_close(moved, start - collapse.RATE * slope)


def test_a_still_target_keeps_the_size_and_a_free_one_loses_it():
    sizes = {name: collapse.size(Z) for name, Z in collapse.tables().items()}
    still, free = (sizes[name] for name in collapse.TARGETS)
    assert 1 <= float(still[-1] / still[0]) < 1.03  # steps of a finite size add a little
    assert float(free[-1]) < 1e-3 * float(free[0])


def test_the_explorer_shows_the_moment_that_is_chosen(live):
    box = collapse.explore_tables()
    box.inputs["target"].index = 0
    box.inputs["update"].index = collapse.MOMENTS.index(2000)
    total = float(collapse.size(collapse.tables()["held still (stop-gradient)"][2000]))
    assert f"After 2000 updates the squares of the latents sum to {total:.3g}" in box.caption.value


def test_the_table_holds_the_record():
    record = records.load("exp3")
    rows = collapse.collapse_table(record).data.splitlines()[2:]
    assert len(rows) == len(collapse.VIEWS)
    for row, name in zip(rows, collapse.VIEWS.values(), strict=True):
        assert in_words(record["metrics"][f"effective_rank_{name}"], ".1f") in row
        assert row.endswith(f"{in_words(record['metrics'][f'prediction_accuracy_{name}'])} |")
