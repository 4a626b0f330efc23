"""The words for labels: names in one spelling, and what says that a class is there, or not, or perhaps."""

from typing import Any, NamedTuple

# Excel writes truth values in the language of its user.
TRUE = ("true", "wahr", "vrai", "verdadero", "vero", "waar", "prawda")
FALSE = ("false", "falsch", "faux", "falso", "onwaar", "fałsz")
PRESENT = ("1", "yes", "y", "t", "x", "+1", *TRUE)
ABSENT = ("0", "no", "n", "f", *FALSE)
UNCERTAIN = ("", "u", "?", "nan", "na", "n/a", "none", "null", "unknown", "uncertain")
MEANS_NOTHING = (
    "no finding",
    "none",
    "nothing",
    "no label",
    "background",
    "normal",
    "nan",
    "null",
    "na",
    "n/a",
)


class Labels(NamedTuple):
    """Names of classes: present in an image, said to be absent, or said to be uncertain."""

    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()


class NamesError(ValueError):
    """A cell does not hold names of labels; the message says why."""


def shown(value: Any) -> str:
    """A value as it may stand in a message: never bytes, never much."""
    try:
        text = "bytes of a file" if _has_bytes(value) else repr(value)
    except RecursionError:
        return "lists in lists in lists"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _has_bytes(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_bytes, value.values()))
    return isinstance(value, bytes) or (isinstance(value, list | tuple) and any(map(_has_bytes, value)))


def word_of(cell: Any) -> str:
    """A cell of a class's column as a word: ``1.0`` is ``1``."""
    if cell is None:
        return ""
    word = str(cell).strip().casefold()
    return word[:-2] if word.endswith(".0") else word


def usual_meaning(word: str) -> str | None:
    """What a word means in a column that is a class: present, absent, uncertain; None for others and -1."""
    for words, meaning in ((PRESENT, "present"), (ABSENT, "absent"), (UNCERTAIN, "uncertain")):
        if word in words:
            return meaning
    return None
