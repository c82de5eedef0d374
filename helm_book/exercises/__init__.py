"""A checker of the book's exercises, for students who work alone and for teachers who have many answers to read.

``check("spectral_cliff", 1, answer)`` says whether an answer is right, and where to look if it is not. No solution is
stored: an answer is held against what the package computes, a function at several arguments. :func:`grade` judges
all answers of a student at once; a course's own exercises are :class:`Exercise`\\ s too.

    >>> from helm_book.exercises import check
    >>> check("spectral_cliff", 1, lambda T, size: T * size)
    exercise 1: not yet: that adds the norms of the T blocks; of a Frobenius norm the squares add
    >>> check("spectral_cliff", 1, lambda T, size: T**0.5 * size)
    exercise 1: right
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from helm_book.exercises import contrast, distances, evidence, gradients, stability
from helm_book.exercises.judging import Exercise, Feedback, judged

EXERCISES = (
    *gradients.EXERCISES,
    *stability.EXERCISES,
    *contrast.EXERCISES,
    *distances.EXERCISES,
    *evidence.EXERCISES,
)
"""All exercises of the book that can be checked."""


def check(chapter: str, number: int, answer: object, *, exercises: Sequence[Exercise] = EXERCISES) -> Feedback:
    """Judge one answer.

    Args:
        chapter: the page, for example ``"spectral_cliff"``.
        number: the exercise's number there.
        answer: what the exercise asks for, see :attr:`Exercise.asks`.
        exercises: those that are known.

    Raises:
        ValueError: there is no such exercise, or none that can be checked.
    """
    for exercise in exercises:
        if (exercise.chapter, exercise.number) == (chapter, number):
            return judged(exercise, answer)
    there = sorted(exercise.number for exercise in exercises if exercise.chapter == chapter)
    chapters = sorted({exercise.chapter for exercise in exercises})
    known = f"number must be one of {there}" if there else f"chapter must be one of {', '.join(chapters)}"
    raise ValueError(f"no exercise {number!r} of {chapter!r} can be checked; {known}")


def grade(answers: Mapping[tuple[str, int], object], *, exercises: Sequence[Exercise] = EXERCISES) -> list[Feedback]:
    """Judge all ``answers``, each by its chapter and number; in this order.

    Raises:
        ValueError: one of them has no exercise that can be checked.
    """
    return [check(chapter, number, answer, exercises=exercises) for (chapter, number), answer in answers.items()]
