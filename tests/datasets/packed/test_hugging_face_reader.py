"""Files as the hub stores them; the metadata are those that the package ``datasets`` writes."""

import io
import json
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from stages.prepare import main
from stages.run import run
from wsdkd import project
from wsdkd.data.images import decode
from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import read_images
from wsdkd.datasets.packed.hugging_face import read_hugging_face
from wsdkd.datasets.packed.unpack import Unpacked
from wsdkd.datasets.params import HuggingFaceDataset
from wsdkd.datasets.reading.records import Reading
from wsdkd.datasets.reading.rejections import DatasetError

NAMES = ["cat", "dog", "cow"]


def picture(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def feature(labels: Any) -> dict[bytes, bytes]:
    features = {"image": {"_type": "Image"}, "labels": labels}
    return {b"huggingface": json.dumps({"info": {"features": features}}).encode()}


CLASS = {"names": NAMES, "_type": "ClassLabel"}


def table(
    seeds: Sequence[int], labels: Sequence[Any], described: Any = CLASS, *, paths: bool = True, **more: Any
) -> pa.Table:
    images = [{"bytes": picture(seed), "path": f"{seed}.png" if paths else None} for seed in seeds]
    kind = pa.list_(pa.int64()) if labels and isinstance(labels[0], list) else None
    columns = {"image": images, "labels": pa.array(labels, kind), **more}
    return pa.table(columns).replace_schema_metadata(feature(described))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root/data").mkdir(parents=True)
    return tmp_path / "root"


def read(root: Path, **changes: Any) -> tuple[Reading, Path]:
    folder = root.parent / "unpacked"
    for left in folder.glob("*"):
        left.unlink()
    folder.mkdir(exist_ok=True)
    params = HuggingFaceDataset(format="hugging_face", root="r", **changes)
    return read_hugging_face(root, params, folder), folder


@pytest.mark.parametrize(
    ("described", "labels", "expected"),
    [
        (CLASS, [1, 0, 2], [(1,), (0,), (2,)]),
        ({"feature": CLASS, "_type": "Sequence"}, [[0, 2], [], [1]], [(0, 2), (), (1,)]),
        ({"feature": CLASS, "_type": "List"}, [[0, 2], [], [1]], [(0, 2), (), (1,)]),
        ([CLASS], [[0, 2], [], [1]], [(0, 2), (), (1,)]),
    ],
)
def test_numbers_become_the_names_of_the_schema(
    described: Any, labels: list[Any], expected: list[tuple[int, ...]], root: Path
) -> None:
    pq.write_table(table(range(2), labels[:2], described), root / "data/train-00000-of-00002.parquet")
    pq.write_table(table([2], labels[2:], described), root / "data/test-00000-of-00001.parquet")
    reading, folder = read(root)
    assert reading.classes == tuple(NAMES)  # in the order of the schema
    assert reading.unpacked
    assert [(record.image_id, record.split, record.labels) for record in reading.images] == [
        ("0.png", "train", expected[0]),
        ("1.png", "train", expected[1]),
        ("2.png", "test", expected[2]),
    ]
    for seed, record in enumerate(reading.images):
        found = decode(folder / record.path)
        assert found.tobytes() == Image.open(io.BytesIO(picture(seed))).tobytes()


def test_arrow_files_give_what_parquet_gives(root: Path) -> None:
    both = [(table([0, 1], [0, 1]), "train"), (table([2], [2]), "validation")]
    for content, split in both:
        pq.write_table(content, root / "data" / f"{split}-00000-of-00001.parquet")
    parquet, _ = read(root, folder="data")
    for content, split in both:
        (root / "arrow" / split).mkdir(parents=True)
        path = root / "arrow" / split / "data-00000-of-00001.arrow"
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, content.schema) as writer:
            writer.write_table(content, max_chunksize=1)
    (root / "arrow/train/cache-1.arrow").write_bytes(b"of the package's own")
    arrow, _ = read(root, folder="arrow")
    assert arrow.images == parquet.images
    assert [record.split for record in arrow.images] == ["train", "train", "val"]


def test_classes_of_objects_are_labels_too(root: Path) -> None:
    objects = [{"bbox": [[0.0] * 4] * 2, "category": [2, 0]}, {"bbox": [], "category": []}]
    described = {"bbox": {"feature": {"dtype": "float32", "_type": "Value"}}, "category": [CLASS]}
    pq.write_table(table([0, 1], objects, described), root / "train.parquet")
    assert [record.labels for record in read(root)[0].images] == [(0, 2), ()]
    assert [record.labels for record in read(root, labels_column="labels.category")[0].images] == [(0, 2), ()]


def test_columns_may_be_a_class_each_and_names_may_be_text(root: Path) -> None:
    content = table([0, 1], ["cat;dog", "dog"], None, wet=[1, 0], green=[None, 1])
    pq.write_table(content, root / "train.parquet")
    assert read(root)[0].classes == ("cat", "dog")
    reading, _ = read(root, labels_columns=("wet", "green"))
    assert [(record.labels, record.ignored) for record in reading.images] == [((0,), (1,)), ((1,), ())]


def test_ids_are_paths_where_they_are_unique_and_else_rows(root: Path) -> None:
    pq.write_table(table([0, 1], [0, 1], paths=False), root / "data/train-0.parquet")
    reading, _ = read(root)
    assert [record.image_id for record in reading.images] == [
        "data/train-0.parquet/0",
        "data/train-0.parquet/1",
    ]
    pq.write_table(table([0, 0], [0, 1]), root / "data/train-0.parquet")
    assert read(root)[0].images[1].image_id == "data/train-0.parquet/1"


def test_files_without_a_split_in_their_name(root: Path) -> None:
    pq.write_table(table([0], [0]), root / "data/0000.parquet")
    assert [record.split for record in read(root)[0].images] == ["train"]
    pq.write_table(table([1], [1]), root / "data/train.parquet")
    with pytest.raises(
        DatasetError, match=r"that of data/0000.parquet does not; .*split_names: \{'0000': train\}"
    ):
        read(root)
    assert [r.split for r in read(root, split_names={"0000": "test"})[0].images] == ["train", "test"]
    assert [r.image_id for r in read(root, split_names={"0000": "unused"})[0].images] == ["1.png"]


def test_a_row_without_a_picture_or_a_label_is_listed(root: Path) -> None:
    content = table([0, 1, 2], [0, -1, 1]).to_pydict()
    content["image"][2]["bytes"] = None
    pq.write_table(pa.table(content).replace_schema_metadata(feature(CLASS)), root / "train.parquet")
    reading, _ = read(root)
    assert [item.reason for item in reading.rejected] == [
        "train.parquet: row 1: label '-1' is no number from 0 to 2",
        "train.parquet: row 2: no picture in it",
    ]


def test_pictures_beside_the_files_are_taken_from_there(root: Path) -> None:
    images = [{"bytes": None, "path": "a.png"}, {"bytes": None, "path": "sub/b.png"}]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    content = pa.table({"image": pa.array(images, kind), "labels": [0, 1]})
    pq.write_table(content.replace_schema_metadata(feature(CLASS)), root / "train.parquet")
    reading, folder = read(root)
    assert not reading.unpacked
    assert [record.path for record in reading.images] == ["a.png", "sub/b.png"]
    assert list(folder.iterdir()) == []


def test_what_cannot_be_read_is_refused_in_one_line(root: Path) -> None:
    with pytest.raises(DatasetError, match=r"root: no .parquet or .arrow file in it"):
        read(root)
    pq.write_table(pa.table({"path": ["a.jpg"], "labels": [[0]]}), root / "train.parquet")
    with pytest.raises(
        DatasetError, match=r"no column of path, labels holds pictures; .*dataset.format: table"
    ):
        read(root)
    pq.write_table(table([0], [0]), root / "test.parquet")
    with pytest.raises(
        DatasetError, match=r"train.parquet: columns path, labels, but .*test.parquet has image, labels"
    ):
        read(root)
    content = (root / "test.parquet").read_bytes()
    (root / "train.parquet").write_bytes(content[:400] + content[500:])
    with pytest.raises(DatasetError, match=r"train.parquet: damaged, or not of its kind: "):
        read(root)
    (root / "train.parquet").unlink()
    with pytest.raises(DatasetError, match=r"no column 'picture' in it, but labels"):
        read(root, image_column="picture")


def test_shards_are_tar_files_of_equal_bytes(tmp_path: Path) -> None:
    content = [picture(seed) for seed in range(6)]
    paths = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        with Unpacked(folder, shard_bytes=20_000) as unpacked:
            paths.append([unpacked.add(each) for each in content])
    assert paths[0] == paths[1]
    shards = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(shards) > 1
    members = []
    for name in shards:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        with tarfile.open(tmp_path / "a" / name) as tar:
            members += [(member.name, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]
    assert members == [(f"{number:08d}.png", each) for number, each in enumerate(content)]


def test_the_stage_unpacks_and_later_stages_find_the_pictures(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pq.write_table(table(range(12), [n % 2 for n in range(12)]), root / "train.parquet")
    monkeypatch.chdir(root.parent)
    monkeypatch.setenv("WSDKD_WORKERS", "1")
    dataset = "{format: hugging_face, root: root, validation_fraction: 0.3, test_fraction: 0.3}"
    Path("params.yaml").write_text(f"dataset: {dataset}\n")
    run(main, "prepare")
    assert (
        "12 rows in 1 file; pictures in column image, unpacked; labels in column labels"
        in capsys.readouterr().out
    )
    rows = read_images(project.IMAGES)
    assert len(rows) == 12
    for row in rows:
        decode(photographs_folder(project.IMAGES) / row.path)
    before = {path.name: path.read_bytes() for path in project.PHOTOGRAPHS.iterdir()}
    run(main, "prepare")
    assert {path.name: path.read_bytes() for path in project.PHOTOGRAPHS.iterdir()} == before


def test_a_pipe_with_the_name_of_a_file_is_not_passed_over(root: Path) -> None:
    pq.write_table(table([1, 2], [0, 1]), root / "data/train-0.parquet")
    os.mkfifo(root / "data/train-1.parquet")
    with pytest.raises(DatasetError, match=r"train-1\.parquet: a pipe, where a file should be"):
        read(root)
