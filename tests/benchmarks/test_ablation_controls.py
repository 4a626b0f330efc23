"""What each control keeps of the teacher, and what it takes away."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.ablation.controls import OtherFeatures, TeacherRegions, TrueBoxes
from tests.cache import synthetic_teacher as synthetic
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.view import TeacherViews
from wsdkd.data.boxes import to_input
from wsdkd.data.tables import ImageRow, targets
from wsdkd.distill.from_cache import CachedFeatures
from wsdkd.distill.params import DistillFeaturesParams
from wsdkd.evaluation.truth import ImageObjects
from wsdkd.training.params import Optimisation
from wsdkd.training.views import View

PARAMS = DistillFeaturesParams(training=Optimisation(epochs=1))
ROWS = synthetic.make_rows(9)
VIEWS = [View(row, mirrored, 64) for row in range(len(ROWS)) for mirrored in (False, True)]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> TeacherCache:
    folder: Path = tmp_path_factory.mktemp("cache")
    synthetic.write(folder / "cache", folder / "scratch", ROWS, rois=4)
    return TeacherCache(folder / "cache")


def _batch(views: TeacherViews, rows: Sequence[ImageRow] = ROWS) -> dict[str, torch.Tensor]:
    return CachedFeatures(rows, views, PARAMS)(VIEWS)


def _labels_of_regions(batch: dict[str, torch.Tensor]) -> np.ndarray:
    labels, _ = targets([ROWS[view.row] for view in VIEWS], len(synthetic.CLASSES))
    return labels[batch["rois"][:, 0].long().numpy()]


def test_the_teachers_regions_keep_its_choice_alone(cache: TeacherCache) -> None:
    batch, real = _batch(TeacherRegions(cache)), _batch(cache)
    torch.testing.assert_close(batch["rois"], real["rois"])
    np.testing.assert_array_equal(batch["region_targets"].numpy(), _labels_of_regions(batch))
    assert not torch.equal(real["region_targets"], batch["region_targets"])


def test_true_boxes_are_taught_with_their_own_class_alone() -> None:
    boxes = np.array([[1.0, 2, 30, 40], [5, 5, 60, 70], [0, 0, 9, 9]])
    objects = ImageObjects(boxes, np.array([2, 0, 1]), np.array([False, False, True]))
    truth = TrueBoxes(synthetic.CLASSES, [row.image_id for row in ROWS], [objects] * len(ROWS))
    batch = _batch(truth)
    first = batch["rois"][:, 0] == 0
    expected = to_input(boxes[:2], ROWS[0].width, ROWS[0].height, VIEWS[0].size, mirrored=False)
    np.testing.assert_allclose(batch["rois"][first, 1:], expected, rtol=1e-6)
    held = np.zeros((2, len(synthetic.CLASSES)))
    held[0, 2] = held[1, 0] = 1
    # A class that the image is not labelled with is not taught.
    held[:, [k for k in range(len(synthetic.CLASSES)) if k not in ROWS[0].labels]] = 0
    np.testing.assert_array_equal(batch["region_targets"][first], held)


def test_features_of_another_image_change_nothing_else(cache: TeacherCache) -> None:
    others = OtherFeatures(cache, [row.image_id for row in ROWS], seed=0)
    batch, real = _batch(others), _batch(cache)
    for name in set(real) - {"features"}:
        torch.testing.assert_close(batch[name], real[name])
    same = (batch["features"] == real["features"]).all(dim=1)
    assert not same.any()
    of_any_image = {tuple(row) for row in real["features"].numpy().round(3).tolist()}
    assert {tuple(row) for row in batch["features"].numpy().round(3).tolist()} <= of_any_image
