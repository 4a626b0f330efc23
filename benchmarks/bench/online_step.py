"""Steps of the student that read the cache, against steps with the teacher running along."""

from collections.abc import Callable
from functools import partial

from benchmarks.ablation.live import LiveTeacher, live_features, live_predictions
from benchmarks.bench.alternate import alternate
from benchmarks.bench.arithmetic import online_bound
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.steps import Steps
from benchmarks.bench.student_step import CachedStage, stage_1, stage_2, student_batches
from benchmarks.bench.world import World


def _online(world: World, stage: Callable[[World], CachedStage]) -> Measured:
    make, supervision, params = stage(world)
    cached, online = Steps(make(world.new_student()), params), Steps(make(world.new_student()), params)
    teacher = LiveTeacher(
        world.cached_rows, world.root, world.teacher_folder, world.proposals_folder, world.profile.cache
    )
    looked = (
        live_features(teacher, world.profile.distill_features)
        if stage is stage_1
        else live_predictions(teacher, world.profile.distill_predictions)
    )
    read = student_batches(world, cached, supervision, params)
    asked = student_batches(world, online, looked, params)
    steps, given = world.sizes.online_steps, world.profile.teacher
    return alternate(
        lambda: cached.take_all(read.load(steps)),
        lambda: online.take_all(asked.load(steps)),
        world.sizes.pairs,
        items=steps,
        item="step",
        note=f"{params.batch_size} images; teacher at {given.input_size} px with {given.proposals} "
        "proposals; " + online_bound(given, world.profile.student, len(world.classes)),
    )


ROWS = (
    Row(
        "online_stage_1",
        "a step of stage 1, read from the cache",
        "the same with the teacher running along",
        partial(_online, stage=stage_1),
        target=5.0,
    ),
    Row(
        "online_stage_2",
        "a step of stage 2, read from the cache",
        "the same with the teacher running along",
        partial(_online, stage=stage_2),
        target=5.0,
    ),
)
