"""Splits that files beside a dataset tell: lists of pictures a split, and the YAML of YOLO's tools.

Who passes them over sets other images aside than everybody else does, and compares figures of other splits.
"""

import posixpath
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from wsdkd.data.tables import SPLITS, Split
from wsdkd.datasets.reading.picture_files import stem
from wsdkd.datasets.reading.words import place_of_folder
from wsdkd.ground.reading import NotReadError, read_regular

MOST_BYTES = 1 << 26
"""Of a list of pictures."""
MOST_YAML_BYTES = 1 << 20
LOOKED_AT = 50
"""Lines of a list that show whether it names pictures."""
_WHOLE = ("trainval", "trainvalid")
"""Of a list of all that is no test, beside which those of train and of val are parts."""


def told_splits(root: Path, files: Sequence[str], pictures: Sequence[str]) -> dict[str, Any]:
    """Parameters of a dataset whose splits such files tell: lists by split, or what words of folders mean.

    Args:
        root: the dataset's folder.
        files: paths of all files below it.
        pictures: paths of the pictures.

    Returns:
        ``train_list`` and others, or ``split_names``; nothing where no file tells, or no training images.
    """
    names = {stem(posixpath.basename(picture)) for picture in pictures}
    lists = _lists(root, files, names)
    if "train" in lists and len(lists) > 1:
        return {f"{split}_list": path for split, path in lists.items()}
    words: dict[str, Split] = {}
    for path in (path for path in files if "/" not in path and path.lower().endswith((".yaml", ".yml"))):
        words = words or _words(root / path)
    return {"split_names": words} if words else {}


def _lists(root: Path, files: Sequence[str], names: set[str]) -> dict[Split, str]:
    found: dict[Split, str] = {}
    for path in (path for path in files if "/" not in path and path.lower().endswith(".txt")):
        word = re.sub(r"(list|split|set|images|files|imgs|[\W\d_])", "", path.lower().removesuffix(".txt"))
        split: Any = "train" if word in _WHOLE else place_of_folder(word, {})
        if split not in SPLITS or not _names_pictures(root / path, names):
            continue
        if split in found:
            return {}  # trainval.txt beside train.txt: nobody can tell which of them to take
        found[split] = path
    return found


def _names_pictures(path: Path, names: set[str]) -> bool:
    try:
        text = read_regular(path, MOST_BYTES).decode("utf-8-sig")
    except (NotReadError, ValueError):
        return False
    lines = [line.strip() for line in text.splitlines() if line.strip()][:LOOKED_AT]
    known = sum(stem(posixpath.basename(line.replace("\\", "/"))) in names for line in lines)
    return bool(lines) and 2 * known >= len(lines)


def _words(path: Path) -> dict[str, Split]:
    # {train: part_a/images, val: part_b/images}: what part_a and part_b mean, which are no words for splits.
    try:
        text = read_regular(path, MOST_YAML_BYTES).decode("utf-8-sig")
        content = YAML(typ="safe", pure=True).load(text) if "names" in text else None
    except (NotReadError, YAMLError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict) or "names" not in content:
        return {}
    parts: dict[Split, list[str]] = {}
    for key, value in content.items():
        split: Any = place_of_folder(str(key), {})
        if split in SPLITS and isinstance(value, str) and not value.lower().endswith(".txt"):
            parts.setdefault(split, [part for part in value.split("/") if part not in ("", ".", "..")])
    found: dict[str, Split] = {}
    for split, own in parts.items():
        others = {part for other, each in parts.items() if other != split for part in each}
        alone = [part for part in own if part not in others]
        if len(parts) < 2 or not alone:
            continue
        if place_of_folder(alone[0], {}) is None:
            found[alone[0]] = split
    return found if len(found) == len(parts) else {}
