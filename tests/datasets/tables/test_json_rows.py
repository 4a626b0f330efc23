"""JSON and XML of annotation tools, as one table: whichever way it is nested, the labels come out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.datasets.conftest import Files
from tests.datasets.neighbours import assert_labels, labels_of, read, write_csv
from wsdkd.datasets.reading.rejections import DatasetError

Row = tuple[str, list[str]]


def via(rows: list[Row], attribute: Callable[[list[str]], list[dict[str, Any]]]) -> dict[str, Any]:
    """What VIA exports, with the attributes of each region."""
    return {
        f"{path}123": {
            "filename": path,
            "size": 123,
            "regions": [
                {"shape_attributes": {"name": "rect"}, "region_attributes": each} for each in attribute(names)
            ],
            "file_attributes": {},
        }
        for path, names in rows
    }


FORMS: dict[str, Callable[[list[Row]], Any]] = {
    "VIA": lambda rows: via(rows, lambda names: [{"name": name} for name in names]),
    "VIA, a project": lambda rows: {
        "_via_settings": {"ui": {}},
        "_via_img_metadata": via(rows, lambda names: [{"quality": "good", "Class": name} for name in names]),
    },
    "VIA, old": lambda rows: {
        key: {**each, "regions": dict(enumerate(each["regions"]))}
        for key, each in via(
            rows, lambda names: [{"what": {name: True, "x": False}} for name in names]
        ).items()
    },
    "VIA, whole pictures": lambda rows: {
        path: {"filename": path, "regions": [], "file_attributes": {"label": dict.fromkeys(names, True)}}
        for path, names in rows
    },
    "labels by name": lambda rows: {Path(path).stem: names for path, names in rows},
    "objects by path": lambda rows: {path: {"width": 60, "tags": names} for path, names in rows},
    "numbers by path": lambda rows: {
        path: {name: int(name in names) for name in ("cat", "cow", "dog")} for path, names in rows
    },
    "paths by label": lambda rows: (
        {name: [path for path, names in rows if name in names] for name in ("cat", "cow", "dog")}
        | {"nothing": [path for path, names in rows if not names]}
    ),
    "names of classes beside the rows": lambda rows: {
        "classes": ["dog", "cat", "cow"],
        "images": [
            {"name": path, "labels": [["dog", "cat", "cow"].index(name) for name in names]}
            for path, names in rows
        ],
    },
    "objects of a list": lambda rows: [
        {"file_name": path, "objects": {"bbox": [[0, 0, 1, 1]] * len(names), "categories": names}}
        for path, names in rows
    ],
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form(form: str, files: Files, tmp_path: Path) -> None:
    rows = [(path, labels_of(number)) for number, path in enumerate(files("p{}.jpg"))]
    (tmp_path / "labels.json").write_text(json.dumps(FORMS[form](rows), indent=1))
    prepared = read(tmp_path)
    if form != "paths by label":
        assert_labels(prepared)
    else:  # it cannot say of a picture that it has none
        told = {row.path: [prepared.classes[label] for label in row.labels] for row in prepared.images}
        assert told == {path: names or ["nothing"] for path, names in rows}


def test_rows_by_split(files: Files, tmp_path: Path) -> None:
    rows = [{"image": path, "labels": labels_of(n)} for n, path in enumerate(files("p{}.jpg"))]
    content = {"train": rows[:8], "validation": rows[8:10], "test": rows[10:]}
    (tmp_path / "labels.json").write_text(json.dumps(content))
    prepared = read(tmp_path)
    assert_labels(prepared)
    assert [row.path for row in prepared.images if row.split == "test"] == ["p10.jpg", "p11.jpg"]


def test_attributes_of_via_that_nobody_can_tell_apart(files: Files, tmp_path: Path) -> None:
    rows = [(path, labels_of(number)) for number, path in enumerate(files("p{}.jpg"))]
    content = via(rows, lambda names: [{"a": name, "b": name} for name in names])
    (tmp_path / "labels.json").write_text(json.dumps(content))
    with pytest.raises(
        DatasetError, match=r"which attribute of VIA's regions is the label: a, b; call it 'label'"
    ):
        read(tmp_path)


@pytest.mark.parametrize("whole", [False, True])
def test_tables_of_via(whole: bool, files: Files, tmp_path: Path) -> None:
    rows = []
    for number, path in enumerate(files("p{}.jpg")):
        names = labels_of(number)
        told: list[dict[str, Any]] = [{"name": name} for name in names] or [{}]
        if whole:
            rows.append((path, 123, json.dumps({"labels": dict.fromkeys(names, True)}), "{}", "{}"))
        else:
            rows += [(path, 123, "{}", '{"name": "rect"}', json.dumps(each)) for each in told]
    head = ("filename", "file_size", "file_attributes", "region_shape_attributes", "region_attributes")
    write_csv(tmp_path / "via.csv", [head, *rows])
    assert_labels(read(tmp_path))


def test_cvat(files: Files, tmp_path: Path) -> None:
    shapes = ("tag", "box", "polygon")
    images = [
        f'<image id="{number}" name="{path}" subset="{"Train" if number < 9 else "Test"}" width="60">'
        + "".join(f'<{shapes[number % 3]} label="{name}"/>' * 2 for name in labels_of(number))
        + "</image>"
        for number, path in enumerate(files("trip/p{}.jpg"))
    ]
    meta = "<version>1.1</version><meta><task><labels><label><name>cat</name></label></labels></task></meta>"
    path = tmp_path / "annotations.xml"
    path.write_text(f'<?xml version="1.0"?><annotations>{meta}{"".join(images)}</annotations>')
    prepared = read(tmp_path)
    assert_labels(prepared)
    assert sum(row.split == "test" for row in prepared.images) == 3
    path.write_text('<annotations><track id="0" label="cat"/></annotations>')
    with pytest.raises(DatasetError, match=r"annotations.xml: of a video, .* export it as 'CVAT for images'"):
        read(tmp_path)
    path.write_text('<!DOCTYPE a [<!ENTITY b "c">]><annotations><image name="&b;"/></annotations>')
    with pytest.raises(DatasetError, match=r"annotations.xml: not XML that is read"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl", "via_region_data.json"])
def test_a_table_in_each_folder_of_a_split_names_the_files_of_its_folder(
    name: str, files: Files, tmp_path: Path
) -> None:
    for path in files("p{}.jpg"):
        number = int(path[1:-4])
        folder = tmp_path / ("train" if number < 6 else "test")
        folder.mkdir(exist_ok=True)
        (tmp_path / path).rename(folder / f"{number % 6}.jpg")
    for split, first in (("train", 0), ("test", 6)):
        rows = [(f"{number}.jpg", labels_of(first + number)) for number in range(6)]
        if name == "metadata.csv":
            write_csv(
                tmp_path / split / name,
                [("file_name", "labels"), *((path, repr(names)) for path, names in rows)],
            )
        elif name == "metadata.jsonl":
            lines = (
                json.dumps({"file_name": path, "objects": {"categories": names}}) for path, names in rows
            )
            (tmp_path / split / name).write_text("\n".join(lines))
        else:
            text = json.dumps(via(rows, lambda names: [{"label": name} for name in names]))
            (tmp_path / split / name).write_text(text)
    prepared = read(tmp_path)
    assert len(prepared.images) == 12
    for row in prepared.images:
        assert row.path.startswith("test/") == (row.split == "test")
        assert sorted(prepared.classes[label] for label in row.labels) == labels_of(int(Path(row.path).stem))


def test_objects_of_a_parquet_file(files: Files, tmp_path: Path) -> None:
    objects = [{"category": labels_of(number) * 2, "area": [1.0]} for number in range(12)]
    pq.write_table(pa.table({"image": files("p{}.jpg"), "objects": objects}), tmp_path / "t.parquet")
    assert_labels(read(tmp_path))


def test_coco_in_each_folder_of_a_split(files: Files, tmp_path: Path) -> None:
    names = ("cat", "cow", "dog")
    for path in files("p{}.jpg"):
        folder = tmp_path / ("train" if int(path[1:-4]) < 9 else "val") / "data"
        folder.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).rename(folder / path)
    for split, numbers in (("train", range(9)), ("val", range(9, 12))):
        content = {
            "images": [{"id": n, "file_name": f"p{n}.jpg"} for n in numbers],
            "annotations": [
                {"image_id": n, "category_id": names.index(name)} for n in numbers for name in labels_of(n)
            ],
            "categories": [{"id": place, "name": name} for place, name in enumerate(names)],
        }
        (tmp_path / split / "labels.json").write_text(json.dumps(content))
    prepared = read(tmp_path)
    assert_labels(prepared)
    assert sum(row.split == "val" for row in prepared.images) == 3


def test_damaged_entries_of_via_have_no_labels(files: Files, tmp_path: Path) -> None:
    rows = [(path, labels_of(number)) for number, path in enumerate(files("p{}.jpg"))]
    content = via(rows, lambda names: [{"name": name} for name in names])
    for damage in ({"regions": 5}, {"regions": [None, 3]}, {"regions": None, "file_attributes": 7}):
        content["p3.jpg123"].update(damage)  # which has no labels anyway
        (tmp_path / "labels.json").write_text(json.dumps(content))
        assert_labels(read(tmp_path))
    whole = {path: {"filename": path, "regions": 5, "file_attributes": 7} for path, _ in rows}
    (tmp_path / "labels.json").write_text(json.dumps(whole))
    with pytest.raises(DatasetError, match="no label in any row"):
        read(tmp_path)
