import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.datasets.checks import straightforward
from wsdkd.data.tables import EVERY_SPLIT
from wsdkd.datasets.audit.refuse import refuse_unusable
from wsdkd.datasets.checks.repeats import join_repeats
from wsdkd.datasets.params import TableDataset
from wsdkd.datasets.prepare import Prepared, prepare
from wsdkd.datasets.reading.records import ImageRecord, ObjectRecord
from wsdkd.datasets.reading.rejections import Cause, DatasetError

Picture = Callable[..., Path]

CAT, DOG = ObjectRecord(0, (0, 0, 5, 5)), ObjectRecord(1, (1, 1, 9, 9))


def test_entries_of_one_file_and_split_are_one_image_with_all_labels() -> None:
    records = [
        ImageRecord("a", "a", "train", (0,), (1, 2), (CAT,)),
        ImageRecord("b", "b", "train", (2,)),
        ImageRecord("a", "a", "train", (1,), (2, 3), (CAT, DOG), (60, 40)),
    ]
    kept, rejected, said = join_repeats(records)
    assert kept == [ImageRecord("a", "a", "train", (0, 1), (2, 3), (CAT, DOG), (60, 40)), records[1]]
    assert rejected == []
    assert said == ["1 image is listed more than once: labels of 1 more entries are joined to the first"]


def test_a_file_in_two_splits_stays_in_the_first_and_is_listed() -> None:
    records = [ImageRecord("a", "a", "train", (0,)), ImageRecord("a", "a", "test", (0,))]
    kept, rejected, _ = join_repeats(records)
    assert kept == records[:1]
    assert [(item.kind, item.reason, item.cause) for item in rejected] == [
        ("image", "duplicate file: already in split train", Cause.TWO_SPLITS)
    ]


def test_a_file_in_two_splits_stays_in_the_last_where_leaks_are_dropped() -> None:
    records = [ImageRecord("a", "a", split, (0,)) for split in ("train", "test", "train", "val")]
    kept, rejected, _ = join_repeats(records, drop_leaks=True)
    assert kept == [records[1]]
    assert [(item.kind, item.reason) for item in rejected] == [
        ("warning", f"left out of split {split}: also in split test") for split in ("train", "train", "val")
    ]


def test_an_id_of_two_files_is_listed() -> None:
    records = [ImageRecord("a", "a.jpg", "train", ()), ImageRecord("a", "b.jpg", "train", ())]
    kept, rejected, _ = join_repeats(records)
    assert kept == records[:1]
    assert [(item.path, item.reason) for item in rejected] == [
        ("b.jpg", "duplicate id: already in split train")
    ]


@pytest.mark.parametrize("drop_leaks", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_repeats_are_joined_as_the_plain_way_does(seed: int, drop_leaks: bool) -> None:
    rng = random.Random(seed)
    some = rng.choice([5, 30, 300])
    records = [
        ImageRecord(
            rng.choice([f"{number}.jpg", f"{rng.randrange(some)}"]),
            f"{number}.jpg",
            rng.choice(EVERY_SPLIT[: 1 + seed % 4]),
            (rng.randrange(4),),
            tuple(sorted(rng.sample(range(4, 8), 2))),
        )
        for number in rng.choices(range(some), k=60)
    ]
    kept, rejected, said = join_repeats(records, drop_leaks)
    rows, gone, joined = straightforward.join_repeats(records, drop_leaks)
    assert [(it.image_id, it.path, it.split, it.labels, it.ignored) for it in kept] == rows
    assert [item.path for item in rejected] == gone
    assert [text.split()[0] for text in said] == ([f"{len(joined)}"] if joined else [])
    assert sum(joined.values()) == len(records) - len(gone) - len(rows)


@pytest.fixture
def root(tmp_path: Path, picture: Picture) -> Path:
    # Two copies of train images in test, one with another label; a copy within train.
    for name in ("a", "b", "c", "d", "e"):
        picture(f"{name}.jpg")
    for name, copy in (("a", "copy_a"), ("b", "copy_b"), ("c", "copy_c")):
        shutil.copy(tmp_path / f"{name}.jpg", tmp_path / f"{copy}.jpg")
    rows = ["a,cat,train", "b,dog,train", "c,dog,train", "copy_c,dog,train", "d,cat,val", "e,dog,test"]
    rows += ["copy_a,cat,test", "copy_b,cat,test"]
    text = "".join(f"{name}.jpg,{rest}\n" for name, _, rest in (row.partition(",") for row in rows))
    (tmp_path / "labels.csv").write_text("path,labels,split\n" + text)
    return tmp_path


def read(root: Path, **changes: Any) -> tuple[Prepared, TableDataset]:
    params = TableDataset(format="table", root="r", **changes)
    return prepare(root, params, workers=1), params


def test_the_same_bytes_in_two_splits_are_said_and_kept(root: Path) -> None:
    prepared, params = read(root)
    assert len(prepared.images) == 8
    leaked = [item for item in prepared.rejected if item.cause is Cause.SAME_PICTURE]
    assert [(item.kind, item.path, item.reason) for item in leaked] == [
        ("warning", f"{name}.jpg", f"in split train, the same bytes as copy_{name}.jpg in split test")
        for name in ("a", "b")
    ]
    others = [item.path for item in prepared.rejected if item.cause is Cause.OTHER_LABELS]
    assert others == ["copy_b.jpg"]
    refuse_unusable(prepared, params, "rejected.csv")


def test_leaks_are_dropped_from_training_where_a_parameter_says_so(root: Path) -> None:
    prepared, _ = read(root, leaks="drop")
    assert [row.path for row in prepared.images if row.split == "train"] == ["c.jpg", "copy_c.jpg"]
    assert [row.path for row in prepared.images if row.split == "test"] == [
        "e.jpg",
        "copy_a.jpg",
        "copy_b.jpg",
    ]
    assert prepared.dropped == 2


def test_leaks_are_refused_where_a_parameter_says_so(root: Path) -> None:
    prepared, params = read(root, leaks="refuse")
    with pytest.raises(DatasetError, match=r"^2 images stand in two splits, such as a.jpg: in split train"):
        refuse_unusable(prepared, params, "rejected.csv")


def test_copies_are_set_aside_together(tmp_path: Path, picture: Picture) -> None:
    rows = []
    for number in range(12):
        picture(f"{number}.jpg")
        for copy in range(3):
            shutil.copy(tmp_path / f"{number}.jpg", tmp_path / f"{number}_{copy}.jpg")
            rows.append(f"{number}_{copy}.jpg,{('cat', 'dog')[number % 2]}\n")
    (tmp_path / "labels.csv").write_text("path,labels\n" + "".join(rows))
    prepared, _ = read(tmp_path, split_column=None, validation_fraction=0.3, test_fraction=0.3)
    splits: dict[str, set[str]] = {}
    for row in prepared.images:
        splits.setdefault(row.path.partition("_")[0], set()).add(row.split)
    assert all(len(found) == 1 for found in splits.values())
    assert {split for found in splits.values() for split in found} == {"train", "val", "test"}
    assert [item for item in prepared.rejected if item.cause is Cause.SAME_PICTURE] == []
