"""The teacher over a whole dataset.

:func:`run_teacher` gives its outputs on every proposal in one view of each image, :func:`run_fused_teacher`
its scores, averaged over the views of the test.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from wsdkd.data.boxes import to_input
from wsdkd.data.tables import ImageRow
from wsdkd.ground.progress import track
from wsdkd.networks.copies import Aside
from wsdkd.networks.decoding import picture_batches
from wsdkd.networks.params import InferencePrecision
from wsdkd.networks.precision import placed
from wsdkd.proposals.stored import Proposals
from wsdkd.scores import refined_scores, region_scores
from wsdkd.support import Ranking, detection_scores
from wsdkd.teacher.batches import (
    BatchPasses,
    BegunBatch,
    Choose,
    Chosen,
    Found,
    Said,
    no_features,
    one_behind,
)
from wsdkd.teacher.network import LoadedTeacher
from wsdkd.teacher.params import TeacherParams


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
        refined: :func:`~wsdkd.scores.refined_scores` of its branches of refinement, (n, K); None
            without any.
        chosen: the regions that features are of, (c, D), where they were chosen on the teacher's device.
    """

    image_id: str
    boxes: np.ndarray
    objectness: np.ndarray
    class_logits: np.ndarray
    detection_logits: np.ndarray
    features: np.ndarray
    refined: np.ndarray | None = None
    chosen: Chosen | None = None


@dataclass(frozen=True)
class ProposedImages:
    """Images, and where a teacher looks in them."""

    rows: Sequence[ImageRow]
    root: Path
    """Folder that their paths are relative to."""
    proposals: Proposals
    """Of at least these images; a teacher is given the best of each, as many as its parameters say."""


@dataclass(frozen=True)
class PictureView:
    """One way to show a picture to the teacher."""

    size: int
    """Side of the square input, in pixels."""
    mirrored: bool
    """Whether the network sees the mirrored picture; boxes are those of the unmirrored one all the same."""


@torch.inference_mode()
def run_teacher(
    loaded: LoadedTeacher,
    images: ProposedImages,
    view: PictureView,
    *,
    batch_size: int,
    device: torch.device,
    precision: InferencePrecision = "fp32",
    choose: Choose | None = None,
    description: str | None,
) -> Iterator[ImageRegions]:
    """Yield the teacher's outputs for each of the images, in order, behind a progress bar.

    Args:
        loaded: the teacher.
        images: with their proposals.
        view: how each is shown.
        batch_size: images a forward pass.
        device: where to compute.
        precision: in which; RoI operations and logits are in fp32 in any.
        choose: regions whose features are wanted, on the device; by default those of all.
        description: stands before the bar; without it there is none, where the caller has one of its own.
    """
    passes = BatchPasses(placed(loaded.model, device), Aside(device), precision, choose)
    pinning = device.type == "cuda"
    batches = picture_batches(images.rows, images.root, view.size, view.mirrored, batch_size, pinning)
    if description is not None:
        batches = track(batches, description, total=-(-len(images.rows) // batch_size), unit="batch")

    def begun() -> Iterator[BegunBatch]:
        for rows, pictures in batches:
            found = [images.proposals.of(row.image_id, loaded.params.proposals) for row in rows]
            boxes = [
                to_input(one, row.width, row.height, view.size, view.mirrored)
                for (one, _), row in zip(found, rows, strict=True)
            ]
            yield passes.begin(rows, found, pictures, boxes)

    # A GPU computes one batch while the one before is collected; a CPU does one thing at a time.
    for batch in one_behind(begun()) if pinning else begun():
        for row, found, said in zip(batch.rows, batch.found, passes.collect(batch), strict=True):
            yield image_regions(row, found, said)


def image_regions(row: ImageRow, found: Found, said: Said) -> ImageRegions:
    """The outputs on one image of a batch, together with the proposals that they are of."""
    return ImageRegions(
        row.image_id,
        *found,
        said.class_logits,
        said.detection_logits,
        said.features,
        refined_scores(said.refinement_logits),
        said.chosen,
    )


@dataclass(frozen=True)
class ScoredRegions:
    """Regions of one image.

    Attributes:
        image_id: of the image.
        boxes: float32 (n, 4), (x1, y1, x2, y2) in pixels of the original image.
        scores: float32 (n, K), the mean of S over the views; its sum over regions is the image score.
        detection_scores: float32 (n, K), what detections are ranked by: the mean over the views of
            :func:`wsdkd.support.detection_scores`, or by ranking ``scores`` of the refined scores, where the
            teacher has branches of refinement.
    """

    image_id: str
    boxes: np.ndarray
    scores: np.ndarray
    detection_scores: np.ndarray


def fused_views(params: TeacherParams) -> list[PictureView]:
    """The views that are fused in testing: all ``test_sizes``, plain and, where asked for, mirrored."""
    sizes = params.test_sizes or (params.input_size,)
    mirrored = (False, True) if params.test_mirrored else (False,)
    return [PictureView(size, flag) for size in sizes for flag in mirrored]


def run_fused_teacher(
    loaded: LoadedTeacher,
    images: ProposedImages,
    ranking: Ranking,
    *,
    batch_size: int,
    device: torch.device,
    precision: InferencePrecision = "fp32",
    description: str | None,
) -> Iterator[ScoredRegions]:
    """Score the proposals of each image over all views of the teacher's test.

    The views advance together, so that no more than a batch of each is in memory.

    Args:
        loaded: the teacher.
        images: with their proposals.
        ranking: what detections are ranked by.
        batch_size: images a batch.
        device: where the teacher runs.
        precision: in which.
        description: what the progress bars say; without it there are none.

    Yields:
        Scored regions of each image, in their order.
    """
    views = fused_views(loaded.params)
    passes = [
        run_teacher(
            loaded,
            images,
            view,
            batch_size=batch_size,
            device=device,
            precision=precision,
            choose=no_features,
            description=description
            if description is None or len(views) == 1
            else f"{description}, {_name(view)}",
        )
        for view in views
    ]
    for same in zip(*passes, strict=True):
        scores = np.mean([region_scores(item.class_logits, item.detection_logits) for item in same], axis=0)
        if ranking == "support":
            ranked = np.mean([detection_scores(ranking, item) for item in same], axis=0)
        else:
            refined = [item.refined for item in same if item.refined is not None]
            ranked = np.mean(refined, axis=0) if refined else scores
        yield ScoredRegions(same[0].image_id, same[0].boxes, scores, ranked)


def _name(view: PictureView) -> str:
    return f"{view.size} px{' mirrored' if view.mirrored else ''}"
