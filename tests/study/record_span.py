"""How a number that came out of training again is held to its record."""

from helm_study import records


def hold_to_seeds(name: str, metric: str, fresh: float, slack: float) -> None:
    """Assert that ``fresh`` lies within what the record's seeds span, and ``slack`` to either side.

    Another processor rounds otherwise, and two thousand updates make of that another model of the same kind, as
    another seed would: without alignment, success 0.34 became 0.51 on one machine and 0.61 on another. So the
    yardstick is not the one seed's value but what the seeds span.
    """
    span = [value for value in records.load(name)["metrics"][metric]["values"] if value is not None]
    assert min(span) - slack <= fresh <= max(span) + slack, f"{metric}: {fresh} against {span} in {name}"
