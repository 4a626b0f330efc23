"""What is measured at which sizes, and with which parameters."""

from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from benchmarks.ablation.workspace import PROJECT
from wsdkd.settings.sections import read_params

_PIPELINE = YAML(typ="safe", pure=True).load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))
ASKED = ("code", "list_photographs", "score_folds")
"""The first does nothing with images, and the others are there only where a parameter asks for them."""
STAGES = tuple(name for name in _PIPELINE["stages"] if name not in ASKED)
"""In the order in which they run."""

BLIND = ("draw_scenes", "prepare", "train_baseline")
"""Stages that read no proposals: they are not run again for another number of these."""

PROFILE = PROJECT / "profiles" / "scenes-smoke.yaml"


@dataclass(frozen=True)
class Plan:
    """Counts of one run.

    Attributes:
        images: scenes in all, ascending; of eight, six are for training and one each for the other splits.
        boxes: proposals an image, where images vary.
        proposals: proposals an image, ascending.
        scenes: in all, where proposals vary.
        side: of a scene, and of every network's input, in pixels.
        shard_images: of the teacher's cache.
    """

    images: tuple[int, ...]
    boxes: int
    proposals: tuple[int, ...]
    scenes: int
    side: int
    shard_images: int


FULL = Plan((250, 1000, 4000, 16_000), 20, (50, 200, 800, 2000), 250, 64, 512)
SMOKE = Plan((16, 32), 4, (4, 8), 16, 48, 8)


def parameters(plan: Plan, scenes: int, proposals: int) -> dict[str, Any]:
    """Sections of params.yaml: the smoke profile with cheaper networks, one epoch a training.

    Args:
        plan: of the run.
        scenes: in all.
        proposals: an image.
    """
    params = read_params(PROFILE)
    eighth = max(1, scenes // 8)
    params["dataset"] |= {
        "train_images": scenes - 2 * eighth,
        "val_images": eighth,
        "test_images": eighth,
        "side": plan.side,
    }
    params["proposals"] |= {"max_boxes": proposals, "side": 2 * plan.side}
    params["teacher"] |= {"input_size": plan.side, "train_sizes": [plan.side], "proposals": proposals}
    params["student"] |= {"input_size": plan.side}
    for section in ("teacher", "student"):
        params[section]["network"] |= {"stages": 3, "frozen_stages": 1}
    params["cache"] |= {"shard_images": plan.shard_images}
    return params
