"""The layouts of Pascal VOC that people have: which images there are, in which split, with which XML.

- ``sets``: ``ImageSets/Main/SET.txt`` lists ids, with ``Annotations/ID.xml`` and ``JPEGImages/ID.*``; at the
  root or in folders below it, as ``VOCdevkit/VOC2007`` and ``VOCdevkit/VOC2012``.
- ``class_lists``: ``ImageSets/Main/CLASS_SET.txt`` lists ids with 1, -1 or 0, in place of XML.
- ``folders``: XML anywhere, beside the pictures perhaps; a folder train, valid or test above it is the split.
"""

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wsdkd.data.tables import Split
from wsdkd.datasets.params import VocDataset
from wsdkd.datasets.reading.paths import lies_below, normal, read_text
from wsdkd.datasets.reading.picture_files import PictureFiles, files_below, is_picture, stem
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.reading.words import split_of

Layout = Literal["sets", "class_lists", "folders"]

SETS = ("ImageSets/Main", "ImageSets")
ANNOTATIONS = "Annotations"
PICTURES = ("JPEGImages", "images", "Images")

WITH_LABEL = re.compile(r"^(.*\S)\s+(-1|\+?1|0)$")


@dataclass(frozen=True)
class Listed:
    """An image of the dataset.

    Attributes:
        image_id: unique in the dataset.
        split: train where nothing tells.
        xml: of its annotation, below the root; it may not exist.
        pictures: files it may be, below the root, the likeliest first; at least one, which may not exist.
    """

    image_id: str
    split: Split
    xml: str
    pictures: tuple[str, ...]


def homes_of(root: Path) -> list[str]:
    """Folders with image sets of their own: the root, ``""``, or some below it, as ``VOCdevkit/VOC2007``."""
    if any((root / folder).is_dir() for folder in SETS):
        return [""]
    sets = (found for depth in ("*", "*/*") for found in root.glob(f"{depth}/{SETS[1]}"))
    return sorted(found.parent.relative_to(root).as_posix() for found in sets if found.is_dir())


def layout_of(root: Path, params: VocDataset) -> Layout:
    """The layout of a folder: as the parameters say, or as it looks."""
    if params.layout != "auto":
        return params.layout
    homes = homes_of(root)
    if not homes:
        return "folders"
    annotated = any((root / home / ANNOTATIONS).is_dir() for home in homes)
    if not annotated and any(class_files(root, home, params.train_set) for home in homes):
        return "class_lists"
    return "sets"


def sets_of(params: VocDataset) -> list[tuple[Split, str]]:
    """The image sets that the parameters name."""
    named: list[tuple[Split, str | None]] = [
        ("train", params.train_set),
        ("val", params.val_set),
        ("test", params.test_set),
    ]
    return [(split, name) for split, name in named if name is not None]


def listed_in_sets(root: Path, params: VocDataset) -> tuple[list[Listed], str]:
    """The images of the sets that the parameters name, and what was found, in words.

    Raises:
        DatasetError: no folder has one of the sets; names those that there are.
    """
    files = PictureFiles(root, params.links)
    homes = homes_of(root) or [""]
    listed: list[Listed] = []
    for split, name in sets_of(params):
        for home, image_ids in _ids(root, homes, name, params):
            for image_id in image_ids:
                xml = normal(normal(home, ANNOTATIONS), f"{image_id}.xml")
                pictures = pictures_of(files, home, image_id)
                listed.append(Listed(named_in(homes, home, image_id), split, xml, pictures))
    names = ", ".join(f"{name} ({split})" for split, name in sets_of(params))
    where = "" if homes == [""] else f" of {' and '.join(homes)}"
    return listed, f"image sets {names}{where}, with XML in {ANNOTATIONS}"


def named_in(homes: Sequence[str], home: str, image_id: str) -> str:
    """The id of an image among those of all ``homes``, which may use one for another picture."""
    return image_id if len(homes) == 1 else f"{home}/{image_id}"


def pictures_of(files: PictureFiles, home: str, image_id: str) -> tuple[str, ...]:
    """The files that an image of an image set may be."""
    for folder in PICTURES:
        found = files.named(f"{normal(home, folder)}/{image_id}")
        if found:
            return tuple(found)
    return (normal(normal(home, PICTURES[0]), f"{image_id}.jpg"),)


def _ids(root: Path, homes: Sequence[str], name: str, params: VocDataset) -> list[tuple[str, list[str]]]:
    # Of each home that has the set its images.
    found = []
    for home in homes:
        paths = (normal(home, f"{folder}/{name}.txt") for folder in SETS)
        path = next((path for path in paths if (root / path).is_file()), None)
        if path is not None:
            found.append((home, _listed_ids(root, path)))
    if not found:
        texts = (file for home in homes for folder in SETS for file in (root / home / folder).glob("*.txt"))
        few = ", ".join(sorted({file.stem for file in texts})[:10]) or "none"
        hint = "; dataset.test_set: null sets dataset.test_fraction aside" if name == params.test_set else ""
        raise DatasetError(
            f"{root / homes[0] / SETS[0] / name}.txt: no such file; image sets that are there: {few}{hint}"
        )
    return found


def _listed_ids(root: Path, path: str) -> list[str]:
    _, text = read_text(root, path)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    matches = [WITH_LABEL.match(line) for line in lines]
    if lines and all(matches):
        lines = [match[1] for match in matches if match]
    return [stem(line) for line in lines]


def class_files(root: Path, home: str, set_name: str) -> dict[str, str]:
    """Files of class lists of an image set, below the root, by class."""
    found: dict[str, str] = {}
    for folder in SETS:
        for file in sorted((root / home / folder).glob(f"*_{set_name}.txt")):
            path = normal(home, f"{folder}/{file.name}")
            found.setdefault(file.name.removesuffix(f"_{set_name}.txt"), path)
    return found


def read_class_list(root: Path, path: str) -> dict[str, int]:
    """The label of each image: 1 present, -1 absent, 0 present in difficult objects alone.

    Raises:
        DatasetError: a line is none of an id and a label.
    """
    shown, text = read_text(root, path)
    labels: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = WITH_LABEL.match(line.strip())
        if match is None:
            raise DatasetError(f"{shown}: line {number} is {line[:80]!r}, expected an id and 1, -1 or 0")
        labels[stem(match[1])] = int(match[2])
    return labels


def listed_in_folders(root: Path, params: VocDataset) -> tuple[list[Listed], str]:
    """All images of the folders that have annotated ones, and what was found, in words.

    Raises:
        DatasetError: there is no XML below the root.
    """
    pictures: dict[str, list[str]] = defaultdict(list)
    xmls: list[str] = []
    for path in files_below(root, params.links):
        if path.lower().endswith(".xml"):
            xmls.append(path)
        elif is_picture(path):
            pictures[posixpath.basename(stem(path))].append(path)
    if not xmls:
        raise DatasetError(
            f"{root}: no ImageSets folder and no XML file in it; the layouts of VOC that are read stand in "
            "docs/datasets.md"
        )
    listed = [_of_xml(xml, pictures) for xml in xmls]
    annotated = {path for item in listed for path in item.pictures}
    folders = {posixpath.dirname(path) for path in annotated}
    without = sorted(
        path
        for paths in pictures.values()
        for path in paths
        if path not in annotated
        and posixpath.dirname(path) in folders
        and not lies_below(path, params.unlabelled_images)
    )
    listed += [Listed(stem(path), _split(path), f"{stem(path)}.xml", (path,)) for path in without]
    count = Counter(item.split for item in listed)
    splits = ", ".join(f"{count[split]} {split}" for split in ("train", "val", "test") if count[split])
    return listed, f"{len(xmls)} XML files in folders without ImageSets ({splits})"


def _of_xml(xml: str, pictures: dict[str, list[str]]) -> Listed:
    # Of the pictures of its name the one nearest to it.
    named = pictures.get(posixpath.basename(xml)[: -len(".xml")], [])
    nearest = max((_shared(xml, path) for path in named), default=0)
    found = tuple(path for path in named if _shared(xml, path) == nearest)
    if not found:
        found = (f"{xml[: -len('.xml')]}.jpg",)
    return Listed(stem(found[0]), _split(found[0]), xml, found)


def _shared(one: str, other: str) -> int:
    # How many folders two paths share, from the root; one in the same folder shares most.
    first, second = posixpath.dirname(one), posixpath.dirname(other)
    if first == second:
        return 1_000_000
    return sum(1 for _ in _same(first.split("/"), second.split("/")))


def _same(first: Sequence[str], second: Sequence[str]) -> Iterator[str]:
    for one, other in zip(first, second, strict=False):
        if one != other:
            return
        yield one


def _split(path: str) -> Split:
    words = posixpath.dirname(path).split("/")
    return next((split for split in map(split_of, words) if split is not None), "train")
