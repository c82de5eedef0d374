"""Guess first: a question that the reader answers before an explorer lets itself be moved.

A guess that one has committed to is compared with what comes, and remembered; a figure that shows its
answer at once is looked at. In the page and in a notebook alike the explorer waits until the reader
commits or asks to be shown; without scripts, the question and its answer stand beside the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.lines import Line2D

from helm_book.explorer.controls import is_number, number_texts, require_choice

NUMBER_STOPS = 61
"""Positions of the slider on which a number is guessed."""

CURVE_STOPS = 51
"""Heights at which a point of a sketched curve may stand."""


@dataclass(frozen=True)
class GuessNumber:
    """A number between ``low`` and ``high``, guessed on a slider.

    Attributes:
        question: plain text that ends where the answer begins.
        answer: what the package computes.
        low: left end of the slider.
        high: right end of the slider.
        log: whether the slider is logarithmic.
        unit: written after the numbers.
        explain: a sentence or two shown with the answer.
        hides: names of the moving artists that stay hidden until the guess is made (``explore_numbers`` only).
    """

    question: str
    answer: float
    low: float
    high: float
    log: bool = False
    unit: str = ""
    explain: str = ""
    hides: Sequence[str] = ()

    def __post_init__(self) -> None:
        _check_texts(self)
        for name in ("answer", "low", "high"):
            if not is_number(getattr(self, name)):
                raise TypeError(f"{name} must be a finite number, got {getattr(self, name)!r}")
        if not self.low < self.high or (self.log and self.low <= 0):
            above = "above zero and " if self.log else ""
            raise ValueError(f"low must be {above}below high, got low = {self.low} and high = {self.high}")

    @property
    def texts(self) -> tuple[str, ...]:
        """The slider's values in words, left to right."""
        space = np.geomspace if self.log else np.linspace
        values = [float(value) for value in space(self.low, self.high, NUMBER_STOPS)]
        # Round numbers where it is logarithmic: two digits, or more where its ends are near.
        for digits in range(2, 18) if self.log else ():
            rounded = list(dict.fromkeys(float(f"{value:.{digits}g}") for value in values))
            if len(rounded) > NUMBER_STOPS // 3:
                values = rounded
                break
        return tuple(self._with_unit(text) for text in number_texts(values))

    @property
    def answer_text(self) -> str:
        """The answer in words."""
        return self._with_unit(number_texts([self.answer])[0])

    def _with_unit(self, text: str) -> str:
        return f"{text} {self.unit}" if self.unit else text


@dataclass(frozen=True)
class GuessChoice:
    """One of several statements.

    Attributes:
        question: plain text.
        choices: two or more statements.
        answer: the one that holds.
        explain: a sentence or two shown with the answer.
        hides: names of the moving artists that stay hidden until the guess is made (``explore_numbers`` only).
    """

    question: str
    choices: Sequence[str]
    answer: str
    explain: str = ""
    hides: Sequence[str] = ()

    def __post_init__(self) -> None:
        _check_texts(self)
        if isinstance(self.choices, str) or len(self.choices) < 2 or len(set(self.choices)) < len(self.choices):
            raise ValueError(f"choices must be two or more different statements, got {self.choices!r}")
        require_choice("answer", self.answer, tuple(self.choices))

    @property
    def texts(self) -> tuple[str, ...]:
        """The statements."""
        return tuple(self.choices)

    @property
    def answer_text(self) -> str:
        """The statement that holds."""
        return self.answer


@dataclass(frozen=True)
class GuessCurve:
    """A curve sketched over the axes of a moving line, point by point; ``explore_numbers`` only.

    Attributes:
        question: plain text.
        artist: name of the moving line that is guessed; it is hidden until then.
        at: where along the horizontal axis the sketch has its points, two to twelve.
        explain: a sentence or two shown with the answer.
        hides: names of other moving artists that stay hidden until the guess is made.
    """

    question: str
    artist: str
    at: Sequence[float] = field(default=())
    explain: str = ""
    hides: Sequence[str] = ()

    def __post_init__(self) -> None:
        _check_texts(self)
        if not 2 <= len(self.at) <= 12 or not all(map(is_number, self.at)) or list(self.at) != sorted(set(self.at)):
            raise ValueError(f"at must be two to twelve rising numbers, got {self.at!r}")


WAITING = "Guess first, or ask to be shown: then the picture is completed."
"""Caption of a picture of which a guess hides a part."""

Guess = GuessNumber | GuessChoice | GuessCurve


def check_guess(guess: Guess | None, artists: Mapping[str, object] | None) -> None:
    """Raise unless ``guess`` suits an explorer that moves ``artists`` (``None``: one of frames)."""
    if guess is None:
        return
    if not isinstance(guess, Guess):
        raise TypeError(f"guess must be a GuessNumber, a GuessChoice or a GuessCurve, got {guess!r}")
    if artists is None and (isinstance(guess, GuessCurve) or guess.hides):
        raise TypeError("guess must not be a curve or hide artists in an explorer of frames: use explore_numbers")
    for name in guess.hides:
        require_choice("a name in guess.hides", name, tuple(artists or ()))
    if isinstance(guess, GuessCurve):
        require_choice("guess.artist", guess.artist, tuple(artists or ()))
        if not isinstance(artists[guess.artist], Line2D):
            raise TypeError(f"guess.artist must name a line, {guess.artist!r} is {artists[guess.artist]!r}")


def hidden_until_guessed(guess: Guess | None) -> tuple[str, ...]:
    """Names of the moving artists that a guess hides."""
    if guess is None:
        return ()
    return (*guess.hides, guess.artist) if isinstance(guess, GuessCurve) else tuple(guess.hides)


def reply(guess: GuessNumber | GuessChoice, given: int | None) -> str:
    """What the reader is told after guessing ``texts[given]``, or ``None`` for asking to be shown."""
    answer = guess.answer_text if isinstance(guess, GuessNumber) else f"“{guess.answer_text}”"
    if given is None:
        said = f"It is {answer}." if isinstance(guess, GuessNumber) else f"The answer: {answer}."
    elif guess.texts[given] == guess.answer_text:
        said = "You guessed right."
    elif isinstance(guess, GuessNumber):
        said = f"You guessed {guess.texts[given]}; it is {answer}."
    else:
        said = f"You guessed “{guess.texts[given]}”; the answer is {answer}."
    return f"{said} {guess.explain}".strip()


def _check_texts(guess: Guess) -> None:
    for name in ("question", "explain"):
        value = getattr(guess, name)
        if not isinstance(value, str) or (name == "question" and not value.strip()):
            raise TypeError(f"{name} must be plain text, got {value!r}")
