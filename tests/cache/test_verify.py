from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.cache import synthetic_teacher as synthetic
from wsdkd.cache.format import ARRAYS, INDEX_ARRAYS
from wsdkd.cache.verify import verify_cache


def damages(cache: Path) -> list[str]:
    return [str(damage) for _, found in verify_cache(cache) for damage in found]


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 4
    path.unlink()  # the file is shared with the scratch folder
    path.write_bytes(data)


def byte_of(path: Path, array: str, row: int) -> int:
    """Where the first byte of a row stands in the file."""
    with h5py.File(path) as file:
        dataset = file[array]
        if dataset.chunks is None:
            return int(dataset.id.get_offset()) + row * dataset.dtype.itemsize
        row_bytes = dataset.dtype.itemsize * int(np.prod(dataset.shape[1:], dtype=int))
        chunk = next(
            info
            for info in map(dataset.id.get_chunk_info, range(dataset.id.get_num_chunks()))
            if info.chunk_offset[0] <= row < info.chunk_offset[0] + dataset.chunks[0]
        )
        return int(chunk.byte_offset) + (row - chunk.chunk_offset[0]) * row_bytes


def test_a_whole_cache_passes(cache: Path) -> None:
    assert [name for name, found in verify_cache(cache)] == [f"shard-0000{n}.h5" for n in range(3)]
    assert damages(cache) == []


@pytest.mark.parametrize("array", ARRAYS)
def test_one_flipped_bit_is_placed(cache: Path, array: str) -> None:
    path = cache / "shard-00001.h5"
    with h5py.File(path) as file:
        region, chosen = int(file["region_offsets"][3]), int(file["chosen_offsets"][6])
    row = {"regions": region, "logits": 2 * region}
    flip(path, byte_of(path, array, row.get(array, chosen)))
    assert damages(cache) == [f"shard-00001.h5: {array}: image img-0011: its checksum differs"]


@pytest.mark.parametrize("array", [*INDEX_ARRAYS, *(f"checksums.{name}" for name in ARRAYS)])
def test_a_flipped_bit_of_the_index_is_found(cache: Path, array: str) -> None:
    path = cache / "shard-00002.h5"
    flip(path, byte_of(path, array, 1))
    (damage,) = damages(cache)
    assert damage.startswith(f"shard-00002.h5: {array}:")


def test_a_flipped_bit_anywhere_is_found(cache: Path) -> None:
    path = cache / "shard-00000.h5"
    whole = path.read_bytes()
    for offset in np.linspace(0, len(whole) - 1, 25).astype(int):
        flip(path, int(offset))
        assert damages(cache), offset
        path.write_bytes(whole)


def test_a_missing_a_cut_and_a_foreign_shard_are_found(cache: Path, tmp_path: Path) -> None:
    (cache / "shard-00000.h5").unlink()
    cut = cache / "shard-00001.h5"
    data = cut.read_bytes()[:-1]
    cut.unlink()
    cut.write_bytes(data)
    other = {**synthetic.PARTS, "teacher_weights": "0" * 64}
    synthetic.write(tmp_path / "other", tmp_path / "s", synthetic.make_rows(20), parts=other)
    (tmp_path / "other" / "shard-00002.h5").replace(cache / "shard-00002.h5")
    missing, truncated, foreign = damages(cache)
    assert "missing" in missing
    assert "incomplete or damaged" in truncated
    assert "of another cache" in foreign
