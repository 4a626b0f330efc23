"""A student as one file for ONNX Runtime, which runs it without PyTorch."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from wsdkd.evaluation.calibration import Calibration, Isotonic, Temperature
from wsdkd.evaluation.operating_point import OperatingPoint
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file
from wsdkd.serving.exported import INPUT, OUTPUT, session
from wsdkd.serving.quantised import quantised
from wsdkd.student.network import LoadedStudent

OPSET = 18
TOLERANCE = 1e-4
"""Of a probability; sums in another order differ by some 1e-6."""
CHECKED_BATCHES = (1, 3)
"""Sizes of batch that a file is run with: a fixed one would fail with the second."""
CLASSIFIER = "student.classifier.weight"
"""Name of its weights in an exported network."""
AGREEING = 0.9
"""Share of the labels given that a network in 8 bits has to leave as they are; far fewer are a failure."""


class _Scores(nn.Module):
    """What ``wsdkd predict`` reports of pictures: the calibrated probability of each class."""

    def __init__(self, student: nn.Module, calibration: Calibration):
        super().__init__()
        self.student = student
        self.calibrated: nn.Module
        if isinstance(calibration, Isotonic):
            self.calibrated = _Curves(calibration)
        else:
            assert isinstance(calibration, Temperature)  # noqa: S101, there is no third
            self.calibrated = _Tempered(calibration.temperature)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        probabilities: torch.Tensor = self.calibrated(self.student(pictures))
        return probabilities


class _Tempered(nn.Module):
    def __init__(self, temperature: float):
        super().__init__()
        self.temperature = temperature

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(logits if self.temperature == 1 else logits / self.temperature)


class _Curves(nn.Module):
    """An isotonic curve a class: what it begins with, and how much it rises by along each of its pieces."""

    def __init__(self, curves: Isotonic):
        super().__init__()
        width, rise = np.diff(curves.at), np.diff(curves.probabilities, axis=1)
        slope = np.divide(rise, width, out=np.zeros_like(rise), where=width > 0)
        self.start, self.width, self.slope, self.first = (
            torch.from_numpy(each.astype(np.float32))
            for each in (curves.at[:-1], width, slope, curves.probabilities[:, 0])
        )

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        along = torch.minimum((logits[:, :, None] - self.start).clamp(min=0), self.width)
        return self.first + (along * self.slope).sum(dim=2)


def export_student(
    loaded: LoadedStudent, point: OperatingPoint, path: Path, tolerance: float = TOLERANCE
) -> float:
    """Write a student as an ONNX file, once ONNX Runtime gives with it what PyTorch gives.

    The file takes ``pictures``, uint8 (B, 3, size, size), RGB from 0 to 255, scaled to the square as
    :func:`wsdkd.data.images.load_square` does, of any B; it gives ``scores``, float32 (B, K), calibrated
    probabilities. Its metadata hold ``classes`` (a JSON list of K names), ``thresholds`` (a JSON list of K
    numbers; a label is given when its score is above its class's), their ``origin``, ``size`` (in pixels) and
    ``kind``.

    Args:
        loaded: the student; moved to the CPU.
        point: its operating point.
        path: where the file appears, whole and checked.
        tolerance: greatest difference of a probability.

    Returns:
        The greatest difference found.

    Raises:
        UserError: a package of the extra ``export`` is missing, the network cannot be exported, or the
            file's probabilities differ by more than ``tolerance``.
    """
    _require_packages()
    model = _Scores(loaded.model.cpu(), point.calibration).eval()
    size = loaded.params.input_size
    with publish_file(path) as aside:
        _save(_exported(model, size), loaded, point, aside)
        difference = max(_difference(model, aside, batch, size) for batch in CHECKED_BATCHES)
        # Written so that NaN is refused as well.
        if not difference <= tolerance:
            raise UserError(
                f"{path}: not written: ONNX Runtime's probabilities differ from PyTorch's by up to "
                f"{difference:.2g}, more than {tolerance:.2g}"
            )
    return difference


def export_int8(
    loaded: LoadedStudent, point: OperatingPoint, path: Path, pictures: Sequence[np.ndarray]
) -> float:
    """Write a student as an ONNX file whose layers compute in 8 bits; names and metadata are those of fp32.

    Args:
        loaded: the student; moved to the CPU.
        point: its operating point.
        path: where the file appears, whole and checked.
        pictures: uint8 (size, size, 3) each, of the kind that it is for: they show the range of each layer.

    Returns:
        The share of decisions on ``pictures``, whether a label is given, that PyTorch takes as well.

    Raises:
        UserError: as :func:`export_student`; the network cannot be quantised; or it gives other labels.
    """
    _require_packages()
    model = _Scores(loaded.model.cpu(), point.calibration).eval()
    with publish_file(path) as aside:
        proto = _exported(model, loaded.params.input_size)
        _save(quantised(proto, CLASSIFIER, pictures), loaded, point, aside)
        agreeing = _agreement(loaded, point, aside, pictures)
        if not agreeing >= AGREEING:
            raise UserError(
                f"{path}: not written: in 8 bits only {agreeing:.1%} of the labels are as PyTorch gives "
                f"them, fewer than {AGREEING:.0%}; give other pictures, or export without --int8"
            )
    return agreeing


def _require_packages() -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401, torch's exporter works with it
    except ImportError as error:
        raise UserError(
            f"{error.name} is not installed; wsdkd export needs: pip install onnx onnxruntime onnxscript"
        ) from None


def _save(proto: Any, loaded: LoadedStudent, point: OperatingPoint, path: Path) -> None:
    import onnx

    description = {
        "kind": "student",
        "size": str(loaded.params.input_size),
        "classes": json.dumps(loaded.classes),
        "thresholds": json.dumps(point.thresholds.tolist()),
        "origin": point.origin,
    }
    onnx.helper.set_model_props(proto, description)
    onnx.save(proto, path)


def _exported(model: nn.Module, size: int) -> Any:
    # Two pictures, as a batch of one would be taken for a constant.
    example = torch.zeros(2, 3, size, size, dtype=torch.uint8)
    try:
        with torch.no_grad():
            program = torch.onnx.export(
                model,
                (example,),
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                opset_version=OPSET,
                verbose=False,
            )
    except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
        raise UserError(f"this student cannot be exported: {error}") from None
    assert program is not None  # noqa: S101, only a path given to export makes it None
    return program.model_proto


def _difference(model: nn.Module, path: Path, batch: int, size: int) -> float:
    pictures = np.random.default_rng(batch).integers(0, 256, (batch, 3, size, size), dtype=np.uint8)
    with torch.inference_mode():
        expected = model(torch.from_numpy(pictures)).numpy()
    found: Sequence[np.ndarray] = session(path).run([OUTPUT], {INPUT: pictures})
    return float(np.abs(found[0] - expected).max())


@torch.inference_mode()
def _agreement(
    loaded: LoadedStudent, point: OperatingPoint, path: Path, pictures: Sequence[np.ndarray]
) -> float:
    running, same = session(path), []
    # Batches of several sizes, as a fixed one would fail with the second.
    for start, end in pairwise(np.unique([0, 1, *range(4, len(pictures), 32), len(pictures)]).tolist()):
        batch = np.ascontiguousarray(np.stack(pictures[start:end]).transpose(0, 3, 1, 2))
        expected = point.given(loaded.model(torch.from_numpy(batch)).numpy())
        same.append((running.run([OUTPUT], {INPUT: batch})[0] > point.thresholds) == expected)
    return float(np.concatenate(same).mean())
