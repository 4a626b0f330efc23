"""What tests of more than one package share."""

import os
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from filelock import FileLock

from tests.pipeline.clone import Clone, make_clone

LONGEST = (
    "pipeline/test_reruns.py",
    "pipeline/test_smoke.py",
    "benchmarks/test_gpu.py",
    "training/test_processes.py",
    "project/test_wheel.py",
    "stages/test_cache_teacher.py",
    "project/test_contributing.py",
    "benchmarks/test_growth.py",
    "benchmarks/test_faults_mutations.py",
)
"""Files of tests that take half a minute and more, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files: begun last, one of them would keep all other workers waiting."""
    here = Path(__file__).parent
    place = {here / name: order for order, name in enumerate(LONGEST)}
    gone = [path for path in place if not path.is_file()]
    assert not gone, gone
    items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.fixture(autouse=True)
def forgotten_accelerator() -> Iterator[None]:
    """No test finds the accelerator of one before it, whose precision nothing could change any more."""
    yield
    if "accelerate.state" in sys.modules:
        sys.modules["accelerate.state"].AcceleratorState._reset_state(True)


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which the whole smoke profile has run once, shared by all workers of pytest.

    Only ``test_reruns.py`` may change it, and puts back what it changes.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    root, done = shared / "smoke/project", shared / "smoke/dvc.lock"
    with FileLock(shared / "smoke.lock"):
        if not done.exists():
            make_clone(root).repro()
            shutil.copy(root / "dvc.lock", done)
    return Clone(root)


@pytest.fixture(scope="session")
def smoke_lock(smoke: Clone) -> Path:
    """What DVC recorded after that run."""
    return smoke.root.parent / "dvc.lock"


@pytest.fixture
def quick_vgg16(monkeypatch: pytest.MonkeyPatch) -> None:
    """VGG16 without drawing its 138 million random weights: they are whatever memory holds, or zeros."""
    # Imported here: most tests need no torch, which takes seconds.
    import torchvision
    from torch import nn

    for kind in (nn.Linear, nn.Conv2d):
        monkeypatch.setattr(kind, "reset_parameters", lambda _: None)
    monkeypatch.setattr(torchvision.models, "vgg16", partial(torchvision.models.vgg16, init_weights=False))
