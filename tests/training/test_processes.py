import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import accelerate
import pytest
import torch

from tests.training import distributed_training
from tests.training.distributed_training import STEPS
from tests.training.small_world import CLASSES, STUDENT, TRAINING, World, fresh_start, make_world, train
from wsdkd.ground.errors import UserError
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import Student
from wsdkd.training.loader import Labels, load_batches
from wsdkd.training.pictures import Pictures, Stem
from wsdkd.training.processes import PROCESSES_VARIABLE, process_count
from wsdkd.training.views import View

ROOT = Path(__file__).parents[2]


NETWORKS = ("teacher", "refined", "baseline", "kept", "release", "paper", "regions", "parts", "predictions")


class Trained(NamedTuple):
    """What a run of ``distributed_training`` left behind."""

    out: Path
    printed: str


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("two")
    (folder / "pictures").mkdir()
    environment = {
        **os.environ,
        PROCESSES_VARIABLE: "2",
        "TEST_ROOT": str(folder / "pictures"),
        "TEST_OUT": str(folder / "out"),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, "-m", "tests.training.distributed_training"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return Trained(folder / "out", done.stderr)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder, printed = tmp_path_factory.mktemp("one"), io.StringIO()
    (folder / "pictures").mkdir()
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stderr(printed):
        patched.setenv("TEST_ROOT", str(folder / "pictures"))
        patched.setenv("TEST_OUT", str(folder / "out"))
        fresh_start(distributed_training.TRAINING)
        distributed_training.main()
    return Trained(folder / "out", printed.getvalue())


def _curves(folder: Path) -> dict[str, list[float]]:
    return {
        path.relative_to(folder).as_posix(): [
            float(line.split("\t")[1]) for line in path.read_text().splitlines()[1:]
        ]
        for path in sorted(folder.rglob("*.tsv"))
    }


def test_as_many_processes_as_the_variable_says(one: Trained, two: Trained) -> None:
    assert sorted(path.name for path in two.out.glob("seen-*")) == ["seen-0-of-2", "seen-1-of-2"]
    assert sorted(path.name for path in one.out.glob("seen-*")) == ["seen-0-of-1"]


@pytest.mark.parametrize("network", NETWORKS)
def test_two_processes_train_as_one(one: Trained, two: Trained, network: str) -> None:
    first, second = (_curves(run.out / network) for run in (one, two))
    assert {len(losses) for losses in first.values()} == {STEPS}
    assert first.keys() == second.keys()
    for name, losses in first.items():
        assert len(set(losses)) > 1
        assert second[name] == pytest.approx(losses, rel=1e-5), name
    weights, others = (torch.load(run.out / f"{network}.pth", weights_only=True) for run in (one, two))
    for name, value in weights.items():
        torch.testing.assert_close(others[name], value, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("network", NETWORKS)
def test_two_processes_log_once(one: Trained, two: Trained, network: str) -> None:
    names = [{path.relative_to(run.out) for path in (run.out / network).rglob("*")} for run in (one, two)]
    assert names[0] == names[1]
    assert two.printed.count(f"{network}: 100%") == one.printed.count(f"{network}: 100%") == 1


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def test_processes_share_every_batch(world: World) -> None:
    student = Student(STUDENT, len(CLASSES)).eval()
    pictures = Pictures(world.rows, world.root, [32])
    stem = Stem(student.backbone, pictures, torch.device("cpu"))
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
