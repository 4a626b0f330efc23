"""Baseline and student over the test images side by side, so that what is equal of both is computed once.

Both are the same network with, where its first layers are frozen, the same first layers. Pictures are decoded
once then, and those layers see them once. Where each cell of a picture speaks for a class is kept along, for
the report shows it of images that are known only when all have been scored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from wsdkd.data.tables import ImageRow
from wsdkd.ground.progress import track
from wsdkd.networks.decoding import picture_batches
from wsdkd.networks.params import InferencePrecision
from wsdkd.networks.precision import computing_in, placed, settled
from wsdkd.student.network import LoadedStudent, Student

MOST_CELLS = 1 << 26
"""Numbers of all maps that are kept, of all students: 256 MB."""


class StudentSaid(NamedTuple):
    """What a student gives for N pictures.

    Attributes:
        logits: z, float32 (N, K).
        scores: sigmoid of them, float32 (N, K).
        cells: :meth:`~wsdkd.student.network.Student.cell_logits`, float32 (N, K, h, w); None where there
            are none in fp32, or more than there is room for.
    """

    logits: np.ndarray
    scores: np.ndarray
    cells: np.ndarray | None


@torch.inference_mode()
def students_said(
    students: Mapping[str, LoadedStudent],
    rows: Sequence[ImageRow],
    root: Path,
    *,
    batch_size: int,
    device: torch.device,
    precision: InferencePrecision,
    most_cells: int,
    description: str | None,
) -> dict[str, StudentSaid]:
    """What students say of each of ``rows``, as each would alone.

    Args:
        students: by name.
        rows: of one image or more.
        root: folder that their paths are relative to.
        batch_size: images a forward pass.
        device: where to compute.
        precision: in which; logits and scores are in fp32 in any.
        most_cells: numbers of all maps that are kept.
        description: stands before the progress bars, behind the students' names; without it there are none.
    """
    sizes = {student.params.input_size for student in students.values()}
    keeps = settled(precision, device) == "fp32"
    taken: dict[str, _Taken] = {}
    for size in sorted(sizes):
        models = {
            name: placed(student.model, device)
            for name, student in students.items()
            if student.params.input_size == size
        }
        taken |= {name: _Taken(most_cells // len(students) // len(rows) if keeps else 0) for name in models}
        batches = picture_batches(rows, root, size, False, batch_size, device.type == "cuda")
        if description is not None:
            bar = f"{' and '.join(models)} {description}"
            batches = track(batches, bar, total=-(-len(rows) // batch_size), unit="batch")
        once = _have_equal_stems(list(models.values()))
        with computing_in(precision, device):
            for _, pictures in batches:
                pictures = pictures.to(device, non_blocking=True)
                features = None
                for name, model in models.items():
                    if features is None or not once:
                        features = model.backbone.stem(pictures)
                    # A copy, as a layer may work in place.
                    taken[name].take(model, model.embed(model.backbone.trunk(features.clone())))
    return {name: taken[name].whole() for name in students}


@dataclass
class _Taken:
    """What was taken from the batches of one student.

    Attributes:
        room: numbers of an image's maps that are kept at the most.
    """

    room: int
    logits: list[torch.Tensor] = field(default_factory=list)
    scores: list[torch.Tensor] = field(default_factory=list)
    cells: list[torch.Tensor] = field(default_factory=list)

    def take(self, model: Student, embedded: torch.Tensor) -> None:
        logits = model.classify_embedded(embedded)
        self.logits.append(logits)
        # A batch at a time: the last digit of a sigmoid depends on where in the array a number stands.
        self.scores.append(torch.sigmoid(logits))
        if model.fully_connected is None and logits.shape[1] * embedded[0, 0].numel() <= self.room:
            self.cells.append(model.cell_logits(embedded).cpu())

    def whole(self) -> StudentSaid:
        logits, scores = (torch.cat(each).cpu().numpy() for each in (self.logits, self.scores))
        return StudentSaid(logits, scores, torch.cat(self.cells).numpy() if self.cells else None)


def _have_equal_stems(models: Sequence[Student]) -> bool:
    """Whether the frozen layers of networks give the same for the same picture."""
    first, *others = (model.backbone for model in models)
    networks = [model.params.network for model in models]
    if any(network != networks[0] for network in networks) or not first.frozen_stages:
        return False
    expected = first.stages[: first.frozen_stages].state_dict()
    states = [other.stages[: other.frozen_stages].state_dict() for other in others]
    return all(
        state.keys() == expected.keys()
        and all(torch.equal(value, expected[name]) for name, value in state.items())
        for state in states
    )
