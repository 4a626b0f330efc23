"""A small dataset in each form, with pictures of several formats."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

NAMES = ("cat", "dog")
SUFFIXES = ("jpg", "png", "tif", "webp", "bmp", "gif", "ppm", "png")


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


SMALL: dict[str, Callable[[Path], dict[str, Any]]] = {
    "COCO": coco,
    "VOC in sets": voc_sets,
    "VOC in folders": voc_folders,
    "VOC in lists": voc_lists,
    "NUS-WIDE": nuswide,
    "table": table,
}
"""By the name of a form what writes a dataset of it into an empty folder and gives its parameters."""
