"""Which form of dataset a folder has, by what lies in it; said in a sentence, and refused where two fit."""

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
from wsdkd.datasets.tables.arrow import holds_pictures
from wsdkd.datasets.tables.label_columns import some

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
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
    forms = _forms(root, files, params)
    tables = [path for path in files if path.lower().endswith(TABLES) and "/" not in path]
    if not forms and len(tables) == 1:
        forms = [_Form("table", tables[0], {"file": tables[0]})]
    if not forms and tables:
        raise DatasetError(
            f"{root}: tables {some(tables)}; say which: dataset.format: table and dataset.file: {tables[0]}"
        )
    if not forms and any(map(is_picture, files)):
        forms = [_Form("folders", "pictures in folders, and nothing else that is read")]
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


def _forms(root: Path, files: Sequence[str], params: AutoDataset) -> list[_Form]:
    # All but plain tables and folders, which lie beside others, too.
    forms: list[_Form] = []
    with suppress(DatasetError):
        parts = parts_of(root, CocoDataset(format="coco", root=params.root))
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


def _is_annotation(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"<annotation" in file.read(LOOKED_AT)
    except OSError:
        return False


def _has_pictures(path: Path) -> bool:
    if path.suffix == ".arrow":
        return not path.name.startswith("cache-")
    if path.suffix != ".parquet":
        return False
    try:
        return any(holds_pictures(field.type) for field in pq.read_schema(path))
    except (pa.ArrowException, OSError):
        return False
