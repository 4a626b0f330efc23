"""An exported student, run by ONNX Runtime without PyTorch."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wsdkd.ground.errors import UserError, first_line
from wsdkd.ground.reading import require_file

INPUT, OUTPUT = "pictures", "scores"


def session(path: Path, threads: int | None = None) -> Any:
    """An ``onnxruntime.InferenceSession`` on the CPU.

    Args:
        path: an exported file.
        threads: that one call may use; by default ONNX Runtime's choice, the physical cores.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@dataclass(frozen=True, eq=False)
class Exported:
    """What :func:`wsdkd.serving.export.export_student` wrote.

    Attributes:
        classes: names of the K classes.
        size: side of the square input, in pixels.
        thresholds: (K,); a label is given when its score is above its class's.
        origin: of the thresholds, in words.
        session: runs it.
    """

    classes: list[str]
    size: int
    thresholds: np.ndarray
    origin: str
    session: Any

    def scores(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Calibrated probabilities, float32 (B, K), of pictures, uint8 (size, size, 3) each."""
        batch = np.stack(pictures).transpose(0, 3, 1, 2)
        found: np.ndarray = self.session.run([OUTPUT], {INPUT: np.ascontiguousarray(batch)})[0]
        return found


def load_exported(path: Path) -> Exported:
    """Read an exported student.

    Raises:
        UserError: ONNX Runtime is not installed, or ``wsdkd export`` did not write the file.
    """
    require_file(path, "write one: wsdkd export student --to student.onnx")
    try:
        running = session(path)
    except ImportError:
        raise UserError(
            "onnxruntime is not installed; an exported student needs it: pip install onnxruntime"
        ) from None
    except Exception as error:  # of a kind for each thing that can be wrong with a file
        raise UserError(f"{path}: ONNX Runtime cannot read it: {first_line(error)}") from None
    told = running.get_modelmeta().custom_metadata_map
    try:
        classes, thresholds = json.loads(told["classes"]), np.array(json.loads(told["thresholds"]))
        return Exported(classes, int(told["size"]), thresholds, told["origin"], running)
    except (KeyError, ValueError) as error:
        raise UserError(f"{path}: no student that wsdkd export wrote: {error} in its metadata") from None
