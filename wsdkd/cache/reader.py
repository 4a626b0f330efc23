"""Reading the teacher's outputs an image at a time, from any process.

Files are opened on the first read of each process and never carried into another one: neither by
pickling (spawn) nor by a fork.
"""

import mmap
import os
import resource
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np

from wsdkd.cache.format import ARRAYS, VIEW_ARRAYS, VIEWS, CacheError
from wsdkd.cache.manifest import describe, differences, images_digest, index_ids, read_ids, read_manifest
from wsdkd.cache.shard import open_listed, read_index, stored_rows
from wsdkd.cache.view import CachedView
from wsdkd.data.tables import ImageRow, RowsAt
from wsdkd.ground.spool import RowSource
from wsdkd.support import Ranking

SHARDS_WITHOUT_LIMIT = 65_536
"""Shards that a process keeps open where it may open any number of files."""


def most_open() -> int:
    """How many shards a process keeps open: half of the files that it may open (``ulimit -n``)."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return SHARDS_WITHOUT_LIMIT if limit == resource.RLIM_INFINITY else max(1, limit // 2)


class TeacherCache:
    """A cache folder, to be read.

    What is read is compared with what was written: the structure of a shard when it is opened, the rows of a
    view by their checksums when they are first read. Processes that are forked from this one, as loaders'
    workers are, share what they have compared.

    Of more shards than :func:`most_open` says, those are closed that were not read for longest.

    Args:
        folder: holds ``cache.json`` and the shards.

    Raises:
        CacheError: the cache is missing, unfinished, damaged or of another version.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        manifest = read_manifest(folder)
        # Places of each shard's images, one shard after the other.
        self._starts = list(accumulate((entry.images for entry in manifest.shards), initial=0))
        self._index = index_ids(folder, manifest)
        self._manifest = manifest
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._open: dict[int, _OpenShard] = {}
        self._most_open = most_open()
        self._pid = os.getpid()
        # A byte a view, in memory that forked processes share: 1 once its rows were compared.
        self._compared = mmap.mmap(-1, max(1, VIEWS * self._starts[-1]))

    @property
    def classes(self) -> list[str]:
        """Names of the K classes."""
        return list(self._manifest.classes)

    @property
    def ranking(self) -> Ranking:
        """What regions were ranked by."""
        ranking: Ranking = self._manifest.settings["cache"].get("ranking", "scores")
        return ranking

    @property
    def settings(self) -> dict[str, Any]:
        """By what it was computed: parameters under ``cache``, versions of packages under ``software``."""
        return dict(self._manifest.settings)

    @property
    def feature_dim(self) -> int:
        """D, the width of the features."""
        return self._manifest.feature_dim

    @property
    def image_ids(self) -> list[str]:
        """All cached images, ascending."""
        return sorted(read_ids(self._folder, self._manifest))

    @property
    def fingerprint(self) -> dict[str, str]:
        """What went into all shards, as named digests."""
        return dict(self._manifest.fingerprint)

    def view(self, image_id: str, mirrored: bool) -> CachedView:
        """The teacher's outputs on an image or on its mirror image.

        Raises:
            CacheError: the image is not in the cache, or its shard is missing or damaged.
        """
        shard, image, place = self._place(image_id)
        view = VIEWS * image + mirrored
        start, stop = shard.region_offsets.item(image), shard.region_offsets.item(image + 1)
        first = VIEWS * start + (stop - start) * mirrored
        chosen = slice(shard.chosen_offsets.item(view), shard.chosen_offsets.item(view + 1))
        try:
            seen = CachedView(
                shard.regions[start:stop],
                shard.logits[first : first + stop - start],
                shard.chosen[chosen],
                shard.features[chosen],
            )
        except (OSError, ValueError) as error:
            raise _unreadable(shard, image_id, error) from None
        if not self._compared[VIEWS * place + mirrored]:
            for name, rows, part in zip(VIEW_ARRAYS, seen, (image, view, view, view), strict=True):
                _compare(shard, name, rows, part, image_id)
            self._compared[VIEWS * place + mirrored] = 1
        return seen

    def best_regions(self, image_id: str) -> np.ndarray:
        """The teacher's best region of each class in an image as it is, by the ranking of the cache.

        Returns:
            float32 (K, 4), (x1, y1, x2, y2) in pixels of the original; (0, 4) of an image without regions.

        Raises:
            CacheError: as of :meth:`view`.
        """
        shard, image, _ = self._place(image_id)
        start, stop = shard.region_offsets.item(image), shard.region_offsets.item(image + 1)
        try:
            rows, regions = shard.best[image : image + 1], shard.regions[start:stop]
        except (OSError, ValueError) as error:
            raise _unreadable(shard, image_id, error) from None
        _compare(shard, "best", rows, image, image_id)
        _compare(shard, "regions", regions, image, image_id)
        boxes: np.ndarray = regions[rows[0], :4] if len(regions) else regions[:, :4]
        return boxes

    def best_of(self, rows: Sequence[ImageRow], _: Path, /) -> Iterator[np.ndarray]:
        """:meth:`best_regions` of images, one after the other; no picture below their folder is read."""
        return (self.best_regions(row.image_id) for row in rows)

    def _place(self, image_id: str) -> "tuple[_OpenShard, int, int]":
        """The shard of an image, and its place there and among all."""
        try:
            place = self._index.place(image_id)
        except KeyError:
            raise CacheError(
                f"{self._folder}: image {image_id} is not in it; the cache is of other images"
            ) from None
        number = bisect_right(self._starts, place) - 1
        opened = self._opened()
        shard = opened.pop(number, None) or self._open_shard(number)
        opened[number] = shard  # behind all others: the first one is the one that was not read for longest
        while len(opened) > self._most_open:
            # Not closed here: a thread that is reading from it holds it, and it closes when nobody does.
            opened.pop(next(iter(opened)), None)
        return shard, place - self._starts[number], place

    def check(
        self, classes: Sequence[str], rows: Sequence[ImageRow], parts: Mapping[str, str] | None = None
    ) -> None:
        """Make sure that this cache was made for these classes and pictures; others may be in it too.

        Args:
            classes: names, in order.
            rows: the images that will be read.
            parts: named digests that the cache must have too, such as ``teacher_weights``
                (:mod:`wsdkd.cache.writing.fingerprint`).

        Raises:
            CacheError: says which class, image or part differs.
        """
        differing = differences(self._manifest.fingerprint, parts or {})
        if differing:
            raise CacheError(
                f"{self._folder}: another cache, different in {describe(differing)}; use the version of the "
                "code that wrote it, or fetch or compute a cache of this one"
            )
        if list(classes) != self.classes:
            raise CacheError(f"{self._folder}: made for other classes: {self._class_difference(classes)}")
        asked, missing, first = np.full(len(self._index), -1), 0, ""
        for number, row in enumerate(rows):
            try:
                asked[self._index.place(row.image_id)] = number
            except KeyError:
                missing, first = missing + 1, first or row.image_id
        if missing:
            raise CacheError(
                f"{self._folder}: made for other images: {missing} of {len(rows)} are not in it, "
                f"the first is {first}; run the stage cache_teacher"
            )
        for shard, entry in enumerate(self._manifest.shards):
            places = asked[self._starts[shard] : self._starts[shard + 1]]
            digests = {row.image_id: row.digest for row in RowsAt(rows, places[places >= 0])}
            # The manifest is enough as long as nothing differs: no shard need be here.
            if (places >= 0).all() and images_digest(digests.items()) == entry.fingerprint["images"]:
                continue
            if digests:
                self._check_digests(shard, digests)

    def close(self) -> None:
        """Close all files; the next read opens them again."""
        for shard in self._opened().values():
            shard.file.close()
        self._open = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_open", "_compared")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start_afresh()

    def _opened(self) -> "dict[int, _OpenShard]":
        if self._pid != os.getpid():
            # After a fork the handles are the parent's: HDF5's state in this process is a copy.
            self._open, self._pid = {}, os.getpid()
        return self._open

    def _open_shard(self, number: int) -> "_OpenShard":
        file = open_listed(self._folder, self._manifest.shards[number])
        try:
            index = read_index(file)
            shard = _OpenShard(
                file,
                index.region_offsets,
                index.chosen_offsets,
                stored_rows(file["regions"]),
                stored_rows(file["logits"]),
                stored_rows(file["chosen"]),
                stored_rows(file["features"]),
                stored_rows(file["best"]),
                {name: file[f"checksums.{name}"][()] for name in ARRAYS},
            )
        except BaseException:
            file.close()
            raise
        return shard

    def _check_digests(self, number: int, digests: dict[str, str]) -> None:
        with open_listed(self._folder, self._manifest.shards[number]) as file:
            index = read_index(file)
        for image_id, found in zip(index.image_ids, index.image_digests, strict=True):
            if digests.get(image_id, found) != found:
                raise CacheError(
                    f"{self._folder}: made for other images: image {image_id} is another picture there; "
                    "run the stage cache_teacher"
                )

    def _class_difference(self, classes: Sequence[str]) -> str:
        lacking = [name for name in classes if name not in self.classes]
        beyond = [name for name in self.classes if name not in classes]
        if not lacking and not beyond:
            return "the same names in another order"
        told = []
        if lacking:
            told.append(f"not there: {', '.join(lacking[:5])}{' ...' * (len(lacking) > 5)}")
        if beyond:
            told.append(f"only there: {', '.join(beyond[:5])}{' ...' * (len(beyond) > 5)}")
        return "; ".join(told)


@dataclass(frozen=True)
class _OpenShard:
    """A file that is open, and what places a view in it (:mod:`wsdkd.cache.format`)."""

    file: h5py.File
    region_offsets: np.ndarray
    chosen_offsets: np.ndarray
    regions: RowSource
    logits: RowSource
    chosen: RowSource
    features: RowSource
    best: RowSource
    checksums: Mapping[str, np.ndarray]


def _compare(shard: _OpenShard, name: str, rows: np.ndarray, part: int, image_id: str) -> None:
    if zlib.crc32(rows.data) != shard.checksums[name].item(part):
        raise CacheError(
            f"{shard.file.filename}: {name}: image {image_id}: damaged: its checksum differs; "
            "see by wsdkd cache verify what else is, and fetch or compute this shard again"
        )


def _unreadable(shard: _OpenShard, image_id: str, error: Exception) -> CacheError:
    return CacheError(
        f"{shard.file.filename}: image {image_id}: cannot be read: {error}; try wsdkd cache verify"
    )
