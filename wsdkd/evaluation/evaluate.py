"""The whole evaluation: three networks on the test split, from what was read to what is reported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from wsdkd.average_precision import average_precisions, without_positives
from wsdkd.data.images import decode_prepared
from wsdkd.data.tables import label_counts, targets
from wsdkd.distill.params import DistillFeaturesParams, DistillPredictionsParams
from wsdkd.evaluation.charts import draw_gains
from wsdkd.evaluation.cost import compare_costs
from wsdkd.evaluation.examples import Example, draw_examples
from wsdkd.evaluation.files import DECIMALS, ClassRow, Curves, class_rows
from wsdkd.evaluation.localisation import BestRegions, Localisation, best_training_regions, localisation
from wsdkd.evaluation.operating_point import OperatingPoint, operating_point
from wsdkd.evaluation.page.content import Evidence, Figures, report_content
from wsdkd.evaluation.params import NETWORKS, EvaluationParams
from wsdkd.evaluation.ranking import RECALLS, mean_precision_at_recall
from wsdkd.evaluation.report import at_operating_point, classification, comparison, protocol
from wsdkd.evaluation.scoring import Data, Networks, Processes, Said, check_classes, score
from wsdkd.evaluation.thresholded import precision_and_recall, predicted_above
from wsdkd.evaluation.truth import Truth, gather_objects
from wsdkd.ground.errors import UserError
from wsdkd.networks.precision import settled
from wsdkd.proposals.params import ProposalsParams
from wsdkd.settings.sections import Section
from wsdkd.student.params import BaselineParams
from wsdkd.teacher.detections import Detections
from wsdkd.teacher.run import fused_views

EXAMPLES = 8
"""Test images that are shown: the first there are, not the best."""


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        accuracy: every figure that holds no timing, with the protocol it was measured by.
        cost: of teacher and student, as :func:`wsdkd.evaluation.cost.compare_costs` gives it.
        classes: a row a class, the most frequent in training first.
        precision_recall: ``recall`` and, for each network, the mean precision there; fractions (101,).
        pictures: figures by name.
        page: what the report's page shows.
    """

    accuracy: Mapping[str, Any]
    cost: Mapping[str, Any]
    classes: Sequence[ClassRow]
    precision_recall: Mapping[str, np.ndarray]
    pictures: Mapping[str, Figure]
    page: Mapping[str, Any]


@dataclass(frozen=True)
class Sections:
    """Sections of the parameter file, all of which the page shows.

    Those of the networks and of the cache lie beside the weights and in the cache.

    Attributes:
        evaluation: thresholds and rules.
        baseline: what that learned from.
        proposals: how regions were proposed.
        distill_features: how the student learned first.
        distill_predictions: how it learned then.
    """

    evaluation: EvaluationParams
    baseline: BaselineParams
    proposals: ProposalsParams
    distill_features: DistillFeaturesParams
    distill_predictions: DistillPredictionsParams


def evaluate(
    networks: Networks,
    data: Data,
    cache: BestRegions,
    training: Mapping[str, Curves],
    sections: Sections,
    processes: Processes,
) -> Evaluation | None:
    """Score the networks on the test split, and the teacher's regions where boxes are annotated.

    Args:
        networks: baseline, teacher and student, in evaluation mode.
        data: the test split, and the training split for what is said of it.
        cache: what the teacher says of the training split; it may be the teacher itself.
        training: curves of each network's training, drawn as they are.
        sections: parameters.
        processes: who takes part; each of several scores its share of the test images.

    Returns:
        What was found, in the first process; None in the others, whose work is done then.

    Raises:
        UserError: a network has other classes or scores that are not finite, or no test image has a label.
    """
    params = sections.evaluation
    check_classes(networks, data.classes)
    truth, kept = _truth(data, params)
    # Without boxes to hold them against, only the detections that are shown are needed.
    first = None if data.objects else EXAMPLES
    said = score(networks, data, cache.ranking, params, first, processes)
    if processes.process_index:
        return None
    device = processes.device
    scores = {name: said.scores[name][kept] for name in NETWORKS}
    figures = {name: classification(scores[name], truth, params) for name in NETWORKS}
    points = {
        name: operating_point(student.validation, len(data.classes), params)
        for name, student in networks.students().items()
    }
    logits = {name: said.logits[name][kept] for name in points}
    for name, point in points.items():
        figures[name] |= at_operating_point(logits[name], truth, point)
    located = _locate(data, said.detections, cache, networks.teacher.params.proposals)
    figures["teacher"] |= located.teacher
    accuracy = {
        **comparison(scores, truth),
        **figures,
        "proposals": located.proposals,
        "absent": located.absent,
        "counts": {
            "train_images": len(data.train),
            **({"unlabelled_images": data.unlabelled} if data.unlabelled else {}),
            "test_images": len(truth.labels),
            "test_images_dropped": int((~kept).sum()),
            "classes": len(data.classes),
        },
        "classes_without_positives": [data.classes[k] for k in without_positives(truth.labels, truth.known)],
        "protocol": protocol(
            params,
            settled(params.precision, device),
            fused_views(networks.teacher.params),
            cache.ranking,
            points,
            sections.baseline,
        ),
    }
    classes = _class_rows(data, scores, truth, located.ap50)
    classes = _with_thresholds(classes, data.classes, points["student"], logits["student"], truth)
    curves = {name: mean_precision_at_recall(scores[name], truth.labels, truth.known) for name in NETWORKS}
    pictures = {
        "gain_per_class": draw_gains(
            [row.name for row in classes],
            np.array([np.nan if row.gain is None else row.gain for row in classes]),
            f"Gain of distillation in AP: {accuracy['gain_mAP']:+.1f} mAP",
        ),
        "examples": draw_examples(_examples(data, said, params), data.classes),
    }
    cost = compare_costs(
        networks.teacher, networks.student, params.cost_seconds, device, settled(params.precision, device)
    )
    precision_recall = {"recall": RECALLS, **curves}
    parameters = {
        "proposals": _dumped(sections.proposals),
        "teacher": _dumped(networks.teacher.params),
        "cache": cache.settings["cache"],
        "student": _dumped(networks.student.params),
        "baseline": _dumped(sections.baseline),
        "distill_features": _dumped(sections.distill_features),
        "distill_predictions": _dumped(sections.distill_predictions),
        "evaluation": _dumped(params),
    }
    reported = Figures(
        accuracy,
        cost,
        classes,
        precision_recall,
        training,
        data.audit,
        parameters,
        cache.settings["software"],
    )
    page = report_content(
        reported, _evidence(networks, data, said, truth, kept, points, params.threshold), device
    )
    return Evaluation(accuracy, cost, classes, precision_recall, pictures, page)


def _dumped(section: Section) -> dict[str, Any]:
    return section.model_dump(mode="json")


def _truth(data: Data, params: EvaluationParams) -> tuple[Truth, np.ndarray]:
    """Labels of the test images that count, and which those are: bool (N,)."""
    labels, known = targets(data.test, len(data.classes))
    if not labels.any():
        raise UserError("no image of the split test has a label; there is nothing to evaluate")
    kept = np.array([bool(row.labels) or params.unlabelled == "keep" for row in data.test], dtype=bool)
    return Truth(labels[kept], known[kept]), kept


def _locate(data: Data, detections: Sequence[Detections], cache: BestRegions, best: int) -> Localisation:
    test_ids, train_ids = [row.image_id for row in data.test], [row.image_id for row in data.train]
    return localisation(
        detections,
        (data.proposals.of(image_id, best)[0] for image_id in test_ids),
        gather_objects(data.objects, test_ids),
        best_training_regions(cache, data.train, data.root),
        gather_objects(data.objects, train_ids),
        len(data.classes),
    )


def _class_rows(
    data: Data, scores: Mapping[str, np.ndarray], truth: Truth, ap50: np.ndarray | None
) -> list[ClassRow]:
    precisions = {name: average_precisions(scores[name], truth.labels, truth.known) for name in NETWORKS}
    seen = label_counts(data.train, len(data.classes))
    return class_rows(data.classes, seen, (truth.labels * truth.known).sum(axis=0), precisions, ap50)


def _with_thresholds(
    rows: Sequence[ClassRow],
    names: Sequence[str],
    point: OperatingPoint,
    logits: np.ndarray,
    truth: Truth,
) -> list[ClassRow]:
    """The rows with the student's thresholds, where there are any, and its precision and recall there."""
    if not point.chosen:
        return list(rows)
    precision, recall = precision_and_recall(point.given(logits), truth.labels, truth.known)
    figures = {
        name: [None if np.isnan(value) else round(float(value), DECIMALS) for value in values]
        for name, *values in zip(names, point.thresholds, precision, recall, strict=True)
    }
    return [
        replace(row, threshold_student=threshold, precision_student=precise, recall_student=recalled)
        for row in rows
        for threshold, precise, recalled in [figures[row.name]]
    ]


def _evidence(
    networks: Networks,
    data: Data,
    said: Said,
    truth: Truth,
    kept: np.ndarray,
    points: Mapping[str, OperatingPoint],
    threshold: float,
) -> Evidence:
    places = np.flatnonzero(kept).tolist()
    scores = {"teacher": said.scores["teacher"][kept]}
    given = {"teacher": predicted_above(scores["teacher"], truth.known, threshold)}
    for name, point in points.items():
        # As who uses them sees them: at their thresholds, and with calibrated probabilities.
        scores[name] = point.probabilities(said.logits[name][kept])
        given[name] = point.given(said.logits[name][kept]) & truth.known

    def region(place: int, label: int) -> np.ndarray:
        image = places[place]
        boxes, _ = data.proposals.of(data.test[image].image_id, networks.teacher.params.proposals)
        box: np.ndarray = boxes[said.best[image][label]]
        return box

    return Evidence(
        names=data.classes,
        rows=[data.test[place] for place in places],
        root=data.root,
        truth=truth,
        scores={name: scores[name] for name in NETWORKS},
        given={name: given[name] for name in NETWORKS},
        thresholds=points["student"].thresholds,
        region=region,
        students=networks.students(),
        cells={name: cells[kept] for name, cells in said.cells.items()},
    )


def _examples(data: Data, said: Said, params: EvaluationParams) -> list[Example]:
    shown = data.test[:EXAMPLES]
    labels, known = targets(shown, len(data.classes))
    above = {
        name: predicted_above(said.scores[name][: len(shown)], known, params.threshold) for name in NETWORKS
    }
    return [
        Example(
            picture=np.asarray(decode_prepared(data.root / row.path)),
            present=labels[i] > 0,
            known=known[i],
            detections=said.detections[i],
            detected=above["teacher"][i],
            predicted={name: above[name][i] for name in NETWORKS},
        )
        for i, row in enumerate(shown)
    ]
