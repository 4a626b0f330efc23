import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from wsdkd.ground.files import publish_file, publish_folder

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
