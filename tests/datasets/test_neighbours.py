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
from wsdkd.datasets.reading.rejections import Cause, DatasetError

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
    files("beach/p{}.jpg")
    (tmp_path / name).write_text("<?xml version='1.0'?><annotations><image/></annotations>")
    _, said = detect(tmp_path, AutoDataset(format="auto", root=str(tmp_path)))
    assert said.endswith(f"and nothing else that is read (not read: {name}; see docs/datasets.md)")


def test_a_table_a_split_beside_each_other(files: Files, tmp_path: Path) -> None:
    paths = files("images/p{}.jpg")
    for name, numbers in (("train", range(8)), ("val", range(8, 10)), ("test", range(10, 12))):
        rows = [(paths[number], "|".join(labels_of(number))) for number in numbers]
        write_csv(tmp_path / f"{name}.csv", [("file", "labels"), *rows])
    (tmp_path / "sample_submission.csv").write_text("file,labels\nx.jpg,cat\n")
    prepared = read(tmp_path)
    assert_labels(prepared)
    assert [sum(row.split == split for row in prepared.images) for split in ("train", "val", "test")] == [
        8,
        2,
        2,
    ]
    write_csv(tmp_path / "test.csv", [("file",), *((path,) for path in paths[10:])])
    prepared = read(tmp_path)
    assert {row.path for row in prepared.images} == set(paths[:10])
    assert "test.csv is left out, as it has paths alone and no labels" in prepared.notes[1]
    write_csv(tmp_path / "classes.csv", [("name",), ("cat",)])
    with pytest.raises(DatasetError, match=r"tables classes.csv, test.csv, train.csv, val.csv; say which"):
        read(tmp_path)


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


def test_copies_in_folders_of_several_classes_are_one_image_with_all_of_them(
    files: Files, tmp_path: Path
) -> None:
    paths = files("p{}.jpg")
    for number, path in enumerate(paths):
        for name in labels_of(number) or ["none"]:
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / path).write_bytes((tmp_path / path).read_bytes())
        (tmp_path / path).unlink()
    prepared = read(tmp_path)
    assert len(prepared.images) == 12
    for row in prepared.images:
        number = int(Path(row.path).stem[1:])
        assert sorted(prepared.classes[label] for label in row.labels) == (labels_of(number) or ["none"])
    assert any("copies of one picture in folders of several classes: 4" in note for note in prepared.notes)
    assert not prepared.rejected


def test_pictures_that_are_not_decoded_are_listed(files: Files, tmp_path: Path) -> None:
    for path in files("cat/p{}.jpg")[6:]:
        (tmp_path / "dog").mkdir(exist_ok=True)
        (tmp_path / path).rename(tmp_path / "dog" / Path(path).name)
    for name in ("IMG_1.HEIC", "b.avif", "._hidden.heic"):
        (tmp_path / "cat" / name).write_bytes(b"x")
    listed = [(each.kind, each.path, each.cause) for each in read(tmp_path).rejected]
    assert listed == [(kind, f"cat/{name}", Cause.UNDECODED) for kind, name in _TWO_UNDECODED]


_TWO_UNDECODED = (("image", "IMG_1.HEIC"), ("image", "b.avif"))


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
    assert "p3.json: not as LabelMe writes it" in item.reason


def test_json_of_another_tool_beside_pictures_leaves_the_folders_their_labels(
    files: Files, tmp_path: Path
) -> None:
    for path in [*files("cat/p{}.jpg"), *files("dog/q{}.jpg")]:
        (tmp_path / path).with_suffix(".json").write_text('{"taken": "2020"}')
    prepared = read(tmp_path)
    assert prepared.classes == ("cat", "dog")
    assert len(prepared.images) == 24


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


def test_names_of_pictures_before_numbers_of_rows(files: Files, tmp_path: Path) -> None:
    paths = files("{}.jpg")
    rows = [
        (f"/data/upload/{path}", (number + 1) % 12, " ".join(labels_of(number)))
        for number, path in enumerate(paths)
    ]
    write_csv(tmp_path / "export.csv", [("image", "id", "label"), *rows])
    assert_labels(read(tmp_path))


def test_archives_that_nobody_unpacked_are_named(files: Files, tmp_path: Path) -> None:
    rows = [(path, "|".join(labels_of(number))) for number, path in enumerate(files("p{}.jpg"))]
    write_csv(tmp_path / "labels.csv", [("file", "labels"), *rows])
    (tmp_path / "more.zip").write_bytes(b"x")
    assert read(tmp_path).notes[0].endswith("; archives are not unpacked: more.zip")


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


def test_a_table_in_a_folder_of_its_own(files: Files, tmp_path: Path) -> None:
    paths = files("images/p{}.jpg")
    rows = [(Path(path).name, "|".join(labels_of(number))) for number, path in enumerate(paths)]
    (tmp_path / "metadata").mkdir()
    write_csv(tmp_path / "metadata/labels.csv", [("file", "labels"), *rows])
    assert_labels(read(tmp_path))


def test_a_folder_that_an_archive_left_around_the_dataset_is_named(files: Files, tmp_path: Path) -> None:
    rows = [(Path(path).name, "cat") for path in files("archive/train/p{}.jpg")]
    write_csv(tmp_path / "archive/labels.csv", [("file", "labels"), *rows])
    with pytest.raises(DatasetError, match=r"all of it lies in its folder archive; take that: .*/archive"):
        read(tmp_path)


@pytest.mark.parametrize("folders", [("images", "masks"), ("train/images", "valid/images"), ("", "")])
def test_folders_that_are_no_classes_are_not_taken_for_some(
    folders: tuple[str, str], files: Files, tmp_path: Path
) -> None:
    for place, path in enumerate(files("p{}.jpg")):
        target = tmp_path / folders[place % 2] / path
        target.parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).rename(target)
    (tmp_path / "via.json").write_text("{}")
    with pytest.raises(
        DatasetError, match=r"nothing tells the labels: its pictures lie in .*not read: via.json"
    ):
        read(tmp_path)


def test_captions_are_not_taken_for_labels(picture: Picture, tmp_path: Path) -> None:
    for number in range(24):
        picture(f"p{number}.jpg")
        (tmp_path / f"p{number}.txt").write_text(f"photo {number} of a cat" if number < 20 else "cat")
    with pytest.raises(
        DatasetError, match=r"20 of 24 images have labels that no other image has, such as 'photo"
    ):
        read(tmp_path)


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
