"""Records in bytes are the records that were put in, however odd."""

import random

import numpy as np
import pytest

from wsdkd.data.tables import EVERY_SPLIT
from wsdkd.datasets.reading.record_table import RecordTable
from wsdkd.datasets.reading.records import ImageRecord, ObjectRecord

BOX = ObjectRecord(700, (-1.5, 0.1, 1e300, float("inf")), difficult=True)
ODD = [
    ImageRecord("a", "a", "train", ()),
    ImageRecord("", "b.jpg", "val", (0, 5, 40_000), (1, 2, 3, 7), (BOX, BOX), (640, 480), "g", "folder"),
    ImageRecord(
        "é🎉", "\udcff.jpg", "test", (1,), (0,), (ObjectRecord(0, (0.0, -0.0, 1.0, 2.0), crowd=True),)
    ),
    ImageRecord("\ud800", "\ud800", "unlabelled", (), tuple(range(600)), (), (2**40, 3), "", "folder"),
    ImageRecord("c", "", "train", (3,), (0, 2, 4, 6), (), (0, 0), "h"),
    ImageRecord("d", "d", "train", (3,), (599,), (), (-1, 5), "g"),
]


def drawn(number: int, rng: random.Random) -> ImageRecord:
    ignored = tuple(sorted(rng.sample(range(9), rng.randrange(10))))
    return ImageRecord(f"{number}", f"{number}.jpg", rng.choice(EVERY_SPLIT), (rng.randrange(9),), ignored)


def test_what_was_put_in_comes_out() -> None:
    table = RecordTable(ODD)
    assert list(table) == ODD
    assert table == ODD
    assert table[-1] == ODD[-1]
    assert table[1:4] == ODD[1:4]
    assert table[::-2] == ODD[::-2]
    assert [repr(record) for record in table] == [repr(record) for record in ODD]
    assert list(table.ids) == [record.image_id for record in ODD]
    assert table.paths[1:] == [record.path for record in ODD[1:]]
    assert table.not_utf8 == {2, 3}
    assert RecordTable.of(table) is table
    with pytest.raises(IndexError):
        table[len(ODD)]


def test_records_are_appended_after_a_look_at_them() -> None:
    table = RecordTable(ODD[:2])
    assert (len(table.labels().values), len(table.splits)) == (3, 2)
    for record in ODD[2:]:
        table.append(record)
    assert table == ODD


def test_what_is_asked_of_all_at_once_is_what_each_says() -> None:
    rng = random.Random(0)
    records = [*ODD, *(drawn(number, rng) for number in range(50))]
    table = RecordTable(records)
    assert [EVERY_SPLIT[split] for split in table.splits] == [record.split for record in records]
    assert [table.group_names[group] for group in table.groups if group >= 0] == ["g", "", "h", "g"]
    assert table.num_objects == 3
    assert [table.ids_are_paths(*some) for some in ((0, 1), (0, 2), (3, 4), (3, 5))] == [
        True,
        False,
        True,
        False,
    ]
    assert table.look_at().tolist() == [1, 2, 3, 4, 5]
    for start, stop in ((0, None), (1, 4), (7, 30), (5, 5)):
        some = records[start:stop]
        labels, runs = table.labels(start, stop), table.ignored_runs(start, stop)
        assert labels.values.tolist() == [label for record in some for label in record.labels]
        assert labels.counts.tolist() == [len(record.labels) for record in some]
        spread = [n for first, last in runs.values.reshape(-1, 2) for n in range(first, last + 1)]
        assert spread == [label for record in some for label in record.ignored]


def test_other_splits_leave_the_table_as_it_was() -> None:
    table = RecordTable(ODD)
    other = table.with_splits(np.full(len(ODD), EVERY_SPLIT.index("val")))
    assert {record.split for record in other} == {"val"}
    assert [record.path for record in other] == [record.path for record in ODD]
    assert table == ODD
