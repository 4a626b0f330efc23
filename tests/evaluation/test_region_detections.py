"""What the teacher's regions become: image scores by their sum, detections by their own ranking."""

import numpy as np

from wsdkd.evaluation.scoring import image_scores_and_detections
from wsdkd.teacher.run import ScoredRegions

BOXES = np.array([[0, 0, 10, 10], [50, 50, 60, 60]], np.float32)
S = np.array([[0.25, 0.5], [0.5, 0.125]], np.float32)
REFINED = np.array([[0.75, 0.0], [0.25, 0.875]], np.float32)


def test_image_scores_are_sums_and_detections_have_scores_of_their_own() -> None:
    scores, (found,) = image_scores_and_detections([ScoredRegions("a", BOXES, S, REFINED)], 0.3, 2)
    np.testing.assert_array_equal(scores, [[0.75, 0.625]])
    assert found.scores.tolist() == [0.875, 0.75]
    assert found.labels.tolist() == [1, 0]
    np.testing.assert_array_equal(found.boxes, BOXES[::-1])


def test_detections_of_the_first_images_alone() -> None:
    images = [ScoredRegions(name, BOXES, S, S) for name in "abc"]
    scores, found = image_scores_and_detections(images, 0.3, 2, first=1)
    assert len(scores) == 3
    assert len(found) == 1
