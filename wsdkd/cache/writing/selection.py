"""Which RoIs' features are worth keeping: non-maximum suppression by the teacher's confidence.

The paper chooses RoIs by NMS and weights them by confidence (Eq. 4, unverified).
"""

import numpy as np
import torch
from torchvision.ops import nms

from wsdkd.cache.params import CacheParams
from wsdkd.scores import SMALLEST, image_scores, region_scores, share_of_best
from wsdkd.support import Ranking, Regions, region_shares


def confidences(ranking: Ranking, regions: Regions, labels: tuple[int, ...]) -> np.ndarray:
    """How surely each RoI holds an object of the image's labels, in (0, 1], float32 (n,).

    The highest of :func:`~wsdkd.support.region_shares` over the classes in ``labels``, each weighted by its
    image score p_k, relative to the highest p_k of them.

    Args:
        ranking: what regions are ranked by.
        regions: what the teacher says of them.
        labels: classes present in the image; where there are none, all classes count.
    """
    if ranking == "support":
        shares = region_shares(ranking, regions)
        image = image_scores(regions.class_logits, regions.detection_logits)
    else:
        scores = region_scores(regions.class_logits, regions.detection_logits)
        shares, image = share_of_best(scores), scores.sum(axis=0)
    if labels:
        shares, image = shares[:, list(labels)], image[list(labels)]
    relative = shares * (image / image.max().clip(SMALLEST))
    best: np.ndarray = relative.max(axis=1).astype(np.float32)
    return best


def choose_rois(
    regions: Regions, labels: tuple[int, ...], params: CacheParams
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the RoIs of one image whose features are kept.

    Args:
        regions: what the teacher says of all n of them.
        labels: classes present in the image.
        params: section ``cache``: how many are kept, and which of two that overlap.

    Returns:
        Places of the chosen RoIs, int32 (c,), and their :func:`confidences`, float32 (c,), most
        confident first.
    """
    confidence = confidences(params.ranking, regions, labels)
    if params.rois == "all":
        chosen = np.argsort(-confidence, kind="stable")
    else:
        boxes = torch.from_numpy(np.ascontiguousarray(regions.boxes)).float()
        chosen = nms(boxes, torch.from_numpy(confidence), params.nms_iou).numpy()[: params.rois]
    return chosen.astype(np.int32), confidence[chosen]
