"""Pascal VOC, from XML or from lists of a class, in the layouts of :mod:`wsdkd.datasets.voc.layouts`.

A class is present in an image where any object of it is annotated. Objects may be difficult: what a class is
whose objects are all difficult, a parameter says.
"""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wsdkd.data.tables import Split
from wsdkd.datasets.params import VocDataset
from wsdkd.datasets.reading.names import class_list, class_name
from wsdkd.datasets.reading.paths import refusal
from wsdkd.datasets.reading.picture_files import PictureFiles
from wsdkd.datasets.reading.record_table import RecordTable
from wsdkd.datasets.reading.records import ImageRecord, ObjectRecord, Reading
from wsdkd.datasets.reading.rejections import Cause, DatasetError, Rejection
from wsdkd.datasets.voc.annotation import AnnotationError, XmlAnnotation, read_annotation
from wsdkd.datasets.voc.layouts import (
    Listed,
    class_files,
    homes_of,
    layout_of,
    listed_in_folders,
    listed_in_sets,
    named_in,
    pictures_of,
    read_class_list,
    sets_of,
)
from wsdkd.ground.progress import track
from wsdkd.ground.reading import NoFileError, NotReadError


def read_voc(root: Path, params: VocDataset) -> Reading:
    """Read all images of a dataset with their annotations.

    Raises:
        DatasetError: an image set is missing, or no class is found in any annotation.
    """
    layout = layout_of(root, params)
    if layout == "class_lists":
        return _read_class_lists(root, params)
    listed, found = (listed_in_sets if layout == "sets" else listed_in_folders)(root, params)
    rejected: list[Rejection] = []
    annotations: list[tuple[Listed, XmlAnnotation]] = []
    for item in track(listed, "annotations", total=len(listed)):
        annotation = _annotation(root, params, item, rejected)
        if annotation is not None:
            annotations.append((item, annotation))
    names = {class_name(thing.name) for _, annotation in annotations for thing in annotation.objects}
    where = root if layout == "folders" else root / (homes_of(root) or [""])[0] / "Annotations"
    if params.classes is None and not names:
        raise DatasetError(f"{where}: no object in the annotations of any image set", rejected)
    classes = class_list(names, params.classes, where)
    places = {name: place for place, name in enumerate(classes)}
    images = RecordTable()
    for item, annotation in annotations:
        record = _record(item, annotation, places, params, rejected)
        if record is not None:
            images.append(record)
    return Reading(classes, images, tuple(rejected), notes=(f"VOC: {found}",))


def _annotation(
    root: Path, params: VocDataset, item: Listed, rejected: list[Rejection]
) -> XmlAnnotation | None:
    # None: it cannot be read, and the image is rejected.
    reason, cause = refusal(root, item.xml, params.links), Cause.OUTSIDE
    if reason is None:
        try:
            return read_annotation(root / item.xml)
        except NoFileError:
            if params.unannotated == "empty":
                return XmlAnnotation()
            hint = "dataset.unannotated: empty takes it as an image of none of the classes"
            reason, cause = f"{item.xml}: no such file; {hint}", Cause.UNANNOTATED
        except (AnnotationError, NotReadError) as error:
            reason, cause = f"{item.xml}: {error}", Cause.ANNOTATION
    path = item.pictures[0] if cause is not Cause.OUTSIDE else ""
    rejected.append(Rejection("image", item.image_id, path, reason, cause))
    return None


def _record(
    item: Listed,
    annotation: XmlAnnotation,
    places: dict[str, int],
    params: VocDataset,
    rejected: list[Rejection],
) -> ImageRecord | None:
    path = _picture(item, annotation, rejected)
    named = [(class_name(thing.name), thing) for thing in annotation.objects]
    unknown = [name for name, _ in named if name not in places]
    if unknown:
        reason = f"label {unknown[0]!r} is not a class"
        rejected.append(Rejection("image", item.image_id, path, reason, Cause.NOT_A_CLASS))
        return None
    for name, thing in named:
        if thing.box is None:
            reason = f"{name}: no bndbox of four numbers"
            rejected.append(Rejection("object", item.image_id, path, reason, Cause.NO_BOX))
        if thing.unread is not None:
            reason = f"{name}: difficult is {thing.unread[:40]!r}, expected 0 or 1"
            rejected.append(Rejection("warning", item.image_id, path, reason, Cause.UNKNOWN_WORD))
    labels = _Labels(
        {places[name] for name, thing in named if not thing.difficult},
        {places[name] for name, thing in named if thing.difficult},
    )
    objects = tuple(
        ObjectRecord(places[name], thing.box, difficult=thing.difficult)
        for name, thing in named
        if thing.box is not None
    )
    return labels.record(item.image_id, path, item.split, params, objects=objects, size=annotation.size)


def _picture(item: Listed, annotation: XmlAnnotation, rejected: list[Rejection]) -> str:
    # Of several files that differ by their suffix the one that the annotation names.
    named = posixpath.basename(annotation.filename.replace("\\", "/"))
    fitting = [path for path in item.pictures if posixpath.basename(path) == named]
    path = (fitting or item.pictures)[0]
    if len(item.pictures) > 1 and not fitting:
        others = ", ".join(other for other in item.pictures if other != path)
        reason = f"there is {others} too, and the annotation names neither"
        rejected.append(Rejection("warning", item.image_id, path, reason, Cause.ELSEWHERE))
    return path


@dataclass(frozen=True)
class _Labels:
    """Classes of an image: with plain objects, with difficult ones, and those that nobody tells of."""

    plain: set[int]
    difficult: set[int]
    unknown: frozenset[int] = frozenset()

    def record(
        self,
        image_id: str,
        path: str,
        split: Split,
        params: VocDataset,
        objects: Sequence[ObjectRecord] = (),
        size: tuple[int, int] | None = None,
    ) -> ImageRecord:
        # A class with one plain object is present whatever the others are.
        doubtful = self.difficult - self.plain
        present = self.plain | (doubtful if params.difficult == "positive" else set())
        ignored = self.unknown | (doubtful if params.difficult == "ignored" else set())
        labels, unknown = tuple(sorted(present)), tuple(sorted(ignored - present))
        return ImageRecord(image_id, path, split, labels, unknown, tuple(objects), size)


def _read_class_lists(root: Path, params: VocDataset) -> Reading:
    homes = homes_of(root) or [""]
    lists = [
        (split, name, home, files)
        for split, name in sets_of(params)
        for home in homes
        if (files := class_files(root, home, name))
    ]
    for _, name in sets_of(params):
        if not any(name == there for _, there, _, _ in lists):
            raise DatasetError(
                f"{root / homes[0] / 'ImageSets' / 'Main'}: no file CLASS_{name}.txt; "
                "dataset.train_set, val_set and test_set name the image sets that are there"
            )
    found = {class_name(name) for _, _, _, files in lists for name in files}
    classes = class_list(found, params.classes, root / homes[0] / "ImageSets" / "Main")
    places = {name: place for place, name in enumerate(classes)}
    pictures = PictureFiles(root, params.links)
    images = RecordTable()
    for split, _, home, files in lists:
        told: dict[str, dict[int, int]] = {}
        for name, path in files.items():
            if class_name(name) in places:
                for image_id, label in read_class_list(root, path).items():
                    told.setdefault(image_id, {})[places[class_name(name)]] = label
        for image_id, by_class in told.items():
            labels = _Labels(
                {place for place, label in by_class.items() if label == 1},
                {place for place, label in by_class.items() if label == 0},
                frozenset(set(range(len(classes))) - set(by_class)),
            )
            picture = pictures_of(pictures, home, image_id)[0]
            images.append(labels.record(named_in(homes, home, image_id), picture, split, params))
    names = ", ".join(f"{name} ({split})" for split, name in sets_of(params))
    note = f"VOC: lists of {len(classes)} classes in ImageSets, sets {names}; no boxes"
    return Reading(classes, images, notes=(note,))
