"""A training step of the teacher, with all that goes before it, against its forward and backward alone."""

from functools import partial

import torch

from benchmarks.bench.alternate import alternate
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.steps import Batches, Steps
from benchmarks.bench.world import World
from wsdkd.teacher.learning import RegionsAndLabels, TeacherObjective
from wsdkd.teacher.network import load_teacher
from wsdkd.training.learner import Objective
from wsdkd.training.loader import Batch
from wsdkd.training.loop import Task
from wsdkd.training.pictures import Pictures


def _measure(world: World) -> Measured:
    params, rows = world.profile.teacher, world.cached_rows
    objective = TeacherObjective(load_teacher(world.teacher_folder).model, params)
    steps = Steps(objective, params.training)
    supervision = RegionsAndLabels(rows, len(world.classes), world.proposals, params.proposals)
    task = Task(objective, Pictures(rows, world.root, [params.input_size]), supervision)
    batches = Batches(task, params.training, steps.accelerator.device)
    at_hand = list(batches.load(world.sizes.steps))
    return alternate(
        lambda: steps.take_all(batches.load(world.sizes.steps)),
        partial(_bare, steps.objective, at_hand),
        world.sizes.pairs,
        items=world.sizes.steps,
        item="step",
        note=f"{params.training.batch_size} images of {params.input_size} px, {params.proposals} proposals",
    )


def _bare(objective: Objective, batches: list[Batch]) -> None:
    for batch in batches:
        objective.zero_grad(set_to_none=True)
        torch.autograd.backward(torch.stack(list(objective(batch).values())).sum())


ROWS = (
    Row(
        "teacher_step",
        "a training step of the teacher, loading included",
        "forward and backward alone, the batch in memory",
        _measure,
        target=0.90,
    ),
)
