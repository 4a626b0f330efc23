"""Stage ``cache_teacher``: the teacher's outputs on all images that students learn from, or the teacher.

Each of several processes writes its share of the shards.
"""

import torch
from accelerate import PartialState

from stages.run import run
from wsdkd import project
from wsdkd.cache.params import CacheParams
from wsdkd.cache.writing.build import write_teacher_cache
from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import TAUGHT, read_images
from wsdkd.distill.running import keep_teacher
from wsdkd.proposals.stored import read_proposals
from wsdkd.settings.sections import load_section
from wsdkd.teacher.run import ProposedImages
from wsdkd.training.processes import in_processes


def main() -> None:
    """Show the teacher every image of train and unlabelled, and its mirror image, once; keep what it says.

    With ``cache.kept: teacher`` it is shown none, and is kept itself.
    """
    params: CacheParams = load_section("cache", CacheParams)
    if params.kept == "teacher":
        processes = PartialState(cpu=not torch.cuda.is_available())
        if processes.is_main_process:
            keep_teacher(project.TEACHER, project.PROPOSALS, params, project.TEACHER_CACHE)
        processes.wait_for_everyone()
    else:
        images = ProposedImages(
            read_images(project.IMAGES, TAUGHT),
            photographs_folder(project.IMAGES),
            read_proposals(project.PROPOSALS),
        )
        write_teacher_cache(project.TEACHER, images, params, project.TEACHER_CACHE, project.CACHE_SCRATCH)
    PartialState().destroy_process_group()


if __name__ == "__main__":
    run(main, "cache_teacher", "shard", in_processes)
