"""Proposals of a folder, read a few at a time from a file, are those that were written."""

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wsdkd.proposals import stored
from wsdkd.proposals.stored import read_proposals, write_proposals


def made(images: int) -> list[tuple[str, np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 9, images)
    return [
        (f"{place:03d}", rng.random((n, 4), dtype=np.float32), rng.random(n, dtype=np.float32))
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


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no part-"):
        read_proposals(tmp_path)
    pq.write_table(pa.table({"image_id": ["a"]}), tmp_path / "part-00000.parquet")
    with pytest.raises(ValueError, match="not a table of proposals: its columns are"):
        read_proposals(tmp_path)
