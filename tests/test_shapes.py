"""Shapes and types of losses, scores and RoIs are checked in tests: what does not fit is told at once."""

import jaxtyping
import numpy as np
import pytest
import torch

from wsdkd.distill.features import feature_loss
from wsdkd.networks.roi_pooling import pool_regions, stack_rois
from wsdkd.scores import region_scores
from wsdkd.student.learning import label_loss
from wsdkd.teacher.learning import wsddn_loss

LOGITS = torch.zeros(2, 3)
KNOWN = torch.ones(2, 3, dtype=torch.bool)


def test_what_fits_passes() -> None:
    label_loss(LOGITS, LOGITS, KNOWN)


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
        lambda: pool_regions(torch.zeros(1, 3, 4, 4), torch.zeros(2, 6), 2, 1.0, "align"),
    ],
)
def test_what_does_not_fit_is_refused(wrong: object) -> None:
    with pytest.raises(jaxtyping.TypeCheckError):
        wrong()  # type: ignore[operator]
