"""Which RoIs' features are worth keeping: non-maximum suppression by the teacher's confidence.

The paper chooses RoIs by NMS and weights them by confidence (Eq. 4, unverified).
"""

import numpy as np
import torch

from wsdkd.cache.params import CacheParams
from wsdkd.networks.deferred_compiler import compiler_deferred
from wsdkd.scores import SMALLEST, image_scores
from wsdkd.support import Regions, region_shares
from wsdkd.teacher.batches import Chosen
from wsdkd.teacher.run import ImageRegions

with compiler_deferred():
    from torchvision.ops import nms


def confidences(shares: np.ndarray, regions: Regions, labels: tuple[int, ...]) -> np.ndarray:
    """How surely each RoI holds an object of the image's labels, in (0, 1], float32 (n,).

    The highest of its shares over the classes in ``labels``, each weighted by its image score p_k, relative
    to the highest p_k of them.

    Args:
        shares: :func:`~wsdkd.support.region_shares` of the regions, (n, K).
        regions: what the teacher says of them.
        labels: classes present in the image; where there are none, all classes count.
    """
    image = image_scores(regions.class_logits, regions.detection_logits)
    if labels:
        shares, image = shares[:, list(labels)], image[list(labels)]
    relative = shares * (image / image.max().clip(SMALLEST))
    best: np.ndarray = relative.max(axis=1).astype(np.float32)
    return best


def choose_rois(regions: Regions, labels: tuple[int, ...], params: CacheParams) -> Chosen:
    """Choose the RoIs of one image whose features are kept.

    Args:
        regions: what the teacher says of all n of them.
        labels: classes present in the image.
        params: section ``cache``: how many are kept, and which of two that overlap.
    """
    shares = region_shares(params.ranking, regions)
    confidence = confidences(shares, regions, labels)
    if params.rois == "all":
        chosen = np.argsort(-confidence, kind="stable")
    else:
        boxes = torch.from_numpy(np.ascontiguousarray(regions.boxes)).float()
        chosen = nms(boxes, torch.from_numpy(confidence), params.nms_iou).numpy()[: params.rois]
    best = shares.argmax(axis=0).astype(np.int32)
    return Chosen(chosen.astype(np.int32), confidence[chosen], shares[chosen], best)


def kept_features(
    said: ImageRegions, labels: tuple[int, ...], params: CacheParams
) -> tuple[Chosen, np.ndarray]:
    """The RoIs of one image whose features are kept, and these features, (c, D).

    Args:
        said: what the teacher says of all regions; on a GPU they were chosen there.
        labels: classes present in the image.
        params: section ``cache``.
    """
    if said.chosen is not None:
        return said.chosen, said.features
    chosen = choose_rois(said, labels, params)
    return chosen, said.features[chosen.regions]
