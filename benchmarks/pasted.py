"""The objects of a dataset with boxes, pasted small into scenes: where a detector begins to teach.

    python -m benchmarks.pasted ROOT OUT --share 0.25
    python -m benchmarks.ablation --profile auto --name pasted-25 --seeds 3 --set dataset.root=OUT

Each scene is a photograph blurred until nothing can be told in it, with one to three objects cut out of
photographs along their boxes, and with as many and more patches that hold no object: so neither a border nor
a size says where the objects are. All of a scene comes from photographs of its own split.

What it leaves out: light, shadow and what stands before what.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image
from tqdm import tqdm

from benchmarks.command import run
from wsdkd.data.annotations import ObjectRow
from wsdkd.data.boxes import area, intersections
from wsdkd.data.images import decode_prepared
from wsdkd.data.tables import ImageRow, Split
from wsdkd.datasets.params import AutoDataset
from wsdkd.datasets.prepare import prepare
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_folder

SIDE = 384
"""Of a scene, in pixels."""
SPLITS: dict[Split, tuple[Split, ...]] = {"train": ("train", "val"), "test": ("test",)}
"""Of scenes, and of the photographs that each is made from."""
OBJECTS, PATCHES = (1, 3), 4
"""Fewest and most objects of a scene; how many patches without any."""
SPREAD = (0.8, 1.25)
"""Longer side of what is pasted, as shares of what is asked for."""
BLURRED = 12
"""Pixels of a photograph that becomes a background, along each side."""
TRIES = 50
"""For a place where nothing lies yet; then the scene does without."""
LARGEST_SHARE = 0.1
"""Of another object's box in a cut-out, which would show two classes."""
JPEG_QUALITY = 92


@dataclass(frozen=True)
class Pasted:
    """One scene.

    Attributes:
        picture: SIDE x SIDE, RGB.
        objects: place of the class and box (x1, y1, x2, y2) in pixels, of each object.
    """

    picture: Image.Image
    objects: list[tuple[int, tuple[int, int, int, int]]]


class Scrapbook:
    """Photographs of one split, and what can be cut out of them.

    Args:
        rows: images of the split.
        objects: annotated objects of these images, and of others.
        root: folder that the images' paths are relative to.

    Raises:
        UserError: none of the objects can be cut out alone.
    """

    def __init__(self, rows: Sequence[ImageRow], objects: Sequence[ObjectRow], root: Path):
        self.rows, self.root = list(rows), root
        by_image: dict[str, list[ObjectRow]] = {row.image_id: [] for row in rows}
        for item in objects:
            if item.image_id in by_image:
                by_image[item.image_id].append(item)
        self.boxes = {image: _boxes(items) for image, items in by_image.items()}
        self.cut: list[tuple[ImageRow, ObjectRow]] = []
        for row in self.rows:
            items, boxes = by_image[row.image_id], self.boxes[row.image_id]
            shared = _shared(boxes, boxes)
            np.fill_diagonal(shared, 0)
            self.cut += [
                (row, item)
                for item, others in zip(items, shared, strict=True)
                if others.sum() <= LARGEST_SHARE and not item.difficult and not item.crowd
            ]
        if not self.cut:
            raise UserError(f"{root}: no annotated object that stands alone; the dataset needs boxes")

    def scene(self, rng: np.random.Generator, share: float) -> Pasted:
        """Compose a scene.

        Args:
            rng: what is drawn.
            share: longer side of an object, as a share of the scene's; objects move about it by SPREAD.
        """
        picture, _ = self._photograph(rng)
        scene = picture.resize((BLURRED, BLURRED), Image.Resampling.BOX).resize(
            (SIDE, SIDE), Image.Resampling.BICUBIC
        )
        taken: list[tuple[int, int, int, int]] = []
        objects: list[tuple[int, tuple[int, int, int, int]]] = []
        for _ in range(int(rng.integers(OBJECTS[0], OBJECTS[1] + 1))):
            row, item = self.cut[rng.integers(len(self.cut))]
            piece = decode_prepared(self.root / row.path).crop(_whole(item))
            box = _paste(scene, piece, share, taken, rng)
            if box is not None:
                objects.append((item.label, box))
        for _ in range(PATCHES):
            patch = self._patch(rng)
            if patch is not None:
                _paste(scene, patch, share, taken, rng)
        return Pasted(scene, objects)

    def _photograph(self, rng: np.random.Generator) -> tuple[Image.Image, np.ndarray]:
        row = self.rows[rng.integers(len(self.rows))]
        return decode_prepared(self.root / row.path), self.boxes[row.image_id]

    def _patch(self, rng: np.random.Generator) -> Image.Image | None:
        # A part of a photograph of the size that objects have there, beside all of them.
        picture, boxes = self._photograph(rng)
        for _ in range(TRIES):
            width, height = (max(8, int(side * rng.uniform(0.15, 0.4))) for side in picture.size)
            x1 = int(rng.integers(max(1, picture.width - width)))
            y1 = int(rng.integers(max(1, picture.height - height)))
            patch = np.array([[x1, y1, x1 + width, y1 + height]], dtype=np.float64)
            if not _shared(patch, boxes).any():
                return picture.crop((x1, y1, x1 + width, y1 + height))
        return None


def _paste(
    scene: Image.Image,
    piece: Image.Image,
    share: float,
    taken: list[tuple[int, int, int, int]],
    rng: np.random.Generator,
) -> tuple[int, int, int, int] | None:
    """Paste a piece where nothing lies yet, and add its box to ``taken``; None where no place was found."""
    scale = share * SIDE * rng.uniform(*SPREAD) / max(piece.size)
    width, height = (min(SIDE, max(4, round(side * scale))) for side in piece.size)
    for _ in range(TRIES):
        x, y = int(rng.integers(SIDE - width + 1)), int(rng.integers(SIDE - height + 1))
        box = (x, y, x + width, y + height)
        if not any(box[0] < x2 and x1 < box[2] and box[1] < y2 and y1 < box[3] for x1, y1, x2, y2 in taken):
            scene.paste(piece.resize((width, height), Image.Resampling.LANCZOS), (x, y))
            taken.append(box)
            return box
    return None


def _boxes(items: Sequence[ObjectRow]) -> np.ndarray:
    return np.array([[item.x1, item.y1, item.x2, item.y2] for item in items], np.float64).reshape(-1, 4)


def _shared(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How much of each box lies in each of others, as a share of its area: (n, 4), (m, 4) -> (n, m)."""
    shared: np.ndarray = intersections(boxes, others) / area(boxes)[:, None]
    return shared


def _whole(item: ObjectRow) -> tuple[int, int, int, int]:
    x1, y1 = int(item.x1), int(item.y1)
    return x1, y1, max(x1 + 1, round(item.x2)), max(y1 + 1, round(item.y2))


def write_pasted(
    folder: Path, books: dict[Split, Scrapbook], classes: Sequence[str], counts: dict[Split, int],
    share: float, seed: int,
) -> None:  # fmt: skip
    """Write ``images/SPLIT/*.jpg`` and ``annotations/instances_SPLIT.json``, as COCO has them.

    Args:
        folder: an empty one.
        books: of each split.
        classes: names of the classes.
        counts: scenes of each split.
        share: as in :meth:`Scrapbook.scene`.
        seed: of all that is drawn; each scene has a random stream of its own.
    """
    (folder / "annotations").mkdir()
    for place, (split, book) in enumerate(books.items()):
        (folder / "images" / split).mkdir(parents=True)
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        numbers = count(1)
        for number in tqdm(range(counts[split]), desc=f"{split} scenes", unit="scene"):
            scene = book.scene(np.random.default_rng([seed, place, number]), share)
            name = f"{split}_{number:06d}.jpg"
            scene.picture.save(folder / "images" / split / name, "JPEG", quality=JPEG_QUALITY)
            images.append({"id": number, "file_name": name, "width": SIDE, "height": SIDE})
            annotations += _annotations(number, scene, numbers)
        categories = [{"id": k + 1, "name": name} for k, name in enumerate(classes)]
        content = {"images": images, "annotations": annotations, "categories": categories}
        (folder / f"annotations/instances_{split}.json").write_text(json.dumps(content), encoding="utf-8")


def _annotations(image: int, scene: Pasted, numbers: Iterator[int]) -> Iterator[dict[str, Any]]:
    for label, (x1, y1, x2, y2) in scene.objects:
        width, height = x2 - x1, y2 - y1
        yield {
            "id": next(numbers),
            "image_id": image,
            "category_id": label + 1,
            "bbox": [x1, y1, width, height],
            "area": width * height,
            "iscrowd": 0,
        }


def main(
    root: Annotated[Path, typer.Argument(help="A dataset with boxes, in any form that is read.")],
    out: Annotated[Path, typer.Argument(help="Folder to write; none may be there.")],
    share: Annotated[
        float, typer.Option(min=0.02, max=0.6, help="Longer side of an object, of the scene's.")
    ] = 0.25,
    train: Annotated[int, typer.Option(min=1, help="Scenes to train on, and to watch.")] = 400,
    test: Annotated[int, typer.Option(min=1, help="Scenes to test on.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
) -> None:
    """Write scenes with the objects of a dataset; those of its test split are for the scenes to test on."""
    if out.exists():
        raise UserError(f"{out}: is there already; name another folder, or remove it")
    found = prepare(root, AutoDataset(format="auto", root=str(root)))
    books = {
        split: Scrapbook([row for row in found.images if row.split in parts], found.objects, root)
        for split, parts in SPLITS.items()
    }
    with publish_folder(out) as aside:
        write_pasted(aside, books, found.classes, {"train": train, "test": test}, share, seed)
    for split, book in books.items():
        typer.echo(f"{split}: {len(book.rows)} photographs, {len(book.cut)} objects that stand alone")


if __name__ == "__main__":
    run(main)
