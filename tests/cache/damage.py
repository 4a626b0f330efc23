"""One flipped bit in a cache's file."""

from pathlib import Path

import h5py

from wsdkd.cache.format import IMAGE_ARRAYS, VIEWS
from wsdkd.cache.shard import read_index


def flip(path: Path, offset: int) -> None:
    """Flip a bit of the byte at a place in a file, which stops being a link to another one."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 4
    path.unlink()
    path.write_bytes(data)


def first_byte(path: Path, array: str, image: int, mirrored: bool = False) -> int:
    """Where the rows of an image, or of one of its views, begin in a shard's file."""
    with h5py.File(path) as file:
        part = image if array in IMAGE_ARRAYS else VIEWS * image + mirrored
        row, dataset = int(read_index(file).bounds(array)[part]), file[array]
        row_bytes = dataset[:1].nbytes
        chunk = next(
            info
            for info in map(dataset.id.get_chunk_info, range(dataset.id.get_num_chunks()))
            if info.chunk_offset[0] <= row < info.chunk_offset[0] + dataset.chunks[0]
        )
        return int(chunk.byte_offset) + (row - chunk.chunk_offset[0]) * row_bytes
