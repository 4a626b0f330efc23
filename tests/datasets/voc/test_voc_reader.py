from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsdkd.datasets.params import VocDataset
from wsdkd.datasets.reading.records import ObjectRecord
from wsdkd.datasets.reading.rejections import Cause, DatasetError, Rejection
from wsdkd.datasets.voc.read import read_voc

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
    assert read_voc(tmp_path, params()).rejected[0].reason == (
        "Annotations/bad.xml: 5,000,025 bytes, more than the limit of 4,194,304"
    )


def test_a_missing_annotation_rejects_its_image(tmp_path: Path, voc_image: Write, voc_sets: Write) -> None:
    voc_image("good", ("cat", 0, BOX))
    voc_sets(["good", "bad"], [])
    (rejected,) = read_voc(tmp_path, params()).rejected
    assert (rejected.kind, rejected.path) == ("image", "JPEGImages/bad.jpg")
    assert rejected.reason.startswith(
        "Annotations/bad.xml: no such file; dataset.unannotated: empty takes it"
    )
    assert rejected.cause is Cause.UNANNOTATED
    empty = read_voc(tmp_path, params(unannotated="empty"))
    assert empty.rejected == ()
    assert [(record.image_id, record.labels) for record in empty.images] == [("good", (0,)), ("bad", ())]


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
    with pytest.raises(
        DatasetError, match=r"Main/val.txt: no such file; image sets that are there: test, trainval$"
    ):
        read_voc(tmp_path, params(val_set="val"))


def test_no_object_anywhere_is_refused(tmp_path: Path, voc_image: Write, voc_sets: Write) -> None:
    voc_image("a")
    voc_sets(["a"], [])
    with pytest.raises(DatasetError, match=r"Annotations: no object in the annotations of any image set"):
        read_voc(tmp_path, params())


@pytest.mark.parametrize(
    ("word", "difficult", "read"),
    [
        ("<difficult>1</difficult>", True, True),
        ("<difficult>true</difficult>", True, True),
        ("<difficult>1.0</difficult>", True, True),
        ("<difficult>0</difficult>", False, True),
        ("<difficult>Unspecified</difficult>", False, True),
        ("<difficult></difficult>", False, True),
        ("<difficult>\n   </difficult>", False, True),
        ("", False, True),
        ("<difficult>maybe</difficult>", False, False),
    ],
)
def test_difficult_is_read_as_tools_write_it(
    word: str, difficult: bool, read: bool, tmp_path: Path, voc_image: Write, voc_sets: Write
) -> None:
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    voc_image("a", xml=f"<annotation><object><name>cat</name>{word}{box}</object></annotation>")
    voc_sets(["a"], [])
    reading = read_voc(tmp_path, params())
    assert [item.difficult for item in reading.images[0].objects] == [difficult]
    assert [(item.kind, item.cause) for item in reading.rejected] == (
        [] if read else [("warning", Cause.UNKNOWN_WORD)]
    )


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("", "utf-8"),
        ("", "utf-8-sig"),
        ("", "utf-16"),
        ("", "utf-16-le"),
        ('<?xml version="1.0" encoding="gb2312"?>', "gb2312"),
        ('<?xml version="1.0" encoding="Shift_JIS"?>', "shift_jis"),
        ("<?xml version='1.0' encoding='windows-1251' standalone='yes'?>", "cp1251"),
        ('<?xml version="1.0" encoding="utf-16"?>', "utf-8"),  # as .NET writes it
        ('\n<?xml version="1.0" encoding="UTF-8"?>', "utf-8"),
    ],
)
def test_the_encoding_that_a_file_declares_is_read(
    head: str, encoding: str, tmp_path: Path, voc_image: Write, voc_sets: Write
) -> None:
    name = {"gb2312": "\u732b", "shift_jis": "\u732b", "cp1251": "\u043a\u043e\u0442"}.get(
        encoding, "caf\u00e9"
    )
    voc_image("a")
    text = f"{head}<annotation><object><name>{name}</name></object></annotation>"
    (tmp_path / "Annotations" / "a.xml").write_bytes(text.encode(encoding))
    voc_sets(["a"], [])
    assert read_voc(tmp_path, params()).classes == (name,)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b'<?xml version="1.0" encoding="klingon"?><annotation/>',
            "the encoding 'klingon', which is not known",
        ),
        (b'<?xml version="1.0" encoding="zlib"?><annotation/>', "the encoding 'zlib', which is not known"),
        (b"<annotation>\xc3\xa8\xe8</annotation>", "declares no encoding and is not UTF-8, but byte 14 does"),
        (
            b'<?xml version="1.0" encoding="ascii"?><annotation>\xe8</annotation>',
            "declares ascii, but byte 50",
        ),
    ],
)
def test_an_encoding_that_does_not_fit_rejects_the_image(
    content: bytes, reason: str, tmp_path: Path, voc_image: Write, voc_sets: Write
) -> None:
    voc_image("good", ("cat", 0, BOX))
    voc_image("bad")
    (tmp_path / "Annotations" / "bad.xml").write_bytes(content)
    voc_sets(["good", "bad"], [])
    assert reason in read_voc(tmp_path, params()).rejected[0].reason


def test_a_hundred_thousand_elements_within_one_another_are_no_defect(
    tmp_path: Path, voc_image: Write, voc_sets: Write
) -> None:
    voc_image("good", ("cat", 0, BOX))
    voc_image("deep", xml="<annotation>" + "<a>" * 100_000 + "</a>" * 100_000 + "</annotation>")
    voc_sets(["good", "deep"], [])
    assert len(read_voc(tmp_path, params()).images) + len(read_voc(tmp_path, params()).rejected) == 2


def test_names_in_two_unicode_forms_are_one_class(tmp_path: Path, voc_image: Write, voc_sets: Write) -> None:
    voc_image("a", ("caf\u00e9", 0, BOX))
    voc_image("b", ("cafe\u0301", 0, BOX), (" dog ", 0, BOX))
    voc_sets(["a", "b"], [])
    reading = read_voc(tmp_path, params())
    assert reading.classes == ("caf\u00e9", "dog")
    assert [record.labels for record in reading.images] == [(0,), (0, 1)]
    assert read_voc(tmp_path, params(classes=("cafe\u0301", "dog"))).classes == ("caf\u00e9", "dog")
