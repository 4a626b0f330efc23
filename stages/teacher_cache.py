"""Where a student's stage finds the teacher's cache, and that it is one for what is here.

The cache may be this pipeline's own, pulled, or imported from another repository. DVC compares the
first two with what was recorded; of an imported one, its fingerprint alone tells what it is of.
"""

from collections.abc import Sequence

from wsdkd.cache.format import OUTPUTS_VERSION, SCHEMA_VERSION
from wsdkd.cache.reader import TeacherCache
from wsdkd.data.tables import ImageRow
from wsdkd.settings.sections import cache_folder


def teacher_cache(classes: Sequence[str], rows: Sequence[ImageRow]) -> TeacherCache:
    """The cache in ``cache.folder``, made for these classes and images, of the versions that this code reads.

    Raises:
        CacheError: there is none, or it was made for others; the message names what differs.
    """
    cache = TeacherCache(cache_folder())
    cache.check(classes, rows, {"schema": str(SCHEMA_VERSION), "outputs": str(OUTPUTS_VERSION)})
    return cache
