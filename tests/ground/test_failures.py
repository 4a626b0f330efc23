"""Failures in words: real files, damaged, given to the real libraries; and defects, which stay defects."""

import errno
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import safetensors.numpy
from PIL import Image
from ruamel.yaml import YAML

from wsdkd.ground.errors import UserError
from wsdkd.ground.failures import in_words, naming, tell


def read_parquet(path: Path) -> None:
    pq.read_table(path)


def read_hdf5(path: Path) -> None:
    with h5py.File(path) as file:
        file["a"][:]


def read_json(path: Path) -> None:
    json.loads(path.read_text(encoding="utf-8"))


def read_yaml(path: Path) -> None:
    YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def read_zip(path: Path) -> None:
    zipfile.ZipFile(path).testzip()


def read_safetensors(path: Path) -> None:
    safetensors.numpy.load_file(path)


def read_picture(path: Path) -> None:
    with Image.open(path) as picture:
        picture.load()


def write(path: Path) -> None:
    """A whole file, of the kind that its name says."""
    match path.suffix:
        case ".parquet":
            pq.write_table(pa.table({"a": list(range(1000))}), path)
        case ".h5":
            with h5py.File(path, "w") as file:
                file["a"] = np.arange(1000.0)
        case ".zip":
            with zipfile.ZipFile(path, "w") as file:
                file.writestr("a", "b" * 1000)
        case ".safetensors":
            safetensors.numpy.save_file({"a": np.arange(1000.0)}, path)
        case ".png":
            Image.new("RGB", (50, 50), "red").save(path)
        case _:
            path.write_text(json.dumps({"a": "b" * 1000}))


NOTHING: list[int] = []

KINDS: list[tuple[str, Callable[[Path], None], str]] = [
    ("a.parquet", read_parquet, "not a Parquet table"),
    ("a.h5", read_hdf5, "not an HDF5 file"),
    ("a.json", read_json, "not JSON"),
    ("a.yaml", read_yaml, "not YAML"),
    ("a.zip", read_zip, "not a ZIP archive"),
    ("a.safetensors", read_safetensors, "not a file of safetensors"),
    ("a.png", read_picture, "not a picture"),
]


@pytest.mark.parametrize(("name", "read", "words"), KINDS, ids=[kind[0] for kind in KINDS])
def test_a_damaged_file_is_named_with_what_it_is_not(
    tmp_path: Path, name: str, read: Callable[[Path], None], words: str
) -> None:
    path = tmp_path / name
    write(path)
    read(path)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"\0" * len(whole), b"[" * 100_000):
        path.write_bytes(damaged)
        with pytest.raises(UserError) as said, naming(path):
            read(path)
        assert str(said.value).startswith(f"{path}: {words}")
        assert "\n" not in str(said.value)


def test_text_of_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "classes.json"
    path.write_bytes("gr\u00fcn".encode("latin-1"))
    with pytest.raises(UserError, match=r"classes\.json: not UTF-8 \(byte 2: "), naming(path):
        path.read_text(encoding="utf-8")


def test_what_the_operating_system_refuses_names_its_own_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as refused, naming(Path("another")):
        (tmp_path / "gone").read_bytes()
    assert in_words(refused.value) == f"{tmp_path}/gone: No such file or directory"
    odd = FileNotFoundError(errno.ENOENT, "No such file or directory", b"\xff.png")
    assert in_words(odd) == "\ufffd.png: No such file or directory"


def test_a_full_disk_is_said_of_the_file() -> None:
    with pytest.raises(OSError, match="No space left") as full:
        Path("/dev/full").write_text("x" * 100_000)
    assert "the disk is full" in (in_words(full.value) or "")
    named = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "reports/metrics.json")
    assert (in_words(named) or "").startswith("reports/metrics.json: the disk is full (")


def test_memory_names_the_limit_where_there_is_one() -> None:
    code = (
        "import resource, numpy\n"
        "from wsdkd.ground.failures import in_words\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))\n"
        "try: numpy.zeros(1 << 34)\n"
        "except MemoryError as error: print(in_words(error))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("there is not enough memory (Unable to allocate 128. GiB")
    assert "`ulimit -v` of 4,294,967,296 bytes limits this process" in done.stdout


def test_a_card_that_is_too_small_is_no_defect() -> None:
    # As PyTorch says it, on a card of 80 GB.
    said = (
        "CUDA out of memory. Tried to allocate 40.00 GiB. GPU 0 has a total capacity of 79.11 GiB of which "
        "30.02 GiB is free. See documentation for Memory Management"
    )
    line = in_words(RuntimeError(said)) or ""
    assert line.startswith(f"the GPU's memory is too small ({said}); lower the batch (cache.batch_size")
    assert "\n" not in line


def test_defects_are_none_of_these() -> None:
    defects: list[BaseException] = []
    for wrong in (lambda: NOTHING[1], lambda: {}["x"], lambda: int("x"), lambda: None.x):  # type: ignore[attr-defined]
        try:
            wrong()
        except Exception as error:
            defects.append(error)
    assert len(defects) == 4
    assert [in_words(error) for error in defects] == [None] * 4
    with pytest.raises(KeyError), naming(Path("a")):
        raise KeyError("x")


@pytest.mark.parametrize(
    ("debug", "asked", "shown"), [("", True, True), ("", False, False), ("1", False, True)]
)
def test_the_traceback_of_a_defect(
    debug: str, asked: bool, shown: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WSDKD_DEBUG", debug)
    try:
        NOTHING[1]
    except IndexError as error:
        tell(error, traceback_of_defect=asked)
    said = capsys.readouterr().err
    assert ("Traceback" in said) == shown
    last = said.splitlines()[-1]
    assert last.startswith("error: IndexError: list index out of range in test_failures.py, line ")
    assert ("WSDKD_DEBUG=1 shows where" in last) == (debug == "")


def test_a_mistake_of_the_users_has_a_traceback_by_wish_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(UserError("a.csv: is empty"))
    assert capsys.readouterr().err == "error: a.csv: is empty\n"
    monkeypatch.setenv("WSDKD_DEBUG", "1")
    tell(UserError("a.csv: is empty"))
    said = capsys.readouterr().err
    assert said.endswith("UserError: a.csv: is empty\nerror: a.csv: is empty\n")
