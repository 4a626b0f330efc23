"""What a batch of the student's training needs of a teacher that runs along, instead of a cache."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from accelerate import PartialState

from wsdkd.cache.kept import Kept, write_kept
from wsdkd.cache.params import CacheParams
from wsdkd.cache.running import PROPOSALS, TEACHER, RunningTeacher
from wsdkd.cache.writing.fingerprint import common_fingerprint
from wsdkd.cache.writing.scratch import link
from wsdkd.ground.code import Sources
from wsdkd.ground.digests import digest
from wsdkd.ground.files import publish_folder
from wsdkd.networks.description import WEIGHTS
from wsdkd.networks.precision import settled
from wsdkd.teacher.network import load_teacher
from wsdkd.training.loader import Batch, Supervision, SupervisionInStep
from wsdkd.training.pictures import Pictures
from wsdkd.training.views import View

if TYPE_CHECKING:  # the stage that keeps the teacher does not run these
    from wsdkd.distill.from_cache import Asked
    from wsdkd.training.course import Images


def keep_teacher(teacher_folder: Path, proposals_folder: Path, params: CacheParams, folder: Path) -> None:
    """Put a teacher and its proposals where students look for the cache.

    Args:
        teacher_folder: of the network.
        proposals_folder: of all images that students will learn from.
        params: section ``cache``.
        folder: of the cache; appears whole at the end.
    """
    # The code of students that read outputs is without this, so that theirs does not tell when it changes.
    code = digest(Sources().digests(__name__))
    teacher = load_teacher(teacher_folder)
    device = PartialState(cpu=not torch.cuda.is_available()).device
    common = common_fingerprint(
        weights=teacher_folder / WEIGHTS,
        teacher=teacher.params,
        classes=teacher.classes,
        cache=params,
        precision=settled(params.precision, device),
    )
    with publish_folder(folder) as aside:
        for name, source in ((TEACHER, teacher_folder), (PROPOSALS, proposals_folder)):
            (aside / name).mkdir()
            for file in sorted(source.iterdir()):
                link(file, aside / name / file.name)
        write_kept(aside, Kept(code=code, cache=params, fingerprint=common.parts, settings=common.settings))


class AskedTeacher(SupervisionInStep):
    """Shows a teacher the clean views of a batch, then reads it as a cache is read.

    Args:
        teacher: runs in this process, on its device.
        images: whose training images views are of.
        reads: reads ``teacher``.
    """

    def __init__(self, teacher: RunningTeacher, images: "Images", reads: Supervision):
        self.teacher, self.rows, self.reads = teacher, images.train, reads
        self.pictures = Pictures(images.train, images.root, [teacher.input_size])
        self.at_hand = self.pictures.in_memory

    def load(self, views: Sequence[View]) -> torch.Tensor:
        """The pictures that the teacher is shown."""
        return self.pictures.load(
            [view._replace(size=self.teacher.input_size, change=None) for view in views]
        )

    def of(self, views: Sequence[View], loaded: torch.Tensor) -> Batch:
        """See the class."""
        rows = [self.rows[view.row] for view in views]
        self.teacher.look(rows, [view.mirrored for view in views], loaded)
        return self.reads(views)


def running_teacher(folder: Path, images: "Images") -> "tuple[RunningTeacher, Asked]":
    """The teacher that is kept in ``folder``, and what shows it each batch of ``images``.

    Raises:
        CacheError: it is damaged, or knows other classes or images.
    """
    teacher = RunningTeacher(folder)
    teacher.check(images.classes, images.train)
    return teacher, lambda reads: AskedTeacher(teacher, images, reads)
