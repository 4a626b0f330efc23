"""Files of proposals that are refused, or read with a word about it."""

import os
import pickle
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.proposals.written_files import (
    BOXES,
    IDS,
    SCORES,
    WRITERS,
    cells,
    write_mat,
    write_mat73,
    write_npz,
    write_parquet,
)
from wsdkd.data.tables import ImageRow
from wsdkd.ground.errors import UserError
from wsdkd.proposals.files import FileError
from wsdkd.proposals.from_file import read_file
from wsdkd.proposals.params import FileProposals
from wsdkd.proposals.propose import propose


def entry(image_id: str, path: str) -> ImageRow:
    return ImageRow(image_id, path, 100, 80, "train", (), (), "")


class Trap:
    """Unpickling it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_in_an_npz_is_refused_and_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "run"
    objects = np.array([Trap(mark), Trap(mark), Trap(mark)], dtype=object)
    for field in ("image_ids", "boxes", "scores"):
        with pytest.raises(FileError, match=rf"n\.npz: {field}: cannot be read as a plain array"):
            read_file(write_npz(tmp_path / "n.npz", **{field: objects}))
    for name in ("bare.npz", "bare.mat", "bare.parquet"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap(mark)))
        with pytest.raises(FileError, match=name):
            read_file(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "zip.npz", "w") as archive:
        archive.writestr("image_ids.npy", pickle.dumps(Trap(mark)))
        for field in ("counts", "boxes", "scores"):
            archive.writestr(f"{field}.npy", b"")
    with pytest.raises(FileError, match=r"zip\.npz: image_ids"):
        read_file(tmp_path / "zip.npz")
    assert not mark.exists()
    np.save(tmp_path / "one.npy", np.ones(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with pytest.raises(FileError, match=r"not an \.npz archive but a single array"):
        read_file(tmp_path / "one.npz")


FAR = [np.array([[1, 2, np.nan, 22], [3, 4, 13, 9.0]]), BOXES[1], BOXES[2]]


BACK = [BOXES[0], BOXES[1], np.array([[5, 0, 1, 6.0]])]


@pytest.mark.parametrize(
    ("write", "changes", "message"),
    [
        (write_parquet, {"boxes": FAR}, r"image a: boxes: \[1.0, 2.0, nan, 22.0\] is not finite"),
        (
            write_npz,
            {"scores": np.array([0.9, 1e300, 0.5])},
            "image a: scores: 1e\\+300 is not a finite number",
        ),
        (write_parquet, {"boxes": BACK}, r"image c: boxes: \[5.0, 0.0, 1.0, 6.0\] ends before it begins"),
        (
            write_parquet,
            {"scores": [[0.9, np.inf], [], [0.5]]},
            "image a: scores: inf is not a finite number",
        ),
        (write_parquet, {"scores": [[0.9, 0.1], [], []]}, "image c: scores: 0 for 1 boxes"),
        (write_parquet, {"scores": [[0.9, None], [], [0.5]]}, "image a: scores: nan is not a finite number"),
        (write_parquet, {"scores": [["x", "y"], [], ["z"]]}, "scores: expected numbers"),
        (
            write_parquet,
            {"boxes": [[[1, 2, 3, 4], [1, 2, 3]], [], [[0, 0, 1, 1]]]},
            "image a: boxes: expected four",
        ),
        (write_parquet, {"ids": ["a", "b", "a"]}, "image a: stands in it twice"),
        (write_parquet, {"ids": ["a", None, "c"]}, "image_id: row 1 is empty"),
        (write_parquet, {"ids": [0.5, 1.5, 2.5]}, "image_id: expected text or whole numbers, found double"),
        (write_npz, {"boxes": None}, "boxes: missing; there is image_ids, counts, scores"),
        (
            write_npz,
            {"counts": np.array([2**63 - 1] * 2 + [3], np.uint64)},
            r"boxes: expected \(18446744073709",
        ),
        (write_npz, {"counts": np.array([2, 0, 2])}, r"boxes: expected \(4, 4\) numbers"),
        (write_npz, {"counts": np.array([2, 1])}, "counts: expected a whole number for each of 3 images"),
        (write_npz, {"counts": np.array([4, -2, 1])}, "counts: expected a whole number"),
        (write_npz, {"scores": np.ones(2)}, r"scores: expected \(3,\) numbers"),
        (write_npz, {"boxes": np.array([["a"] * 4] * 3)}, r"boxes: expected \(3, 4\) numbers"),
        (write_npz, {"image_ids": np.array([0.5, 1, 2])}, r"image_ids: expected \(N,\) text"),
        (write_mat, {"boxes": None}, "boxes: missing; there is boxScores, images"),
        (write_mat, {"boxes": np.ones((3, 4))}, "boxes: expected a cell array"),
        (write_mat, {"boxes": cells(BOXES[:2])}, "3 images, 2 cells of boxes, 3 of scores"),
        (
            write_mat,
            {"boxes": cells([np.ones((2, 5)), *BOXES[1:]])},
            r"image a: boxes: expected \(n, 4\) numbers",
        ),
        (
            write_mat,
            {"boxScores": cells([np.ones((2, 2)), *SCORES[1:]])},
            r"image a: scores: expected \(n, 1\)",
        ),
        (write_mat, {"boxScores": cells([np.ones((3, 1)), *SCORES[1:]])}, "image a: scores: 3 for 2 boxes"),
        (write_mat, {"images": cells(["a", np.ones((2, 2)), "c"])}, "images: cell 2 is not a text"),
        (write_mat73, {"without": "images"}, "images: missing; there is #refs#, boxScores, boxes"),
        (write_mat73, {"boxes": [np.ones((4, 2)), *BOXES[1:]]}, r"image a: boxes: expected \(n, 4\) numbers"),
    ],
)
def test_what_is_wrong_is_named_with_file_image_and_field(
    tmp_path: Path, write: Any, changes: dict[str, Any], message: str
) -> None:
    name = {write_parquet: "bad.parquet", write_npz: "bad.npz"}.get(write, "bad.mat")
    file = write(tmp_path / name, **changes)
    with pytest.raises(FileError, match=rf"{name}: {message}"):
        read_file(file)


def test_missing_columns_and_files(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image_id": ["a"], "scores": [[1.0]]}), tmp_path / "p.parquet")
    with pytest.raises(FileError, match=r"boxes: missing; the columns are image_id, scores"):
        read_file(tmp_path / "p.parquet")
    pq.write_table(pa.table({"image_id": ["a"], "boxes": [1], "scores": [[1.0]]}), tmp_path / "p.parquet")
    with pytest.raises(FileError, match="boxes: expected lists of numbers, found int64"):
        read_file(tmp_path / "p.parquet")
    with pytest.raises(UserError, match=r"none.mat: no such file; see proposals\.path"):
        read_file(tmp_path / "none.mat")
    with pytest.raises(FileError, match=r"unknown ending '\.txt'; allowed: \.parquet, \.npz, \.mat"):
        read_file(tmp_path / "boxes.txt")


@pytest.mark.parametrize("name", WRITERS)
def test_only_files_are_opened(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(UserError, match=f"{name}: a pipe, where a file should be"):
        read_file(tmp_path / name)


def test_a_pickle_is_not_read_and_the_line_converts_it(tmp_path: Path) -> None:
    path = tmp_path / "boxes.pkl"
    path.write_bytes(pickle.dumps({"ids": [1, 2, 3], "boxes": BOXES, "scores": SCORES}))
    with pytest.raises(
        FileError, match=r"boxes\.pkl: reading a pickle runs .*; convert .*: python -c"
    ) as caught:
        read_file(path)
    assert "\n" not in str(caught.value)
    line = str(caught.value).partition("trust: python ")[2]
    subprocess.run([sys.executable, *shlex.split(line)], check=True)
    proposals = read_file(tmp_path / "boxes.npz")
    for name, boxes, scores in zip("123", BOXES, SCORES, strict=True):
        np.testing.assert_allclose(proposals.of(name)[0], boxes)
        np.testing.assert_allclose(proposals.of(name)[1], scores, rtol=1e-6)


def without_scores(path: Path) -> Path:
    match path.name:
        case "n.npz":
            return write_npz(path, scores=None)
        case "m.mat":
            return write_mat(path, boxScores=None)
        case "m73.mat":
            return write_mat73(path, without="boxScores")
        case _:
            pq.write_table(pq.read_table(write_parquet(path)).drop_columns("scores"), path)
            return path


@pytest.mark.parametrize("name", WRITERS)
def test_without_scores_all_boxes_are_equal_and_that_is_said(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = without_scores(tmp_path / name)
    proposals = read_file(path)
    assert [proposals.of(image_id)[1].tolist() for image_id in IDS] == [[1, 1], [], [1]]
    expected = f"{path}: no scores; all boxes of an image count as equal, the first ones are kept\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("scores", ["relative", "raw"])
def test_scores_below_zero_are_ranked_and_that_is_said(
    tmp_path: Path, scores: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_npz(
        tmp_path / "n.npz",
        image_ids=np.array(["a", "b"]),
        counts=np.array([4, 2]),
        boxes=np.tile([0.0, 0, 20, 20], (6, 1)) + np.arange(6)[:, None],
        scores=np.array([-0.5, 1.5, -3, 1.5, 2, 4]),
    )
    params = FileProposals(method="file", path=str(path), scores=scores)
    images = [entry(image_id, f"{image_id}.jpg") for image_id in "ab"]
    found = {item[0]: item[2].tolist() for item in propose(images, tmp_path, params)}
    # The middle one of three different scores is a third below the best.
    assert found == {"a": pytest.approx([1, 1, 2 / 3, 1 / 3]), "b": [1, 0.5]}
    assert f"{path}: scores below 0; their ranks within each image" in capsys.readouterr().err


@pytest.mark.parametrize("name", WRITERS)
def test_damaged_files_are_refused(tmp_path: Path, name: str) -> None:
    file = WRITERS[name](tmp_path / name)
    content = file.read_bytes()
    for damaged in (b"", b"\0" * 64, content[: len(content) // 2], content[:700]):
        file.write_bytes(damaged)
        with pytest.raises(FileError, match=name) as caught:
            read_file(file)
        assert "\n" not in str(caught.value)
