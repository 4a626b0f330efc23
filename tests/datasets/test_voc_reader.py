from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsdkd.datasets.params import VocDataset
from wsdkd.datasets.records import DatasetError, ObjectRecord, Rejection
from wsdkd.datasets.voc import read_voc

BOX = (1, 1, 10, 20)

Write = Callable[..., None]


def params(**changes: Any) -> VocDataset:
    return VocDataset(format="voc", root="r", **changes)


def test_the_first_pixel_is_number_one_and_the_last_is_included(
    tmp_path: Path, voc_image: Write, voc_sets: Write
) -> None:
    voc_image("000001", ("dog", 0, BOX), ("cat", 0, (2.5, 3, 60, 40)))
    voc_image("000002")
    voc_sets(["000001"], ["000002"])
    reading = read_voc(tmp_path, params())
    assert reading.classes == ("cat", "dog")
    assert reading.rejected == ()
    first, second = reading.images
    assert (first.image_id, first.path, first.split) == ("000001", "JPEGImages/000001.jpg", "train")
    assert first.labels == (0, 1)
    assert first.objects == (ObjectRecord(1, (0, 0, 10, 20)), ObjectRecord(0, (1.5, 2, 60, 40)))
    assert first.annotated_size == (60, 40)
    assert (second.image_id, second.split, second.labels) == ("000002", "test", ())


@pytest.mark.parametrize(
    ("difficult", "labels", "ignored"),
    [("positive", (0, 1), ()), ("negative", (0,), ()), ("ignored", (0,), (1,))],
)
def test_difficult_objects_are_what_the_parameter_says(
    difficult: str,
    labels: tuple[int, ...],
    ignored: tuple[int, ...],
    tmp_path: Path,
    voc_image: Write,
    voc_sets: Write,
) -> None:
    # The cat is seen once plainly and once with difficulty; the dog with difficulty alone.
    voc_image("a", ("cat", 0, BOX), ("cat", 1, BOX), ("dog", 1, BOX))
    voc_sets(["a"], [])
    record = read_voc(tmp_path, params(difficult=difficult)).images[0]
    assert (record.labels, record.ignored) == (labels, ignored)
    assert [item.difficult for item in record.objects] == [False, True, True]


def test_parts_of_an_object_are_no_objects(tmp_path: Path, voc_image: Write, voc_sets: Write) -> None:
    voc_image(
        "a", xml="<annotation><object><name>person</name><part><name>head</name></part></object></annotation>"
    )
    voc_sets(["a"], [])
    reading = read_voc(tmp_path, params())
    assert reading.classes == ("person",)
    assert reading.images[0].annotated_size is None
    reason = "person: no bndbox of four numbers"
    assert reading.rejected == (Rejection("object", "a", "JPEGImages/a.jpg", reason),)
    assert reading.images[0].labels == (0,)


def test_a_size_of_zero_is_none(tmp_path: Path, voc_image: Write, voc_sets: Write) -> None:
    size = "<size><width>0</width><height>0</height></size>"
    voc_image("a", xml=f"<annotation>{size}<object><name>cat</name></object></annotation>")
    voc_sets(["a"], [])
    assert read_voc(tmp_path, params()).images[0].annotated_size is None


def test_another_suffix_is_found(tmp_path: Path, voc_image: Write, voc_sets: Write) -> None:
    voc_image("a", ("cat", 0, BOX))
    (tmp_path / "JPEGImages" / "a.jpg").rename(tmp_path / "JPEGImages" / "a.PNG")
    voc_sets(["a"], [])
    assert read_voc(tmp_path, params()).images[0].path == "JPEGImages/a.PNG"


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ("<annotation>", "not well-formed XML"),
        ("", "not well-formed XML"),
        ("<root/>", "its element is <root>, expected <annotation>"),
        ("<annotation><object/></annotation>", "an object without a name"),
        ("<annotation><object><name>  </name></object></annotation>", "an object without a name"),
        (
            "<annotation><object><name>cat</name><difficult>yes</difficult></object></annotation>",
            "cat: difficult is 'yes', expected 0 or 1",
        ),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>', "document type"),
        ('<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><annotation/>', "document type"),
        ("<annotation>&b;</annotation>", "not well-formed XML: undefined entity"),
    ],
)
def test_an_unreadable_annotation_rejects_its_image(
    xml: str, reason: str, tmp_path: Path, voc_image: Write, voc_sets: Write
) -> None:
    voc_image("good", ("cat", 0, BOX))
    voc_image("bad", xml=xml)
    voc_sets(["good", "bad"], [])
    reading = read_voc(tmp_path, params())
    assert [record.image_id for record in reading.images] == ["good"]
    assert [(item.kind, item.image_id) for item in reading.rejected] == [("image", "bad")]
    assert reading.rejected[0].reason.startswith("Annotations/bad.xml: ")
    assert reason in reading.rejected[0].reason


def test_an_entity_that_would_expand_is_refused_in_any_encoding(
    tmp_path: Path, voc_image: Write, voc_sets: Write
) -> None:
    lol = '<!DOCTYPE l [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;">]><annotation>&b;</annotation>'
    voc_image("good", ("cat", 0, BOX))
    voc_image("bad")
    (tmp_path / "Annotations" / "bad.xml").write_bytes(
        f'<?xml version="1.0" encoding="utf-16"?>{lol}'.encode("utf-16")
    )
    voc_sets(["good", "bad"], [])
    assert "document type" in read_voc(tmp_path, params()).rejected[0].reason


def test_an_annotation_of_megabytes_is_refused(tmp_path: Path, voc_image: Write, voc_sets: Write) -> None:
    voc_image("good", ("cat", 0, BOX))
    voc_image("bad", xml=f"<annotation>{' ' * 5_000_000}</annotation>")
    voc_sets(["good", "bad"], [])
    assert read_voc(tmp_path, params()).rejected[0].reason == "Annotations/bad.xml: more than 4194304 bytes"


def test_a_missing_annotation_rejects_its_image(tmp_path: Path, voc_image: Write, voc_sets: Write) -> None:
    voc_image("good", ("cat", 0, BOX))
    voc_sets(["good", "bad"], [])
    reason = "Annotations/bad.xml: cannot be read: No such file or directory"
    assert read_voc(tmp_path, params()).rejected == (Rejection("image", "bad", "", reason),)


def test_an_id_that_leaves_the_folder_is_never_opened(
    tmp_path: Path, voc_image: Write, voc_sets: Write
) -> None:
    voc_image("good", ("cat", 0, BOX))
    voc_sets(["good", "../../secret", "/etc/passwd"], [])
    (tmp_path.parent / "secret.xml").write_text("<annotation><object><name>x</name></object></annotation>")
    reading = read_voc(tmp_path, params())
    assert reading.classes == ("cat",)
    assert [item.reason for item in reading.rejected] == ["the path leaves the dataset's folder"] * 2


def test_a_name_outside_of_the_classes_rejects_its_image(
    tmp_path: Path, voc_image: Write, voc_sets: Write
) -> None:
    voc_image("good", ("cat", 0, BOX))
    voc_image("bad", ("cat", 0, BOX), ("catt", 0, BOX))
    voc_sets(["good", "bad"], [])
    reading = read_voc(tmp_path, params(classes=("dog", "cat")))
    assert reading.classes == ("dog", "cat")
    assert [record.labels for record in reading.images] == [(1,)]
    assert [item.reason for item in reading.rejected] == ["label 'catt' is not a class"]


def test_a_missing_image_set_is_refused(tmp_path: Path, voc_image: Write, voc_sets: Write) -> None:
    voc_image("a", ("cat", 0, BOX))
    voc_sets(["a"], [])
    with pytest.raises(DatasetError, match=r"ImageSets/Main/val.txt: no such file"):
        read_voc(tmp_path, params(val_set="val"))


def test_no_object_anywhere_is_refused(tmp_path: Path, voc_image: Write, voc_sets: Write) -> None:
    voc_image("a")
    voc_sets(["a"], [])
    with pytest.raises(DatasetError, match=r"Annotations: no object in the annotations of any image set"):
        read_voc(tmp_path, params())
