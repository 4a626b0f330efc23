"""The same as :mod:`benchmarks.bench.online_step` at the sizes of the profile coco: VGG16 twice.

A cache of that teacher would take minutes to compute, and how fast it is read does not hang on what it
says: numbers drawn at random are written in its place.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.ablation.live import live_teacher
from benchmarks.bench.alternate import alternate
from benchmarks.bench.arithmetic import online_bound
from benchmarks.bench.online_step import BOUND, FASTER, SHARE
from benchmarks.bench.photographs import HEIGHT, WIDTH, write_photographs
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.steps import Batches, Steps
from benchmarks.bench.world import OneProcess, World
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.writing.build import CacheBuilder
from wsdkd.cache.writing.fingerprint import CommonFingerprint
from wsdkd.data.tables import ImageRow
from wsdkd.distill.features import feature_objective
from wsdkd.distill.from_cache import CachedFeatures
from wsdkd.networks.checkpoints import save_network
from wsdkd.networks.params import VGG_WIDTH, Network
from wsdkd.profiles import Profile
from wsdkd.proposals.stored import read_proposals, write_proposals
from wsdkd.student.network import Student
from wsdkd.teacher.network import Wsddn
from wsdkd.teacher.run import ImageRegions
from wsdkd.training.course import Images
from wsdkd.training.loader import Supervision
from wsdkd.training.loop import Task
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import seed_all

CLASSES = [f"class {number}" for number in range(80)]
BATCHES = 2


def _measure(world: World) -> Measured:
    batch, regions, teacher_size, student_size = world.sizes.large
    profile = _untrained(world.load_profile("coco"), world.sizes.large)
    home = world.folder / "coco"
    rows = write_photographs(home / "pictures", BATCHES * batch, len(CLASSES))
    write_proposals(home / "proposals", [(row.image_id, *_boxes(regions, row)) for row in rows])
    seed_all(0)
    save_network(home / "teacher", Wsddn(profile.teacher, len(CLASSES)), "teacher", profile.teacher, CLASSES)
    images = Images(home / "pictures", CLASSES, rows, [])
    teacher, asked_of = live_teacher(home / "teacher", home / "proposals", images, profile.cache)
    cache, params = _cache(home, rows, profile), profile.distill_features
    # One network for both, as each of them with its gradients and momentum takes two gigabytes.
    student = Student(profile.student, len(CLASSES))
    steps = Steps(feature_objective(student, params, cache.feature_dim), params.training)

    def batches(supervision: Supervision) -> Batches:
        task = Task(steps.objective, Pictures(rows, home / "pictures", [student_size]), supervision)
        return Batches(task, params.training, steps.accelerator.device)

    read = batches(CachedFeatures(rows, cache, params))
    asked = batches(asked_of(CachedFeatures(rows, teacher, params, keep=False)))
    bound = online_bound(profile.teacher, profile.student, len(CLASSES))
    return alternate(
        lambda: steps.take_all(read.load(1)),
        lambda: steps.take_all(asked.load(1)),
        world.sizes.pairs,
        items=1,
        item="step",
        note=f"{batch} images; teacher at {teacher_size} px with {regions} proposals, student at "
        f"{student_size} px with {profile.cache.rois} RoIs; fp32, untrained; " + bound.words,
    ).over(bound.ratio)


def _untrained(profile: Profile, large: tuple[int, int, int, int]) -> Profile:
    # Without downloaded weights, in fp32, at these sizes.
    batch, regions, teacher_size, student_size = large
    network: Network = profile.teacher.network.model_copy(update={"weights": None})
    changes = {"input_size": teacher_size, "proposals": regions, "network": network}
    teacher = profile.teacher.model_copy(update=changes)
    network = profile.student.network.model_copy(update={"weights": None})
    student = profile.student.model_copy(update={"input_size": student_size, "network": network})
    stage = profile.distill_features
    training = stage.training.model_copy(update={"batch_size": batch, "precision": "fp32"})
    features = stage.model_copy(update={"training": training})
    values = {**vars(profile), "teacher": teacher, "student": student, "distill_features": features}
    return Profile(**values)


def _boxes(count: int, row: ImageRow) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(int(row.digest))
    first = rng.uniform(0, (WIDTH - 64, HEIGHT - 64), (count, 2))
    last = np.minimum(first + rng.uniform(32, 320, (count, 2)), (WIDTH, HEIGHT))
    return np.hstack([first, last]).astype(np.float32), np.sort(rng.random(count).astype(np.float32))[::-1]


def _cache(home: Path, rows: Sequence[ImageRow], profile: Profile) -> TeacherCache:
    proposals = read_proposals(home / "proposals")

    def forward(wanted: Sequence[ImageRow], mirrored: bool) -> Iterator[ImageRegions]:
        for row in wanted:
            boxes, scores = proposals.of(row.image_id)
            rng = np.random.default_rng([int(row.digest), mirrored])
            classes, places = rng.normal(size=(2, len(scores), len(CLASSES))).astype(np.float32)
            features = rng.random((len(scores), VGG_WIDTH), dtype=np.float32)
            yield ImageRegions(row.image_id, boxes, scores, classes, places, features)

    # A student reads of it what regions are ranked by.
    fingerprint = CommonFingerprint({}, {"cache": profile.cache.model_dump(mode="json")})
    best = profile.teacher.proposals
    builder = CacheBuilder(rows, CLASSES, proposals, best, profile.cache, fingerprint)
    builder.write(home / "cache", home / "scratch", forward, OneProcess())
    return TeacherCache(home / "cache")


ROWS = (
    Row(
        "online_vgg16",
        f"profile coco: {FASTER.format('stage 1')}",
        BOUND,
        _measure,
        target=SHARE,
    ),
)
