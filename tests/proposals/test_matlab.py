"""Cell arrays of MATLAB's older files: as SciPy writes them, written by hand, and damaged."""

import random
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from wsdkd.ground.errors import UserError
from wsdkd.proposals.files import FileError
from wsdkd.proposals.from_file import read_file
from wsdkd.proposals.matlab import read_mat

NAMES = ["000001", "b.jpg", "\u00e9t\u00e9"]
BOXES = np.array([[1, 2, 11, 22], [3, 4, 13, 9], [0, 0, 5, 6]])


def cells(values: list[Any]) -> np.ndarray:
    table = np.empty((len(values), 1), dtype=object)
    for place, value in enumerate(values):
        table[place, 0] = value
    return table


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "i4", "i8", "f4", "f8"])
def test_what_scipy_writes(tmp_path: Path, kind: str, compressed: bool) -> None:
    path = tmp_path / "boxes.mat"
    content = {
        "note": "of no interest",
        "images": cells(NAMES),
        "boxes": cells([BOXES[:2].astype(kind), np.zeros((0, 4)), BOXES[2:].astype(kind)]),
        "scores": cells([np.array([[0.5], [0.25]], "f4"), np.zeros((0, 0)), np.array([[1]], "u1")]),
        "more": {"a": 1.0, "b": [2, 3]},
    }
    scipy.io.savemat(path, content, do_compression=compressed)
    found = read_mat(path)
    assert found.image_ids == tuple(NAMES)
    assert found.counts.tolist() == [2, 0, 1]
    np.testing.assert_array_equal(found.boxes, BOXES)
    assert found.scores is not None
    assert found.scores.tolist() == [0.5, 0.25, 1]


def element(order: str, kind: int, content: bytes) -> bytes:
    head = struct.pack(f"{order}II", kind, len(content))
    if 0 < len(content) <= 4:  # the short form: the size in the upper half of the kind
        return struct.pack(f"{order}I", len(content) << 16 | kind) + content.ljust(4, b"\0")
    return head + content + bytes(-len(content) % 8)


def array(order: str, name: str, class_: int, shape: tuple[int, ...], content: bytes) -> bytes:
    flags = element(order, 6, struct.pack(f"{order}II", class_, 0))
    sizes = element(order, 5, struct.pack(f"{order}{len(shape)}i", *shape))
    return element(order, 14, flags + sizes + element(order, 1, name.encode()) + content)


def written_by_hand(order: str, boxes: bytes | None = None, shape: tuple[int, int] = (1, 4)) -> bytes:
    """Two images with a box each, the second box as bytes: MATLAB stores small numbers so."""
    names = [
        element(order, 4, text.encode("utf-16-be" if order == ">" else "utf-16-le")) for text in ("a", "bc")
    ]
    texts = array(order, "", 4, (1, 1), names[0]) + array(order, "", 4, (1, 2), names[1])
    first = element(order, 9, struct.pack(f"{order}4d", 1, 2, 30.5, 40))
    second = element(order, 2, bytes([5, 6, 70, 80])) if boxes is None else boxes
    tables = array(order, "", 6, (1, 4), first) + array(order, "", 6, shape, second)
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}HH", 0x0100, 0x4D49)
    return header + array(order, "images", 1, (1, 2), texts) + array(order, "boxes", 1, (2, 1), tables)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_file_written_by_hand_in_either_order_of_bytes(tmp_path: Path, order: str) -> None:
    path = tmp_path / "boxes.mat"
    path.write_bytes(written_by_hand(order))
    found = read_mat(path)
    assert found.image_ids == ("a", "bc")
    assert found.boxes.tolist() == [[1, 2, 30.5, 40], [5, 6, 70, 80]]
    assert found.scores is None
    if order == "<":
        known = scipy.io.loadmat(path)
        assert known["boxes"][1, 0].tolist() == [[5, 6, 70, 80]]
        assert known["images"][0, 1].tolist() == ["bc"]


@pytest.mark.parametrize(
    ("boxes", "shape", "reason"),
    [
        (element("<", 2, bytes(3)), (1, 4), "3 numbers, and 4 by the sizes of their array"),
        (element("<", 2, bytes(4)), (2**31 - 1, 4), "4 numbers, and 8589934588 by the sizes"),
        (element("<", 99, bytes(4)), (1, 4), "numbers of kind 99"),
        (struct.pack("<II", 2, 2**31) + bytes(8), (1, 4), "an element ends beyond the one that it lies in"),
        (element("<", 2, bytes(4)) * 2, (1, 4), "neither numbers nor text, but class 6"),
        (b"", (1, 4), "neither numbers nor text, but class 6"),
    ],
)
def test_a_structure_that_cannot_be_is_named(
    tmp_path: Path, boxes: bytes, shape: tuple[int, int], reason: str
) -> None:
    path = tmp_path / "boxes.mat"
    path.write_bytes(written_by_hand("<", boxes, shape))
    with pytest.raises(FileError, match=rf"^{path}: not a MATLAB file that can be read: .*{reason}"):
        read_mat(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "boxes.mat"
    scipy.io.savemat(path, {"boxes": np.ones((3, 4))}, format="4")  # which has no cell arrays
    with pytest.raises(FileError, match="it does not begin as files of versions 5 to 7 do"):
        read_mat(path)
    scipy.io.savemat(path, {"images": cells(["a"]), "boxes": cells([np.array([[1j, 2, 3, 4]])])})
    with pytest.raises(FileError, match="neither numbers nor text"):
        read_mat(path)
    scipy.io.savemat(path, {"images": cells([cells(["a"])]), "boxes": cells([BOXES])})
    with pytest.raises(FileError, match="a cell: neither numbers nor text, but class 1"):
        read_mat(path)
    scipy.io.savemat(path, {"images": cells(["a"]), "boxes": cells(["abcd"])})
    with pytest.raises(FileError, match=r"image a: boxes: expected \(n, 4\) numbers, found the text 'abcd'"):
        read_mat(path)


DAMAGED = """
import sys
from pathlib import Path
from tests.proposals.test_matlab import read_damaged
read_damaged(Path(sys.argv[1]), int(sys.argv[2]))
"""


def read_damaged(path: Path, count: int) -> None:
    """Damage a file in many ways, and read it each time: refused in one line, or read."""
    whole, rng, refusals = path.read_bytes(), random.Random(0), []
    for _ in range(count):
        damaged = bytearray(whole)
        for place in rng.sample(range(len(whole)), rng.choice((1, 3, 20))):
            damaged[place] = rng.randrange(256)
        path.write_bytes(damaged[: rng.choice((len(whole), rng.randrange(len(whole))))])
        try:
            read_file(path)
        except UserError as error:
            refusals.append(str(error))
    assert len(refusals) > count / 2
    assert all(re.fullmatch(f"{re.escape(str(path))}: .*", line) for line in refusals)


@pytest.mark.parametrize("compressed", [False, True])
def test_no_damage_ends_the_process(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "boxes.mat"
    content = {"images": cells(NAMES), "boxes": cells([BOXES[:2] * 1.0, np.zeros((0, 4)), BOXES[2:] * 1.0])}
    scipy.io.savemat(path, content, do_compression=compressed)
    command = [sys.executable, "-W", "error", "-c", DAMAGED, str(path), "1500"]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True, capture_output=True, timeout=120)


@pytest.mark.parametrize(("keep", "reason"), [(-4, "cut off"), (20, "cut off"), (0, "cut off")])
def test_a_compressed_variable_that_is_cut_off(tmp_path: Path, keep: int, reason: str) -> None:
    path = tmp_path / "boxes.mat"
    whole = written_by_hand("<")
    packed = zlib.compress(whole[128 : 136 + struct.unpack("<I", whole[132:136])[0]])[:keep]
    path.write_bytes(whole[:128] + struct.pack("<II", 15, len(packed)) + packed)
    with pytest.raises(FileError, match=f"^{path}: not a MATLAB file that can be read: .*{reason}"):
        read_mat(path)
