"""Bytes of each file that is shared, before any of them exists: what docs/sharing.md quotes.

    python -m benchmarks.shared_bytes profiles/coco.yaml --images 82783 --all-images 123287 --classes 80

Networks are built without their numbers, which takes no memory. Proposals are random boxes, as many an
image as the profile keeps, written for one shard of images and scaled up: real ones take no more.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.bench.arithmetic import untrained
from wsdkd.cache.writing.estimate import assumed_size, feature_width
from wsdkd.profiles import load_profile
from wsdkd.proposals.stored import SHARD_IMAGES, write_proposals
from wsdkd.student.network import Student
from wsdkd.teacher.network import Wsddn


def main() -> None:
    """Print a row of a table in Markdown for each file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("params", type=Path, help="a file of parameters")
    parser.add_argument("--images", type=int, required=True, help="training images")
    parser.add_argument("--all-images", type=int, required=True, help="images of all splits")
    parser.add_argument("--classes", type=int, required=True)
    asked = parser.parse_args()
    profile = load_profile(asked.params)
    teacher, student = profile.teacher, profile.student
    cache = assumed_size(
        asked.images,
        asked.classes,
        teacher.proposals,
        feature_width(teacher),
        profile.cache,
    )
    with torch.device("meta"):
        networks = {
            "models/teacher": Wsddn(teacher.model_copy(update=untrained(teacher.network)), asked.classes),
            "models/student": Student(student.model_copy(update=untrained(student.network)), asked.classes),
        }
    sizes = {
        "data/teacher_cache": cache.total,
        "models/teacher": _weight_bytes(networks["models/teacher"]),
        "data/proposals": asked.all_images * _proposal_bytes(profile.proposals.max_boxes),
        "models/student": _weight_bytes(networks["models/student"]),
    }
    for path, size in sizes.items():
        print(f"| `{path}` | {size:,.0f} |")


def _weight_bytes(network: nn.Module) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())


def _proposal_bytes(boxes: int) -> float:
    """Of one image, in Parquet."""
    rng = np.random.default_rng(0)
    items = []
    for number in range(SHARD_IMAGES):
        corners = np.sort(rng.uniform(0, 500, (2, boxes, 2)), axis=0)
        scores = np.sort(rng.uniform(0, 1, boxes))[::-1]
        items.append((f"image-{number:06d}", np.hstack(list(corners)), scores))
    with tempfile.TemporaryDirectory() as folder:
        write_proposals(Path(folder) / "proposals", items)
        written = sum(path.stat().st_size for path in (Path(folder) / "proposals").iterdir())
    return written / SHARD_IMAGES


if __name__ == "__main__":
    main()
