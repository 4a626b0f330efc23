"""Which region holds an object whole."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from wsdkd.scores import region_scores
from wsdkd.support import detection_scores, region_shares, support
from wsdkd.teacher.run import ImageRegions


def _said(regions: int = 12, classes: int = 3, seed: int = 0) -> ImageRegions:
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.uniform(0, 60, (regions, 2, 2)), axis=1).reshape(regions, 4).astype(np.float32)
    # Some lie well within others.
    corners[6:9] = corners[:3] * 0.9 + corners[:3, [2, 3, 0, 1]] * 0.1
    m_c, m_d = rng.normal(0, 2, (2, regions, classes)).astype(np.float32)
    return ImageRegions("", corners, rng.uniform(0.1, 1, regions).astype(np.float32), m_c, m_d, m_c)


def test_support_against_a_plain_loop() -> None:
    said = _said()
    probabilities = softmax(said.class_logits, axis=1)
    found = support(said.boxes, said.objectness, probabilities)
    assert found.dtype == np.float32
    inside = 0
    for r, (x1, y1, x2, y2) in enumerate(said.boxes.tolist()):
        votes = np.zeros(3)
        for q, (a1, b1, a2, b2) in enumerate(said.boxes.tolist()):
            shared = max(0.0, min(x2, a2) - max(x1, a1)) * max(0.0, min(y2, b2) - max(y1, b1))
            if q == r or shared > 0.9 * (a2 - a1) * (b2 - b1):
                votes += probabilities[q]
                inside += q != r
        expected = votes * said.objectness[r] / math.sqrt((x2 - x1) * (y2 - y1))
        np.testing.assert_allclose(found[r], expected, rtol=1e-5)
    assert inside >= 3


def test_the_whole_object_beats_its_most_telling_part_and_a_frame_that_holds_it() -> None:
    whole, head, legs, frame, elsewhere = 0, 1, 2, 3, 4
    boxes = np.array(
        [[20, 20, 60, 80], [30, 20, 50, 40], [25, 55, 55, 80], [0, 0, 100, 100], [70, 5, 95, 30]], np.float32
    )
    # The head tells the class best, and the competition of regions prefers it further.
    logits = np.array([[1.5, 0], [4, 0], [1, 0], [1.5, 0], [0, 1]], np.float32)
    detection = np.array([[0, 0], [5, 0], [0, 0], [0, 0], [0, 5]], np.float32)
    objectness = np.array([0.9, 0.5, 0.4, 0.6, 0.5], np.float32)
    said = ImageRegions("", boxes, objectness, logits, detection, logits)
    assert region_scores(logits, detection)[:, 0].argmax() == head
    shares = region_shares("support", said)[:, 0]
    assert shares.argmax() == whole
    assert shares[whole] == 1
    assert all(shares[other] < 0.9 for other in (head, legs, frame, elsewhere))


def test_an_empty_or_negative_region_neither_fails_nor_wins() -> None:
    boxes = np.array([[10, 10, 10, 30], [5, 5, 40, 40], [0, 0, 90, 90]], np.float32)
    found = support(boxes, np.array([0.2, 0.9, -3.0], np.float32), np.full((3, 2), 0.5, np.float32))
    assert np.isfinite(found).all()
    assert not found[2].any()
    assert (found.argmax(axis=0) == 1).all()


@pytest.mark.parametrize("scale", [0.5, 3])
def test_shares_do_not_depend_on_the_frame(scale: float) -> None:
    said = _said()
    resized = ImageRegions(
        "", said.boxes * scale, said.objectness, said.class_logits, said.detection_logits, said.features
    )
    here, there = (region_shares("support", one) for one in (said, resized))
    np.testing.assert_allclose(here, there, rtol=1e-4)


def test_branches_of_refinement_say_it_where_there_are_any() -> None:
    said = _said()
    refined = np.random.default_rng(5).dirichlet(np.ones(3), len(said.boxes)).astype(np.float32)
    found = region_shares("support", replace(said, refined=refined))
    held = support(said.boxes, said.objectness, refined)
    np.testing.assert_allclose(found, refined * np.sqrt(held / held.max(axis=0)), rtol=1e-5)


def test_detections_compare_over_images_by_the_image_score() -> None:
    said = _said()
    scores = region_scores(said.class_logits, said.detection_logits)
    found = detection_scores("support", said)
    np.testing.assert_allclose(found.max(axis=0), scores.sum(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(found.argmax(axis=0), region_shares("support", said).argmax(axis=0))
    np.testing.assert_array_equal(detection_scores("scores", said), scores)
