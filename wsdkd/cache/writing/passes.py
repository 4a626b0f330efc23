"""The teacher's passes over images, as a cache is filled by them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch

from wsdkd.cache.params import CacheParams
from wsdkd.cache.writing.batch_selection import choose_in_batch
from wsdkd.data.tables import ImageRow
from wsdkd.networks.precision import settled
from wsdkd.teacher.batches import Choose
from wsdkd.teacher.network import LoadedTeacher
from wsdkd.teacher.run import ImageRegions, PictureView, ProposedImages, run_teacher

Forward = Callable[[Sequence[ImageRow], bool], Iterator[ImageRegions]]
"""(rows, mirrored) -> the teacher's outputs on the picture or on its mirror image, in the order of rows."""
Pairs = Iterator[tuple[ImageRegions, ImageRegions]]
"""Of each image the outputs on the picture and on its mirror image."""

BATCHES_AHEAD = 2
"""Computed on a GPU before they are written."""


def teacher_passes(
    teacher: LoadedTeacher, images: ProposedImages, params: CacheParams, device: torch.device
) -> Forward:
    """A teacher's passes over images; on a GPU the RoIs are chosen there, and the others' features stay.

    Args:
        teacher: whose ``input_size`` is taken.
        images: at least those that will be asked for, with their proposals.
        params: section ``cache``.
        device: where to compute.
    """
    precision, choose = settled(params.precision, device), choice_on(device, params)

    def forward(rows: Sequence[ImageRow], mirrored: bool) -> Iterator[ImageRegions]:
        return run_teacher(
            teacher,
            replace(images, rows=rows),
            PictureView(teacher.params.input_size, mirrored),
            batch_size=params.batch_size,
            device=device,
            precision=precision,
            choose=choose,
            description=None,
        )

    return forward


def choice_on(device: torch.device, params: CacheParams) -> Choose | None:
    """How RoIs are chosen on a device, batch by batch; None: on the host, image by image."""
    return partial(choose_in_batch, params=params) if device.type == "cuda" else None


def images_ahead(params: CacheParams, device: torch.device) -> int:
    """Images that another thread computes ahead of the writing: on a CPU it would take the network's time."""
    return BATCHES_AHEAD * params.batch_size if device.type == "cuda" else 0
