"""Pictures from files: decoded upright as RGB, or refused with a reason."""

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

MAX_PIXELS = 100_000_000
PILLOW_LIMIT = 178_956_970
"""Pillow itself refuses pictures of more than twice this many pixels."""

# The formats that photographs come in. Pillow knows others, one of which (EPS) would run a program.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM")

# How the stored picture is turned to stand upright, by EXIF orientation.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageError(ValueError):
    """A file is not a usable image; the message says why, without the path."""


@dataclass(frozen=True)
class Measured:
    """Size in pixels of an upright picture, and the EXIF orientation (1 to 8) that made it upright."""

    width: int
    height: int
    orientation: int

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height before the EXIF orientation was applied."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


def decode(path: Path, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode a picture of any mode to 8-bit RGB, turned upright by its EXIF orientation.

    16-bit greyscale keeps its upper eight bits; transparency is laid on white; of several frames
    the first is taken.

    Raises:
        ImageError: unreadable, truncated, of zero size, or with more than ``max_pixels`` pixels.
    """
    return _open(_read(path), max_pixels, draft=None)[0]


def measure(content: bytes, max_pixels: int = MAX_PIXELS) -> Measured:
    """Decode a file's content whole, as :func:`decode` would, for its size alone.

    Raises:
        ImageError: as :func:`decode`.
    """
    picture, orientation = _open(content, max_pixels, draft=None)
    return Measured(picture.width, picture.height, orientation)


def load_square(picture: Path | Image.Image, size: int) -> np.ndarray:
    """A whole picture, in a file or in memory, as a square of ``size`` pixels: uint8 (size, size, 3).

    Both sides are scaled on their own, as the authors' release does, so that a box is carried
    along by :func:`wsdkd.data.boxes.rescale`. A JPEG much larger than ``size`` is decoded at a fraction
    of its resolution, never less than twice ``size``, which is many times faster.

    Raises:
        ImageError: as :func:`decode`, with Pillow's own limit on the number of pixels.
    """
    if isinstance(picture, Path):
        upright, _ = _open(_read(picture), PILLOW_LIMIT, draft=2 * size)
    else:
        upright, _ = _upright(picture)
    if upright.size != (size, size):
        upright = upright.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(upright)


def _read(path: Path) -> bytes:
    # In one piece: Pillow's own many small reads took longer than decoding.
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}") from None


def _open(content: bytes, max_pixels: int, draft: int | None) -> tuple[Image.Image, int]:
    # The picture as RGB and upright, and the orientation that made it so.
    try:
        if not content:
            raise ImageError("an empty file")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit decides what is a bomb
            with Image.open(io.BytesIO(content), formats=FORMATS) as file:
                width, height = file.size
                if width * height > max_pixels:
                    raise ImageError(f"{width} x {height} pixels, more than the limit of {max_pixels}")
                if draft is not None:
                    file.draft("RGB", (draft, draft))
                file.load()
                return _upright(file)
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"not an image of format {', '.join(FORMATS)}, or of zero size") from None
    except Image.DecompressionBombError as error:
        raise ImageError(str(error)) from None
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, OverflowError) as error:
        # Pillow reports damaged files by any of these, according to the format.
        raise ImageError(f"cannot be decoded: {error}") from None


def _upright(opened: Image.Image) -> tuple[Image.Image, int]:
    orientation = _orientation(opened)
    picture = _to_rgb(opened)
    turn = TURNS.get(orientation)
    return (picture if turn is None else picture.transpose(turn)), orientation


def _orientation(file: Image.Image) -> int:
    try:
        value = file.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, EOFError, struct.error):
        return 1  # damaged EXIF data in a picture that is whole: shown as stored
    return value if isinstance(value, int) and value in TURNS else 1


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):
        values = np.asarray(picture).astype(np.int64)
        return Image.fromarray((np.clip(values, 0, 65535) >> 8).astype(np.uint8)).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        ground = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(ground, layer).convert("RGB")
    return picture if picture.mode == "RGB" else picture.convert("RGB")
