"""What lies in a folder beside the dataset itself: told apart from it, named, or passed over with a word."""

import shutil
import tarfile
from pathlib import Path

import pytest

from tests.datasets.conftest import Files, Picture
from tests.datasets.neighbours import assert_labels, labels_of, read, write_csv
from wsdkd.datasets.detect import detect
from wsdkd.datasets.params import AutoDataset
from wsdkd.datasets.prepare import prepare
from wsdkd.datasets.reading.rejections import Cause, DatasetError


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
    write_csv(tmp_path / "boxes.csv", [("image", "box"), ("p1.jpg", "1 2 3 4")])
    with pytest.raises(DatasetError, match=r"tables boxes.csv, train.csv; .*dataset.file: train.csv$"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["annotations.xml", "list_attr_celeba.txt", "notes.xlsx"])
def test_a_file_that_may_hold_labels_and_is_not_read_is_named(
    name: str, files: Files, tmp_path: Path
) -> None:
    files("beach/p{}.jpg")
    files("wood/p{}.jpg")
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
    for name in ("classes.csv", "README.csv"):
        write_csv(tmp_path / name, [("name", "meaning"), ("cat", "an animal")])
    prepared = read(tmp_path)
    assert "table, by test.csv, train.csv, val.csv (not read: README.csv, classes.csv)" in prepared.notes[0]
    assert {row.path for row in prepared.images} == set(paths[:10])
    write_csv(tmp_path / "boxes.csv", [("file", "box"), (paths[0], "1 2 3 4")])
    with pytest.raises(DatasetError, match=r"tables boxes.csv, test.csv, train.csv, val.csv; say which"):
        read(tmp_path)


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
    for name in ("IMG_1.HEIC", "b.avif", "c.svg", "d.DCM", "._hidden.heic"):
        (tmp_path / "cat" / name).write_bytes(b"x")
    listed = [(each.kind, each.path, each.cause) for each in read(tmp_path).rejected]
    assert listed == [(kind, f"cat/{name}", Cause.UNDECODED) for kind, name in _UNDECODED]


_UNDECODED = tuple(("image", name) for name in ("IMG_1.HEIC", "b.avif", "c.svg", "d.DCM"))


def test_json_of_another_tool_beside_pictures_leaves_the_folders_their_labels(
    files: Files, tmp_path: Path
) -> None:
    for path in [*files("cat/p{}.jpg"), *files("dog/q{}.jpg")]:
        (tmp_path / path).with_suffix(".json").write_text('{"taken": "2020"}')
    prepared = read(tmp_path)
    assert prepared.classes == ("cat", "dog")
    assert len(prepared.images) == 24


def test_archives_that_nobody_unpacked_are_named(files: Files, tmp_path: Path) -> None:
    rows = [(path, "|".join(labels_of(number))) for number, path in enumerate(files("p{}.jpg"))]
    write_csv(tmp_path / "labels.csv", [("file", "labels"), *rows])
    (tmp_path / "more.zip").write_bytes(b"x")
    assert read(tmp_path).notes[0].endswith("; archives are not unpacked: more.zip")


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


def test_what_is_hidden_is_neither_a_class_nor_a_table(
    files: Files, picture: Picture, tmp_path: Path
) -> None:
    rows = [(path, "|".join(labels_of(number))) for number, path in enumerate(files("cat/p{}.jpg"))]
    write_csv(tmp_path / "labels.csv", [("file", "labels"), *rows])
    for name in ("._labels.csv", "__MACOSX/._labels.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\26\7")
    assert_labels(read(tmp_path))
    (tmp_path / "labels.csv").unlink()
    for path in files("dog/q{}.jpg"):
        picture(path)
    for folder in (".ipynb_checkpoints", "dog/.thumbnails", "@eaDir/1.jpg", "__MACOSX/cat"):
        picture(f"{folder}/p1.jpg")
    prepared = read(tmp_path)
    assert prepared.classes == ("cat", "dog")
    assert len(prepared.images) == 24
    assert not prepared.rejected


def test_one_folder_is_no_class_beside_a_file_that_may_hold_labels(files: Files, tmp_path: Path) -> None:
    rows = [(path, "|".join(labels_of(number))) for number, path in enumerate(files("holiday/p{}.jpg"))]
    (tmp_path / "labels.xlsx").write_bytes(b"PK")
    with pytest.raises(
        DatasetError, match=r"lie in holiday, which is one class alone .*save its sheet as CSV"
    ):
        read(tmp_path)
    (tmp_path / "meta").mkdir()
    write_csv(tmp_path / "meta/labels.csv", [("file", "labels"), *rows])
    assert_labels(read(tmp_path))
    (tmp_path / "meta/labels.csv").unlink()
    lines = [f"{path}\t{names}\n" for path, names in rows]
    (tmp_path / "labels.txt").write_text("".join(lines))
    assert_labels(read(tmp_path))


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("train.zip", "train.zip is an archive: unpack it"),
        ("train.tfrecord-00000-of-00001", "is TFRecord: write its pictures into files"),
        ("train.lmdb/data.mdb", "is of LMDB"),
        ("x_train.npy", "holds arrays"),
        ("cat/1.dcm", "is a picture of type DICOM: save it as JPEG or PNG"),
    ],
)
def test_what_is_not_read_is_named_with_what_to_do(name: str, way: str, tmp_path: Path) -> None:
    path = tmp_path / "root" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    with pytest.raises(DatasetError, match=f"no pictures in it .*{way}"):
        read(tmp_path / "root")
    if name.endswith(".zip"):
        with pytest.raises(
            DatasetError, match=r"train.zip: not a folder; train.zip is an archive: unpack it"
        ):
            read(path)


def test_an_archive_of_folders_is_no_shard(files: Files, tmp_path: Path) -> None:
    files("root/cat/p{}.jpg")
    with tarfile.open(tmp_path / "root/train.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "root/cat", "cat")
    files("root/dog/q{}.jpg")
    prepared = read(tmp_path / "root")
    assert prepared.classes == ("cat", "dog")
    assert prepared.notes[0].endswith("archives are not unpacked: train.tar.gz")
    for folder in ("cat", "dog"):
        shutil.rmtree(tmp_path / "root" / folder)
    params = AutoDataset(format="auto", root="r")
    (tmp_path / "pictures").mkdir()
    with pytest.raises(DatasetError, match=r"train.tar.gz: pictures without labels, .* unpack it"):
        prepare(tmp_path / "root", params, 1, tmp_path / "pictures")


def test_a_copy_of_the_dataset_within_it_is_no_class(files: Files, tmp_path: Path) -> None:
    for folder in ("cat", "dog", "all/cat", "all/dog"):
        files(f"{folder}/p{{}}.jpg")
    with pytest.raises(DatasetError, match=r"folder all holds folders cat, dog, which lie beside it, too"):
        read(tmp_path)


def test_a_picture_without_a_suffix_is_listed(files: Files, tmp_path: Path) -> None:
    path = tmp_path / files("cat/p{}.jpg")[0]
    files("dog/q{}.jpg")
    path.rename(path.with_suffix(""))
    (tmp_path / "cat/LICENSE").write_text("free")
    (item,) = read(tmp_path).rejected
    assert (item.path, item.cause) == ("cat/p0", Cause.UNDECODED)
    assert "without a suffix" in item.reason


def test_a_folder_of_images_beside_classes_is_none(files: Files, tmp_path: Path) -> None:
    for folder in ("train/cat/images", "train/dog/images", "val/images"):
        files(f"{folder}/p{{}}.jpg")
    prepared = read(tmp_path)
    assert prepared.classes == ("cat", "dog")
    assert {item.path for item in prepared.rejected} == {f"val/images/p{number}.jpg" for number in range(12)}
    assert "its folder images is no class" in prepared.rejected[0].reason
