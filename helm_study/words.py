"""Numbers of a record as prose and tables write them."""

from __future__ import annotations

from helm_study.intervals import Interval


def in_words(metric: dict, style: str = ".0%") -> str:
    """A metric of a record as prose writes it, in Markdown: the mean in bold, the interval in brackets.

    Args:
        metric: with ``mean``, ``low`` and ``high``.
        style: a format such as ``".0%"``, ``".2f"`` or ``".1e"``; powers of ten from 1000 are typeset.
    """
    mean, low, high = (formatted(metric[key], style) for key in ("mean", "low", "high"))
    if metric["low"] == metric["high"]:
        return f"**{mean}** on every seed"
    return f"**{mean}** ({low.removesuffix(' %')} to {high})"


def in_points(difference: Interval, unit: str = "", *, bold: bool = False) -> str:
    """A difference of shares as tables and prose write it, in percentage points: the mean, the interval in brackets.

    Args:
        difference: such as :func:`paired` gives, as fractions.
        unit: follows the mean, such as ``" points"``.
        bold: sets the mean in bold.

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
    """A number in ``style``, with a true minus, a space before the per cent sign and powers of ten typeset."""
    text = f"{value:{style}}"
    mantissa, power, exponent = text.partition("e")
    if not power:
        sign = "−" if text.startswith("-") and text.strip("-0.%") else ""  # a rounded zero has none
        return sign + text.removeprefix("-").replace("%", " %")
    if 0 <= int(exponent) <= 2:
        return f"{float(text):g}"
    return f"${mantissa} \\times 10^{{{int(exponent)}}}$"
