from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image

from wsdkd.data.annotations import ObjectRow
from wsdkd.data.tables import ImageRow
from wsdkd.datasets.checks.images import Rules, check_images
from wsdkd.datasets.reading.records import ImageRecord, ObjectRecord
from wsdkd.datasets.reading.rejections import Cause, Rejection

Found = tuple[list[ImageRow], list[ObjectRow], list[Rejection]]


def record(
    path: str, *boxes: tuple[float, float, float, float], size: tuple[int, int] | None = None
) -> ImageRecord:
    objects = tuple(ObjectRecord(0, box) for box in boxes)
    return ImageRecord(path, path, "train", (0,), (), objects, size)


def check(
    root: Path,
    *records: ImageRecord,
    max_pixels: int = 10_000,
    links: Literal["inside", "anywhere"] = "inside",
    boxes_drawn_on: Literal["auto", "upright", "stored"] = "auto",
    other_size: Literal["drop_boxes", "reject"] = "drop_boxes",
    workers: int = 1,
) -> Found:
    found = check_images(records, root, Rules(max_pixels, links, boxes_drawn_on, other_size), workers)
    return found.images, found.objects, found.rejected


def reasons(found: Found) -> list[str]:
    return [item.reason for item in found[2]]


def test_a_good_image_becomes_a_row(tmp_path: Path, picture: Callable[..., Path]) -> None:
    path = picture("a.jpg")
    images, objects, rejected = check(tmp_path, record("a.jpg", (1, 2, 3, 4.5)))
    digest = sha256(path.read_bytes()).hexdigest()
    assert images == [ImageRow("a.jpg", "a.jpg", 60, 40, "train", (0,), (), digest)]
    assert objects == [ObjectRow("a.jpg", 0, 1, 2, 3, 4.5, False, False)]
    assert rejected == []


def test_truncated(tmp_path: Path, picture: Callable[..., Path]) -> None:
    path = picture("a.jpg")
    path.write_bytes(path.read_bytes()[:-200])
    assert reasons(check(tmp_path, record("a.jpg")))[0].startswith(
        "cannot be decoded: image file is truncated"
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"<html>", "not an image of format JPEG, PNG, WEBP, TIFF, BMP, GIF, PPM, or of zero size"),
    ],
)
def test_not_an_image(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    assert reasons(check(tmp_path, record("a.jpg"))) == [reason]


def test_missing_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    assert reasons(check(tmp_path, record("a.jpg"), record("folder.jpg"))) == [
        "cannot be read: No such file or directory",
        "cannot be read: a folder, where a file should be",
    ]


def test_zero_size(tmp_path: Path, picture: Callable[..., Path]) -> None:
    # The size in the frame header of a JPEG: after the marker, its length and the precision.
    path = picture("a.jpg")
    content = bytearray(path.read_bytes())
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = bytes(4)
    path.write_bytes(content)
    assert reasons(check(tmp_path, record("a.jpg")))[0].endswith(", or of zero size")


def test_a_decompression_bomb(tmp_path: Path) -> None:
    Image.new("1", (200, 100)).save(tmp_path / "a.png")
    found = check(tmp_path, record("a.png"), max_pixels=19_999)
    assert reasons(found) == ["200 x 100 pixels, more than the limit of 19999"]


@pytest.mark.parametrize("path", ["../a.jpg", "..", "/etc/passwd", "b/../../a.jpg"])
def test_a_path_that_leaves_the_folder(path: str, tmp_path: Path, picture: Callable[..., Path]) -> None:
    picture("a.jpg")
    (tmp_path / "root").mkdir()
    # Readers spell paths the normal way; the check does not rely on it.
    assert reasons(check(tmp_path / "root", record(path)))[0].startswith(
        "the path leaves the dataset's folder"
    )


@pytest.mark.parametrize("path", ["", "a\0.jpg"])
def test_what_is_not_a_path(path: str, tmp_path: Path) -> None:
    assert reasons(check(tmp_path, record(path))) == ["not a path"]


def test_a_link_that_leaves_the_folder_is_followed_by_name_alone(
    tmp_path: Path, picture: Callable[..., Path]
) -> None:
    outside = picture("elsewhere/a.jpg")
    root = tmp_path / "root"
    root.mkdir()
    (root / "file.jpg").symlink_to(outside)
    (root / "folder").symlink_to(outside.parent)
    records = (record("file.jpg"), record("folder/a.jpg"))
    reason = (
        "the path leaves the dataset's folder by a symbolic link; dataset.links: anywhere would follow it"
    )
    assert reasons(check(root, *records)) == [reason, reason]
    images, _, rejected = check(root, *records, links="anywhere")
    assert [row.path for row in images] == ["file.jpg"]
    # DVC looks through the first link and not through the second, and would not see another a.jpg there.
    assert [(item.path, item.cause) for item in rejected] == [("folder/a.jpg", Cause.LINKED_FOLDER)]
    assert "a link to a folder, into which DVC does not look" in rejected[0].reason


def test_links_inside_and_a_linked_root_are_fine(tmp_path: Path, picture: Callable[..., Path]) -> None:
    picture("root/a.jpg")
    (tmp_path / "root" / "b.jpg").symlink_to("a.jpg")
    (tmp_path / "linked").symlink_to("root")
    assert len(check(tmp_path / "linked", record("a.jpg"), record("b.jpg"))[0]) == 2


def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to("a.jpg")
    assert len(reasons(check(tmp_path, record("a.jpg")))) == 1


def test_another_size_costs_the_boxes_and_keeps_the_labels(
    tmp_path: Path, picture: Callable[..., Path]
) -> None:
    picture("a.jpg")
    picture("turned.jpg", orientation=6)
    picture("no_boxes.jpg")
    box = (1, 1, 5, 5)
    records = (
        record("a.jpg", box, (2, 2, 9, 9), size=(40, 60)),
        record("turned.jpg", box, size=(64, 40)),
        record("no_boxes.jpg", size=(640, 480)),
    )
    images, objects, rejected = check(tmp_path, *records)
    assert [row.labels for row in images] == [(0,)] * 3
    assert objects == []
    assert [(item.kind, item.cause, item.reason) for item in rejected] == [
        ("object", Cause.OTHER_SIZE, "60 x 40 pixels, but annotated as 40 x 60; 2 boxes left out"),
        ("object", Cause.OTHER_SIZE, "40 x 60 pixels, but annotated as 64 x 40; 1 box left out"),
        ("warning", Cause.OTHER_SIZE, "60 x 40 pixels, but annotated as 640 x 480"),
    ]
    images, _, rejected = check(tmp_path, *records, other_size="reject")
    assert images == []
    assert [(item.kind, item.path) for item in rejected] == [
        ("image", name) for name in ("a.jpg", "turned.jpg", "no_boxes.jpg")
    ]


@pytest.mark.parametrize("size", [(59, 39), (61, 40), (62, 42)])
def test_a_pixel_or_two_cost_nothing(
    size: tuple[int, int], tmp_path: Path, picture: Callable[..., Path]
) -> None:
    picture("a.jpg")
    images, objects, rejected = check(tmp_path, record("a.jpg", (1, 1, 5, 5), size=size))
    assert (len(images), len(objects)) == (1, 1)
    reason = f"60 x 40 pixels, but annotated as {size[0]} x {size[1]}"
    assert rejected == [Rejection("warning", "a.jpg", "a.jpg", reason)]
    assert rejected[0].cause is Cause.NEARLY_THE_SIZE


def test_a_box_is_clipped_to_its_image(tmp_path: Path, picture: Callable[..., Path]) -> None:
    picture("a.jpg")
    _, objects, rejected = check(tmp_path, record("a.jpg", (-5, 10, 70, 60)))
    assert objects == [ObjectRow("a.jpg", 0, 0, 10, 60, 40, False, False)]
    assert rejected == []


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((60, 0, 80, 10), "box (60, 0, 80, 10) lies outside of the image of 60 x 40 pixels"),
        ((-9, -9, 0, 0), "box (-9, -9, 0, 0) lies outside of the image of 60 x 40 pixels"),
        ((5, 5, 5, 10), "box (5, 5, 5, 10) is empty"),
        ((5, 5, 2, 10), "box (5, 5, 2, 10) is empty"),
        ((0, 0, float("nan"), 5), "box (0, 0, nan, 5) is not finite"),
        ((0, 0, float("inf"), 5), "box (0, 0, inf, 5) is not finite"),
    ],
)
def test_a_bad_box_is_listed_and_its_image_kept(
    box: tuple[float, float, float, float], reason: str, tmp_path: Path, picture: Callable[..., Path]
) -> None:
    picture("a.jpg")
    images, objects, rejected = check(tmp_path, record("a.jpg", box, (0, 0, 10, 10)))
    assert [row.labels for row in images] == [(0,)]
    assert len(objects) == 1
    assert rejected == [Rejection("object", "a.jpg", "a.jpg", reason)]


def test_every_kind_of_picture_is_accepted(tmp_path: Path) -> None:
    modes = {"1": "png", "L": "jpg", "LA": "png", "P": "gif", "RGBA": "webp", "CMYK": "jpg", "I;16": "png"}
    names = []
    for mode, suffix in modes.items():
        names.append(f"{mode.replace(';', '_')}.{suffix}")
        Image.new(mode, (9, 7)).save(tmp_path / names[-1])
    images, _, rejected = check(tmp_path, *(record(name, size=(9, 7)) for name in names))
    assert {(item.kind, item.reason) for item in rejected} == {
        ("warning", "nearly one colour after decoding")
    }
    assert [row.path for row in images] == names


def test_the_number_of_workers_changes_nothing(tmp_path: Path, picture: Callable[..., Path]) -> None:
    for number in range(40):
        picture(f"{number}.jpg", size=(20 + number, 30))
    (tmp_path / "7.jpg").write_text("no picture")
    records = [record(f"{number}.jpg", (0, 0, 5, 5), (90, 90, 91, 91)) for number in range(41)]
    one, two = check(tmp_path, *records), check(tmp_path, *records, workers=2)
    assert one == two
    assert sorted({item.path for item in one[2] if item.kind == "image"}) == ["40.jpg", "7.jpg"]
