"""VOC's AP, CorLoc and COCO's AP against brute force, pycocotools and hand-worked cases."""

import io
import tracemalloc
from contextlib import redirect_stdout

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from wsdkd.data.annotations import ObjectRow
from wsdkd.data.boxes import pairwise_iou
from wsdkd.evaluation.detection import coco_average_precision, detection_ap, match, recall_and_precision
from wsdkd.evaluation.localisation import best_regions, correct_localisation
from wsdkd.evaluation.ranking import RECALLS, precision_at_recall
from wsdkd.evaluation.truth import ImageObjects, gather_objects
from wsdkd.teacher.detections import Detections


def objects(*items, optional=()):
    """From (label, box) pairs."""
    boxes = np.array([box for _, box in items], dtype=np.float64).reshape(-1, 4)
    flags = np.isin(np.arange(len(items)), optional)
    return ImageObjects(boxes, np.array([label for label, _ in items], dtype=np.int64), flags)


def detections(*items):
    """From (label, score, box) triples."""
    return Detections(
        np.array([box for *_, box in items], dtype=np.float32).reshape(-1, 4),
        np.array([label for label, *_ in items], dtype=np.int16),
        np.array([score for _, score, _ in items], dtype=np.float32),
    )


def random_case(seed, images=25, classes=3, overlapping=True):
    """Jittered copies of objects, false alarms, and some optional objects."""
    generator = np.random.default_rng(seed)
    found, real = [], []
    for _ in range(images):
        count = int(generator.integers(0, 5))
        corner = generator.uniform(0, 60, (count, 2))
        if not overlapping:  # a grid of places far apart
            corner = np.stack([200.0 * np.arange(count), np.zeros(count)], axis=1)
        boxes = np.concatenate([corner, corner + generator.uniform(15, 50, (count, 2))], axis=1)
        labels = generator.integers(0, classes, count)
        copies = generator.integers(0, 3, count)
        jittered = np.repeat(boxes, copies, axis=0)
        jittered = jittered + generator.normal(0, 4, jittered.shape)
        start = generator.uniform(0, 60, (3, 2))
        alarms = np.concatenate([start, start + 20], axis=1)
        every = np.concatenate([jittered, alarms])
        names = np.concatenate([np.repeat(labels, copies), generator.integers(0, classes, 3)])
        scores = np.round(generator.random(len(every)), 2)
        order = np.argsort(-scores, kind="stable")
        found.append(
            Detections(
                every[order].astype(np.float32),
                names[order].astype(np.int16),
                scores[order].astype(np.float32),
            )
        )
        real.append(ImageObjects(boxes, labels, generator.random(count) < 0.2))
    return found, real


def reference_ap(found, real, label, eleven_points=False):
    """Detection by detection, as VOC's devkit describes it."""
    everything = [
        (score, image, box)
        for image, item in enumerate(found)
        for box, name, score in zip(item.boxes, item.labels, item.scores, strict=True)
        if name == label
    ]
    everything.sort(key=lambda entry: -entry[0])
    positives = sum(int(((item.labels == label) & ~item.optional).sum()) for item in real)
    taken, right, wrong = set(), 0, 0
    points = []
    for _, image, box in everything:
        best, overlap = None, -1.0
        for place, other in enumerate(real[image].boxes):
            if real[image].labels[place] != label:
                continue
            value = pairwise_iou(box[None].astype(np.float64), other[None])[0, 0]
            if value > overlap:
                best, overlap = place, value
        if overlap >= 0.5 and real[image].optional[best]:
            continue
        if overlap >= 0.5 and (image, best) not in taken:
            taken.add((image, best))
            right += 1
        else:
            wrong += 1
        points.append((right / positives, right / (right + wrong)))
    if eleven_points:
        return 100 * sum(max([p for r, p in points if r >= t / 10 - 1e-9], default=0) for t in range(11)) / 11
    area, before = 0.0, 0.0
    for recall in sorted({r for r, _ in points}):
        area += (recall - before) * max(p for r, p in points if r >= recall)
        before = recall
    return 100 * area


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_the_devkits_procedure(seed):
    found, real = random_case(seed)
    matches = match(found, real, num_classes=3)
    for name, eleven in (("all_points", False), ("voc2007", True)):
        expected = [reference_ap(found, real, k, eleven) for k in range(3)]
        np.testing.assert_allclose(detection_ap(matches, name), expected, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_pycocotools_at_half_overlap(seed):
    # Where objects do not overlap each other both choose the same object, and only the reading of
    # the curve differs: pycocotools takes 101 recalls.
    found, real = random_case(seed, overlapping=False)
    real = [ImageObjects(item.boxes, item.labels, np.zeros(len(item.labels), bool)) for item in real]
    matches = match(found, real, num_classes=3)
    curves = [precision_at_recall(*recall_and_precision(matches, k), RECALLS) for k in range(3)]
    expected = coco_average_precision(found, real, 3)["COCO_AP50"]
    assert 100 * np.mean(curves) == pytest.approx(expected, abs=1e-6)


BOX, FAR = (0, 0, 10, 10), (50, 50, 60, 60)


def test_second_detection_of_an_object_is_wrong():
    found = [detections((0, 0.9, BOX), (0, 0.8, BOX), (0, 0.7, FAR))]
    matches = match(found, [objects((0, BOX), (0, FAR))], 1)
    assert matches.correct.tolist() == [True, False, True]
    assert detection_ap(matches)[0] == pytest.approx(100 * (0.5 * 1 + 0.5 * 2 / 3))
    assert detection_ap(matches, "voc2007")[0] == pytest.approx(100 * (6 * 1 + 5 * 2 / 3) / 11)


def test_difficult_objects_are_neither_right_nor_wrong():
    found = [detections((0, 0.9, FAR), (0, 0.8, BOX))]
    matches = match(found, [objects((0, BOX), (0, FAR), optional=[1])], 1)
    assert (matches.correct.tolist(), matches.positives.tolist()) == ([True], [1])


def test_overlap_of_exactly_half_is_enough():
    matches = match([detections((0, 0.9, (0, 0, 10, 5)))], [objects((0, BOX))], 1)
    assert matches.correct.tolist() == [True]


def test_another_class_or_another_image_is_no_hit():
    found = [detections((1, 0.9, BOX)), detections((0, 0.8, BOX))]
    matches = match(found, [objects((0, BOX)), objects()], 2)
    assert matches.correct.tolist() == [False, False]
    precisions = detection_ap(matches)
    assert precisions[0] == 0
    assert np.isnan(precisions[1])


def test_images_must_be_the_same():
    with pytest.raises(ValueError, match="argument 2"):
        match([detections()], [objects(), objects()], 1)


def test_no_detection_at_all():
    assert detection_ap(match([detections()], [objects((0, BOX))], 1)).tolist() == [0.0]
    assert coco_average_precision([detections()], [objects((0, BOX))], 1)["COCO_AP"] == 0


def test_coco_prints_nothing_and_finds_perfection(capsys):
    found, real = [detections((0, 0.9, (0, 0, 40, 40)))], [objects((0, (0, 0, 40, 40)))]
    assert coco_average_precision(found, real, 2) == pytest.approx(
        {"COCO_AP": 100, "COCO_AP50": 100, "COCO_AP75": 100}
    )
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("seed", range(3))
def test_coco_by_classes_is_coco_at_once(seed):
    found, real = random_case(seed)
    images = [
        (i, *row)
        for i, item in enumerate(found)
        for row in zip(item.boxes, item.scores, item.labels, strict=True)
    ]
    with redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": i} for i in range(len(real))],
            "categories": [{"id": k} for k in range(3)],
            "annotations": [
                {
                    "image_id": i,
                    "category_id": int(k),
                    "bbox": [*box[:2], *(box[2:] - box[:2])],
                    "area": np.prod(box[2:] - box[:2]),
                    "iscrowd": int(o),
                }
                for i, item in enumerate(real)
                for box, k, o in zip(item.boxes, item.labels, item.optional, strict=True)
            ],
        }
        for number, note in enumerate(truth.dataset["annotations"], 1):
            note["id"] = number
        truth.createIndex()
        rows = [[i, *box[:2], *(box[2:] - box[:2]), score, label] for i, box, score, label in images]
        evaluation = COCOeval(truth, truth.loadRes(np.array(rows, dtype=np.float64)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert list(coco_average_precision(found, real, 3).values()) == pytest.approx(100 * evaluation.stats[:3])


def test_coco_without_objects_is_refused():
    with pytest.raises(ValueError, match="no image has an annotated object"):
        coco_average_precision([detections()], [objects((0, BOX), optional=[0])], 1)


def test_corloc_by_hand():
    real = [
        objects((0, BOX), (0, FAR), (1, FAR)),
        objects((0, BOX)),
        objects((0, BOX), optional=[0]),  # only a difficult one: the image does not count
        objects(),
    ]
    best = [np.array([FAR, BOX, BOX], np.float32), *[np.array([FAR, BOX, BOX], np.float32)] * 3]
    # Class 0: the second of two objects is hit, then a miss; class 1: a miss; class 2: on no image.
    located = correct_localisation(best, real, 3)
    assert located[:2].tolist() == [50.0, 0.0]
    assert np.isnan(located[2])


def test_best_regions():
    boxes = np.array([BOX, FAR], np.float32)
    assert best_regions(boxes, np.array([[0.1, 0.9], [0.2, 0.3]])).tolist() == [list(FAR), list(BOX)]


def test_objects_are_gathered_in_the_order_of_the_images():
    rows = [
        ObjectRow("b", 1, 1, 2, 3, 4, difficult=True, crowd=False),
        ObjectRow("a", 0, 5, 6, 7, 8, difficult=False, crowd=False),
        ObjectRow("elsewhere", 0, 5, 6, 7, 8, difficult=False, crowd=False),
        ObjectRow("b", 2, 1, 2, 3, 5, difficult=False, crowd=True),
    ]
    empty, second, first = gather_objects(rows, ["empty", "b", "a"])
    assert empty.boxes.shape == (0, 4)
    assert (second.labels.tolist(), second.optional.tolist()) == ([1, 2], [True, True])
    assert (first.boxes.tolist(), first.optional.tolist()) == ([[5, 6, 7, 8]], [False])


def test_no_more_memory_for_more_classes():
    def peak(classes):
        found, real = random_case(0, images=60, classes=1)
        found = [
            Detections(
                np.tile(item.boxes, (classes, 1)),
                np.repeat(np.arange(classes, dtype=np.int16), len(item.boxes)),
                np.tile(item.scores, classes),
            )
            for item in found
        ]
        tracemalloc.start()
        coco_average_precision(found, real, classes)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(12) < 3 * peak(2)  # not six times: curves alone stay of a class
