"""Passes without training: the cache as it is filled, and the student in use."""

from collections.abc import Callable
from functools import partial
from shutil import rmtree
from typing import NamedTuple

import numpy as np
import torch

from benchmarks.bench.arithmetic import student_multiply_adds, teacher_multiply_adds
from benchmarks.gpu.row import NotHere, Row, Speed
from benchmarks.gpu.sizes import Size
from benchmarks.gpu.world import CLASSES, World, cache_params
from wsdkd.data.boxes import to_input
from wsdkd.networks.decoding import picture_batches
from wsdkd.networks.precision import computing_in
from wsdkd.networks.roi_pooling import stack_rois
from wsdkd.student.run import label_pictures

VIEWS = 2


class _TeacherBatch(NamedTuple):
    pictures: torch.Tensor
    rois: torch.Tensor
    objectness: torch.Tensor


def _resident(world: World, size: Size, mirrored: bool) -> list[_TeacherBatch]:
    batches = []
    for rows, pictures in picture_batches(world.cached_rows, world.root, size.side, mirrored, size.batch):
        found = [world.proposals.of(row.image_id, size.proposals) for row in rows]
        boxes = [
            to_input(some, row.width, row.height, size.side, mirrored)
            for (some, _), row in zip(found, rows, strict=True)
        ]
        objectness = torch.from_numpy(np.concatenate([scores for _, scores in found]))
        parts = (pictures, stack_rois(boxes), objectness)
        batches.append(_TeacherBatch(*(part.to(world.device) for part in parts)))
    return batches


def _cache(world: World) -> Speed:
    size, teacher = world.sizes.teachers[0], world.teacher
    params, images = cache_params(size.batch, precision="bf16"), len(world.cached_rows)
    batches = [batch for mirrored in (False, True) for batch in _resident(world, size, mirrored)]
    cost = teacher_multiply_adds(teacher.params, len(CLASSES), [size.side])[0].forward

    @torch.inference_mode()
    def bare() -> None:
        with computing_in("bf16", world.device):
            for batch in batches:
                teacher.model(*batch)

    return world.clock.compare(
        lambda: rmtree(world.write_cache(teacher, world.cached_rows, params, world.device)),
        bare,
        items=images,
        item="picture in both views",
        note=f"{images} images of {size.side} px, {size.proposals} proposals each, {params.rois} kept, bf16",
        multiply_adds=VIEWS * cost,
    )


def _predict(world: World, place: int) -> Speed:
    size = world.sizes.students[place]
    student, pictures = world.new_student(size), _pictures(world, size)
    images = world.sizes.calls * size.batch
    files = [world.root / row.path for row in world.rows]
    files = [files[number % len(files)] for number in range(images)]

    def ours() -> None:
        for _ in label_pictures(student, files, batch_size=size.batch, device=world.device, precision="bf16"):
            pass

    return world.clock.compare(
        ours,
        _forwards(world, student.model, pictures),
        items=images,
        item="picture",
        note=f"{images} JPEG files of 640 x 480, {size.batch} a pass at {size.side} px, bf16",
        multiply_adds=student_multiply_adds(student.params, len(CLASSES)).forward,
    )


def _compiled(world: World, place: int) -> Speed:
    size = world.sizes.students[place]
    student, pictures = world.new_student(size), _pictures(world, size)
    compiled = torch.compile(student.model, backend=world.sizes.compiler, dynamic=False)
    try:
        return world.clock.compare(
            _forwards(world, compiled, pictures),
            _forwards(world, student.model, pictures),
            items=world.sizes.calls * size.batch,
            item="picture",
            note=f"{size.batch} pictures of {size.side} px a pass, bf16",
            multiply_adds=student_multiply_adds(student.params, len(CLASSES)).forward,
        )
    finally:
        torch.compiler.reset()


def _exported(world: World, place: int) -> Speed:
    try:
        import onnxruntime

        from wsdkd.evaluation.operating_point import operating_point
        from wsdkd.evaluation.params import EvaluationParams
        from wsdkd.serving.export import export_student
        from wsdkd.serving.exported import INPUT
    except ImportError as error:
        raise NotHere(f"{error.name} is not installed") from None
    size = world.sizes.students[place]
    student, path = world.new_student(size), world.folder / "student.onnx"
    export_student(student, operating_point(None, len(CLASSES), EvaluationParams()), path)
    wanted = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    providers = [name for name in wanted if name in onnxruntime.get_available_providers()]
    exported = onnxruntime.InferenceSession(path, providers=providers)
    student.model.to(world.device)
    pictures = _pictures(world, size)
    array = pictures.cpu().contiguous().numpy()

    def ours() -> None:
        for _ in range(world.sizes.calls):
            exported.run(None, {INPUT: array})

    return world.clock.compare(
        ours,
        _forwards(world, student.model, pictures),
        items=world.sizes.calls * size.batch,
        item="picture",
        note=f"{size.batch} pictures of {size.side} px a pass; {exported.get_providers()[0]} in fp32, "
        "PyTorch in bf16",
    )


def _forwards(
    world: World, model: Callable[[torch.Tensor], object], pictures: torch.Tensor
) -> "partial[None]":
    @torch.inference_mode()
    def passes(calls: int) -> None:
        with computing_in("bf16", world.device):
            for _ in range(calls):
                model(pictures)

    return partial(passes, world.sizes.calls)


def _pictures(world: World, size: Size) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    # Channels last in memory, as decoded pictures are.
    shape = (size.batch, size.side, size.side, 3)
    pictures = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    return pictures.permute(0, 3, 1, 2).to(world.device)


BARE = "its forward passes by PyTorch, on resident tensors"
CACHE = Row(
    "cache_vgg16",
    "cache_teacher, vgg16: decoding, both views, RoIs chosen, written and flushed to the disk",
    "the teacher's forward passes alone, on resident tensors",
    _cache,
    40,
    target=0.85,
)
STUDENTS = (
    *(
        Row(
            f"predict_{name}", f"the student, {name}, on JPEG files", BARE, partial(_predict, place=place), 10
        )
        for place, name in enumerate(("vgg16", "resnet50", "lite0"))
    ),
    *(
        Row(
            f"compile_{name}",
            f"the student, {name}, by torch.compile",
            BARE,
            partial(_compiled, place=place),
            50,
        )
        for place, name in ((1, "resnet50"), (2, "lite0"))
    ),
    Row("onnx_lite0", "the student, lite0, by ONNX Runtime", BARE, partial(_exported, place=2), 30),
)
