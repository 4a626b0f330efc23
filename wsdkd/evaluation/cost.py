"""What a network costs: parameters, multiply-adds, and images a second side by side with another."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils.flop_counter import FlopCounterMode

from wsdkd.networks.deferred_compiler import compiler_deferred
from wsdkd.networks.params import Precision
from wsdkd.networks.precision import computing_in, placed
from wsdkd.student.network import LoadedStudent
from wsdkd.teacher.network import LoadedTeacher, RoiFeatures
from wsdkd.teacher.run import fused_views

BATCH_SIZE = 8
WARM_UP_RUNS = 2
LEAST_RUNS = 3


def compare_costs(
    teacher: LoadedTeacher,
    student: LoadedStudent,
    seconds: float,
    device: torch.device,
    precision: Precision = "fp32",
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
        precision: in which both compute.

    Returns:
        ``device``, ``precision``, ``batch_size``, and for ``teacher`` and ``student`` each ``parameters``,
        ``multiply_adds`` and ``images_per_second``.
    """
    networks = {"teacher": teacher.model, "student": student.model}
    for model in networks.values():
        placed(model, device)

    def runs(images: int) -> dict[str, Callable[[], Any]]:
        return {
            "teacher": _teacher_run(teacher, images, device),
            "student": _student_run(student, images, device),
        }

    with computing_in(precision, device):
        speed = measure_throughput(runs(BATCH_SIZE), BATCH_SIZE, seconds, device)
    single = runs(1)
    result: dict[str, Any] = {"device": _name(device), "precision": precision, "batch_size": BATCH_SIZE}
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
    threads = torch.get_num_threads()
    return f"{device.type}, {threads} thread{'s' if threads > 1 else ''}"


def count_parameters(model: nn.Module) -> int:
    """Number of learnt values, frozen ones included."""
    return sum(parameter.numel() for parameter in model.parameters())


def count_multiply_adds(run: Callable[[], Any]) -> int:
    """Multiply-adds of convolutions and matrix products in one call of ``run``.

    Everything else (pooling of regions, normalisation, activations) is not counted, as is usual.
    """
    # Pooling is matrix products on some devices and none on others (wsdkd.networks.roi_pooling).
    pooling: list[int] = []

    def starts(module: nn.Module, _: Any) -> None:
        if isinstance(module, RoiFeatures):
            pooling.append(-counter.get_total_flops())

    def ends(module: nn.Module, *_: Any) -> None:
        if isinstance(module, RoiFeatures):
            pooling.append(counter.get_total_flops())

    # The counter only says of itself that it is not to be compiled.
    with compiler_deferred(), torch.no_grad(), FlopCounterMode(display=False) as counter:
        hooks = register_module_forward_pre_hook(starts), register_module_forward_hook(ends)
        try:
            run()
        finally:
            for hook in hooks:
                hook.remove()
    # The counter takes a multiplication and an addition for two operations.
    return (int(counter.get_total_flops()) - sum(pooling)) // 2


def measure_throughput(
    runs: Mapping[str, Callable[[], Any]], images: int, seconds: float, device: torch.device
) -> dict[str, float]:
    """Images a second of several networks, measured in turns, so that a busy machine slows all alike.

    Whichever has had less time goes next, until each has had ``seconds`` and a few runs.

    Args:
        runs: for each name, a call that puts one batch through the network.
        images: images a batch.
        seconds: time given to each network, after two calls to warm up.
        device: where the networks are; a GPU is waited for.

    Returns:
        For each name the median over its calls.
    """
    spent: dict[str, list[float]] = {name: [] for name in runs}
    with torch.inference_mode():
        for run in runs.values():
            for _ in range(WARM_UP_RUNS):
                _timed(run, device)
        while waiting := [
            name for name, times in spent.items() if sum(times) < seconds or len(times) < LEAST_RUNS
        ]:
            name = min(waiting, key=lambda name: sum(spent[name]))
            spent[name].append(_timed(runs[name], device))
    return {name: images / statistics.median(times) for name, times in spent.items()}


def _timed(run: Callable[[], Any], device: torch.device) -> float:
    _wait_for(device)
    start = time.perf_counter()
    run()
    _wait_for(device)
    return time.perf_counter() - start


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
