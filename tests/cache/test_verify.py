from pathlib import Path

import numpy as np
import pytest

from tests.cache import synthetic_teacher as synthetic
from tests.cache.damage import first_byte, flip
from wsdkd.cache.format import ARRAYS, CacheError
from wsdkd.cache.manifest import read_manifest
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.verify import verify_cache


def damages(cache: Path) -> list[str]:
    return [str(damage) for _, found in verify_cache(cache) for damage in found]


def test_a_whole_cache_passes(cache: Path) -> None:
    assert [name for name, found in verify_cache(cache)] == [f"shard-0000{n}.h5" for n in range(3)]
    assert damages(cache) == []


@pytest.mark.parametrize("array", ARRAYS)
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("block", [1, 10_000])
def test_one_flipped_bit_is_placed(
    cache: Path, monkeypatch: pytest.MonkeyPatch, array: str, mirrored: bool, block: int
) -> None:
    monkeypatch.setattr("wsdkd.cache.verify.BLOCK_BYTES", block)
    path = cache / "shard-00001.h5"
    flip(path, first_byte(path, array, 3, mirrored))
    assert damages(cache) == [f"shard-00001.h5: {array}: image img-0011: its checksum differs"]


def test_a_damaged_list_of_images_is_named(cache: Path) -> None:
    path = cache / "images.parquet"
    flip(path, path.stat().st_size // 2)
    assert [told.partition(":")[0] for told in damages(cache)] == ["images.parquet"]
    with pytest.raises(CacheError, match=r"images\.parquet: damaged or of another cache"):
        TeacherCache(cache)
    path.unlink()
    assert [told.partition(";")[0] for told in damages(cache)] == ["images.parquet: no such file"]
    with pytest.raises(CacheError, match=r"images\.parquet: no such file"):
        TeacherCache(cache)


def test_two_damages_are_both_placed(cache: Path) -> None:
    path = cache / "shard-00001.h5"
    flip(path, first_byte(path, "features", 3))
    flip(path, first_byte(path, "regions", 7))
    assert damages(cache) == [
        "shard-00001.h5: regions: image img-0015: its checksum differs",
        "shard-00001.h5: features: image img-0011: its checksum differs",
    ]


def test_a_flipped_bit_anywhere_is_found(cache: Path) -> None:
    path = cache / "shard-00000.h5"
    whole = path.read_bytes()
    for offset in np.linspace(0, len(whole) - 1, 200).astype(int):
        flip(path, int(offset))
        assert damages(cache), offset
        path.write_bytes(whole)


def test_bytes_of_a_chunk_that_no_image_uses_count_too(cache: Path) -> None:
    path = cache / "shard-00002.h5"
    _, stop = read_manifest(cache).shards[2].structure.rows[-1]
    flip(path, stop - 1)
    assert damages(cache) == ["shard-00002.h5: its SHA-256 differs from the manifest's, in bytes of no image"]


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
    assert f"it has {len(data)} bytes, cache.json says {len(data) + 1}" in truncated
    assert "damaged or of another cache: its structure" in foreign
