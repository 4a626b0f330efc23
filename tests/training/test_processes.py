import os
import subprocess
import sys
from pathlib import Path

import accelerate
import pytest
import torch

from tests.training import distributed_training
from tests.training.small_world import CLASSES, STUDENT, TRAINING, World, fresh_start, make_world, train
from wsdkd.errors import UserError
from wsdkd.models.student import Student
from wsdkd.training.labels import LabelObjective, Labels
from wsdkd.training.launch import PROCESSES_VARIABLE, process_count
from wsdkd.training.loader import load_batches
from wsdkd.training.pictures import Pictures
from wsdkd.training.stem import Stem
from wsdkd.training.views import View

ROOT = Path(__file__).parents[2]


def _in_two_processes(folder: Path) -> Path:
    (folder / "pictures").mkdir()
    environment = {
        **os.environ,
        PROCESSES_VARIABLE: "2",
        "TEST_ROOT": str(folder / "pictures"),
        "TEST_OUT": str(folder / "two"),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, "-m", "tests.training.distributed_training"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "two"


def _in_this_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEST_ROOT", str(folder / "pictures"))
    monkeypatch.setenv("TEST_OUT", str(folder / "one"))
    fresh_start(TRAINING)
    distributed_training.main()
    return folder / "one"


def _curve(path: Path) -> list[float]:
    return [float(line.split("\t")[1]) for line in path.read_text().splitlines()[1:]]


def test_two_processes_train_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two = _in_two_processes(tmp_path)
    one = _in_this_process(tmp_path, monkeypatch)
    assert sorted(path.name for path in two.glob("seen-*")) == ["seen-0-of-2", "seen-1-of-2"]
    assert sorted(path.name for path in one.glob("seen-*")) == ["seen-0-of-1"]
    # A loss over images is the same; one over regions weighs images, not regions, alike.
    for name, tolerance in (("labels", 1e-5), ("features", 1e-2)):
        first, second = (torch.load(out / f"{name}.pth", weights_only=True) for out in (one, two))
        for key, value in first.items():
            torch.testing.assert_close(second[key], value, rtol=tolerance, atol=tolerance)
    for curve in ("train", "val"):
        first, second = (_curve(out / f"labels/plots/metrics/{curve}/labels.tsv") for out in (one, two))
        assert len(first) == 2
        assert second == pytest.approx(first, rel=1e-4)
    # The second process leaves nothing behind.
    names = [{path.relative_to(out / "labels") for path in (out / "labels").rglob("*")} for out in (one, two)]
    assert names[0] == names[1]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def test_processes_share_every_batch(world: World) -> None:
    student = Student(STUDENT, len(CLASSES)).eval()
    pictures = Pictures(world.rows, world.root, [32])
    stem = Stem(student.backbone, pictures, [32], torch.device("cpu"))
    views = [[View(row, False, 32) for row in rows] for rows in ([4, 7, 1, 0, 9], [2, 3])]
    labels = Labels(world.rows, len(CLASSES))
    (whole, last) = load_batches(views, stem, labels)
    parts = [list(load_batches(views, stem, labels, rank, 2)) for rank in range(2)]
    for name in ("stem", "labels", "known"):
        torch.testing.assert_close(parts[0][0][name], whole[name][0::2])
        torch.testing.assert_close(parts[1][0][name], whole[name][1::2])
        torch.testing.assert_close(parts[1][1][name], last[name][1::2])


def test_more_processes_than_images_in_a_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh_start(TRAINING)
    monkeypatch.setattr(accelerate.Accelerator, "num_processes", property(lambda _: 5))
    with pytest.raises(UserError, match=r"training\.batch_size: 5 processes share .* 4 images is too small"):
        train(lambda: LabelObjective(Student(STUDENT, 3)), world, Labels(world.rows, 3))


@pytest.mark.parametrize("value", ["0", "two", "-1"])
def test_a_wrong_number_of_processes(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROCESSES_VARIABLE, value)
    with pytest.raises(UserError, match=f"{PROCESSES_VARIABLE}={value}: expected a whole number"):
        process_count()
