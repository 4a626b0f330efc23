"""Arrays that several processes of a machine read: made once, and gone with the last of them."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from tests.ground.unpacking_process import LAYOUT, ROWS, total, unpacking_of
from wsdkd.ground.errors import DiskFullError
from wsdkd.ground.spool import Spool
from wsdkd.ground.unpacked import Unpacking, unpack

SUM = 2 * ROWS * sum(b"abc")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file that was written a minute ago."""
    return write(tmp_path / "source", b"abc")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Takes folders of arrays; it is not there yet."""
    return tmp_path / "shared"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Has a line for each time that arrays were made."""
    path = tmp_path / "log"
    path.touch()
    return path


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(source: Path, shared: Path, log: Path) -> Iterator[Start]:
    """Starts a process that unpacks."""
    with ExitStack() as running:

        def start(*options: str, of: Path = source) -> subprocess.Popen[str]:
            command = [sys.executable, "-m", "tests.ground.unpacking_process", *map(str, (of, shared, log))]
            return running.enter_context(
                subprocess.Popen(
                    [*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )

        yield start


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    minute_ago = path.stat().st_mtime - 60
    os.utime(path, (minute_ago, minute_ago))
    return path


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(30) == 0


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    assert process.wait(30) == -signal.SIGKILL


def test_of_processes_that_start_together_one_makes_what_all_read(
    start: Start, shared: Path, log: Path
) -> None:
    processes = [start() for _ in range(4)]
    assert [said(process) for process in processes] == [str(SUM)] * 4
    assert log.read_text() == "made\n"
    (folder,) = shared.iterdir()
    assert sum(path.stat().st_size for path in folder.iterdir()) == 3 * ROWS * (16 + 4)
    for process in processes[:3]:
        end(process)
    assert list(shared.iterdir()) == [folder]
    end(processes[3])
    assert not shared.exists()


def test_where_the_maker_is_killed_one_that_waits_makes_it(start: Start, shared: Path, log: Path) -> None:
    maker = start("stops")
    assert said(maker) == "half"
    waits = [start() for _ in range(2)]
    kill(maker)
    assert [said(process) for process in waits] == [str(SUM)] * 2
    assert log.read_text() == "made\n" * 2
    for process in waits:
        end(process)
    assert not shared.exists()


def test_what_a_killed_reader_left_is_used(start: Start, source: Path, shared: Path, log: Path) -> None:
    reader = start()
    assert said(reader) == str(SUM)
    kill(reader)
    (folder,) = shared.iterdir()
    spools = unpack(unpacking_of(source, log), source.parent, shared)
    assert total(spools) == SUM
    assert log.read_text() == "made\n"
    assert list(shared.iterdir()) == [folder]
    del spools
    assert not shared.exists()


@pytest.mark.parametrize("killed", ["making", "reading"])
def test_what_a_killed_process_left_goes_when_another_makes_something_else(
    start: Start, tmp_path: Path, shared: Path, log: Path, killed: str
) -> None:
    process, reader = start(*["stops"] * (killed == "making")), start(of=write(tmp_path / "read", b"d"))
    assert said(process) == ("half" if killed == "making" else str(SUM))
    assert said(reader) == str(2 * ROWS * ord("d"))
    kill(process)
    assert len(list(shared.iterdir())) == 2
    other = write(tmp_path / "other", b"x")
    spools = unpack(unpacking_of(other, log), tmp_path, shared)
    assert total(spools) == 2 * ROWS * ord("x")
    assert len(list(shared.iterdir())) == 2  # ours, and the one that is read
    del spools
    end(reader)
    assert not shared.exists()


def test_a_changed_file_is_another_one(source: Path, shared: Path, log: Path) -> None:
    before = unpack(unpacking_of(source, log), source.parent, shared)
    write(source, b"xyz")  # of the same size
    after = unpack(unpacking_of(source, log), source.parent, shared)
    assert (total(before), total(after)) == (SUM, 2 * ROWS * sum(b"xyz"))


def test_so_are_other_arrays_of_it(source: Path, shared: Path, log: Path) -> None:
    first = unpacking_of(source, log)
    held = unpack(first, source.parent, shared)
    others = unpack(Unpacking(first.sources, "others", LAYOUT, first.fill), source.parent, shared)
    assert len(list(shared.iterdir())) == 2
    assert log.read_text() == "made\n" * 2
    del held, others
    assert not shared.exists()


def test_a_file_that_was_written_just_now_is_not_shared(source: Path, shared: Path, log: Path) -> None:
    source.write_bytes(b"abc")
    assert total(unpack(unpacking_of(source, log), source.parent, shared)) == SUM
    assert not shared.exists()


def test_what_a_process_does_not_share_leaves_no_name(source: Path, log: Path) -> None:
    before = set(source.parent.iterdir())
    spools = unpack(unpacking_of(source, log), source.parent, None)
    assert total(spools) == SUM
    assert set(source.parent.iterdir()) == before


def test_where_nobody_may_write_a_folder_for_temporary_files_is_shared(
    source: Path, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    both = [unpack(unpacking_of(source, log), source.parent, log / "no folder") for _ in range(2)]
    (place,) = (tmp_path / "temporary").iterdir()
    assert place.stat().st_mode & 0o777 == 0o700
    assert len(list(place.iterdir())) == 1
    assert [total(spools) for spools in both] == [SUM] * 2
    assert log.read_text() == "made\n"
    both.clear()
    assert not place.exists()


def test_a_temporary_folder_that_others_may_write_to_is_not_trusted(
    source: Path, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / f"wsdkd-{os.getuid()}"
    place.mkdir()
    place.chmod(0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spools = unpack(unpacking_of(source, log), source.parent, log / "no folder")
    assert total(spools) == SUM
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("error", [ValueError("damaged"), OSError(28, "No space left on device")])
def test_a_maker_that_fails_leaves_nothing(source: Path, shared: Path, log: Path, error: Exception) -> None:
    def fill(spools: Mapping[str, Spool]) -> None:
        spools["rows"].append(np.zeros((3, 2)))
        raise error

    expected = pytest.raises(DiskFullError, match="the disk is full") if isinstance(error, OSError) else None
    with expected or pytest.raises(ValueError, match="damaged"):
        unpack(Unpacking([source], "rows of a test", LAYOUT, fill), source.parent, shared)
    assert not shared.exists()
    assert total(unpack(unpacking_of(source, log), source.parent, shared)) == SUM


def test_a_forked_process_reads_on_and_takes_nothing_away(source: Path, shared: Path, log: Path) -> None:
    spools = unpack(unpacking_of(source, log), source.parent, shared)
    waits, ends = os.pipe()
    readers = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            os.close(ends)
            one = spools.pop("rows")
            del spools  # as a worker does that is done with them
            os.read(waits, 1)
            os._exit(0 if len(one) == 3 * ROWS and (one[0:ROWS] == ord("a")).all() else 1)
        readers.append(child)
    assert len(list(shared.iterdir())) == 1
    del spools
    assert not shared.exists()
    os.close(ends)
    os.close(waits)
    assert [os.waitpid(child, 0)[1] for child in readers] == [0, 0]
