"""Files that lie elsewhere than the annotations say: all by way of the check, which opens what is found."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal
from unicodedata import normalize

import pytest

from wsdkd.datasets.checks.images import Rules, check_images
from wsdkd.datasets.reading.records import ImageRecord
from wsdkd.datasets.reading.rejections import Cause

Picture = Callable[..., Path]

CAFE = "caf\u00e9"
CAFE_IN_TWO = normalize("NFD", CAFE)


def look(
    root: Path, *paths: str, folder: str = "", links: Literal["inside", "anywhere"] = "inside"
) -> tuple[list[str], list[str]]:
    """Where files were found, and the reasons of images that were not."""
    records = [ImageRecord(path, path, "train", (0,), folder=folder) for path in paths]
    found = check_images(records, root, Rules(10_000, links), workers=1)
    assert [row.path for row in found.images] == [row.image_id for row in found.images]
    warned = [item.path for item in found.rejected if item.cause is Cause.ELSEWHERE]
    assert sorted(warned) == sorted({row.path for row in found.images} - set(paths))
    return [row.path for row in found.images], [
        item.reason for item in found.rejected if item.kind == "image"
    ]


@pytest.mark.parametrize(
    ("written", "there"),
    [
        ("pics\\sub\\a.jpg", "pics/sub/a.jpg"),
        ("pics/a.JPG", "pics/a.jpg"),
        ("Pics/a.jpg", "pics/a.jpg"),
        ("pics/a%20b.jpg", "pics/a b.jpg"),
        (f"pics/{CAFE}.jpg", f"pics/{CAFE_IN_TWO}.jpg"),
        (f"pics/{CAFE_IN_TWO}.jpg", f"pics/{CAFE}.jpg"),
        ("pics/pics/a.jpg", "pics/a.jpg"),
        ("/data/local-files/a.jpg", "pics/a.jpg"),
        ("C:\\Users\\me\\a.jpg", "pics/a.jpg"),
        ("../../label-studio/media/upload/4/a.jpg", "pics/a.jpg"),
        ("https://example.org/upload/a.jpg?size=large", "pics/a.jpg"),
        ("/data/local-files/?d=upload/a.jpg", "pics/a.jpg"),
        ("a.jpg", "pics/deep/a.jpg"),
    ],
)
def test_another_spelling_or_a_folder_that_is_not_here_is_found(
    written: str, there: str, tmp_path: Path, picture: Picture
) -> None:
    picture(there)
    picture("pics/other.jpg")
    assert look(tmp_path, written, "pics/other.jpg") == ([there, "pics/other.jpg"], [])


def test_a_file_missing_from_a_folder_that_is_here_is_not_taken_from_another(
    tmp_path: Path, picture: Picture
) -> None:
    # Masks often have the names of their pictures.
    picture("images/b.jpg")
    picture("masks/a.jpg")
    reason = "cannot be read: No such file or directory; of its name there is masks/a.jpg"
    assert look(tmp_path, "images/a.jpg", "images/b.jpg") == (["images/b.jpg"], [reason])


def test_of_several_the_one_whose_folders_fit_best_is_taken(tmp_path: Path, picture: Picture) -> None:
    picture("set/train/a.jpg")
    picture("set/val/a.jpg")
    assert look(tmp_path, "/home/me/val/a.jpg")[0] == ["set/val/a.jpg"]
    reason = "the path leaves the dataset's folder; of its name there is set/train/a.jpg, set/val/a.jpg"
    assert look(tmp_path, "/home/me/other/a.jpg") == ([], [reason])


def test_another_images_file_is_never_taken(tmp_path: Path, picture: Picture) -> None:
    picture("val/a.jpg")
    paths, reasons = look(tmp_path, "val/a.jpg", "/elsewhere/a.jpg")
    assert paths == ["val/a.jpg"]
    assert reasons == ["the path leaves the dataset's folder; of its name there is val/a.jpg"]


def test_a_file_that_two_ask_for_belongs_to_neither(tmp_path: Path, picture: Picture) -> None:
    picture("pics/a.jpg")
    paths, reasons = look(tmp_path, "/one/a.jpg", "/two/a.jpg")
    assert paths == []
    assert reasons == ["the path leaves the dataset's folder; of its name there is pics/a.jpg"] * 2


def test_it_is_looked_for_below_the_annotations_own_folder(tmp_path: Path, picture: Picture) -> None:
    picture("val/a.jpg")
    picture("train/b.jpg")
    reason = "the path leaves the dataset's folder; of its name there is val/a.jpg"
    assert look(tmp_path, "/x/a.jpg", "/x/b.jpg", folder="train") == (["train/b.jpg"], [reason])


def test_what_is_nowhere_is_said_plainly(tmp_path: Path, picture: Picture) -> None:
    picture("b.jpg")
    assert look(tmp_path, "a.jpg")[1] == ["cannot be read: No such file or directory"]


def test_many_places_are_counted(tmp_path: Path, picture: Picture) -> None:
    for number in range(6):
        picture(f"{number}/a.jpg")
    assert look(tmp_path, "a.jpg")[1][0].endswith("there is 0/a.jpg, 1/a.jpg, 2/a.jpg and 3 more places")


def test_links_are_followed_as_far_as_they_may_and_a_ring_ends(tmp_path: Path, picture: Picture) -> None:
    picture("disk/pics/a.jpg")
    root = tmp_path / "root"
    root.mkdir()
    (root / "far").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "ring").symlink_to(tmp_path / "disk")
    assert look(root, "/x/a.jpg")[0] == []
    found, reasons = look(root, "/x/a.jpg", links="anywhere")
    assert found == []
    assert "a link to a folder, into which DVC does not look: far/pics/a.jpg" in reasons[0]


def test_a_link_out_of_the_dataset_is_not_the_file(tmp_path: Path, picture: Picture) -> None:
    outside = picture("disk/a.jpg")
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.jpg").symlink_to(outside)
    assert look(root, "/x/a.jpg")[0] == []
