"""Open Images: ``*-imagelabels.csv`` with a row an image and class, and the photographs by their ids.

People have verified some classes of each image: confidence 1 means that the class is there, 0 that it is not,
and of classes that are not mentioned nobody knows. What machines have found lies between: it is uncertain.
The files list millions of images, of which most people have some: those that are here are read.
"""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Sequence
from pathlib import Path, PurePosixPath

from wsdkd.data.tables import Split
from wsdkd.datasets.labels.joined import Told, reading_of
from wsdkd.datasets.labels.words import Labels, shown
from wsdkd.datasets.params import OpenImagesDataset
from wsdkd.datasets.reading.names import class_name
from wsdkd.datasets.reading.paths import read_text, require_regular
from wsdkd.datasets.reading.picture_files import files_below, is_picture, stem
from wsdkd.datasets.reading.records import Reading
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.reading.words import split_of
from wsdkd.datasets.tables.label_columns import some
from wsdkd.ground.progress import track

COLUMNS = ("ImageID", "LabelName", "Confidence")


def annotation_files(files: Sequence[str]) -> list[tuple[Split, str]]:
    """The files of image-level labels among ``files``, each with the split in its name."""
    found: list[tuple[Split, str]] = []
    for path in files:
        name = PurePosixPath(path).name.lower()
        if name.endswith(".csv") and "imagelabels" in name.replace("-", "").replace("_", ""):
            split = next(
                (split for word in re.split(r"[-_.]", name) if (split := split_of(word)) is not None), None
            )
            if split is not None:
                found.append((split, path))
    return found


def read_open_images(root: Path, params: OpenImagesDataset) -> Reading:
    """Read the labels of all photographs that are below the root.

    Raises:
        DatasetError: there is no file of labels, one has other columns or a confidence that is none, or no
            photograph of them is here.
    """
    files = sorted(files_below(root, params.links)) if root.is_dir() else []
    annotations = annotation_files(files)
    for _, path in annotations:
        require_regular(root / path)
    if not annotations:
        raise DatasetError(f"{root}: no file such as train-annotations-human-imagelabels.csv in it")
    pictures: dict[str, list[str]] = defaultdict(list)
    for path in filter(is_picture, files):
        pictures[PurePosixPath(stem(path)).name].append(path)
    names = _names(root, files)
    images: list[Told] = []
    elsewhere = 0
    seen: list[_State] = []
    for split, path in annotations:
        told, missing = _told(root / path, pictures)
        elsewhere += len(missing)
        seen += told.values()
        for image, states in told.items():
            picture = _nearest(pictures[image], split)
            images.append(Told(picture, picture, split, _labels(states, names, params)))
    nameless = sorted({label for told in seen for label in told} - {*names}) if names else []
    if not images:
        raise DatasetError(f"{root}: none of the {elsewhere} images of {annotations[0][1]} is here as ID.jpg")
    notes = [
        f"{root}: labels of {', '.join(path for _, path in annotations)}; {len(images)} of their images are "
        f"here, {elsewhere} are not; {f'{len(names)} names of classes' if names else 'no names of classes'}"
        + (f"; without a name: {some(nameless)}" if nameless else "")
    ]
    return reading_of(images, params, source=str(root), notes=notes)


_State = dict[str, set[float]]
"""Confidences by class."""


def _told(path: Path, pictures: Container[str]) -> tuple[dict[str, _State], set[str]]:
    # Of each image that is here what is said of its classes; and the others.
    told: dict[str, _State] = {}
    missing: set[str] = set()
    for image, label, confidence in track(_rows(path), path.name, unit="row"):
        if image in pictures:
            told.setdefault(image, {}).setdefault(label, set()).add(confidence)
        else:
            missing.add(image)
    return told, missing


def _rows(path: Path) -> Iterator[tuple[str, str, float]]:
    count = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            head = [cell.strip() for cell in next(rows, [])]
            if not set(COLUMNS) <= set(head):
                raise DatasetError(f"{path}: columns {shown(head)}, expected {', '.join(COLUMNS)}")
            places = [head.index(name) for name in COLUMNS]
            for row in rows:
                count += 1
                confidence = float(row[places[2]])
                if not 0 <= confidence <= 1:
                    raise ValueError(f"confidence {confidence}")
                yield row[places[0]], row[places[1]], confidence
    except DatasetError:
        raise
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not UTF-8 text: {error.reason} behind row {count}") from None
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, IndexError, csv.Error):
        wanted = f"{', '.join(COLUMNS)} with a confidence from 0 to 1"
        raise DatasetError(f"{path}: row {count} is no {wanted}") from None


def _nearest(paths: Sequence[str], split: Split) -> str:
    # Of two files of one id the one in the split's folder.
    return next((path for path in paths if split in map(split_of, path.split("/"))), paths[0])


def _labels(states: _State, names: dict[str, str], params: OpenImagesDataset) -> Labels | str:
    found: dict[str, list[str]] = {"present": [], "absent": [], "uncertain": []}
    for label, confidences in states.items():
        name = names.get(label, label)
        if {0.0, 1.0} <= confidences and params.contradictions == "reject":
            return f"rows contradict each other: {name!r}"
        only = confidences.pop() if len(confidences) == 1 else 0.5
        found[{1.0: "present", 0.0: "absent"}.get(only, "uncertain")].append(name)
    return Labels(*map(tuple, found.values()))


def _names(root: Path, files: Sequence[str]) -> dict[str, str]:
    # Two classes of one name keep it with their number.
    names: dict[str, str] = {}
    for path in files:
        if "class-descriptions" in PurePosixPath(path).name:
            shown_path, text = read_text(root, path)
            try:
                rows = list(csv.reader(text.splitlines()))
            except csv.Error as error:
                raise DatasetError(f"{shown_path}: not CSV: {error}") from None
            for number, row in enumerate(rows, 1):
                if len(row) > 1 and row[0].startswith("/"):
                    names.setdefault(row[0], class_name(row[1]))
                elif row and number > 1:  # the first one may be a head
                    raise DatasetError(f"{shown_path}: row {number}: {shown(row)} is no class and its name")
    times = Counter(names.values())
    return {label: name if times[name] == 1 else f"{name} ({label})" for label, name in names.items()}
