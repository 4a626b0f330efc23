"""Pictures of the size of photographs, as JPEG files."""

import io
import os
from pathlib import Path

from PIL import Image

from wsdkd.data.tables import ImageRow
from wsdkd.datasets.scenes.write_coco import JPEG_QUALITY, Job, draw

WIDTH, HEIGHT = 640, 480
DISTINCT = 12  # drawing one takes longer than decoding a hundred


def photographs(count: int) -> list[bytes]:
    """Files of 640 x 480 pixels, a few of them over and over."""
    distinct = []
    for number in range(min(count, DISTINCT)):
        content, _ = draw(Job(0, "train", number, WIDTH, 0.4))
        file = io.BytesIO()
        Image.open(io.BytesIO(content)).crop((0, 0, WIDTH, HEIGHT)).save(file, "JPEG", quality=JPEG_QUALITY)
        distinct.append(file.getvalue())
    return [distinct[place % len(distinct)] for place in range(count)]


def write_photographs(folder: Path, count: int, classes: int) -> list[ImageRow]:
    """Write them below ``folder``, one class each, with ``labels.csv``; rows as of the split train."""
    folder.mkdir(parents=True)
    rows, lines = [], ["path,labels,split"]
    for number, content in enumerate(photographs(count)):
        path, label = f"{number:06d}.jpg", number % classes
        if number < DISTINCT:
            (folder / path).write_bytes(content)
        else:
            # Gigabytes otherwise; a link is read as its file is.
            os.link(folder / f"{number % DISTINCT:06d}.jpg", folder / path)
        rows.append(ImageRow(path, path, WIDTH, HEIGHT, "train", (label,), (), f"{number:064d}"))
        lines.append(f"{path},class {label},{('train', 'val', 'test')[min(number, 2)]}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return rows
