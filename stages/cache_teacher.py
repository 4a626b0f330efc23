"""Stage ``cache_teacher``: the teacher's outputs on the training images, under data/teacher_cache.

Each of several processes writes its share of the shards.
"""

from collections.abc import Iterator, Sequence

import torch
from accelerate import PartialState

from stages.run import run
from wsdkd import project
from wsdkd.cache.params import CacheParams
from wsdkd.cache.writing.build import CacheBuilder
from wsdkd.cache.writing.fingerprint import common_fingerprint
from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import ImageRow, read_images
from wsdkd.networks.description import WEIGHTS
from wsdkd.proposals.stored import read_proposals
from wsdkd.settings.sections import load_section
from wsdkd.teacher.network import load_teacher
from wsdkd.teacher.run import ImageRegions, run_teacher
from wsdkd.training.processes import in_processes


def main() -> None:
    """Show the teacher every training image and its mirror image once, and keep what it says."""
    params = load_section("cache", CacheParams)
    teacher = load_teacher(project.TEACHER)
    proposals = read_proposals(project.PROPOSALS)
    root = photographs_folder(project.IMAGES)
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
        weights=project.TEACHER / WEIGHTS, teacher=teacher.params, classes=teacher.classes, cache=params
    )
    builder = CacheBuilder(
        read_images(project.IMAGES, "train"),
        teacher.classes,
        proposals,
        teacher.params.proposals,
        params,
        fingerprint,
    )
    builder.write(project.TEACHER_CACHE, project.CACHE_SCRATCH, forward, processes)
    processes.destroy_process_group()


if __name__ == "__main__":
    run(in_processes(main, "stages.cache_teacher"), "cache_teacher", "shard")
