"""Labels that a crop has lost, by where the teacher sees them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tests.distill.two_views import stage_1
from tests.training.small_world import HandMadeCache, World
from wsdkd.cache.view import CachedView
from wsdkd.data.images import WHOLE, Window
from wsdkd.distill.from_cache import CachedFeatures, CachedPredictions
from wsdkd.distill.in_view import LabelsInView
from wsdkd.distill.params import SoftenedPredictions
from wsdkd.training.augmentation import Change
from wsdkd.training.views import View

LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)


class Halves(HandMadeCache):
    """A region in either half of each image: the left one holds class 0, the right one 1 and a little of 0.

    Both hold class 2 alike.
    """

    def view(self, image_id: str, mirrored: bool) -> CachedView:  # noqa: ARG002, alike in both
        row = next(row for row in self.world.rows if row.image_id == image_id)
        wide, high = row.width / 2, row.height
        boxes = np.array([[0, 0, wide, high], [wide, 0, 2 * wide, high]], np.float32)
        shares = np.array([[1.0, 0.1, 0.5], [0.4, 0.8, 0.5]], np.float32)
        alike = np.zeros((2, 3), np.float32)
        ones = np.ones(2, np.float32)
        return CachedView.of(boxes, ones, alike, alike, np.arange(2), ones, shares, alike[:, :1])


def _view(window: Window, mirrored: bool = False) -> View:
    return View(0, mirrored, 32, Change(window, (1.0, 1.0, 1.0), None))


def _labelled(world: World, labels: Sequence[int], **fields: object) -> World:
    rows = [replace(row, labels=tuple(labels), ignored=(), **fields) for row in world.rows]  # type: ignore[arg-type]
    return replace(world, rows=rows)


def test_a_label_whose_object_is_out_of_view_is_lost(world: World) -> None:
    world = _labelled(world, (0, 1, 2))
    told = LabelsInView(world.rows, Halves(world), least=0.5)
    for mirrored in (False, True):
        assert told.lost(_view(LEFT, mirrored)) == [1]
        assert told.lost(_view(RIGHT, mirrored)) == [0]
    assert LabelsInView(world.rows, Halves(world), least=0.3).lost(_view(RIGHT)) == []
    # Less than half of either region.
    assert told.lost(_view((0.4, 0.0, 0.6, 1.0))) == [0, 1, 2]


def test_the_whole_picture_has_all_its_labels(world: World) -> None:
    world = _labelled(world, (0, 1))
    told = LabelsInView(world.rows, Halves(world), least=0.5)
    assert told.lost(_view(WHOLE)) == told.lost(View(0, False, 32)) == []


def test_a_class_that_the_image_lacks_is_not_lost(world: World) -> None:
    world = _labelled(world, (0,))
    assert LabelsInView(world.rows, Halves(world), least=0.5).lost(_view(LEFT)) == []


def test_of_an_unlabelled_image_all_classes_are_asked_for(world: World) -> None:
    world = _labelled(world, (), split="unlabelled")
    assert LabelsInView(world.rows, Halves(world), least=0.5).lost(_view(LEFT)) == [1]


def test_neither_the_label_nor_the_teachers_word_counts_where_it_is_lost(world: World) -> None:
    world = _labelled(world, (0, 1))
    views, cache = [_view(LEFT), View(1, False, 32)], Halves(world)
    softened = SoftenedPredictions()
    alone = stage_1("regions", labels_in_view=0.5)
    both = stage_1("regions", labels_in_view=0.5, predictions=softened)
    for batch in (
        CachedFeatures(world.rows, cache, alone)(views),
        CachedFeatures(world.rows, cache, both)(views),
        CachedPredictions(world.rows, cache, softened, 0.5)(views),
    ):
        for name in ("known", "taught"):
            assert batch[name].tolist() == [[True, False, True], [True, True, True]]
        assert batch["labels"].tolist() == [[1, 1, 0], [1, 1, 0]]
    plain = CachedFeatures(world.rows, cache, stage_1("regions"))(views)
    assert plain["known"].all()
    assert plain["taught"].all()
