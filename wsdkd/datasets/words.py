"""Yes and no as annotation tools write them."""

from typing import Any

YES = ("1", "true", "yes", "y", "t")
NO = ("0", "false", "no", "n", "f", "", "unspecified", "none", "null")


def yes_or_no(value: Any) -> bool | None:
    """What a number, a text, a truth value or nothing means; None where nobody can tell."""
    if value is None or isinstance(value, bool):
        return bool(value)
    text = str(value).strip().casefold()
    if text in YES or text in NO:
        return text in YES
    try:
        number = float(text)
    except ValueError:
        return None
    return bool(number) if number in (0, 1) else None
