"""The student in use: exported against PyTorch, and against what its teacher would take."""

from functools import partial

import torch

from benchmarks.bench.alternate import alternate
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.teacher_batches import teacher_batches
from benchmarks.bench.world import World
from wsdkd.evaluation.operating_point import operating_point
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.serving.export import export_student
from wsdkd.serving.exported import INPUT, session


def _exported(world: World, batch: int) -> Measured:
    student, path = world.student, world.folder / "student.onnx"
    unchanged = operating_point(None, len(student.classes), EvaluationParams())
    export_student(student, unchanged, path)
    # No more threads than PyTorch has, or the two would not be compared.
    exported = session(path, torch.get_num_threads())
    model = student.model.to(memory_format=torch.channels_last)
    pictures = _pictures(batch, student.params.input_size)
    array = pictures.contiguous().numpy()
    calls = max(1, world.sizes.calls // batch)

    def ours() -> None:
        for _ in range(calls):
            exported.run(None, {INPUT: array})

    @torch.inference_mode()
    def eager() -> None:
        for _ in range(calls):
            torch.sigmoid(model(pictures))

    return alternate(
        ours,
        eager,
        world.sizes.pairs,
        items=calls * batch,
        item="image",
        note=f"batch {batch}, {student.params.input_size} px, {torch.get_num_threads()} threads, CPU",
    )


def _against_teacher(world: World) -> Measured:
    student, teacher, calls = world.student.model.to(world.device), world.teacher.model, world.sizes.calls
    pictures = _pictures(1, world.student.params.input_size).to(world.device)
    given = teacher_batches(world, 1, mirrored=False, rows=world.cached_rows[:1])[0]

    @torch.inference_mode()
    def small() -> None:
        for _ in range(calls):
            student(pictures)

    @torch.inference_mode()
    def large() -> None:
        for _ in range(calls):
            teacher(*given)

    params = world.teacher.params
    return alternate(
        small,
        large,
        world.sizes.pairs,
        items=calls,
        item="image",
        note=f"batch 1; teacher at {params.input_size} px with {len(given.objectness)} proposals, which come "
        f"on top; student at {world.student.params.input_size} px",
    )


def _pictures(batch: int, size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    # Channels last in memory, as decoded pictures are.
    pictures = torch.randint(0, 256, (batch, size, size, 3), generator=generator, dtype=torch.uint8)
    return pictures.permute(0, 3, 1, 2)


ROWS = (
    Row(
        "export_1",
        "the exported student by ONNX Runtime, a picture at a time",
        "the same by PyTorch",
        partial(_exported, batch=1),
        target=1.3,
    ),
    Row(
        "export_32",
        "the exported student by ONNX Runtime, 32 pictures at a time",
        "the same by PyTorch",
        partial(_exported, batch=32),
    ),
    Row(
        "teacher_inference",
        "the student on an image",
        "the teacher on the same image",
        _against_teacher,
    ),
)
