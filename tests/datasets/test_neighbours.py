"""What tools and sites write that no reader was made for: read as it is meant, or passed over with a word."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.datasets.conftest import Picture
from wsdkd.datasets.detect import detect
from wsdkd.datasets.params import AutoDataset
from wsdkd.datasets.prepare import Prepared, prepare
from wsdkd.datasets.reading.rejections import DatasetError

LABELS = (("cat",), ("dog",), ("cat", "dog"), (), ("cow", "dog"), ("cow",))
Files = Callable[..., list[str]]


@pytest.fixture
def files(picture: Picture) -> Files:
    """Twelve pictures; their paths, of which one has :data:`LABELS` in turn."""

    def write(pattern: str) -> list[str]:
        paths = [pattern.format(number) for number in range(12)]
        for path in paths:
            picture(path)
        return paths

    return write


def labels_of(number: int) -> list[str]:
    return list(LABELS[number % len(LABELS)])


def read(root: Path) -> Prepared:
    params = AutoDataset(format="auto", root=str(root), validation_fraction=0.2, test_fraction=0.2)
    return prepare(root, params, workers=1)


def assert_labels(prepared: Prepared) -> None:
    """Every picture has its labels, by the number in its name."""
    assert len(prepared.images) == 12
    for row in prepared.images:
        number = int("".join(filter(str.isdigit, Path(row.path).stem)))
        assert sorted(prepared.classes[label] for label in row.labels) == labels_of(number), row.path


def write_csv(path: Path, rows: Sequence[Sequence[Any]], **how: Any) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **how).writerows(rows)


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [("upload/1/p{}.jpg", "/data/upload/1/p{}.jpg"), ("mine/p{}.jpg", "/data/local-files/?d=mine/p{}.jpg")],
)
def test_label_studio(pattern: str, shown: str, files: Files, tmp_path: Path) -> None:
    files(pattern)
    rows = []
    for number in range(12):
        names = labels_of(number)
        choice = names[0] if len(names) == 1 else json.dumps({"choices": names})
        rows.append((number, 1, choice, "2024-01-01T00:00:00Z", shown.format(number), 3.5))
    head = ("annotation_id", "annotator", "choice", "created_at", "image", "lead_time")
    write_csv(tmp_path / "project-1.csv", [head, *rows])
    assert_labels(read(tmp_path))
    (tmp_path / "project-1.csv").unlink()
    tasks = [dict(zip(head, row, strict=True)) for row in rows]
    for number, task in enumerate(tasks):
        if task["choice"].startswith("{"):
            task["choice"] = {"choices": labels_of(number)}
    (tmp_path / "project-1.json").write_text(json.dumps(tasks), encoding="utf-8")
    assert_labels(read(tmp_path))


def test_a_table_in_each_folder_of_a_split_as_roboflow_writes_them(files: Files, tmp_path: Path) -> None:
    for split, numbers in (("train", range(8)), ("valid", range(8, 10)), ("test", range(10, 12))):
        rows = [("filename", " cat", " cow", " dog")]
        for number in numbers:
            flags = [f" {int(name in labels_of(number))}" for name in ("cat", "cow", "dog")]
            rows.append((f"p{number}.jpg", *flags))
        (tmp_path / split).mkdir()
        write_csv(tmp_path / split / "_classes.csv", rows)
    for path in files("p{}.jpg"):
        number = int(path[1:-4])
        folder = "train" if number < 8 else "valid" if number < 10 else "test"
        (tmp_path / path).rename(tmp_path / folder / path)
    prepared = read(tmp_path)
    assert_labels(prepared)
    assert [row.split for row in prepared.images].count("val") == 2
    (tmp_path / "valid" / "_classes.csv").write_text("filename,cat\np8.jpg,1\n")
    with pytest.raises(DatasetError, match=r"valid/_classes.csv: its columns are others than those of test/"):
        read(tmp_path)


@pytest.mark.parametrize(("yes", "no"), [("WAHR", "FALSCH"), ("VRAI", "FAUX"), ("PRAWDA", "FAŁSZ")])
def test_truth_as_excel_writes_it(yes: str, no: str, files: Files, tmp_path: Path) -> None:
    rows = [("Datei", "cat", "cow", "dog")]
    for number, path in enumerate(files("bilder/p{}.jpg")):
        flags = [yes if name in labels_of(number) else no for name in ("cat", "cow", "dog")]
        rows.append((path.replace("/", "\\"), *flags))
    write_csv(tmp_path / "Etiketten.csv", rows, delimiter=";")
    assert_labels(read(tmp_path))


def test_a_column_of_splits_by_any_name_is_not_passed_over(files: Files, tmp_path: Path) -> None:
    words = ("Training", "Validierung", "Test")
    rows = [
        (path, "|".join(labels_of(number)), words[number % 3]) for number, path in enumerate(files("p{}.jpg"))
    ]
    write_csv(tmp_path / "t.csv", [("Datei", "Tags", "Satz"), *rows], delimiter=";")
    prepared = read(tmp_path)
    assert_labels(prepared)
    splits = {row.path: row.split for row in prepared.images}
    assert [splits[path] for path, *_ in rows] == ["train", "val", "test"] * 4
    # Of a class that is called test, the column is no split.
    write_csv(tmp_path / "t.csv", [("Datei", "Tags", "Satz"), *((*row[:2], "test") for row in rows)])
    assert "splits in column" not in " ".join(read(tmp_path).notes)


def test_what_a_competition_takes_from_its_guests_is_no_table(files: Files, tmp_path: Path) -> None:
    rows = [(path, ";".join(labels_of(number))) for number, path in enumerate(files("train_images/p{}.jpg"))]
    write_csv(tmp_path / "train.csv", [("image", "labels"), *rows])
    write_csv(tmp_path / "sample_submission.csv", [("image", "labels"), ("t1.jpg", "cat")])
    assert_labels(read(tmp_path))
    write_csv(tmp_path / "boxes.csv", [("image", "box")])
    with pytest.raises(DatasetError, match=r"tables boxes.csv, train.csv; .*dataset.file: train.csv$"):
        read(tmp_path)


def test_a_json_file_a_split_as_inaturalist_has_them(files: Files, tmp_path: Path) -> None:
    paths = files("train_val2018/Aves/{}.jpg")
    categories = [{"id": place, "name": name} for place, name in enumerate(("cat", "cow", "dog"))]
    for name, numbers in (("train2018", range(8)), ("val2018", range(8, 12))):
        notes = [
            {"id": 10 * number + place, "image_id": number, "category_id": place}
            for number in numbers
            for place, each in enumerate(("cat", "cow", "dog"))
            if each in labels_of(number)
        ]
        images = [{"id": n, "file_name": paths[n], "width": 60, "height": 40} for n in numbers]
        content = {"info": {}, "images": images, "annotations": notes, "categories": categories}
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "test.json").write_text('{"accuracy": 1}', encoding="utf-8")
    prepared = read(tmp_path)
    assert_labels(prepared)
    assert sum(row.split == "val" for row in prepared.images) == 4


@pytest.mark.parametrize("name", ["annotations.xml", "list_attr_celeba.txt", "notes.xlsx"])
def test_a_file_that_may_hold_labels_and_is_not_read_is_named(
    name: str, files: Files, tmp_path: Path
) -> None:
    files("photos/p{}.jpg")
    (tmp_path / name).write_text("<?xml version='1.0'?><annotations><image/></annotations>")
    _, said = detect(tmp_path, AutoDataset(format="auto", root=str(tmp_path)))
    assert said.endswith(f"and nothing else that is read (not read: {name}; see docs/datasets.md)")
