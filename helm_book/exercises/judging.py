"""What an exercise asks for and how an answer is judged: by computing, never by a stored solution."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from helm_tutorial._check import require_count

Judge = Callable[[object], str]
"""From an answer to a hint, the empty string if the answer is right."""


@dataclass(frozen=True)
class Exercise:
    """One exercise whose answer can be checked.

    Attributes:
        chapter: the page it stands on, for example ``"spectral_cliff"``.
        number: its number there, from 1.
        asks: what is to be handed in.
        judge: see :data:`Judge`.
    """

    chapter: str
    number: int
    asks: str
    judge: Judge

    def __post_init__(self) -> None:
        require_count("number", self.number)


@dataclass(frozen=True)
class Feedback:
    """What is said of an answer; as the last expression of a notebook cell it shows itself.

    Attributes:
        chapter: as in :class:`Exercise`.
        number: as in :class:`Exercise`.
        right: whether the answer is right.
        hint: where to look, empty if it is right.
    """

    chapter: str
    number: int
    right: bool
    hint: str

    def __str__(self) -> str:
        verdict = "right" if self.right else f"not yet: {self.hint}"
        return f"exercise {self.number}: {verdict}"

    __repr__ = __str__


def judged(exercise: Exercise, answer: object) -> Feedback:
    """Judge an answer. Nothing is not right yet, nor is a function that fails; its error is the hint."""
    if answer is None:
        return Feedback(exercise.chapter, exercise.number, False, f"hand in {exercise.asks}")
    try:
        hint = exercise.judge(answer)
    except Exception as error:
        hint = f"handed in {exercise.asks}? It raised {type(error).__name__}: {error}"
    return Feedback(exercise.chapter, exercise.number, not hint, hint)


def near(found: object, wanted: float, *, relative: float = 1e-3, absolute: float = 1e-9) -> bool:
    """Whether ``found`` is a number that equals ``wanted``, but for rounding."""
    return math.isclose(float(found), wanted, rel_tol=relative, abs_tol=absolute)


def a_number(
    wanted: Callable[[], float],
    *,
    relative: float = 1e-2,
    absolute: float = 1e-9,
    otherwise: Sequence[tuple[Callable[[], float], str]] = (),
) -> Judge:
    """A judge of numbers.

    Args:
        wanted: computes the right one.
        relative: relative tolerance.
        absolute: absolute tolerance.
        otherwise: numbers that come of a likely mistake, each with the hint it deserves.
    """

    def judge(answer: object) -> str:
        if near(answer, wanted(), relative=relative, absolute=absolute):
            return ""
        for mistaken, hint in otherwise:
            if near(answer, mistaken(), relative=relative, absolute=absolute):
                return hint
        return f"{float(answer):.4g} is too {'large' if float(answer) > wanted() else 'small'}"

    return judge


def a_formula(
    wanted: Callable[..., float | Sequence[float]],
    cases: Sequence[Sequence[float]],
    names: Sequence[str],
    *,
    relative: float = 1e-3,
    otherwise: Mapping[str, Callable[..., float | Sequence[float]]] | None = None,
) -> Judge:
    """A judge of functions of numbers, asked at ``cases``.

    Args:
        wanted: computes what the function should return, a number or several.
        cases: arguments to ask for.
        names: the arguments' names, for the hint.
        relative: relative tolerance.
        otherwise: hint -> the function that comes of a likely mistake.
    """

    def same(one: object, other: object) -> bool:
        one, other = (list(x) if isinstance(x, Sequence) else [x] for x in (one, other))
        return len(one) == len(other) and all(near(x, y, relative=relative) for x, y in zip(one, other, strict=True))

    def judge(answer: object) -> str:
        if not callable(answer):
            return f"hand in a function of {', '.join(names)}, not {answer!r}"
        given = [answer(*case) for case in cases]
        wrong = [i for i, case in enumerate(cases) if not same(given[i], wanted(*case))]
        if not wrong:
            return ""
        for hint, mistaken in (otherwise or {}).items():
            if all(same(found, mistaken(*case)) for found, case in zip(given, cases, strict=True)):
                return hint
        case = ", ".join(f"{name} = {value:g}" for name, value in zip(names, cases[wrong[0]], strict=True))
        return f"at {case} it gives {given[wrong[0]]}, which is not right"

    return judge
