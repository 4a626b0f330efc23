"""What networks cost by multiply-adds alone, and how many times faster a step without the teacher can be."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from wsdkd.evaluation.cost import count_multiply_adds
from wsdkd.networks.params import Network
from wsdkd.student.network import Student
from wsdkd.student.params import StudentParams
from wsdkd.teacher.network import Wsddn
from wsdkd.teacher.params import TeacherParams

PASSES = 3  # of a training step: forward, gradients of what went in, gradients of weights


class MultiplyAdds(NamedTuple):
    """Of one image's forward pass."""

    frozen: int
    """In the layers that keep their weights."""
    trained: int
    """In all others."""

    @property
    def forward(self) -> int:
        """All of them."""
        return self.frozen + self.trained

    @property
    def step(self) -> int:
        """An image's share of a training step whose frozen layers' features are not in memory."""
        return self.frozen + PASSES * self.trained


def teacher_multiply_adds(teacher: TeacherParams, classes: int, sizes: Sequence[int]) -> list[MultiplyAdds]:
    """The teacher's on an image with all its proposals, at each side of the square input in pixels."""
    # timm sends numbers through a network to see its shape, which networks without numbers cannot do.
    model = Wsddn(teacher.model_copy(update=untrained(teacher.network)), classes).eval().to("meta")
    found = []
    with torch.device("meta"):
        rois, objectness = torch.zeros(teacher.proposals, 5), torch.ones(teacher.proposals)
        for size in sizes:
            pictures = torch.zeros(1, 3, size, size)
            stem = model.backbone.stem(pictures)
            frozen = count_multiply_adds(lambda: model.backbone.stem(pictures))  # noqa: B023, called at once
            trained = count_multiply_adds(lambda: model.regions(stem, rois, objectness))  # noqa: B023
            found.append(MultiplyAdds(frozen, trained))
    return found


def student_multiply_adds(student: StudentParams, classes: int) -> MultiplyAdds:
    """The student's on an image; its losses at regions are left out."""
    model = Student(student.model_copy(update=untrained(student.network)), classes).eval().to("meta")
    with torch.device("meta"):
        pictures = torch.zeros(1, 3, student.input_size, student.input_size)
        stem = model.backbone.stem(pictures)
        return MultiplyAdds(
            count_multiply_adds(lambda: model.backbone.stem(pictures)),
            count_multiply_adds(lambda: model.classify(model.backbone.trunk(stem))),
        )


class OnlineBound(NamedTuple):
    """By how much a cache makes a student's step faster, if both networks were as fast as each other."""

    ratio: float
    words: str
    """The same, with the two networks' multiply-adds for one image."""


def online_bound(teacher: TeacherParams, student: StudentParams, classes: int) -> OnlineBound:
    """What multiply-adds alone give.

    The student's frozen stem is left out, as its features are in memory, and so are its losses at regions,
    which would lower the bound.
    """
    large_cost = teacher_multiply_adds(teacher, classes, [teacher.input_size])[0].forward / 1e9
    small_cost = student_multiply_adds(student, classes).trained / 1e9
    bound = 1 + large_cost / (PASSES * small_cost)
    return OnlineBound(
        bound,
        f"multiply-adds an image: teacher {large_cost:.3g} G, student's trained layers {small_cost:.3g} G, "
        f"so that equal speed of both would give {bound:.1f}",
    )


def untrained(network: Network) -> dict[str, Network]:
    """What a section is changed by so that its network has no pretrained weights: none are needed."""
    return {"network": network.model_copy(update={"weights": None})}
