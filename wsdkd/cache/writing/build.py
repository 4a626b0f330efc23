"""Building a whole cache out of shards, keeping the finished shards that still fit.

Shards are written into a scratch folder named by the common fingerprint, outside of what DVC tracks
and deletes. A finished cache is made of hard links to them, and they stay for the next run: one that
was interrupted, or one with more images. The scratch folder may be deleted at any time. Where DVC
copies the cache into its own storage, the links part; ``wsdkd cache keep`` joins them again.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import torch
from accelerate import PartialState

from wsdkd.cache.format import SCHEMA_VERSION, CacheError, shard_name
from wsdkd.cache.manifest import Manifest, ShardEntry, write_ids, write_manifest
from wsdkd.cache.params import CacheParams
from wsdkd.cache.shard import (
    open_shard,
    read_index,
    shard_fingerprint_of,
    stored_feature_width,
    structure_of,
)
from wsdkd.cache.writing.fingerprint import CommonFingerprint, common_fingerprint, shard_fingerprint
from wsdkd.cache.writing.passes import Forward, Pairs, images_ahead, teacher_passes
from wsdkd.cache.writing.scratch import (
    PlannedShard,
    finished_shards,
    link,
    only_writer,
    plan_shards,
    prune,
    read_digest,
    shard_number,
    shards_folder,
    sweep,
)
from wsdkd.cache.writing.writer import write_shard
from wsdkd.data.tables import ImageRow
from wsdkd.ground.ahead import made_ahead
from wsdkd.ground.digests import sha256
from wsdkd.ground.files import publish_folder
from wsdkd.ground.ids import IdIndex
from wsdkd.ground.progress import track
from wsdkd.networks.description import WEIGHTS
from wsdkd.networks.precision import settled
from wsdkd.proposals.stored import Proposals
from wsdkd.teacher.network import load_teacher
from wsdkd.teacher.run import ProposedImages


class Processes(Protocol):
    """Who takes part; ``accelerate.PartialState`` is one."""

    process_index: int
    num_processes: int

    def wait_for_everyone(self) -> None:
        """Return once all processes have called this."""


class CacheBuilder:
    """Everything that decides the content of a cache, and the way to write it.

    Args:
        rows: images to be cached, ascending by id.
        classes: names, in order.
        proposals: of all these images.
        best: how many proposals of an image the teacher is given.
        params: section ``cache``.
        fingerprint: what all shards share.
    """

    def __init__(
        self,
        rows: Sequence[ImageRow],
        classes: Sequence[str],
        proposals: Proposals,
        best: int,
        params: CacheParams,
        fingerprint: CommonFingerprint,
    ) -> None:
        if not rows:
            raise CacheError("there are no training images to be cached")
        self._rows = rows
        self._index = IdIndex(row.image_id for row in rows)
        self._classes = list(classes)
        self._proposals = proposals
        self._best = best
        self._params = params
        self._common = fingerprint

    def write(
        self, folder: Path, scratch: Path, forward: Forward, processes: Processes, ahead: int = 0
    ) -> None:
        """Write the cache ``folder``; called by every process, each writes its share of the shards.

        Args:
            folder: appears whole at the end.
            scratch: folder for finished shards, of this run and of earlier ones.
            forward: computes the teacher's outputs.
            processes: who takes part.
            ahead: images whose outputs another thread may have computed before they are written; 0: they are
                computed and written in turns.

        Raises:
            CacheError: another run writes to ``scratch``, or the teacher's outputs cannot be kept.
        """
        main = processes.process_index == 0
        shards = shards_folder(scratch, self._common.parts)
        with only_writer(scratch, main):
            if main:
                sweep(shards)
                for path in finished_shards(shards):
                    if not self._fits(path):
                        path.unlink()
            processes.wait_for_everyone()
            plan = self._plan(shards)
            # Nobody may finish a shard before everybody has planned, or the plans would differ.
            processes.wait_for_everyone()
            self._write_shards(plan, shards, forward, processes, ahead)
            processes.wait_for_everyone()
            if main:
                self._publish(plan, shards, folder)
                prune(scratch, shards, {shard_name(shard.number) for shard in plan})
            processes.wait_for_everyone()

    def _plan(self, shards: Path) -> list[PlannedShard]:
        finished = {}
        for path in finished_shards(shards):
            with open_shard(path) as file:
                finished[shard_number(path)] = read_index(file).image_ids
        return plan_shards(self._rows, finished, self._params.shard_images)

    def _fits(self, path: Path) -> bool:
        """Whether a finished shard is whole, and all that went into it is still the same."""
        try:
            if sha256(path) != read_digest(path):
                return False
            with open_shard(path) as file:
                ids = read_index(file).image_ids
                if not all(image_id in self._index for image_id in ids):
                    return False
                expected = self._fingerprint([self._rows[self._index.place(one)] for one in ids])
                return shard_fingerprint_of(file) == expected
        except Exception:  # a damaged file fails in many ways; all mean: make it again
            return False

    def _fingerprint(self, rows: Sequence[ImageRow]) -> dict[str, str]:
        return {**self._common.parts, **shard_fingerprint(rows, self._proposals, self._best)}

    def _write_shards(
        self,
        plan: Sequence[PlannedShard],
        shards: Path,
        forward: Forward,
        processes: Processes,
        ahead: int,
    ) -> None:
        to_write = [shard for shard in plan if not shard.finished]
        mine = to_write[processes.process_index :: processes.num_processes]
        # The first process shows its own part, which is the largest, and so how far all are.
        total = sum(len(shard.rows) for shard in mine) if processes.process_index == 0 else 0
        description = "Cache the teacher"
        if processes.num_processes > 1:
            description += f" (the first of {processes.num_processes} processes)"
        progress = iter(track(range(total), description, total)) if total else iter(())
        for shard in mine:
            pairs: Pairs = zip(forward(shard.rows, False), forward(shard.rows, True), strict=True)
            if ahead:
                pairs = made_ahead(pairs, ahead)
            write_shard(
                shards / shard_name(shard.number),
                shard.rows,
                _counted(pairs, progress),
                classes=self._classes,
                params=self._params,
                fingerprint=self._fingerprint(shard.rows),
            )
        next(progress, None)  # lets the bar reach its end

    def _publish(self, plan: Sequence[PlannedShard], shards: Path, folder: Path) -> None:
        names = [shard_name(shard.number) for shard in plan]
        with publish_folder(folder) as aside:
            entries = []
            for shard, name in zip(plan, names, strict=True):
                link(shards / name, aside / name)
                entries.append(
                    ShardEntry(
                        file=name,
                        bytes=(aside / name).stat().st_size,
                        sha256=read_digest(shards / name),
                        structure=structure_of(aside / name),
                        fingerprint=shard_fingerprint(shard.rows, self._proposals, self._best),
                        images=len(shard.rows),
                    )
                )
            manifest = Manifest(
                schema_version=SCHEMA_VERSION,
                classes=tuple(self._classes),
                feature_dim=_feature_dim([aside / name for name in names]),
                fingerprint=self._common.parts,
                settings=self._common.settings,
                ids_sha256=write_ids(aside, (row.image_id for shard in plan for row in shard.rows)),
                shards=tuple(entries),
            )
            write_manifest(aside, manifest)


def _counted(pairs: Pairs, progress: Iterator[int]) -> Pairs:
    for pair in pairs:
        next(progress, None)
        yield pair


def _feature_dim(paths: Sequence[Path]) -> int:
    widths = set()
    for path in paths:
        with open_shard(path) as file:
            widths.add(stored_feature_width(file["features"]))
    if len(widths) != 1:
        raise CacheError(f"{paths[0].parent}: shards of different feature widths {sorted(widths)}")
    return widths.pop()


def write_teacher_cache(
    teacher_folder: Path,
    images: ProposedImages,
    params: CacheParams,
    folder: Path,
    scratch: Path,
) -> None:
    """Show a teacher every image and its mirror image once, and keep what it says.

    Each of several processes, as accelerate finds them, writes its share of the shards.

    Args:
        teacher_folder: of the network.
        images: to be cached, ascending by id, with their proposals.
        params: section ``cache``.
        folder: of the cache; appears whole at the end.
        scratch: folder for finished shards, of this run and of earlier ones.

    Raises:
        CacheError: another run writes to ``scratch``, or the teacher's outputs cannot be kept.
    """
    teacher = load_teacher(teacher_folder)
    # Without the argument accelerate counts a single process on a machine that has no GPU.
    processes = PartialState(cpu=not torch.cuda.is_available())

    fingerprint = common_fingerprint(
        weights=teacher_folder / WEIGHTS,
        teacher=teacher.params,
        classes=teacher.classes,
        cache=params,
        precision=settled(params.precision, processes.device),
    )
    builder = CacheBuilder(
        images.rows, teacher.classes, images.proposals, teacher.params.proposals, params, fingerprint
    )
    passes = teacher_passes(teacher, images, params, processes.device)
    builder.write(folder, scratch, passes, processes, images_ahead(params, processes.device))
