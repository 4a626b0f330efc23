import gc
import json
import os
import pickle
import resource
import shutil
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from torch.utils.data import DataLoader, Dataset

from tests.cache import synthetic_teacher as synthetic
from tests.cache.damage import first_byte, flip
from wsdkd.cache.format import IMAGE_ARRAYS, SCHEMA_VERSION, VIEW_ARRAYS, CacheError
from wsdkd.cache.manifest import read_manifest
from wsdkd.cache.reader import SHARDS_WITHOUT_LIMIT, TeacherCache, most_open
from wsdkd.cache.view import CachedView
from wsdkd.ground.digests import digest


class Views(Dataset[tuple[str, bool, CachedView, int]]):
    def __init__(self, cache: TeacherCache) -> None:
        self.cache = cache

    def __len__(self) -> int:
        return 2 * len(self.cache.image_ids)

    def __getitem__(self, place: int) -> tuple[str, bool, CachedView, int]:
        image_id, mirrored = self.cache.image_ids[place // 2], bool(place % 2)
        return image_id, mirrored, self.cache.view(image_id, mirrored), os.getpid()


def untouched(item: object) -> object:
    return item


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_read_what_the_parent_reads(cache: Path, method: str) -> None:
    reader = TeacherCache(cache)
    # Files that are open in the parent must do no harm in its children.
    expected = [
        reader.view(image_id, mirrored) for image_id in reader.image_ids for mirrored in (False, True)
    ]
    loader = DataLoader(
        Views(reader),
        batch_size=None,
        collate_fn=untouched,
        num_workers=2,
        multiprocessing_context=method,
    )
    found = list(loader)
    assert {pid for *_, pid in found}.isdisjoint({os.getpid()})
    assert len({pid for *_, pid in found}) == 2
    assert [(image_id, mirrored) for image_id, mirrored, _, _ in found] == [
        (image_id, mirrored) for image_id in reader.image_ids for mirrored in (False, True)
    ]
    for (_, _, view, _), wanted in zip(found, expected, strict=True):
        for name, values in wanted._asdict().items():
            np.testing.assert_array_equal(getattr(view, name), values)
    assert len(reader.view("img-0003", True).boxes) > 0  # the parent's files are still good
    reader.close()


def open_files() -> set[str]:
    return {str(link.resolve()) for link in Path("/proc/self/fd").iterdir()}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_files_open_at_the_first_read_and_close(cache: Path) -> None:
    def count() -> int:
        gc.collect()
        return sum(str(cache) in name for name in open_files())

    with TeacherCache(cache) as reader:
        assert count() == 0
        reader.view("img-0000", False)
        reader.view("img-0001", True)
        assert count() == 1
        copy = pickle.loads(pickle.dumps(reader))
        assert copy.view("img-0009", False).boxes.shape[1] == 4
        copy.close()
        assert count() == 1
    assert count() == 0
    assert len(reader.view("img-0000", False).boxes) > 0
    reader.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_few_shards_are_open_at_a_time(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [f"img-{place:04d}" for place in (0, 9, 19, 1, 10, 0)]  # of three shards, in turns
    with TeacherCache(cache) as unbounded:
        expected = [unbounded.view(image_id, False) for image_id in ids]
    monkeypatch.setattr("wsdkd.cache.reader.most_open", lambda: 2)
    with TeacherCache(cache) as reader:
        for image_id, wanted in zip(ids, expected, strict=True):
            for array, values in wanted._asdict().items():
                np.testing.assert_array_equal(getattr(reader.view(image_id, False), array), values)
            assert sum(name.startswith(str(cache)) for name in open_files()) <= 2


def test_half_of_the_files_that_a_process_may_open_are_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, expected in ((1024, 512), (1, 1), (resource.RLIM_INFINITY, SHARDS_WITHOUT_LIMIT)):
        monkeypatch.setattr("resource.getrlimit", lambda _, limit=limit: (limit, limit))
        assert most_open() == expected


def test_a_fitting_cache_is_accepted_without_opening_a_shard(cache: Path) -> None:
    for shard in cache.glob("*.h5"):
        shard.unlink()
    TeacherCache(cache).check(synthetic.CLASSES, synthetic.make_rows(20), {"outputs": "1"})


def test_fewer_images_than_cached_are_accepted(cache: Path) -> None:
    TeacherCache(cache).check(synthetic.CLASSES, synthetic.make_rows(11))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (synthetic.CLASSES[::-1], "another order"),
        ([*synthetic.CLASSES[:-1], "horse"], "not there: horse; only there: fish"),
        (synthetic.CLASSES[:-1], "only there: fish"),
    ],
)
def test_other_classes_are_refused_by_name(cache: Path, classes: list[str], message: str) -> None:
    with pytest.raises(CacheError, match=f"made for other classes: .*{message}"):
        TeacherCache(cache).check(classes, synthetic.make_rows(20))


def test_other_images_are_refused_by_name(cache: Path) -> None:
    rows = synthetic.make_rows(20)
    with pytest.raises(CacheError, match="1 of 21 are not in it, the first is img-0020"):
        TeacherCache(cache).check(synthetic.CLASSES, synthetic.make_rows(21))
    with pytest.raises(CacheError, match="image img-0013 is another picture"):
        TeacherCache(cache).check(synthetic.CLASSES, [*rows[:13], synthetic.repainted(rows[13]), *rows[14:]])
    with pytest.raises(CacheError, match="img-0020 is not in it"):
        TeacherCache(cache).view("img-0020", False)


def test_another_teacher_is_refused_by_name(cache: Path) -> None:
    with pytest.raises(CacheError, match=r"different in the teacher's weights \(teacher_weights\); "):
        TeacherCache(cache).check(
            synthetic.CLASSES,
            synthetic.make_rows(20),
            {"teacher_weights": "0" * 64, "outputs": "1"},
        )


def test_a_shard_of_another_cache_is_refused(cache: Path, tmp_path: Path) -> None:
    relabelled = [replace(row, labels=(0, 1, 2)) for row in synthetic.make_rows(20)]
    synthetic.write(tmp_path / "other", tmp_path / "other-scratch", relabelled)
    shutil.copy(tmp_path / "other" / "shard-00001.h5", cache)
    with TeacherCache(cache) as reader:
        assert len(reader.view("img-0001", False).boxes) > 0
        with pytest.raises(CacheError, match=r"shard-00001\.h5: damaged or of another cache: its structure"):
            reader.view("img-0009", False)


def test_a_missing_shard_is_named_and_the_others_serve(cache: Path) -> None:
    (cache / "shard-00001.h5").unlink()
    with TeacherCache(cache) as reader:
        assert len(reader.view("img-0000", False).boxes) > 0
        with pytest.raises(CacheError, match=r"shard-00001\.h5: this shard is missing"):
            reader.view("img-0009", False)


def test_a_cut_shard_is_refused(cache: Path) -> None:
    path = cache / "shard-00000.h5"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        CacheError, match=r"shard-00000\.h5: incomplete or of another cache: it has \d+ bytes"
    ):
        TeacherCache(cache).view("img-0000", False)


@pytest.mark.parametrize("array", VIEW_ARRAYS)
@pytest.mark.parametrize("mirrored", [False, True])
def test_damaged_rows_are_refused_at_their_first_read(cache: Path, array: str, mirrored: bool) -> None:
    with TeacherCache(cache) as reader:
        expected = reader.view("img-0011", mirrored)
    flip(cache / "shard-00001.h5", first_byte(cache / "shard-00001.h5", array, 3, mirrored))
    with TeacherCache(cache) as reader:
        for _ in range(2):  # having refused them once does not make them good
            with pytest.raises(CacheError, match=rf"shard-00001\.h5: {array}: image img-0011: damaged"):
                reader.view("img-0011", mirrored)
        assert len(reader.view("img-0010", mirrored).boxes) > 0
        if array != "regions":  # which both views share
            found = reader.view("img-0011", not mirrored)
            assert found.boxes.tobytes() == expected.boxes.tobytes()


@pytest.mark.parametrize("array", IMAGE_ARRAYS)
def test_damaged_best_regions_are_refused(cache: Path, array: str) -> None:
    with TeacherCache(cache) as reader:
        assert reader.best_regions("img-0011").shape == (len(reader.classes), 4)
    flip(cache / "shard-00001.h5", first_byte(cache / "shard-00001.h5", array, 3))
    with TeacherCache(cache) as reader:
        with pytest.raises(CacheError, match=rf"shard-00001\.h5: {array}: image img-0011: damaged"):
            reader.best_regions("img-0011")
        assert len(reader.best_regions("img-0010")) == len(reader.classes)
        with pytest.raises(CacheError, match="image img-9999 is not in it"):
            reader.best_regions("img-9999")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a fork")
def test_what_a_worker_compared_no_other_compares_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sums: list[int] = []

    def crc32(data: memoryview) -> int:
        sums.append(zlib.crc32(data))
        return sums[-1]

    reader = TeacherCache(cache)
    child = os.fork()
    if child == 0:
        reader.view("img-0003", True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    monkeypatch.setattr("wsdkd.cache.reader.zlib", SimpleNamespace(crc32=crc32))
    reader.view("img-0003", True)
    assert sums == []
    reader.view("img-0003", False)
    assert len(sums) == len(VIEW_ARRAYS)
    reader.view("img-0003", False)
    assert len(sums) == len(VIEW_ARRAYS)
    reader.close()


def test_hdf5_never_sees_bytes_of_its_own_that_are_not_as_written(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may loop for ever over one flipped bit of them."""
    path = cache / "shard-00000.h5"
    (entry, *_) = read_manifest(cache).shards
    inside = [range(*stretch) for stretch in entry.structure.rows]
    outside = [place for place in range(entry.bytes) if not any(place in stretch for stretch in inside)]
    assert 0 < len(outside) < entry.bytes / 2
    whole = path.read_bytes()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("HDF5 opened a damaged file")

    monkeypatch.setattr("wsdkd.cache.shard.h5py", SimpleNamespace(File=refuse))
    for place in np.linspace(0, len(outside) - 1, 200).astype(int):
        flip(path, outside[place])
        with pytest.raises(CacheError, match="its structure is not the one"):
            TeacherCache(cache).view("img-0000", False)
        path.write_bytes(whole)


def sealed(data: dict[str, Any]) -> str:
    return json.dumps({**data, "digest": digest(data)})


@pytest.mark.parametrize(
    "edit",
    [
        lambda data: data["shards"].pop(),
        lambda data: data["classes"].reverse(),
        lambda data: data.update(ids_sha256="0" * 64),
        lambda data: data["fingerprint"].update(outputs="2"),
        lambda data: data["settings"].clear(),
        lambda data: data.pop("digest"),
    ],
)
def test_an_edited_manifest_is_refused(cache: Path, edit: Callable[[Any], object]) -> None:
    path = cache / "cache.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    edit(data)
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(CacheError, match=r"cache\.json: digest: is not that of what the file holds"):
        TeacherCache(cache)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no finished cache"),
        ("{", "not JSON"),
        ("[]", "schema_version: None"),
        (json.dumps({"schema_version": 2}), f"schema_version: 2, but this code reads {SCHEMA_VERSION}"),
        (json.dumps({"schema_version": SCHEMA_VERSION}), "digest: is not that of what the file holds"),
        (sealed({"schema_version": SCHEMA_VERSION}), "classes: Field required"),
    ],
)
def test_a_bad_manifest_is_refused(cache: Path, text: str | None, message: str) -> None:
    if text is None:
        (cache / "cache.json").unlink()
    else:
        (cache / "cache.json").write_text(text)
    with pytest.raises(CacheError, match=rf"cache\.json.*{message}"):
        TeacherCache(cache)
