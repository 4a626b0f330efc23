"""A student over whole datasets: the probability of each label."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from wsdkd.inference.pictures import picture_batches
from wsdkd.models.saved_student import LoadedStudent
from wsdkd.progress import track
from wsdkd.tables.images import ImageRow


@torch.inference_mode()
def student_scores(
    loaded: LoadedStudent,
    rows: Sequence[ImageRow],
    root: Path,
    *,
    batch_size: int,
    device: torch.device,
    description: str,
) -> np.ndarray:
    """Sigmoid of the student's logits for each of ``rows``: float32 (N, K).

    Args:
        loaded: the student.
        rows: the images.
        root: folder that their paths are relative to.
        batch_size: images a forward pass.
        device: where to compute.
        description: stands before the progress bar.
    """
    model = loaded.model.to(device).to(memory_format=torch.channels_last)
    batches = picture_batches(rows, root, loaded.params.input_size, mirrored=False, batch_size=batch_size)
    count = -(-len(rows) // batch_size)
    scores = [
        torch.sigmoid(model(pictures.to(device))).cpu()
        for _, pictures in track(batches, description, total=count, unit="batch")
    ]
    if not scores:
        return np.zeros((0, len(loaded.classes)), np.float32)
    return torch.cat(scores).numpy()
