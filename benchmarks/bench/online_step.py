"""Steps of the student that read the cache, against steps with the teacher running along."""

from collections.abc import Callable
from functools import partial

from benchmarks.ablation.live import live_teacher
from benchmarks.bench.alternate import alternate
from benchmarks.bench.arithmetic import online_bound
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.steps import Steps
from benchmarks.bench.student_step import CachedStage, stage_1, stage_2, student_batches
from benchmarks.bench.world import World
from wsdkd.distill.from_cache import CachedFeatures, CachedPredictions
from wsdkd.training.course import Images

FASTER = "how many times faster a step of {} is that reads the cache than with the teacher running along"
BOUND = "the same if both networks took as long for a multiply-add"
SHARE = 0.9


def _online(world: World, stage: Callable[[World], CachedStage]) -> Measured:
    make, supervision, params = stage(world)
    cached, online = Steps(make(world.new_student()), params), Steps(make(world.new_student()), params)
    rows, profile = world.cached_rows, world.profile
    images = Images(world.root, world.classes, rows, [])
    teacher, asked_of = live_teacher(world.teacher_folder, world.proposals_folder, images, profile.cache)
    looked = asked_of(
        CachedFeatures(rows, teacher, profile.distill_features, keep=False)
        if stage is stage_1
        else CachedPredictions(rows, teacher, profile.distill_predictions, keep=False)
    )
    read = student_batches(world, cached, supervision, params)
    asked = student_batches(world, online, looked, params)
    steps, given = world.sizes.online_steps, profile.teacher
    bound = online_bound(given, profile.student, len(world.classes))
    return alternate(
        lambda: cached.take_all(read.load(steps)),
        lambda: online.take_all(asked.load(steps)),
        world.sizes.pairs,
        items=steps,
        item="step",
        note=f"{params.batch_size} images; teacher at {given.input_size} px with {given.proposals} "
        "proposals; " + bound.words,
    ).over(bound.ratio)


ROWS = (
    Row(
        "online_stage_1",
        FASTER.format("stage 1"),
        BOUND,
        partial(_online, stage=stage_1),
        target=SHARE,
    ),
    Row(
        "online_stage_2",
        FASTER.format("stage 2"),
        BOUND,
        partial(_online, stage=stage_2),
        target=SHARE,
    ),
)
