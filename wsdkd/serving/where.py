"""Where a student sees its labels: each picture, and beside it again for each label, with its heat and a box.

Heat says which part of a picture speaks for a class (:mod:`wsdkd.student.heat`). Nobody has taught the
student where things are; it is a hint, no detection.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from wsdkd.data.images import MAX_MEMORY, ImageError, decode, load_square
from wsdkd.networks.decoding import as_batch
from wsdkd.serving.labels import Choice, Scored
from wsdkd.student.heat import class_heat, hot_box
from wsdkd.student.network import LoadedStudent

SIDE = 320
"""Longer side of a panel, in pixels."""
MOST = 6
"""Labels of a picture that are drawn, the best ones."""
HOT = np.array([232, 69, 44], np.float32)
CAPTION = 22
QUALITY = 88


def drawn(
    pictures: Iterable[Scored],
    choice: Choice,
    folder: Path,
    student: LoadedStudent,
    memory: int = MAX_MEMORY,
) -> Iterator[Scored]:
    """Yield pictures, and write for each that is given a label a JPEG into ``folder``.

    Args:
        pictures: with their scores.
        choice: of labels.
        folder: new or empty; a file is named after its picture, and after its number among them.
        student: in evaluation mode.
        memory: bytes that decoding one picture may take.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = next(student.model.parameters()).device
    for number, (path, scores) in enumerate(pictures):
        places = choice.places(scores)[:MOST]
        if places:
            square = load_square(path, student.params.input_size, memory)
            (heat,) = class_heat(student.model, as_batch([square]).to(device), [places])
            names = [f"{choice.classes[k]} {scores[k]:.2f}" for k in places]
            try:
                picture = decode(path)
            except ImageError:  # larger than is decoded whole, though not too large for the student
                picture = Image.fromarray(square)
            panels(picture, names, heat).save(folder / f"{number:06d} {path.stem}.jpg", quality=QUALITY)
        yield path, scores


def panels(picture: Image.Image, names: Sequence[str], heat: np.ndarray) -> Image.Image:
    """The picture as it is, and once for each name with its heat over it, and a box around the hottest part.

    Args:
        picture: upright, RGB.
        names: what stands below each.
        heat: (m, h, w) in [0, 1], for each of m names, of the whole picture.
    """
    scale = SIDE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    small = picture.resize(size, Image.Resampling.BILINEAR)
    sheet = Image.new("RGB", (size[0] * (len(names) + 1), size[1] + CAPTION), "white")
    sheet.paste(small, (0, 0))
    font, draw = ImageFont.load_default(14), ImageDraw.Draw(sheet)
    for column, (name, one) in enumerate(zip(names, heat, strict=True), start=1):
        sheet.paste(_heated(small, one), (column * size[0], 0))
        box = hot_box(one)
        if box is not None:
            x1, y1, x2, y2 = (round(share * side) for share, side in zip(box, 2 * size, strict=True))
            draw.rectangle(
                (column * size[0] + x1, y1, column * size[0] + x2 - 1, y2 - 1), outline="white", width=2
            )
        draw.text((column * size[0] + 4, size[1] + 2), name, fill="black", font=font)
    return sheet


def _heated(picture: Image.Image, heat: np.ndarray) -> Image.Image:
    grey = np.asarray(picture.convert("L").convert("RGB"), np.float32)
    mask = Image.fromarray(heat.astype(np.float32)).resize(picture.size, Image.Resampling.BICUBIC)
    share = np.clip(np.asarray(mask), 0, 1)[:, :, None]
    # What is cold is grey and darker; what is hot keeps its colours, under some red.
    coloured = 0.6 * np.asarray(picture, np.float32) + 0.4 * HOT
    return Image.fromarray((0.55 * grey * (1 - share) + coloured * share).astype(np.uint8))
