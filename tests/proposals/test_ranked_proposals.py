import numpy as np
import pytest

from wsdkd.proposals.params import EdgeBoxesProposals
from wsdkd.proposals.propose import ranked_proposals

PARAMS = EdgeBoxesProposals(method="edge_boxes")


def test_boxes_are_clipped_ordered_cut_and_made_relative() -> None:
    boxes = np.array([[-5, 2, 30, 40], [10, 10, 90, 90], [1, 1, 9, 9], [0, 0, 3, 50.0]])
    scores = np.array([0.1, 0.4, 0.2, 0.9])
    kept, relative = ranked_proposals(boxes, scores, 80, 60, PARAMS.model_copy(update={"max_boxes": 2}))
    # The box of score 0.9 is narrower than 4 pixels.
    assert kept.tolist() == [[10, 10, 80, 60], [1, 1, 9, 9]]
    np.testing.assert_allclose(relative, [1, 0.5])
    assert kept.dtype == relative.dtype == np.float32


def test_raw_scores_stay() -> None:
    raw = PARAMS.model_copy(update={"scores": "raw"})
    _, scores = ranked_proposals(
        np.array([[0, 0, 9, 9], [1, 1, 9, 9.0]]), np.array([0.03, 0.25]), 80, 60, raw
    )
    np.testing.assert_allclose(scores, [0.25, 0.03])


def test_relative_scores_are_never_zero() -> None:
    boxes = np.array([[0, 0, 9, 9], [1, 1, 9, 9.0]])
    assert (ranked_proposals(boxes, np.array([0.5, 0]), 80, 60, PARAMS)[1] > 0).all()
    assert ranked_proposals(boxes, np.zeros(2), 80, 60, PARAMS)[1].tolist() == [1, 1]


def test_equal_scores_keep_their_order() -> None:
    boxes = np.array([[i, 0, i + 9, 9.0] for i in range(40)])
    assert ranked_proposals(boxes, np.ones(40), 80, 60, PARAMS)[0][:, 0].tolist() == list(range(40))


@pytest.mark.parametrize(
    "boxes", [np.zeros((0, 4)), np.array([[5, 5, 6, 6.0]]), np.array([[90, 90, 99, 99.0]])]
)
def test_without_a_usable_box_the_whole_image_is_one(boxes: np.ndarray) -> None:
    kept, scores = ranked_proposals(boxes, np.full(len(boxes), 0.2), 80, 60, PARAMS)
    assert kept.tolist() == [[0, 0, 80, 60]]
    assert scores.tolist() == [1]


def test_an_empty_box_is_none_even_where_every_side_will_do() -> None:
    anything = PARAMS.model_copy(update={"min_side": 0.0})
    assert ranked_proposals(np.array([[5, 5, 5, 9.0]]), np.ones(1), 80, 60, anything)[0].tolist() == [
        [0, 0, 80, 60]
    ]
