"""Recall of proposals against time, on drawn scenes: what the defaults of section ``proposals`` rest on.

    python -m benchmarks.proposals                 # 200 scenes of 192 px, about two minutes
    python -m benchmarks.proposals --images 20     # a look

The defaults were tuned on other scenes than these, and neither are the demo's.
Time is that of one core, without decoding; other work on the machine makes it look slower.
"""

import argparse
import io
import sys
import time
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from PIL import Image

from wsdkd.datasets.scenes.write_coco import Job, draw
from wsdkd.evaluation.localisation import proposal_recall
from wsdkd.evaluation.truth import ImageObjects
from wsdkd.proposals.params import EdgeBoxesProposals, SelectiveSearchProposals
from wsdkd.proposals.propose import find_boxes, ranked_proposals, settle_opencv

SEED = 777
BUDGETS = (50, 100, 200)

EDGE_BOXES = EdgeBoxesProposals(method="edge_boxes")
# What OpenCV itself would do, on a smoothed gradient at the picture's own size.
OPENCV = {
    "side": 192,
    "blur": 1.0,
    "alpha": 0.65,
    "beta": 0.75,
    "kappa": 1.5,
    "gamma": 2.0,
    "min_edge": 0.1,
    "min_area": 1000.0,
    "max_aspect": 3.0,
    "inset": 0.0,
}
SELECTIVE_SEARCH = SelectiveSearchProposals(method="selective_search")

Params = EdgeBoxesProposals | SelectiveSearchProposals

METHODS: dict[str, Params] = {
    "edge_boxes": EDGE_BOXES,
    "edge_boxes, side 192, min_area 150": EDGE_BOXES.model_copy(update={"side": 192, "min_area": 150.0}),
    "edge_boxes, beta 0.65": EDGE_BOXES.model_copy(update={"beta": 0.65}),
    "edge_boxes, inset 0": EDGE_BOXES.model_copy(update={"inset": 0.0}),
    "edge_boxes, as OpenCV sets it": EDGE_BOXES.model_copy(update=OPENCV),
    "selective_search": SELECTIVE_SEARCH,
    "selective_search, rgb": SELECTIVE_SEARCH.model_copy(update={"colours": ("rgb",)}),
    "selective_search, k 25 and 100": SELECTIVE_SEARCH.model_copy(update={"scales": (25.0, 100.0)}),
}


def opencv_selective_search(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """OpenCV's own selective search, fast mode: boxes (n, 4) in pixels, and its order as scores (n,)."""
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    search.switchToSelectiveSearchFast()
    boxes = np.asarray(search.process(), dtype=np.float64)
    boxes[:, 2:] += boxes[:, :2]
    return boxes, np.linspace(1, 0.5, len(boxes))


def main() -> None:
    """Draw scenes, run every method over them, and print a table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--size", type=int, default=192, help="side of a scene, in pixels")
    options = parser.parse_args()
    settle_opencv()
    scenes = [_scene(index, options.size) for index in range(options.images)]
    columns = [f"{iou} at {budget}" for iou in (0.5, 0.7) for budget in BUDGETS]
    _line("method", "boxes", *columns, "images/s a core")
    _line("---", *["---:"] * (2 + len(columns)))
    for name, params in METHODS.items():
        _row(name, scenes, partial(find_boxes, params=params))
    _row("OpenCV's selective search, fast", scenes[: max(1, len(scenes) // 8)], opencv_selective_search)


def _scene(index: int, size: int) -> tuple[np.ndarray, ImageObjects]:
    content, scene = draw(Job(SEED, "train", index, size, 0.4))
    boxes = np.array([item.box for item in scene.objects], dtype=np.float64).reshape(-1, 4)
    count = len(scene.objects)
    objects = ImageObjects(boxes, np.zeros(count, dtype=np.int64), np.zeros(count, dtype=bool))
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")), objects


def _row(
    name: str,
    scenes: list[tuple[np.ndarray, ImageObjects]],
    search: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> None:
    started = time.process_time()
    found = [
        ranked_proposals(*search(picture), picture.shape[1], picture.shape[0], EDGE_BOXES)[0]
        for picture, _ in scenes
    ]
    seconds = time.process_time() - started
    objects = [real for _, real in scenes]
    recall = {budget: proposal_recall(found, objects, best=budget) for budget in BUDGETS}
    _line(
        name,
        f"{np.mean([len(boxes) for boxes in found]):.0f}",
        *[f"{recall[budget][iou]:.1f}" for iou in (0.5, 0.7) for budget in BUDGETS],
        f"{len(scenes) / seconds:.0f}",
    )


def _line(*cells: str) -> None:
    sys.stdout.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
