from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.datasets.tables.small_tables import ignored_of, labels_of, params, splits_of, write
from wsdkd.datasets.reading.records import ImageRecord
from wsdkd.datasets.reading.rejections import DatasetError, Rejection
from wsdkd.datasets.tables.read import read_table


def test_a_row_is_an_image(tmp_path: Path) -> None:
    write(tmp_path, "path,labels,split\na.jpg,dog; cat,train\n./b/../b.jpg,,test\n")
    reading = read_table(tmp_path, params())
    assert reading.classes == ("cat", "dog")
    assert reading.images == (
        ImageRecord("a.jpg", "a.jpg", "train", (0, 1)),
        ImageRecord("b.jpg", "b.jpg", "test", ()),
    )
    assert reading.notes == (
        f"{tmp_path / 'labels.csv'}: 2 rows; separated by commas; paths in column path; "
        "labels in column labels; labels separated by semicolons; splits in column split",
    )


def test_columns_separator_and_classes_have_names(tmp_path: Path) -> None:
    write(tmp_path, '\ufefffile, tags ,what\n"a, b.jpg",dog|cat,val\n')
    reading = read_table(
        tmp_path,
        params(
            path_column="file",
            labels_column="tags",
            split_column="what",
            separator="|",
            classes=("dog", "cow", "cat"),
        ),
    )
    assert reading.classes == ("dog", "cow", "cat")
    assert reading.images == (ImageRecord("a, b.jpg", "a, b.jpg", "val", (0, 2)),)


@pytest.mark.parametrize("labels", [[["dog", "cat"], []], ["dog;cat", ""]])
def test_parquet_takes_lists_and_text(labels: list[Any], tmp_path: Path) -> None:
    columns = {"path": ["a.jpg", "b.jpg"], "labels": labels, "split": ["train", "test"]}
    pq.write_table(pa.table(columns), tmp_path / "labels.parquet")
    reading = read_table(tmp_path, params(file="labels.parquet"))
    assert reading.rejected == ()
    assert [record.labels for record in reading.images] == [(0, 1), ()]


@pytest.mark.parametrize(
    "text",
    [
        '{"path": "a.jpg", "labels": ["dog", "cat"]}\n\n{"path": "b.jpg", "labels": [], "more": 1}\n',
        '[{"path": "a.jpg", "labels": "dog;cat"}, {"path": "b.jpg", "labels": ""}]',
        '{"a.jpg": ["dog", "cat"], "b.jpg": []}',
        '{"path": "a.jpg", "labels": {"dog": 1, "cat": true, "cow": 0}}\n{"path": "b.jpg", "labels": {}}',
    ],
)
def test_json_is_a_table_too(text: str, tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_text(text)
    reading = read_table(tmp_path, params(file="labels.jsonl"))
    assert labels_of(reading) == {"a.jpg": ("cat", "dog"), "b.jpg": ()}
    assert reading.rejected == ()


def test_lines_that_are_no_rows_of_json_are_listed(tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_text('{"path": "a.jpg", "labels": ["cat"]}\n{"path": \n7\n')
    reading = read_table(tmp_path, params(file="labels.jsonl"))
    assert [item.reason.partition(":")[0] for item in reading.rejected] == ["row 2", "row 3"]
    assert reading.rejected[1].reason == "row 3: '7' is no object with keys"


def test_columns_are_found_by_their_names_and_by_the_pictures(tmp_path: Path) -> None:
    for name in ("x.jpg", "y.jpg"):
        (tmp_path / name).touch()
    write(tmp_path, "id,who,Finding Labels,Patient Age\n1,x.jpg,cat,60\n2,y.jpg,dog,61\n")
    assert labels_of(read_table(tmp_path, params())) == {"x.jpg": ("cat",), "y.jpg": ("dog",)}
    write(tmp_path, "id,who,what,Patient Age\n1,x.jpg,cat,60\n2,y.jpg,dog,61\n")
    with pytest.raises(DatasetError, match=r"which of the columns id, what, Patient Age hold labels; say it"):
        read_table(tmp_path, params())


def test_without_a_head_columns_go_by_their_numbers(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg cat train\nb.jpg dog test\n")
    reading = read_table(tmp_path, params(labels_column="2", split_column="3"))
    assert labels_of(reading) == {"a.jpg": ("cat",), "b.jpg": ("dog",)}
    assert splits_of(reading) == {"a.jpg": "train", "b.jpg": "test"}


def test_columns_may_be_a_class_each(tmp_path: Path) -> None:
    write(tmp_path, "filename,dog,cat,split\na.jpg,1,0,train\nb.jpg,0,1.0,valid\nc.jpg,0,,TEST\n")
    reading = read_table(tmp_path, params())
    assert reading.classes == ("dog", "cat")  # in the order of the columns
    assert labels_of(reading) == {"a.jpg": ("dog",), "b.jpg": ("cat",), "c.jpg": ()}
    assert ignored_of(reading)["c.jpg"] == ("cat",)
    assert read_table(tmp_path, params(labels_columns="others")).images == reading.images
    assert read_table(tmp_path, params(labels_columns=("cat",))).classes == ("cat",)
    with pytest.raises(DatasetError, match=r"columns dog, cat hold 1 and 0: dataset.labels_columns: others"):
        read_table(tmp_path, params(labels_column="labels"))


def test_minus_one_is_absent_in_celeba_and_uncertain_in_chexpert(tmp_path: Path) -> None:
    (tmp_path / "list_attr.txt").write_text("2\nBald Smiling\n1.jpg  1 -1\n2.jpg -1  1\n")
    celeba = read_table(tmp_path, params(file="list_attr.txt"))
    assert labels_of(celeba) == {"1.jpg": ("Bald",), "2.jpg": ("Smiling",)}
    assert set(ignored_of(celeba).values()) == {()}
    assert "-1 is absent (else: dataset.cells)" in celeba.notes[0]
    write(tmp_path, "Path,No Finding,Edema,Pneumonia\na.jpg,1.0,0.0,-1.0\nb.jpg,,-1.0,1.0\n")
    changes: dict[str, Any] = {"none_label": "No Finding"}
    chexpert = read_table(tmp_path, params(**changes))
    assert chexpert.classes == ("Edema", "Pneumonia")
    assert labels_of(chexpert) == {"a.jpg": (), "b.jpg": ("Pneumonia",)}
    assert ignored_of(chexpert) == {"a.jpg": ("Pneumonia",), "b.jpg": ("Edema",)}
    assert labels_of(read_table(tmp_path, params(**changes, uncertain="positive")))["b.jpg"] == (
        "Edema",
        "Pneumonia",
    )
    negative = read_table(tmp_path, params(**changes, uncertain="negative"))
    assert set(ignored_of(negative).values()) == {()}
    assert negative.images[1].labels == chexpert.images[1].labels
    told = read_table(tmp_path, params(**changes, cells={"-1.0": "absent"}))
    assert set(ignored_of(told).values()) == {()}


def test_a_cell_of_a_class_that_nobody_can_tell_is_refused_once(tmp_path: Path) -> None:
    write(tmp_path, "path,cat,dog\n" + "".join(f"{n}.jpg,{n},0\n" for n in range(5)))
    with pytest.raises(
        DatasetError, match=r"column 'cat', row 3: '2' says neither .* dataset.cells: \{'2': absent\}"
    ):
        read_table(tmp_path, params(labels_columns=("cat", "dog"), cells={"3": "present", "4": "present"}))
    given: Any = {"2": "present", "3": "present", "4": "uncertain"}
    reading = read_table(tmp_path, params(labels_columns=("cat", "dog"), cells=given))
    assert [bool(record.labels) for record in reading.images] == [False, True, True, True, False]


def test_unlisted_classes_may_be_unknown(tmp_path: Path) -> None:
    write(tmp_path, "path,labels\na.jpg,cat;-dog\nb.jpg,dog\nc.jpg,cow\n")
    reading = read_table(tmp_path, params(unlisted="ignored"))
    assert ignored_of(reading) == {"a.jpg": ("cow",), "b.jpg": ("cat", "cow"), "c.jpg": ("cat", "dog")}


def test_a_label_that_says_that_there_is_none(tmp_path: Path) -> None:
    write(tmp_path, "path,labels\na.jpg,No Finding\nb.jpg,Mass|Hernia\nc.jpg,No Finding|Mass\n")
    reading = read_table(tmp_path, params(none_label="No Finding", unlisted="ignored"))
    assert labels_of(reading) == {"a.jpg": (), "b.jpg": ("Hernia", "Mass")}
    assert ignored_of(reading) == {"a.jpg": (), "b.jpg": ()}
    assert [item.reason for item in reading.rejected] == ["label 'No Finding' beside 'Mass'"]
    assert "label 'No Finding' is taken as a class" in read_table(tmp_path, params()).notes[1]
    named = read_table(tmp_path, params(classes=("Mass", "Hernia")))
    hint = (
        "label 'No Finding' is not a class; if it says that there is none: dataset.none_label: 'No Finding'"
    )
    assert [item.reason for item in named.rejected] == [hint, hint]


def test_rows_of_one_image_are_joined_within_their_split(tmp_path: Path) -> None:
    write(tmp_path, "path,labels,split\na.jpg,cat,train\nb.jpg,dog,train\na.jpg,dog,train\na.jpg,cat,test\n")
    reading = read_table(tmp_path, params())
    assert [(record.path, record.split, record.labels) for record in reading.images] == [
        ("a.jpg", "train", (0, 1)),
        ("b.jpg", "train", (1,)),
        ("a.jpg", "test", (0,)),
    ]
    assert "1 images have up to 2 rows, which are joined" in reading.notes[1]


def test_rows_that_contradict_each_other_are_refused_or_uncertain(tmp_path: Path) -> None:
    write(tmp_path, "path,cat,dog\na.jpg,1,1\na.jpg,0,1\nb.jpg,1,0\nb.jpg,1,\n")
    reading = read_table(tmp_path, params())
    assert labels_of(reading) == {"b.jpg": ("cat",)}
    assert ignored_of(reading) == {"b.jpg": ()}  # the first row knows that there is no dog
    assert reading.rejected == (
        Rejection("image", "a.jpg", "a.jpg", "rows 1 and 2 contradict each other: 'cat'"),
    )
    joined = read_table(tmp_path, params(contradictions="uncertain"))
    assert labels_of(joined)["a.jpg"] == ("dog",)
    assert ignored_of(joined)["a.jpg"] == ("cat",)


@pytest.mark.parametrize(
    ("column", "words", "splits"),
    [
        ("split", ["Train", "valid", "TEST"], ["train", "val", "test"]),
        ("set", ["training", "validation", "testing"], ["train", "val", "test"]),
        ("is_valid", ["False", "True", "False"], ["train", "val", "train"]),
        ("is_test", ["0", "0", "1"], ["train", "train", "test"]),
        ("is_train", ["yes", "yes", "no"], ["train", "train", "test"]),
        ("partition", ["0", "1", "2"], ["train", "val", "test"]),
    ],
)
def test_any_usual_word_for_a_split_is_read(
    column: str, words: list[str], splits: list[str], tmp_path: Path
) -> None:
    write(
        tmp_path, f"path,labels,{column}\n" + "".join(f"{n}.jpg,cat,{word}\n" for n, word in enumerate(words))
    )
    expected = {f"{n}.jpg": split for n, split in enumerate(splits)}
    assert splits_of(read_table(tmp_path, params())) == expected


def test_other_words_for_a_split_are_named_in_one_line_and_can_be_told(tmp_path: Path) -> None:
    write(tmp_path, "path,labels,split\na.jpg,cat,A\nb.jpg,cat,A\nc.jpg,dog,B\nd.jpg,dog,train\n")
    with pytest.raises(
        DatasetError,
        match=r"'A' \(2 rows\), 'B' \(1 rows\): no word .*dataset.split_names: \{'A': train\}",
    ):
        read_table(tmp_path, params(split_column="split"))
    reading = read_table(tmp_path, params(split_column="split", split_names={"A": "test", "B": "unused"}))
    assert splits_of(reading) == {"d.jpg": "train", "a.jpg": "test", "b.jpg": "test"}
    assert "1 images left out, as they are in no split that is used" in reading.notes[1]


def test_lists_of_files_name_the_splits(tmp_path: Path) -> None:
    write(tmp_path, "path,labels\nimages/a.png,cat\nimages/b.png,dog\nimages/c.png,dog\n")
    (tmp_path / "train_val_list.txt").write_text("a.png\r\n\r\n")
    (tmp_path / "test_list.txt").write_text("images/b\n")
    reading = read_table(tmp_path, params(train_list="train_val_list.txt", test_list="test_list.txt"))
    assert splits_of(reading) == {"images/a.png": "train", "images/b.png": "test"}
    assert "1 images left out" in reading.notes[1]
    (tmp_path / "test_list.txt").write_text("a\n")
    with pytest.raises(DatasetError, match=r"test_list.txt: 'a' is of train, too"):
        read_table(tmp_path, params(train_list="train_val_list.txt", test_list="test_list.txt"))
    (tmp_path / "test_list.txt").write_text("z\n")
    with pytest.raises(DatasetError, match="none of its pictures stands in the files that tell splits"):
        read_table(tmp_path, params(test_list="test_list.txt"))


def test_an_image_has_its_group(tmp_path: Path) -> None:
    write(tmp_path, "path,labels,patient\na.jpg,cat,7\nb.jpg,dog,\n")
    reading = read_table(tmp_path, params(group_column="patient", labels_column="labels"))
    assert [record.group for record in reading.images] == ["7", None]


def test_without_a_split_column_all_images_are_of_train_till_some_are_set_aside(tmp_path: Path) -> None:
    write(tmp_path, "path,labels\na.jpg,cat\nb.jpg,dog\n")
    reading = read_table(tmp_path, params(split_column=None))
    assert [record.split for record in reading.images] == ["train", "train"]


@pytest.fixture
def pictures(tmp_path: Path) -> Callable[..., None]:
    def touch(*names: str) -> None:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    return touch


def test_bare_names_are_found_with_their_suffix_and_folder(
    tmp_path: Path, pictures: Callable[..., None]
) -> None:
    pictures("jpg/train_0.jpg", "jpg/train_1.JPG", "jpg/Two.png", "jpg/two.jpg", "more/x.jpg", "other/x.jpg")
    write(tmp_path, "image_name,tags\ntrain_0,cat\ntrain_1,dog\ntwo,cat\nx,cat\nx.jpg,cat\n")
    reading = read_table(tmp_path, params())
    # Of two files of one name neither is taken.
    assert [record.path for record in reading.images] == [
        "jpg/train_0.jpg",
        "jpg/train_1.JPG",
        "two",
        "x",
        "x.jpg",
    ]
    assert "2 pictures found by their names: 'train_0' is 'jpg/train_0.jpg'" in reading.notes[0]
    found = read_table(tmp_path, params(images="other"))
    assert [record.path for record in found.images][3:] == ["other/x.jpg"]


def test_a_path_with_folders_means_no_other_folder(tmp_path: Path, pictures: Callable[..., None]) -> None:
    pictures("b/1.jpg", "b/2.jpg")
    write(tmp_path, "path,labels\na/1.jpg,cat\nb/2,cat\n")
    reading = read_table(tmp_path, params())
    assert [record.path for record in reading.images] == ["a/1.jpg", "b/2.jpg"]


def test_a_class_with_one_odd_cell_is_refused_and_not_left_out(tmp_path: Path) -> None:
    rows = [f"{number}.jpg,{number % 2},{(number + 1) % 2},1,{number}" for number in range(8)]
    rows[3] = "3.jpg,=1,0,0,3"
    write(tmp_path, "\n".join(["path,cat,dog,cow,age", *rows]))
    with pytest.raises(
        DatasetError, match=r"column 'cat', row 4: '=1' says neither .* dataset\.labels_columns"
    ):
        read_table(tmp_path, params())
    # A column of other numbers is none of the classes, as before.
    write(tmp_path, "\n".join(["path,cat,dog,cow,age", *rows[:3], *rows[4:]]))
    assert sorted(read_table(tmp_path, params()).classes) == ["cat", "cow", "dog"]
