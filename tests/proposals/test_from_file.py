import pickle
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io

from wsdkd.data.tables import ImageRow
from wsdkd.ground.ids import IdIndex
from wsdkd.proposals.files import FileError
from wsdkd.proposals.from_file import boxes_of, read_file
from wsdkd.proposals.stored import Proposals, write_proposals

IDS = ["a", "b", "c"]
BOXES = [np.array([[1, 2, 11, 22], [3, 4, 13, 9.0]]), np.zeros((0, 4)), np.array([[0, 0, 5.5, 6.0]])]
SCORES = [np.array([0.9, 0.1]), np.zeros(0), np.array([0.5])]


def write_parquet(path: Path, ids: list[Any] = IDS, boxes: Any = BOXES, scores: Any = SCORES) -> Path:
    table = {
        "image_id": ids,
        "boxes": [box if isinstance(box, list) else box.tolist() for box in boxes],
        "scores": [score if isinstance(score, list) else score.tolist() for score in scores],
    }
    pq.write_table(pa.table(table), path)
    return path


def write_npz(path: Path, **changes: Any) -> Path:
    fields = {
        "image_ids": np.array(IDS),
        "counts": np.array([2, 0, 1]),
        "boxes": np.concatenate(BOXES),
        "scores": np.concatenate(SCORES),
    }
    fields |= changes
    np.savez(path, **{name: value for name, value in fields.items() if value is not None})
    return path


def cells(values: list[Any]) -> np.ndarray:
    table = np.empty((1, len(values)), dtype=object)
    for place, value in enumerate(values):
        table[0, place] = value
    return table


def write_mat(path: Path, **changes: Any) -> Path:
    fields = {"images": cells(IDS), "boxes": cells(BOXES), "boxScores": cells([s[:, None] for s in SCORES])}
    fields |= changes
    scipy.io.savemat(path, {name: value for name, value in fields.items() if value is not None})
    return path


def write_mat73(path: Path, boxes: list[np.ndarray] = BOXES, without: str = "") -> Path:
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in (("images", IDS), ("boxes", boxes), ("boxScores", [s[:, None] for s in SCORES])):
            if name == without:
                continue
            references = file.create_dataset(name, (len(values), 1), dtype=h5py.ref_dtype)
            for place, value in enumerate(values):
                where = f"#refs#/{name}{place}"
                if isinstance(value, str):
                    cell = file.create_dataset(where, data=np.array([[ord(c)] for c in value], np.uint16))
                    cell.attrs["MATLAB_class"] = np.bytes_(b"char")
                elif value.size == 0:
                    cell = file.create_dataset(where, data=np.array(value.shape, np.uint64))
                    cell.attrs["MATLAB_empty"] = np.uint8(1)
                else:
                    cell = file.create_dataset(where, data=value.T)
                    cell.attrs["MATLAB_class"] = np.bytes_(b"double")
                references[place, 0] = cell.ref
    return path


WRITERS = {"p.parquet": write_parquet, "n.npz": write_npz, "m.mat": write_mat, "m73.mat": write_mat73}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same(tmp_path: Path, name: str) -> None:
    proposals = read_file(WRITERS[name](tmp_path / name))
    assert [proposals.images.place(name) for name in "abc"] == [0, 1, 2]
    for image_id, boxes, scores in zip(IDS, BOXES, SCORES, strict=True):
        found, scored = proposals.of(image_id)
        np.testing.assert_allclose(found, boxes)
        np.testing.assert_allclose(scored, scores, rtol=1e-6)


def test_shards_of_the_stage_itself_can_be_read(tmp_path: Path) -> None:
    write_proposals(tmp_path / "out", zip(IDS, BOXES, SCORES, strict=True))
    proposals = read_file(tmp_path / "out" / "part-00000.parquet")
    np.testing.assert_allclose(proposals.of("a")[0], BOXES[0])


@pytest.mark.parametrize(
    ("order", "coordinates", "numbers"),
    [
        ("xyxy", "edges", [10, 20, 40, 60]),
        ("yxyx", "edges", [20, 10, 60, 40]),
        ("xywh", "edges", [10, 20, 30, 40]),
        ("xyxy", "pixels_from_0", [10, 20, 39, 59]),
        ("xywh", "pixels_from_0", [10, 20, 30, 40]),
        ("xyxy", "pixels_from_1", [11, 21, 40, 60]),
        ("yxyx", "pixels_from_1", [21, 11, 60, 40]),
        ("xywh", "pixels_from_1", [11, 21, 30, 40]),
    ],
)
def test_every_way_to_write_the_same_box(
    tmp_path: Path, order: Any, coordinates: Any, numbers: list[int]
) -> None:
    file = write_npz(
        tmp_path / "n.npz",
        image_ids=np.array(["a"]),
        counts=np.array([1]),
        boxes=np.array([numbers]),
        scores=np.ones(1),
    )
    assert read_file(file, order, coordinates).of("a")[0].tolist() == [[10, 20, 40, 60]]


def entry(image_id: str, path: str) -> ImageRow:
    return ImageRow(image_id, path, 100, 80, "train", (), (), "")


def test_an_image_goes_by_any_of_its_names(tmp_path: Path) -> None:
    source = tmp_path / "p.parquet"
    for known in ("7", "JPEGImages/000007.jpg", "000007.jpg", "000007"):
        proposals = read_file(write_parquet(source, [known], [[[0.0, 0.0, 9.0, 9.0]]], [[1.0]]))
        assert len(boxes_of(proposals, source, entry("7", "JPEGImages/000007.jpg"))[0]) == 1
    with pytest.raises(FileError, match=r"p\.parquet: image 8: nothing for it; .*\(8\).*\(x/9\.jpg\).*\(9\)"):
        boxes_of(proposals, source, entry("8", "x/9.jpg"))


def test_whole_numbers_are_names(tmp_path: Path) -> None:
    source = tmp_path / "p.parquet"
    proposals = read_file(write_parquet(source, [139, 285, 632]))
    assert boxes_of(proposals, source, entry("139", "x.jpg"))[1].shape == (2,)


def test_a_box_outside_of_its_image_is_refused() -> None:
    proposals = Proposals(IdIndex(["a"]), np.array([0, 1]), np.array([[200, 5, 240, 20.0]]), np.ones(1))
    with pytest.raises(
        FileError, match=r"f\.mat: image a: boxes: \[200\.0, .*outside of 100 x 80 .*proposals\.order"
    ):
        boxes_of(proposals, Path("f.mat"), entry("a", "a.jpg"))


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
        (write_parquet, {"boxes": BACK}, r"image c: boxes: \[5.0, 0.0, 1.0, 6.0\] ends before it begins"),
        (write_parquet, {"scores": [[0.9, -1.0], [], [0.5]]}, "image a: scores: -1.0 is not a finite number"),
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
        (write_npz, {"scores": None}, "scores: missing; there is boxes, counts, image_ids"),
        (write_npz, {"counts": np.array([2, 0, 2])}, r"boxes: expected \(4, 4\) numbers"),
        (write_npz, {"counts": np.array([2, 1])}, "counts: expected a whole number for each of 3 images"),
        (write_npz, {"counts": np.array([4, -2, 1])}, "counts: expected a whole number"),
        (write_npz, {"scores": np.ones(2)}, r"scores: expected \(3,\) numbers"),
        (write_npz, {"boxes": np.array([["a"] * 4] * 3)}, r"boxes: expected \(3, 4\) numbers"),
        (write_npz, {"image_ids": np.array([0.5, 1, 2])}, r"image_ids: expected \(N,\) text"),
        (write_mat, {"boxes": None}, "boxes: missing; there is boxScores, images"),
        (write_mat, {"boxScores": None}, "boxScores or scores: missing"),
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
    pq.write_table(pa.table({"image_id": ["a"], "boxes": [[[1, 2, 3, 4]]]}), tmp_path / "p.parquet")
    with pytest.raises(FileError, match=r"scores: missing; the columns are image_id, boxes"):
        read_file(tmp_path / "p.parquet")
    pq.write_table(pa.table({"image_id": ["a"], "boxes": [1], "scores": [[1.0]]}), tmp_path / "p.parquet")
    with pytest.raises(FileError, match="boxes: expected lists of numbers, found int64"):
        read_file(tmp_path / "p.parquet")
    with pytest.raises(FileError, match="no such file"):
        read_file(tmp_path / "none.mat")
    with pytest.raises(FileError, match=r"unknown ending '\.pkl'; allowed: \.parquet, \.npz, \.mat"):
        read_file(tmp_path / "boxes.pkl")


@pytest.mark.parametrize("name", WRITERS)
def test_damaged_files_are_refused(tmp_path: Path, name: str) -> None:
    file = WRITERS[name](tmp_path / name)
    content = file.read_bytes()
    for damaged in (b"", b"\0" * 64, content[: len(content) // 2], content[:700]):
        file.write_bytes(damaged)
        with pytest.raises(FileError, match=name):
            read_file(file)
