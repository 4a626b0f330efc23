"""Proposals of a folder, read a few at a time from a file, are those that were written."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wsdkd.ground.errors import UserError
from wsdkd.proposals import stored
from wsdkd.proposals.stored import PROPOSALS_SCHEMA, read_proposals, write_proposals


def made(images: int) -> list[tuple[str, np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 9, images)
    return [
        (f"{place:03d}", np.sort(rng.random((n, 4), dtype=np.float32)), rng.random(n, dtype=np.float32))
        for place, n in enumerate(counts)
    ]


def test_any_image_of_any_shard_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "SHARD_IMAGES", 70)
    items = made(200)
    write_proposals(tmp_path / "proposals", items)
    assert len(list((tmp_path / "proposals").iterdir())) == 3
    proposals = read_proposals(tmp_path / "proposals")
    for one in (proposals, pickle.loads(pickle.dumps(proposals))):
        for image_id, boxes, scores in reversed(items):
            for best in (None, 3):
                found = one.of(image_id, best)
                np.testing.assert_array_equal(found[0], boxes[:best])
                np.testing.assert_array_equal(found[1], scores[:best])
    assert [path.name for path in tmp_path.iterdir()] == ["proposals"]
    with pytest.raises(KeyError):
        proposals.of("200")


def test_a_dataset_without_images(tmp_path: Path) -> None:
    write_proposals(tmp_path / "proposals", [])
    assert len(read_proposals(tmp_path / "proposals").images) == 0


def test_equal_proposals_are_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_proposals(tmp_path / name, made(20))
    first, second = (tmp_path / name / "part-00000.parquet" for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no part-"):
        read_proposals(tmp_path)
    path = tmp_path / "part-00000.parquet"
    pq.write_table(pa.table({"image_id": ["a"]}), path)
    with pytest.raises(UserError, match="not a table of proposals: its columns are image_id"):
        read_proposals(tmp_path)
    path.write_bytes(b"no Parquet")
    with pytest.raises(
        UserError, match=rf"^{path}: not a Parquet table that can be read [^\n]*; run the stage"
    ):
        read_proposals(tmp_path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UserError, match=rf"^{path}: a pipe, where a file should be$"):
        read_proposals(tmp_path)


INF = float("inf")


@pytest.mark.parametrize(
    ("field", "values", "message"),
    [
        ("boxes", [[[0, 0, 4, 4]], [[5, 0, 4, 4]]], "row 1: boxes has a box that ends before it begins"),
        ("boxes", [[[0, 0, 4, 4]], [[0, float("nan"), 4, 4]]], "row 1: boxes has a box .* no number"),
        ("boxes", [[[0, 0, 4, INF]], [[0, 0, 4, 4]]], "row 0: boxes has a box .* no number"),
        ("boxes", [[[0, 0, 4, 4]], []], "row 1: scores has another length than boxes"),
        ("boxes", [None, [[0, 0, 4, 4]]], "row 0: boxes is empty"),
        ("boxes", [[[0, 0, 4, 4]], [[0, None, 4, 4]]], "row 1: boxes has a box .* no number"),
        ("scores", [[0.5], [-0.5]], "row 1: scores has one below 0, or one that is no number"),
        ("scores", [[INF], [0.5]], "row 0: scores has one below 0, or one that is no number"),
        ("scores", [[0.5], [None]], "row 1: scores has one below 0, or one that is no number"),
        ("scores", [[0.5], [0.5, 0.4]], "row 1: scores has another length than boxes"),
        ("image_id", ["a", None], "row 1: image_id is empty"),
        ("image_id", ["a", "a"], "row 1: image_id stands in the proposals twice"),
    ],
)
def test_what_cannot_be_is_refused_with_file_row_and_field(
    tmp_path: Path, field: str, values: list[Any], message: str
) -> None:
    # In the second shard, so that rows are counted from its own beginning.
    write_proposals(tmp_path, made(5))
    columns = {"image_id": ["a", "b"], "boxes": [[[0, 0, 4, 4]]] * 2, "scores": [[0.5]] * 2, field: values}
    path = tmp_path / "part-00001.parquet"
    pq.write_table(pa.table(columns, schema=PROPOSALS_SCHEMA), path)
    with pytest.raises(UserError, match=rf"^{path}: {message}[^\n]*; run the stage that writes it"):
        read_proposals(tmp_path)


def test_one_image_in_two_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "SHARD_IMAGES", 3)
    write_proposals(tmp_path / "proposals", [*made(5), made(1)[0]])
    path = tmp_path / "proposals" / "part-00001.parquet"
    with pytest.raises(UserError, match=rf"^{path}: row 2: image_id stands in the proposals twice"):
        read_proposals(tmp_path / "proposals")
