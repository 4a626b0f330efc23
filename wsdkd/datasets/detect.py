"""Which form of dataset a folder has, by what lies in it; said in a sentence, and refused where two fit."""

import posixpath
import re
from collections.abc import Sequence
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from wsdkd.datasets.coco.layouts import parts_of
from wsdkd.datasets.folders.label_files import texts_beside
from wsdkd.datasets.heads import LIST, NAMES, VIA, WITHIN, has_pictures, head_of, is_annotation, is_coco
from wsdkd.datasets.packed.tar_shards import holds_labels, shards_among
from wsdkd.datasets.params import AutoDataset, CocoDataset, DatasetParams
from wsdkd.datasets.published.open_images import annotation_files
from wsdkd.datasets.reading.paths import lies_below
from wsdkd.datasets.reading.picture_files import files_below, is_picture, stem
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.reading.told_splits import told_splits
from wsdkd.datasets.reading.unread import ARCHIVES, ways_out
from wsdkd.datasets.reading.words import place_of_folder, split_of, splits_of_files
from wsdkd.datasets.tables.cells import EXPORTED, SEVERAL, of_guests
from wsdkd.datasets.tables.columns import SPLITS
from wsdkd.datasets.tables.cvat import is_cvat
from wsdkd.datasets.tables.label_columns import by_names, some
from wsdkd.datasets.tables.picture_names import names_pictures
from wsdkd.datasets.tables.split_tables import split_tables_among, split_tables_beside

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
UNREAD = (*TABLES, ".json", ".xml", ".txt", ".xlsx", ".db", ".mat")
"""What may hold annotations: a person who has such a file wants to know that it was passed over."""
NO_CLASSES = (
    "image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "photographs", "jpegimages",
    "mask", "masks", "label", "labels", "annotation", "annotations", "segmentationclass",
    "segmentationobject", "data", "dataset", "datasets", "raw", "upload", "uploads", "archive", "",
)  # fmt: skip
"""Names of folders that say what lies in them, or nothing."""


class _Form(NamedTuple):
    """A form that a folder may have: the format, what lies there of it, and keys of its own."""

    name: str
    what: str
    own: dict[str, Any] = {}  # noqa: RUF012, never changed


def detect(root: Path, params: AutoDataset) -> tuple[DatasetParams, str]:
    """Find out the form of a folder: its parameters, and a sentence that says what was found.

    Raises:
        DatasetError: it has none that is read, or several; names the choices.
    """
    if not root.is_dir():
        way = ""
        if root.is_file():
            way = f"; {ways_out([root.name]) or f'take its folder: dataset.root: {root.parent}'}"
        raise DatasetError(f"{root}: not a folder{way}; see dataset.root")
    # A pipe or a device is none of these, and opening one may never end.
    files = sorted(path for path in files_below(root, params.links) if (root / path).is_file())
    forms = _forms(root, files)
    tables = [] if forms else _tables(root, files)
    if len(tables) == 1:
        forms = [_table(root, tables[0], files)]
    if len(tables) > 1:
        largest = max(tables, key=lambda path: ("meta" not in path.lower(), (root / path).stat().st_size))
        raise DatasetError(
            f"{root}: tables {some(tables)}; say which: dataset.format: table and dataset.file: {largest}"
        )
    if not forms:
        _refuse_one_folder(root, files)
        forms = _folders(root, files, params)
    if not forms:
        ways = ways_out(files)
        raise DatasetError(
            f"{root}: no table, no annotations, no shards and no pictures in it"
            f"{f' ({ways})' if ways else ''}; docs/datasets.md has all that is read"
        )
    if len(forms) > 1:
        found = " and as ".join(f"{form.name} ({form.what})" for form in forms)
        raise DatasetError(f"{root}: can be read as {found}; say which: {_keys(forms[0])}")
    form = forms[0]
    shared = params.model_dump(exclude={"format"} | ({"test_fraction"} if form.name == "nuswide" else set()))
    chosen = TypeAdapter(DatasetParams).validate_python({"format": form.name, **shared, **form.own})
    packed = [path for path in files if path.lower().endswith(ARCHIVES)]
    told = f"; archives are not unpacked: {some(packed)}" if packed and form.name != "webdataset" else ""
    return chosen, f"{root}: read as dataset.format: {form.name}, by {form.what}{told}"


def _keys(form: _Form) -> str:
    return ", ".join(f"dataset.{key}: {value}" for key, value in {"format": form.name, **form.own}.items())


def _refuse_one_folder(root: Path, files: Sequence[str]) -> None:
    # As an archive leaves it that was unpacked into a folder of its own.
    tops = {path.partition("/")[0] for path in files}
    if len(tops) != 1 or any("/" not in path for path in files):
        return
    (top,) = tops
    below = [path.removeprefix(f"{top}/") for path in files if path.startswith(f"{top}/")]
    if _forms(root / top, below) or _tables(root / top, below):
        raise DatasetError(
            f"{root}: all of it lies in its folder {top}; take that: dataset.root: {root / top}"
        )


def _folders(root: Path, files: Sequence[str], params: AutoDataset) -> list[_Form]:
    pictures = [path for path in files if is_picture(path) and not lies_below(path, params.unlabelled_images)]
    if not pictures:
        return []
    beside = {stem(path) for path in pictures}  # their files of labels, perhaps
    texts = texts_beside(root, pictures, files)
    classes = set(map(_class_folders, pictures)) - {()}
    in_files = 2 * len(texts) >= len(pictures) or bool(texts and not classes)
    own = told_splits(root, files, pictures)
    read = {*own.values(), *texts.values()} if "split_names" not in own else {*texts.values()}
    unread = [path for path in files if path.lower().endswith(UNREAD) and path not in read]
    unread = [path for path in unread if posixpath.splitext(path)[0] not in beside and not of_guests(path)]
    passed = f" (not read: {some(unread)}; see docs/datasets.md)" if unread else ""
    tables = [path for path in unread if path.lower().endswith(TABLES)]
    if not in_files and len(classes) < 2 and not tables:
        tables = [path for path in unread if path.endswith(".txt") and "/" not in path]
        known = {stem(posixpath.basename(path)).casefold() for path in pictures}
        tables = [path for path in tables if names_pictures(root / path, known, 2)]
        tables = _as_one(_of_labels(root, tables), files)
    if not in_files and len(classes) < 2 and len(tables) == 1:
        return [_table(root, tables[0], files)]
    if in_files or len(classes) > 1 or (classes and not unread):
        told = f"; splits by {', '.join(map(str, own.values()))}" if own else ""
        what = f"pictures in folders, and nothing else that is read{passed}{told}"
        return [_Form("folders", what, {"labels": "files", **own} if in_files else own)]
    folders = sorted({path.rpartition("/")[0] or "no folder" for path in pictures})
    ways = ways_out(files)
    way = f"{ways}; " if ways else ""
    raise DatasetError(
        f"{root}: nothing tells the labels: its pictures lie in {some(folders)}, which is "
        f"{'one class alone' if classes else 'no class'}{passed}; "
        f"if a file holds them: dataset.format: table and dataset.file; {way}docs/datasets.md has all "
        "that is read"
    )


def _class_folders(path: str) -> tuple[str, ...]:
    # The folders above it that may be named after a class.
    words = ((folder, re.sub(r"[\W\d_]+", "", folder.casefold())) for folder in path.split("/")[:-1])
    return tuple(
        folder for folder, word in words if place_of_folder(word, {}) is None and word not in NO_CLASSES
    )


def _forms(root: Path, files: Sequence[str]) -> list[_Form]:
    # All but plain tables and folders, which lie beside others, too.
    forms: list[_Form] = []
    with suppress(DatasetError):
        parts = parts_of(root, CocoDataset(format="coco", root=str(root)))
        found = [part.annotations for part in parts]
        if not any(LIST.match(head_of(root / path)) for path in found):  # others call a file labels.json, too
            forms.append(_Form("coco", some(found)))
    if not forms:
        named = [
            path for path in files if "/" not in path and path.endswith(".json") and is_coco(root / path)
        ]
        forms += [_Form("coco", path, {"train_annotations": path}) for path in named]
    xml = (path for path in files if path.lower().endswith(".xml") and is_annotation(root / path))
    sets = next((path for path in files if path.startswith("ImageSets/") or _SETS.match(path)), None)
    sets = sets or next(xml, None)
    if sets:
        forms.append(_Form("voc", sets))
    concepts = [path for path in files if path in ("Concepts81.txt", "ConceptsList/Concepts81.txt")]
    if concepts:
        forms.append(_Form("nuswide", concepts[0]))
    labels = [path for _, path in annotation_files(files)]
    if labels:
        forms.append(_Form("open_images", some(labels)))
    packed = [path for path in files if has_pictures(root / path)]
    if packed:
        forms.append(_Form("hugging_face", f"pictures in {some(packed)}"))
    shards = shards_among(files)
    if shards and (holds_labels(root / shards[0]) or not any(map(is_picture, files))):
        forms.append(_Form("webdataset", some(shards)))
    if forms and not labels and "labels.csv" in files:
        forms.append(_Form("table", "labels.csv"))
    return forms


def _tables(root: Path, files: Sequence[str]) -> list[str]:
    here = [path for path in files if "/" not in path and not of_guests(path)]
    pictures = {stem(posixpath.basename(path)).casefold() for path in files if is_picture(path)}
    tables = [path for path in here if path.lower().endswith(TABLES)]
    if len(tables) > 1:  # a list of classes is a table as well, and a README
        tables = [path for path in tables if names_pictures(root / path, pictures)] or tables
        tables = _of_labels(root, tables)
    if tables:
        return _as_one(tables, here)
    lists = [path for path in here if path.lower().endswith(".json") and _has_rows(root / path, pictures)]
    if lists:
        return lists
    for name in EXPORTED:
        exported = [path for path in files if path.endswith(f"/{name}") and path.count("/") == 1]
        if any(split_of(path.partition("/")[0]) == "train" for path in exported):
            return [f"*/{name}"]
    return [path for path in here if path.lower().endswith(".xml") and is_cvat(root / path)]


def _has_rows(path: Path, pictures: set[str]) -> bool:
    head = head_of(path)
    if any(form.match(head) for form in (LIST, WITHIN, VIA)):
        return not is_coco(path)
    return NAMES.match(head) is not None and names_pictures(path, pictures)


def _table(root: Path, file: str, files: Sequence[str]) -> _Form:
    own: dict[str, str] = {}
    head = re.split(r"[,;\t|]", head_of(root / file).decode("latin-1").partition("\n")[0].strip("\r\"'"))
    if (root / file).is_file() and not by_names(head, SPLITS):
        told = told_splits(root, [path for path in files if path != file], list(filter(is_picture, files)))
        own = {} if "split_names" in told else told
        beside = [] if own else split_tables_beside(root, file)
        own = {"split_file": beside[0]} if len(beside) == 1 else own
    splits = f", splits by {some(list(own.values()))}" if own else ""
    here = [
        path for path in files if "/" not in path and path.lower().endswith(TABLES) and not of_guests(path)
    ]
    unread = [path for path in here if not any(fnmatch(path, each) for each in file.split(SEVERAL))]
    unread = [path for path in unread if path not in own.values()]
    passed = f" (not read: {some(unread)})" if unread else ""
    return _Form("table", f"{file}{splits}{passed}", {"file": file, **own})


def _of_labels(root: Path, tables: list[str]) -> list[str]:
    # Without those of splits alone.
    apart = split_tables_among(root, tables)
    return [path for path in tables if path not in apart] or tables


def _as_one(tables: list[str], here: Sequence[str]) -> list[str]:
    # A table a split, train.csv and val.csv, is one table: the pattern of their names, if no other has it.
    suffixes = {posixpath.splitext(path)[1] for path in tables}
    with suppress(DatasetError):
        splits = splits_of_files(tables, {}, "")
        if len(suffixes) == 1 < len(tables) and "train" in splits and len(set(splits)) == len(splits):
            suffix = suffixes.pop()
            return [
                f"*{suffix}"
                if set(tables) == {path for path in here if path.endswith(suffix)}
                else SEVERAL.join(tables)
            ]
    return tables


_SETS = re.compile(r"([^/]+/){1,2}ImageSets/")
