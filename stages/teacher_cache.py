"""Where a student's stage finds the teacher: its cache, or itself, and that it is one for what is here.

The cache may be this pipeline's own, pulled, or imported from another repository. DVC compares the
first two with what was recorded; of an imported one, its fingerprint alone tells what it is of.
"""

from importlib import import_module

from wsdkd.cache.format import OUTPUTS_VERSION, SCHEMA_VERSION
from wsdkd.cache.manifest import RUNNING
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.view import KeptTeacher
from wsdkd.distill.from_cache import Asked, as_it_is
from wsdkd.settings.sections import cache_folder
from wsdkd.training.course import Images


def teacher_cache(images: Images) -> tuple[KeptTeacher, Asked]:
    """What is in ``cache.folder``, made for these classes and images, of the versions that this code reads.

    Returns:
        Gives the teacher's views, once a batch was put before it by the second.

    Raises:
        CacheError: there is nothing, or it was made for others; the message names what differs.
    """
    folder = cache_folder()
    if (folder / RUNNING).is_file():
        # By name: the code of a student that reads outputs is without the teacher's, and a change of that
        # trains no such student anew. Here running.json holds a digest of it.
        found: tuple[KeptTeacher, Asked] = import_module("wsdkd.distill.running").running_teacher(
            folder, images
        )
        return found
    cache = TeacherCache(folder)
    cache.check(
        images.classes, images.train, {"schema": str(SCHEMA_VERSION), "outputs": str(OUTPUTS_VERSION)}
    )
    return cache, as_it_is
