"""What rows are measured on, made in a temporary folder when it is first asked for.

Nothing of the working copy's data and models is used: scenes are drawn, their proposals searched, and the
networks have the profile's initial weights, as how well they do is of no matter here.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.bench.sizes import Sizes
from benchmarks.device import device
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.writing.build import CacheBuilder
from wsdkd.cache.writing.fingerprint import CommonFingerprint, common_fingerprint
from wsdkd.data.tables import ImageRow
from wsdkd.datasets.params import ScenesDataset
from wsdkd.datasets.prepare import Prepared, prepare
from wsdkd.datasets.scenes.write_coco import write_scenes
from wsdkd.ground.workers import map_ordered
from wsdkd.networks.checkpoints import save_network
from wsdkd.networks.description import WEIGHTS
from wsdkd.profiles import Profile, load_profile
from wsdkd.proposals.propose import propose
from wsdkd.proposals.stored import Proposals, read_proposals, write_proposals
from wsdkd.student.network import LoadedStudent, Student, load_student
from wsdkd.teacher.network import LoadedTeacher, Wsddn, load_teacher
from wsdkd.teacher.run import PictureView, ProposedImages, run_teacher
from wsdkd.training.processes import seed_all

PROJECT = Path(__file__).resolve().parents[2]


@dataclass
class OneProcess:
    """Who writes a cache: this process alone."""

    process_index: int = 0
    num_processes: int = 1

    def wait_for_everyone(self) -> None:
        """There is nobody to wait for."""


class World:
    """Scenes, proposals, networks and a cache, at the sizes of the profile.

    Args:
        folder: an empty one, for all files.
        sizes: how many of each.
    """

    def __init__(self, folder: Path, sizes: Sizes):
        self.folder, self.sizes = folder, sizes
        self.device = device()
        self.profile = self.load_profile(sizes.profile)

    def load_profile(self, name: str) -> Profile:
        """Parameters of a profile of the project."""
        return load_profile(PROJECT / "profiles" / f"{name}.yaml")

    @property
    def root(self) -> Path:
        """Folder of the scenes."""
        return self.folder / "scenes"

    @cached_property
    def prepared(self) -> Prepared:
        """The whole dataset."""
        drawn = self.profile.dataset
        if not isinstance(drawn, ScenesDataset):
            raise TypeError(f"{self.sizes.profile}: expected a profile of drawn scenes")
        counts = {"train_images": self.sizes.scenes, "val_images": 1, "test_images": 1}
        drawn = drawn.model_copy(update=counts)
        mapper: Any = partial(map_ordered, description="scenes")
        write_scenes(self.root, drawn, mapper)
        return prepare(self.root, drawn)

    @cached_property
    def rows(self) -> list[ImageRow]:
        """The training images."""
        return [row for row in self.prepared.images if row.split == "train"]

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""
        return list(self.prepared.classes)

    @cached_property
    def proposals_folder(self) -> Path:
        """Proposals of all training images, on disk."""
        folder = self.folder / "proposals"
        write_proposals(folder, propose(self.rows, self.root, self.profile.proposals))
        return folder

    @cached_property
    def proposals(self) -> Proposals:
        """The same in memory."""
        return read_proposals(self.proposals_folder)

    @cached_property
    def teacher_folder(self) -> Path:
        """A teacher without training, on disk."""
        seed_all(0)
        model = Wsddn(self.profile.teacher, len(self.classes))
        save_network(self.folder / "teacher", model, "teacher", self.profile.teacher, self.classes)
        return self.folder / "teacher"

    @cached_property
    def teacher(self) -> LoadedTeacher:
        """That teacher, ready to run."""
        loaded = load_teacher(self.teacher_folder)
        loaded.model.to(self.device).to(memory_format=torch.channels_last)
        return loaded

    def new_student(self) -> Student:
        """A student with its initial weights, the same each time."""
        seed_all(self.profile.student.seed)
        return Student(self.profile.student, len(self.classes))

    @cached_property
    def student(self) -> LoadedStudent:
        """A student without training, ready to run."""
        folder = self.folder / "student"
        save_network(folder, self.new_student(), "student", self.profile.student, self.classes)
        loaded = load_student(folder)
        loaded.model.to(self.device).to(memory_format=torch.channels_last)
        return loaded

    @property
    def cached_rows(self) -> list[ImageRow]:
        """The training images that are cached."""
        return self.rows[: self.sizes.cached]

    @cached_property
    def cache(self) -> TeacherCache:
        """The teacher's outputs on :attr:`cached_rows`."""
        return TeacherCache(self.write_cache("cache"))

    @cached_property
    def _fingerprint(self) -> CommonFingerprint:
        # Once, as it takes as long for a million images.
        return common_fingerprint(
            weights=self.teacher_folder / WEIGHTS,
            teacher=self.teacher.params,
            classes=self.teacher.classes,
            cache=self.profile.cache,
        )

    def write_cache(self, name: str) -> Path:
        """What the stage ``cache_teacher`` does, into a folder of this name that does not exist yet."""
        teacher, params = self.teacher, self.profile.cache
        forward, fingerprint = partial(_forward, self), self._fingerprint
        best = teacher.params.proposals
        builder = CacheBuilder(self.cached_rows, teacher.classes, self.proposals, best, params, fingerprint)
        builder.write(self.folder / name, self.folder / f"{name}-scratch", forward, OneProcess())
        return self.folder / name


def _forward(world: World, rows: list[ImageRow], mirrored: bool) -> Any:
    return run_teacher(
        world.teacher,
        ProposedImages(rows, world.root, world.proposals),
        PictureView(world.teacher.params.input_size, mirrored),
        batch_size=world.profile.cache.batch_size,
        device=world.device,
        description=None,
    )
