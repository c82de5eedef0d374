"""Format the numbers of a record for prose and tables."""

from __future__ import annotations

from helm_study.intervals import Interval

MOST_DIGITS = 3  # after the point of a share in per cent


def in_words(metric: dict, style: str = ".0%") -> str:
    """Format a metric as Markdown, with the mean in bold and its interval.

    Args:
        metric: a mapping with ``mean``, ``low`` and ``high``.
        style: a format such as ``".0%"``, ``".2f"`` or ``".1e"``; powers of ten from 1000 are typeset. A share gets
            more digits where it would read as 0 or 100 % with an interval that hides that it is not.

    Example:
        >>> in_words({"mean": 0.9985, "low": 0.9965, "high": 1.0})
        '**99.9 %** (99.7 to 100 %)'
        >>> in_words({"mean": 1.0, "low": 1.0, "high": 1.0})
        '**100 %** on every seed'
    """
    if metric["low"] == metric["high"]:
        return f"**{formatted(metric['mean'], style)}** on every seed"
    texts = {key: formatted(metric[key], style) for key in ("mean", "low", "high")}
    if style.endswith("%") and len(set(texts.values())) == 1:
        digits = int(style[1:-1])
        while _at_an_end(texts["mean"]) and digits < MOST_DIGITS:
            digits += 1
            texts = {key: _exact_at_the_ends(metric[key], f".{digits}%") for key in texts}
    mean, low, high = texts.values()
    return f"**{mean}** ({low.removesuffix(' %')} to {high})"


def _at_an_end(text: str) -> bool:
    return float(text.removesuffix(" %").replace("\N{MINUS SIGN}", "-")) in (0, 100)


def _exact_at_the_ends(share: float, style: str) -> str:
    return formatted(share, ".0%" if share in (0, 1) else style)


def in_points(difference: Interval, unit: str = "", *, bold: bool = False) -> str:
    """Format a difference of fractions in percentage points, with its interval.

    Args:
        difference: a difference of fractions, such as :func:`helm_study.records.paired` returns.
        unit: text after the mean, such as ``" points"``.
        bold: print the mean in bold.

    Example:
        >>> in_points(Interval(0.081, -0.004, 0.162, n=5), " points")
        '+8 points (0 to +16)'
    """
    mean, low, high = (
        f"{round(100 * x):+d}".replace("-", "−") if round(100 * x) else "0"
        for x in (difference.mean, difference.low, difference.high)
    )
    mark = "**" if bold else ""
    return f"{mark}{mean}{unit}{mark} ({low} to {high})"


def formatted(value: float, style: str) -> str:
    """Format a number in ``style``, typographically.

    It gets a true minus sign, a space before the per cent sign, and powers of ten in mathematical notation.
    """
    text = f"{value:{style}}"
    mantissa, power, exponent = text.partition("e")
    if not power:
        sign = "−" if text.startswith("-") and text.strip("-0.%") else ""  # a rounded zero has none
        return sign + text.removeprefix("-").replace("%", " %")
    if 0 <= int(exponent) <= 2:
        return f"{float(text):g}"
    return f"${mantissa} \\times 10^{{{int(exponent)}}}$"
