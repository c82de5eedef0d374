"""The HTML around a static explorer: picture, controls, guess, caption, and its data in one script element."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from helm_book.explorer.controls import Control, describe
from helm_book.explorer.drawing import CSS_DPI
from helm_book.explorer.guess import WAITING, Guess, GuessChoice, GuessCurve, GuessNumber, hidden_until_guessed, reply

NARROW_BELOW = "36rem"
"""Width of the window below which the narrow picture is shown."""


@dataclass(frozen=True)
class StaticExplorer:
    """The explorer as self-contained HTML.

    Attributes:
        html: a ``<figure class="helm-explorer">``; equal input gives equal bytes.
        title: its heading or the names of its controls.
        combinations: how many settings of its controls it holds.
        density: image pixels for each CSS pixel.
    """

    html: str
    title: str
    combinations: int
    density: float

    @property
    def weight(self) -> int:
        """Bytes of the HTML."""
        return len(self.html.encode())

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"explore({self.title})"


def address_of(title: str | None, controls: Sequence[Control]) -> str:
    """The explorer's name in a link: its title (else its controls) in small letters, digits and hyphens."""
    words = re.sub(r"[^a-z0-9]+", "-", (title or " ".join(c.name for c in controls)).lower()).strip("-")
    return words[:60].rstrip("-") or "explorer"


def write_html(
    kind: str,
    data: str,
    stills: Sequence[str],
    sizes: Sequence[tuple[float, float]],
    controls: Sequence[Control],
    caption: str,
    title: str | None,
    guess: Guess | None,
    sketch: Mapping | None = None,
    whole: str | None = None,
) -> str:
    """One explorer.

    Args:
        kind: ``"frames"`` or ``"numbers"``, how ``data`` is read.
        data: the content of its script element.
        stills: the first picture, WebP in base64, for wide and, if there are two, for narrow windows.
        sizes: their widths and heights in inches.
        controls: what the reader sets.
        caption: what the first picture shows.
        title: heading, if any.
        guess: what is asked before the controls may be moved.
        sketch: for a guessed curve, what its points need.
        whole: where the guess hides a part of the first picture, all of it, for paper and for readers without scripts.
    """
    key = address_of(title, controls)
    name = title or "Explore " + ", ".join(control.label for control in controls)
    heading = f'<p class="helm-title">{html.escape(title)}</p>\n' if title else ""
    inputs = "".join(_control_html(control, f"{key}-{control.name}") for control in controls)
    alt = html.escape(caption)
    shown_at = html.escape(describe(controls, [control.start for control in controls]))
    (width, height), *narrow = [(round(w * CSS_DPI), round(h * CSS_DPI)) for w, h in sizes]
    source = (
        f'<source media="(max-width: {NARROW_BELOW})" width="{narrow[0][0]}" height="{narrow[0][1]}" '
        f'srcset="data:image/webp;base64,{stills[1]}">'
        if narrow
        else ""
    )
    complete = (
        f'<img class="helm-complete dark-light" width="{width}" height="{height}" alt="{alt}" '
        f'src="data:image/webp;base64,{whole}">'
        if whole
        else ""
    )
    # Captions are plain text: the two "ignore" classes keep the mathematics typesetter off them, and
    # "dark-light" keeps the theme from dimming the picture.
    return f"""\
<figure class="helm-explorer tex2jax_ignore mathjax_ignore" id="{key}" data-kind="{kind}" \
aria-label="{html.escape(name)}">
{heading}{_guess_html(guess, key, sketch)}<div class="helm-stage"><picture>{source}<img class="helm-still dark-light" \
width="{width}" height="{height}" alt="{alt}" src="data:image/webp;base64,{stills[0]}"></picture>{complete}</div>
<form class="helm-controls" autocomplete="off"><fieldset disabled>
{inputs}</fieldset></form>
<p class="helm-note">Shown at {shown_at}; the controls need JavaScript.</p>
<div class="helm-buttons"><button class="helm-link" type="button" disabled>Link</button>\
<button class="helm-reset" type="button" disabled>Reset</button></div>
<script type="application/json" class="helm-data">{data}</script>
<figcaption class="helm-caption" aria-live="polite">{_words(caption)}</figcaption>
</figure>
"""


def script_json(data: object) -> str:
    """JSON that no text in it can end the script element of."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def control_data(controls: Sequence[Control]) -> dict:
    """Of each control: how many values, as words, and as a link writes them."""
    return {
        "names": [control.name for control in controls],
        "labels": [control.label for control in controls],
        "sizes": [len(control.values) for control in controls],
        "texts": [control.texts for control in controls],
        "keys": [[str(value) for value in control.values] for control in controls],
        "plays": [control.interval is not None for control in controls],
    }


def _words(text: str) -> str:
    """Plain text as HTML; a number and its per cent sign stay on one line."""
    return re.sub(r"(?<=\d) %", "\u00a0%", html.escape(text))


def _control_html(control: Control, key: str) -> str:
    label = html.escape(control.label)
    if control.is_choice:
        return (
            f'<div class="helm-control helm-choice" data-control="{control.name}" role="radiogroup" '
            f'aria-label="{label}"><span class="helm-label">{label}</span>'
            f'<div class="helm-options">{_radios(control.texts, key, control.start)}</div></div>\n'
        )
    slider = _slider(control.texts, key, control.start)
    if control.interval is not None:
        play = (
            f'<button class="helm-play" type="button" data-interval="{round(1000 * control.interval)}" '
            f'aria-label="Play: {label}">Play</button>'
        )
        slider = slider.replace("<input", f'<div class="helm-run">{play}<input').replace("<output", "</div><output")
    return (
        f'<div class="helm-control" data-control="{control.name}"><label class="helm-label" for="{key}">{label}</label>'
        f"{slider}</div>\n"
    )


def _radios(texts: Sequence[str], key: str, start: int | None) -> str:
    return "".join(
        f'<label><input type="radio" name="{key}" value="{i}"{" checked" if i == start else ""}>'
        f"<span>{html.escape(text)}</span></label>"
        for i, text in enumerate(texts)
    )


def _slider(texts: Sequence[str], key: str, start: int) -> str:
    # The slider itself announces its value text: the output is for the eye.
    text, end = html.escape(texts[start]), len(texts) - 1
    return (
        f'<input id="{key}" type="range" min="0" max="{end}" step="1" value="{start}" aria-valuetext="{text}" '
        f'style="--helm-filled:{start / end:.4g}"><output for="{key}" aria-live="off">{text}</output>'
    )


def _guess_html(guess: Guess | None, key: str, sketch: Mapping | None) -> str:
    if guess is None:
        return ""
    key = f"{key}-guess"
    data: dict[str, object] = {"hides": hidden_until_guessed(guess), "waiting": WAITING}
    if isinstance(guess, GuessCurve):
        kind, answer = "curve", guess.explain
        data |= {"reply": guess.explain or "Solid: the curve as computed.", **(sketch or {})}
        how = "Drag across the picture, or move its points with the arrow keys."
        control = f'<p class="helm-how">{how}</p>'
    elif isinstance(guess, GuessNumber):
        kind, answer, texts = "number", reply(guess, None), guess.texts
        data |= {"texts": texts, "replies": [reply(guess, i) for i in range(len(texts))], "reply": answer}
        label = f'<label class="helm-label" for="{key}">your guess</label>'
        control = f'<div class="helm-control">{label}{_slider(texts, key, len(texts) // 2)}</div>'
    else:
        assert isinstance(guess, GuessChoice)
        kind, answer, texts = "choice", reply(guess, None), guess.texts
        data |= {"texts": texts, "replies": [reply(guess, i) for i in range(len(texts))], "reply": answer}
        control = (
            f'<div class="helm-control helm-choice" role="radiogroup" aria-labelledby="{key}-question">'
            f'<div class="helm-options">{_radios(texts, key, None)}</div></div>'
        )
    return f"""\
<form class="helm-guess" data-kind="{kind}" autocomplete="off"><p class="helm-question" id="{key}-question">\
<strong>Guess first.</strong> {_words(guess.question)}</p>
<fieldset disabled>{control}<div class="helm-buttons">\
<button class="helm-commit" type="submit">That is my guess</button>\
<button class="helm-skip" type="button">Show me</button></div></fieldset>
<p class="helm-answer">{_words(answer)}</p><p class="helm-reply" aria-live="polite" tabindex="-1"></p>
<script type="application/json" class="helm-guess-data">{script_json(data)}</script></form>
"""
