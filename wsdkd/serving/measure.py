"""Scores of two students on the same images. The one module of promotion that needs torch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from accelerate import PartialState

from wsdkd.data.tables import ImageRow
from wsdkd.student.network import load_student
from wsdkd.student.run import student_scores

BATCH_SIZE = 32


def measure(student: Path, rows: Sequence[ImageRow], root: Path, description: str) -> np.ndarray:
    """Probability of each label on each image: float32 (N, K).

    Args:
        student: folder of it.
        rows: the images.
        root: folder that their paths are relative to.
        description: stands before the progress bar.

    Raises:
        UserError: the folder holds no student, or an image cannot be read.
    """
    device = PartialState(cpu=not torch.cuda.is_available()).device
    return student_scores(
        load_student(student), rows, root, batch_size=BATCH_SIZE, device=device, description=description
    )
