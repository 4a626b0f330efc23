"""The scratch folder of finished shards: one writer at a time, no second copy, nothing left behind."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wsdkd.cache.format import CacheError, read_manifest
from wsdkd.ground.digests import digest, sha256


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
    with (scratch / "lock").open("w") as lock:
        try:
            # The kernel lets go of it however the process ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CacheError(
                f"{scratch}: another process is writing this cache; wait for it or stop it"
            ) from None
        yield


def sweep(shards: Path) -> None:
    """Make the folder, and remove from it what killed writers left."""
    shards.mkdir(parents=True, exist_ok=True)
    for path in shards.glob(".*.part"):
        path.unlink()


def prune(scratch: Path, shards: Path, names: set[str]) -> None:
    """Remove all shards but those of these names in ``shards``."""
    # Links keep their bytes on the disk, so only those of the newest cache may stay.
    for other in scratch.iterdir():
        if other.is_dir() and other != shards:
            shutil.rmtree(other)
    for path in shards.iterdir():
        if path.name not in names:
            path.unlink()


def link(source: Path, target: Path) -> None:
    """Make ``target`` the same file as ``source``, or a copy of it where links are impossible."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
