"""A dataset's folder as a table of all its files: path, size and SHA-256 of each.

DVC watches a folder file by file: for a million photographs it looks up a million rows of a database of its
own at each command. It watches this table as one file, and the table is made again at each ``dvc repro``.
Bytes are read only of files that changed: of all others the digest is taken from an index, as Git does it.

The index trusts a digest as long as the file's size, modification time, change time and inode are what they
were. A change time cannot be set: an edit after which somebody restores the modification time is seen, too.
A file that was changed within :data:`SETTLED_NS` before its digest was taken is read again next time, because
a second edit might fall into the same tick of the file system's clock.
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wsdkd.data.parquet import read_batches, write_parquet
from wsdkd.ground.digests import sha256
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file
from wsdkd.ground.progress import track
from wsdkd.ground.workers import worker_count

FILE = "files.parquet"
SETTLED_NS = 2_000_000_000
"""Nanoseconds: no file system in use has a coarser clock."""
ROWS = 65_536
"""Of the index, read at once."""
AHEAD, PART = 8_192, 64
"""Files that are handed out to threads before one waits for them, and of these to one thread at once."""

LISTING_SCHEMA = pa.schema(
    [
        ("path", pa.binary()),  # below the folder, as the file system spells it
        ("bytes", pa.int64()),
        ("sha256", pa.binary()),  # empty for a link that leads nowhere
    ]
)
_STATUS = ("bytes", "modified_ns", "changed_ns", "inode")
INDEX_SCHEMA = pa.schema(
    [*((name, pa.int64()) for name in _STATUS), ("path", pa.binary()), ("sha256", pa.binary())]
)


@dataclass(frozen=True)
class Scanned:
    """The files of a folder, in the order of a walk that sorts each folder by name.

    Attributes:
        paths: binary (N,), relative to the folder.
        status: int64 (N, 4), the columns of :data:`_STATUS`; -1 for a link that leads nowhere.
    """

    paths: pa.Array
    status: np.ndarray


def list_files(folder: Path, to: Path, index: Path) -> int:
    """Write the table of all files below a folder; equal folders give equal bytes.

    Links to files are followed, links to folders are not, as DVC does it.

    Args:
        folder: the dataset's.
        to: the table that is written.
        index: where digests are kept with what they are trusted by; it may be missing. What an interrupted
            call has read is in there for the next one.

    Returns:
        How many files were read.

    Raises:
        UserError: the folder is missing, or a file cannot be read.
        DiskFullError: there is no room for the table.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: not a folder; params.yaml, dataset.listed, names the one that is listed")
    now = time.time_ns()
    scanned = scan(folder)
    digests, places = _known(scanned, index)
    try:
        for place, digest in _digests(folder, scanned, places):
            digests[place] = digest
    finally:
        _write_index(index, scanned, digests, now)
    columns = [scanned.paths, pa.array(scanned.status[:, 0]), pa.array(digests, pa.binary())]
    with publish_file(to) as aside:
        write_parquet(aside, pa.Table.from_arrays(columns, schema=LISTING_SCHEMA), repeating=())
    return len(places)


def scan(folder: Path) -> Scanned:
    """Look at all files below a folder, without reading any."""
    paths: list[pa.Array] = [pa.array([], pa.binary())]
    status: list[np.ndarray] = [np.empty((0, len(_STATUS)), np.int64)]
    for names, numbers in _walk(os.fsencode(folder), b""):
        paths.append(pa.array(names, pa.binary()))
        status.append(np.array(numbers, np.int64).reshape(-1, len(_STATUS)))
    return Scanned(pa.concat_arrays(paths), np.concatenate(status))


def _walk(folder: bytes, below: bytes) -> Iterator[tuple[list[bytes], list[tuple[int, ...]]]]:
    with os.scandir(folder + b"/" + below) as listed:
        entries = sorted(listed, key=lambda entry: entry.name)
    names, numbers, folders = [], [], []
    for entry in entries:
        if entry.is_dir():
            folders += [] if entry.is_symlink() else [entry.name]
            continue
        names.append(below + entry.name)
        numbers.append(_status(entry))
    yield names, numbers
    for name in folders:
        yield from _walk(folder, below + name + b"/")


def _status(entry: os.DirEntry[bytes]) -> tuple[int, ...]:
    try:
        found = entry.stat()
    except OSError:
        return (-1,) * len(_STATUS)
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _known(scanned: Scanned, index: Path) -> tuple[list[bytes], np.ndarray]:
    """Digest of each file, empty where it is not known; and the places of those that have to be read."""
    digests = [b""] * len(scanned.paths)
    unknown = scanned.status[:, 0] >= 0
    if index.is_file():
        try:
            batches = list(read_batches(index, INDEX_SCHEMA, "digests", rows=ROWS))
        except UserError:  # as good as none
            return digests, np.flatnonzero(unknown)
        before = pa.Table.from_batches(batches, INDEX_SCHEMA).combine_chunks()
        at = pc.index_in(scanned.paths, value_set=before.column("path")).fill_null(-1).to_numpy()
        rows = np.flatnonzero(at >= 0)
        then = np.stack([before.column(name).to_numpy()[at[rows]] for name in _STATUS], axis=1)
        rows = rows[(then == scanned.status[rows]).all(axis=1)]
        for row, digest in zip(rows.tolist(), before.column("sha256").take(pa.array(at[rows])), strict=True):
            digests[row] = digest.as_py()
        unknown[rows] = False
    return digests, np.flatnonzero(unknown)


def _digests(folder: Path, scanned: Scanned, places: np.ndarray) -> Iterator[tuple[int, bytes]]:
    root = os.fsencode(folder)

    def read(part: list[int]) -> list[tuple[int, bytes]]:
        paths = (Path(os.fsdecode(root + b"/" + scanned.paths[place].as_py())) for place in part)
        return [(place, bytes.fromhex(sha256(path))) for place, path in zip(part, paths, strict=True)]

    def all_of_them(pool: ThreadPoolExecutor) -> Iterator[tuple[int, bytes]]:
        # Few parts at a time: an interrupt waits for those that were handed out.
        for start in range(0, len(places), AHEAD):
            some = places[start : start + AHEAD].tolist()
            for found in pool.map(read, (some[first : first + PART] for first in range(0, len(some), PART))):
                yield from found

    with ThreadPoolExecutor(worker_count()) as pool:
        yield from track(all_of_them(pool), "listing", total=len(places), unit="file")


def _write_index(index: Path, scanned: Scanned, digests: list[bytes], now: int) -> None:
    # A row that is not to be trusted is left out. That of a link that leads nowhere has no digest.
    settled = scanned.status[:, 1:3].max(axis=1, initial=-1) < now - SETTLED_NS
    read = np.fromiter(map(bool, digests), bool, len(digests))
    table = pa.Table.from_arrays(
        [
            *(pa.array(np.ascontiguousarray(column)) for column in scanned.status.T),
            scanned.paths,
            pa.array(digests, pa.binary()),
        ],
        schema=INDEX_SCHEMA,
    )
    with publish_file(index) as aside:
        write_parquet(aside, table.filter(pa.array(settled & read)), repeating=())
