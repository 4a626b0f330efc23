"""What the teacher says of a batch of images, on its device, and which of it is wanted.

Features of all regions are large, 8 MB an image at 500 regions of 4,096. On a GPU those that are kept are
chosen there (:data:`Choose`), and only they travel.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from wsdkd.data.tables import ImageRow
from wsdkd.networks.copies import Aside, pinned
from wsdkd.networks.params import InferencePrecision
from wsdkd.networks.precision import computing_in
from wsdkd.networks.roi_pooling import stack_rois
from wsdkd.teacher.network import RegionOutputs, Wsddn

Found = tuple[np.ndarray, np.ndarray]
"""An image's proposals: boxes (n, 4) in its own pixels, and their scores (n,)."""


class Chosen(NamedTuple):
    """Regions of one image whose features are kept, most confident first, and the best of each class.

    Attributes:
        regions: int32 (c,), their places among the image's n.
        confidence: float32 (c,), the teacher's in each.
        shares: float32 (c, K), how well each holds an object of each class
            (:func:`wsdkd.support.region_shares`).
        best: int32 (K,), of all n the one with the highest share of each class; -1 where n is 0.
    """

    regions: np.ndarray
    confidence: np.ndarray
    shares: np.ndarray
    best: np.ndarray


class RegionBatch(NamedTuple):
    """What the teacher says of the R regions of B images, on its device.

    Attributes:
        labels: of each image, the places of its classes.
        counts: regions of each image; their sum is R.
        boxes: float32 (R, 4), (x1, y1, x2, y2) in pixels of the original, unmirrored images.
        objectness: float32 (R,).
        image: int64 (R,), place of each region's image in the batch, ascending.
        outputs: on these regions.
    """

    labels: Sequence[tuple[int, ...]]
    counts: Sequence[int]
    boxes: torch.Tensor
    objectness: torch.Tensor
    image: torch.Tensor
    outputs: RegionOutputs


class BatchChoice(NamedTuple):
    """Regions of a batch whose features are kept, image after image, most confident first within each.

    Attributes:
        places: int64 (C,), among the R regions, on the batch's device.
        confidence: float32 (C,), there.
        counts: int64 (B,), there, of each image; their sum is C.
        shares: float32 (C, K), there, as of :class:`Chosen`.
        best: int64 (B, K), there, of each image the place among the R regions of the best of each class.
    """

    places: torch.Tensor
    confidence: torch.Tensor
    counts: torch.Tensor
    shares: torch.Tensor
    best: torch.Tensor

    def of_images(self, counts: Sequence[int]) -> list[Chosen]:
        """The choice image by image, where it is on the host.

        Args:
            counts: regions of each image of the batch.
        """
        kept, starts = self.counts.tolist(), np.cumsum([0, *counts[:-1]])
        each = (torch.split(part, kept) for part in (self.places, self.confidence, self.shares))
        return [
            Chosen(
                (places.numpy() - start).astype(np.int32),
                confidence.numpy(),
                shares.numpy(),
                (best.numpy() - start if count else np.full(len(best), -1)).astype(np.int32),
            )
            for places, confidence, shares, best, start, count in zip(
                *each, self.best, starts, counts, strict=True
            )
        ]


Choose = Callable[[RegionBatch], BatchChoice]


def no_features(batch: RegionBatch) -> BatchChoice:
    """A choice that keeps none, for those who want scores alone."""
    counts = batch.image.new_zeros(len(batch.counts))
    classes = batch.outputs.class_logits.shape[1]
    return BatchChoice(
        batch.image[:0],
        batch.objectness[:0],
        counts,
        batch.outputs.class_logits[:0],
        batch.image.new_zeros(len(batch.counts), classes),
    )


class BegunBatch(NamedTuple):
    """A batch that the device computes, or has computed."""

    rows: Sequence[ImageRow]
    found: Sequence[Found]
    regions: RegionBatch
    computed: torch.Event | None


class Said(NamedTuple):
    """What the teacher says of one image's n regions, on the host; float32.

    Attributes:
        class_logits: M^c, (n, K).
        detection_logits: M^d, (n, K).
        refinement_logits: (n, N, K + 1).
        features: (n, D), or of the chosen ones alone, (c, D).
        chosen: these; None where features of all were wanted.
    """

    class_logits: np.ndarray
    detection_logits: np.ndarray
    refinement_logits: np.ndarray
    features: np.ndarray
    chosen: Chosen | None


class BatchPasses(NamedTuple):
    """A teacher's passes over batches, each begun before it is collected.

    Attributes:
        model: on the device of ``aside``.
        aside: carries what goes there and what comes back.
        precision: in which the model computes.
        choose: regions whose features come back; None: all.
    """

    model: Wsddn
    aside: Aside
    precision: InferencePrecision
    choose: Choose | None

    def begin(
        self,
        rows: Sequence[ImageRow],
        found: Sequence[Found],
        pictures: torch.Tensor,
        boxes: Sequence[np.ndarray],
    ) -> BegunBatch:
        """Begin with a batch; on a GPU this waits for nothing.

        Args:
            rows: its images.
            found: their proposals.
            pictures: (B, 3, size, size), uint8.
            boxes: these proposals in pixels of ``pictures``.
        """
        original, objectness = (np.concatenate(part) for part in zip(*found, strict=True))
        given = [stack_rois(boxes), torch.from_numpy(objectness), torch.from_numpy(original)]
        device = self.aside.device
        pictures, rois, scores, corners = self.aside.to_device(
            [pictures, *(pinned(tensor, device) for tensor in given)]
        )
        with computing_in(self.precision, device):
            outputs = self.model(pictures, rois, scores)
        labels, counts = [row.labels for row in rows], [len(scores) for _, scores in found]
        regions = RegionBatch(labels, counts, corners, scores, rois[:, 0].long(), outputs)
        return BegunBatch(rows, found, regions, self.aside.computed())

    def collect(self, batch: BegunBatch) -> list[Said]:
        """What the teacher says of each image of a batch, once the device has computed it."""
        outputs, counts = batch.regions.outputs, batch.regions.counts
        with self.aside.behind(batch.computed):
            choice = None if self.choose is None else self.choose(batch.regions)
            features = outputs.features if choice is None else outputs.features[choice.places]
            wanted = [outputs.class_logits, outputs.detection_logits, outputs.refinement_logits, features]
            host = self.aside.to_host([*wanted, *(choice or ())])
        chosen: Sequence[Chosen | None] = [None] * len(counts)
        kept = list(counts)
        if choice is not None:
            of_images = BatchChoice(*host[4:]).of_images(counts)
            chosen, kept = of_images, [len(one.regions) for one in of_images]
        logits = [[part.numpy() for part in torch.split(each, list(counts))] for each in host[:3]]
        features_of = [part.numpy() for part in torch.split(host[3], kept)]
        return [Said(*parts) for parts in zip(*logits, features_of, chosen, strict=True)]


def one_behind(batches: Iterator[BegunBatch]) -> Iterator[BegunBatch]:
    """Yield each batch once the next one has begun, too."""
    for first in batches:
        for following in batches:
            yield first
            first = following
        yield first
