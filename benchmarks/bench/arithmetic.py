"""How many times faster a step without the teacher can be, by multiply-adds alone."""

import torch

from wsdkd.evaluation.cost import count_multiply_adds
from wsdkd.models.student import Student
from wsdkd.models.teacher import Wsddn
from wsdkd.params.network import Network
from wsdkd.params.student import StudentParams
from wsdkd.params.teacher import TeacherParams

PASSES = 3  # of a training step: forward, gradients of what went in, gradients of weights


def online_bound(teacher: TeacherParams, student: StudentParams, classes: int) -> str:
    """The bound in words, with the two networks' multiply-adds for one image.

    The student's frozen stem is left out, as its features are in memory, and so are its losses at regions,
    which would lower the bound.
    """
    # timm sends numbers through a network to see its shape, which networks without numbers cannot do.
    first = Wsddn(teacher.model_copy(update=_untrained(teacher.network)), classes).eval().to("meta")
    second = Student(student.model_copy(update=_untrained(student.network)), classes).eval().to("meta")
    with torch.device("meta"):
        given = (
            torch.zeros(1, 3, teacher.input_size, teacher.input_size),
            torch.zeros(teacher.proposals, 5),
            torch.ones(teacher.proposals),
        )
        small = torch.zeros(1, 3, student.input_size, student.input_size)
        large_cost = count_multiply_adds(lambda: first(*given)) / 1e9
        stem = second.backbone.stem(small)
        small_cost = count_multiply_adds(lambda: second.classify(second.backbone.trunk(stem))) / 1e9
    bound = 1 + large_cost / (PASSES * small_cost)
    return (
        f"multiply-adds an image: teacher {large_cost:.3g} G, student's trained layers {small_cost:.3g} G, "
        f"so that equal speed of both would give {bound:.1f}"
    )


def _untrained(network: Network) -> dict[str, Network]:
    return {"network": network.model_copy(update={"weights": None})}
