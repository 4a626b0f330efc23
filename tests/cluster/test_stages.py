"""The stages prepare and propose on a cluster of which a worker is killed halfway: the bytes are the same."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stages.prepare
import stages.propose
from tests.cluster.dask_cluster import DaskCluster
from wsdkd.cluster import map_pictures
from wsdkd.ground.workers import WORKERS_VARIABLE

PICTURES = 48
PARAMS = """
dataset: {format: table, root: photos, max_rejected: 1}
proposals: {method: edge_boxes, max_boxes: 20, side: 160}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    (folder / "photos").mkdir(parents=True)
    (folder / "params.yaml").write_text(PARAMS)
    rng = np.random.default_rng(0)
    lines = ["path,labels,split"]
    for number in range(PICTURES):
        width, height = 90 + number, 80
        picture = rng.integers(80, 120, (height, width, 3), dtype=np.uint8)
        x, y = int(rng.integers(0, width - 40)), int(rng.integers(0, height - 40))
        picture[y : y + 40, x : x + 40] = rng.integers(0, 255, 3)
        Image.fromarray(picture).save(folder / f"photos/{number}.jpg")
        shape, split = ("square", "circle")[number % 2], ("train", "val", "test")[number % 3]
        lines.append(f"{number}.jpg,{shape},{split}")
    (folder / "photos/17.jpg").write_text("no picture")
    (folder / "photos/labels.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(folder)
    return folder


def _written(folder: Path) -> dict[str, bytes]:
    data = folder / "data"
    files = [path for path in sorted(data.rglob("*")) if path.is_file()]
    written = {path.relative_to(data).as_posix(): path.read_bytes() for path in files}
    for path in files:
        path.unlink()
    return written


def _run() -> None:
    stages.prepare.main()
    stages.propose.main()


def test_a_worker_killed_halfway_changes_no_byte(
    project: Path, cluster: DaskCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as alone:
        alone.delenv(map_pictures.SCHEDULER_VARIABLE)
        alone.setenv(WORKERS_VARIABLE, "1")
        _run()
    expected = _written(project)
    assert set(expected) >= {"prepared/images.parquet", "proposals/part-00000.parquet"}
    deaths: list[str] = []

    def killing(items: Iterable[object], description: str, total: int) -> Iterator[object]:
        for place, item in enumerate(items):
            if place == total // 3:
                cluster.kill_worker()
                deaths.append(description)
                cluster.workers(2)
            yield item

    monkeypatch.setattr(map_pictures, "track", killing)
    cluster.workers(2)
    _run()
    assert deaths == ["decoding", "proposals"]
    assert _written(project) == expected
