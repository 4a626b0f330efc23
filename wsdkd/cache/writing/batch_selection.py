"""The choice of :mod:`wsdkd.cache.writing.selection` for all images of a batch at once, on their device.

The two agree but for rounding, and for regions that are equally confident to the last digit. On a CPU the
other one is taken, image by image.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torchvision.ops import batched_nms

from wsdkd.cache.params import CacheParams
from wsdkd.scores import SMALLEST, batch_image_scores, batch_region_scores
from wsdkd.support import Ranking, image_support
from wsdkd.teacher.batches import BatchChoice, RegionBatch


def choose_in_batch(batch: RegionBatch, params: CacheParams) -> BatchChoice:
    """Choose the RoIs of each image whose features are kept.

    Args:
        batch: what the teacher says of all regions.
        params: section ``cache``.
    """
    confidence = batch_confidences(params.ranking, batch)
    image, images = batch.image, len(batch.counts)
    if params.rois == "all":
        best = confidence.argsort(descending=True, stable=True)
    else:
        best = batched_nms(batch.boxes, confidence, image, params.nms_iou)
    # Image after image; within each they stay the most confident first.
    places = best[image[best].argsort(stable=True)]
    counts = image[places].bincount(minlength=images)
    if params.rois != "all":
        starts = counts.cumsum(0) - counts
        ranks = torch.arange(len(places), device=places.device) - starts[image[places]]
        places, counts = places[ranks < params.rois], counts.clamp_max(params.rois)
    return BatchChoice(places, confidence[places], counts)


def batch_confidences(ranking: Ranking, batch: RegionBatch) -> Float[Tensor, " regions"]:
    """How surely each region holds an object of its image's labels.

    See :func:`wsdkd.cache.writing.selection.confidences`.
    """
    image, images, outputs = batch.image, len(batch.counts), batch.outputs
    scores = batch_region_scores(outputs.class_logits, outputs.detection_logits, image, images)
    of_images = batch_image_scores(scores, image, images)
    shares = _by_support(batch) if ranking == "support" else _shares_of_best(scores, image, images)
    counting = _counting(batch, scores.shape[1])
    best = of_images.masked_fill(~counting, 0).amax(dim=1, keepdim=True).clamp_min(SMALLEST)
    relative = shares * (of_images / best)[image]
    return relative.masked_fill(~counting[image], -1).amax(dim=1)


def _by_support(batch: RegionBatch) -> Float[Tensor, "regions classes"]:
    # As :func:`wsdkd.support.region_shares` has it.
    refinements = batch.outputs.refinement_logits
    refined = refinements.softmax(dim=2)[:, :, :-1].mean(dim=1) if refinements.shape[1] else None
    probabilities = batch.outputs.class_logits.softmax(dim=1) if refined is None else refined
    counts = list(batch.counts)
    parts = (batch.boxes, batch.objectness, probabilities)
    each = zip(*(torch.split(part, counts) for part in parts), strict=True)
    held = torch.cat([image_support(*one) for one in each])
    shares = _shares_of_best(held, batch.image, len(counts))
    return shares if refined is None else refined * shares.sqrt()


def _shares_of_best(
    scores: Float[Tensor, "regions classes"], image: Int[Tensor, " regions"], images: int
) -> Float[Tensor, "regions classes"]:
    index = image[:, None].expand_as(scores)
    best = scores.new_zeros(images, scores.shape[1]).scatter_reduce(0, index, scores, "amax")
    return scores / best.clamp_min(SMALLEST)[image]


def _counting(batch: RegionBatch, classes: int) -> Bool[Tensor, "images classes"]:
    # Classes whose confidence counts in an image: those it holds; where there are none, all.
    counting = torch.zeros(len(batch.labels), classes, dtype=torch.bool)
    for place, labels in enumerate(batch.labels):
        counting[place, list(labels) if labels else slice(None)] = True
    return counting.to(batch.image.device, non_blocking=True)
