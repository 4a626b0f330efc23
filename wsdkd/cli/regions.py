"""``wsdkd show regions``: what the teacher takes for each class, as a page of pictures."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from wsdkd.cache.reader import TeacherCache
from wsdkd.errors import UserError
from wsdkd.evaluation.corloc import best_regions
from wsdkd.evaluation.pictures import save_png
from wsdkd.evaluation.region_page import BestRegion, draw_region_page
from wsdkd.images import decode
from wsdkd.inference.scores import region_scores
from wsdkd.params.root import dataset_root
from wsdkd.tables.classes import read_classes
from wsdkd.tables.images import ImageRow, read_images


def regions(
    images: Annotated[
        int, typer.Option(min=1, help="Images a class: the first that hold it, not the best.")
    ] = 6,
    cache: Annotated[Path, typer.Option(help="Folder of the teacher's cache.")] = Path("data/teacher_cache"),
    prepared: Annotated[Path, typer.Option(help="Folder of the prepared tables.")] = Path("data/prepared"),
    to: Annotated[Path, typer.Option(help="The picture to write.")] = Path("reports/pictures/regions.png"),
) -> None:
    """Draw the teacher's best region of each class in the first training images that hold it."""
    if to.suffix != ".png":
        raise UserError(f"--to {to}: expected a name that ends in .png")
    classes = read_classes(prepared / "classes.json")
    train = read_images(prepared / "images.parquet", "train")
    reader, root = TeacherCache(cache), dataset_root()
    reader.check(classes, train)
    held: list[list[ImageRow]] = [[] for _ in classes]
    for row in train:
        for label in row.labels:
            if len(held[label]) < images:
                held[label].append(row)
    page = [
        (name, [_best(reader, root, row, label) for row in held[label]]) for label, name in enumerate(classes)
    ]
    save_png(draw_region_page(page), to)
    typer.echo(f"{to}: the teacher's best region of each of {len(classes)} classes")


def _best(cache: TeacherCache, root: Path, row: ImageRow, label: int) -> BestRegion:
    view = cache.view(row.image_id, mirrored=False)
    scores = region_scores(view.class_logits, view.detection_logits)
    x1, y1, x2, y2 = best_regions(view.boxes, scores)[label].tolist()
    return BestRegion(np.asarray(decode(root / row.path)), (x1, y1, x2, y2), float(scores[:, label].sum()))
