"""Datasets with something broken in them give rows, listed rejections or one line, never a traceback.

Hypothesis breaks one file of a small dataset of each format at a time: bytes flipped, cut off, doubled or put
in, a file that is missing, empty, a folder or a pipe, and values of a JSON file replaced by others.
"""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from pydantic import TypeAdapter

from wsdkd.data.annotations import write_objects
from wsdkd.data.tables import write_classes, write_images
from wsdkd.datasets.params import DatasetParams
from wsdkd.datasets.prepare import prepare
from wsdkd.datasets.records import DatasetError, write_rejected
from wsdkd.datasets.refuse import refuse_unusable
from wsdkd.datasets.summary import summary

NAMES = ("cat", "dog")
SUFFIXES = ("jpg", "png", "tif", "webp", "bmp", "gif", "ppm", "png")
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**400,
    1e308,
    "",
    "0",
    "\ud800",
    "a\0b",
    "x" * 5000,
    [],
    {},
    [[]],
)


def pictures(folder: Path, numbers: range) -> list[str]:
    """Small pictures, each of another format, one of 16 bits and some turned by EXIF."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in numbers:
        rng = np.random.default_rng(number)
        deep = number % 8 == 7
        pixels = (
            rng.integers(0, 4096, (12, 16), np.uint16)
            if deep
            else rng.integers(0, 255, (12, 16, 3), np.uint8)
        )
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 1 + number % 8
        path = folder / f"{number}.{SUFFIXES[number % 8]}"
        options = {"exif": exif} if path.suffix in (".jpg", ".png", ".tif", ".webp") else {}
        Image.fromarray(pixels).save(path, **options)
        paths.append(path.name)
    return paths


def coco(root: Path) -> dict[str, Any]:
    (root / "annotations").mkdir()
    for split, numbers in (("train", range(8)), ("val", range(8, 12))):
        names = pictures(root / split, numbers)
        content = {
            "categories": [{"id": 1, "name": "cat", "supercategory": "pet"}, {"id": 2, "name": "dog"}],
            "images": [
                {"id": place, "file_name": name, "width": 16, "height": 12}
                for place, name in enumerate(names)
            ],
            "annotations": [
                {
                    "id": place,
                    "image_id": place,
                    "category_id": 1 + place % 2,
                    "bbox": [1, 1, 5, 5],
                    "iscrowd": 0,
                }
                for place in range(len(names))
            ],
        }
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))
    return {"format": "coco"}


def write_xml(path: Path, name: str) -> None:
    path.parent.mkdir(exist_ok=True)
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    path.write_text(
        "<?xml version='1.0' encoding='utf-8'?><annotation><size><width>16</width><height>12</height></size>"
        f"<object><name>{name}</name><difficult>0</difficult>{box}</object></annotation>"
    )


def voc_sets(root: Path) -> dict[str, Any]:
    names = pictures(root / "JPEGImages", range(12))
    for place, name in enumerate(names):
        write_xml(root / "Annotations" / f"{Path(name).stem}.xml", NAMES[place % 2])
    sets = root / "ImageSets" / "Main"
    sets.mkdir(parents=True)
    (sets / "trainval.txt").write_text("".join(f"{Path(name).stem}\n" for name in names[:8]))
    (sets / "test.txt").write_text("".join(f"{Path(name).stem}\n" for name in names[8:]))
    return {"format": "voc"}


def voc_folders(root: Path) -> dict[str, Any]:
    for split, numbers in (("train", range(8)), ("valid", range(8, 10)), ("test", range(10, 12))):
        for place, name in enumerate(pictures(root / split, numbers)):
            write_xml(root / split / f"{Path(name).stem}.xml", NAMES[place % 2])
    return {"format": "voc"}


def voc_lists(root: Path) -> dict[str, Any]:
    names = [Path(name).stem for name in pictures(root / "JPEGImages", range(12))]
    sets = root / "ImageSets" / "Main"
    sets.mkdir(parents=True)
    for part, listed in (("trainval", names[:8]), ("test", names[8:])):
        for label, name in enumerate(NAMES):
            text = "".join(f"{image} {1 if int(image) % 2 == label else -1}\n" for image in listed)
            (sets / f"{name}_{part}.txt").write_text(text)
    return {"format": "voc"}


def nuswide(root: Path) -> dict[str, Any]:
    names = pictures(root / "Flickr", range(12))
    (root / "ImageList").mkdir()
    (root / "Groundtruth" / "TrainTestLabels").mkdir(parents=True)
    (root / "Concepts81.txt").write_text("cat\ndog\n")
    for part, listed in (("Train", names[:8]), ("Test", names[8:])):
        (root / "ImageList" / f"{part}Imagelist.txt").write_text("".join(f"{name}\n" for name in listed))
        for label, name in enumerate(NAMES):
            text = "".join(f"{int(place % 2 == label)}\n" for place in range(len(listed)))
            (root / "Groundtruth" / "TrainTestLabels" / f"Labels_{name}_{part}.txt").write_text(text)
    return {"format": "nuswide"}


def table(root: Path) -> dict[str, Any]:
    names = pictures(root, range(12))
    rows = [
        f"{name},{NAMES[place % 2]},{'train' if place < 8 else 'test'}\n" for place, name in enumerate(names)
    ]
    (root / "labels.csv").write_text("path,labels,split\n" + "".join(rows))
    return {"format": "table"}


FORMATS: tuple[Callable[[Path], dict[str, Any]], ...] = (
    coco,
    voc_sets,
    voc_folders,
    voc_lists,
    nuswide,
    table,
)


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
    try:
        prepared = prepare(root, params, workers=1)
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
