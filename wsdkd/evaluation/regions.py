"""The teacher's regions, streamed: image scores and detections are kept, all else is let go."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from wsdkd.cache.reader import TeacherCache
from wsdkd.evaluation.corloc import best_regions
from wsdkd.inference.detections import Detections, detect
from wsdkd.inference.fusion import ScoredRegions
from wsdkd.inference.scores import region_scores
from wsdkd.progress import track


def image_scores_and_detections(
    images: Iterable[ScoredRegions], nms_iou: float, limit: int, first: int | None = None
) -> tuple[np.ndarray, list[Detections]]:
    """Image scores p, float32 (N, K), and the detections of the ``first`` images (all by default).

    Args:
        images: regions of each of N images.
        nms_iou: of two detections of a class that overlap more, the better stays.
        limit: detections an image.
        first: how many images to detect in.
    """
    scores: list[np.ndarray] = []
    detections: list[Detections] = []
    for image in images:
        scores.append(image.scores.sum(axis=0))
        if first is None or len(detections) < first:
            detections.append(detect(image.boxes, image.detection_scores, nms_iou, limit))
    return np.stack(scores), detections


def best_cached_regions(cache: TeacherCache, image_ids: Sequence[str]) -> Iterator[np.ndarray]:
    """The teacher's best region of each class, (K, 4) in pixels of the original, image by image.

    Args:
        cache: holds the plain view of each of ``image_ids``.
        image_ids: training images.
    """
    for image_id in track(image_ids, "best regions of training images"):
        view = cache.view(image_id, mirrored=False)
        yield best_regions(view.boxes, region_scores(view.class_logits, view.detection_logits))
