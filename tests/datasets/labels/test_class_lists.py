"""Files that name the classes whose numbers labels are, as tools write them."""

import json
from pathlib import Path

import pytest

from tests.datasets.conftest import Files
from tests.datasets.neighbours import assert_labels, labels_of, read, write_csv
from wsdkd.datasets.labels.class_lists import class_list_beside
from wsdkd.datasets.reading.rejections import DatasetError

NAMES = ("dog", "cat", "cow")

FORMS = {
    "classes.txt": "dog\ncat\r\n\ncow\n",
    "labels.txt": "0 dog\n1: cat\n2\tcow\n",
    "class_names.txt": "dog 0\ncat 1\ncow 2\n",
    "label_map.csv": "id,name\n0,dog\n1,cat\n2,cow\n",
    "classes.csv": "class_name,class_id\ndog,0\ncat,1\ncow,2\n",
    "id2label.json": json.dumps({"0": "dog", "1": "cat", "2": "cow"}),
    "label2id.json": json.dumps({"dog": 0, "cat": 1, "cow": 2}),
    "categories.json": json.dumps([{"id": place, "name": name} for place, name in enumerate(NAMES)]),
    "label_map.pbtxt": "".join(
        f"item {{\n  name: 'n{n}' id: {n}\n display_name: \"{name}\" }}\n" for n, name in enumerate(NAMES)
    ),
    "coco128.yaml": "path: x\nnames:\n  0: dog\n  '1': cat\n  2: cow\n",
    "obj.names": "dog\ncat\ncow\n",
    "_darknet.labels": "dog\ncat\ncow",
}


@pytest.mark.parametrize("name", FORMS)
def test_each_form(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(FORMS[name])
    found = class_list_beside([tmp_path])
    assert found is not None
    assert dict(found.names) == {0: "dog", 1: "cat", 2: "cow"}


def test_what_names_no_classes_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("1.jpg cat\n2.jpg dog\n")
    (tmp_path / "labels.json").write_text('{"1.jpg": ["cat"]}')
    (tmp_path / "ci.yaml").write_text("on: push\n")
    (tmp_path / "notes.txt").write_text("cat\n")
    (tmp_path / "labels.csv").write_text("id,label\n0,cat\n1,dog\n2,cat\n")
    assert class_list_beside([tmp_path, tmp_path / "missing"]) is None


def test_two_files_that_disagree_are_refused(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("dog\ncat\n")
    (tmp_path / "data.yaml").write_text("names: [dog, cow]\n")
    with pytest.raises(
        DatasetError, match=r"data.yaml: class 1 is 'cow', but 'cat' in .*classes.txt; .*dataset.classes"
    ):
        class_list_beside([tmp_path])


def test_the_numbers_of_a_table_become_names(files: Files, tmp_path: Path) -> None:
    rows = [
        (path, " ".join(str(NAMES.index(name)) for name in labels_of(number)))
        for number, path in enumerate(files("p{}.jpg"))
    ]
    write_csv(tmp_path / "train.csv", [("image", "labels"), *rows])
    (tmp_path / "label_map.json").write_text(FORMS["id2label.json"])
    prepared = read(tmp_path)
    assert_labels(prepared)
    assert prepared.classes == NAMES
    assert "numbers are those of label_map.json: 0 is 'dog'" in prepared.notes[1]
    (tmp_path / "label_map.json").write_text('{"0": "dog", "1": "cat"}')
    prepared = read(tmp_path)
    assert prepared.classes == ("0", "1", "2")
    assert (
        "labels stay numbers: label '2' is no number from 0 to 1, as label_map.json has" in prepared.notes[1]
    )


def test_a_list_of_classes_is_told_from_a_table_whose_pictures_have_numbers(
    files: Files, tmp_path: Path
) -> None:
    rows = [
        (number, " ".join(str(NAMES.index(name)) for name in labels_of(number)))
        for number in range(len(files("images/{}.jpg")))
    ]
    write_csv(tmp_path / "train.csv", [("id", "attribute_ids"), *rows])
    (tmp_path / "labels.csv").write_text("attribute_id,attribute_name\n0,dog\n1,cat\n2,cow\n")
    prepared = read(tmp_path)
    assert_labels(prepared)
    assert "table, by train.csv (not read: labels.csv)" in prepared.notes[0]
