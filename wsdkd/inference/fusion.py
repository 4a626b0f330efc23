"""The teacher's scores of regions, averaged over sizes of the image and its mirror image."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from wsdkd.inference.regions import run_teacher
from wsdkd.inference.scores import region_scores
from wsdkd.models.saved_teacher import LoadedTeacher
from wsdkd.params.teacher import TeacherParams
from wsdkd.proposals.shards import Proposals
from wsdkd.tables.images import ImageRow


@dataclass(frozen=True)
class FusedView:
    """One way to show an image to the teacher."""

    size: int
    """Side of the square input, in pixels."""
    mirrored: bool


@dataclass(frozen=True)
class ScoredRegions:
    """Regions of one image.

    Attributes:
        image_id: of the image.
        boxes: float32 (n, 4), (x1, y1, x2, y2) in pixels of the original image.
        scores: float32 (n, K), the mean of S over the views; its sum over regions is the image score.
        detection_scores: float32 (n, K), what detections are ranked by: the mean over the views of the
            refined scores, where the teacher has branches of refinement, else ``scores``.
    """

    image_id: str
    boxes: np.ndarray
    scores: np.ndarray
    detection_scores: np.ndarray


def fused_views(params: TeacherParams) -> list[FusedView]:
    """The views that are fused in testing: all ``test_sizes``, plain and, where asked for, mirrored."""
    mirrored = (False, True) if params.test_mirrored else (False,)
    return [FusedView(size, flag) for size in params.test_sizes or (params.input_size,) for flag in mirrored]


def run_fused_teacher(
    loaded: LoadedTeacher,
    rows: Sequence[ImageRow],
    root: Path,
    proposals: Proposals,
    *,
    batch_size: int,
    device: torch.device,
    description: str,
) -> Iterator[ScoredRegions]:
    """Score the proposals of each image over all views of the teacher's test.

    The views advance together, so that no more than a batch of each is in memory.

    Args:
        loaded: the teacher.
        rows: the images.
        root: folder that their paths are relative to.
        proposals: of all these images.
        batch_size: images a batch.
        device: where the teacher runs.
        description: what the progress bars say.

    Yields:
        Scored regions of each image, in the order of ``rows``.
    """
    views = fused_views(loaded.params)
    passes = [
        run_teacher(
            loaded,
            rows,
            root,
            proposals,
            size=view.size,
            mirrored=view.mirrored,
            batch_size=batch_size,
            device=device,
            description=description if len(views) == 1 else f"{description}, {_name(view)}",
        )
        for view in views
    ]
    for same in zip(*passes, strict=True):
        scores = np.mean([region_scores(item.class_logits, item.detection_logits) for item in same], axis=0)
        refined = [item.refined for item in same if item.refined is not None]
        ranked = np.mean(refined, axis=0) if refined else scores
        yield ScoredRegions(same[0].image_id, same[0].boxes, scores, ranked)


def _name(view: FusedView) -> str:
    return f"{view.size} px{' mirrored' if view.mirrored else ''}"
