"""A student in 8 bits gives the labels that it gives in fp32, from a smaller file."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from tests.serving.small_project import fit_classifier
from tests.training.small_world import CLASSES, SIZE, STUDENT, World, make_world
from wsdkd.data.images import load_square
from wsdkd.data.tables import targets
from wsdkd.evaluation.operating_point import operating_point
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.ground.errors import UserError
from wsdkd.serving import export, quantised
from wsdkd.serving.export import export_int8, export_student
from wsdkd.serving.exported import INPUT, OUTPUT, load_exported, session
from wsdkd.student.network import LoadedStudent, Student
from wsdkd.student.validation import count_labels

# torch's exporter meets its own deprecations.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("pictures"), 120)


@pytest.fixture(scope="module")
def pictures(world: World) -> list[np.ndarray]:
    return [load_square(world.root / row.path, SIZE) for row in world.rows]


@pytest.fixture(scope="module")
def student(world: World) -> LoadedStudent:
    """One that tells the world's pictures apart."""
    torch.manual_seed(0)
    model = Student(STUDENT, len(CLASSES)).eval()
    fit_classifier(model, world.rows, world.root, targets(world.rows, len(CLASSES))[0])
    return LoadedStudent(model, STUDENT, CLASSES)


def test_in_8_bits_labels_stay_and_the_file_shrinks(
    world: World, student: LoadedStudent, pictures: list[np.ndarray], tmp_path: Path
) -> None:
    batch = np.stack(pictures).transpose(0, 3, 1, 2).copy()
    with torch.inference_mode():
        logits = student.model(torch.from_numpy(batch)).numpy()
    counts = count_labels(logits, *targets(world.rows, len(CLASSES)))
    wanted = {"calibration": "isotonic"}  # of layers that are not to be in 8 bits
    point = operating_point(
        counts, len(CLASSES), EvaluationParams.model_validate({"operating_point": wanted})
    )
    whole, small = tmp_path / "fp32.onnx", tmp_path / "int8.onnx"
    export_student(student, point, whole)
    said = export_int8(student, point, small, pictures[::2])

    first, second = session(whole, threads=1), session(small, threads=1)
    expected, found = (each.run([OUTPUT], {INPUT: batch})[0] for each in (first, second))
    labels = targets(world.rows, len(CLASSES))[0] > 0
    thresholds = load_exported(small).thresholds
    assert ((expected > thresholds) == labels).mean() > 0.95, "or agreement would mean nothing"
    assert ((found > thresholds) == (expected > thresholds)).mean() > 0.95
    assert said > 0.95
    assert np.abs(found - expected).max() > 0, "it computes in 8 bits"
    assert small.stat().st_size < 0.8 * whole.stat().st_size  # of a network this small, half is the graph
    alone = np.concatenate([second.run([OUTPUT], {INPUT: each[None]})[0] for each in batch])
    np.testing.assert_allclose(alone, found, atol=1e-5)


def test_names_opset_and_metadata_are_those_of_fp32(
    student: LoadedStudent, pictures: list[np.ndarray], tmp_path: Path
) -> None:
    point = operating_point(None, len(CLASSES), EvaluationParams(threshold=0.4))
    export_student(student, point, tmp_path / "fp32.onnx")
    export_int8(student, point, tmp_path / "int8.onnx", pictures)
    whole, small = (onnx.load(tmp_path / name) for name in ("fp32.onnx", "int8.onnx"))
    onnx.checker.check_model(small, full_check=True)
    assert {each.domain: each.version for each in small.opset_import}[""] == export.OPSET
    for side in ("input", "output"):
        ours, theirs = (getattr(each.graph, side) for each in (small, whole))
        assert [each.name for each in ours] == [each.name for each in theirs]
    told = {each.key: each.value for each in small.metadata_props}
    assert {each.key: each.value for each in whole.metadata_props}.items() <= told.items()
    assert json.loads(told["thresholds"]) == pytest.approx([0.4] * len(CLASSES))
    # The classifier and what follows: an 8-bit score could have 256 values alone.
    (last,) = (node for node in small.graph.node if export.CLASSIFIER in node.input)
    assert last.op_type == "Gemm"
    assert {node.op_type for node in small.graph.node} >= {"QuantizeLinear", "DequantizeLinear", "Sigmoid"}


def test_labels_that_change_are_refused(
    student: LoadedStudent, pictures: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = operating_point(None, len(CLASSES), EvaluationParams())
    monkeypatch.setattr(export, "AGREEING", 1.1)
    with pytest.raises(UserError, match=r"not written: in 8 bits only .* are as PyTorch gives them"):
        export_int8(student, point, tmp_path / "int8.onnx", pictures)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_quantised_is_said_in_a_line(pictures: list[np.ndarray]) -> None:
    with pytest.raises(UserError, match=r"cannot be quantised: .*; export it without --int8") as caught:
        quantised.quantised(onnx.ModelProto(), export.CLASSIFIER, pictures)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("groups", [1, 3])
def test_corrected_biases_keep_the_mean_of_a_layer(groups: int) -> None:
    generator = np.random.default_rng(0)
    weights = generator.normal(size=(6, 3 // groups, 2, 2)).astype(np.float32)
    bias = generator.normal(size=6).astype(np.float32)
    pictures = [generator.integers(0, 256, (9, 9, 3), dtype=np.uint8) for _ in range(11)]
    layer = [
        helper.make_node("Cast", [INPUT], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["x", "w", "b"], ["y"], name="conv", group=groups, pads=[1, 1, 1, 1]),
    ]
    graph = helper.make_graph(
        layer,
        "layer",
        [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["batch", 3, 9, 9])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 6, 10, 10])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    found = quantised.with_corrected_biases(proto, [], pictures)
    corrected = numpy_helper.to_array(found.graph.initializer[1])

    shown = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).double()
    rounded = weights + quantised.rounding_error(weights)
    steps = np.abs(weights).max(axis=(1, 2, 3)) / quantised.LARGEST
    whole = rounded / steps[:, None, None, None]
    np.testing.assert_allclose(whole, np.round(whole), atol=1e-4)
    assert np.abs(whole).max() == pytest.approx(64)
    expected = torch.conv2d(
        shown, *map(torch.from_numpy, (weights.astype(float), bias.astype(float))), groups=groups, padding=1
    )
    given = torch.conv2d(
        shown,
        *map(torch.from_numpy, (rounded.astype(float), corrected.astype(float))),
        groups=groups,
        padding=1,
    )
    means, before = given.mean(dim=(0, 2, 3)), expected.mean(dim=(0, 2, 3))
    torch.testing.assert_close(means, before, atol=1e-3, rtol=0)
    plain = torch.conv2d(
        shown, *map(torch.from_numpy, (rounded.astype(float), bias.astype(float))), groups=groups, padding=1
    )
    assert (plain.mean(dim=(0, 2, 3)) - before).abs().max() > 0.1
    assert [each.name for each in found.graph.initializer] == ["w", found.graph.node[1].input[2]]
    again = quantised.with_corrected_biases(found, ["conv"], pictures)
    np.testing.assert_array_equal(numpy_helper.to_array(again.graph.initializer[1]), corrected)
