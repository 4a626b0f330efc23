"""Photographs laid out in tar shards, in which each is one stretch; see :mod:`wsdkd.data.photographs`."""

import io
import tarfile
from pathlib import Path
from types import TracebackType

from wsdkd.ground.reading import stretch_of

SHARD_BYTES = 256 << 20
"""A shard takes photographs up to this size: for DVC few files, and none that takes long."""

_SUFFIXES = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"RIFF": ".webp", b"GIF8": ".gif", b"BM": ".bmp"}


class Unpacked:
    """A folder of shards that photographs are added to; the same ones give the same bytes.

    Args:
        folder: an empty one.
        shard_bytes: of a shard, about.
    """

    def __init__(self, folder: Path, shard_bytes: int = SHARD_BYTES):
        self._folder, self._shard_bytes = folder, shard_bytes
        self._tar: tarfile.TarFile | None = None
        self._shards = self._count = 0

    def __enter__(self) -> "Unpacked":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tar is not None:
            self._tar.close()

    def add(self, content: bytes) -> str:
        """Add the content of a picture's file.

        Returns:
            Its path: a stretch of a file below the folder.
        """
        if self._tar is None or self._tar.offset >= self._shard_bytes:
            if self._tar is not None:
                self._tar.close()
            self._shards += 1
            path = self._folder / f"{self._shards:05d}.tar"
            self._tar = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        suffix = next((suffix for start, suffix in _SUFFIXES.items() if content.startswith(start)), "")
        entry = tarfile.TarInfo(f"{self._count:08d}{suffix}")
        entry.size = len(content)
        self._count += 1
        start = self._tar.offset + tarfile.BLOCKSIZE
        self._tar.addfile(entry, io.BytesIO(content))
        return stretch_of(f"{self._shards:05d}.tar", start, len(content))
