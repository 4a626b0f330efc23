"""Digests of values and of files."""

import hashlib
import json
from hashlib import file_digest
from pathlib import Path
from typing import Any


def digest(value: Any) -> str:
    """SHA-256 of a value that JSON can hold."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
