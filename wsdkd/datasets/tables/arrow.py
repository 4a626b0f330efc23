"""Parquet and Arrow files: which columns hold pictures, and which the numbers of classes."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa


def holds_pictures(kind: pa.DataType) -> bool:
    """Whether a column of this type holds whole pictures: bytes, or a struct with bytes, as the hub does."""
    if pa.types.is_struct(kind):
        return any(holds_pictures(kind.field(place).type) for place in range(kind.num_fields))
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def class_names(schema: pa.Schema) -> dict[str, tuple[str, ...]]:
    """By column, the names of the classes whose numbers it holds: Hugging Face's ``ClassLabel``.

    A column within another one goes by both names, ``objects.category``.
    """
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return dict(_class_labels("", features)) if isinstance(features, dict) else {}
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}


def _class_labels(column: str, feature: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    # A list of one feature, {"feature": ...} and {"_type": "List", ...} are lists; others are columns within.
    if isinstance(feature, list) and len(feature) == 1:
        yield from _class_labels(column, feature[0])
    elif isinstance(feature, dict) and feature.get("_type") == "ClassLabel":
        if isinstance(feature.get("names"), list):
            yield column, tuple(map(str, feature["names"]))
    elif isinstance(feature, dict) and "_type" in feature:
        yield from _class_labels(column, feature.get("feature"))
    elif isinstance(feature, dict):
        for name, inner in feature.items():
            yield from _class_labels(f"{column}.{name}" if column else name, inner)


def within(value: Any, names: Sequence[str]) -> Any:
    """What stands below ``names`` in a value of structs and lists of structs."""
    for name in names:
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list):
            value = [item.get(name) if isinstance(item, dict) else None for item in value]
    return value


def first_line(error: BaseException) -> str:
    """The first line of a library's message."""
    return str(error).partition("\n")[0] or type(error).__name__
