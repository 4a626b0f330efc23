"""Samples of tar shards: files of one name but for their suffixes, as WebDataset has them.

Shards are read in order, by their headers and the small files alone: a picture stays where it is, as a
stretch of its shard. Nothing is ever written by a name that stands in a shard.
"""

import json
import lzma
import posixpath
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from wsdkd.datasets.packed.unpack import Unpacked
from wsdkd.datasets.reading.picture_files import is_picture
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.tables.arrow import first_line
from wsdkd.ground.progress import track
from wsdkd.ground.reading import stretch_of

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
MOST_BYTES, MOST_PICTURE_BYTES = 1 << 20, 1 << 30
"""Of a file of labels, and of a picture that is unpacked."""
LOOKED_AT = 200
"""Files of a shard that show whether it has labels."""
TEXTS = ("cls", "txt", "text", "label", "labels", "tags")
"""Suffixes of files of labels, but for JSON's."""


@dataclass
class Sample:
    """One sample of a shard.

    Attributes:
        shard: its path below the root.
        key: name of its files without their suffixes, with the folder they have in the shard.
        path: of its picture, see :mod:`wsdkd.data.photographs`; empty where it has none.
        reason: why it cannot be used; None where it can.
        told: what its other files tell: values by key of its JSON file, or texts by suffix.
        plain: whether the picture's suffix is one alone.
    """

    shard: str
    key: str
    path: str = ""
    reason: str | None = None
    told: dict[str, Any] = field(default_factory=dict)
    plain: bool = False


def shards_among(files: Sequence[str]) -> list[str]:
    """The tar files."""
    return [path for path in files if path.lower().endswith(SUFFIXES)]


def holds_labels(path: Path) -> bool:
    """Whether one of the first files of a shard is one of labels; so it is taken of one that is damaged."""
    try:
        with tarfile.open(path, "r:*") as tar:
            suffixes = (
                posixpath.basename(member.name).rpartition(".")[2] for member in islice(tar, LOOKED_AT)
            )
            return any(suffix.lower() in ("json", *TEXTS) for suffix in suffixes)
    except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError, ValueError):
        return True


def read_samples(
    root: Path, shards: Sequence[str], unpack: Unpacked | None, notes: list[str]
) -> Iterator[Sample]:
    """The samples of all shards, in order.

    Args:
        root: the dataset's folder.
        shards: paths below it.
        unpack: takes the pictures, where some shards are compressed and have no stretches.
        notes: takes what is in doubt.

    Raises:
        DatasetError: a shard is damaged.
    """
    for shard in track(shards, "shards", total=len(shards), unit="shard"):
        samples: dict[str, Sample] = {}
        path, end = root / shard, 0
        with _naming(path), tarfile.open(path, "r:" if unpack is None else "r:*") as tar:
            for member in tar:
                end = member.offset_data + -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
                folder, slash, name = member.name.rpartition("/")
                stem, _, suffix = name.partition(".")
                if stem and not member.isdir():
                    key = f"{folder}{slash}{stem}"
                    sample = samples.setdefault(key, Sample(shard, key))
                    _add(sample, suffix.lower(), member, tar, unpack)
        if unpack is None and path.stat().st_size < end + tarfile.BLOCKSIZE:
            notes.append(f"{shard} has no mark of its end, so that it may be cut off")
        for sample in samples.values():
            if not sample.path and sample.reason is None:
                sample.reason = "no picture in its sample"
            yield sample


def _add(
    sample: Sample, suffix: str, member: tarfile.TarInfo, tar: tarfile.TarFile, unpack: Unpacked | None
) -> None:
    picture = is_picture(f"_.{suffix}")
    if not picture and suffix != "json" and suffix not in TEXTS:
        return
    most = MOST_PICTURE_BYTES if picture else MOST_BYTES
    if not member.isreg() or member.issparse():
        sample.reason = f"{member.name} is a link, or a file with holes"
    elif member.size > most:
        sample.reason = f"{member.name}: {member.size:,} bytes, more than the limit of {most:,}"
    elif not picture:
        _add_text(sample, suffix, member.name, _content(member, tar))
    elif sample.path and "." not in suffix and sample.plain:
        sample.reason = "two pictures in one sample"
    elif not sample.path or "." not in suffix:  # x.jpg is the picture, where x.mask.png is another
        sample.plain = "." not in suffix
        sample.path = (
            stretch_of(sample.shard, member.offset_data, member.size)
            if unpack is None
            else unpack.add(_content(member, tar))
        )


def _add_text(sample: Sample, suffix: str, name: str, content: bytes) -> None:
    try:
        text = content.decode("utf-8-sig")
        value = json.loads(text) if suffix == "json" else [line.strip() for line in text.splitlines()]
    except (ValueError, RecursionError) as error:
        sample.reason = f"{name}: {'not JSON' if suffix == 'json' else 'not UTF-8 text'}: {first_line(error)}"
        return
    if isinstance(value, dict):
        sample.told.update({str(key): each for key, each in value.items()})
    elif suffix == "json":
        sample.told["json"] = value
    else:  # of one line, what separates the labels in it is still to be seen
        lines = [line for line in value if line]
        sample.told[suffix] = lines[0] if len(lines) == 1 else lines


def _content(member: tarfile.TarInfo, tar: tarfile.TarFile) -> bytes:
    file = tar.extractfile(member)
    content = b"" if file is None else file.read()
    if len(content) != member.size:
        raise tarfile.ReadError(f"{member.name} is cut off")
    return content


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
        raise DatasetError(f"{path}: damaged, or no tar file: {first_line(error)}") from None
