"""What tools and sites write that no reader was made for is read as it is meant."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.datasets.conftest import Files
from tests.datasets.neighbours import assert_labels, labels_of, read, write_csv
from wsdkd.datasets.reading.rejections import DatasetError


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
    with pytest.raises(DatasetError, match=r"valid/_classes.csv: its columns are others than those of train"):
        read(tmp_path)


@pytest.mark.parametrize(("yes", "no"), [("WAHR", "FALSCH"), ("VRAI", "FAUX"), ("PRAWDA", "FAŁSZ")])
def test_truth_as_excel_writes_it(yes: str, no: str, files: Files, tmp_path: Path) -> None:
    rows = [("Datei", "cat", "cow", "dog")]
    for number, path in enumerate(files("bilder/p{}.jpg")):
        flags = [yes if name in labels_of(number) else no for name in ("cat", "cow", "dog")]
        rows.append((path.replace("/", "\\"), *flags))
    write_csv(tmp_path / "Etiketten.csv", rows, delimiter=";")
    assert_labels(read(tmp_path))


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


def test_the_official_sets_of_a_devkit_are_used_wherever_in_it_they_lie(files: Files, tmp_path: Path) -> None:
    xml = "<annotation><size><width>64</width><height>48</height></size>{}</annotation>"
    for year, numbers in (("VOC2007", range(8)), ("VOC2012", range(8, 12))):
        home = tmp_path / "VOCdevkit" / year
        (home / "Annotations").mkdir(parents=True)
        (home / "ImageSets/Main").mkdir(parents=True)
        (home / "JPEGImages").mkdir()
        for number in numbers:
            objects = "".join(f"<object><name>{name}</name></object>" for name in labels_of(number))
            (home / f"Annotations/p{number}.xml").write_text(xml.format(objects))
        last = numbers[-2:] if year == "VOC2007" else []
        (home / "ImageSets/Main/trainval.txt").write_text(
            "".join(f"p{number}\n" for number in numbers if number not in last)
        )
        if last:
            (home / "ImageSets/Main/test.txt").write_text("".join(f"p{number}\n" for number in last))
    for path in files("p{}.jpg"):
        year = "VOC2007" if int(path[1:-4]) < 8 else "VOC2012"
        (tmp_path / path).rename(tmp_path / "VOCdevkit" / year / "JPEGImages" / path)
    prepared = read(tmp_path)
    assert_labels(prepared)
    tested = {row.image_id for row in prepared.images if row.split == "test"}
    assert tested == {"VOCdevkit/VOC2007/p6", "VOCdevkit/VOC2007/p7"}


@pytest.mark.parametrize(
    "written",
    [
        lambda rows: [{"file": path, "tags": names} for path, names in rows],
        dict,
        lambda rows: {
            "classes": ["cow", "cat", "dog"],
            "labels": {Path(path).stem: _numbers(names) for path, names in rows},
        },
        lambda rows: [
            {"image": path, "annotations": [{"label": name, "coordinates": {"x": 1}} for name in names * 2]}
            for path, names in rows
        ],
    ],
    ids=["a list of rows", "labels by path", "FiftyOne", "CreateML"],
)
def test_json(written: Callable[[list[tuple[str, list[str]]]], Any], files: Files, tmp_path: Path) -> None:
    rows = [(path, labels_of(number)) for number, path in enumerate(files("data/p{}.jpg"))]
    (tmp_path / "labels.json").write_text(json.dumps(written(rows)))
    assert_labels(read(tmp_path))


def _numbers(names: list[str]) -> list[int]:
    return [("cow", "cat", "dog").index(name) for name in names]


def test_labelme(files: Files, tmp_path: Path) -> None:
    for number, path in enumerate(files("p{}.jpg")):
        first, *rest = [*labels_of(number), None]
        shapes = [{"label": name, "points": [[0, 0], [9, 9]]} for name in [first] * 2 if name]
        data = {"shapes": shapes, "flags": dict.fromkeys(filter(None, rest), True) | {"blurred": False}}
        (tmp_path / path).with_suffix(".json").write_text(json.dumps(data))
    assert_labels(read(tmp_path))
    (tmp_path / "p3.json").write_text(json.dumps({"shapes": [{"points": []}]}))
    (item,) = read(tmp_path).rejected
    assert "p3.json: no JSON with a label in each of its shapes" in item.reason


def test_rows_without_a_head_that_end_in_labels(files: Files, tmp_path: Path) -> None:
    rows = [
        (split, f"gs://bucket/img/p{number}.jpg", *(labels_of(number) or [""]))
        for number, split in enumerate(["TRAIN"] * 8 + ["VALIDATION"] * 2 + ["TEST"] * 2)
    ]
    files("img/p{}.jpg")
    write_csv(tmp_path / "all.csv", rows)
    prepared = read(tmp_path)
    assert_labels(prepared)
    assert sum(row.split == "test" for row in prepared.images) == 2


def test_boxes_without_a_head(files: Files, tmp_path: Path) -> None:
    labelled = [number for number in range(12) if labels_of(number)]
    paths = files("img/p{}.jpg")
    rows = [(paths[number], 1, 2, 30, 40, name) for number in labelled for name in labels_of(number)]
    write_csv(tmp_path / "annotations.csv", rows)
    assert len(read(tmp_path).images) == len(labelled)
    write_csv(tmp_path / "annotations.csv", [(name, 1, 0, 1, 9, path) for path, *_, name in rows])
    prepared = read(tmp_path)  # columns of 1 and 0 are no classes beside one of words
    assert prepared.classes == ("cat", "cow", "dog")
    assert len(prepared.images) == len(labelled)


def test_names_of_pictures_before_numbers_of_rows(files: Files, tmp_path: Path) -> None:
    paths = files("{}.jpg")
    rows = [
        (f"/data/upload/{path}", (number + 1) % 12, " ".join(labels_of(number)))
        for number, path in enumerate(paths)
    ]
    write_csv(tmp_path / "export.csv", [("image", "id", "label"), *rows])
    assert_labels(read(tmp_path))


@pytest.mark.parametrize("wrapped", ["images", "data"])
def test_a_list_of_rows_within_an_object(wrapped: str, files: Files, tmp_path: Path) -> None:
    paths = files("data/p{}.jpg")
    rows = [{"file_name": path, "labels": labels_of(number)} for number, path in enumerate(paths)]
    (tmp_path / "data.json").write_text(json.dumps({"version": 1, wrapped: rows}))
    assert_labels(read(tmp_path))


def test_label_studio_s_default_export(files: Files, tmp_path: Path) -> None:
    tasks = []
    for number, path in enumerate(files("p{}.jpg")):
        kind = ("choices", "rectanglelabels")[number % 2]
        told = [{"result": [{"value": {kind: [name], "x": 1}}]} for name in labels_of(number)]
        tasks.append({"id": number + 100, "annotations": told, "data": {"image": f"/data/upload/1/{path}"}})
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    assert_labels(read(tmp_path))


def test_a_file_of_coco_of_any_name(files: Files, tmp_path: Path) -> None:
    paths, names = files("images/p{}.jpg"), ("cat", "cow", "dog")
    images = [
        {"id": n, "file_name": Path(path).name, "width": 60, "height": 40} for n, path in enumerate(paths)
    ]
    notes = [
        {"id": 10 * number + place, "image_id": number, "category_id": place, "bbox": [0, 0, 5, 5]}
        for number in range(12)
        for place, name in enumerate(names)
        if name in labels_of(number)
    ]
    categories = [{"id": place, "name": name} for place, name in enumerate(names)]
    content = {"info": {}, "images": images, "annotations": notes, "categories": categories}
    (tmp_path / "my project.json").write_text(json.dumps(content))
    assert_labels(read(tmp_path))


@pytest.mark.parametrize("head", [("tag1", "tag2", "tag3"), ("Label 1", "Label 2", "Label 3")])
def test_a_label_each_in_numbered_columns(head: tuple[str, ...], files: Files, tmp_path: Path) -> None:
    rows = [(path, *[*labels_of(number), "", "", ""][:3]) for number, path in enumerate(files("img/p{}.jpg"))]
    write_csv(tmp_path / "tags.csv", [("image", *head), *rows])
    prepared = read(tmp_path)
    assert_labels(prepared)
    assert f"columns {', '.join(head)} hold a label each" in prepared.notes[1]


def test_numbers_whose_zeros_a_spreadsheet_took(files: Files, tmp_path: Path) -> None:
    files("images/{:06d}.jpg")
    rows = [(number, "|".join(labels_of(number))) for number in range(12)]
    write_csv(tmp_path / "labels.csv", [("id", "labels"), *rows])
    assert_labels(read(tmp_path))
