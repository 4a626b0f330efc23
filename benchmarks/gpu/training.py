"""Steps of training, pictures decoded from files by all cores, against bare steps on resident tensors."""

from contextlib import closing
from functools import partial
from itertools import cycle, islice

import torch

from benchmarks.bench.arithmetic import student_multiply_adds, teacher_multiply_adds
from benchmarks.bench.steps import Steps
from benchmarks.gpu.row import Row, Speed
from benchmarks.gpu.world import CLASSES, World, training_params
from wsdkd.distill.features import feature_objective
from wsdkd.distill.from_cache import CachedFeatures
from wsdkd.distill.params import DistillFeaturesParams
from wsdkd.student.learning import LabelObjective
from wsdkd.teacher.learning import RegionsAndLabels, TeacherObjective
from wsdkd.training.loader import Batch, Labels
from wsdkd.training.loop import Task
from wsdkd.training.pictures import Pictures

AT_HAND = 4
"""Batches on the card, which the bare steps take in turns."""


def _teacher_step(world: World, place: int) -> Speed:
    size = world.sizes.teachers[place]
    teacher, params = world.new_teacher(size), training_params(size)
    objective = TeacherObjective(teacher.model, teacher.params)
    steps = Steps(objective, params)
    regions = RegionsAndLabels(world.rows, len(CLASSES), world.proposals, size.proposals)
    task = Task(objective, Pictures(world.rows, world.root, [size.side]), regions)
    cost = teacher_multiply_adds(teacher.params, len(CLASSES), [size.side])[0].step

    with closing(world.batches(task, params, size.side, regions)) as batches:
        at_hand = list(islice(batches, AT_HAND))

        def bare() -> None:
            for batch in islice(cycle(at_hand), world.sizes.steps):
                objective.zero_grad(set_to_none=True)
                with steps.accelerator.autocast():
                    losses = objective(batch)
                torch.autograd.backward(torch.stack(list(losses.values())).sum())

        return world.clock.compare(
            lambda: steps.take_all(islice(batches, world.sizes.steps)),
            bare,
            items=world.sizes.steps * size.batch,
            item="picture",
            note=f"{size.batch} images of {size.side} px a step, {size.proposals} proposals each, bf16",
            multiply_adds=cost,
            lead_in=lambda: steps.take_all(islice(batches, world.sizes.lead_in)),
        )


def _student_step(world: World, place: int) -> Speed:
    size = world.sizes.students[place]
    params, rows = training_params(size), world.cached_rows
    recipe = "release" if size.backbone.startswith("vgg") else "regions"
    features = DistillFeaturesParams.model_validate({"recipe": recipe, "training": params})
    student = world.new_student(size)
    cost = student_multiply_adds(student.params, len(CLASSES)).step
    steps = Steps(feature_objective(student.model, features, world.cache.feature_dim), params)
    plain = Steps(LabelObjective(world.new_student(size).model), params)
    pictures = Pictures(rows, world.root, [size.side])
    cached, labels = CachedFeatures(rows, world.cache, features), Labels(rows, len(CLASSES))
    with closing(world.batches(Task(plain.objective, pictures, labels), params, size.side, labels)) as few:
        at_hand = list(islice(few, AT_HAND))
    task = Task(steps.objective, pictures, cached)
    with closing(world.batches(task, params, size.side, cached)) as batches:
        return world.clock.compare(
            lambda: steps.take_all(islice(batches, world.sizes.steps)),
            lambda: plain.take_all(_again(at_hand, world.sizes.steps)),
            items=world.sizes.steps * size.batch,
            item="picture",
            note=f"{size.batch} images of {size.side} px a step, recipe {recipe}, bf16; its share of the "
            "peak leaves out what it computes at regions",
            multiply_adds=cost,
            lead_in=lambda: steps.take_all(islice(batches, world.sizes.lead_in)),
        )


def _again(batches: list[Batch], number: int) -> "islice[Batch]":
    return islice(cycle(batches), number)


def _row(kind: str, name: str, place: int, seconds: float) -> Row:
    if kind == "teacher":
        return Row(
            f"teacher_{name}",
            f"a training step of the teacher, {name}, loaded from JPEG files",
            "its forward and backward pass alone, on resident tensors",
            partial(_teacher_step, place=place),
            seconds,
            target=0.9,
        )
    return Row(
        f"student_{name}",
        f"a step of stage 1, {name}, loaded from JPEG files and the cache",
        "the student's step on labels, on resident tensors",
        partial(_student_step, place=place),
        seconds,
        target=0.9,
    )


ROWS = (
    _row("teacher", "vgg16", 0, 45),
    _row("teacher", "resnet50", 1, 45),
    _row("student", "vgg16", 0, 25),
    _row("student", "resnet50", 1, 25),
    _row("student", "lite0", 2, 25),
)
