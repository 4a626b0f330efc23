"""Which form of dataset a folder has, by what lies in it; said in a sentence, and refused where two fit."""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from wsdkd.datasets.coco.layouts import parts_of
from wsdkd.datasets.packed.tar_shards import shards_among
from wsdkd.datasets.params import AutoDataset, CocoDataset, DatasetParams
from wsdkd.datasets.published.open_images import annotation_files
from wsdkd.datasets.reading.picture_files import files_below, is_picture
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.reading.words import split_of
from wsdkd.datasets.tables.arrow import holds_pictures
from wsdkd.datasets.tables.cells import EXPORTED
from wsdkd.datasets.tables.label_columns import some

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
UNREAD = (".json", ".xml", ".txt", ".csv", ".xlsx", ".db", ".mat")
"""What may hold annotations: a person who has such a file wants to know that it was passed over."""
LOOKED_AT = 2048
"""Bytes of a file that show what it is."""


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
        raise DatasetError(f"{root}: not a folder; see dataset.root")
    # A pipe or a device is none of these, and opening one may never end.
    files = sorted(path for path in files_below(root, params.links) if (root / path).is_file())
    forms = _forms(root, files)
    tables = [] if forms else _tables(root, files)
    if len(tables) == 1:
        forms = [_Form("table", tables[0], {"file": tables[0]})]
    if len(tables) > 1:
        largest = max(tables, key=lambda path: (root / path).stat().st_size)
        raise DatasetError(
            f"{root}: tables {some(tables)}; say which: dataset.format: table and dataset.file: {largest}"
        )
    if not forms and any(map(is_picture, files)):
        unread = [path for path in files if "/" not in path and path.lower().endswith(UNREAD)]
        beside = f" (not read: {some(unread)}; see docs/datasets.md)" if unread else ""
        forms = [_Form("folders", f"pictures in folders, and nothing else that is read{beside}")]
    if not forms:
        raise DatasetError(
            f"{root}: no table, no annotations, no shards and no pictures in it; docs/datasets.md has all "
            "that is read"
        )
    if len(forms) > 1:
        found = " and as ".join(f"{form.name} ({form.what})" for form in forms)
        raise DatasetError(f"{root}: can be read as {found}; say which: dataset.format: {forms[0].name}")
    form = forms[0]
    shared = params.model_dump(exclude={"format"} | ({"test_fraction"} if form.name == "nuswide" else set()))
    chosen = TypeAdapter(DatasetParams).validate_python({"format": form.name, **shared, **form.own})
    return chosen, f"{root}: read as dataset.format: {form.name}, by {form.what}"


def _forms(root: Path, files: Sequence[str]) -> list[_Form]:
    # All but plain tables and folders, which lie beside others, too.
    forms: list[_Form] = []
    with suppress(DatasetError):
        parts = parts_of(root, CocoDataset(format="coco", root=str(root)))
        forms.append(_Form("coco", some([part.annotations for part in parts])))
    xml = (path for path in files if path.lower().endswith(".xml") and _is_annotation(root / path))
    sets = next((path for path in files if path.startswith("ImageSets/")), None) or next(xml, None)
    if sets:
        forms.append(_Form("voc", sets))
    concepts = [path for path in files if path in ("Concepts81.txt", "ConceptsList/Concepts81.txt")]
    if concepts:
        forms.append(_Form("nuswide", concepts[0]))
    labels = [path for _, path in annotation_files(files)]
    if labels:
        forms.append(_Form("open_images", some(labels)))
    packed = [path for path in files if _has_pictures(root / path)]
    if packed:
        forms.append(_Form("hugging_face", f"pictures in {some(packed)}"))
    shards = shards_among(files)
    if shards:
        forms.append(_Form("webdataset", some(shards)))
    if forms and not labels and "labels.csv" in files:
        forms.append(_Form("table", "labels.csv"))
    return forms


def _tables(root: Path, files: Sequence[str]) -> list[str]:
    # What Kaggle's competitions take from their guests is no table of labels.
    here = [path for path in files if "/" not in path and "submission" not in path.lower()]
    tables = [path for path in here if path.lower().endswith(TABLES)]
    if tables:
        return tables
    lists = [path for path in here if path.lower().endswith(".json") and _LIST.match(_head(root / path))]
    if lists:
        return lists
    exported = [path for path in files if path.endswith(f"/{EXPORTED}") and path.count("/") == 1]
    return [f"*/{EXPORTED}"] if any(split_of(path.partition("/")[0]) == "train" for path in exported) else []


_ANNOTATION = re.compile(rb".*<annotation[\s>]", re.DOTALL)
_LIST = re.compile(rb"\s*\[\s*\{.*\.(jpe?g|png|webp|tiff?|bmp)\"", re.DOTALL | re.IGNORECASE)


def _is_annotation(path: Path) -> bool:
    # Not <annotations>, which is CVAT's own.
    return _ANNOTATION.match(_head(path)) is not None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LOOKED_AT)
    except OSError:
        return b""


def _has_pictures(path: Path) -> bool:
    if path.suffix == ".arrow":
        return not path.name.startswith("cache-")
    if path.suffix != ".parquet":
        return False
    try:
        return any(holds_pictures(field.type) for field in pq.read_schema(path))
    except (pa.ArrowException, OSError):
        return False
