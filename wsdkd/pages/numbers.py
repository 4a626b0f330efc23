"""Numbers as pages print them: what is not known is a dash, and never "nan"."""

import math

NOTHING = "–"


def decimals(value: float | None, places: int = 1) -> str:
    """A number with so many decimals, such as 62.9."""
    return NOTHING if _unknown(value) else f"{value:.{places}f}"


def signed(value: float | None, places: int = 1) -> str:
    """A difference with its sign, a minus as it is printed: +7.1, −0.4."""
    if _unknown(value):
        return NOTHING
    return f"{value:+.{places}f}".replace("-", "−")


def thousands(value: float | None) -> str:
    """A count with commas: 12,345."""
    return NOTHING if _unknown(value) else f"{value:,.0f}"


def short(value: float | None) -> str:
    """A large number with three digits and a letter: 1.24 k, 388 M, 12.3 G."""
    if value is None or _unknown(value):
        return NOTHING
    for size, letter in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= 0.9995 * size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _unknown(value: float | None) -> bool:
    return value is None or not math.isfinite(value)
