"""Datasets with something broken in them give rows, listed rejections or one line, never a traceback.

Hypothesis breaks one file of a small dataset of each form at a time: bytes flipped, cut off, doubled or put
in, a file that is missing, empty, a folder or a pipe, and values of a JSON file replaced by others.
"""

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

from benchmarks.faults.mutations.breaks import JUNK as TEXT_JUNK
from benchmarks.faults.mutations.breaks import ODD
from tests.datasets.small_datasets import SMALL
from tests.datasets.written_forms import FORMS, write
from wsdkd.data.annotations import write_objects
from wsdkd.data.tables import write_classes, write_images
from wsdkd.datasets.audit.count import facts_of
from wsdkd.datasets.audit.refuse import refuse_unusable
from wsdkd.datasets.audit.summary import summary
from wsdkd.datasets.params import DatasetParams, ScenesDataset
from wsdkd.datasets.prepare import prepare
from wsdkd.datasets.reading.picture_files import is_picture
from wsdkd.datasets.reading.rejections import DatasetError, write_rejected
from wsdkd.datasets.scenes.write_coco import write_scenes

Keys = dict[str, Any]
Break = Callable[[Path, int, bytes], None]

AUTO = "WebDataset"
"""The form that is read as ``auto``, too."""
ALL = [*SMALL, *FORMS, "auto"]

JUNK = (*TEXT_JUNK, b"'")
"""Bytes of any file."""


def flip(path: Path, place: int, value: bytes) -> None:
    content = bytearray(path.read_bytes())
    for at, byte in enumerate(value):
        content[(place + at) % len(content)] ^= byte
    path.write_bytes(bytes(content))


def cut(path: Path, place: int, _: bytes) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: place % (len(content) + 1)])


def insert(path: Path, place: int, value: bytes) -> None:
    content = path.read_bytes()
    at = place % (len(content) + 1)
    path.write_bytes(content[:at] + value + content[at:])


def double(path: Path, place: int, _: bytes) -> None:
    content = path.read_bytes()
    path.write_bytes(content + content[place % (len(content) + 1) :])


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
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Keys]]:
    """By the name of a form a dataset of it, and what its parameters are besides the root."""
    base = tmp_path_factory.mktemp("whole")
    scenes = ScenesDataset(format="scenes", root="s", train_images=6, val_images=3, test_images=3, side=32)
    write_scenes(base / "scenes", scenes)
    made: dict[str, tuple[Path, Keys]] = {}

    def dataset(form: str) -> tuple[Path, Keys]:
        if form == "auto":
            return dataset(AUTO)[0], {"format": "auto"}
        if form not in made:
            root = base / form
            if form in SMALL:
                root.mkdir()
                made[form] = root, {**SMALL[form](root), "validation_fraction": 0.3}
            else:
                write(form, base / "scenes", root)
                made[form] = root, FORMS[form][0]
        return made[form]

    return dataset


def run(root: Path, keys: Keys, out: Path) -> list[str]:
    """What the stage does, and its lines."""
    params = TypeAdapter(DatasetParams).validate_python({"root": str(root), **keys})
    listed = out / "rejected.csv"
    (out / "photographs").mkdir(parents=True)
    try:
        prepared = prepare(root, params, workers=1, unpack_into=out / "photographs")
    except DatasetError as error:
        write_rejected(listed, error.rejected)
        raise
    write_rejected(listed, prepared.rejected)
    lines = [*prepared.notes, *summary(facts_of(prepared), str(listed))]
    refuse_unusable(prepared, params, str(listed))
    write_classes(out / "classes.json", prepared.classes)
    write_images(out / "images.parquet", prepared.images)
    write_objects(out / "objects.parquet", prepared.objects)
    return lines


@pytest.mark.parametrize("form", ALL)
def test_the_dataset_as_it_is_goes_through(
    form: str, whole: Callable[[str], tuple[Path, Keys]], tmp_path: Path
) -> None:
    root, keys = whole(form)
    assert run(root, keys, tmp_path)
    rejected = (tmp_path / "rejected.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [line for line in rejected if line.startswith("image")] == []


@pytest.mark.parametrize("form", ALL)
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    file=st.integers(0, 10**6),
    picture=st.sampled_from([False, False, True]),
    how=st.sampled_from(BREAKS),
    place=st.integers(0, 10**6),
    value=st.one_of(st.binary(min_size=1, max_size=6), st.sampled_from(JUNK)),
    accepted=st.booleans(),
)
def test_a_broken_file_is_listed_or_refused_in_a_line(
    form: str,
    whole: Callable[[str], tuple[Path, Keys]],
    tmp_path: Path,
    file: int,
    picture: bool,
    how: Break,
    place: int,
    value: bytes,
    accepted: bool,
) -> None:
    source, keys = whole(form)
    root, out = tmp_path / "set", tmp_path / "out"
    for old in (root, out):
        with suppress(FileNotFoundError):
            shutil.rmtree(old)
    shutil.copytree(source, root)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    chosen = [path for path in files if is_picture(path.name) == picture] or files
    how(chosen[file % len(chosen)], place, value)
    try:
        lines = run(root, {**keys, "max_rejected": 99 * accepted}, out)
    except DatasetError as error:
        lines = [str(error)]
        assert len(lines[0]) < 2000
    assert (out / "rejected.csv").read_text(encoding="utf-8").startswith("kind,image_id,path,reason,cause\n")
    assert all("\n" not in line and line for line in lines)
