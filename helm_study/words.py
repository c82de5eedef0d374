"""Format the numbers of a record for prose and tables."""

from __future__ import annotations

from helm_study.intervals import Interval


def in_words(metric: dict, style: str = ".0%") -> str:
    """Format a metric as Markdown, with the mean in bold and its interval.

    Args:
        metric: a mapping with ``mean``, ``low`` and ``high``.
        style: a format such as ``".0%"``, ``".2f"`` or ``".1e"``; powers of ten from 1000 are typeset.
    """
    mean, low, high = (formatted(metric[key], style) for key in ("mean", "low", "high"))
    if metric["low"] == metric["high"]:
        return f"**{mean}** on every seed"
    return f"**{mean}** ({low.removesuffix(' %')} to {high})"


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
