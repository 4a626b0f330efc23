"""``classes.json``: the names of the classes; a label is a place in this list."""

import json
from collections.abc import Sequence
from pathlib import Path

from wsdkd.files import publish_file


def write_classes(path: Path, names: Sequence[str]) -> None:
    """Write the class names in order."""
    with publish_file(path) as aside:
        aside.write_text(json.dumps(list(names), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_classes(path: Path) -> list[str]:
    """Read the class names in order.

    Raises:
        ValueError: the file does not hold a list of distinct names.
    """
    names = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{path}: expected a list of class names")
    if len(set(names)) != len(names):
        raise ValueError(f"{path}: a class name stands in it twice")
    return names
