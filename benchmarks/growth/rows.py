"""Memory of what a training holds of each image, for rows that are simulated.

    python -m benchmarks.growth.rows --rows 10000000 # some 8 GB of disk, and minutes

Tables, proposals and the list of a cache are written for so many images, without a photograph or shard.
Processes of their own then read all of them as a training does, without its network, and say how their memory
grew: what is held is private memory (RssAnon), and without mapped pages of files, of which a machine has one
copy; what there was at most counts these, too (VmHWM).
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer

from benchmarks.command import run
from wsdkd import project
from wsdkd.cache.format import SCHEMA_VERSION
from wsdkd.cache.manifest import Manifest, ShardEntry, Structure, write_ids, write_manifest
from wsdkd.cache.reader import TeacherCache
from wsdkd.data.parquet import write_parquet
from wsdkd.data.tables import IMAGES_SCHEMA, read_images
from wsdkd.distill.from_cache import CachedPredictions
from wsdkd.distill.params import SoftenedPredictions
from wsdkd.proposals.stored import PROPOSALS_SCHEMA, SHARD_IMAGES, read_proposals
from wsdkd.training.loader import Labels
from wsdkd.training.pictures import Pictures
from wsdkd.training.views import EpochViews

CLASSES, LABELS, BOXES = 80, 3, 2
"""Boxes are in a file, so that few are enough."""
SHARD, BATCH = 2048, 131_072
READ = 2_000
"""Images that are asked for in the end."""


def _ids(start: int, stop: int) -> list[str]:
    return [f"train/{number:012d}.jpg" for number in range(start, stop)]


def _parts(rows: int, size: int) -> Iterator[tuple[int, int]]:
    for start in range(0, rows, size):
        yield start, min(start + size, rows)


def _write(folder: Path, rows: int) -> None:
    (folder / "prepared").mkdir()
    with pq.ParquetWriter(
        folder / "prepared/images.parquet", IMAGES_SCHEMA, write_page_checksum=True, compression="lz4"
    ) as table:
        for start, stop in _parts(rows, BATCH):
            count, ids = stop - start, _ids(start, stop)
            labels = pa.array(np.tile(np.arange(LABELS, dtype=np.int16), count))
            offsets = pa.array(np.arange(0, LABELS * count + 1, LABELS, dtype=np.int32))
            columns = [
                pa.array(ids),
                pa.array(ids),
                pa.array(np.full(count, 640, np.int32)),
                pa.array(np.full(count, 480, np.int32)),
                pa.array(["train"] * count),
                pa.ListArray.from_arrays(offsets, labels),
                pa.array([[]] * count, pa.list_(pa.int16())),
                pa.array([f"{number:064x}" for number in range(start, stop)]),
            ]
            table.write_table(pa.Table.from_arrays(columns, schema=IMAGES_SCHEMA))
    (folder / "proposals").mkdir()
    for start, stop in _parts(rows, SHARD_IMAGES):
        count = stop - start
        offsets = pa.array(np.arange(0, BOXES * count + 1, BOXES, dtype=np.int32))
        corners = np.tile(np.array([0, 0, 9, 9], np.float32), BOXES * count)
        boxes = pa.ListArray.from_arrays(offsets, pa.FixedSizeListArray.from_arrays(pa.array(corners), 4))
        scores = pa.ListArray.from_arrays(offsets, pa.array(np.ones(BOXES * count, np.float32)))
        columns = [pa.array(_ids(start, stop)), boxes, scores]
        shard = pa.Table.from_arrays(columns, names=PROPOSALS_SCHEMA.names).cast(PROPOSALS_SCHEMA)
        write_parquet(folder / "proposals" / f"part-{start // SHARD_IMAGES:05d}.parquet", shard, repeating=())
    (folder / "teacher_cache").mkdir()
    entries = [
        ShardEntry(
            file=f"shard-{start // SHARD:05d}.h5",
            bytes=1,
            sha256="0" * 64,
            structure=Structure(rows=((1, 2),), sha256="0" * 64),
            fingerprint=dict.fromkeys(("images", "labels", "proposals"), "0" * 64),
            images=stop - start,
        )
        for start, stop in _parts(rows, SHARD)
    ]
    listed = (image_id for start, stop in _parts(rows, BATCH) for image_id in _ids(start, stop))
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        classes=tuple(f"class {number}" for number in range(CLASSES)),
        feature_dim=4096,
        fingerprint={},
        settings={},
        ids_sha256=write_ids(folder / "teacher_cache", listed),
        shards=tuple(entries),
    )
    write_manifest(folder / "teacher_cache", manifest)


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{key}:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError(f"/proc/self/status: no {key}")


def _read(folder: Path) -> None:
    os.chdir(folder)
    before, start = _status("RssAnon"), time.process_time()
    most = {}

    def look(name: str) -> int:
        most[name] = _status("VmHWM")
        return _status("RssAnon")

    beginning = _status("VmRSS")
    rows = read_images(project.IMAGES, "train", num_classes=CLASSES)
    told = {"rows": look("rows")}
    proposals = read_proposals(project.PROPOSALS)
    told["proposals"] = look("proposals")
    cache = TeacherCache(project.TEACHER_CACHE)
    told["the teacher's cache"] = look("the teacher's cache")
    views = EpochViews(len(rows), 16, [64], 0, range(2))
    extras = CachedPredictions(rows, cache, SoftenedPredictions())
    labels, pictures = Labels(rows, CLASSES), Pictures(rows, folder, [64])
    for place in range(READ):
        labels(views[place % len(views)])
        proposals.of(rows[views[place % len(views)][0].row].image_id)
    told["the order of an epoch, and the rest"] = look("the order of an epoch, and the rest")
    seconds, last = time.process_time() - start, before
    for name, size in told.items():
        peak = (most[name] - beginning) / 1e9
        typer.echo(
            f"  {name:36} {(size - last) / len(rows):6.1f} bytes a row; {peak:.2f} GB at most until then"
        )
        last = size
    typer.echo(f"{len(rows):,} rows: {(last - before) / 1e9:.2f} GB held, {seconds:.0f} s of a processor")
    sys.stdout.flush()
    sys.stdin.read()  # until all have read
    del extras, pictures


def _bytes(folder: Path) -> float:
    """Gigabytes in the files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9


def main(
    rows: Annotated[int, typer.Option(min=SHARD, help="Images to simulate.")] = 200_000,
    processes: Annotated[int, typer.Option(min=1, help="That read them, one after the other.")] = 2,
    read: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Write, then read in processes of their own, and print bytes a row."""
    if read is not None:
        _read(read)
        return
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        (folder / project.RESUME).mkdir(parents=True)
        _write(folder / project.DATA, rows)
        typer.echo(f"{rows:,} rows: {_bytes(folder):.2f} GB of files")
        for path in folder.rglob("*.parquet"):
            os.utime(path, (0, 0))  # what was written just now is not shared
        command = [sys.executable, "-m", "benchmarks.growth.rows", "--read", name]
        environment = {**os.environ, "WSDKD_MEMORY_GB": "0"}
        for number in range(processes):
            reader = running.enter_context(
                subprocess.Popen(
                    command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            typer.echo(f"process {number + 1}:")
            for line in reader.stdout or ():
                typer.echo(line.rstrip())
                if "GB held" in line:
                    break
            else:
                raise RuntimeError(f"a reader ended with status {reader.wait()}")
            typer.echo(f"unpacked on the disk, of all processes: {_bytes(folder / project.UNPACKED):.2f} GB")


if __name__ == "__main__":
    run(main)
