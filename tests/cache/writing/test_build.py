import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.cache import synthetic_teacher as synthetic
from wsdkd.cache.format import ARRAYS, DTYPES, PACKED_ARRAYS, CacheError
from wsdkd.cache.manifest import read_manifest
from wsdkd.cache.params import CacheParams
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.shard import open_shard
from wsdkd.cache.verify import verify_cache
from wsdkd.cache.writing.build import CacheBuilder
from wsdkd.cache.writing.fingerprint import CommonFingerprint
from wsdkd.cache.writing.scratch import keep_shards, only_writer, write_digest
from wsdkd.data.tables import ImageRow
from wsdkd.ground.digests import sha256


def test_equal_inputs_give_equal_bytes_at_another_time(cache: Path, tmp_path: Path) -> None:
    time.sleep(1.1)
    synthetic.write(tmp_path / "again", tmp_path / "other", synthetic.make_rows(20))
    assert synthetic.contents(tmp_path / "again") == synthetic.contents(cache)


def test_several_processes_write_disjoint_shards_and_show_one_bar(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = synthetic.make_rows(20)
    barrier = threading.Barrier(2)
    done: tuple[list[str], list[str]] = ([], [])

    def write(index: int) -> None:
        forward = synthetic.make_forward(synthetic.make_proposals(rows), computed(done[index]))
        who = synthetic.OneOfSeveral(index, barrier)
        synthetic.builder(rows).write(tmp_path / "two", tmp_path / "other", forward, who)

    capsys.readouterr()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(2)))
    # Shards of eight images: the first and the third, and the second.
    ids = [row.image_id for row in rows]
    assert done == ([*ids[:8], *ids[16:]], ids[8:16])
    assert synthetic.contents(tmp_path / "two") == synthetic.contents(cache)
    bars = capsys.readouterr().err
    assert bars.count("12/12") == bars.count("100%") == 1
    assert "the first of 2 processes" in bars


def test_both_views_hold_what_the_teacher_said_in_half_precision(cache: Path) -> None:
    rows = synthetic.make_rows(20)
    proposals = synthetic.make_proposals(rows)
    with TeacherCache(cache) as reader:
        for row in rows:
            for mirrored in (False, True):
                expected, found = (
                    synthetic.regions(row, proposals, mirrored),
                    reader.view(row.image_id, mirrored),
                )
                for name in ("class_logits", "detection_logits"):
                    halved = getattr(expected, name).astype(np.float16)
                    np.testing.assert_array_equal(getattr(found, name), halved)
                np.testing.assert_array_equal(found.boxes, expected.boxes)
                np.testing.assert_array_equal(found.objectness, expected.objectness)
                np.testing.assert_allclose(found.features, expected.features[found.chosen], rtol=5e-4)
                assert np.all(np.diff(found.confidence) <= 0)
                assert sorted(found.chosen) == list(range(len(expected.boxes)))
                assert found.class_logits.dtype == found.detection_logits.dtype == np.float16
                assert found.features.dtype == np.float16


def test_in_eight_bits_both_views_come_back_within_half_a_step(tmp_path: Path) -> None:
    rows = synthetic.make_rows(20)
    proposals = synthetic.make_proposals(rows)
    synthetic.write(tmp_path / "cache", tmp_path / "scratch", rows, bits=8)
    assert all(not damages for _, damages in verify_cache(tmp_path / "cache"))
    with TeacherCache(tmp_path / "cache") as reader, open_shard(tmp_path / "cache/shard-00000.h5") as file:
        assert reader.feature_dim == synthetic.FEATURES
        assert {name: file[name].dtype for name in ARRAYS} == DTYPES | dict.fromkeys(PACKED_ARRAYS, np.uint8)
        for row in rows:
            for mirrored in (False, True):
                expected = synthetic.regions(row, proposals, mirrored)
                found = reader.view(row.image_id, mirrored)
                pairs = [
                    (getattr(expected, name), getattr(found, name))
                    for name in ("class_logits", "detection_logits")
                ]
                for given, kept in (*pairs, (expected.features[found.chosen], found.features)):
                    assert kept.dtype == np.float32
                    half_a_step = np.ptp(given, axis=1, keepdims=True) / 255 / 2
                    assert (np.abs(kept - given) <= half_a_step * 1.02 + 1e-4).all()
                np.testing.assert_array_equal(found.boxes, expected.boxes)


def test_the_best_regions_alone_keep_features(tmp_path: Path) -> None:
    rows = synthetic.make_rows(10)
    synthetic.write(tmp_path / "cache", tmp_path / "scratch", rows, rois=3)
    reader = TeacherCache(tmp_path / "cache")
    counts = [len(reader.view(row.image_id, False).chosen) for row in rows]
    assert max(counts) == 3
    assert all(len(reader.view(row.image_id, True).features) <= 3 for row in rows)
    reader.close()


@pytest.mark.parametrize(("value", "message"), [(7e4, "float16 holds"), (np.nan, "not finite")])
@pytest.mark.parametrize("array", ["class_logits", "detection_logits", "features"])
@pytest.mark.parametrize("bits", [16, 8])
def test_what_half_precision_cannot_hold_is_refused(
    tmp_path: Path, array: str, value: float, message: str, bits: int
) -> None:
    rows = synthetic.make_rows(3)
    proposals = synthetic.make_proposals(rows)

    def forward(rows, mirrored):  # type: ignore[no-untyped-def]
        for row in rows:
            made = synthetic.regions(row, proposals, mirrored)
            if row.image_id == "img-0001" and mirrored:
                made = replace(made, **{array: getattr(made, array) + np.float32(value)})
            yield made

    with pytest.raises(CacheError, match=rf"img-0001: \w+: .*{message}|img-0001.*{message}"):
        synthetic.builder(rows, bits=bits).write(
            tmp_path / "cache", tmp_path / "scratch", forward, synthetic.OneProcess()
        )
    assert not (tmp_path / "cache").exists()
    assert not list((tmp_path / "scratch").rglob("*.h5"))


def test_outputs_of_another_image_are_refused(tmp_path: Path) -> None:
    rows = synthetic.make_rows(3)
    forward = synthetic.make_forward(synthetic.make_proposals(rows))
    with pytest.raises(CacheError, match="came for image img-0000"):
        synthetic.builder(rows).write(
            tmp_path / "cache",
            tmp_path / "scratch",
            lambda rows, mirrored: forward(rows[::-1], mirrored),
            synthetic.OneProcess(),
        )


def computed(into: list[str]):  # type: ignore[no-untyped-def]
    def seen(row: ImageRow, mirrored: bool) -> None:
        if not mirrored:
            into.append(row.image_id)

    return seen


def test_added_images_leave_finished_shards_untouched(tmp_path: Path) -> None:
    every = synthetic.make_rows(101)
    before = every[:50] + every[51:]
    folder, scratch = tmp_path / "cache", tmp_path / "scratch"
    synthetic.write(folder, scratch, before)
    old = synthetic.contents(folder)
    done: list[str] = []
    synthetic.write(folder, scratch, every, seen=computed(done))
    new = synthetic.contents(folder)
    assert done == ["img-0050"]
    assert {name: new[name] for name in old if name.endswith(".h5")} == {
        name: old[name] for name in old if name.endswith(".h5")
    }
    assert set(new) - set(old) == {"shard-00013.h5"}
    with TeacherCache(folder) as reader:
        reader.check(synthetic.CLASSES, every)
        assert len(reader.view("img-0050", True).boxes) > 0


def test_a_changed_picture_or_label_makes_its_shard_alone_anew(cache: Path, tmp_path: Path) -> None:
    rows = synthetic.make_rows(20)
    for changed in (synthetic.repainted(rows[9]), replace(rows[9], labels=(0, 1))):
        done: list[str] = []
        now = [*rows[:9], changed, *rows[10:]]
        synthetic.write(cache, tmp_path / "scratch", now, seen=computed(done))
        assert done == [row.image_id for row in rows[8:16]]
        rows = now


def test_another_teacher_keeps_nothing_and_the_old_scratch_goes(cache: Path, tmp_path: Path) -> None:
    done: list[str] = []
    other = {**synthetic.PARTS, "teacher_weights": "0" * 64}
    rows = synthetic.make_rows(20)
    synthetic.write(cache, tmp_path / "scratch", rows, seen=computed(done), parts=other)
    assert len(done) == 20
    (left,) = (path for path in (tmp_path / "scratch").iterdir() if path.is_dir())
    names = [f"shard-{number:05d}.h5" for number in range(3)]
    assert sorted(path.name for path in left.iterdir()) == sorted([*names, *(f"{n}.sha256" for n in names)])


def test_a_damaged_finished_shard_is_not_kept(cache: Path, tmp_path: Path) -> None:
    first = next((tmp_path / "scratch").rglob("shard-00001.h5"))
    first.unlink()
    data = bytearray((cache / "shard-00001.h5").read_bytes())
    with h5py.File(cache / "shard-00001.h5") as file:
        data[file["features"].id.get_chunk_info(0).byte_offset + 5] ^= 1
    first.write_bytes(data)
    done: list[str] = []
    synthetic.write(tmp_path / "new", tmp_path / "scratch", synthetic.make_rows(20), seen=computed(done))
    assert len(done) == 8
    assert synthetic.contents(tmp_path / "new") == synthetic.contents(cache)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda shard: shard.write_bytes(b""),
        lambda shard: shard.write_bytes(shard.read_bytes()[:-1]),
        lambda shard: shard.write_bytes(b"no HDF5" * 1000),
        lambda shard: shard.with_name(f"{shard.name}.sha256").unlink(),
        lambda shard: shard.with_name(f"{shard.name}.sha256").write_bytes(b""),
        lambda shard: shard.with_name(f"{shard.name}.sha256").write_bytes(b"\xff\xfe"),
    ],
)
def test_whatever_is_wrong_with_a_finished_shard_it_is_made_again(
    cache: Path, tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    shard = next((tmp_path / "scratch").rglob("shard-00001.h5"))
    whole = shard.read_bytes()
    shard.unlink()
    shard.write_bytes(whole)
    spoil(shard)
    done: list[str] = []
    synthetic.write(tmp_path / "new", tmp_path / "scratch", synthetic.make_rows(20), seen=computed(done))
    assert done == [f"img-{number:04d}" for number in range(8, 16)]
    assert synthetic.contents(tmp_path / "new") == synthetic.contents(cache)


@pytest.mark.parametrize("broken", ["attribute", "index", "array"])
def test_a_shard_with_its_digest_that_cannot_be_read_is_made_again(
    cache: Path, tmp_path: Path, broken: str
) -> None:
    """As one that a writer with a defect leaves: each kind fails in its own way."""
    shard = next((tmp_path / "scratch").rglob("shard-00001.h5"))
    whole = shard.read_bytes()
    shard.unlink()
    shard.write_bytes(whole)
    with h5py.File(shard, "r+") as file:
        if broken == "attribute":
            file.attrs["fingerprint"] = "{"
        elif broken == "index":
            del file["image_ids"]
            file["image_ids"] = np.array([b"\xff" * 8])
        else:
            del file["features"]
    write_digest(shard, sha256(shard))
    done: list[str] = []
    synthetic.write(tmp_path / "new", tmp_path / "scratch", synthetic.make_rows(20), seen=computed(done))
    assert len(done) == 8
    assert synthetic.contents(tmp_path / "new") == synthetic.contents(cache)


@pytest.mark.usefixtures("cache")
def test_digests_are_those_that_sha256sum_checks(tmp_path: Path) -> None:
    (shard,) = (tmp_path / "scratch").rglob("shard-00000.h5")
    command = ["sha256sum", "--check", "shard-00000.h5.sha256"]
    done = subprocess.run(command, cwd=shard.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "shard-00000.h5: OK\n")


@pytest.mark.usefixtures("cache")
def test_what_somebody_else_put_into_the_scratch_folder_stays(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    (folder,) = (path for path in scratch.iterdir() if path.is_dir())
    mine = [scratch / "mine/shard-00000.h5", scratch / "notes.txt", folder / "notes.txt", folder / "shard.h5"]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    synthetic.write(tmp_path / "new", scratch, synthetic.make_rows(9))
    other = {**synthetic.PARTS, "teacher_weights": "0" * 64}
    synthetic.write(tmp_path / "other", scratch, synthetic.make_rows(9), parts=other)
    assert all(path.read_text() == "mine" for path in mine)
    assert sorted(path.name for path in folder.iterdir()) == ["notes.txt", "shard.h5"]


def test_a_finished_cache_costs_no_second_copy(cache: Path, tmp_path: Path) -> None:
    (shard,) = (tmp_path / "scratch").rglob("shard-00000.h5")
    assert shard.samefile(cache / "shard-00000.h5")


def test_a_pulled_cache_can_be_kept_where_it_was_not_written(cache: Path, tmp_path: Path) -> None:
    (cache / "shard-00001.h5").unlink()  # what a broken transfer leaves
    assert keep_shards(cache, tmp_path / "elsewhere") == 2
    done: list[str] = []
    synthetic.write(tmp_path / "new", tmp_path / "elsewhere", synthetic.make_rows(20), seen=computed(done))
    assert done == [f"img-{number:04d}" for number in range(8, 16)]
    assert all(not damages for _, damages in verify_cache(tmp_path / "new"))


def test_a_second_writer_is_refused(cache: Path, tmp_path: Path) -> None:
    with (
        only_writer(tmp_path / "scratch", True),
        pytest.raises(CacheError, match="another process is writing"),
    ):
        synthetic.write(cache, tmp_path / "scratch", synthetic.make_rows(20))


def test_no_images_are_refused() -> None:
    one = synthetic.make_rows(1)
    params, common = CacheParams(), CommonFingerprint(synthetic.PARTS, {})
    with pytest.raises(CacheError, match="no training images"):
        CacheBuilder([], synthetic.CLASSES, synthetic.make_proposals(one), 500, params, common)


def test_the_manifest_lists_each_image_once(cache: Path) -> None:
    manifest = read_manifest(cache)
    listed = [image_id for entry in manifest.shards for image_id in entry.image_ids]
    assert sorted(listed) == [row.image_id for row in synthetic.make_rows(20)]
    assert manifest.feature_dim == synthetic.FEATURES
