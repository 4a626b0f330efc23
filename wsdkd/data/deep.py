"""Pictures of more than eight bits a channel, brought to eight by the range that their values have.

A camera's 12 bits in a file of 16, or floats from 0 to 1, are black to whoever keeps the upper eight bits.
The range is what the file states, or the least usual one that holds its largest value. This depends on
nothing but the file, so that every stage, and whoever predicts, sees the same pixels. The price: of two
pictures of one camera the darker may get a smaller range, and be shown brighter.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

DEPTHS = (8, 10, 12, 14, 16, 24, 32)
"""Bits of the usual ranges, each from 0 to 2^bits - 1."""
RINGING = 1.02
"""Resampling carries floats this little beyond their range."""
LARGEST_UNIT = 1.5
"""Floats up to here are taken as 0 to 1, clipped."""
SMALLEST_BYTE = 16.0
"""Floats up to here have a range of their own, beyond it one of integers."""

BITS_PER_SAMPLE, PHOTOMETRIC, MAX_SAMPLE, SAMPLE_FORMAT, SMAX_SAMPLE = 258, 262, 281, 339, 341
"""Tags of TIFF."""


def is_deep(file: Image.Image) -> bool:
    """Whether a picture, opened and not yet loaded, has more than eight bits in a channel."""
    return file.mode.startswith(("I", "F")) or _raw_mode(file).startswith(("RGB;16", "RGBA;16", "LA;16"))


def to_eight_bits(file: Image.Image, content: bytes) -> tuple[Image.Image, str]:
    """A deep picture as one of eight bits.

    Args:
        file: opened from ``content``, of which :func:`is_deep` holds.
        content: the bytes of the file.

    Returns:
        The picture (mode L, RGB or RGBA), and the range in words.
    """
    tags = getattr(file, "tag_v2", {})
    stated = 65535.0 if file.format == "PPM" else _stated(tags)  # Pillow brings a PPM to its own 16 bits
    if file.mode.startswith(("I", "F")):
        file.load()
        greys = np.asarray(file)
        if file.mode == "I" and (_first(tags, BITS_PER_SAMPLE), _first(tags, SAMPLE_FORMAT)) == (32, 1):
            greys = greys.view(np.uint32)
        shown, words = scale(greys, stated)
        white_is_zero = _first(tags, PHOTOMETRIC) == 0
        return Image.fromarray(255 - shown if white_is_zero else shown), words
    raw_mode = _raw_mode(file)
    file.load()  # Pillow keeps the upper eight bits of each channel
    colours = file.getbands()[: 1 if raw_mode.startswith("LA") else 3]
    largest = max(np.asarray(file.getchannel(colour)).max() for colour in colours)
    if largest >= 64:  # of the upper eight bits: it takes 15 or 16 to hold it
        return file, "16 bits"
    values = _all_bits(content, file.size)
    if values is None:
        return file, "their upper 8 bits"
    shown, words = scale(values[..., :3], stated)
    if values.shape[2] == 4:
        shown = np.dstack([shown, (values[..., 3] >> 8).astype(np.uint8)])
    return Image.fromarray(shown), words


def scale(values: np.ndarray, stated: float | None = None) -> tuple[np.ndarray, str]:
    """Values of any range as 0 to 255, uint8 of the same shape.

    Args:
        values: integers or floats; what is not finite is black.
        stated: the largest value that the file says it may have.

    Returns:
        The values, and the range in words.
    """
    floats = values.dtype.kind == "f"
    if floats:
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if floats and low >= high * (1 - RINGING):
        values = np.clip(values, 0, None)
    elif low < 0:
        if floats and low >= -RINGING and high <= RINGING:
            return _linear(values, -1.0, 1.0), "-1 to 1"
        return _linear(values, low, high), "their own least to largest"
    if stated is not None and stated >= high:
        return _linear(values, 0.0, stated), f"0 to {stated:g}, as stated"
    if floats and high <= LARGEST_UNIT:
        return _linear(values, 0.0, 1.0), "0 to 1"
    if floats and high <= SMALLEST_BYTE:
        return _linear(values, 0.0, high), "0 to their own largest"
    bits = _bits(high / RINGING if floats else high)
    if floats or bits is None:
        most = high if bits is None else 2.0**bits - 1
        return _linear(values, 0.0, most), f"0 to {most:g}"
    return (values >> (bits - 8)).astype(np.uint8), f"{bits} bits"


def _bits(high: float) -> int | None:
    return next((bits for bits in DEPTHS if high <= 2.0**bits - 1), None)


def _linear(values: np.ndarray, low: float, high: float) -> np.ndarray:
    shown = values.astype(np.float32)  # in place from here on: these are the largest pictures in memory
    shown -= np.float32(low)
    shown *= np.float32(255 / max(high - low, 1e-30))
    np.rint(np.clip(shown, 0, 255, out=shown), out=shown)
    return shown.astype(np.uint8)


def _stated(tags: Any) -> float | None:
    bits = _first(tags, BITS_PER_SAMPLE)
    if isinstance(bits, int) and 8 < bits < 16:
        return 2.0**bits - 1
    most = _first(tags, SMAX_SAMPLE) or _first(tags, MAX_SAMPLE)
    return float(most) if isinstance(most, int | float) and most > 0 else None


def _first(tags: Any, tag: int) -> Any:
    value = tags.get(tag)
    return value[0] if isinstance(value, Sequence) and value and not isinstance(value, str) else value


def _raw_mode(file: Image.Image) -> str:
    tiles = getattr(file, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _all_bits(content: bytes, size: tuple[int, int]) -> np.ndarray | None:
    """All 16 bits of a channel: (H, W, 3) or (H, W, 4), as R, G, B, alpha; None if not to be had."""
    import cv2  # Pillow has no picture of 16 bits in colour

    values = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    width, height = size
    if values is None or values.dtype != np.uint16 or values.ndim != 3 or values.shape[:2] != (height, width):
        return None
    return values[..., [2, 1, 0, 3][: values.shape[2]]] if values.shape[2] in (3, 4) else None
