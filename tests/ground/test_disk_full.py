"""A disk without room: one line that names the path and the bytes, and what was there stays."""

import errno
import os
import re
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.numpy import save_file

from wsdkd.ground.errors import DiskFullError, UserError, disk_full
from wsdkd.ground.files import publish_file, publish_folder
from wsdkd.ground.spool import Spool
from wsdkd.training.record import Resume

ROOM = 256 * 1024
MORE = np.random.default_rng(0).random(ROOM)  # of 8 bytes each, and nothing that compression makes smaller


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The folder of a file system that holds 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"nobody may mount a file system here: {error}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may grow beyond 256 KiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _plain(path: Path) -> None:
    with path.open("wb") as file:
        file.write(MORE.tobytes())


def _parquet(path: Path) -> None:
    pq.write_table(pa.table({"numbers": MORE}), path)


def _hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["numbers"] = MORE


def _safetensors(path: Path) -> None:
    save_file({"numbers": MORE}, path)


def _torch(path: Path) -> None:
    with path.open("wb") as file:
        torch.save(torch.from_numpy(MORE), file)


WRITERS = [_plain, _parquet, _hdf5, _safetensors, _torch]


@pytest.mark.parametrize("write", WRITERS)
def test_a_file_that_does_not_fit_leaves_the_old_one(small_disk: Path, write: Callable[[Path], None]) -> None:
    path = small_disk / "file"
    path.write_text("old")
    message = rf"^{re.escape(str(path))}: the disk is full \([\d,]+ are free\); make room and run it again$"
    with pytest.raises(UserError, match=message), publish_file(path) as aside:
        write(aside)
    assert path.read_text() == "old"
    assert [found.name for found in small_disk.iterdir()] == ["file"]


def test_a_folder_that_does_not_fit_leaves_the_old_one(small_disk: Path) -> None:
    path = small_disk / "folder"
    path.mkdir()
    (path / "file").write_text("old")
    with (
        pytest.raises(DiskFullError, match=r"folder: the disk is full") as caught,
        publish_folder(path) as aside,
    ):
        _plain(aside / "file")
    assert caught.value.errno == errno.ENOSPC
    assert (path / "file").read_text() == "old"
    assert [found.name for found in small_disk.iterdir()] == ["folder"]


def test_rows_that_do_not_fit_are_counted_and_those_before_stay(small_disk: Path) -> None:
    spool = Spool(small_disk, np.float64)
    spool.append(MORE[:1000])
    missing = f"{MORE.nbytes + 8000 - ROOM:,} bytes are still to be written, 0 are free"
    with pytest.raises(DiskFullError, match=rf"disk: the disk is full \({missing}\); make room"):
        spool.append(MORE)
    np.testing.assert_array_equal(spool[0:1000], MORE[:1000])
    assert len(spool) == 1000


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("write", [_plain, _parquet, _hdf5, _safetensors])
def test_a_file_that_grows_too_large(tmp_path: Path, write: Callable[[Path], None]) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    message = (
        rf"^{re.escape(str(path))}: the file is larger than this disk, or .*`ulimit -f`, allows; make room"
    )
    with pytest.raises(DiskFullError, match=message), publish_file(path) as aside:
        write(aside)
    assert path.read_text() == "old"


@pytest.mark.usefixtures("small_files")
def test_the_state_of_a_training_that_grows_too_large(tmp_path: Path) -> None:
    states = Resume(tmp_path / "state")
    states.save(0, {"epoch": 1})
    message = r"phase-0\.pt: the file is larger than this disk, or .*`ulimit -f`, allows; make room"
    with pytest.raises(DiskFullError, match=message):
        states.save(0, {"numbers": torch.from_numpy(MORE)})
    assert states.load(0) == {"epoch": 1}


def test_another_error_is_none_of_this(tmp_path: Path) -> None:
    assert disk_full(PermissionError(errno.EACCES, os.strerror(errno.EACCES)), tmp_path) is None
    assert disk_full(RuntimeError("no space"), tmp_path) is None
    with pytest.raises(PermissionError), publish_file(tmp_path / "file"):
        raise PermissionError


def test_the_quota_is_told_from_the_disk(tmp_path: Path) -> None:
    full = disk_full(OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), tmp_path / "not yet" / "there", 5000)
    assert full is not None
    assert re.fullmatch(
        r".*not yet/there: the quota on this disk is used up \(5,000 bytes are still to be written, "
        r"[\d,]+ are free\); make room and run it again",
        str(full),
    )
