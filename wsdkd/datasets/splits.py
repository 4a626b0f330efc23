"""Images set aside by chance, each on its own: adding an image moves no other."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from wsdkd.datasets.records import ImageRecord


def is_set_aside(image_id: str, fraction: float, seed: int, split: str) -> bool:
    """Whether an image is among the ``fraction`` of images set aside for ``split``.

    It depends on nothing but the arguments. A larger fraction takes more images and puts none back.
    """
    digest = hashlib.sha256(f"{split}:{seed}:{image_id}".encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") < fraction * 2**64


def hold_out(
    records: Sequence[ImageRecord], split: Literal["val", "test"], fraction: float, seed: int
) -> list[ImageRecord]:
    """Move about ``fraction`` of split train to ``split``, unless the dataset names such a split itself.

    Images of one group move together.
    """
    if any(record.split == split for record in records):
        return list(records)
    return [
        replace(record, split=split)
        if record.split == "train" and is_set_aside(record.group or record.image_id, fraction, seed, split)
        else record
        for record in records
    ]
