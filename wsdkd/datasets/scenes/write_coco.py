"""The embedded dataset on disk: ordinary JPEG files and ordinary COCO annotation files."""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from wsdkd.datasets.scenes.compose import Scene, draw_scene
from wsdkd.datasets.scenes.shapes import CLASSES
from wsdkd.params.dataset import ScenesDataset
from wsdkd.tables.images import SPLITS, Split

JPEG_QUALITY = 92

Mapper = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]


def draw(job: tuple[int, Split, int, int]) -> tuple[bytes, Scene]:
    """Draw scene ``index`` of a split from its own random stream; job: (seed, split, index, size).

    Returns the JPEG file's bytes with the scene. The same job gives the same bytes.
    """
    seed, split, index, size = job
    scene = draw_scene(np.random.default_rng([seed, SPLITS.index(split), index]), size)
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
        jobs = [(params.seed, split, index, params.size) for index in range(counts[split])]
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        (folder / "images" / split).mkdir(parents=True, exist_ok=True)
        for (_, _, index, size), (jpeg, scene) in zip(jobs, run(draw, jobs), strict=True):
            image_id = (SPLITS.index(split) + 1) * 1_000_000 + index
            name = f"{split}_{index:06d}.jpg"
            (folder / "images" / split / name).write_bytes(jpeg)
            images.append({"id": image_id, "file_name": name, "width": size, "height": size})
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
