"""Stage 1: object-level feature losses of the student (release; Eq. 3 and Eq. 4, unverified)."""

import torch


def feature_loss(
    student: torch.Tensor, teacher: torch.Tensor, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """L_f = sum_r w_r || f^S_r - f^T_r ||^2 / (2 sum_r w_r), over the regions of a batch.

    With equal weights it is the Euclidean loss of the release, 1 / (2N) sum_r || ... ||^2.

    Args:
        student: f^S, (R, D).
        teacher: f^T, (R, D).
        weights: w_r, (R,), the teacher's confidence in each region (Eq. 4, unverified); equal by
            default.
    """
    distance = (student - teacher).square().sum(dim=1)
    if weights is None:
        return distance.mean() / 2
    return (weights * distance).sum() / (2 * weights.sum().clamp_min(1e-6))


def relative_feature_loss(
    student: torch.Tensor, teacher: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """:func:`feature_loss` as a share of the teacher's features' own weighted square sum.

    It is 1 where the student says zero, whatever the width and the scale of the features.
    """
    scale = (weights * teacher.square().sum(dim=1)).sum() / (2 * weights.sum().clamp_min(1e-6))
    return feature_loss(student, teacher, weights) / scale.clamp_min(1e-6)
