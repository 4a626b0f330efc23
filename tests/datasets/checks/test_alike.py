"""Pictures that look alike, in one split and in two."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.test_likeness import scene
from wsdkd.datasets.audit.count import facts_of
from wsdkd.datasets.audit.refuse import refuse_unusable
from wsdkd.datasets.params import TableDataset
from wsdkd.datasets.prepare import Prepared, prepare
from wsdkd.datasets.reading.rejections import Cause, DatasetError


def params(**changes: Any) -> TableDataset:
    return TableDataset(format="table", root="r", **changes)


def write(root: Path, splits: dict[str, str]) -> None:
    """``small.jpg`` is ``a.jpg`` at a third of its size; all others are like no other."""
    for place, name in enumerate(splits):
        picture = scene(3).resize((80, 80)) if name == "small.jpg" else scene(3 + place * (name != "a.jpg"))
        picture.save(root / name, quality=85)
    rows = "".join(
        f"{name},{'cat' if i % 2 else 'dog'},{split}\n" for i, (name, split) in enumerate(splits.items())
    )
    (root / "labels.csv").write_text(f"path,labels,split\n{rows}", encoding="utf-8")


SPLITS = {
    "a.jpg": "train",
    "b.jpg": "train",
    "c.jpg": "train",
    "v.jpg": "val",
    "small.jpg": "test",
    "x.jpg": "test",
}


def near(prepared: Prepared) -> list[tuple[str, str]]:
    return [(it.path, it.reason) for it in prepared.rejected if it.cause is Cause.LOOKS_THE_SAME]


def test_a_shrunk_copy_in_another_split_is_said_dropped_or_refused(tmp_path: Path) -> None:
    write(tmp_path, SPLITS)
    prepared = prepare(tmp_path, params(), workers=1)
    assert near(prepared) == [("a.jpg", "in split train, looks like small.jpg in split test")]
    assert prepared.near == (("a.jpg", "small.jpg"),)
    assert (facts_of(prepared).near.groups, facts_of(prepared).near.across) == (1, 1)
    assert len(prepared.images) == 6
    refuse_unusable(prepared, params(), "rejected.csv")
    with pytest.raises(
        DatasetError, match=r"^1 image stands in two splits, .*; dataset.near_leaks: drop leaves"
    ):
        refuse_unusable(prepared, params(near_leaks="refuse"), "rejected.csv")
    dropped = prepare(tmp_path, params(near_leaks="drop"), workers=1)
    assert [row.path for row in dropped.images] == ["b.jpg", "c.jpg", "v.jpg", "small.jpg", "x.jpg"]
    assert dropped.dropped == 1


def test_copies_byte_for_byte_are_no_near_ones_and_share_their_leak(tmp_path: Path) -> None:
    write(tmp_path, {**SPLITS, "d.jpg": "val"})
    (tmp_path / "d.jpg").write_bytes((tmp_path / "a.jpg").read_bytes())
    prepared = prepare(tmp_path, params(), workers=1)
    assert prepared.copies == (("a.jpg", "d.jpg"),)
    assert prepared.near == (("a.jpg", "small.jpg"),)
    # a.jpg is told by its bytes already.
    assert near(prepared) == [("d.jpg", "in split val, looks like small.jpg in split test")]


@pytest.mark.parametrize("seed", range(6))
def test_where_near_leaks_are_unwanted_they_are_set_aside_together(tmp_path: Path, seed: int) -> None:
    write(tmp_path, dict.fromkeys(["a.jpg", "small.jpg", *(f"{n}.jpg" for n in range(12))], ""))
    changes: dict[str, Any] = {
        "near_leaks": "drop",
        "split_seed": seed,
        "validation_fraction": 0.3,
        "test_fraction": 0.3,
    }
    split = {row.path: row.split for row in prepare(tmp_path, params(**changes), workers=1).images}
    assert split["a.jpg"] == split["small.jpg"]
    assert len(split) == 14


def test_a_picture_that_cannot_be_used_is_compared_with_none(tmp_path: Path) -> None:
    write(tmp_path, SPLITS)
    (tmp_path / "small.jpg").write_bytes(b"no picture")
    prepared = prepare(tmp_path, params(max_rejected=1), workers=1)
    assert near(prepared) == []
    assert np.shape(prepared.near) == (0,)
