"""The choice of :mod:`wsdkd.cache.writing.selection` for all images of a batch at once, on their device.

The two agree but for rounding, and for regions that are equally confident to the last digit. On a CPU the
other one is taken, image by image.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from wsdkd.cache.params import CacheParams
from wsdkd.networks.deferred_compiler import compiler_deferred
from wsdkd.scores import SMALLEST, batch_image_scores, batch_region_scores
from wsdkd.support import image_support
from wsdkd.teacher.batches import BatchChoice, RegionBatch

with compiler_deferred():
    from torchvision.ops import batched_nms


def choose_in_batch(batch: RegionBatch, params: CacheParams) -> BatchChoice:
    """Choose the RoIs of each image whose features are kept.

    Args:
        batch: what the teacher says of all regions.
        params: section ``cache``.
    """
    outputs, image, images = batch.outputs, batch.image, len(batch.counts)
    scores = batch_region_scores(outputs.class_logits, outputs.detection_logits, image, images)
    shares = _by_support(batch) if params.ranking == "support" else _shares_of_best(scores, image, images)
    confidence = _confidences(shares, batch_image_scores(scores, image, images), batch)
    if params.rois == "all":
        ordered = confidence.argsort(descending=True, stable=True)
    else:
        ordered = batched_nms(batch.boxes, confidence, image, params.nms_iou)
    # Image after image; within each they stay the most confident first.
    places = ordered[image[ordered].argsort(stable=True)]
    counts = image[places].bincount(minlength=images)
    if params.rois != "all":
        starts = counts.cumsum(0) - counts
        ranks = torch.arange(len(places), device=places.device) - starts[image[places]]
        places, counts = places[ranks < params.rois], counts.clamp_max(params.rois)
    return BatchChoice(places, confidence[places], counts, shares[places], _best(shares, image, images))


def _confidences(
    shares: Float[Tensor, "regions classes"], of_images: Float[Tensor, "images classes"], batch: RegionBatch
) -> Float[Tensor, " regions"]:
    # As :func:`wsdkd.cache.writing.selection.confidences` has them.
    counting = _counting(batch, shares.shape[1])
    best = of_images.masked_fill(~counting, 0).amax(dim=1, keepdim=True).clamp_min(SMALLEST)
    relative = shares * (of_images / best)[batch.image]
    return relative.masked_fill(~counting[batch.image], -1).amax(dim=1)


def _best(
    shares: Float[Tensor, "regions classes"], image: Int[Tensor, " regions"], images: int
) -> Int[Tensor, "images classes"]:
    # Of each image the first region with the highest share of each class.
    index = image[:, None].expand_as(shares)
    highest = shares.new_zeros(images, shares.shape[1]).scatter_reduce(0, index, shares, "amax")
    places = torch.arange(len(image), device=image.device)[:, None].expand_as(shares)
    others = places.masked_fill(shares < highest[image], len(image))
    found = others.new_full((images, shares.shape[1]), len(image))
    return found.scatter_reduce(0, index, others, "amin")


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
