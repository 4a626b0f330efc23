"""YAML as DVC reads it, YAML 1.2: from a file that a stranger may have written, and from a command line.

1e-3 is a number, no is a word, a key stands once. What a text would become is counted before it becomes it:
a few lines of aliases of aliases make billions of values, and a row of brackets fills the stack.
"""

from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from wsdkd.ground.errors import UserError, first_line

MOST_LETTERS, MOST_VALUES, MOST_LEVELS = 1 << 20, 100_000, 30
"""Of a text: its length, the values in it with those that aliases repeat, and how deep they may lie."""

NULLS = ("", "~", "null", "Null", "NULL")
BRACKETS = {"[": "]", "{": "}", "'": "'", '"': '"'}


def load_yaml(text: str, source: Path) -> Any:
    """What a YAML text says.

    Args:
        text: of one document.
        source: for messages.

    Returns:
        The caller's own, to change as it likes.

    Raises:
        UserError: not YAML, too long, too deep, or with aliases that make too much of it; in one line.
    """
    try:
        return deepcopy(_parsed(text))
    except UserError as error:
        raise UserError(f"{source}: {error}") from None


# A stage reads its parameters a dozen times, section by section, at a tenth of a second each.
@lru_cache(maxsize=16)
def _parsed(text: str) -> Any:
    if len(text) > MOST_LETTERS:
        raise UserError(f"{len(text):,} letters, more than the limit of {MOST_LETTERS:,}")
    try:
        _count(text)
        return YAML(typ="safe", pure=True).load(text)
    except UserError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
        problem = " ".join(str(error.problem or error.context).split())
        raise UserError(f"not valid YAML: {where}{problem}") from None
    except (YAMLError, ValueError, OverflowError) as error:
        # A date in month 13, a number of thousands of digits.
        raise UserError(f"not valid YAML: {first_line(error)}") from None


def _count(text: str) -> None:
    # Each alias counts as all that its anchor stands for.
    sizes: dict[str, int] = {}
    collections: list[tuple[str | None, int]] = []  # those open: anchor, and what was counted before
    total = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            collections.append((event.anchor, total))
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            anchor, before = collections.pop()
            total += 1
            if anchor is not None:
                sizes[anchor] = total - before
        elif isinstance(event, ScalarEvent):
            total += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        elif isinstance(event, AliasEvent):
            if any(anchor == event.anchor for anchor, _ in collections):
                raise UserError(f"line {event.start_mark.line + 1}: *{event.anchor} contains itself")
            total += sizes.get(event.anchor, 1)
        if total > MOST_VALUES or len(collections) > MOST_LEVELS:
            limit = f"{MOST_VALUES:,} values" if total > MOST_VALUES else f"{MOST_LEVELS} levels of nesting"
            raise UserError(f"line {event.start_mark.line + 1}: more than {limit}")


def typed_value(text: str) -> Any:
    """What a value means that somebody typed on a command line.

    A number, true, false, null, a list in brackets, keys in braces and a text in quotes are as in YAML.
    Everything else is text as it was typed, whatever YAML makes of a number sign, a bar, a colon or a
    blank; a leading ``~/`` is the user's home.

    >>> typed_value("1e-3"), typed_value("[96, 128]"), typed_value("null"), typed_value("'5'")
    (0.001, [96, 128], None, '5')
    >>> typed_value("labels #2.csv"), typed_value("|"), typed_value(" ")
    ('labels #2.csv', '|', ' ')
    """
    inner = text.strip()
    closing = BRACKETS.get(inner[:1])
    if closing is None and (not text or len(inner.split()) == 1):
        value = _loaded(inner)
        if isinstance(value, bool | int | float) or inner in NULLS:
            return value
    if closing is not None and len(inner) > 1 and inner.endswith(closing):
        value = _loaded(inner)
        if isinstance(value, str | list | dict):
            return value
    return str(Path(text).expanduser()) if text.startswith("~/") else text


def _loaded(text: str) -> Any:
    # A text that is no YAML is itself.
    try:
        return load_yaml(text, Path("value"))
    except UserError:
        return text
