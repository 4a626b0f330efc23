"""Lists that stand in a text. Nothing is evaluated: they are parsed as literals."""

import ast
import json
import re
import warnings
from typing import Any

from wsdkd.datasets.labels.words import NamesError, shown

MAX_LIST_TEXT = 100_000
_QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""")
_BRACKETS = {"[": "]", "(": ")", "{": "}"}


def is_bracketed(text: str) -> bool:
    """Whether a text begins with a bracket and ends with the same one, closed."""
    text = text.strip()
    return len(text) > 1 and _BRACKETS.get(text[0]) == text[-1]


def list_of(text: str, separator: str | None) -> list[Any] | dict[Any, Any] | None:
    """The items of a list or a dictionary that stands in a text: JSON's, Python's, or NumPy's without commas.

    Args:
        text: of the cell.
        separator: between the items of a list without quotes, ``[cat, dog]``; by default a comma.

    Returns:
        The items, or None where the text is no list.

    Raises:
        NamesError: it is one, but too long, or of other things than names.
    """
    text = text.strip()
    if not is_bracketed(text):
        return None
    if len(text) > MAX_LIST_TEXT:
        raise NamesError(f"labels are a list of {len(text)} characters, more than {MAX_LIST_TEXT}")
    inner = text[1:-1]
    quoted = [single or double for single, double in _QUOTED.findall(inner)]
    value = _literal(text)
    if isinstance(value, dict):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        # Python joins texts that have no comma between them, which is how NumPy prints them.
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else list(value)
        return list(quoted) if len(items) < len(quoted) else items
    if quoted and not _QUOTED.sub("", inner).strip(" ,\n\r\t"):
        return list(quoted)
    if value is not None or text[0] == "(":
        return None  # a name in brackets
    if quoted or set(inner) & set("[]{}"):
        raise NamesError(f"labels {shown(text)} are no list of names")
    if re.fullmatch(r"[-\d\s.]+", inner):
        return list(map(_number, inner.split()))
    return [part for part in inner.split(separator or ",") if part.strip()]


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _literal(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of backslashes in names
        for parse in (json.loads, ast.literal_eval):
            try:
                return parse(text)
            except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
                continue
    return None
