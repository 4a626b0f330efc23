"""``classes.json``: the names of the classes; a label is a place in this list."""

import json
from collections.abc import Sequence
from pathlib import Path

from wsdkd.errors import UserError
from wsdkd.files import publish_file


def write_classes(path: Path, names: Sequence[str]) -> None:
    """Write the class names in order."""
    with publish_file(path) as aside:
        aside.write_text(json.dumps(list(names), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_classes(path: Path) -> list[str]:
    """Read the class names in order.

    Raises:
        UserError: the file is missing or does not hold a list of distinct names.
    """
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run the stage that writes it: dvc repro") from None
    except ValueError as error:
        raise UserError(f"{path}: not JSON: {error}") from None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"{path}: expected a list of class names")
    if len(set(names)) != len(names):
        raise UserError(f"{path}: a class name stands in it twice")
    return names
