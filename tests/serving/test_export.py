"""A student as an ONNX file gives what PyTorch gives, and says what it takes."""

import builtins
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from tests.training.small_world import CLASSES, SIZE, STUDENT
from wsdkd.ground.errors import UserError
from wsdkd.serving.export import INPUT, OUTPUT, export_student, session
from wsdkd.student.network import LoadedStudent, Student

# torch's exporter meets its own deprecations.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def student() -> LoadedStudent:
    torch.manual_seed(0)
    model = Student(STUDENT, len(CLASSES)).eval()
    torch.nn.init.normal_(model.classifier.weight)
    return LoadedStudent(model, STUDENT, CLASSES)


@pytest.fixture(scope="module")
def exported(student: LoadedStudent, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "student.onnx"
    assert export_student(student, path) < 1e-5
    return path


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_any_batch_gives_what_pytorch_gives(student: LoadedStudent, exported: Path, batch: int) -> None:
    pictures = np.random.default_rng(7).integers(0, 256, (batch, 3, SIZE, SIZE), dtype=np.uint8)
    with torch.inference_mode():
        expected = torch.sigmoid(student.model(torch.from_numpy(pictures))).numpy()
    found = session(exported, threads=1).run([OUTPUT], {INPUT: pictures})[0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(expected) > 0.05


def test_metadata_say_what_goes_in_and_what_comes_out(exported: Path) -> None:
    metadata = session(exported, threads=1).get_modelmeta().custom_metadata_map
    assert json.loads(metadata["classes"]) == CLASSES
    assert (metadata["kind"], metadata["size"]) == ("student", str(SIZE))
    onnx.checker.check_model(exported, full_check=True)


def test_a_single_file_is_all_there_is(exported: Path) -> None:
    assert [path.name for path in exported.parent.iterdir()] == ["student.onnx"]


def test_a_file_that_differs_is_not_written(student: LoadedStudent, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not written: ONNX Runtime's probabilities differ"):
        export_student(student, tmp_path / "student.onnx", tolerance=-1.0)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named(
    student: LoadedStudent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(name: str, *rest: Any) -> Any:
        if name == "onnxruntime":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return original(name, *rest)

    original = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        UserError, match=r"onnxruntime is not installed.*pip install onnx onnxruntime onnxscript"
    ):
        export_student(student, tmp_path / "student.onnx")
