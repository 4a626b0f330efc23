"""What DVC has stored: its objects by their digests, and which of them make up an output."""

import json
from pathlib import Path

from ruamel.yaml import YAML

from tests.pipeline.clone import Clone


def objects(store: Path) -> set[str]:
    """The digests of all objects in a cache or a folder that serves as a remote."""
    return {path.parent.name + path.name for path in store.glob("files/md5/*/*")}


def outputs(clone: Clone, folder: str) -> set[str]:
    """The digests of a folder's files and of the folder, from dvc.lock and the clone's DVC cache."""
    lock = YAML(typ="safe", pure=True).load((clone.root / "dvc.lock").read_text())
    outs = {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage.get("outs", [])}
    md5 = outs[folder]
    listed = json.loads((clone.root / f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}").read_text())
    return {md5, *(entry["md5"] for entry in listed)}


def path_of(store: Path, digest: str) -> Path:
    """Where a cache or a remote keeps an object."""
    return store / "files/md5" / digest[:2] / digest[2:]
