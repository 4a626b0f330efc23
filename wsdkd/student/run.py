"""A student's probability of each label: over a dataset, and over picture files that need not be readable."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from PIL import Image

from wsdkd.data.images import MAX_MEMORY, ImageError, load_square
from wsdkd.ground.errors import UserError
from wsdkd.ground.progress import track
from wsdkd.networks.checkpoints import save_network
from wsdkd.networks.decoding import as_batch, loaded_ahead, picture_batches
from wsdkd.networks.description import VALIDATION
from wsdkd.networks.params import InferencePrecision
from wsdkd.networks.precision import computing_in, placed
from wsdkd.student.network import LoadedStudent, Student
from wsdkd.student.validation import count_labels

if TYPE_CHECKING:
    # Training loads accelerate, and tables Arrow, which who labels a picture need not wait for.
    from wsdkd.data.tables import ImageRow
    from wsdkd.training.course import Course, Images

BATCH_SIZE = 32
"""Validation pictures a forward pass."""


def student_scores(
    loaded: LoadedStudent,
    rows: Sequence["ImageRow"],
    root: Path,
    *,
    batch_size: int,
    device: torch.device,
    precision: InferencePrecision = "fp32",
    description: str,
) -> np.ndarray:
    """Sigmoid of the student's logits for each of ``rows``: float32 (N, K); see :func:`student_outputs`."""
    outputs = student_outputs(
        loaded,
        rows,
        root,
        batch_size=batch_size,
        device=device,
        precision=precision,
        description=description,
    )
    return outputs.scores


class Outputs(NamedTuple):
    """What a student gives for N pictures.

    Attributes:
        logits: z, float32 (N, K).
        scores: sigmoid of them, float32 (N, K).
    """

    logits: np.ndarray
    scores: np.ndarray


@torch.inference_mode()
def student_outputs(
    loaded: LoadedStudent,
    rows: Sequence["ImageRow"],
    root: Path,
    *,
    batch_size: int,
    device: torch.device,
    precision: InferencePrecision = "fp32",
    description: str | None,
) -> Outputs:
    """Logits and scores of each of ``rows``.

    Args:
        loaded: the student.
        rows: the images.
        root: folder that their paths are relative to.
        batch_size: images a forward pass.
        device: where to compute.
        precision: in which; logits and scores are in fp32 in any.
        description: stands before the progress bar; without it there is none.
    """
    model = placed(loaded.model, device)
    pinning = device.type == "cuda"
    batches = picture_batches(rows, root, loaded.params.input_size, False, batch_size, pinning)
    if description is not None:
        batches = track(batches, description, total=-(-len(rows) // batch_size), unit="batch")
    with computing_in(precision, device):
        logits = [model(pictures.to(device, non_blocking=True)) for _, pictures in batches]
    if not logits:
        return Outputs(*np.zeros((2, 0, len(loaded.classes)), np.float32))
    # A batch at a time: the last digit of a sigmoid depends on where in the array a number stands.
    scores = torch.cat([torch.sigmoid(batch) for batch in logits])
    return Outputs(torch.cat(logits).cpu().numpy(), scores.cpu().numpy())


def save_student(folder: Path, course: "Course", images: "Images") -> None:
    """Write a student that has been trained, with what its validation images say, where there are any.

    Args:
        folder: replaced as a whole.
        course: whose network is a :class:`Student`; in evaluation mode from then on.
        images: of its validation split, labels are counted.
    """
    from wsdkd.data.tables import targets

    network, classes = course.network.eval(), images.classes
    assert isinstance(network, Student)  # noqa: S101, of a course for students
    more = {}
    if images.val:
        outputs = student_outputs(
            LoadedStudent(network, network.params, classes),
            images.val,
            images.root,
            batch_size=BATCH_SIZE,
            device=course.accelerator.device,
            # Its thresholds come of them, on whatever machine it is used.
            precision="fp32",
            description="validation images",
        )
        counts = count_labels(outputs.logits, *targets(images.val, len(classes)))
        more = {} if counts is None else {VALIDATION: counts.described(classes)}
    save_network(folder, network, "student", course.params, classes, more)


Source = TypeVar("Source", bound=Path | Image.Image)
"""Of a picture: its file, or itself."""


@dataclass(frozen=True)
class Labelled(Generic[Source]):
    """A picture with what the student says of it.

    Attributes:
        source: of the picture.
        logits: of each class, float32 (K,).
    """

    source: Source
    logits: np.ndarray


@dataclass(frozen=True)
class Unreadable(Generic[Source]):
    """What is no usable picture, and why."""

    source: Source
    reason: str


@torch.inference_mode()
def label_pictures(
    loaded: LoadedStudent,
    sources: Sequence[Source],
    *,
    batch_size: int,
    device: torch.device,
    precision: InferencePrecision = "fp32",
    memory: int = MAX_MEMORY,
) -> Iterator[Labelled[Source] | Unreadable[Source]]:
    """Yield what the student says of each picture, in order; only a few batches are held at a time.

    Args:
        loaded: the student.
        sources: the pictures.
        batch_size: pictures a forward pass.
        device: where to compute.
        precision: in which; logits are in fp32 in any.
        memory: bytes that decoding one picture may take.

    Raises:
        UserError: a score is not finite, so the student is of no use.
    """
    model = placed(loaded.model, device)

    def load(batch: Sequence[Source]) -> list[np.ndarray | str]:
        return [_picture_or_reason(source, loaded.params.input_size, memory) for source in batch]

    for batch, outcomes in loaded_ahead(sources, load, batch_size):
        pictures = [outcome for outcome in outcomes if not isinstance(outcome, str)]
        logits: Iterator[np.ndarray] = iter(())
        if pictures:
            with computing_in(precision, device):
                found = model(as_batch(pictures).to(device)).cpu().numpy()
            if not np.isfinite(found).all():
                raise UserError("the student's scores are not finite; use another one")
            logits = iter(found)
        for source, outcome in zip(batch, outcomes, strict=True):
            yield Unreadable(source, outcome) if isinstance(outcome, str) else Labelled(source, next(logits))


def _picture_or_reason(source: Path | Image.Image, size: int, memory: int) -> np.ndarray | str:
    try:
        return load_square(source, size, memory)
    except ImageError as error:
        return str(error)
