"""What the first bytes of a file show it to be."""

import mmap
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from wsdkd.datasets.tables.arrow import holds_pictures

LOOKED_AT = 2048
"""Bytes of a file that show what it is."""

_ANNOTATION = re.compile(rb".*<annotation[\s>]", re.DOTALL)
LIST = re.compile(
    rb"""\s*\[\s*\{.*\.(jpe?g|png|webp|tiff?|bmp)" | \s*\{\s*"[^"\n]*\.(jpe?g|png|webp|tiff?|bmp)"\s*:
    | \s*\{\s*"classes"\s*:.*"labels"\s*:\s*\{""",
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
"""A list of rows, labels by path, or FiftyOne's."""
WITHIN = re.compile(rb'\s*\{.*?"(images|data|items|samples|files|train|training)"\s*:\s*\[\s*\{', re.DOTALL)
"""A list of rows within something, of COCO or of others."""
VIA = re.compile(
    rb'\s*\{(.*?"_via_|\s*"[^"]*"\s*:\s*\{[^{}]*"filename"\s*:[^{}]*"(regions|size)"\s*:)', re.DOTALL
)
"""Of the VGG Image Annotator, a project or what it exports."""
NAMES = re.compile(rb'\s*\{\s*"[^"\n]*"\s*:\s*\[\s*(\]|"[^"\n]*"\s*[,\]])')
"""Lists of names by something: labels by path or paths by label, if it names pictures."""


def is_annotation(path: Path) -> bool:
    """Whether it is VOC's XML of a picture; ``<annotations>`` is CVAT's own."""
    return _ANNOTATION.match(head_of(path)) is not None


def is_coco(path: Path) -> bool:
    """Whether it is JSON of COCO: by its keys, wherever in it they stand."""
    if not WITHIN.match(head_of(path)):
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return all(content.find(key) >= 0 for key in (b'"annotations"', b'"categories"', b'"image_id"'))


def head_of(path: Path) -> bytes:
    """Its first bytes; none where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(LOOKED_AT)
    except OSError:
        return b""


def has_pictures(path: Path) -> bool:
    """Whether it is Parquet or Arrow with pictures inside, by its schema or, of Arrow, its name."""
    if path.suffix == ".arrow":
        return not path.name.startswith("cache-")
    if path.suffix != ".parquet":
        return False
    try:
        return any(holds_pictures(field.type) for field in pq.read_schema(path))
    except (pa.ArrowException, OSError):
        return False
