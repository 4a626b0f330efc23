"""Section ``cache``: which of the teacher's outputs are kept."""

from typing import Literal

from wsdkd.networks.params import InferencePrecision
from wsdkd.settings.numbers import Count, Overlap
from wsdkd.settings.sections import Folder, Section


class CacheParams(Section):
    """The teacher cache. Logits of all RoIs are always kept; features are large and chosen."""

    kept: Literal["outputs", "teacher"] = "outputs"
    """What the teacher says of each image; or the teacher itself, which then runs along while students learn
    (:mod:`wsdkd.cache.running`)."""
    rois: Literal["all"] | Count = "all"
    """Features of all RoIs, or of the best this many after NMS by the teacher's confidence."""
    nms_iou: Overlap = 0.5
    """Of two RoIs that overlap more than this, only the more confident keeps its features."""
    ranking: Literal["scores", "support"] = "scores"
    """What regions are ranked by, here, in the student's region loss and in evaluation: WSDDN's scores S, or
    how well a region holds an object whole (:func:`wsdkd.support.support`)."""
    bits: Literal[16, 8] = 16
    """Of a stored logit or feature: half precision, or a byte that counts steps between its row's ends."""
    precision: InferencePrecision = "auto"
    """Of the teacher's backbone and fc6 and fc7, while the cache is filled."""
    shard_images: Count = 4096
    """Images a shard."""
    batch_size: Count = 16
    folder: Folder = "data/teacher_cache"
    """Where the student's stages read it; another folder for one that another repository made."""
