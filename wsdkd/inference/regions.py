"""The teacher over whole datasets: what it says of every proposal of every image."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from wsdkd.boxes import to_input
from wsdkd.inference.pictures import picture_batches
from wsdkd.inference.scores import refined_scores
from wsdkd.models.saved_teacher import LoadedTeacher
from wsdkd.progress import track
from wsdkd.proposals.shards import Proposals
from wsdkd.tables.images import ImageRow


@dataclass(frozen=True)
class ImageRegions:
    """The teacher's outputs for the n proposals of one image, all float32.

    Attributes:
        image_id: of the image.
        boxes: (n, 4), (x1, y1, x2, y2) in pixels of the original, unmirrored image.
        objectness: (n,).
        class_logits: M^c, (n, K).
        detection_logits: M^d, (n, K).
        features: output of fc7, (n, D).
        refined: :func:`~wsdkd.inference.scores.refined_scores` of its branches of refinement, (n, K); None
            without any.
    """

    image_id: str
    boxes: np.ndarray
    objectness: np.ndarray
    class_logits: np.ndarray
    detection_logits: np.ndarray
    features: np.ndarray
    refined: np.ndarray | None = None


@torch.inference_mode()
def run_teacher(
    loaded: LoadedTeacher,
    rows: Sequence[ImageRow],
    root: Path,
    proposals: Proposals,
    *,
    size: int,
    mirrored: bool,
    batch_size: int,
    device: torch.device,
    description: str | None,
) -> Iterator[ImageRegions]:
    """Yield the teacher's outputs for each of ``rows``, in order, behind a progress bar.

    Args:
        loaded: the teacher.
        rows: the images.
        root: folder that their paths are relative to.
        proposals: of at least these images; the best ``loaded.params.proposals`` are used.
        size: side of the square input, in pixels.
        mirrored: show the network the mirrored image (boxes come back unmirrored).
        batch_size: images a forward pass.
        device: where to compute.
        description: stands before the bar; without it there is none, where the caller has one of its own.
    """
    model = loaded.model.to(device).to(memory_format=torch.channels_last)
    batches = picture_batches(rows, root, size, mirrored, batch_size)
    if description is not None:
        batches = track(batches, description, total=-(-len(rows) // batch_size), unit="batch")
    for batch, pictures in batches:
        found = [proposals.of(row.image_id, loaded.params.proposals) for row in batch]
        counts = [len(scores) for _, scores in found]
        places = np.repeat(np.arange(len(batch)), counts)
        boxes = [
            to_input(one, row.width, row.height, size, mirrored)
            for (one, _), row in zip(found, batch, strict=True)
        ]
        rois = torch.from_numpy(np.column_stack([places, np.concatenate(boxes)]).astype(np.float32))
        objectness = torch.from_numpy(np.concatenate([scores for _, scores in found]))
        outputs = model(pictures.to(device), rois.to(device), objectness.to(device))
        each = [[part.numpy() for part in torch.split(output.cpu(), counts)] for output in outputs]
        for row, (original, scores), *parts in zip(batch, found, *each, strict=True):
            class_logits, detection_logits, features, refinements = parts
            refined = refined_scores(refinements)
            yield ImageRegions(
                row.image_id, original, scores, class_logits, detection_logits, features, refined
            )
