"""A folder as a table of digests: which files are read again, and what is noticed."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from wsdkd.datasets import listing
from wsdkd.datasets.listing import list_files
from wsdkd.ground.errors import UserError


class Folder:
    """A folder with its listing, and an index that trusts what is older than ``settled`` nanoseconds."""

    def __init__(self, root: Path):
        self.root, self.to, self.index = (
            root / "photographs",
            root / "to/files.parquet",
            root / "index.parquet",
        )
        for name in ("b/2.jpg", "b/1.jpg", "a/3.jpg", "labels.csv"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(name)

    def list(self) -> int:
        return list_files(self.root, self.to, self.index)

    def listed(self) -> dict[str, bytes]:
        rows = pq.read_table(self.to).to_pylist()
        for row in rows:
            assert row["bytes"] == (self.root / row["path"].decode()).stat().st_size
        return {row["path"].decode(): row["sha256"] for row in rows}

    def expected(self) -> dict[str, bytes]:
        files = [path for path in self.root.rglob("*") if path.is_file()]
        return {
            path.relative_to(self.root).as_posix(): hashlib.sha256(path.read_bytes()).digest()
            for path in files
        }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setattr(listing, "SETTLED_NS", 0)
    return Folder(tmp_path)


def test_unchanged_files_are_not_read_again(folder: Folder) -> None:
    assert folder.list() == 4
    assert folder.listed() == folder.expected()
    first = folder.to.read_bytes()
    assert folder.list() == 0
    assert folder.to.read_bytes() == first


def _edit(path: Path) -> None:
    path.write_text("B" + path.read_text()[1:])


def _edit_unseen(path: Path) -> None:
    """Another content of the same size, with the modification time of before."""
    before = path.stat()
    _edit(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replace(path: Path) -> None:
    """By a file that was written before, as ``mv`` and ``rsync`` do it."""
    other = path.with_name("other")
    other.write_text("B" + path.read_text()[1:])
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize("change", [_edit, _edit_unseen, _replace])
def test_a_changed_file_is_read_again(folder: Folder, change: Callable[[Path], None]) -> None:
    folder.list()
    before = folder.listed()
    time.sleep(0.02)  # more than a tick of the file system's clock
    change(folder.root / "b/1.jpg")
    assert folder.list() == 1
    assert folder.listed() == folder.expected() != before


def test_new_and_removed_files(folder: Folder) -> None:
    folder.list()
    (folder.root / "b/1.jpg").unlink()
    (folder.root / "b/0.jpg").write_text("new")
    (folder.root / "linked.jpg").symlink_to("a/3.jpg")
    (folder.root / "linked").symlink_to("a")
    assert folder.list() == 2
    assert folder.listed() == folder.expected()
    assert set(folder.listed()) == {"b/2.jpg", "b/0.jpg", "a/3.jpg", "labels.csv", "linked.jpg"}


def test_a_link_that_leads_nowhere_is_listed_and_noticed_when_it_does(folder: Folder) -> None:
    (folder.root / "linked.jpg").symlink_to(folder.root.parent / "later.jpg")
    assert folder.list() == 4
    nowhere = folder.to.read_bytes()
    (folder.root.parent / "later.jpg").write_text("here")
    assert folder.list() == 1
    assert folder.to.read_bytes() != nowhere
    assert folder.listed() == folder.expected()


def test_a_file_that_has_just_changed_is_not_trusted(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    # A second edit within one tick of the clock would leave size and times as they are.
    monkeypatch.setattr(listing, "SETTLED_NS", 3600 * 10**9)
    assert [folder.list(), folder.list()] == [4, 4]


def test_what_an_interrupted_listing_has_read_is_kept(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = listing.sha256

    def stopped(path: Path) -> str:
        if path.name == "2.jpg":
            raise KeyboardInterrupt
        return read(path)

    monkeypatch.setattr(listing, "sha256", stopped)
    monkeypatch.setattr(listing, "PART", 1)
    with pytest.raises(KeyboardInterrupt):
        folder.list()
    assert not folder.to.exists()
    monkeypatch.setattr(listing, "sha256", read)
    assert folder.list() == 1
    assert folder.listed() == folder.expected()


def test_a_damaged_index_counts_as_none(folder: Folder) -> None:
    folder.list()
    folder.index.write_bytes(folder.index.read_bytes()[:-20])
    assert folder.list() == 4
    assert folder.listed() == folder.expected()


def test_a_folder_that_is_missing(folder: Folder) -> None:
    with pytest.raises(UserError, match=r"nowhere: not a folder; params.yaml, dataset.listed"):
        list_files(folder.root / "nowhere", folder.to, folder.index)
