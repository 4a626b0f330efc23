"""Which finished shards are kept, and which are made again."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.cache import synthetic_teacher as synthetic
from tests.cache.synthetic_teacher import noted
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.verify import verify_cache
from wsdkd.cache.writing.scratch import keep_shards, write_digest
from wsdkd.ground.digests import sha256


def test_added_images_leave_finished_shards_untouched(tmp_path: Path) -> None:
    every = synthetic.make_rows(101)
    before = every[:50] + every[51:]
    folder, scratch = tmp_path / "cache", tmp_path / "scratch"
    synthetic.write(folder, scratch, before)
    old = synthetic.contents(folder)
    done: list[str] = []
    synthetic.write(folder, scratch, every, seen=noted(done))
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
        synthetic.write(cache, tmp_path / "scratch", now, seen=noted(done))
        assert done == [row.image_id for row in rows[8:16]]
        rows = now


def test_another_teacher_keeps_nothing_and_the_old_scratch_goes(cache: Path, tmp_path: Path) -> None:
    done: list[str] = []
    other = {**synthetic.PARTS, "teacher_weights": "0" * 64}
    rows = synthetic.make_rows(20)
    synthetic.write(cache, tmp_path / "scratch", rows, seen=noted(done), parts=other)
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
    synthetic.write(tmp_path / "new", tmp_path / "scratch", synthetic.make_rows(20), seen=noted(done))
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
    synthetic.write(tmp_path / "new", tmp_path / "scratch", synthetic.make_rows(20), seen=noted(done))
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
    synthetic.write(tmp_path / "new", tmp_path / "scratch", synthetic.make_rows(20), seen=noted(done))
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
    synthetic.write(tmp_path / "new", tmp_path / "elsewhere", synthetic.make_rows(20), seen=noted(done))
    assert done == [f"img-{number:04d}" for number in range(8, 16)]
    assert all(not damages for _, damages in verify_cache(tmp_path / "new"))
