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
from wsdkd.evaluation.operating_point import operating_point
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.ground.errors import UserError
from wsdkd.serving.export import export_student
from wsdkd.serving.exported import INPUT, OUTPUT, session
from wsdkd.student.network import LoadedStudent, Student
from wsdkd.student.validation import count_labels

AS_IT_IS = operating_point(None, len(CLASSES), EvaluationParams())

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
    assert export_student(student, AS_IT_IS, path) < 1e-5
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


def test_a_transformer_is_exported_for_batches_of_any_size(tmp_path: Path) -> None:
    network = STUDENT.network.model_copy(
        update={"backbone": "vit_tiny_patch16_224", "stages": 2, "stride": 16}
    )
    params = STUDENT.model_copy(update={"network": network})
    loaded = LoadedStudent(Student(params, len(CLASSES)).eval(), params, CLASSES)
    path = tmp_path / "student.onnx"
    assert export_student(loaded, AS_IT_IS, path) < 1e-5
    for batch in (1, 3):
        pictures = np.zeros((batch, 3, SIZE, SIZE), np.uint8)
        assert session(path, threads=1).run([OUTPUT], {INPUT: pictures})[0].shape == (batch, len(CLASSES))


@pytest.mark.parametrize("calibration", ["temperature", "isotonic"])
def test_calibration_and_thresholds_are_in_the_file(
    student: LoadedStudent, tmp_path: Path, calibration: str
) -> None:
    generator = np.random.default_rng(3)
    logits = generator.normal(0, 6, (200, len(CLASSES))).astype(np.float32)
    labels = (generator.random(logits.shape) < 1 / (1 + np.exp(-0.3 * logits))).astype(np.float32)
    counts = count_labels(logits, labels, np.ones(labels.shape, bool))
    params = EvaluationParams.model_validate({"operating_point": {"calibration": calibration}})
    point = operating_point(counts, len(CLASSES), params)
    export_student(student, point, tmp_path / "student.onnx")
    exported = session(tmp_path / "student.onnx", threads=1)
    pictures = np.random.default_rng(7).integers(0, 256, (3, 3, SIZE, SIZE), dtype=np.uint8)
    with torch.inference_mode():
        said = student.model(torch.from_numpy(pictures)).numpy()
    found = exported.run([OUTPUT], {INPUT: pictures})[0]
    np.testing.assert_allclose(found, point.probabilities(said), atol=1e-5)
    assert np.abs(found - 1 / (1 + np.exp(-said))).max() > 0.02
    metadata = exported.get_modelmeta().custom_metadata_map
    np.testing.assert_array_equal(found > json.loads(metadata["thresholds"]), point.given(said))
    assert metadata["origin"] == "chosen for F1 on 200 validation images"


def test_metadata_say_what_goes_in_and_what_comes_out(exported: Path) -> None:
    metadata = session(exported, threads=1).get_modelmeta().custom_metadata_map
    assert json.loads(metadata["classes"]) == CLASSES
    assert (metadata["kind"], metadata["size"]) == ("student", str(SIZE))
    onnx.checker.check_model(exported, full_check=True)


def test_a_single_file_is_all_there_is(exported: Path) -> None:
    assert [path.name for path in exported.parent.iterdir()] == ["student.onnx"]


def test_a_file_that_differs_is_not_written(student: LoadedStudent, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not written: ONNX Runtime's probabilities differ"):
        export_student(student, AS_IT_IS, tmp_path / "student.onnx", tolerance=-1.0)
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
        export_student(student, AS_IT_IS, tmp_path / "student.onnx")
