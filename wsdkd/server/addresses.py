"""The server's addresses on a page for people, from the OpenAPI description that tools read."""

from collections.abc import Mapping
from typing import Any

from wsdkd.pages.page import render_page


def addresses_page(description: Mapping[str, Any]) -> str:
    """The HTML of the page.

    Args:
        description: as OpenAPI 3.1 has it, of a server that FastAPI makes.
    """
    schemas = description.get("components", {}).get("schemas", {})
    content = {"paths": description["paths"], "schemas": schemas, "types": types}
    return render_page("wsdkd.server", "addresses.html", content)


def types(schema: Mapping[str, Any]) -> str:
    """The type of a value in words, such as ``list of Label`` or ``number or nothing, from 0 to 1``."""
    choices = schema.get("anyOf", [schema])
    bounds = [
        f"{word} {choice[key]:g}" for choice in choices for key, word in BOUNDS.items() if key in choice
    ]
    return ", ".join([" or ".join(map(_type, choices)), *([" ".join(bounds)] if bounds else [])])


BOUNDS = {"minimum": "from", "maximum": "to"}


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    kind = str(schema.get("type", "anything"))
    kind = {"null": "nothing", "string": "text"}.get(kind, kind)
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"{_type(schema['additionalProperties'])} by name"
    return kind
