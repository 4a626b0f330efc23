"""A teacher whose outputs follow from the image's id and digest, for caches without a network."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from wsdkd.cache.params import CacheParams
from wsdkd.cache.writing.build import CacheBuilder, Forward
from wsdkd.cache.writing.fingerprint import CommonFingerprint
from wsdkd.data.tables import ImageRow
from wsdkd.ground.ids import IdIndex
from wsdkd.proposals.stored import Proposals
from wsdkd.support import Ranking
from wsdkd.teacher.run import ImageRegions

CLASSES = ["bird", "cat", "dog", "été", "fish"]
FEATURES = 24
PARTS = {"schema": "4", "classes": "c" * 64, "teacher_weights": "w" * 64, "cache": "p" * 64, "outputs": "1"}


@dataclass(frozen=True)
class OneProcess:
    process_index: int = 0
    num_processes: int = 1

    def wait_for_everyone(self) -> None:
        pass


@dataclass(frozen=True)
class OneOfSeveral:
    """Each in a thread of its own."""

    process_index: int
    barrier: threading.Barrier

    @property
    def num_processes(self) -> int:
        return self.barrier.parties

    def wait_for_everyone(self) -> None:
        self.barrier.wait(60)


def make_rows(count: int, first: int = 0) -> list[ImageRow]:
    return [
        ImageRow(
            image_id=f"img-{number:04d}",
            path=f"{number}.jpg",
            width=120,
            height=80,
            split="train",
            labels=(number % len(CLASSES),),
            ignored=(),
            digest=hashlib.sha256(str(number).encode()).hexdigest(),
        )
        for number in range(first, first + count)
    ]


def repainted(row: ImageRow) -> ImageRow:
    return replace(row, digest=hashlib.sha256(row.digest.encode()).hexdigest())


def _rng(*seeds: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256("/".join(seeds).encode()).digest()[:8]))


def make_proposals(rows: Sequence[ImageRow], most: int = 12) -> Proposals:
    boxes, scores, counts = [], [], [0]
    for row in rows:
        rng = _rng(row.image_id)
        count = int(rng.integers(1, most + 1))
        corners = np.sort(rng.random((count, 2, 2)), axis=1) * (row.width, row.height)
        boxes.append(corners.reshape(count, 4).astype(np.float32))
        scores.append(np.sort(rng.random(count).astype(np.float32))[::-1])
        counts.append(count)
    images = IdIndex(row.image_id for row in rows)
    return Proposals(images, np.cumsum(counts), np.concatenate(boxes), np.concatenate(scores))


def regions(row: ImageRow, proposals: Proposals, mirrored: bool) -> ImageRegions:
    rng = _rng(row.image_id, row.digest, str(mirrored))
    boxes, objectness = proposals.of(row.image_id)
    count = len(objectness)
    return ImageRegions(
        image_id=row.image_id,
        boxes=boxes,
        objectness=objectness,
        class_logits=rng.normal(0, 3, (count, len(CLASSES))).astype(np.float32),
        detection_logits=rng.normal(0, 3, (count, len(CLASSES))).astype(np.float32),
        features=np.maximum(rng.normal(0, 2, (count, FEATURES)), 0).astype(np.float32),
    )


def make_forward(proposals: Proposals, seen: Callable[[ImageRow, bool], None] | None = None) -> Forward:
    def forward(rows: Sequence[ImageRow], mirrored: bool) -> Iterator[ImageRegions]:
        for row in rows:
            if seen is not None:
                seen(row, mirrored)
            yield regions(row, proposals, mirrored)

    return forward


def builder(
    rows: Sequence[ImageRow],
    *,
    rois: int | str = "all",
    shard_images: int = 8,
    bits: int = 16,
    ranking: Ranking = "scores",
    parts: dict[str, str] | None = None,
) -> CacheBuilder:
    params = CacheParams.model_validate(
        {"rois": rois, "shard_images": shard_images, "bits": bits, "ranking": ranking}
    )
    common = CommonFingerprint(parts or PARTS, {"cache": params.model_dump(mode="json")})
    return CacheBuilder(rows, CLASSES, make_proposals(rows), 500, params, common)


def write(
    folder: Path,
    scratch: Path,
    rows: Sequence[ImageRow],
    *,
    seen: Callable[[ImageRow, bool], None] | None = None,
    rois: int | str = "all",
    shard_images: int = 8,
    bits: int = 16,
    parts: dict[str, str] | None = None,
) -> None:
    made = builder(rows, rois=rois, shard_images=shard_images, bits=bits, parts=parts)
    made.write(folder, scratch, make_forward(make_proposals(rows), seen), OneProcess())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def noted(into: list[str]):  # type: ignore[no-untyped-def]
    def seen(row: ImageRow, mirrored: bool) -> None:
        if not mirrored:
            into.append(row.image_id)

    return seen
