"""Which annotation files of COCO a folder has, and where their images lie."""

import mmap
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from wsdkd.data.tables import SPLITS, Split
from wsdkd.datasets.params import CocoDataset, ScenesDataset
from wsdkd.datasets.reading.picture_files import files_below
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.reading.words import place_of_folder, split_of

AUTO = "auto"

OFFICIAL = ("2014", "2017", "")
"""Years of ``annotations/instances_trainYEAR.json``, the first that is there."""
EXPORTED = "_annotations.coco.json"
"""As Roboflow names it, in a folder a split."""
IN_FOLDERS = (EXPORTED, "annotations.json", "labels.json", "coco.json")
"""As other tools do so."""
HEAD = 1 << 16
"""Bytes of a file in which one of COCO's keys stands."""
SINGLE = (
    "annotations/instances_default.json",
    "annotations/instances.json",
    "annotations.json",
    "instances.json",
    "result.json",
    "result_coco.json",
    "labels.json",
    EXPORTED,
    "annotations/annotations.json",
)
"""Of tools that write one file: CVAT, Label Studio, FiftyOne and others."""
OF_OTHERS = ("labels.json",)
"""Names that files have, too, which are none of COCO."""


@dataclass(frozen=True)
class Part:
    """One annotation file and the folder of its images, both relative to the root."""

    split: Split
    annotations: str
    images: str


def parts_of(root: Path, params: CocoDataset | ScenesDataset) -> list[Part]:
    """The annotation files that the parameters name, or those that are found.

    Raises:
        DatasetError: none is found where they are looked for; names the JSON files that there are.
    """
    if isinstance(params, ScenesDataset):
        return [Part(split, f"annotations/instances_{split}.json", f"images/{split}") for split in SPLITS]
    if params.train_annotations == AUTO:
        return _found(root)
    named: Sequence[tuple[Split, str | None, str | None]] = (
        ("train", params.train_annotations, params.train_images),
        ("val", params.val_annotations, params.val_images),
        ("test", params.test_annotations, params.test_images),
    )
    parts = []
    for split, annotations, images in named:
        if annotations is not None:
            if not (root / annotations).is_file():
                raise DatasetError(f"{root / annotations}: no such file{_json_files(root)}")
            parts.append(
                Part(split, annotations, _images_of(root, annotations) if images is None else images)
            )
    return parts


def _found(root: Path) -> list[Part]:
    for year in OFFICIAL:
        train, val, test = (f"annotations/instances_{split}{year}.json" for split in SPLITS)
        if (root / train).is_file():
            parts = [Part("train", train, _images_of(root, train))]
            if (root / test).is_file() and (root / val).is_file():
                parts.append(Part("val", val, _images_of(root, val)))
            # Of COCO itself the test labels are secret, so that the field tests on val.
            last = test if (root / test).is_file() else val
            return [*parts, Part("test", last, _images_of(root, last))] if (root / last).is_file() else parts
    exported = _exported(root)
    if any(part.split == "train" for part in exported):
        return exported
    by_name = _named_after_splits(root)
    if any(part.split == "train" for part in by_name):
        return by_name
    for name in SINGLE:
        if (root / name).is_file() and (name not in OF_OTHERS or _holds_categories(root / name)):
            return [Part("train", name, _images_of(root, name))]
    raise DatasetError(
        f"{root}: no annotation file of COCO where they are looked for{_json_files(root)}; name them: "
        "dataset.train_annotations, train_images and so on"
    )


def _named_after_splits(root: Path) -> list[Part]:
    """``train2018.json``, ``annotations/val.json``: of each split one, where they hold what COCO's do."""
    parts: dict[Split, Part] = {}
    for folder in ("annotations", "."):
        for path in sorted((root / folder).glob("*.json")):
            split = place_of_folder(path.stem.removeprefix("instances_"), {})
            name = path.relative_to(root).as_posix()
            if split in SPLITS and path.is_file() and split not in parts and _holds_images(path):
                parts[split] = Part(split, name, _images_of(root, name))
    return sorted(parts.values(), key=lambda part: SPLITS.index(part.split))


def _holds_images(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(HEAD).lstrip()
    return head.startswith(b"{") and any(key in head for key in (b'"images"', b'"annotations"'))


def _holds_categories(path: Path) -> bool:
    # Others call a file labels.json, too, with images in it.
    if not _holds_images(path):
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b'"categories"') >= 0


def _exported(root: Path) -> list[Part]:
    parts = []
    for folder in sorted(path.name for path in root.glob("*") if path.is_dir()):
        split = split_of(folder)
        paths = (root / folder / name for name in IN_FOLDERS)
        found = next(
            (
                path.name
                for path in paths
                if path.is_file() and (path.name == EXPORTED or _holds_categories(path))
            ),
            None,
        )
        if split is not None and found is not None:
            images = (f"{folder}/{name}" for name in ("images", "data") if (root / folder / name).is_dir())
            parts.append(Part(split, f"{folder}/{found}", next(images, folder)))
    return sorted(parts, key=lambda part: SPLITS.index(part.split))


def _images_of(root: Path, annotations: str) -> str:
    """The folder of a file's images: of its name (``instances_NAME.json``), or one of the usual ones."""
    folder, file = posixpath.split(annotations)
    name = posixpath.splitext(file)[0].removeprefix("instances_")
    above = posixpath.dirname(folder)
    names = (name, f"images/{name}", "images", "Images", "data", "JPEGImages")
    choices = [posixpath.join(above, each) for each in names] if folder else []
    choices += [posixpath.join(folder, each) for each in names[:4]]
    return next((choice for choice in choices if (root / choice).is_dir()), folder)


def _json_files(root: Path) -> str:
    if not root.is_dir():
        return f"; dataset.root: {root} is not a folder"
    found = list(islice((path for path in files_below(root, "inside") if path.endswith(".json")), 6))
    return f"; JSON files that are there: {', '.join(found)}" if found else "; there is no JSON file"
