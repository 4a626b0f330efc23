"""Pictures from files: decoded upright as RGB, or refused with a reason."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 100_000_000


class ImageError(ValueError):
    """A file is not a usable image; the message says why, without the path."""


def decode(path: Path, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode a picture of any mode to 8-bit RGB, turned upright by its EXIF orientation.

    16-bit greyscale keeps its upper eight bits; transparency is laid on white.

    Raises:
        ImageError: unreadable, truncated, of zero size, or with more than ``max_pixels`` pixels.
    """
    return _open(path, max_pixels, draft=None)


def load_square(path: Path, size: int) -> np.ndarray:
    """The whole picture, resized to a square of ``size`` pixels: uint8 (size, size, 3).

    Both sides are scaled on their own, as the authors' release does, so that a box is carried
    along by :func:`wsdkd.boxes.rescale`. A JPEG much larger than ``size`` is decoded at a fraction
    of its resolution, never less than twice ``size``, which is many times faster.

    Raises:
        ImageError: as :func:`decode`.
    """
    picture = _open(path, MAX_PIXELS, draft=2 * size)
    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(picture)


def _open(path: Path, max_pixels: int, draft: int | None) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit decides what is a bomb
            with Image.open(path) as file:
                width, height = file.size
                if width == 0 or height == 0:
                    raise ImageError("zero size")
                if width * height > max_pixels:
                    raise ImageError(f"{width} x {height} pixels, more than the limit of {max_pixels}")
                if draft is not None:
                    file.draft("RGB", (draft, draft))
                file.load()
                return _to_rgb(ImageOps.exif_transpose(file))
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError("not an image") from None
    except Image.DecompressionBombError as error:
        raise ImageError(str(error)) from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        # Pillow reports damaged files by any of these, according to the format.
        raise ImageError(f"cannot be decoded: {error}") from None


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):
        values = np.asarray(picture).astype(np.int64)
        return Image.fromarray((np.clip(values, 0, 65535) >> 8).astype(np.uint8)).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        ground = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(ground, layer).convert("RGB")
    return picture.convert("RGB")
