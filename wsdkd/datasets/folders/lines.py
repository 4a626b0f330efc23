"""The lines of text files of labels that hold boxes, too, as YOLO, KITTI and DOTA write them."""

import re
from collections.abc import Sequence
from itertools import pairwise

FEWEST = 4
"""Numbers of a box."""
_CORNERS = 8
"""Numbers of DOTA's boxes, which stand before the name."""
_HEADS = ("imagesource:", "gsd:")
"""Lines above DOTA's boxes."""


def without_heads(lines: Sequence[str]) -> list[str]:
    """The lines but for those that DOTA's files begin with."""
    return [line for line in lines if not line.startswith(_HEADS)]


def holds_a_box(line: str) -> bool:
    """Whether a line has as many numbers as a box takes; whole ones that rise are those of some classes."""
    words = _words(line)
    numbers = [word for word in words if _is_number(word)]
    if len(numbers) == len(words) and all(word.isdecimal() for word in words):
        rising = all(int(one) < int(two) for one, two in pairwise(words))
        return len(words) > FEWEST and not rising
    return len(numbers) >= FEWEST


def label_before_box(line: str) -> str | None:
    """The class of a line with a box: its number as text, or its name; None where nobody can tell.

    ``0 0.5 0.5 0.2 0.2`` and any more numbers, ``Car 0.00 0 -1.6 1 1 9 9``, ``1 1 9 1 9 9 1 9 ship 0``.
    """
    words = _words(line)
    behind = 0
    while behind < len(words) and _is_number(words[-1 - behind]):
        behind += 1
    if behind == len(words):
        whole = re.fullmatch(r"(\d{1,9})(\.0*)?", words[0]) if behind > FEWEST else None
        return whole[1] if whole else None
    if behind >= FEWEST:
        return " ".join(words[: len(words) - behind])
    before = words[:_CORNERS]
    if len(before) == _CORNERS and all(map(_is_number, before)) and not _is_number(words[_CORNERS]):
        return words[_CORNERS] if len(words) <= _CORNERS + 2 else None
    return None


def _words(line: str) -> list[str]:
    return [word for word in re.split(r"[\s,]+", line) if word]


def _is_number(word: str) -> bool:
    return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", word, re.IGNORECASE) is not None
