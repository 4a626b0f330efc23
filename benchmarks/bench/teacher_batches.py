"""What the teacher is given, in memory."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from benchmarks.bench.world import World
from wsdkd.data.boxes import to_input
from wsdkd.data.tables import ImageRow
from wsdkd.networks.decoding import picture_batches
from wsdkd.networks.roi_pooling import stack_rois


class TeacherBatch(NamedTuple):
    """Arguments of the teacher's forward pass: pictures, RoIs and their objectness."""

    pictures: torch.Tensor
    rois: torch.Tensor
    objectness: torch.Tensor


def teacher_batches(
    world: World, batch_size: int, mirrored: bool, rows: Sequence[ImageRow] | None = None
) -> list[TeacherBatch]:
    """Batches of the cached images, or of other ``rows``."""
    params = world.teacher.params
    rows, size = world.cached_rows if rows is None else rows, params.input_size
    batches = []
    for some, pictures in picture_batches(rows, world.root, size, mirrored, batch_size):
        found = [world.proposals.of(row.image_id, params.proposals) for row in some]
        boxes = [
            to_input(one, row.width, row.height, size, mirrored)
            for (one, _), row in zip(found, some, strict=True)
        ]
        objectness = torch.from_numpy(np.concatenate([scores for _, scores in found]))
        parts = (pictures, stack_rois(boxes), objectness)
        batches.append(TeacherBatch(*(part.to(world.device) for part in parts)))
    return batches
