"""One image file, read and decoded whole.

Every process that decodes imports this module, so it imports neither tables nor parameters.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from wsdkd.data.images import ImageError, Measured, TooLargeError, measure, read_picture
from wsdkd.datasets.reading.paths import LINKED_FOLDER, LINKED_OUTSIDE, Links, refusal
from wsdkd.datasets.reading.rejections import Cause
from wsdkd.ground.reading import file_of


@dataclass(frozen=True)
class Checked:
    """What was found in an image file: its size, its orientation, and the SHA-256 of its bytes."""

    measured: Measured
    digest: str


@dataclass(frozen=True)
class Unusable:
    """Why an image file cannot be used."""

    reason: str
    cause: Cause


_LINKS = {LINKED_OUTSIDE: Cause.LINKED, LINKED_FOLDER: Cause.LINKED_FOLDER}


def check_file(path: str, root: Path, max_pixels: int, links: Links) -> Checked | Unusable:
    """Read and decode one image.

    Args:
        path: in its normal spelling, relative to ``root``; of a file, or of a stretch of one.
        root: the dataset's folder.
        max_pixels: a larger image is refused.
        links: where symbolic links may lead.

    Returns:
        What was found, or why the image cannot be used.
    """
    reason = refusal(root, path, links)
    if reason is not None:
        return Unusable(reason, _LINKS.get(reason, Cause.OUTSIDE))
    try:
        content = read_picture(root / path)
        return Checked(measure(content, max_pixels), hashlib.sha256(content).hexdigest())
    except TooLargeError as error:
        return Unusable(str(error), Cause.TOO_LARGE)
    except ImageError as error:
        return Unusable(str(error), Cause.DAMAGED if os.path.lexists(root / file_of(path)) else Cause.MISSING)
