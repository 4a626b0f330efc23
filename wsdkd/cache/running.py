"""The teacher itself in the place of its outputs: it runs along while students learn.

What a teacher says of an image is stored once and read by each student in each epoch. Where an image is
seen once or twice and never again, as one of billions is, to store it costs more than to ask the teacher
then. So with ``cache.kept: teacher`` the folder of the cache holds the network and the proposals, and
:class:`RunningTeacher` gives the same views as :class:`wsdkd.cache.reader.TeacherCache`, but for rounding.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from accelerate import PartialState

from wsdkd.cache.format import CacheError
from wsdkd.cache.kept import AGAIN, read_kept
from wsdkd.cache.view import CachedView
from wsdkd.cache.writing.passes import choice_on, teacher_passes
from wsdkd.cache.writing.selection import kept_features
from wsdkd.data.boxes import to_input
from wsdkd.data.tables import ImageRow
from wsdkd.networks.copies import Aside
from wsdkd.networks.precision import placed, settled
from wsdkd.proposals.stored import read_proposals
from wsdkd.support import Ranking
from wsdkd.teacher.batches import BatchPasses, Found
from wsdkd.teacher.network import load_teacher
from wsdkd.teacher.run import ProposedImages, image_regions

TEACHER, PROPOSALS = "teacher", "proposals"


class RunningTeacher:
    """A teacher that is shown the views of a batch (:meth:`look`), and is then read as a cache is.

    Its dropout is off, so that it says of a view what a cache would hold.

    Args:
        folder: holds ``running.json``, the network and the proposals.

    Raises:
        CacheError: the folder is unfinished, damaged or of another version.
        UserError: the network or the proposals are missing or damaged.
    """

    def __init__(self, folder: Path):
        self._folder, kept = folder, read_kept(folder)
        self.loaded = load_teacher(folder / TEACHER)
        self.params, self.fingerprint, self.settings = kept.cache, kept.fingerprint, kept.settings
        self._proposals = read_proposals(folder / PROPOSALS)
        self._passes: BatchPasses | None = None
        self._seen: dict[tuple[str, bool], CachedView] = {}

    @property
    def classes(self) -> list[str]:
        """Names of the K classes."""
        return self.loaded.classes

    @property
    def ranking(self) -> Ranking:
        """What regions are ranked by."""
        return self.params.ranking

    @property
    def feature_dim(self) -> int:
        """D, the width of the features."""
        return self.loaded.model.feature_dim

    @property
    def input_size(self) -> int:
        """Side of the square input that the teacher is shown, in pixels."""
        return self.loaded.params.input_size

    def check(self, classes: Sequence[str], rows: Sequence[ImageRow]) -> None:
        """Make sure that this teacher knows these classes, and where to look in these images.

        Raises:
            CacheError: it was trained on other classes, or an image has no proposals.
        """
        if list(classes) != self.classes:
            raise CacheError(f"{self._folder}: the teacher was trained on other classes; {AGAIN}")
        for row in rows:
            self._found(row)

    def _found(self, row: ImageRow) -> Found:
        try:
            return self._proposals.of(row.image_id, self.loaded.params.proposals)
        except KeyError:
            raise CacheError(
                f"{self._folder / PROPOSALS}: no boxes of image {row.image_id}; {AGAIN}"
            ) from None

    def look(self, rows: Sequence[ImageRow], mirrored: Sequence[bool], pictures: torch.Tensor) -> None:
        """Show the teacher a batch; what it says is read by :meth:`view` until the next one.

        Args:
            rows: B images.
            mirrored: whether each is shown mirrored.
            pictures: uint8 (B, 3, input_size, input_size), of these views.
        """
        if self._passes is None:
            # Not before: workers that load pictures are forked from a process that has none on a GPU.
            device = PartialState(cpu=not torch.cuda.is_available()).device
            precision = settled(self.params.precision, device)
            choose = choice_on(device, self.params)
            self._passes = BatchPasses(placed(self.loaded.model, device), Aside(device), precision, choose)
        found = [self._found(row) for row in rows]
        boxes = [
            to_input(one, row.width, row.height, self.input_size, turned)
            for (one, _), row, turned in zip(found, rows, mirrored, strict=True)
        ]
        with torch.inference_mode():
            said = self._passes.collect(self._passes.begin(rows, found, pictures, boxes))
        self._seen = {}
        for row, turned, proposed, one in zip(rows, mirrored, found, said, strict=True):
            regions = image_regions(row, proposed, one)
            chosen, features = kept_features(regions, row.labels, self.params)
            self._seen[row.image_id, turned] = CachedView.of(
                *proposed,
                one.class_logits,
                one.detection_logits,
                chosen.regions,
                chosen.confidence,
                chosen.shares,
                features,
            )

    def view(self, image_id: str, mirrored: bool) -> CachedView:
        """The teacher's outputs on a view of the last batch, as a cache has them."""
        return self._seen[image_id, mirrored]

    def best_of(self, rows: Sequence[ImageRow], root: Path, /) -> Iterator[np.ndarray]:
        """The teacher's best region of each class, image by image: see :meth:`TeacherCache.best_of`.

        The teacher looks at each picture for it, unmirrored.
        """
        images = ProposedImages(rows, root, self._proposals)
        device = PartialState(cpu=not torch.cuda.is_available()).device
        forward = teacher_passes(self.loaded, images, self.params, device)
        for row, said in zip(rows, forward(rows, False), strict=True):
            chosen, _ = kept_features(said, row.labels, self.params)
            yield said.boxes[chosen.best] if len(said.boxes) else said.boxes
