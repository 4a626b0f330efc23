"""Splits that stand in a table of their own, beside that of the labels."""

from pathlib import Path

import pytest

from tests.datasets.tables.small_tables import params, splits_of, write
from wsdkd.datasets.detect import detect
from wsdkd.datasets.params import AutoDataset
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.tables import split_tables
from wsdkd.datasets.tables.read import read_table

LABELS = "path,labels\na.jpg,dog\nb.jpg,cat\nc.jpg,dog\n"
TOLD = {"a.jpg": "train", "b.jpg": "val", "c.jpg": "test"}


def celeba(root: Path) -> None:
    # As its lists are: a count, a head, runs of blanks; the partition has no head.
    (root / "img").mkdir()
    for name in TOLD:
        (root / "img" / name).write_bytes(b"")
    (root / "list_attr_celeba.txt").write_text(
        "3\nBald Smiling\na.jpg -1  1\nb.jpg  1 -1\nc.jpg  1  1\n", encoding="utf-8"
    )
    (root / "list_eval_partition.txt").write_text("a.jpg 0\nb.jpg 1\nc.jpg 2\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list_eval_partition.txt", "a.jpg 0\nb.jpg 1\nc.jpg 2\n"),
        ("split.csv", "image_id,split\na,train\nb,valid\nc,test\n"),
        ("splits.csv", "a,train\nb,val\nc,test\n"),
        ("folds_of_the_paper.tsv", "name\twhere\nx/a.jpg\ttrain\nx/b.jpg\tval\nx/c.jpg\ttest\n"),
    ],
)
def test_a_table_of_splits_beside_that_of_labels_is_read(name: str, text: str, tmp_path: Path) -> None:
    write(tmp_path, "path,labels\nx/a.jpg,dog\nx/b.jpg,cat\nx/c.jpg,dog\n")
    (tmp_path / name).write_text(text, encoding="utf-8")
    reading = read_table(tmp_path, params())
    assert {Path(path).name: split for path, split in splits_of(reading).items()} == TOLD
    assert f"of {name}" in reading.notes[0]


def test_celeba_is_found_with_its_partition(tmp_path: Path) -> None:
    celeba(tmp_path)
    found, told = detect(tmp_path, AutoDataset(root=str(tmp_path)))
    assert found.model_dump()["split_file"] == "list_eval_partition.txt"
    assert "splits by list_eval_partition.txt" in told
    assert "not read" not in told
    reading = read_table(tmp_path, found)  # type: ignore[arg-type]
    assert {Path(path).name: split for path, split in splits_of(reading).items()} == TOLD


def test_numbers_of_a_table_beside_are_classes_unless_its_name_says_splits(tmp_path: Path) -> None:
    write(tmp_path, LABELS)
    (tmp_path / "diagnosis.csv").write_text("image,level\na.jpg,0\nb.jpg,1\nc.jpg,2\n", encoding="utf-8")
    assert set(splits_of(read_table(tmp_path, params())).values()) == {"train"}


@pytest.mark.parametrize(
    ("changes", "split"),
    [({"split_file": None}, "train"), ({"split_column": None}, "train"), ({}, "val")],
)
def test_a_table_of_splits_is_left_where_a_key_says_so(
    changes: dict[str, None], split: str, tmp_path: Path
) -> None:
    write(tmp_path, LABELS)
    (tmp_path / "split.csv").write_text("path,split\na.jpg,train\nb.jpg,val\n", encoding="utf-8")
    reading = read_table(tmp_path, params(**changes))
    assert splits_of(reading).get("b.jpg") == split


def test_splits_of_the_table_itself_count_and_of_two_tables_beside_neither(tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("path,split\na.jpg,test\nb.jpg,train\n", encoding="utf-8")
    write(tmp_path, "path,labels,split\na.jpg,dog,train\nb.jpg,cat,test\n")
    assert splits_of(read_table(tmp_path, params())) == {"a.jpg": "train", "b.jpg": "test"}
    write(tmp_path, LABELS)
    (tmp_path / "split2.csv").write_text("path,split\na.jpg,train\nb.jpg,test\n", encoding="utf-8")
    reading = read_table(tmp_path, params())
    assert set(splits_of(reading).values()) == {"train"}
    assert "none of split.csv, split2.csv tells splits" in reading.notes[0]
    assert "b.jpg" in splits_of(read_table(tmp_path, params(split_file="split2.csv")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,split\na.jpg,train\na.jpg,test\n", r"split.csv: 'a.jpg' is of train, too"),
        ("path,split\nx.jpg,train\ny.jpg,test\n", r"labels.csv: none of its pictures stands in"),
        ("path,split,who\na.jpg,A,me\nb.jpg,B,you\n", r"split.csv: no column tells splits"),
        ("path,split\na.jpg,A\nb.jpg,B\n", r"split.csv: column 'split' holds 'A' \(1 rows\)"),
    ],
)
def test_a_table_of_splits_that_is_named_is_refused_where_it_tells_none(
    text: str, message: str, tmp_path: Path
) -> None:
    write(tmp_path, LABELS)
    (tmp_path / "split.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=message):
        read_table(tmp_path, params(split_file="split.csv"))


def test_a_text_beside_a_picture_is_its_own_and_not_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, LABELS)
    for name in ("a.jpg", "a.txt", "notes.txt"):
        (tmp_path / name).write_text("a.jpg train\nb.jpg test\n", encoding="utf-8")
    looked: list[str] = []
    monkeypatch.setattr(split_tables, "_tells_splits", lambda path: looked.append(path.name))
    read_table(tmp_path, params())
    assert looked == ["notes.txt"]


def test_lists_and_a_named_table_exclude_each_other(tmp_path: Path) -> None:
    write(tmp_path, LABELS)
    (tmp_path / "split.csv").write_text("path,split\na.jpg,train\nb.jpg,val\n", encoding="utf-8")
    (tmp_path / "train.txt").write_text("a.jpg\n", encoding="utf-8")
    (tmp_path / "test.txt").write_text("b.jpg\n", encoding="utf-8")
    lists = {"train_list": "train.txt", "test_list": "test.txt"}
    assert splits_of(read_table(tmp_path, params(**lists)))["a.jpg"] == "train"
    with pytest.raises(DatasetError, match=r"split.csv: lists of files tell splits, too"):
        read_table(tmp_path, params(split_file="split.csv", **lists))
