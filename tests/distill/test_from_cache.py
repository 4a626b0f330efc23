"""What a batch reads of a cache made by hand, in half precision and in eight bits."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import softmax

from tests.distill.two_views import VIEWS, stage_1
from tests.training.small_world import (
    HandMadeCache,
    World,
)
from wsdkd.cache.view import CachedView, pack_rows, records
from wsdkd.data.boxes import to_input
from wsdkd.data.tables import ImageRow
from wsdkd.distill.from_cache import CachedFeatures, region_targets
from wsdkd.distill.params import SoftenedPredictions
from wsdkd.scores import relative_scores


def test_what_stage_1_reads_of_the_cache(world: World, cache: HandMadeCache) -> None:
    batch = CachedFeatures(world.rows, cache, stage_1("regions"))(VIEWS)
    assert batch["rois"][:, 0].tolist() == [0, 0, 1, 1, 1]
    for place, view in enumerate(VIEWS):
        row = world.rows[view.row]
        seen = cache.view(row.image_id, view.mirrored)
        mine = batch["rois"][:, 0] == place
        boxes = to_input(seen.boxes[seen.chosen], row.width, row.height, view.size, view.mirrored)
        np.testing.assert_array_equal(batch["rois"][mine, 1:], boxes)
        np.testing.assert_array_equal(batch["objectness"][mine], seen.objectness[seen.chosen])
        np.testing.assert_array_equal(batch["confidence"][mine], seen.confidence)
        np.testing.assert_array_equal(batch["features"][mine], seen.features)
        targets = region_targets(row, seen)
        np.testing.assert_array_equal(batch["region_targets"][mine], targets)


class PackedCache(HandMadeCache):
    """The same in eight bits."""

    def view(self, image_id: str, mirrored: bool) -> CachedView:
        view = super().view(image_id, mirrored)
        logits, features = pack_rows(view.logit_rows), pack_rows(view.feature_rows)
        chosen = records(view.chosen, view.confidence, pack_rows(view.shares))
        return view._replace(logit_rows=logits, chosen_rows=chosen, feature_rows=features)


def test_a_cache_of_eight_bits_teaches_the_same_within_its_steps(world: World, cache: HandMadeCache) -> None:
    packed = PackedCache(world, cache.chosen)
    predictions = SoftenedPredictions(temperature=1.0, class_temperature=1.0, detection_temperature=1.0)
    params = stage_1("regions", predictions=predictions)
    batch = CachedFeatures(world.rows, packed, params)(VIEWS)
    wanted = CachedFeatures(world.rows, cache, params)(VIEWS)
    for name in ("features", "region_targets", "teacher_scores"):
        assert batch[name].dtype == torch.float32
        assert not torch.equal(batch[name], wanted[name]), "nothing was packed"
        torch.testing.assert_close(batch[name], wanted[name], rtol=0, atol=1 / 255)
    for name in ("rois", "objectness", "confidence", "labels"):
        torch.testing.assert_close(batch[name], wanted[name], rtol=0, atol=0)


def test_the_most_confident_regions_alone(world: World, cache: HandMadeCache) -> None:
    batch = CachedFeatures(world.rows, cache, stage_1("regions", rois=1))(VIEWS)
    assert batch["rois"][:, 0].tolist() == [0, 1]
    assert batch["confidence"].tolist() == [1, 1]
    assert {len(value) for value in batch.values()} == {2}


def test_targets_against_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    classes, detection = rng.normal(0, 2, (5, 4)), rng.normal(0, 2, (5, 4))
    targets = region_targets(_row(1, 3), _seen(classes, detection))
    for label in range(4):
        scores = [
            math.exp(classes[r, label]) / sum(map(math.exp, classes[r])) * math.exp(detection[r, label])
            for r in range(5)
        ]
        expected = [score / max(scores) if label in (1, 3) else 0.0 for score in scores]
        assert targets[:, label].tolist() == pytest.approx(expected, rel=1e-5)
    assert targets.dtype == np.float32


def test_targets_are_the_shares_that_the_cache_holds() -> None:
    classes, detection, shares = np.random.default_rng(0).random((3, 5, 4), np.float32)
    targets = region_targets(_row(0, 2), _seen(classes, detection, shares))
    np.testing.assert_array_equal(targets, shares * np.array([1, 0, 1, 0], np.float32))


def test_where_nobody_knows_the_labels_the_teachers_own_scores_say_whether() -> None:
    seen = _seen(*np.random.default_rng(0).normal(0, 2, (2, 5, 4)))
    targets = region_targets(replace(_row(), split="unlabelled"), seen)
    # The best region of each class has the class's image score, the others their share of it.
    p = (softmax(seen.class_logits, axis=1) * softmax(seen.detection_logits, axis=0)).sum(axis=0)
    np.testing.assert_allclose(targets.max(axis=0), p, rtol=1e-5)
    np.testing.assert_allclose(targets / p, region_targets(_row(0, 1, 2, 3), seen), rtol=1e-5)
    assert targets.dtype == np.float32


def test_targets_of_an_unlabelled_image_stand_in_its_batch(world: World, cache: HandMadeCache) -> None:
    rows = [replace(row, split="unlabelled", labels=(), ignored=(0, 1, 2)) for row in world.rows]
    batch = CachedFeatures(rows, cache, stage_1("regions"))(VIEWS)
    seen = cache.view(rows[3].image_id, mirrored=False)
    targets = region_targets(rows[3], seen)
    np.testing.assert_array_equal(batch["region_targets"][: len(targets)], targets)
    assert not batch["known"].any()
    assert batch["taught"].all()


def test_an_image_without_labels_has_no_objects() -> None:
    assert not region_targets(_row(), _seen(np.ones((3, 2)), np.ones((3, 2)))).any()


def test_large_logits_do_not_overflow() -> None:
    seen = _seen(np.array([[900.0, -900.0]]), np.array([[900.0, 900.0]]))
    assert np.isfinite(region_targets(_row(0, 1), seen)).all()


def _row(*labels: int) -> ImageRow:
    return ImageRow("", "", 50, 50, "train", labels, (), "")


def _seen(
    class_logits: np.ndarray, detection_logits: np.ndarray, shares: np.ndarray | None = None
) -> CachedView:
    boxes, all_ = np.zeros((len(class_logits), 4)), np.arange(len(class_logits))
    if shares is None:
        shares = relative_scores(class_logits, detection_logits)
    return CachedView.of(boxes, boxes[:, 0], class_logits, detection_logits, all_, all_, shares, class_logits)
