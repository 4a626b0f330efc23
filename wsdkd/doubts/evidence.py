"""What the teacher's regions say of a label in doubt: whether it sees the class there, and where."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.view import CachedView
from wsdkd.data.tables import ImageRow
from wsdkd.doubts.doubts import Evidence, Found
from wsdkd.proposals.stored import Proposals
from wsdkd.scores import image_scores
from wsdkd.support import Ranking, region_shares
from wsdkd.teacher.network import LoadedTeacher
from wsdkd.teacher.run import ImageRegions, PictureView, ProposedImages, run_teacher

BATCH = 8

Wanted = Mapping[str, Sequence[int]]
"""Places of the classes that are asked about, by the id of the image."""


def cached_evidence(cache: TeacherCache, wanted: Wanted) -> Found:
    """What a cache holds of training images. The teacher has learned from their labels."""
    found: Found = {}
    for image in wanted:
        view = cache.view(image, mirrored=False)
        found |= _of_image(image, view, cache.best_regions(image), wanted)
    return found


@dataclass(frozen=True)
class Teacher:
    """A teacher that is at hand, with where it looks."""

    loaded: LoadedTeacher
    proposals: Proposals
    ranking: Ranking
    root: Path
    """Folder that paths of images are relative to."""

    def evidence(self, rows: Iterable[ImageRow], wanted: Wanted, device: torch.device) -> Found:
        """What it says of images that it may not have learned from, among ``rows``."""
        asked = [row for row in rows if row.image_id in wanted]
        found = run_teacher(
            self.loaded,
            ProposedImages(asked, self.root, self.proposals),
            PictureView(self.loaded.params.input_size, mirrored=False),
            batch_size=BATCH,
            device=device,
            description="the teacher's regions",
        )
        told: Found = {}
        for said in found:
            if len(said.boxes):
                best = said.boxes[region_shares(self.ranking, said).argmax(axis=0)]
                told |= _of_image(said.image_id, said, best, wanted)
        return told


def _of_image(
    image: str, regions: ImageRegions | CachedView, best: np.ndarray, wanted: Wanted
) -> dict[tuple[str, int], Evidence]:
    # best: (K, 4), the best region of each class; (0, 4) where there is none.
    if not len(best):
        return {}
    scores = image_scores(regions.class_logits, regions.detection_logits)
    told = {}
    for label in wanted[image]:
        x1, y1, x2, y2 = best[label].tolist()
        told[image, label] = Evidence(float(scores[label]), (x1, y1, x2, y2))
    return told
