import os
import socket
from pathlib import Path

import pytest

from wsdkd.ground.errors import UserError
from wsdkd.ground.reading import NoFileError, NotReadError, file_of, read_regular, require_file, stretch_of


def test_the_bytes_of_a_file_and_of_a_link_to_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").symlink_to("a")
    assert read_regular(tmp_path / "a", 3) == read_regular(tmp_path / "b", 3) == b"abc"


def test_a_file_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abcd")
    with pytest.raises(NotReadError, match=r"^4 bytes, more than the limit of 3$"):
        read_regular(tmp_path / "a", 3)


def test_a_pipe_is_refused_at_once_and_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(NotReadError, match="a pipe, where a file should be"):
        read_regular(tmp_path / "a.jpg", 100)


def test_a_socket_a_device_and_a_folder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(NotReadError, match=r"^cannot be read: "):
            read_regular(Path("s"), 100)
    with pytest.raises(NotReadError, match="a device, where a file should be"):
        read_regular(Path("/dev/zero"), 100)
    with pytest.raises(NotReadError, match=r"^cannot be read: a folder, where a file should be$"):
        read_regular(tmp_path, 100)


@pytest.mark.parametrize("name", ["missing", "file/below"])
def test_what_is_not_there(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NoFileError, match=r"^cannot be read: "):
        read_regular(tmp_path / name, 100)


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    with pytest.raises(NotReadError, match=r"^not a path$"):
        read_regular(tmp_path / "a\0b", 100)
    with pytest.raises(NotReadError, match=r"^not a path$"):
        read_regular(tmp_path / "\ud800", 100)
    with pytest.raises(NotReadError, match=r"^cannot be read: File name too long$"):
        read_regular(tmp_path / ("a" * 300), 100)


def test_a_stretch_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "shard.tar").write_bytes(b"0123456789")
    path = stretch_of("shard.tar", 3, 4)
    assert path == "shard.tar#3+4"
    assert read_regular(tmp_path / path, 4) == b"3456"
    assert file_of(path) == file_of("shard.tar") == "shard.tar"
    assert file_of("a#1.jpg") == "a#1.jpg"
    with pytest.raises(NotReadError, match=r"^4 bytes, more than the limit of 3$"):
        read_regular(tmp_path / path, 3)
    with pytest.raises(NotReadError, match=r"^cut off: 10 bytes, but a picture ends at 11$"):
        read_regular(tmp_path / stretch_of("shard.tar", 7, 4), 100)
    with pytest.raises(NoFileError):
        read_regular(tmp_path / stretch_of("no.tar", 0, 1), 100)


def test_a_file_with_the_name_of_a_stretch(tmp_path: Path) -> None:
    (tmp_path / "photo#1+2").write_bytes(b"abc")
    assert read_regular(tmp_path / "photo#1+2", 3) == b"abc"


def test_a_library_is_given_files_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    require_file(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    for path, reason in {
        tmp_path / "none": "no such file; make one",
        tmp_path / "file" / "below": "cannot be read: Not a directory",
        tmp_path: "a folder, where a file should be",
        tmp_path / "pipe": "a pipe, where a file should be",
        Path("/dev/null"): "a device, where a file should be",
    }.items():
        with pytest.raises(UserError, match=f"^{path}: {reason}$"):
            require_file(path, "make one")
