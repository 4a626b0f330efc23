"""How the teacher learns from image-level labels and proposals: its losses, and what they need of a batch.

WSDDN's own loss holds the image scores against the labels (release). It is content with the part of an
object that tells its class best.

Online instance classifier refinement (OICR; Tang et al., CVPR 2017) is the teacher's named option. Each
branch of it classifies every region by itself, and learns from the branch before it: what that one scores
highest for a class that the image holds, and all that overlaps it, belongs to the class; everything else is
background. The highest S most often lies on a part of the object, so that the branches learn parts; ranked by
support (:mod:`wsdkd.support`; our own) they learn whole objects.

A classifier on single regions can learn along, against the labels of the image (our own).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import box_iou

from wsdkd.data.tables import ImageRow
from wsdkd.networks.checkpoints import save_network
from wsdkd.networks.roi_pooling import stack_rois
from wsdkd.proposals.stored import Proposals
from wsdkd.scores import batch_image_scores, batch_region_scores
from wsdkd.support import image_support
from wsdkd.teacher.network import Wsddn
from wsdkd.teacher.params import TeacherParams
from wsdkd.training.asymmetric import asymmetric_loss
from wsdkd.training.course import Course, Images
from wsdkd.training.learner import Examined, Objective
from wsdkd.training.loader import Batch, Labels
from wsdkd.training.loop import Phase, Task
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import start
from wsdkd.training.region_loss import region_loss
from wsdkd.training.views import View

CLAMP = 1e-4
"""Image scores are kept this far from 0 and from 1, where their logarithm has no end (release)."""

SAME_OBJECT_IOU = 0.5
"""Regions that overlap the best one by more than this take over its class (OICR, I_t)."""


def wsddn_loss(
    scores: Float[Tensor, "images classes"],
    labels: Float[Tensor, "images classes"],
    known: Bool[Tensor, "images classes"],
) -> Float[Tensor, ""]:
    """Binary cross-entropy of image scores, summed over classes and averaged over images (release).

    Averaged over classes instead, the gradient is K times smaller and the teacher hardly trains.

    Args:
        scores: p, (B, K), in (0, 1); clamped to [1e-4, 1 - 1e-4].
        labels: (B, K), 1 where the class is present.
        known: bool (B, K), False where a class is ignored.
    """
    clamped = scores.clamp(CLAMP, 1 - CLAMP)
    loss = F.binary_cross_entropy(clamped, labels, reduction="none")
    return (loss * known).sum() / len(scores)


def asymmetric_wsddn_loss(
    scores: Float[Tensor, "images classes"],
    labels: Float[Tensor, "images classes"],
    known: Bool[Tensor, "images classes"],
) -> Float[Tensor, ""]:
    """The asymmetric loss of image scores, in the place of :func:`wsddn_loss`, whose arguments it takes."""
    return asymmetric_loss(torch.logit(scores, CLAMP), labels, known)


class Targets(NamedTuple):
    """What a branch is taught of R regions.

    Attributes:
        classes: int64 (R,), in 0..K; K is background.
        weights: (R,), score of the region that each one was held against; 0 in an image without labels.
    """

    classes: Int[Tensor, " regions"]
    weights: Float[Tensor, " regions"]


def refinement_targets(
    scores: Float[Tensor, "regions classes"],
    rois: Float[Tensor, "regions 5"],
    labels: Float[Tensor, "images classes"],
    ranks: Float[Tensor, "regions classes"] | None = None,
) -> Targets:
    """Labels of regions from the scores of the branch before (OICR, Algorithm 1).

    A region is held against the best region of that present class whose best region it overlaps most.

    Args:
        scores: (R, K), of the branch before; of the first one, S of WSDDN.
        rois: (R, 5), image's place in the batch, then x1, y1, x2, y2 in any frame.
        labels: (B, K), 1 where a class is present and known to be.
        ranks: (R, K), by which a class's best region is found; the scores by default.
    """
    scores = scores.detach()
    ranks = scores if ranks is None else ranks.detach()
    classes = torch.full((len(rois),), scores.shape[1], dtype=torch.long, device=rois.device)
    weights = torch.zeros(len(rois), dtype=scores.dtype, device=rois.device)
    for image, present in enumerate(labels):
        held = torch.nonzero(present > 0)[:, 0]
        regions = torch.nonzero(rois[:, 0] == image)[:, 0]
        if not len(held) or not len(regions):
            continue
        best = ranks[regions][:, held].argmax(dim=0)
        boxes = rois[regions, 1:]
        # Of two boxes without area it is NaN.
        overlap, nearest = box_iou(boxes, boxes[best]).nan_to_num(0.0).max(dim=1)
        same = overlap > SAME_OBJECT_IOU
        classes[regions[same]] = held[nearest[same]]
        weights[regions] = scores[regions[best], held][nearest]
    return Targets(classes, weights)


def refinement_loss(
    logits: Float[Tensor, "regions branches outcomes"],
    scores: Float[Tensor, "regions classes"],
    rois: Float[Tensor, "regions 5"],
    labels: Float[Tensor, "images classes"],
    known: Bool[Tensor, "images classes"],
    objectness: Float[Tensor, " regions"] | None = None,
) -> Float[Tensor, ""]:
    """Weighted cross-entropy of all branches: summed over them, averaged over an image's regions and images.

    Args:
        logits: (R, N, K + 1), of N branches; background comes last.
        scores: S of WSDDN, (R, K); by support softmax_K(M^c), in its place.
        rois: (R, 5), image's place in the batch, then x1, y1, x2, y2 in any frame.
        labels: (B, K), 1 where the class is present.
        known: bool (B, K), False where a class is ignored: its scores then teach nothing, nor are they
            taught anything.
        objectness: (R,); where it is given, regions are ranked by support. The few that lie on an object
            then count as much as all others of their image together, of which there are many.
    """
    image = rois[:, 0].long()
    ignored = F.pad(~known, (0, 1), value=False)[image]
    total = logits.new_zeros(())
    for branch in logits.unbind(dim=1):
        ranks = None if objectness is None else _batch_support(rois, objectness, scores.detach())
        targets = refinement_targets(scores, rois, labels * known, ranks)
        share = _shares(image, len(labels))
        if objectness is not None:
            on_object = targets.classes < scores.shape[1]
            # A group is one image's regions of one kind; half of the image's loss each.
            share = _shares(2 * image + on_object.long(), 2 * len(labels)) / 2
        branch = branch.masked_fill(ignored, -torch.inf)
        each = F.cross_entropy(branch, targets.classes, reduction="none")
        total = total + (each * targets.weights * share).sum() / len(labels)
        scores = branch.softmax(dim=1)[:, :-1]
    return total


def _shares(groups: Tensor, count: int) -> Tensor:
    # Of each region in the mean of its group.
    return 1 / torch.bincount(groups, minlength=count).clamp(min=1)[groups]


def _batch_support(rois: Tensor, objectness: Tensor, probabilities: Tensor) -> Tensor:
    ranks = torch.zeros_like(probabilities)
    for image in torch.unique(rois[:, 0]):
        mine = torch.nonzero(rois[:, 0] == image)[:, 0]
        ranks[mine] = image_support(rois[mine, 1:], objectness[mine], probabilities[mine])
    return ranks


class RegionsAndLabels:
    """What the teacher's loss needs of views.

    Gives ``rois`` (R, 5) in pixels of the input, ``objectness`` (R,), ``labels`` (B, K) and ``known``
    (B, K).
    """

    def __init__(self, rows: Sequence[ImageRow], num_classes: int, proposals: Proposals, best: int):
        self.rows, self.proposals, self.best = rows, proposals, best
        self.labels = Labels(rows, num_classes)

    def __call__(self, views: Sequence[View]) -> Batch:
        """See the class."""
        boxes, scores = [], []
        for view in views:
            row = self.rows[view.row]
            found, objectness = self.proposals.of(row.image_id, self.best)
            seen = view.regions(found, row.width, row.height)
            boxes.append(seen.boxes)
            scores.append(objectness[seen.places])
        return {
            **self.labels(views),
            "rois": stack_rois(boxes),
            "objectness": torch.from_numpy(np.concatenate(scores).astype(np.float32)),
        }


class TeacherObjective(Objective):
    """The teacher with its losses.

    Args:
        teacher: learns.
        params: section ``teacher``.
    """

    def __init__(self, teacher: Wsddn, params: TeacherParams):
        super().__init__()
        self.teacher, self.params = teacher, params
        self.backbone = teacher.backbone
        asymmetric = params.training.label_loss == "asymmetric"
        self.label_loss = asymmetric_wsddn_loss if asymmetric else wsddn_loss
        self.region_classifier = None
        if params.region_weight:
            self.region_classifier = nn.Linear(teacher.feature_dim, teacher.classification.out_features)
            nn.init.normal_(self.region_classifier.weight, std=0.01)
            nn.init.zeros_(self.region_classifier.bias)

    def new_layers(self) -> list[nn.Module]:
        """Both heads, fc6 and fc7 where they are not pretrained, and the classifier of regions."""
        own = [] if self.region_classifier is None else [self.region_classifier]
        return [*self.teacher.new_layers(), *own]

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss ``wsddn``; the losses ``refinement`` and ``regions`` where something learns by them."""
        return self.examine(batch).losses

    def examine(self, batch: Batch) -> Examined:
        """These losses, and the image scores."""
        rois, labels, known = batch["rois"], batch["labels"], batch["known"]
        image = rois[:, 0].long()
        outputs = self.teacher.regions(batch["stem"], rois, batch["objectness"])
        # All of it in fp32: the outputs are, and autocast would narrow some of what is made of them.
        with torch.autocast(rois.device.type, enabled=False):
            scores = batch_region_scores(outputs.class_logits, outputs.detection_logits, image, len(labels))
            of_images = batch_image_scores(scores, image, len(labels))
            losses = {"wsddn": self.label_loss(of_images, labels, known)}
            if outputs.refinement_logits.shape[1]:
                by_support = self.params.refinement_ranking == "support"
                losses["refinement"] = refinement_loss(
                    outputs.refinement_logits,
                    outputs.class_logits.softmax(dim=1) if by_support else scores,
                    rois,
                    labels,
                    known,
                    batch["objectness"] if by_support else None,
                )
            if self.region_classifier is not None:
                logits = self.region_classifier(outputs.features)
                loss = region_loss(logits, labels[image], known[image])
                losses["regions"] = self.params.region_weight * loss
        return Examined(losses, of_images)

    def weights(self, batch: Batch) -> dict[str, Tensor]:
        """Of ``regions``, which averages over regions and not over images: their number."""
        if self.region_classifier is None:
            return {}
        return {"regions": batch["objectness"].new_tensor(len(batch["objectness"]))}


def teacher_course(params: TeacherParams, images: Images, proposals: Proposals) -> Course:
    """A teacher that learns from proposals and labels.

    Args:
        params: section ``teacher``.
        images: to learn from.
        proposals: of all these images.
    """
    accelerator = start(params.training)
    network = Wsddn(params, len(images.classes))
    objective = TeacherObjective(network, params)

    def task(rows: Sequence[ImageRow], sizes: Sequence[int]) -> Task:
        regions = RegionsAndLabels(rows, len(images.classes), proposals, params.proposals)
        return Task(objective, Pictures(rows, images.root, sizes), regions)

    phase = Phase(task(images.train, params.train_sizes), params.training)
    return Course(accelerator, network, params, [phase], task(images.val, [params.input_size]))


def save_teacher(folder: Path, course: Course, images: Images) -> None:
    """Write a teacher that has been trained; ``folder`` is replaced as a whole."""
    save_network(folder, course.network, "teacher", course.params, images.classes)
