"""Stage ``cache_teacher``: the teacher's outputs on the training images, under data/teacher_cache.

Each of several processes writes its share of the shards.
"""

from collections.abc import Iterator, Sequence

import torch
from accelerate import PartialState

from stages import paths
from stages.run import run
from wsdkd.cache.build import CacheBuilder
from wsdkd.cache.fingerprint import common_fingerprint
from wsdkd.inference.regions import ImageRegions, run_teacher
from wsdkd.models.description import WEIGHTS
from wsdkd.models.saved_teacher import load_teacher
from wsdkd.params.base import load_section
from wsdkd.params.cache import CacheParams
from wsdkd.params.root import dataset_root
from wsdkd.proposals.shards import read_proposals
from wsdkd.tables.images import ImageRow, read_images
from wsdkd.training.launch import distributed


def main() -> None:
    """Show the teacher every training image and its mirror image once, and keep what it says."""
    params = load_section("cache", CacheParams)
    teacher = load_teacher(paths.TEACHER)
    proposals = read_proposals(paths.PROPOSALS)
    root = dataset_root()
    # Without the argument accelerate counts a single process on a machine that has no GPU.
    processes = PartialState(cpu=not torch.cuda.is_available())

    def forward(rows: Sequence[ImageRow], mirrored: bool) -> Iterator[ImageRegions]:
        return run_teacher(
            teacher,
            rows,
            root,
            proposals,
            size=teacher.params.input_size,
            mirrored=mirrored,
            batch_size=params.batch_size,
            device=processes.device,
            description=None,
        )

    fingerprint = common_fingerprint(
        weights=paths.TEACHER / WEIGHTS, teacher=teacher.params, classes=teacher.classes, cache=params
    )
    builder = CacheBuilder(
        read_images(paths.IMAGES, "train"),
        teacher.classes,
        proposals,
        teacher.params.proposals,
        params,
        fingerprint,
    )
    builder.write(paths.TEACHER_CACHE, paths.CACHE_SCRATCH, forward, processes)
    processes.destroy_process_group()


if __name__ == "__main__":
    run(distributed(main, "stages.cache_teacher"), "cache_teacher", "shard")
