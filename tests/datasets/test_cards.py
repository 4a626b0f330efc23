"""Real photographs in VOC layout, where WSDKD_CARDS_VOC names their folder."""

import os
from collections import Counter
from pathlib import Path

import pytest

from wsdkd.datasets.params import VocDataset
from wsdkd.datasets.prepare import Prepared, prepare

FOLDER = os.environ.get("WSDKD_CARDS_VOC")

pytestmark = pytest.mark.skipif(not FOLDER, reason="WSDKD_CARDS_VOC does not name the photographs")


@pytest.fixture(scope="module")
def cards() -> Prepared:
    assert FOLDER is not None
    return prepare(Path(FOLDER), VocDataset(format="voc", root=FOLDER), workers=2)


def test_every_photograph_is_used(cards: Prepared) -> None:
    assert [item for item in cards.rejected if item.kind == "image"] == []
    splits = Counter(row.split for row in cards.images)
    assert splits["train"] + splits["val"] == 296
    assert splits["test"] == 67
    assert splits["val"] > 0


def test_the_cards_are_six_classes_one_to_four_an_image(cards: Prepared) -> None:
    assert cards.classes == ("ace", "jack", "king", "nine", "queen", "ten")
    counts = [len(row.labels) for row in cards.images]
    assert (min(counts), max(counts)) == (1, 4)
    assert sum(counts) / len(counts) == pytest.approx(1.6, abs=0.05)


def test_every_box_lies_inside_of_its_photograph(cards: Prepared) -> None:
    sizes = {row.image_id: (row.width, row.height) for row in cards.images}
    assert len(cards.objects) + len(cards.rejected) == 670
    for box in cards.objects:
        width, height = sizes[box.image_id]
        assert 0 <= box.x1 < box.x2 <= width
        assert 0 <= box.y1 < box.y2 <= height
