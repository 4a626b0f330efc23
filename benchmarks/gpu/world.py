"""What rows are measured on: photographs that are drawn, boxes at random, networks without any training."""

from collections.abc import Generator, Sequence
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from shutil import rmtree

import numpy as np
import torch

from benchmarks.bench.photographs import HEIGHT, WIDTH, write_photographs
from benchmarks.bench.world import OneProcess
from benchmarks.gpu.clock import Clock
from benchmarks.gpu.sizes import Size, Sizes
from wsdkd.cache.params import CacheParams
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.writing.build import CacheBuilder
from wsdkd.cache.writing.fingerprint import CommonFingerprint
from wsdkd.cache.writing.passes import images_ahead, teacher_passes
from wsdkd.data.tables import ImageRow
from wsdkd.networks.params import VGG_BINS, VGG_WIDTH, Network
from wsdkd.networks.precision import computing_in
from wsdkd.proposals.stored import Proposals, read_proposals, write_proposals
from wsdkd.student.network import LoadedStudent, Student
from wsdkd.student.params import StudentParams
from wsdkd.teacher.network import LoadedTeacher, Wsddn
from wsdkd.teacher.params import RoiPooling, TeacherParams
from wsdkd.teacher.run import ProposedImages
from wsdkd.training.loader import Batch, Supervision, load_batches
from wsdkd.training.loop import Task
from wsdkd.training.params import Optimisation
from wsdkd.training.pictures import Pictures, Stem
from wsdkd.training.processes import seed_all
from wsdkd.training.views import EpochViews

CLASSES = [f"class {number}" for number in range(80)]
ROIS = 30
EPOCHS = range(1_000_000)  # more than anybody waits for


class World:
    """Photographs, boxes, networks and a cache.

    Args:
        folder: an empty one, for all files.
        sizes: how many of each.
        device: where networks compute.
        site: folder of a bundle's packages, where there is one, for processes that are started.
    """

    def __init__(self, folder: Path, sizes: Sizes, device: torch.device, site: Path | None = None):
        self.folder, self.sizes, self.device, self.site = folder, sizes, device, site
        self.clock = Clock(device, sizes.pairs, sizes.matrix)
        self.root = folder / "photographs"
        self._numbers = count()

    @cached_property
    def rows(self) -> Sequence[ImageRow]:
        """Of all photographs."""
        return write_photographs(self.root, self.sizes.photographs, len(CLASSES))

    @property
    def cached_rows(self) -> Sequence[ImageRow]:
        """Of those that are cached."""
        return self.rows[: self.sizes.cached]

    @cached_property
    def proposals(self) -> Proposals:
        """Boxes at random, as many as any teacher here takes."""
        most = max(size.proposals for size in self.sizes.teachers)
        boxes = ((row.image_id, *random_boxes(most, number)) for number, row in enumerate(self.rows))
        write_proposals(self.folder / "proposals", boxes)
        return read_proposals(self.folder / "proposals")

    def new_teacher(self, size: Size) -> LoadedTeacher:
        """A teacher without training, on the device."""
        params = teacher_params(size)
        seed_all(0)
        model = Wsddn(params, len(CLASSES)).eval()
        model.to(self.device).to(memory_format=torch.channels_last)
        return LoadedTeacher(model, params, CLASSES)

    def new_student(self, size: Size) -> LoadedStudent:
        """A student without training, on the device."""
        params = student_params(size)
        seed_all(0)
        model = Student(params, len(CLASSES)).eval()
        model.to(self.device).to(memory_format=torch.channels_last)
        return LoadedStudent(model, params, CLASSES)

    @cached_property
    def teacher(self) -> LoadedTeacher:
        """The teacher that fills the cache."""
        return self.new_teacher(self.sizes.teachers[0])

    @cached_property
    def cache(self) -> TeacherCache:
        """What that teacher says of :attr:`cached_rows`."""
        params = cache_params(self.sizes.teachers[0].batch)
        return TeacherCache(self.write_cache(self.teacher, self.cached_rows, params, self.device))

    def write_cache(
        self, teacher: LoadedTeacher, rows: Sequence[ImageRow], params: CacheParams, device: torch.device
    ) -> Path:
        """A new cache of some images, by a teacher on a device."""
        folder = self.folder / f"cache-{next(self._numbers)}"
        scratch = folder.with_name(f"{folder.name}-scratch")
        images, best = ProposedImages(rows, self.root, self.proposals), teacher.params.proposals
        # A student reads of it what regions are ranked by; all else is of no matter here.
        fingerprint = CommonFingerprint({}, {"cache": params.model_dump(mode="json")})
        builder = CacheBuilder(rows, CLASSES, self.proposals, best, params, fingerprint)
        passes = teacher_passes(teacher, images, params, device)
        builder.write(folder, scratch, passes, OneProcess(), images_ahead(params, device))
        rmtree(scratch)
        return folder

    def batches(
        self, task: Task, params: Optimisation, side: int, supervision: Supervision
    ) -> Generator[Batch, None, None]:
        """Shuffled batches by the training loader, without end; every picture is decoded each time."""
        pictures = Pictures(task.pictures.rows, self.root, [side])
        views = EpochViews(len(pictures.rows), params.batch_size, [side], params.seed, EPOCHS)
        autocast = partial(computing_in, params.precision, self.device)
        stem = Stem(task.objective.backbone.to(self.device), pictures, self.device, autocast=autocast)
        yield from load_batches(views, stem, supervision)


def random_boxes(number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (n, 4) in a photograph and their scores (n,), best first."""
    rng = np.random.default_rng(seed)
    first = rng.uniform(0, (WIDTH - 64, HEIGHT - 64), (number, 2))
    last = np.minimum(first + rng.uniform(32, 320, (number, 2)), (WIDTH, HEIGHT))
    return np.hstack([first, last]).astype(np.float32), np.sort(rng.random(number).astype(np.float32))[::-1]


def training_params(size: Size) -> Optimisation:
    """In bf16; a rate so low that nothing diverges, however often steps are taken."""
    return Optimisation(
        epochs=1,
        batch_size=size.batch,
        optimizer="sgd",
        schedule="constant",
        learning_rate=1e-5,
        precision="bf16",
    )


def teacher_params(size: Size) -> TeacherParams:
    """As the release has them with VGG16; smaller regions and layers with any other backbone."""
    own = size.backbone.startswith("vgg")
    return TeacherParams(
        network=Network(backbone=size.backbone, weights=None, stages=size.stages),
        input_size=size.side,
        train_sizes=(size.side,),
        proposals=size.proposals,
        roi=RoiPooling(pooling="max" if own else "align", bins=VGG_BINS if own else 2),
        hidden=VGG_WIDTH if own else 1024,
        training=training_params(size),
    )


def student_params(size: Size) -> StudentParams:
    """VGG16 with its own layers; fc6 and fc7 in each cell with any other backbone."""
    network = Network(backbone=size.backbone, weights=None, stages=size.stages)
    hidden = None if size.backbone.startswith("vgg") else 512
    return StudentParams(network=network, input_size=size.side, hidden=hidden)


def cache_params(batch: int, **changes: object) -> CacheParams:
    """As of the profile coco."""
    return CacheParams.model_validate({"rois": ROIS, "batch_size": batch, **changes})
