import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from wsdkd.cache.params import CacheParams
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.running import RunningTeacher
from wsdkd.cache.verify import verify_cache
from wsdkd.cache.writing.estimate import planned_size, written_size
from wsdkd.data.boxes import mirror, rescale
from wsdkd.data.images import load_square
from wsdkd.data.tables import ImageRow, read_images, write_images
from wsdkd.networks.checkpoints import save_network
from wsdkd.proposals.stored import read_proposals, write_proposals
from wsdkd.teacher.network import Wsddn, load_teacher
from wsdkd.teacher.params import TeacherParams

CLASSES = ["cat", "dog", "fish"]
SIZE = 64
PARAMS = """
dataset: {format: table, root: photos}
cache: {rois: 5, nms_iou: 0.7, shard_images: 4, batch_size: 2}
"""


def make_project(folder: Path) -> None:
    rng = np.random.default_rng(0)
    (folder / "photos").mkdir(parents=True)
    (folder / "params.yaml").write_text(PARAMS)
    rows, proposals = [], []
    for number in range(10):
        width, height = 80 + number, 60
        file = folder / "photos" / f"{number}.png"
        Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8)).save(file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        split = {4: "val", 7: "unlabelled"}.get(number, "train")
        classes = ((), (0, 1, 2)) if split == "unlabelled" else ((number % 3,), ())
        rows.append(ImageRow(f"p{number}", file.name, width, height, split, *classes, digest))
        corners = np.sort(rng.random((6 + number, 2, 2)), axis=1) * (width, height)
        proposals.append((f"p{number}", corners.reshape(-1, 4), np.sort(rng.random(6 + number))[::-1]))
    write_images(folder / "data/prepared/images.parquet", rows)
    write_proposals(folder / "data/proposals", proposals)
    torch.manual_seed(0)
    params = TeacherParams.model_validate_json(
        '{"network": {"backbone": "resnet18", "weights": null}, "input_size": 64, "train_sizes": [64],'
        ' "proposals": 12, "hidden": 16, "roi": {"bins": 2}, "training": {"epochs": 1}}'
    )
    save_network(folder / "models/teacher", Wsddn(params, len(CLASSES)), "teacher", params, CLASSES)


def run_stage(project: Path, processes: int) -> str:
    """What it shows on the way."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "WSDKD_PROCESSES": str(processes),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, "-m", "stages.cache_teacher"]
    done = subprocess.run(
        command, cwd=project, env=environment, timeout=300, check=False, stderr=subprocess.PIPE, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    make_project(folder)
    run_stage(folder, 1)
    return folder


@pytest.mark.xdist_group("cache_teacher")
def test_two_processes_write_the_bytes_of_one(project: Path, tmp_path: Path) -> None:
    make_project(tmp_path / "two")
    shown = run_stage(tmp_path / "two", 2)
    assert shown.count("Cache the teacher (the first of 2 processes): 100%") == shown.count("100%") == 1
    one, two = (folder / "data/teacher_cache" for folder in (project, tmp_path / "two"))
    names = sorted(path.name for path in one.iterdir())
    assert names == ["cache.json", "images.parquet", "shard-00000.h5", "shard-00001.h5", "shard-00002.h5"]
    assert sorted(path.name for path in two.iterdir()) == names
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


@pytest.mark.xdist_group("cache_teacher")
@torch.inference_mode()
def test_both_views_are_what_the_teacher_says_of_the_picture_and_of_its_mirror_image(project: Path) -> None:
    teacher = load_teacher(project / "models/teacher")
    proposals = read_proposals(project / "data/proposals")
    rows = read_images(project / "data/prepared/images.parquet", ("train", "unlabelled"))
    assert len(rows) == 9
    with TeacherCache(project / "data/teacher_cache") as cache:
        cache.check(CLASSES, rows)
        assert cache.image_ids == [row.image_id for row in rows]
        assert cache.feature_dim == 16
        for row in rows:
            picture = torch.from_numpy(load_square(project / "photos" / row.path, SIZE).copy())
            boxes, objectness = proposals.of(row.image_id, 12)
            carried = rescale(boxes, row.width, row.height, SIZE, SIZE)
            for mirrored in (False, True):
                pixels = picture.flip(1) if mirrored else picture
                at = mirror(carried, SIZE) if mirrored else carried
                rois = torch.from_numpy(np.column_stack([np.zeros(len(at)), at]).astype(np.float32))
                said = teacher.model(pixels.permute(2, 0, 1)[None], rois, torch.from_numpy(objectness.copy()))
                view = cache.view(row.image_id, mirrored)
                np.testing.assert_array_equal(view.boxes, boxes)
                np.testing.assert_allclose(view.class_logits, said.class_logits, rtol=1e-3, atol=1e-4)
                np.testing.assert_allclose(view.detection_logits, said.detection_logits, rtol=1e-3, atol=1e-4)
                assert 0 < len(view.chosen) <= 5
                np.testing.assert_allclose(
                    view.features, said.features[view.chosen.copy()], rtol=1e-3, atol=1e-4
                )
            plain, flipped = (cache.view(row.image_id, mirrored) for mirrored in (False, True))
            assert not np.allclose(plain.class_logits, flipped.class_logits, rtol=1e-3)


@pytest.mark.xdist_group("cache_teacher")
def test_the_written_cache_is_whole_and_of_the_estimated_size(project: Path) -> None:
    folder = project / "data/teacher_cache"
    assert all(not damages for _, damages in verify_cache(folder))
    teacher = load_teacher(project / "models/teacher")
    size = planned_size(
        read_images(project / "data/prepared/images.parquet", ("train", "unlabelled")),
        len(CLASSES),
        read_proposals(project / "data/proposals"),
        teacher.params,
        CacheParams(rois=5, nms_iou=0.7, shard_images=4, batch_size=2),
    )
    # So small a cache is mostly structure.
    assert size.total == pytest.approx(written_size(folder), rel=0.05)


def test_the_teacher_itself_is_kept_where_it_is_to_run_along(tmp_path: Path) -> None:
    make_project(tmp_path)
    (tmp_path / "params.yaml").write_text(PARAMS.replace("cache: {", "cache: {kept: teacher, "))
    run_stage(tmp_path, 2)
    folder = tmp_path / "data/teacher_cache"
    assert sorted(path.name for path in folder.iterdir()) == ["proposals", "running.json", "teacher"]
    assert not list(tmp_path.rglob("shard-*"))
    teacher = RunningTeacher(folder)
    teacher.check(CLASSES, read_images(tmp_path / "data/prepared/images.parquet", ("train", "unlabelled")))
    assert teacher.params == CacheParams(kept="teacher", rois=5, nms_iou=0.7, shard_images=4, batch_size=2)
    for name in ("model.json", "model.safetensors"):
        assert (folder / "teacher" / name).read_bytes() == (tmp_path / "models/teacher" / name).read_bytes()
