"""A picture in each encoding that is decoded, and what Pillow alone makes of its file."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageOps

WIDTH, HEIGHT = 40, 28


def _pixels(number: int) -> Image.Image:
    rng = np.random.default_rng(number)
    coarse = rng.integers(0, 255, (HEIGHT // 4, WIDTH // 4, 3), np.uint8)
    return Image.fromarray(np.kron(coarse, np.ones((4, 4, 1), np.uint8)))


def _deep(number: int) -> Image.Image:
    rng = np.random.default_rng(number)
    return Image.fromarray(rng.integers(0, 4096, (HEIGHT, WIDTH), np.uint16))


def _save(mode: str, **options: Any) -> Callable[[int, Path], None]:
    def save(number: int, path: Path) -> None:
        picture = _deep(number) if mode == "I;16" else _pixels(number).convert(mode)
        picture.save(path, **options)

    return save


def _turned(number: int, path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Model] = "camera"
    _pixels(number).save(path, exif=exif)


def _frames(number: int, path: Path) -> None:
    _pixels(number).save(path, save_all=True, append_images=[_pixels(number + 100)])


def _transparent(number: int, path: Path) -> None:
    _pixels(number).quantize(16).save(path, transparency=3)


ENCODINGS: Mapping[str, Callable[[int, Path], None]] = {
    "baseline.jpg": _save("RGB", quality=85),
    "progressive.jpg": _save("RGB", progressive=True),
    "grey.jpg": _save("L"),
    "cmyk.jpg": _save("CMYK"),
    "exif.jpg": _turned,
    "rgb.png": _save("RGB"),
    "rgba.png": _save("RGBA"),
    "palette.png": _transparent,
    "bits.png": _save("1"),
    "deep.png": _save("I;16"),
    "lossy.webp": _save("RGB", quality=80),
    "lossless.webp": _save("RGBA", lossless=True),
    "raw.tif": _save("RGB"),
    "lzw.tif": _save("RGB", compression="tiff_lzw"),
    "deep.tif": _save("I;16", compression="tiff_adobe_deflate"),
    "rgb.bmp": _save("RGB"),
    "still.gif": _save("P"),
    "frames.gif": _frames,
    "rgb.ppm": _save("RGB"),
}


def write_pictures(folder: Path) -> None:
    """All of them twice, and a table that names them."""
    rows = ["path,labels,split"]
    for split, first in (("train", 0), ("test", 50)):
        (folder / split).mkdir()
        for place, (name, save) in enumerate(ENCODINGS.items()):
            save(first + place, folder / split / name)
            rows.append(f"{split}/{name},{('cat', 'dog')[place % 2]},{split}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def sizes(folder: Path) -> dict[str, tuple[int, int]]:
    """Width and height of each picture that Pillow can decode whole, upright."""
    found = {}
    for path in sorted(each for each in folder.rglob("*.*") if each.name in ENCODINGS):
        with suppress(Exception), Image.open(path) as picture:
            picture.load()
            size = picture.size
            with suppress(Exception):  # damaged EXIF data turn nothing
                size = ImageOps.exif_transpose(picture).size
            found[path.relative_to(folder).as_posix()] = size
    return found
