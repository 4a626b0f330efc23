"""Small datasets on disk, written by hand so that a test can spoil one thing in them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

WIDTH, HEIGHT = 60, 40

Picture = Callable[..., Path]
Files = Callable[..., list[str]]


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    """Write a JPEG below the dataset's root (``tmp_path``), of noise so that no two are alike."""

    def write(name: str, size: tuple[int, int] = (WIDTH, HEIGHT), orientation: int = 1) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(list(name.encode()))
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        pixels = rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, "JPEG", exif=exif)
        return path

    return write


@pytest.fixture
def files(picture: Picture) -> Files:
    """Twelve pictures; their paths, of which one has ``neighbours.LABELS`` in turn."""

    def write(pattern: str) -> list[str]:
        paths = [pattern.format(number) for number in range(12)]
        for path in paths:
            picture(path)
        return paths

    return write


Content = dict[str, list[dict[str, Any]]]


@pytest.fixture
def coco_content() -> Content:
    """Two images, one with a cat and a dog and one with nothing."""
    return {
        "categories": [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}],
        "images": [
            {"id": 1, "file_name": "a.jpg", "width": WIDTH, "height": HEIGHT},
            {"id": 2, "file_name": "b.jpg", "width": WIDTH, "height": HEIGHT},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 7, "bbox": [10, 5, 20, 30], "iscrowd": 0},
            {"id": 2, "image_id": 1, "category_id": 3, "bbox": [0, 0, 5.5, 6], "iscrowd": 1},
        ],
    }


@pytest.fixture
def write_json(tmp_path: Path) -> Callable[[str, object], None]:
    """Write JSON below the dataset's root."""

    def write(name: str, content: object) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))

    return write


VOC_OBJECT = (
    "<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{box[0]}</xmin>"
    "<ymin>{box[1]}</ymin><xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>"
)


@pytest.fixture
def voc_image(tmp_path: Path, picture: Picture) -> Callable[..., None]:
    """Write one image in VOC layout: objects are (name, difficult, box); ``xml`` replaces them."""

    def write(image_id: str, *objects: tuple[str, int, tuple[float, ...]], xml: str | None = None) -> None:
        picture(f"JPEGImages/{image_id}.jpg")
        items = "".join(
            VOC_OBJECT.format(name=name, difficult=difficult, box=box) for name, difficult, box in objects
        )
        size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
        path = tmp_path / "Annotations" / f"{image_id}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<annotation>{size}{items}</annotation>" if xml is None else xml)

    return write


@pytest.fixture
def voc_sets(tmp_path: Path) -> Callable[..., None]:
    """Write image sets trainval and test of a VOC layout."""

    def write(trainval: list[str], test: list[str]) -> None:
        folder = tmp_path / "ImageSets" / "Main"
        folder.mkdir(parents=True)
        (folder / "trainval.txt").write_text("".join(f"{image_id}\n" for image_id in trainval))
        (folder / "test.txt").write_text("".join(f"{image_id}\n" for image_id in test))

    return write
