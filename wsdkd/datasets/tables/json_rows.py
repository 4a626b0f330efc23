"""The rows of a JSON file, whichever way a tool nests them.

One value a line, or one for the whole file: a list of rows, rows by split, labels by path, paths by label, or
what Label Studio, FiftyOne and the VGG Image Annotator (VIA) write.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wsdkd.datasets.labels.texts import LISTS, NAMES
from wsdkd.datasets.reading.rejections import DatasetError, Rejection
from wsdkd.datasets.reading.words import place_of_folder
from wsdkd.datasets.tables.delimited import looks_like_a_picture

VIA_PROJECT = "_via_img_metadata"
"""Key of the pictures in a project of VIA."""
_VIA_NAMES = (*NAMES, "type", "object", "object_name", "objects", *LISTS)
"""Attributes of VIA that hold the label, where a region has several."""


def entries_of(text: str, source: str) -> tuple[list[Any], list[Rejection], tuple[str, ...]]:
    """The rows, those that are no JSON, and the names of the classes where labels may be numbers of them.

    Args:
        text: of the file.
        source: its path, for messages.

    Raises:
        DatasetError: it is no JSON, or nobody can tell which attribute of VIA's regions is the label.
    """
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        if not text.lstrip().startswith("{"):
            raise DatasetError(f"{source}: not JSON: {error}") from None
        return _of_lines(text)
    if isinstance(whole, dict):
        pictures = list(_of_via(whole).values())
        if pictures:
            return _via_rows(pictures, source), [], ()
        names = whole.get("classes")
        if isinstance(names, list) and isinstance(whole.get("labels"), dict):
            return _by_path(whole["labels"]), [], tuple(map(str, names))
        rows = _of_splits(whole) or _of_labels(whole)
        if rows:
            return rows, [], ()
        if any(map(looks_like_a_picture, whole)) or _are_lists_of_names(whole):
            return _by_path(whole), [], ()
    rows = _within(whole)
    if isinstance(rows, list):
        return list(map(_of_label_studio, rows)), [], _class_names(whole)
    return _of_lines(text)


def _of_lines(text: str) -> tuple[list[Any], list[Rejection], tuple[str, ...]]:
    entries: list[Any] = []
    rejected: list[Rejection] = []
    for number, line in enumerate(filter(str.strip, text.splitlines()), start=1):
        try:
            entries.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            entries.append(Rejection("image", "", "", f"row {number}: not JSON: {error}"))
            rejected.append(entries[-1])
    return entries, rejected, ()


def _within(whole: Any) -> Any:
    # {"images": [{...}]}, but for what COCO's files hold besides.
    if not isinstance(whole, dict) or "annotations" in whole:
        return whole
    lists = [each for each in whole.values() if isinstance(each, list) and each and isinstance(each[0], dict)]
    return lists[0] if len(lists) == 1 else whole


def _class_names(whole: Any) -> tuple[str, ...]:
    # Beside the rows, of numbers that their labels may be.
    lists = (
        (whole.get(key) for key in ("classes", "class_names", "categories"))
        if isinstance(whole, dict)
        else ()
    )
    names = next((each for each in lists if isinstance(each, list) and each), [])
    return tuple(names) if all(isinstance(name, str) for name in names) else ()


def _of_splits(whole: Mapping[str, Any]) -> list[Any]:
    # {"train": [{...}], "val": [{...}]}
    lists = [each for each in whole.values() if isinstance(each, list) and each]
    if not lists or len(lists) < len(whole) or any(place_of_folder(word, {}) is None for word in whole):
        return []
    if not all(isinstance(row, dict) for rows in lists for row in rows):
        return []
    return [{**row, "split": word} for word, rows in whole.items() for row in rows]


def _of_labels(whole: Mapping[str, Any]) -> list[Any]:
    # {"cat": ["1.jpg", "2.jpg"]}
    labels: dict[str, list[str]] = {}
    for name, paths in whole.items():
        if not isinstance(paths, list):
            return []
        for path in paths:
            if not isinstance(path, str) or not looks_like_a_picture(path):
                return []
            labels.setdefault(path, []).append(name)
    return _by_path(labels)


def _are_lists_of_names(whole: Mapping[str, Any]) -> bool:
    # {"000123": ["cat"]}
    return bool(whole) and all(
        isinstance(each, list) and all(isinstance(name, str) for name in each) for each in whole.values()
    )


def _by_path(labels: Mapping[str, Any]) -> list[Any]:
    # In {"1.jpg": {"labels": [...], "width": 640}} each value is a row, in {"1.jpg": {"cat": 1}} labels.
    if all(isinstance(each, dict) and _has_labels(each) for each in labels.values()):
        return [{**each, "path": path} for path, each in labels.items()]
    return [{"path": path, "labels": each} for path, each in labels.items()]


def _has_labels(row: Mapping[str, Any]) -> bool:
    return any(isinstance(row.get(key), list | str) for key in (*LISTS, *NAMES))


def _of_label_studio(row: Any) -> Any:
    # A task as it exports them by default: {"data": {"image": PATH}, "annotations": [{"result": [...]}]}.
    if not isinstance(row, dict) or not isinstance(row.get("data"), dict) or "annotations" not in row:
        return row
    texts = [value for value in row["data"].values() if isinstance(value, str)]
    path = next((text for text in texts if looks_like_a_picture(text)), texts[0] if texts else None)
    names: dict[Any, None] = {}
    for annotation in row["annotations"] or []:
        results = annotation.get("result") if isinstance(annotation, dict) else None
        for result in results if isinstance(results, list) else []:
            value = result.get("value") if isinstance(result, dict) else None
            for key, given in value.items() if isinstance(value, dict) else ():
                if (key == "choices" or key.endswith("labels")) and isinstance(given, list):
                    names |= dict.fromkeys(name for name in given if isinstance(name, str))
    return {"path": path, "labels": list(names)}


def _of_via(whole: Mapping[str, Any]) -> Mapping[str, Any]:
    # By the names and sizes of the pictures' files, as an export or within a project.
    pictures = whole.get(VIA_PROJECT, whole)
    if not isinstance(pictures, dict) or not all(
        isinstance(each, dict) and "filename" in each and "regions" in each for each in pictures.values()
    ):
        return {}
    return pictures


def _via_rows(pictures: list[Mapping[str, Any]], source: str) -> list[Any]:
    # The labels of regions; of whole pictures only where no region has any attribute.
    regions = [list(_attributes(each["regions"])) for each in pictures]
    told = regions if any(map(any, regions)) else [_of_whole(each) for each in pictures]
    keys = Counter(key for each in told for attributes in each for key in attributes)
    usual = [key for name in _VIA_NAMES for key in keys if key.casefold() == name]
    if len(keys) > 1 and not usual:
        raise DatasetError(
            f"{source}: nobody can tell which attribute of VIA's regions is the label: {', '.join(keys)}; "
            "call it 'label' in the file"
        )
    key = usual[0] if usual else next(iter(keys), "")
    return [
        {
            "path": each["filename"],
            "labels": [name for attributes in own for name in _chosen(attributes.get(key))],
        }
        for each, own in zip(pictures, told, strict=True)
    ]


def _of_whole(picture: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    attributes = picture.get("file_attributes")
    return [attributes] if isinstance(attributes, dict) else []


def _attributes(regions: Any) -> Iterator[Mapping[str, Any]]:
    # A list in newer versions, and by their numbers in older ones.
    each = regions.values() if isinstance(regions, dict) else regions
    for region in each if isinstance(each, Iterable) else ():
        if isinstance(region, dict) and isinstance(region.get("region_attributes"), dict):
            yield region["region_attributes"]


def _chosen(value: Any) -> list[Any]:
    # Of a text or a list to choose from; of boxes to tick {"cat": true}.
    if isinstance(value, dict):
        return [name for name, there in value.items() if there is True]
    return [] if value is None or not str(value).strip() else [value]
