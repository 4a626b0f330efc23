"""Teacher and student as they are tested, put side by side for their cost."""

from collections.abc import Callable
from typing import Any

import torch

from wsdkd.evaluation.cost import count_multiply_adds, count_parameters, measure_throughput
from wsdkd.inference.fusion import fused_views
from wsdkd.models.saved_student import LoadedStudent
from wsdkd.models.saved_teacher import LoadedTeacher

BATCH_SIZE = 8


def compare_costs(
    teacher: LoadedTeacher, student: LoadedStudent, seconds: float, device: torch.device
) -> dict[str, Any]:
    """Parameters, multiply-adds an image and images a second of both networks, measured in one run.

    The teacher is run as it is tested, over all views that are fused, with as many regions an image
    as its parameters allow; its proposals are given, their cost is not counted. Decoding is not
    counted either. Boxes that overlap like real proposals are drawn at random.

    Args:
        teacher: in evaluation mode.
        student: in evaluation mode.
        seconds: measuring time of each network.
        device: where both are.

    Returns:
        ``device``, ``batch_size``, and for ``teacher`` and ``student`` each ``parameters``,
        ``multiply_adds`` and ``images_per_second``.
    """
    networks = {"teacher": teacher.model, "student": student.model}
    for model in networks.values():
        model.to(device).to(memory_format=torch.channels_last)

    def runs(images: int) -> dict[str, Callable[[], Any]]:
        return {
            "teacher": _teacher_run(teacher, images, device),
            "student": _student_run(student, images, device),
        }

    speed = measure_throughput(runs(BATCH_SIZE), BATCH_SIZE, seconds, device)
    single = runs(1)
    result: dict[str, Any] = {"device": _name(device), "batch_size": BATCH_SIZE}
    for name, model in networks.items():
        result[name] = {
            "parameters": count_parameters(model),
            "multiply_adds": count_multiply_adds(single[name]),
            "images_per_second": speed[name],
        }
    return result


def _teacher_run(teacher: LoadedTeacher, images: int, device: torch.device) -> Callable[[], Any]:
    params, generator = teacher.params, torch.Generator().manual_seed(0)
    inputs = []
    for view in fused_views(params):
        regions = images * params.proposals
        corners = torch.rand(regions, 2, 2, generator=generator).sort(dim=1).values * (view.size - 16)
        corners[:, 1] += 16  # no side is shorter than a cell of the feature map
        image = torch.arange(images).repeat_interleave(params.proposals)[:, None]
        rois = torch.cat([image, corners.flatten(1)], dim=1)
        inputs.append(
            (_pictures(images, view.size, device), rois.to(device), torch.ones(regions, device=device))
        )
    return lambda: [teacher.model(*arguments) for arguments in inputs]


def _student_run(student: LoadedStudent, images: int, device: torch.device) -> Callable[[], Any]:
    pictures = _pictures(images, student.params.input_size, device)
    return lambda: student.model(pictures)


def _pictures(images: int, size: int, device: torch.device) -> torch.Tensor:
    pictures = torch.randint(0, 256, (images, size, size, 3), generator=torch.Generator().manual_seed(0))
    return pictures.to(torch.uint8).permute(0, 3, 1, 2).to(device)  # channels last, as decoded pictures are


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"
