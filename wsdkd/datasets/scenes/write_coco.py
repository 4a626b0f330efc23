"""The embedded dataset on disk: ordinary JPEG files and ordinary COCO annotation files."""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from wsdkd.datasets.scenes.compose import Scene, draw_scene
from wsdkd.datasets.scenes.shapes import CLASSES
from wsdkd.params.dataset import ScenesDataset
from wsdkd.tables.images import SPLITS, Split

JPEG_QUALITY = 92

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
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        (folder / "images" / split).mkdir(parents=True, exist_ok=True)
        for job, (jpeg, scene) in zip(jobs, run(draw, jobs), strict=True):
            image_id = (SPLITS.index(split) + 1) * 1_000_000 + job.number
            name = f"{split}_{job.number:06d}.jpg"
            (folder / "images" / split / name).write_bytes(jpeg)
            images.append({"id": image_id, "file_name": name, "width": job.size, "height": job.size})
            for item in scene.objects:
                x1, y1, x2, y2 = item.box
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image_id,
                        "category_id": item.label + 1,
                        "bbox": [x1, y1, x2 - x1, y2 - y1],
                        "area": (x2 - x1) * (y2 - y1),
                        "iscrowd": 0,
                    }
                )
        categories = [{"id": place + 1, "name": name} for place, name in enumerate(CLASSES)]
        content = {"images": images, "annotations": annotations, "categories": categories}
        path = folder / "annotations" / f"instances_{split}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content) + "\n", encoding="utf-8")
