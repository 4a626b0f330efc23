"""A student's probability of each label: over a dataset, and over picture files that need not be readable."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from PIL import Image

from wsdkd.data.images import ImageError, load_square
from wsdkd.data.tables import ImageRow
from wsdkd.ground.errors import UserError
from wsdkd.ground.progress import track
from wsdkd.networks.decoding import as_batch, loaded_ahead, picture_batches
from wsdkd.student.network import LoadedStudent


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


Source = TypeVar("Source", bound=Path | Image.Image)
"""Of a picture: its file, or itself."""


@dataclass(frozen=True)
class Labelled(Generic[Source]):
    """A picture with the probability of each class, float32 (K,)."""

    source: Source
    scores: np.ndarray


@dataclass(frozen=True)
class Unreadable(Generic[Source]):
    """What is no usable picture, and why."""

    source: Source
    reason: str


@torch.inference_mode()
def label_pictures(
    loaded: LoadedStudent, sources: Sequence[Source], *, batch_size: int, device: torch.device
) -> Iterator[Labelled[Source] | Unreadable[Source]]:
    """Yield what the student says of each picture, in order; only a few batches are held at a time.

    Args:
        loaded: the student.
        sources: the pictures.
        batch_size: pictures a forward pass.
        device: where to compute.

    Raises:
        UserError: a score is not finite, so the student is of no use.
    """
    model = loaded.model.to(device).to(memory_format=torch.channels_last)

    def load(batch: Sequence[Source]) -> list[np.ndarray | str]:
        return [_picture_or_reason(source, loaded.params.input_size) for source in batch]

    for batch, outcomes in loaded_ahead(sources, load, batch_size):
        pictures = [outcome for outcome in outcomes if not isinstance(outcome, str)]
        scores: Iterator[np.ndarray] = iter(())
        if pictures:
            found = torch.sigmoid(model(as_batch(pictures).to(device))).cpu().numpy()
            if not np.isfinite(found).all():
                raise UserError("the student's scores are not finite; use another one")
            scores = iter(found)
        for source, outcome in zip(batch, outcomes, strict=True):
            yield Unreadable(source, outcome) if isinstance(outcome, str) else Labelled(source, next(scores))


def _picture_or_reason(source: Path | Image.Image, size: int) -> np.ndarray | str:
    try:
        return load_square(source, size)
    except ImageError as error:
        return str(error)
