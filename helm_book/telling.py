"""Sentences with measured numbers: the author writes the sentence, the numbers come from a record or a variable."""

from __future__ import annotations

import string
from collections.abc import Mapping

from IPython.display import Markdown

from helm_study.words import formatted


class _Numbers(string.Formatter):
    def format_field(self, value: object, style: str) -> str:
        return formatted(value, style) if isinstance(value, float) and style else super().format_field(value, style)


def tell(sentence: str, *records: Mapping, **numbers: object) -> Markdown:
    """Fill the fields of a sentence, for a notebook cell to end in.

    Args:
        sentence: Markdown with fields such as ``{gap:.2f}``; a formula's braces are doubled.
        *records: records whose metrics fill fields of their names by their means, the last one that has the name;
            ``{seeds}`` is the number of training seeds of the first.
        **numbers: what fills all other fields.

    Raises:
        KeyError: a field has no number.

    Example:
        >>> tell("The plan ends **{gap:.2f}** from the goal.", gap=0.2345).data
        'The plan ends **0.23** from the goal.'
    """
    known: dict[str, object] = {"seeds": len(records[0]["seeds"])} if records else {}
    for record in records:
        known |= {name: metric["mean"] for name, metric in record["metrics"].items()}
    return Markdown(_Numbers().vformat(sentence, (), known | numbers))
