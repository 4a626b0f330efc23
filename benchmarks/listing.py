"""What watching a million files takes: by a listing of them, and file by file.

    python -m benchmarks.listing --files 1000000 --real 20000

The listing of ``files`` is simulated: ``dvc status`` does not look at the photographs. How long the listing
takes to be made again is measured on ``real`` small files, and so is DVC on a folder of them.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import typer

from benchmarks.bench.dvc_status import run_dvc, run_in, write_project
from benchmarks.command import run
from wsdkd.data.parquet import write_parquet
from wsdkd.datasets.listing import FILE, LISTING_SCHEMA, list_files
from wsdkd.profiles import customised
from wsdkd.project import LISTING, LISTING_INDEX

IN_A_FOLDER = 1000


def _names(count: int) -> Iterator[str]:
    for number in range(count):
        yield f"train/{number // IN_A_FOLDER:05d}/{number:012d}.jpg"


def _simulated(to: Path, count: int) -> None:
    paths = [name.encode() for name in _names(count)]
    columns = [
        pa.array(paths, pa.binary()),
        pa.array([160_000] * count, pa.int64()),
        pa.array([hashlib.sha256(path).digest() for path in paths], pa.binary()),
    ]
    to.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(to, pa.Table.from_arrays(columns, schema=LISTING_SCHEMA), repeating=())


def _write_files(folder: Path, count: int) -> None:
    for name in _names(count):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


@contextmanager
def _working_copy(*changes: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        write_project(project, "auto", 0)
        params = project / "params.yaml"
        params.write_text(customised(params.read_text(encoding="utf-8"), list(changes), params))
        run_in(project, "git", "init", "--quiet")
        yield project


def _seconds(call: Callable[[], object]) -> str:
    start, before = time.perf_counter(), os.times()
    call()
    used = sum(os.times()[:4]) - sum(before[:4])
    return f"{time.perf_counter() - start:.1f} s, of a processor {used:.1f} s"


def _status(project: Path) -> str:
    run_dvc(project, "commit", "--force", "--quiet")
    if "prepare:" in run_dvc(project, "status"):
        raise RuntimeError("prepare is out of date after a commit")
    return _seconds(lambda: run_dvc(project, "status"))


def main(
    files: Annotated[int, typer.Option(min=1, help="Rows of the simulated listing.")] = 1_000_000,
    real: Annotated[int, typer.Option(min=1, help="Small files that are really there.")] = 20_000,
) -> None:
    """Measure, and print a line each."""
    listed = ["dataset.root=data/listing", "dataset.listed={photographs: photographs}"]
    with _working_copy(*listed) as project:
        _simulated(project / LISTING / FILE, files)
        typer.echo(f"dvc status, a listing of {files:,} files: {_status(project)}")
        _write_files(project / "photographs", real)
        time.sleep(3)  # what has just been written is not trusted
        arguments = (project / "photographs", project / LISTING / FILE, project / LISTING_INDEX)
        typer.echo(f"listing {real:,} files, all read: {_seconds(lambda: list_files(*arguments))}")
        typer.echo(f"listing {real:,} files, none changed: {_seconds(lambda: list_files(*arguments))}")
    with _working_copy("dataset.root=photographs") as project:
        _write_files(project / "photographs", real)
        typer.echo(f"dvc status, a folder of {real:,} files: {_status(project)}")


if __name__ == "__main__":
    run(main)
