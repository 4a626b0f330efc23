"""XML from strangers: parsed without entities or external files, up to a size.

Pascal VOC layout: ``Annotations/ID.xml``, ``ImageSets/Main/SET.txt``, ``JPEGImages/ID.jpg``.

VOC counts pixels from 1 and a box includes its last ones: ``xmin`` 1 and ``xmax`` 10 cover the first
ten columns, whose edges are 0 and 10. So x1 = xmin - 1 and x2 = xmax, and likewise for y.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from wsdkd.data.tables import Split
from wsdkd.datasets.params import VocDataset
from wsdkd.datasets.paths import Links, normal, read_text, refusal
from wsdkd.datasets.records import DatasetError, ImageRecord, ObjectRecord, Reading, Rejection
from wsdkd.ground.progress import track

MAX_BYTES = 4 * 1024 * 1024  # a VOC annotation has a few kilobytes


class XmlError(ValueError):
    """A file is not XML that we read; the message says why, without the path."""


def parse_xml(path: Path) -> Element:
    """Parse a small XML file.

    A document type is refused, and with it every entity but the five of XML itself, so that no
    file can expand into gigabytes or name another file.

    Raises:
        XmlError: missing, larger than ``MAX_BYTES``, with a document type, or not well-formed.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise XmlError(f"cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise XmlError(f"more than {MAX_BYTES} bytes")
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise XmlError(f"not well-formed XML: {error}") from None
    return builder.close()


def _refuse_doctype(*_: object) -> None:
    raise XmlError("it has a document type (DOCTYPE), which is not read")


Difficult = Literal["positive", "negative", "ignored"]

SUFFIXES = (".jpg", ".jpeg", ".JPG", ".JPEG", ".png", ".PNG")


class _UnusableError(ValueError):
    """An annotation file does not tell what is in its image; the message says why."""


@dataclass(frozen=True)
class _Object:
    name: str
    box: tuple[float, float, float, float] | None
    difficult: bool


@dataclass(frozen=True)
class _Annotation:
    image_id: str
    split: Split
    size: tuple[int, int] | None
    objects: tuple[_Object, ...]


def read_voc(root: Path, params: VocDataset) -> Reading:
    """Read the image sets that the parameters name, and the annotation of every image in them.

    Raises:
        DatasetError: an image set is missing, or no class is found in any annotation.
    """
    annotations, rejected = _annotations(root, params)
    found = sorted({item.name for annotation in annotations for item in annotation.objects})
    classes = tuple(found) if params.classes is None else params.classes
    if not classes:
        raise DatasetError(f"{root / 'Annotations'}: no object in the annotations of any image set")
    places = {name: place for place, name in enumerate(classes)}
    images: list[ImageRecord] = []
    for annotation in annotations:
        path = _image_path(root, annotation.image_id)
        unknown = [item.name for item in annotation.objects if item.name not in places]
        if unknown:
            reason = f"label {unknown[0]!r} is not a class"
            rejected.append(Rejection("image", annotation.image_id, path, reason))
            continue
        rejected += [
            Rejection("object", annotation.image_id, path, f"{item.name}: no bndbox of four numbers")
            for item in annotation.objects
            if item.box is None
        ]
        labels, ignored = _labels(annotation.objects, places, params.difficult)
        objects = tuple(
            ObjectRecord(places[item.name], item.box, difficult=item.difficult)
            for item in annotation.objects
            if item.box is not None
        )
        images.append(
            ImageRecord(
                annotation.image_id, path, annotation.split, labels, ignored, objects, annotation.size
            )
        )
    return Reading(classes, tuple(images), tuple(rejected))


def _annotations(root: Path, params: VocDataset) -> tuple[list[_Annotation], list[Rejection]]:
    sets: list[tuple[Split, str | None]] = [
        ("train", params.train_set),
        ("val", params.val_set),
        ("test", params.test_set),
    ]
    listed = [
        (split, image_id) for split, name in sets if name is not None for image_id in _listed(root, name)
    ]
    annotations: list[_Annotation] = []
    rejected: list[Rejection] = []
    for split, image_id in track(listed, "annotations", total=len(listed)):
        try:
            annotations.append(_annotation(root, params.links, split, image_id))
        except _UnusableError as error:
            rejected.append(Rejection("image", image_id, "", str(error)))
    return annotations, rejected


def _listed(root: Path, name: str) -> list[str]:
    _, text = read_text(root, normal("ImageSets", "Main", f"{name}.txt"))
    return [line.strip() for line in text.splitlines() if line.strip()]


def _annotation(root: Path, links: Links, split: Split, image_id: str) -> _Annotation:
    path = normal("Annotations", f"{image_id}.xml")
    reason = refusal(root, path, links)
    if reason is not None:
        raise _UnusableError(reason)
    try:
        top = parse_xml(root / path)
    except XmlError as error:
        raise _UnusableError(f"{path}: {error}") from None
    if top.tag != "annotation":
        raise _UnusableError(f"{path}: its element is <{top.tag}>, expected <annotation>")
    # Only objects of the image itself: VOC puts parts of a person, with names, inside of an object.
    objects = tuple(_object(path, element) for element in top.findall("object"))
    return _Annotation(image_id, split, _size(top), objects)


def _object(path: str, element: Element) -> _Object:
    name = (element.findtext("name") or "").strip()
    if not name:
        raise _UnusableError(f"{path}: an object without a name")
    difficult = (element.findtext("difficult") or "0").strip()
    if difficult not in ("0", "1"):
        raise _UnusableError(f"{path}: {name}: difficult is {difficult!r}, expected 0 or 1")
    try:
        xmin, ymin, xmax, ymax = (
            float(element.findtext(f"bndbox/{side}") or "") for side in ("xmin", "ymin", "xmax", "ymax")
        )
    except ValueError:
        return _Object(name, None, difficult == "1")
    return _Object(name, (xmin - 1, ymin - 1, xmax, ymax), difficult == "1")


def _size(top: Element) -> tuple[int, int] | None:
    # Some tools leave the size out, or write zeros.
    try:
        width, height = (float(top.findtext(f"size/{side}") or "") for side in ("width", "height"))
    except ValueError:
        return None
    whole = all(math.isfinite(side) and side > 0 for side in (width, height))
    return (int(width), int(height)) if whole else None


def _labels(
    objects: Sequence[_Object], places: dict[str, int], difficult: Difficult
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    # Present and ignored classes. A class with one plain object is present whatever the others are.
    plain = {places[item.name] for item in objects if not item.difficult}
    doubtful = {places[item.name] for item in objects} - plain
    if difficult == "positive":
        plain |= doubtful
    return tuple(sorted(plain)), tuple(sorted(doubtful)) if difficult == "ignored" else ()


def _image_path(root: Path, image_id: str) -> str:
    paths = [normal("JPEGImages", f"{image_id}{suffix}") for suffix in SUFFIXES]
    return next((path for path in paths if (root / path).is_file()), paths[0])
