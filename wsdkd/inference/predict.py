"""A student over picture files of any origin, some of which may not be readable."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from wsdkd.errors import UserError
from wsdkd.images import ImageError, load_square
from wsdkd.inference.pictures import as_batch, loaded_ahead
from wsdkd.models.saved_student import LoadedStudent


@dataclass(frozen=True)
class Labelled:
    """A picture with the probability of each class, float32 (K,)."""

    path: Path
    scores: np.ndarray


@dataclass(frozen=True)
class Unreadable:
    """A file that is no usable picture, and why."""

    path: Path
    reason: str


@torch.inference_mode()
def label_pictures(
    loaded: LoadedStudent, paths: Sequence[Path], *, batch_size: int, device: torch.device
) -> Iterator[Labelled | Unreadable]:
    """Yield what the student says of each picture, in order; only a few batches are held at a time.

    Args:
        loaded: the student.
        paths: of the pictures.
        batch_size: pictures a forward pass.
        device: where to compute.

    Raises:
        UserError: a score is not finite, so the student is of no use.
    """
    model = loaded.model.to(device).to(memory_format=torch.channels_last)

    def load(batch: Sequence[Path]) -> list[np.ndarray | str]:
        return [_picture_or_reason(path, loaded.params.input_size) for path in batch]

    for batch, outcomes in loaded_ahead(paths, load, batch_size):
        pictures = [outcome for outcome in outcomes if not isinstance(outcome, str)]
        scores: Iterator[np.ndarray] = iter(())
        if pictures:
            found = torch.sigmoid(model(as_batch(pictures).to(device))).cpu().numpy()
            if not np.isfinite(found).all():
                raise UserError("the student's scores are not finite; use another one")
            scores = iter(found)
        for path, outcome in zip(batch, outcomes, strict=True):
            yield Unreadable(path, outcome) if isinstance(outcome, str) else Labelled(path, next(scores))


def _picture_or_reason(path: Path, size: int) -> np.ndarray | str:
    try:
        return load_square(path, size)
    except ImageError as error:
        return str(error)
