"""Shapes and types of boxes, losses, scores and RoIs are checked in tests: what does not fit is refused."""

import jaxtyping
import numpy as np
import pytest
import torch

from wsdkd.data.boxes import area, clip, mirror, pairwise_iou, rescale, turn_upright
from wsdkd.distill.features import feature_loss
from wsdkd.networks.roi_pooling import pool_regions, stack_rois
from wsdkd.scores import region_scores
from wsdkd.student.learning import label_loss
from wsdkd.teacher.learning import wsddn_loss

LOGITS = torch.zeros(2, 3)
KNOWN = torch.ones(2, 3, dtype=torch.bool)


def test_what_fits_passes() -> None:
    label_loss(LOGITS, LOGITS, KNOWN)
    for boxes in (torch.zeros(2, 4), np.zeros((0, 4), np.float32), np.zeros((1, 4), int)):
        mirror(boxes, 4)


# Each of these would give a number without the check.
@pytest.mark.parametrize(
    "wrong",
    [
        lambda: label_loss(LOGITS, LOGITS, KNOWN.float()),
        lambda: label_loss(LOGITS, LOGITS, KNOWN[:1]),
        lambda: wsddn_loss(LOGITS + 0.5, LOGITS, KNOWN[:, :1]),
        lambda: feature_loss(torch.zeros(4, 3), torch.zeros(4, 3), torch.ones(4, 1)),
        lambda: region_scores(np.zeros((3, 3), np.float32), np.zeros((1, 3), np.float32)),
        lambda: region_scores(np.zeros((3, 2), int), np.zeros((3, 2), int)),
        lambda: stack_rois([np.zeros((2, 5))]),
        lambda: area(np.zeros((2, 5))),
        lambda: clip(np.zeros((2, 1)), 4, 4),
        lambda: mirror(torch.zeros(2, 5), 4),
        lambda: pairwise_iou(np.zeros((2, 4)), np.zeros((2, 3))),
        lambda: rescale(np.zeros((2, 6)), 4, 4, 8, 8),
        lambda: turn_upright(np.zeros((2, 4), bool), 1, 4, 4),
        lambda: pool_regions(torch.zeros(1, 3, 4, 4), torch.zeros(2, 6), 2, 1.0, "align"),
    ],
)
def test_what_does_not_fit_is_refused(wrong: object) -> None:
    with pytest.raises(jaxtyping.TypeCheckError):
        wrong()  # type: ignore[operator]
