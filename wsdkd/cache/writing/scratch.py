"""Finished shards kept aside: one writer at a time, no second copy, nothing left behind.

Beside a shard lies the SHA-256 of its file, as ``sha256sum`` writes it, so that a damaged one is found before
HDF5 opens it.

A cache of one set of images is laid out by their order alone. When images are added later while all else
stays, the finished shards stay as they are, byte for byte, and the new images go into shards of their own:
neither computed again nor uploaded again.
"""

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from wsdkd.cache.format import CacheError
from wsdkd.cache.manifest import read_manifest
from wsdkd.data.tables import ImageRow, RowsAt
from wsdkd.ground.digests import digest, sha256
from wsdkd.ground.files import publish_file
from wsdkd.ground.ids import IdIndex

SPARE_SHARDS = 8
OURS, SHARD = re.compile(r"[0-9a-f]{16}"), re.compile(r"shard-\d{5,}\.h5")
"""Names of the folders that :func:`shards_folder` gives, and of shards."""


def shards_folder(scratch: Path, parts: dict[str, str]) -> Path:
    """Folder of the shards whose common fingerprint has these parts."""
    return scratch / digest(parts)[:16]


def keep_shards(folder: Path, scratch: Path) -> int:
    """Link the shards of a finished cache into ``scratch``, so that the next run can keep them.

    For a cache that was pulled, on a machine that did not write it; and after a run, to have the
    shards on the disk once where DVC made a copy of them. Those missing or damaged are left out.

    Returns:
        How many shards are kept.

    Raises:
        CacheError: ``folder`` is no cache, or another run writes to ``scratch``.
    """
    manifest = read_manifest(folder)
    shards = shards_folder(scratch, manifest.fingerprint)
    count = 0
    with only_writer(scratch, True):
        shards.mkdir(parents=True, exist_ok=True)
        for entry in manifest.shards:
            source, target = folder / entry.file, shards / entry.file
            if source.is_file() and sha256(source) == entry.sha256:
                write_digest(target, entry.sha256)
                target.unlink(missing_ok=True)
                link(source, target)
                count += 1
    return count


@contextmanager
def only_writer(scratch: Path, main: bool) -> Iterator[None]:
    """Hold the scratch folder for one run; of its processes the main one takes the lock.

    Raises:
        CacheError: another run holds it.
    """
    if not main:
        yield
        return
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        # The kernel lets go of it however the process ends.
        held = FileLock(scratch / "lock", blocking=False).acquire()
    except Timeout:
        raise CacheError(
            f"{scratch}: another process is writing this cache; wait for it or stop it"
        ) from None
    with held:
        yield


def finished_shards(shards: Path) -> list[Path]:
    """The shards in a folder of :func:`shards_folder`, by number."""
    return sorted(filter(_is_shard, shards.iterdir()), key=shard_number)


def shard_number(path: Path) -> int:
    """The number in a shard's file name."""
    return int(path.stem.removeprefix("shard-"))


def write_digest(shard: Path, digest: str) -> None:
    """Put a shard's digest beside it."""
    with publish_file(_beside(shard)) as aside:
        aside.write_text(f"{digest}  {shard.name}\n", encoding="utf-8")


def read_digest(shard: Path) -> str:
    """The digest beside a shard."""
    return _beside(shard).read_text(encoding="utf-8").split()[0]


def _is_shard(path: Path) -> bool:
    return SHARD.fullmatch(path.name) is not None


def _beside(shard: Path) -> Path:
    return shard.with_name(f"{shard.name}.sha256")


def sweep(shards: Path) -> None:
    """Make the folder, and remove from it what killed writers left."""
    shards.mkdir(parents=True, exist_ok=True)
    for path in shards.glob(".shard-*.part"):
        path.unlink()


def prune(scratch: Path, shards: Path, names: set[str]) -> None:
    """Remove all shards but those of these names in ``shards``; what nobody here wrote stays."""
    # Links keep their bytes on the disk, so only those of the newest cache may stay.
    for folder in scratch.iterdir():
        if not OURS.fullmatch(folder.name) or folder.is_symlink():
            continue
        for path in folder.iterdir():
            shard = path.with_name(path.name.removesuffix(".sha256"))
            if _is_shard(shard) and (folder != shards or shard.name not in names):
                path.unlink()
        sweep(folder)
        if not any(folder.iterdir()):
            folder.rmdir()


def link(source: Path, target: Path) -> None:
    """Make ``target`` the same file as ``source``, or a copy of it where links are impossible."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


@dataclass(frozen=True)
class PlannedShard:
    """One shard to be: its number, its images in order, and whether a finished one serves."""

    number: int
    rows: Sequence[ImageRow]
    finished: bool


def most_shards(images: int, shard_images: int) -> int:
    """Shards that ``images`` may be spread over before the emptiest are written anew together."""
    return 2 * -(-images // shard_images) + SPARE_SHARDS


def plan_shards(
    rows: Sequence[ImageRow], finished: Mapping[int, Sequence[str]], shard_images: int
) -> list[PlannedShard]:
    """Assign every row to a shard, keeping finished shards.

    Args:
        rows: the images to be cached, ascending by id, without repetition.
        finished: shard number -> ids of its images, for the shards whose content still fits.
        shard_images: images a new shard takes.

    Returns:
        Shards ascending by number. Where keeping everything would scatter the images over more than
        :func:`most_shards`, finished shards less than half full are dropped and written anew.
    """
    index = IdIndex(row.image_id for row in rows)
    kept = _disjoint(finished, index)
    left = len(rows) - sum(len(places) for places in kept.values())
    if len(kept) + -(-left // shard_images) > most_shards(len(rows), shard_images):
        kept = {n: places for n, places in kept.items() if 2 * len(places) >= shard_images}
    loose = np.ones(len(rows), dtype=bool)
    for places in kept.values():
        loose[places] = False
    plan = [PlannedShard(n, RowsAt(rows, places), True) for n, places in kept.items()]
    number, still = 0, np.flatnonzero(loose)
    for start in range(0, len(still), shard_images):
        while number in kept:
            number += 1
        plan.append(PlannedShard(number, RowsAt(rows, still[start : start + shard_images]), False))
        number += 1
    return sorted(plan, key=lambda shard: shard.number)


def _disjoint(finished: Mapping[int, Sequence[str]], index: IdIndex) -> dict[int, np.ndarray]:
    # Places of the images of shards that fit. Scratch of several interrupted runs over different images
    # may hold an image twice.
    kept: dict[int, np.ndarray] = {}
    taken = np.zeros(len(index), dtype=bool)
    for number, ids in sorted(finished.items()):
        if not ids or not all(image_id in index for image_id in ids):
            continue
        places = np.array([index.place(image_id) for image_id in ids])
        if not taken[places].any():
            kept[number] = places
            taken[places] = True
    return kept
