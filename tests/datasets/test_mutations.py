"""Datasets with something broken in them give rows, listed rejections or one line, never a traceback.

Hypothesis breaks one file of a small dataset of each format at a time: bytes flipped, cut off, doubled or put
in, a file that is missing, empty, a folder or a pipe, and values of a JSON file replaced by others."""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tests.datasets.small_datasets import (
    FORMATS,
    ODD,
)
from wsdkd.data.annotations import write_objects
from wsdkd.data.tables import write_classes, write_images
from wsdkd.datasets.audit.refuse import refuse_unusable
from wsdkd.datasets.audit.summary import summary
from wsdkd.datasets.params import DatasetParams
from wsdkd.datasets.prepare import prepare
from wsdkd.datasets.reading.rejections import DatasetError, write_rejected


def put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def flip(path: Path, place: int, value: bytes) -> None:
    content = bytearray(path.read_bytes())
    for at, byte in enumerate(value):
        content[(place + at) % len(content)] ^= byte
    put(path, bytes(content))


def cut(path: Path, place: int, _: bytes) -> None:
    content = path.read_bytes()
    put(path, content[: place % (len(content) + 1)])


def insert(path: Path, place: int, value: bytes) -> None:
    content = path.read_bytes()
    at = place % (len(content) + 1)
    put(path, content[:at] + value + content[at:])


def double(path: Path, place: int, _: bytes) -> None:
    content = path.read_bytes()
    put(path, content + content[place % (len(content) + 1) :])


def remove(path: Path, *_: object) -> None:
    path.unlink()


def folder(path: Path, *_: object) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path, *_: object) -> None:
    path.unlink()
    os.mkfifo(path)


def replace_value(path: Path, place: int, value: bytes) -> None:
    """One value of a JSON file becomes an odd one; other files get bytes put in."""
    if path.suffix != ".json":
        insert(path, place, value)
        return
    content = json.loads(path.read_text())
    spots: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            spots.append((node, key))
            if isinstance(node[key], dict | list):
                walk(node[key])

    walk(content)
    node, key = spots[place % len(spots)]
    node[key] = ODD[sum(value) % len(ODD)]
    path.write_text(json.dumps(content))


BREAKS = (flip, cut, insert, double, remove, folder, pipe, replace_value, replace_value)


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, Any]]]:
    made = {}
    for write in FORMATS:
        root = tmp_path_factory.mktemp(write.__name__) / "set"
        root.mkdir()
        made[write.__name__] = (root, {**write(root), "root": str(root), "validation_fraction": 0.3})
    return made


def run(root: Path, params: DatasetParams, out: Path) -> list[str]:
    """What the stage does, and its lines."""
    listed = out / "rejected.csv"
    (out / "photographs").mkdir(parents=True)
    try:
        prepared = prepare(root, params, workers=1, unpack_into=out / "photographs")
    except DatasetError as error:
        write_rejected(listed, error.rejected)
        raise
    write_rejected(listed, prepared.rejected)
    lines = [*prepared.notes, *summary(prepared, str(listed))]
    refuse_unusable(prepared, params, str(listed))
    write_classes(out / "classes.json", prepared.classes)
    write_images(out / "images.parquet", prepared.images)
    write_objects(out / "objects.parquet", prepared.objects)
    return lines


@pytest.mark.parametrize("name", [write.__name__ for write in FORMATS])
def test_the_dataset_as_it_is_goes_through(
    name: str, datasets: dict[str, tuple[Path, dict[str, Any]]], tmp_path: Path
) -> None:
    root, keys = datasets[name]
    assert run(root, TypeAdapter(DatasetParams).validate_python(keys), tmp_path)
    assert len((tmp_path / "rejected.csv").read_text().splitlines()) == 1


@pytest.mark.parametrize("name", [write.__name__ for write in FORMATS])
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    file=st.integers(0, 10**6),
    annotation=st.booleans(),
    how=st.sampled_from(BREAKS),
    place=st.integers(0, 10**6),
    value=st.binary(min_size=1, max_size=6),
    accepted=st.booleans(),
)
def test_a_broken_file_is_listed_or_refused_in_a_line(
    name: str,
    datasets: dict[str, tuple[Path, dict[str, Any]]],
    tmp_path: Path,
    file: int,
    annotation: bool,
    how: Callable[[Path, int, bytes], None],
    place: int,
    value: bytes,
    accepted: bool,
) -> None:
    source, keys = datasets[name]
    root, out = tmp_path / "set", tmp_path / "out"
    for old in (root, out):
        with suppress(FileNotFoundError):
            shutil.rmtree(old)
    shutil.copytree(source, root)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    texts = [path for path in files if path.suffix in (".json", ".xml", ".txt", ".csv")]
    chosen = (texts if annotation else files)[file % len(texts if annotation else files)]
    how(chosen, place, value)
    params = TypeAdapter(DatasetParams).validate_python(
        {**keys, "root": str(root), "max_rejected": 99 * accepted}
    )
    try:
        lines = run(root, params, out)
    except DatasetError as error:
        lines = [str(error)]
        assert len(lines[0]) < 2000
    assert (out / "rejected.csv").read_text(encoding="utf-8").startswith("kind,image_id,path,reason,cause\n")
    assert all("\n" not in line and line for line in lines)
