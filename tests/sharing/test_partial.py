"""A broken transfer goes on with the shard that is missing; added images cost their own shard alone."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.pipeline.clone import Clone
from tests.sharing.conftest import SHARED
from tests.sharing.stored import objects, outputs, path_of
from wsdkd.cache.manifest import IDS, MANIFEST, Manifest, read_ids, read_manifest
from wsdkd.ground.digests import sha256

pytestmark = pytest.mark.long

CACHE = "data/teacher_cache"
WSDKD = (sys.executable, "-c", "from wsdkd.cli.main import main; main()")


def shard_digest(clone: Clone, name: str) -> str:
    """DVC's name for a shard."""
    folder = next(digest for digest in outputs(clone, CACHE) if digest.endswith(".dir"))
    listed = json.loads(path_of(clone.root / ".dvc/cache", folder).read_text())
    return next(entry["md5"] for entry in listed if entry["relpath"] == name)


def test_a_broken_pull_goes_on_with_the_missing_shard(
    team: Clone, remote: Path, clone_of: Callable[[Clone], Clone]
) -> None:
    clone = clone_of(team)
    missing = path_of(remote, shard_digest(team, "shard-00001.h5"))
    aside = missing.rename(remote.parent / "aside")
    try:
        clone.failing_dvc("pull", "cache_teacher")
        # DVC's list of the folder counts as fetched once all that it lists is there.
        lacking = outputs(team, CACHE) - objects(clone.root / ".dvc/cache")
        assert {digest for digest in lacking if not digest.endswith(".dir")} == {_name(missing)}
    finally:
        aside.rename(missing)
    there = objects(clone.root / ".dvc/cache")
    clone.dvc("pull", "cache_teacher")
    fetched = objects(clone.root / ".dvc/cache") - there
    assert {digest for digest in fetched if not digest.endswith(".dir")} == {_name(missing)}
    assert "all shards are as they were written: 3" in clone.run(*WSDKD, "cache", "verify").stdout


def test_a_damaged_shard_is_fetched_alone(team: Clone, clone_of: Callable[[Clone], Clone]) -> None:
    """By the commands of docs/cache.md."""
    clone = clone_of(team)
    clone.dvc("pull", "cache_teacher")
    shard = clone.root / CACHE / "shard-00000.h5"
    whole = shard.read_bytes()
    shard.chmod(0o644)
    shard.write_bytes(whole[: len(whole) // 2])
    shard.chmod(0o444)
    assert "shard-00000.h5" in clone.run(*WSDKD, "cache", "verify", fails=True).stderr
    shard.chmod(0o644)
    shard.unlink()
    assert "1 file fetched" in clone.dvc("pull", "cache_teacher")
    assert shard.read_bytes() == whole


def test_a_broken_push_goes_on_with_the_missing_shard(team: Clone, remote: Path) -> None:
    # As a push leaves it that breaks off: DVC's list of the folder goes last.
    listed = next(digest for digest in outputs(team, CACHE) if digest.endswith(".dir"))
    missing = {listed, shard_digest(team, "shard-00002.h5")}
    for digest in missing:
        path_of(remote, digest).unlink()
    there = objects(remote)
    assert f"{len(missing)} files pushed" in team.dvc("push", "cache_teacher")
    assert objects(remote) - there == missing


def _name(path: Path) -> str:
    return path.parent.name + path.name


@pytest.fixture(scope="module")
def grown(team: Clone, remote: Path, clone_of: Callable[[Clone], Clone]) -> dict[str, Any]:
    """What it cost to add an image with the teacher frozen, in a clone that got the cache by a pull."""
    clone = clone_of(team)
    clone.dvc("pull", *SHARED)
    before = read_manifest(clone.root / CACHE)
    clone.run(*WSDKD, "cache", "keep")
    _own_dataset(clone)
    clone.dvc("freeze", "train_teacher")
    added = _add_image(clone)
    done = clone.run(sys.executable, "-m", "dvc", "repro", "cache_teacher")
    stored = objects(remote)
    pushed = clone.dvc("push", "cache_teacher")
    new = [path_of(remote, digest) for digest in objects(remote) - stored]
    return {
        "clone": clone,
        "added": added,
        "before": before,
        "after": read_manifest(clone.root / CACHE),
        "log": done.stdout + done.stderr,
        "pushed": pushed,
        "new": new,
    }


def test_added_images_are_computed_alone(grown: dict[str, Any]) -> None:
    before: Manifest = grown["before"]
    after: Manifest = grown["after"]
    assert "Running stage 'train_teacher'" not in grown["log"]
    assert "Cache the teacher: 100%" in grown["log"]
    assert " 1/1 " in grown["log"].rpartition("Cache the teacher: 100%")[2].splitlines()[0]
    assert after.shards[: len(before.shards)] == before.shards
    assert [entry.images for entry in after.shards[len(before.shards) :]] == [1]
    assert list(read_ids(grown["clone"].root / CACHE, after))[-1] == grown["added"]


def test_added_images_are_uploaded_alone(grown: dict[str, Any]) -> None:
    # The shard, the manifest with the ids, and DVC's list of the folder.
    assert "4 files pushed" in grown["pushed"]
    after: Manifest = grown["after"]
    new = {path.stat().st_size for path in grown["new"]}
    assert after.shards[-1].bytes in new
    listed = sum((grown["clone"].root / CACHE / name).stat().st_size for name in (MANIFEST, IDS))
    assert sum(new) < after.shards[-1].bytes + listed + 1000


def test_a_shard_that_no_longer_fits_is_never_kept(grown: dict[str, Any]) -> None:
    """One repainted photograph, in a cache whose other shards stay."""
    clone: Clone = grown["clone"]
    first = grown["after"].shards[0]
    ids = list(read_ids(clone.root / CACHE, grown["after"]))
    repainted, other_picture = (clone.root / "raw" / image_id for image_id in ids[:2])
    shutil.copy(other_picture, repainted)
    clone.dvc("repro", "cache_teacher")
    after = read_manifest(clone.root / CACHE)
    shards = [entry for entry in after.shards for _ in range(entry.images)]
    images = dict(zip(read_ids(clone.root / CACHE, after), shards, strict=True))
    assert images[ids[0]].fingerprint["images"] != first.fingerprint["images"]
    kept = [entry for entry in grown["after"].shards if entry in after.shards]
    assert kept == list(grown["after"].shards[1:])
    assert all(sha256(clone.root / CACHE / entry.file) == entry.sha256 for entry in after.shards)


def _own_dataset(clone: Clone) -> None:
    """The same pictures as a dataset of a user's own, read as COCO."""
    shutil.copytree(clone.root / "data/scenes", clone.root / "raw")
    for path in (clone.root / "raw").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    layout = {
        f"{split}_{kind}": f"{folder}{split}{suffix}"
        for split in ("train", "val", "test")
        for kind, folder, suffix in (
            ("annotations", "annotations/instances_", ".json"),
            ("images", "images/", ""),
        )
    }
    params = clone.root / "params.yaml"
    yaml = YAML()
    data = yaml.load(params.read_text())
    data["dataset"] = {"format": "coco", "root": "raw", "draw": [], "listed": {}, **layout}
    yaml.dump(data, params)


def _add_image(clone: Clone) -> str:
    """One more training image; returns its id."""
    path = clone.root / "raw/annotations/instances_train.json"
    data = json.loads(path.read_text())
    name = data["images"][0]["file_name"]
    folder = clone.root / "raw/images/train"
    shutil.copy(folder / name, folder / "added.jpg")
    data["images"].append({**data["images"][0], "id": 10**9, "file_name": "added.jpg"})
    data["annotations"].append({**data["annotations"][0], "id": 10**9, "image_id": 10**9})
    path.write_text(json.dumps(data))
    return "images/train/added.jpg"
