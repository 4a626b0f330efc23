"""Which operating point labels other images best: run in the folder of a finished project.

    python -m benchmarks.operating_points

For baseline and student: figures on the test split at 0.5, and at thresholds and calibrations chosen on the
validation split with several priors. How the prior was chosen stands beside them: by cross-fitting on
validation images alone, all of them and a few. The ceiling of all is what thresholds that the test
split itself chooses would give.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from wsdkd import project
from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import Split, read_classes, read_images, targets
from wsdkd.evaluation.calibration import calibration_error, negative_log_likelihood
from wsdkd.evaluation.operating_point import operating_point
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.evaluation.thresholded import precision_recall_f1
from wsdkd.student.network import LoadedStudent, load_student
from wsdkd.student.run import student_outputs
from wsdkd.student.validation import count_labels

ONE = 1e6
"""A prior beside which no class counts: all classes have one threshold."""
PRIORS = (0.0, 5.0, 10.0, 20.0, 40.0, 80.0, ONE)
REPEATS, FOLDS, FEW = 10, 5, 60


class Labels(NamedTuple):
    """Logits and truth of some images; (N, K) each."""

    logits: np.ndarray
    labels: np.ndarray
    known: np.ndarray

    def at(self, places: np.ndarray) -> "Labels":
        """Those of some of the images."""
        return Labels(*(each[places] for each in self))


def main() -> None:
    """Print a table in Markdown for each network."""
    for folder in (project.BASELINE, project.STUDENT):
        loaded = load_student(folder)
        val, test = said(loaded, "val"), said(loaded, "test")
        print(f"\n{folder}, {len(val.labels)} validation and {len(test.labels)} test images")
        print(f"at 0.5 on test: {text(values(test, *applied(test, test, None)))}")
        for thresholds, prior in (("one threshold", ONE), ("a threshold a class", 0.0)):
            ceiling = values(test, *applied(test, test, {"prior": prior}))
            print(f"{thresholds}, chosen on test itself: {text(ceiling)}")
        print(f"| calibration | prior | cross-fitted, all | cross-fitted, {FEW} images | test |")
        print("|---|---|---|---|---|")
        for calibration in ("temperature", "isotonic"):
            for prior in PRIORS:
                params = {"calibration": calibration, "prior": prior}
                row = [crossed(val, len(val.labels), params), crossed(val, FEW, params)]
                row.append(text(values(test, *applied(val, test, params))))
                print(f"| {calibration} | {prior:g} | {' | '.join(row)} |")


def said(loaded: LoadedStudent, split: Split) -> Labels:
    """What a student says of a split."""
    rows = read_images(project.IMAGES, split, num_classes=len(read_classes(project.CLASSES)))
    outputs = student_outputs(
        loaded,
        rows,
        photographs_folder(project.IMAGES),
        batch_size=32,
        device=torch.device("cpu"),
        description=split,
    )
    return Labels(outputs.logits, *targets(rows, len(loaded.classes)))


def applied(
    fitted: Labels, scored: Labels, operating: Mapping[str, object] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Labels given and calibrated logits, (N, K)."""
    params = EvaluationParams.model_validate({"operating_point": operating})
    point = operating_point(count_labels(*fitted), fitted.labels.shape[1], params)
    return point.given(scored.logits), point.calibration.logits(scored.logits)


def crossed(val: Labels, images: int, operating: Mapping[str, object]) -> str:
    """Each fold at the operating point that the other folds choose, of random images, several times over."""
    rows = []
    for places in drawn(len(val.labels), images):
        some = val.at(places)
        given, calibrated = np.zeros(some.labels.shape, bool), np.zeros(some.labels.shape)
        fold = np.arange(images) % FOLDS
        for number in range(FOLDS):
            here = fold == number
            given[here], calibrated[here] = applied(some.at(~here), some.at(here), operating)
        rows.append(values(some, given, calibrated))
    return text(np.mean(rows, axis=0).tolist())


def drawn(images: int, count: int) -> Iterator[np.ndarray]:
    """Places of ``count`` random images, as often as is repeated."""
    generator = np.random.default_rng(0)
    for _ in range(REPEATS):
        yield generator.permutation(images)[:count]


def values(truth: Labels, given: np.ndarray, logits: np.ndarray) -> list[float]:
    """CF1, OF1, NLL, ECE."""
    f1 = precision_recall_f1(given, truth.labels, truth.known)
    return [
        f1["CF1"],
        f1["OF1"],
        negative_log_likelihood(logits, truth.labels, truth.known),
        calibration_error(logits, truth.labels, truth.known),
    ]


def text(found: Sequence[float]) -> str:
    """CF1, OF1, NLL and ECE in words."""
    return "CF1 {:.1f}, OF1 {:.1f}, NLL {:.2f}, ECE {:.1f}".format(*found)


if __name__ == "__main__":
    main()
