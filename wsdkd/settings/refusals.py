"""A refused parameter in words: its full name, what is wrong, what is allowed."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

MISSING = "this key is missing"
_WRONG_SHAPE = ("model_type", "model_attributes_type", "dict_type")


def refusals(section: str, data: Any, schema: dict[str, Any], errors: Sequence[ErrorDetails]) -> list[str]:
    """One line a refused key, ``section.key: reason``.

    Args:
        section: name of the section.
        data: what stands in the file under that name.
        schema: JSON schema of the section, which knows the allowed keys.
        errors: what pydantic found.
    """
    reasons: dict[str, list[str]] = {}
    for error in errors:
        steps = _steps(error, data)
        if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
            steps = [*steps, error["ctx"]["discriminator"].strip("'")]
        key = ".".join([section, *map(str, steps)])
        reasons.setdefault(key, []).append(_reason(error, steps, data, schema))
    return _together({key: _join(found) for key, found in reasons.items()})


def _together(reasons: dict[str, str]) -> list[str]:
    # Of a file that was cut off all the rest is missing, which a line says as well as twenty.
    missing: dict[str, list[str]] = {}
    for key, reason in reasons.items():
        if reason == MISSING:
            missing.setdefault(key.rpartition(".")[0], []).append(key)
    lines = []
    for key, reason in reasons.items():
        keys = missing.get(key.rpartition(".")[0], []) if reason == MISSING else []
        if len(keys) < 2:
            lines.append(f"{key}: {reason}")
        elif key == keys[0]:
            names = ", ".join(each.rpartition(".")[2] for each in keys)
            lines.append(f"{key.rpartition('.')[0]}: these keys are missing: {names}")
    return lines


def _steps(error: ErrorDetails, data: Any) -> list[str | int]:
    # Pydantic mixes names of union members into the location. Keys and places in lists are those
    # steps that lead somewhere in the file, and the last one of a key that is missing.
    steps: list[str | int] = []
    here = data
    for position, step in enumerate(error["loc"]):
        is_last = position == len(error["loc"]) - 1
        found = (isinstance(here, dict) and step in here) or (
            isinstance(here, list) and isinstance(step, int) and step < len(here)
        )
        if found:
            here = here[step]
        if found or (is_last and error["type"] == "missing"):
            steps.append(step)
    return steps


def _reason(error: ErrorDetails, steps: Sequence[str | int], data: Any, schema: dict[str, Any]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        allowed = _allowed_keys(schema, data, steps[:-1])
        near = get_close_matches(str(steps[-1]), allowed, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        return f"unknown key; {hint}allowed: {', '.join(allowed)}"
    if kind == "missing":
        return MISSING
    if kind == "union_tag_not_found":
        return "this key is missing; allowed: " + ", ".join(_tags(schema))
    if kind == "union_tag_invalid":
        return f"got {context['tag']!r}; allowed: {context['expected_tags']}"
    if kind in _WRONG_SHAPE:
        return f"expected keys below it, got {_show(error['input'])}"
    if kind == "too_long":
        return f"should have at most {context['max_length']} items, got {_show(error['input'])}"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if kind == "value_error":
        return message
    return f"should be {message}, got {_show(error['input'])}"


def _join(reasons: Sequence[str]) -> str:
    # A key that may be of several types is refused once for each of them.
    if len(reasons) == 1:
        return reasons[0]
    ends = [reason.rpartition(", got ") for reason in reasons]
    return " or ".join([ends[0][0], *(end[0].removeprefix("should be ") for end in ends[1:])]) + (
        f", got {ends[0][2]}"
    )


def _show(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _tags(schema: dict[str, Any]) -> list[str]:
    return list(schema.get("discriminator", {}).get("mapping", {}))


def _allowed_keys(schema: dict[str, Any], data: Any, steps: Sequence[str | int]) -> list[str]:
    """Keys that may stand in the mapping to which ``steps`` lead."""
    node, here = _resolve(schema, schema, data), data
    for step in steps:
        here = here[step]
        below = node["items"] if isinstance(step, int) else node["properties"][step]
        node = _resolve(schema, below, here)
    return list(node.get("properties", {}))


def _resolve(root: dict[str, Any], node: dict[str, Any], data: Any) -> dict[str, Any]:
    if "discriminator" in node:
        tag = data[node["discriminator"]["propertyName"]]
        node = {"$ref": node["discriminator"]["mapping"][tag]}
    for choice in node.get("anyOf", ()):
        if "$ref" in choice or choice.get("type") == "array":
            node = choice
    if "$ref" in node:
        found: dict[str, Any] = root["$defs"][node["$ref"].rpartition("/")[2]]
        return found
    return node
