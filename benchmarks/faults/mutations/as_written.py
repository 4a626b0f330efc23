"""Datasets read by plain libraries, in a few lines a form: which labels stand in the files.

A changed letter in a table of labels makes another table, which nobody can tell from the one that was meant.
What the program makes of it has to be what stands there: these readings say so. They know nothing of odd
spellings, and are asked only where the program accepted a file and listed nothing.
"""

import csv
import io
import json
import tarfile
import xml.etree.ElementTree as ElementTree
from ast import literal_eval
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

Found = dict[str, tuple[str, ...]]
"""Names of the classes in each picture, by its path, sorted."""


def coco(root: Path) -> Found:
    """``instances_*.json``, with a folder of the split's name."""
    found: Found = {}
    for split in ("train", "val"):
        content = json.loads((root / "annotations" / f"instances_{split}.json").read_text(encoding="utf-8"))
        names = {category["id"]: category["name"] for category in content["categories"]}
        for image in content["images"]:
            labels = {
                names[each["category_id"]]
                for each in content["annotations"]
                if each["image_id"] == image["id"]
            }
            found[f"{split}/{image['file_name']}"] = tuple(sorted(labels))
    return found


def voc_sets(root: Path) -> Found:
    """Image sets, and XML in a folder of its own."""
    pictures = {path.stem: path for path in sorted((root / "JPEGImages").iterdir(), reverse=True)}
    found = {}
    for name in ("trainval", "test"):
        for stem in (root / "ImageSets/Main" / f"{name}.txt").read_text(encoding="utf-8").split():
            found[f"JPEGImages/{pictures[stem].name}"] = _names(root / "Annotations" / f"{stem}.xml")
    return found


def voc_folders(root: Path) -> Found:
    """XML beside pictures."""
    return {
        picture.relative_to(root).as_posix(): _names(picture.with_suffix(".xml"))
        for picture in root.rglob("*")
        if picture.suffix not in (".xml", "")
    }


def _names(xml: Path) -> tuple[str, ...]:
    top = ElementTree.fromstring(xml.read_bytes())  # noqa: S314, made by this suite
    return tuple(sorted({str(each.findtext("name")).strip() for each in top.findall("object")}))


def voc_lists(root: Path) -> Found:
    """A list of images a class."""
    pictures = {path.stem: path for path in (root / "JPEGImages").iterdir()}
    labels: dict[str, set[str]] = {}
    for path in sorted((root / "ImageSets/Main").iterdir()):
        name = path.stem.rpartition("_")[0]
        for line in path.read_text(encoding="utf-8").splitlines():
            stem, mark = line.split()
            labels.setdefault(stem, set())
            if int(mark) == 1:
                labels[stem].add(name)
    return {f"JPEGImages/{pictures[stem].name}": tuple(sorted(names)) for stem, names in labels.items()}


def nuswide(root: Path) -> Found:
    """A file of ones and zeros a concept, without images of no concept."""
    names = (root / "Concepts81.txt").read_text(encoding="utf-8").split()
    found = {}
    for part in ("Train", "Test"):
        images = (root / f"ImageList/{part}Imagelist.txt").read_text(encoding="utf-8").splitlines()
        columns = {
            name: (root / f"Groundtruth/TrainTestLabels/Labels_{name}_{part}.txt")
            .read_text(encoding="utf-8")
            .split()
            for name in names
        }
        for place, image in enumerate(images):
            labels = tuple(sorted(name for name in names if int(columns[name][place])))
            if labels:
                found[f"Flickr/{image}"] = labels
    return found


def table(root: Path) -> Found:
    """A path and one label a row."""
    rows = csv.DictReader(io.StringIO((root / "labels.csv").read_text(encoding="utf-8")))
    return {row["path"]: _parts(row["labels"]) for row in rows}


def of_excel(root: Path) -> Found:
    """UTF-16 with semicolons, labels between bars."""
    text = (root / "labels.csv").read_bytes().decode("utf-16")
    rows = list(csv.reader(io.StringIO(text), delimiter=";"))[1:]
    return {row[0]: _parts(row[1]) for row in rows}


def one_hot(root: Path) -> Found:
    """A column a class, 1 where it is present."""
    rows = csv.DictReader(io.StringIO((root / "attributes.tsv").read_text(encoding="utf-8")), delimiter="\t")
    return {
        f"images/{row['id']}.jpg": tuple(
            sorted(key for key, cell in row.items() if key not in ("id", "partition") and cell.strip() == "1")
        )
        for row in rows
    }


def row_a_label(root: Path) -> Found:
    """A row a label; the lists of the splits say which images there are."""
    rows = list(csv.DictReader(io.StringIO((root / "labels.csv").read_text(encoding="utf-8"))))
    lists = [
        (root / f"{split}.txt").read_text(encoding="utf-8").split() for split in ("train", "val", "test")
    ]
    listed = {name for names in lists for name in names}
    found: dict[str, set[str]] = {}
    for row in rows:
        if row["file_name"] in listed:
            found.setdefault(row["file_name"], set()).update(filter(None, [row["label"].strip()]))
    return {f"jpg/{name}": tuple(sorted(labels)) for name, labels in found.items()}


def lists_as_text(root: Path) -> Found:
    """Labels as a list of Python."""
    rows = csv.DictReader(io.StringIO((root / "labels.csv").read_text(encoding="utf-8")))
    return {row["filepath"]: tuple(sorted(set(literal_eval(row["label"])))) for row in rows}


def json_lines(root: Path) -> Found:
    """An object a line."""
    lines = (root / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    return {row["path"]: tuple(sorted(set(row["labels"]))) for row in rows}


def without_head(root: Path) -> Found:
    """Words between blanks: path, labels, split."""
    rows = [line.split() for line in (root / "list.csv").read_text(encoding="utf-8").splitlines()]
    return {row[0]: () if row[1] == "[]" else _parts(row[1]) for row in rows if row}


def hugging_face(root: Path) -> Found:
    """Parquet with pictures in it, which have no paths: how often each set of labels occurs."""
    rows: list[tuple[str, ...]] = []
    for path in sorted((root / "data").glob("*.parquet")):
        if path.is_dir():
            continue
        read = pq.read_table(path)
        features = json.loads(read.schema.metadata[b"huggingface"])["info"]["features"]
        names = features["labels"]["feature"]["names"]
        rows += [tuple(sorted({names[label] for label in row})) for row in read["labels"].to_pylist()]
    return counted(rows)


def webdataset(root: Path) -> Found:
    """Tar shards: how often each set of labels occurs."""
    rows: list[tuple[str, ...]] = []
    for path in sorted(root.glob("*.tar")):
        if path.is_dir():
            continue
        with tarfile.open(path) as tar:
            for entry in tar:
                if entry.name.endswith(".json"):
                    content = tar.extractfile(entry)
                    rows.append(tuple(sorted(set(json.load(content)["labels"]))) if content else ())
    return counted(rows)


def open_images(root: Path) -> Found:
    """A row a verified label; Confidence says whether the class is there."""
    rows = csv.reader((root / "class-descriptions.csv").read_text(encoding="utf-8").splitlines())
    names = {row[0]: row[1] for row in rows if row}
    found: dict[str, set[str]] = {}
    for split in ("train", "validation", "test"):
        path = root / f"{split}-annotations-human-imagelabels.csv"
        for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))):
            picture = f"{split}/{row['ImageID']}.jpg"
            if not (root / picture).is_file():  # people have some of the millions of images
                continue
            labels = found.setdefault(picture, set())
            if float(row["Confidence"]) == 1:
                labels.add(names[row["LabelName"]])
    return {path: tuple(sorted(labels)) for path, labels in found.items()}


def text_files(root: Path) -> Found:
    """A text file of labels beside each picture, one a line."""
    return {
        path.with_suffix(".jpg").relative_to(root).as_posix(): tuple(
            sorted({line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()})
        )
        for path in root.rglob("*.txt")
    }


def counted(rows: Iterable[tuple[str, ...]]) -> Found:
    """How often each set of labels occurs, for pictures that have no path of their own."""
    return {str(count): labels for labels, count in _numbered(Counter(rows))}


def _numbered(counts: "Counter[tuple[str, ...]]") -> list[tuple[tuple[str, ...], Any]]:
    return [(labels, f"{place}: {counts[labels]} x") for place, labels in enumerate(sorted(counts))]


def _parts(text: str) -> tuple[str, ...]:
    for mark in "|;":
        if mark in text:
            return tuple(sorted({part.strip() for part in text.split(mark) if part.strip()}))
    return (text.strip(),) if text.strip() else ()


READINGS: dict[str, Callable[[Path], Found]] = {
    "coco": coco,
    "voc_sets": voc_sets,
    "voc_folders": voc_folders,
    "voc_lists": voc_lists,
    "nuswide": nuswide,
    "table": table,
    "table of Excel": of_excel,
    "a column a class": one_hot,
    "a row a label": row_a_label,
    "lists as text": lists_as_text,
    "JSON Lines": json_lines,
    "without a head": without_head,
    "Hugging Face": hugging_face,
    "WebDataset": webdataset,
    "Open Images": open_images,
    "text files": text_files,
}
"""By the names that the suite's forms have."""
