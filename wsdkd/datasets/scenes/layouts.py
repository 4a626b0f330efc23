"""The drawn scenes written again in the layouts of VOC, NUS-WIDE and a plain table.

So the same pictures and labels can be sent through every reader. The image files are linked, or
copied where the file system cannot link.
"""

import csv
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from wsdkd.data.tables import SPLITS, Split


@dataclass(frozen=True)
class AnnotatedScene:
    """One scene as its COCO file tells it.

    Attributes:
        picture: the JPEG file.
        split: train, val or test.
        size: (width, height) in pixels.
        objects: class name and box (x1, y1, x2, y2), edges in pixels.
    """

    picture: Path
    split: Split
    size: tuple[int, int]
    objects: tuple[tuple[str, tuple[float, float, float, float]], ...]

    @property
    def names(self) -> set[str]:
        """The classes present."""
        return {name for name, _ in self.objects}


def read_scenes(folder: Path) -> tuple[list[str], list[AnnotatedScene]]:
    """The classes, and the scenes of all splits, of a folder that ``write_scenes`` wrote."""
    classes: list[str] = []
    scenes: list[AnnotatedScene] = []
    for split in SPLITS:
        content = json.loads((folder / "annotations" / f"instances_{split}.json").read_text(encoding="utf-8"))
        names = {category["id"]: category["name"] for category in content["categories"]}
        classes = list(names.values())
        objects: dict[int, list[tuple[str, tuple[float, float, float, float]]]] = {}
        for note in content["annotations"]:
            x, y, width, height = note["bbox"]
            item = (names[note["category_id"]], (x, y, x + width, y + height))
            objects.setdefault(note["image_id"], []).append(item)
        for entry in content["images"]:
            picture = folder / "images" / split / entry["file_name"]
            size = (entry["width"], entry["height"])
            scenes.append(AnnotatedScene(picture, split, size, tuple(objects.get(entry["id"], ()))))
    return classes, scenes


def write_voc(scenes_folder: Path, folder: Path) -> None:
    """Write VOC layout: image sets train, val and test, and an XML file a scene.

    VOC counts pixels from 1 and includes the last ones, so xmin = x1 + 1 and xmax = x2: the inverse
    of :mod:`wsdkd.datasets.voc.read`.
    """
    _, scenes = read_scenes(scenes_folder)
    for name in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (folder / name).mkdir(parents=True)
    for scene in scenes:
        _link(scene.picture, folder / "JPEGImages" / scene.picture.name)
        ElementTree(_voc_annotation(scene)).write(folder / "Annotations" / f"{scene.picture.stem}.xml")
    for split, part in _by_split(scenes):
        _write_lines(folder / "ImageSets" / "Main" / f"{split}.txt", [scene.picture.stem for scene in part])


def write_voc_folders(scenes_folder: Path, folder: Path) -> None:
    """Write VOC as export tools do: a folder a split, an XML file beside each picture, no image sets."""
    _, scenes = read_scenes(scenes_folder)
    for scene in scenes:
        beside = folder / {"train": "train", "val": "valid", "test": "test"}[scene.split]
        _link(scene.picture, beside / scene.picture.name)
        ElementTree(_voc_annotation(scene)).write(beside / f"{scene.picture.stem}.xml")


def write_voc_class_lists(scenes_folder: Path, folder: Path) -> None:
    """Write VOC's lists of a class, 1 or -1 an image, in place of XML."""
    classes, scenes = read_scenes(scenes_folder)
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    for scene in scenes:
        _link(scene.picture, folder / "JPEGImages" / scene.picture.name)
    for split, part in _by_split(scenes):
        for name in classes:
            lines = [f"{scene.picture.stem} {1 if name in scene.names else -1:2d}" for scene in part]
            _write_lines(folder / "ImageSets" / "Main" / f"{name}_{split}.txt", lines)


def write_nuswide(scenes_folder: Path, folder: Path) -> None:
    """Write NUS-WIDE's distribution: as it names no split val, those scenes stand in Train.

    The scenes lie in one folder a split, named in the lists with a backslash.
    """
    classes, scenes = read_scenes(scenes_folder)
    for name in ("Flickr", "ImageList", "Groundtruth/TrainTestLabels"):
        (folder / name).mkdir(parents=True)
    _write_lines(folder / "Concepts81.txt", classes)
    for scene in scenes:
        _link(scene.picture, folder / "Flickr" / scene.split / scene.picture.name)
    for part, splits in (("Train", ("train", "val")), ("Test", ("test",))):
        listed = [scene for scene in scenes if scene.split in splits]
        lines = [f"{scene.split}\\{scene.picture.name}" for scene in listed]
        _write_lines(folder / "ImageList" / f"{part}Imagelist.txt", lines)
        for name in classes:
            labels = [str(int(name in scene.names)) for scene in listed]
            _write_lines(folder / "Groundtruth" / "TrainTestLabels" / f"Labels_{name}_{part}.txt", labels)


def write_table(scenes_folder: Path, folder: Path) -> None:
    """Write ``labels.csv`` with columns path, labels and split, and the images beside it."""
    _, scenes = read_scenes(scenes_folder)
    folder.mkdir(parents=True)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "labels", "split"))
        for scene in scenes:
            path = f"images/{scene.split}/{scene.picture.name}"
            _link(scene.picture, folder / path)
            writer.writerow((path, ";".join(sorted(scene.names)), scene.split))


def _voc_annotation(scene: AnnotatedScene) -> Element:
    top = Element("annotation")
    SubElement(top, "filename").text = scene.picture.name
    size = SubElement(top, "size")
    for side, pixels in zip(("width", "height", "depth"), (*scene.size, 3), strict=True):
        SubElement(size, side).text = str(pixels)
    for name, (x1, y1, x2, y2) in scene.objects:
        item = SubElement(top, "object")
        SubElement(item, "name").text = name
        SubElement(item, "difficult").text = "0"
        box = SubElement(item, "bndbox")
        for side, edge in zip(("xmin", "ymin", "xmax", "ymax"), (x1 + 1, y1 + 1, x2, y2), strict=True):
            SubElement(box, side).text = f"{edge:.12g}"
    indent(top)
    return top


def _by_split(scenes: Sequence[AnnotatedScene]) -> Iterator[tuple[Split, list[AnnotatedScene]]]:
    for split in SPLITS:
        yield split, [scene for scene in scenes if scene.split == split]


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
