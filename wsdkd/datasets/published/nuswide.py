"""NUS-WIDE in its official distribution.

``Concepts81.txt`` names the classes; ``ImageList/{Train,Test}Imagelist.txt`` the images, with the
backslashes of the system they come from; ``Groundtruth/TrainTestLabels/Labels_CONCEPT_{Train,Test}.txt``
holds 0 or 1 a line, in the order of the list. There are no boxes. An image's id is its path in the list.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from wsdkd.data.tables import Split
from wsdkd.datasets.params import NusWideDataset
from wsdkd.datasets.reading.names import class_list, class_name
from wsdkd.datasets.reading.paths import normal, read_text
from wsdkd.datasets.reading.record_table import RecordTable
from wsdkd.datasets.reading.records import ImageRecord, Reading
from wsdkd.datasets.reading.rejections import DatasetError, Rejection
from wsdkd.ground.progress import track


def read_nuswide(root: Path, params: NusWideDataset) -> Reading:
    """Read both lists and their labels.

    Raises:
        DatasetError: a file is missing, or a label file has not one line an image.
    """
    where, text = read_text(root, "Concepts81.txt", "ConceptsList/Concepts81.txt")
    concepts = tuple(line.strip() for line in text.splitlines() if line.strip())
    classes = class_list((), [class_name(name) for name in concepts], where)
    images = RecordTable()
    rejected: list[Rejection] = []
    dropped = 0
    splits: tuple[tuple[Split, str], ...] = (("train", "Train"), ("test", "Test"))
    for split, part in splits:
        names = _listed(root, part)
        present, doubtful = _labels(root, part, concepts, len(names))
        for name, row, bad in zip(names, present, doubtful, strict=True):
            path = normal(params.images, name)
            if bad.any():
                place = int(bad.argmax())
                reason = f"its line of Labels_{concepts[place]}_{part}.txt is neither 0 nor 1"
                rejected.append(Rejection("image", name, path, reason))
                continue
            labels = tuple(int(place) for place in np.flatnonzero(row))
            if labels or params.unlabelled == "keep":
                images.append(ImageRecord(name, path, split, labels))
            else:
                dropped += 1
    found = Counter(record.split for record in images)
    note = f"NUS-WIDE: {len(classes)} concepts, {found['train']} images of Train and {found['test']} of Test"
    return Reading(classes, images, tuple(rejected), dropped, (note,))


def _listed(root: Path, part: str) -> list[str]:
    _, text = read_text(root, f"ImageList/{part}Imagelist.txt")
    return [normal(line.strip().replace("\\", "/")) for line in text.splitlines() if line.strip()]


def _labels(root: Path, part: str, classes: tuple[str, ...], count: int) -> tuple[np.ndarray, np.ndarray]:
    # Which classes are present, and whose label is neither 0 nor 1: both bool (count, K).
    present = np.zeros((count, len(classes)), bool)
    doubtful = np.zeros((count, len(classes)), bool)
    for place, name in enumerate(track(classes, f"labels {part}", total=len(classes), unit="class")):
        path, text = read_text(root, f"Groundtruth/TrainTestLabels/Labels_{name}_{part}.txt")
        values = np.array(text.split())
        if len(values) != count:
            raise DatasetError(f"{path}: {len(values)} labels, but {part}Imagelist.txt lists {count} images")
        present[:, place] = values == "1"
        doubtful[:, place] = ~present[:, place] & (values != "0")
    return present, doubtful
