import errno
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from wsdkd.ground import files
from wsdkd.ground.files import exchange, publish_file, publish_folder

# Says what it is writing, writes a part of it, and then waits to be killed.
KILLED_WRITER = """
import sys, time
from pathlib import Path
from wsdkd.ground.files import {publish}
with {publish}(Path(sys.argv[1])) as aside:
    target = aside / "part" if aside.is_dir() else aside
    with target.open("w") as file:
        file.write("half of the new ")
        file.flush()
        print("writing", flush=True)
        time.sleep(60)
"""

# Where folders cannot be exchanged, is killed when the old folder has been renamed and the new one has not.
KILLED_BETWEEN = """
import os, signal, sys
from pathlib import Path
from wsdkd.ground import files
def exchange(first, second):
    raise OSError
def replace(self, target, rename=Path.replace):
    if self.name.endswith(".part"):
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)
files.exchange, Path.replace = exchange, replace
with files.publish_folder(Path(sys.argv[1])) as aside:
    (aside / "new").write_text("new")
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_and_fail(target: Path) -> None:
    target.write_text("ne")
    raise RuntimeError("disk")


def kill_a_writer(publish: str, path: Path) -> None:
    command = [sys.executable, "-c", KILLED_WRITER.format(publish=publish), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        os.kill(process.pid, signal.SIGKILL)


def test_a_file_appears_whole_and_in_a_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with publish_file(path) as aside:
        aside.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert names(path.parent) == ["file.txt"]


def test_a_failed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="disk"), publish_file(path) as aside:
        write_and_fail(aside)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_a_writer_that_wrote_nothing_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), publish_file(path):
        pass
    assert path.read_text() == "old"


def test_a_killed_writer_leaves_the_old_file_and_does_not_hinder_the_next(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    kill_a_writer("publish_file", path)
    assert path.read_text() == "old"
    with publish_file(path) as aside:
        assert not aside.exists()
        aside.write_text("new")
    assert path.read_text() == "new"
    assert names(tmp_path) == ["file.txt"]


@pytest.mark.parametrize("publish", ["publish_file", "publish_folder"])
def test_two_writers_of_one_name_do_not_disturb_each_other(publish: str, tmp_path: Path) -> None:
    path = tmp_path / "labels"
    command = [sys.executable, "-c", KILLED_WRITER.format(publish=publish), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "writing\n"
        with getattr(files, publish)(path) as aside:
            (aside if publish == "publish_file" else aside / "part").write_text("whole")
        assert names(tmp_path) == [f".labels.{other.pid}.part", "labels"]
        assert (path if publish == "publish_file" else path / "part").read_text() == "whole"
        other.kill()


def test_a_file_linked_to_a_store_is_replaced_and_the_store_kept(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.write_text("old")
    path = tmp_path / "file.txt"
    path.symlink_to(store)
    with publish_file(path) as aside:
        aside.write_text("new")
    assert store.read_text() == "old"
    assert path.read_text() == "new"
    assert not path.is_symlink()


def test_a_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "stale").write_text("old")
    with publish_folder(path) as aside:
        (aside / "deep").mkdir()
        (aside / "deep" / "file").write_text("new")
        assert (path / "stale").exists()
    assert [str(found.relative_to(path)) for found in sorted(path.rglob("*"))] == ["deep", "deep/file"]
    assert names(tmp_path) == ["folder"]


def test_a_failed_writer_leaves_the_old_folder(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").write_text("old")
    with pytest.raises(RuntimeError, match="disk"), publish_folder(path) as aside:
        write_and_fail(aside / "new")
    assert names(path) == ["old"]
    assert names(tmp_path) == ["folder"]


def test_a_killed_writer_leaves_the_old_folder_and_does_not_hinder_the_next(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").write_text("old")
    kill_a_writer("publish_folder", path)
    assert names(path) == ["old"]
    with publish_folder(path) as aside:
        assert names(aside) == []
        (aside / "new").write_text("new")
    assert names(path) == ["new"]
    assert names(tmp_path) == ["folder"]


@pytest.fixture(params=["exchanged", "renamed"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways for a new folder to take the old one's place."""
    if request.param == "renamed":

        def refused(*_: Path) -> None:
            raise OSError(errno.EINVAL, "this file system cannot")

        monkeypatch.setattr(files, "exchange", refused)
    return str(request.param)


@pytest.mark.parametrize("error", [PermissionError("denied"), KeyboardInterrupt()])
def test_the_old_folder_comes_back_where_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, way: str
) -> None:
    path = old_folder(tmp_path)
    rename = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if self.name.endswith(".part"):
            raise error
        return rename(self, target)

    def failing_exchange(*_: Path) -> None:
        raise error

    monkeypatch.setattr(Path, "replace", failing)
    if way == "exchanged":
        monkeypatch.setattr(files, "exchange", failing_exchange)
    with pytest.raises(type(error)), publish_folder(path) as aside:
        (aside / "new").write_text("new")
    assert names(path) == ["old"]
    assert names(tmp_path) == ["folder"]


def test_an_interrupt_right_after_the_old_folder_was_renamed_brings_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old_folder(tmp_path)
    rename = Path.replace

    def interrupted(self: Path, target: Path) -> Path:
        rename(self, target)
        if target.name.endswith(".old"):
            raise KeyboardInterrupt
        return target

    monkeypatch.setattr(files, "exchange", lambda *_: shutil.move(tmp_path / "none", tmp_path))
    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), publish_folder(path) as aside:
        (aside / "new").write_text("new")
    assert names(path) == ["old"]
    assert names(tmp_path) == ["folder"]


def test_a_folder_that_a_killed_process_left_under_another_name_is_brought_back(tmp_path: Path) -> None:
    path = old_folder(tmp_path)
    assert subprocess.run([sys.executable, "-c", KILLED_BETWEEN, str(path)], check=False).returncode == -9
    assert [re.sub(r"\d+", "N", name) for name in names(tmp_path)] == [".folder.N.part", ".folder.old"]
    with pytest.raises(RuntimeError, match="disk"), publish_folder(path) as aside:
        write_and_fail(aside / "new")
    assert names(path) == ["old"]
    assert names(tmp_path) == ["folder"]


def test_either_way_the_new_folder_takes_the_place_of_a_folder_a_file_or_a_link(
    tmp_path: Path, way: str
) -> None:
    del way
    kept = old_folder(tmp_path / "kept")
    targets = [old_folder(tmp_path), tmp_path / "file", tmp_path / "link", tmp_path / "missing"]
    targets[1].write_text("old")
    targets[2].symlink_to(kept)
    for path in targets:
        with publish_folder(path) as aside:
            (aside / "new").write_text("new")
        assert names(path) == ["new"]
    assert names(kept) == ["old"]
    assert names(tmp_path) == ["file", "folder", "kept", "link", "missing"]


def test_two_folders_exchange_their_names(tmp_path: Path) -> None:
    first, second = old_folder(tmp_path / "1"), old_folder(tmp_path / "2")
    (second / "more").write_text("2")
    try:
        exchange(first, second)
    except OSError as error:
        pytest.skip(f"not on this system: {error}")
    assert names(first) == ["more", "old"]
    assert names(second) == ["old"]
    with pytest.raises(FileNotFoundError):
        exchange(first, tmp_path / "missing")


def old_folder(parent: Path) -> Path:
    path = parent / "folder"
    path.mkdir(parents=True)
    (path / "old").write_text("old")
    return path
