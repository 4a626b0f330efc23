"""Pictures from files: decoded upright as RGB, or refused with a reason."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from wsdkd.data.deep import is_deep, to_eight_bits
from wsdkd.data.likeness import grey_grid
from wsdkd.ground.errors import UserError
from wsdkd.ground.reading import NotReadError, read_regular

MAX_FILE_BYTES = 1 << 30
MAX_PIXELS = 100_000_000
PILLOW_LIMIT = 178_956_970
"""Pillow itself refuses pictures of more than twice this many pixels."""

MAX_MEMORY = 2 << 30
"""Bytes that decoding one picture may take: just enough for ``PILLOW_LIMIT`` ordinary pixels."""
PIXEL_COST, WEBP_COST, DEEP_COST = 12, 20, 24
"""Bytes a pixel at the peak, measured: as stored, as RGB and as turned upright, and what a decoder adds."""
STRIP = 256
"""Rows that are laid on white at once."""

FLAT_LEVELS = 8
"""Of 255: a picture within so many is nearly of one colour."""

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


class TooLargeError(ImageError):
    """A picture has more pixels, or would take more memory, than is allowed."""


@dataclass(frozen=True)
class Measured:
    """What a picture is found to be.

    Attributes:
        width: in pixels, upright.
        height: in pixels, upright.
        orientation: the EXIF orientation (1 to 8) that made it upright.
        depth: by which range its values became eight bits, in words; None where they have eight.
        flat: whether nearly all of it is of one colour.
        grid: its grey levels, see :mod:`wsdkd.data.likeness`.
    """

    width: int
    height: int
    orientation: int
    depth: str | None = None
    flat: bool = False
    grid: bytes = b""

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height before the EXIF orientation was applied."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


def decode(path: Path, max_pixels: int = MAX_PIXELS, draft: int | None = None) -> Image.Image:
    """Decode a picture of any mode to 8-bit RGB, turned upright by its EXIF orientation.

    Deeper pictures become eight bits by the range of their values, see :mod:`wsdkd.data.deep`;
    transparency is laid on white; of several frames the first is taken.

    Args:
        path: of the file, or of a stretch of one.
        max_pixels: a larger picture is refused.
        draft: a JPEG may come smaller than it is, with both sides of so many pixels or more: that is faster.

    Raises:
        ImageError: unreadable, truncated, of zero size; a :class:`TooLargeError` where it has more than
            ``max_pixels`` pixels, or would take more than ``MAX_MEMORY`` bytes.
    """
    return _open(read_picture(path), max_pixels, draft=draft).picture


@contextmanager
def naming_photograph(path: Path) -> Iterator[None]:
    """Within, a photograph is decoded that the stage ``prepare`` could decode.

    Args:
        path: of the photograph.

    Raises:
        UserError: it cannot be any more; names it.
    """
    try:
        yield
    except ImageError as error:
        raise UserError(f"{path}: {error}; the dataset has changed, run: dvc repro") from None


def decode_prepared(path: Path) -> Image.Image:
    """:func:`decode` of a photograph that the stage ``prepare`` could decode.

    Raises:
        UserError: as :func:`naming_photograph`.
    """
    with naming_photograph(path):
        return decode(path)


def measure(content: bytes, max_pixels: int = MAX_PIXELS) -> Measured:
    """Decode a file's content whole, as :func:`decode` would, for what it is found to be.

    Raises:
        ImageError: as :func:`decode`.
    """
    found = _open(content, max_pixels)
    width, height = found.picture.size
    grid = grey_grid(found.picture)
    return Measured(width, height, found.orientation, found.depth, _is_flat(found.picture), grid)


class Window(NamedTuple):
    """A part of an upright picture, its edges as shares of the picture's width and height."""

    left: float
    top: float
    right: float
    bottom: float


WHOLE = Window(0.0, 0.0, 1.0, 1.0)


def load_square(
    picture: Path | bytes | Image.Image, size: int, memory: int = MAX_MEMORY, window: Window = WHOLE
) -> np.ndarray:
    """A picture, in a file or in memory, as a square of ``size`` pixels: uint8 (size, size, 3).

    Both sides are scaled on their own, as the authors' release does, so that a box is carried
    along by :func:`wsdkd.data.boxes.rescale`. A JPEG much larger than ``size`` is decoded at a fraction
    of its resolution, never less than twice ``size`` over the part shown, which is many times faster.

    Args:
        picture: its file, the content of one, or what Pillow opened.
        size: of both sides.
        memory: bytes that decoding it may take.
        window: the part that is shown.

    Raises:
        ImageError: as :func:`decode`, with Pillow's own limit on the number of pixels.
    """
    if isinstance(picture, Image.Image):
        upright = _upright(picture).picture
    else:
        shown = min(window.right - window.left, window.bottom - window.top)
        content = read_picture(picture) if isinstance(picture, Path) else picture
        upright = _open(content, PILLOW_LIMIT, memory, draft=ceil(2 * size / shown)).picture
    if upright.size != (size, size) or window != WHOLE:
        edges = tuple(np.multiply(window, (*upright.size, *upright.size)).tolist())
        upright = upright.resize((size, size), Image.Resampling.BILINEAR, box=edges)
    return np.asarray(upright)


def read_picture(path: Path) -> bytes:
    """The content of a picture's file, in one piece: Pillow's own many small reads took longer than decoding.

    Raises:
        ImageError: there is none, it is no regular file, or it has more than ``MAX_FILE_BYTES``.
    """
    try:
        return read_regular(path, MAX_FILE_BYTES)
    except NotReadError as error:
        raise ImageError(str(error)) from None


@dataclass(frozen=True)
class _Opened:
    """A picture as RGB and upright; the orientation that made it so; by which range it became eight bits."""

    picture: Image.Image
    orientation: int
    depth: str | None


def _open(content: bytes, max_pixels: int, memory: int = MAX_MEMORY, draft: int | None = None) -> _Opened:
    try:
        if not content:
            raise ImageError("an empty file")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit decides what is a bomb
            with Image.open(io.BytesIO(content), formats=FORMATS) as file:
                _refuse_too_large(file, max_pixels, memory)
                if draft is not None:
                    file.draft("RGB", (draft, draft))
                return _upright(file, content)
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"not an image of format {', '.join(FORMATS)}, or of zero size") from None
    except Image.DecompressionBombError as error:
        raise TooLargeError(str(error)) from None
    except MemoryError:
        raise ImageError("cannot be decoded: more than there is memory for") from None
    except Exception as error:
        # Pillow reports damaged files by any exception, according to the format: one odd file, one refusal.
        raise ImageError(f"cannot be decoded: {str(error) or type(error).__name__}") from None


def _refuse_too_large(file: Image.Image, max_pixels: int, memory: int) -> None:
    width, height = file.size
    if width * height > max_pixels:
        raise TooLargeError(f"{width} x {height} pixels, more than the limit of {max_pixels}")
    cost = DEEP_COST if is_deep(file) else WEBP_COST if file.format == "WEBP" else PIXEL_COST
    needed = width * height * cost
    if needed > memory:
        what = f"{needed:,} bytes to decode, more than the limit of {memory:,}"
        raise TooLargeError(f"{width} x {height} pixels take {what}")


def _upright(opened: Image.Image, content: bytes = b"") -> _Opened:
    shown, depth = to_eight_bits(opened, content) if is_deep(opened) else (opened, None)
    shown.load()
    orientation = _orientation(opened)
    picture = _to_rgb(shown)
    turn = TURNS.get(orientation)
    return _Opened(picture if turn is None else picture.transpose(turn), orientation, depth)


def _orientation(file: Image.Image) -> int:
    try:
        value = file.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1  # damaged EXIF data in a picture that is whole: shown as stored
    return value if isinstance(value, int) and value in TURNS else 1


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        return _on_white(picture)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _on_white(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    whole = Image.new("RGB", picture.size)
    for top in range(0, height, STRIP):  # in strips, as it takes four pictures of each
        layer = picture.crop((0, top, width, min(top + STRIP, height))).convert("RGBA")
        ground = Image.new("RGBA", layer.size, "white")
        whole.paste(Image.alpha_composite(ground, layer).convert("RGB"), (0, top))
    return whole


def _is_flat(picture: Image.Image) -> bool:
    # 99 of a hundred points of a grid lie within eight levels in each channel. Of most photographs a few
    # points show soon that they do not.
    def spread(side: int, outside: int) -> int:
        points = np.asarray(picture.resize((side, side), Image.Resampling.NEAREST)).reshape(-1, 3)
        levels = np.sort(points, axis=0)
        return int((levels[-1 - outside] - levels[outside]).max())

    return spread(8, outside=16) <= FLAT_LEVELS and spread(32, outside=5) <= FLAT_LEVELS
