"""The embedded dataset on disk: ordinary JPEG files and ordinary COCO annotation files."""

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np
from PIL import Image

from wsdkd.data.tables import SPLITS, Split
from wsdkd.datasets.params import ScenesDataset
from wsdkd.datasets.scenes.compose import Scene, draw_scene
from wsdkd.datasets.scenes.shapes import CLASSES

JPEG_QUALITY = 92
_PICTURE = re.compile(r"images/(train|val|test)/\1_\d{6,}\.jpg")
_ANNOTATIONS = re.compile(r"annotations/instances_(train|val|test)\.json")

Mapper = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]


class Job(NamedTuple):
    """One scene to draw."""

    seed: int
    split: Split
    number: int
    size: int
    """Side of the scene, in pixels."""
    max_side: float
    """Of an object's longer side, as a share of ``size``."""


def draw(job: Job) -> tuple[bytes, Scene]:
    """Draw a scene from a random stream of its own.

    Returns the JPEG file's bytes with the scene. The same job gives the same bytes.
    """
    rng = np.random.default_rng([job.seed, SPLITS.index(job.split), job.number])
    scene = draw_scene(rng, job.size, job.max_side)
    file = io.BytesIO()
    Image.fromarray(scene.picture).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue(), scene


def write_scenes(folder: Path, params: ScenesDataset, run: Mapper = map) -> None:
    """Write ``images/SPLIT/*.jpg`` and ``annotations/instances_SPLIT.json`` for the three splits.

    Args:
        folder: where; made if missing.
        params: how many scenes of which size, from which seed.
        run: an ordered ``map``, such as that of a process pool; the output is the same for any.
    """
    counts = {"train": params.train_images, "val": params.val_images, "test": params.test_images}
    for split in SPLITS:
        jobs = [
            Job(params.seed, split, number, params.side, params.max_side) for number in range(counts[split])
        ]
        (folder / "images" / split).mkdir(parents=True, exist_ok=True)
        path = folder / "annotations" / f"instances_{split}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            # Entry by entry, as the whole is a kilobyte an image in memory.
            file.write('{"images": [')
            _write_entries(file, map(_image, jobs))
            file.write('], "annotations": [')
            drawn = zip(jobs, run(draw, jobs), strict=True)
            _write_entries(file, _annotations(folder / "images" / split, drawn))
            categories = [{"id": place + 1, "name": name} for place, name in enumerate(CLASSES)]
            file.write(f'], "categories": {json.dumps(categories)}}}\n')


def foreign_file(folder: Path) -> Path | None:
    """The first file in ``folder`` that :func:`write_scenes` does not write, or None: it may be replaced.

    Ours are pictures of our names, and annotations of such pictures.
    """
    if not folder.is_dir():
        return folder if folder.exists() else None
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder).as_posix()
        if path.is_dir() and not path.is_symlink():
            continue
        is_odd = path.exists() and not path.is_file()  # a pipe, a link to a folder
        if is_odd or not (_PICTURE.fullmatch(place) or _is_of_scenes(path, place)):
            return path
    return None


def _is_of_scenes(path: Path, place: str) -> bool:
    found = _ANNOTATIONS.fullmatch(place)
    if found is None:
        return False
    try:
        names = [image["file_name"] for image in json.loads(path.read_bytes())["images"]]
    except (ValueError, TypeError, KeyError):
        return False
    return all(_PICTURE.fullmatch(f"images/{found[1]}/{name}") for name in names)


def _write_entries(file: TextIO, entries: Iterable[dict[str, Any]]) -> None:
    for place, entry in enumerate(entries):
        file.write(f"{', ' if place else ''}{json.dumps(entry)}")


def _image(job: Job) -> dict[str, Any]:
    return {"id": _id(job), "file_name": _name(job), "width": job.size, "height": job.size}


def _annotations(folder: Path, drawn: Iterable[tuple[Job, tuple[bytes, Scene]]]) -> Iterator[dict[str, Any]]:
    # Writes each picture on the way.
    numbers = count(1)
    for job, (jpeg, scene) in drawn:
        (folder / _name(job)).write_bytes(jpeg)
        for item in scene.objects:
            x1, y1, x2, y2 = item.box
            yield {
                "id": next(numbers),
                "image_id": _id(job),
                "category_id": item.label + 1,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": (x2 - x1) * (y2 - y1),
                "iscrowd": 0,
            }


def _id(job: Job) -> int:
    return (SPLITS.index(job.split) + 1) * 1_000_000 + job.number


def _name(job: Job) -> str:
    return f"{job.split}_{job.number:06d}.jpg"
