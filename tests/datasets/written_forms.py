"""The drawn scenes written as people's tools write them, by other code than reads them."""

import csv
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from wsdkd.datasets.scenes.layouts import AnnotatedScene, read_scenes

Scenes = Sequence[AnnotatedScene]
Write = Callable[[Path, list[str], Scenes], None]


def write(form: str, scenes_folder: Path, folder: Path) -> None:
    """Write the scenes of a folder in one of :data:`FORMS` to another folder."""
    classes, scenes = read_scenes(scenes_folder)
    folder.mkdir()
    FORMS[form][1](folder, classes, scenes)


def _copy(folder: Path, scenes: Scenes, below: str = "images") -> None:
    for scene in scenes:
        path = folder / below / scene.picture.name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(scene.picture, path)


def _names(scene: AnnotatedScene) -> list[str]:
    return sorted(scene.names)


def _csv(rows: Sequence[Sequence[Any]], delimiter: str = ",") -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue()


def _of_excel(folder: Path, _: list[str], scenes: Scenes) -> None:
    _copy(folder, scenes)
    words = {"train": "Train", "val": "Validation", "test": "TEST"}
    rows = [("Image", " Tags ", "Set", "")]
    rows += [(f"images/{s.picture.name}", " | ".join(_names(s)), words[s.split], "") for s in scenes]
    (folder / "labels.csv").write_bytes(_csv(rows, ";").encode("utf-16"))


def _one_hot(folder: Path, classes: list[str], scenes: Scenes) -> None:
    _copy(folder, scenes)
    partition = {"train": 0, "val": 1, "test": 2}
    rows: list[tuple[Any, ...]] = [("id", *classes, "partition")]
    rows += [
        (s.picture.stem, *(1 if name in s.names else -1 for name in classes), partition[s.split])
        for s in scenes
    ]
    (folder / "attributes.tsv").write_text(_csv(rows, "\t"))


def _row_a_label(folder: Path, _: list[str], scenes: Scenes) -> None:
    _copy(folder, scenes, "jpg")
    rows: list[tuple[str, ...]] = [("file_name", "label")]
    rows += [(s.picture.name, name) for s in scenes for name in [*_names(s)] or [""]]
    (folder / "labels.csv").write_text(_csv(rows))
    for split in ("train", "val", "test"):
        lines = [s.picture.name for s in scenes if s.split == split]
        (folder / f"{split}.txt").write_text("\n".join(lines))


def _lists_as_text(folder: Path, _: list[str], scenes: Scenes) -> None:
    _copy(folder, scenes)
    rows = [("filepath", "label", "split_name")]
    rows += [(f"images/{s.picture.name}", repr(_names(s)), s.split) for s in scenes]
    (folder / "labels.csv").write_text(_csv(rows))


def _json_lines(folder: Path, _: list[str], scenes: Scenes) -> None:
    _copy(folder, scenes)
    rows = [{"path": f"images/{s.picture.name}", "labels": _names(s), "split": s.split} for s in scenes]
    (folder / "labels.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def _without_head(folder: Path, _: list[str], scenes: Scenes) -> None:
    _copy(folder, scenes)
    lines = [f"images/{s.picture.name}  {';'.join(_names(s)) or '[]'}  {s.split}" for s in scenes]
    (folder / "list.csv").write_text("\n".join(lines))


def _hugging_face(folder: Path, classes: list[str], scenes: Scenes) -> None:
    label = {"feature": {"names": classes, "_type": "ClassLabel"}, "_type": "Sequence"}
    features = {"image": {"_type": "Image"}, "labels": label}
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    (folder / "data").mkdir()
    for split, name in (("train", "train"), ("val", "validation"), ("test", "test")):
        some = [scene for scene in scenes if scene.split == split]
        images = [{"bytes": s.picture.read_bytes(), "path": s.picture.name} for s in some]
        labels = pa.array([[classes.index(each) for each in _names(s)] for s in some], pa.list_(pa.int64()))
        table = pa.table({"image": images, "labels": labels}).replace_schema_metadata(metadata)
        pq.write_table(table, folder / f"data/{name}-00000-of-00001.parquet", row_group_size=50)


def _webdataset(folder: Path, _: list[str], scenes: Scenes) -> None:
    for split in ("train", "val", "test"):
        some = [scene for scene in scenes if scene.split == split]
        for number in range(2):
            with tarfile.open(folder / f"{split}-{number:06d}.tar", "w") as tar:
                for scene in some[number::2]:
                    tar.add(scene.picture, scene.picture.name)
                    told = json.dumps({"labels": _names(scene), "width": scene.size[0]}).encode()
                    entry = tarfile.TarInfo(f"{scene.picture.stem}.json")
                    entry.size = len(told)
                    tar.addfile(entry, io.BytesIO(told))


def _open_images(folder: Path, classes: list[str], scenes: Scenes) -> None:
    (folder / "class-descriptions.csv").write_text(
        _csv([(f"/m/{n}", name) for n, name in enumerate(classes)])
    )
    for split, name in (("train", "train"), ("val", "validation"), ("test", "test")):
        some = [scene for scene in scenes if scene.split == split]
        _copy(folder, some, name)
        rows: list[tuple[Any, ...]] = [("ImageID", "Source", "LabelName", "Confidence")]
        rows += [
            (s.picture.stem, "verification", f"/m/{place}", int(each in s.names))
            for s in some
            for place, each in enumerate(classes)
        ]
        (folder / f"{name}-annotations-human-imagelabels.csv").write_text(_csv(rows))


def _texts_beside(folder: Path, _: list[str], scenes: Scenes) -> None:
    for scene in scenes:
        beside = folder / {"train": "train", "val": "valid", "test": "test"}[scene.split]
        _copy(folder, [scene], beside.name)
        (beside / f"{scene.picture.stem}.txt").write_text("\n".join(_names(scene)))


FORMS: dict[str, tuple[dict[str, Any], Write]] = {
    "table of Excel": ({"format": "table"}, _of_excel),
    "a column a class": ({"format": "table", "file": "attributes.tsv"}, _one_hot),
    "a row a label": (
        {"format": "table", "train_list": "train.txt", "val_list": "val.txt", "test_list": "test.txt"},
        _row_a_label,
    ),
    "lists as text": ({"format": "table"}, _lists_as_text),
    "JSON Lines": ({"format": "table", "file": "labels.jsonl"}, _json_lines),
    "without a head": (
        {"format": "table", "file": "list.csv", "labels_column": "2", "split_column": "3"},
        _without_head,
    ),
    "Hugging Face": ({"format": "hugging_face"}, _hugging_face),
    "WebDataset": ({"format": "webdataset"}, _webdataset),
    "Open Images": ({"format": "open_images"}, _open_images),
    "text files": ({"format": "folders"}, _texts_beside),
}
"""By name: the parameters to read it with, and what writes it."""
