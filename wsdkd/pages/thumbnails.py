"""Small pictures that stand in a page itself, as data URIs."""

import base64
import io
from dataclasses import dataclass

from PIL import Image

SIDE = 160
QUALITY = 72


@dataclass(frozen=True)
class Thumbnail:
    """A picture within a page: ``<img src="{{ it.uri }}" width="{{ it.width }}" height="{{ it.height }}">``.

    Attributes:
        uri: the picture, as ``data:image/webp;base64,...``.
        width: in its own pixels.
        height: in its own pixels.
        scale: its pixels to one of the original, to place boxes on it.
    """

    uri: str
    width: int
    height: int
    scale: float


def thumbnail(picture: Image.Image, side: int = SIDE, quality: int = QUALITY) -> Thumbnail:
    """Shrink a picture until its longer side is ``side`` pixels; a smaller one stays as it is.

    Args:
        picture: of any mode, upright; what is transparent becomes black.
        side: of the longer side, in pixels.
        quality: of WebP, 0 to 100. A photograph of 160 pixels takes 3 to 5 kB at the default.
    """
    scale = min(1.0, side / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    small = picture.convert("RGB")
    if size != small.size:
        small = small.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return Thumbnail(data_uri(small, quality), *size, scale)


def data_uri(picture: Image.Image, quality: int = QUALITY) -> str:
    """A picture, RGB or RGBA, at its full size as a data URI in WebP; equal pictures give equal text."""
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=quality, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
