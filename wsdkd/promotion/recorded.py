"""What was refused before, so that the same question gets the same answer without a measurement."""

import json
from pathlib import Path
from typing import Any

from wsdkd.files import publish_file
from wsdkd.promotion.decision import Decision

FILE = "decisions.json"
KEPT = 100


def recall(folder: Path, key: str) -> Decision | None:
    """The decision recorded under ``key`` below ``folder``, if there is one."""
    found = _read(folder).get(key)
    try:
        return None if found is None else Decision.model_validate_json(json.dumps(found))
    except ValueError:
        return None  # of another version of the program: measured again


def record(folder: Path, key: str, decision: Decision) -> None:
    """Keep a decision under ``key``, a digest of all that it depends on; only the last 100 are kept."""
    decisions = _read(folder)
    decisions.pop(key, None)
    decisions[key] = decision.model_dump(mode="json")
    kept = dict(list(decisions.items())[-KEPT:])
    with publish_file(folder / FILE) as aside:
        aside.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _read(folder: Path) -> dict[str, Any]:
    # A damaged file costs a measurement, nothing else.
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
