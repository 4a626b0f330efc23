"""Steps of the student that read the teacher's cache, against steps that have no teacher at all."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from benchmarks.bench.alternate import alternate
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.steps import Batches, Steps
from benchmarks.bench.world import World
from wsdkd.distill.features import feature_objective
from wsdkd.distill.from_cache import CachedFeatures, CachedPredictions
from wsdkd.distill.predictions import PredictionObjective
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import Student
from wsdkd.training.learner import Objective
from wsdkd.training.loader import Labels, Supervision
from wsdkd.training.loop import Task
from wsdkd.training.params import Optimisation
from wsdkd.training.pictures import Pictures


class CachedStage(NamedTuple):
    """A stage of distillation that reads the cache."""

    objective: Callable[[Student], Objective]
    """Of a student that begins."""
    supervision: Supervision
    training: Optimisation


def stage_1(world: World) -> CachedStage:
    """On the teacher's features of regions."""
    params, cache = world.profile.distill_features, world.cache
    supervision = CachedFeatures(world.cached_rows, cache, params)
    return CachedStage(
        lambda student: feature_objective(student, params, cache.feature_dim), supervision, params.training
    )


def stage_2(world: World) -> CachedStage:
    """On the teacher's scores of images."""
    params = world.profile.distill_predictions
    supervision = CachedPredictions(world.cached_rows, world.cache, params)
    return CachedStage(lambda student: PredictionObjective(student, params), supervision, params.training)


def student_batches(world: World, steps: Steps, supervision: Supervision, params: Optimisation) -> Batches:
    """Batches for steps of a student, of the images that are cached."""
    pictures = Pictures(world.cached_rows, world.root, [world.profile.student.input_size])
    return Batches(Task(steps.objective, pictures, supervision), params, steps.accelerator.device)


def _from_cache(world: World, stage: Callable[[World], CachedStage]) -> Measured:
    make, supervision, params = stage(world)
    steps, plain = (
        Steps(make(world.new_student()), params),
        Steps(LabelObjective(world.new_student()), params),
    )
    batches = student_batches(world, steps, supervision, params)
    labels = Labels(world.cached_rows, len(world.classes))
    at_hand = list(student_batches(world, plain, labels, params).load(world.sizes.steps))
    return alternate(
        lambda: steps.take_all(batches.load(world.sizes.steps)),
        lambda: plain.take_all(at_hand),
        world.sizes.pairs,
        items=world.sizes.steps,
        item="step",
        note=f"{params.batch_size} images of {world.profile.student.input_size} px",
    )


def _loading(world: World, stage: Callable[[World], CachedStage]) -> Measured:
    make, supervision, params = stage(world)
    steps = Steps(make(world.new_student()), params)
    batches = student_batches(world, steps, supervision, params)
    at_hand = list(batches.load(world.sizes.steps))
    return alternate(
        lambda: steps.take_all(batches.load(world.sizes.steps)),
        lambda: steps.take_all(at_hand),
        world.sizes.pairs,
        items=world.sizes.steps,
        item="step",
        note="what is missing to 1 is reading the cache and putting batches together",
    )


ROWS = (
    Row(
        "student_stage_1",
        "a step of stage 1, read from the cache",
        "the student's step on labels, its batch in memory",
        partial(_from_cache, stage=stage_1),
        target=0.95,
    ),
    Row(
        "student_stage_2",
        "a step of stage 2, read from the cache",
        "the student's step on labels, its batch in memory",
        partial(_from_cache, stage=stage_2),
        target=0.9,
    ),
    Row(
        "student_loading",
        "a step of stage 1, read from the cache",
        "the same step, its batch in memory",
        partial(_loading, stage=stage_1),
    ),
)
