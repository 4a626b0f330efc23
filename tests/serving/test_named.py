from pathlib import Path

from wsdkd.serving.named import find_pictures


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_pictures_of_folders_within_folders_in_order(tmp_path: Path) -> None:
    touch(tmp_path, "b/2.JPG", "b/1.png", "b/in a box/3.webp", "a.tiff", "b/notes.txt", "b/README", "b/x.txt")
    found = find_pictures([tmp_path])
    names = [path.relative_to(tmp_path).as_posix() for path in found.pictures]
    assert names == ["a.tiff", "b/1.png", "b/2.JPG", "b/in a box/3.webp"]
    assert found.passed_over == {".txt": 2, "": 1}
    assert found.closed == []


def test_a_named_file_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    touch(tmp_path, "picture", "a.png")
    paths = [tmp_path / "picture", tmp_path / "gone.jpg", tmp_path, tmp_path / "picture"]
    found = find_pictures(paths)
    assert found.pictures == [tmp_path / "picture", tmp_path / "gone.jpg", tmp_path / "a.png"]


def test_links_to_folders_are_counted_and_not_followed(tmp_path: Path) -> None:
    touch(tmp_path, "in/a.png")
    (tmp_path / "in" / "ring").symlink_to(tmp_path)
    found = find_pictures([tmp_path / "in"])
    assert found.pictures == [tmp_path / "in/a.png"]
    assert found.passed_over == {"links to folders": 1}


def test_formats_that_are_not_decoded_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "page.eps", "page.pdf", "icon.ico", "photo.jpeg")
    assert [path.name for path in find_pictures([tmp_path]).pictures] == ["photo.jpeg"]
