"""Everything that decides the content of a teacher cache, as named digests.

The parts that hold for all shards are in the manifest and name the scratch folder of interrupted
runs; images, labels and proposals are digested for each shard, so that one changed picture makes
one shard stale. Where two caches differ, the names say in what.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wsdkd.cache.format import OUTPUTS_VERSION, SCHEMA_VERSION, CacheError
from wsdkd.cache.manifest import PARTS, images_digest
from wsdkd.cache.params import CacheParams
from wsdkd.data.tables import ImageRow
from wsdkd.ground.digests import digest, sha256
from wsdkd.ground.origin import package_versions
from wsdkd.networks.params import Precision
from wsdkd.proposals.stored import Proposals
from wsdkd.teacher.params import TeacherParams

_LIBRARIES = ("numpy", "pillow", "timm", "torch", "torchvision")


@dataclass(frozen=True)
class CommonFingerprint:
    """What went into every shard: ``parts``, named digests, and ``settings``, the values behind some."""

    parts: dict[str, str]
    settings: dict[str, Any]


def common_fingerprint(
    *,
    weights: Path,
    teacher: TeacherParams,
    classes: Sequence[str],
    cache: CacheParams,
    precision: Precision = "fp32",
) -> CommonFingerprint:
    """Fingerprint of what all shards share.

    Args:
        weights: file of the teacher's weights.
        teacher: of which only what enters a forward pass counts; how it was trained is in the weights.
        classes: in order.
        cache: the parameters of the cache; where students look for it does not count.
        precision: in which the teacher computes, whatever the parameters say of it; ``auto`` is no answer.
    """
    forward = {
        "backbone": teacher.network.backbone,
        "stride": teacher.network.stride,
        **teacher.model_dump(mode="json", include={"input_size", "proposals", "roi", "hidden", "hidden_in"}),
    }
    # The key is there where the precision tells: what fp32 gives is what every cache of before has.
    half = {} if precision == "fp32" else {"precision": precision}
    settings = {
        "teacher_forward": forward | half,
        "cache": cache.model_dump(mode="json", exclude={"kept", "folder", "precision"}),
        "software": package_versions(_LIBRARIES),
    }
    parts = {name: digest(value) for name, value in settings.items()}
    parts |= {
        "schema": str(SCHEMA_VERSION),
        "classes": digest(list(classes)),
        "teacher_weights": sha256(weights),
        "outputs": str(OUTPUTS_VERSION),
    }
    return CommonFingerprint({name: parts[name] for name in PARTS if name in parts}, settings)


def shard_fingerprint(rows: Sequence[ImageRow], proposals: Proposals, best: int) -> dict[str, str]:
    """Fingerprint of one shard: its images, their labels and the ``best`` proposals of each.

    Labels count because :func:`wsdkd.cache.writing.selection.choose_rois` is given them.

    Raises:
        CacheError: an image has no proposals.
    """
    boxes = hashlib.sha256()
    for row in rows:
        try:
            image_boxes, scores = proposals.of(row.image_id, best)
        except KeyError:
            raise CacheError(
                f"no proposals for image {row.image_id}; run the stage propose on the same images"
            ) from None
        boxes.update(len(scores).to_bytes(8, "little"))
        boxes.update(np.ascontiguousarray(image_boxes, "<f4").tobytes())
        boxes.update(np.ascontiguousarray(scores, "<f4").tobytes())
    return {
        "images": images_digest((row.image_id, row.digest) for row in rows),
        "labels": digest([list(row.labels) for row in rows]),
        "proposals": boxes.hexdigest(),
    }
