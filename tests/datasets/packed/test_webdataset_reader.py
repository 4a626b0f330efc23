"""Shards written by ``tarfile``, read back by their stretches."""

import gzip
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from wsdkd.datasets.packed.webdataset import read_webdataset
from wsdkd.datasets.params import WebDataset
from wsdkd.datasets.reading.records import Reading
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.ground.reading import read_regular


def entry(name: str, content: bytes | str) -> tuple[tarfile.TarInfo, bytes]:
    data = content.encode() if isinstance(content, str) else content
    info = tarfile.TarInfo(name)
    info.size = len(data)
    return info, data


def shard(path: Path, files: dict[str, bytes | str], form: int = tarfile.PAX_FORMAT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=form) as tar:
        for name, content in files.items():
            info, data = entry(name, content)
            tar.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


def read(root: Path, **changes: Any) -> tuple[Reading, Path]:
    folder = root.parent / "unpacked"
    folder.mkdir(exist_ok=True)
    return read_webdataset(root, WebDataset(format="webdataset", root="r", **changes), folder), folder


def labels_of(reading: Reading) -> dict[str, tuple[str, ...]]:
    return {
        record.image_id: tuple(reading.classes[place] for place in record.labels) for record in reading.images
    }


LONG = "a" * 120 + "/b"  # needs headers of its own


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_pictures_stay_in_their_shards(form: int, root: Path) -> None:
    keys = ["1", "x/2"] if form == tarfile.USTAR_FORMAT else ["1", "x/2", LONG]
    pictures = {key: f"picture {key}".encode() * 99 for key in keys}
    files: dict[str, bytes | str] = {}
    for key, content in pictures.items():
        files |= {
            f"{key}.jpg": content,
            f"{key}.json": json.dumps({"labels": ["cat"], "url": "x"}),
            f"{key}.npy": b"z",
        }
    shard(root / "train-000.tar", files, form)
    shard(root / "val-000.tar", {"3.JPG": b"three", "3.json": '{"labels": []}'}, form)
    reading, folder = read(root)
    assert [(record.image_id, record.split) for record in reading.images] == [
        *((key, "train") for key in keys),
        ("3", "val"),
    ]
    for record in reading.images[:-1]:
        assert read_regular(root / record.path, 20_000) == pictures[record.image_id]
    assert labels_of(reading) == {**dict.fromkeys(keys, ("cat",)), "3": ()}
    assert not reading.unpacked
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"cls": "2"}, {"cls": "10\n"}, [("2",), ("10",)]),
        ({"txt": "cat;dog"}, {"txt": "dog"}, [("cat", "dog"), ("dog",)]),
        ({"txt": "cat\ndog\n"}, {"txt": ""}, [("cat", "dog"), ()]),
        ({"json": '["cat", "dog"]'}, {"json": "[]"}, [("cat", "dog"), ()]),
        ({"json": '{"tags": "cat"}', "txt": "a caption"}, {"json": '{"tags": "dog"}'}, [("cat",), ("dog",)]),
        ({"json": '{"cat": 1, "dog": 0}'}, {"json": '{"cat": 0, "dog": 1}'}, [("cat",), ("dog",)]),
    ],
)
def test_labels_stand_in_files_of_any_usual_kind(
    first: dict[str, str], second: dict[str, str], expected: list[tuple[str, ...]], root: Path
) -> None:
    files: dict[str, bytes | str] = {}
    for key, told in (("a", first), ("b", second)):
        files |= {f"{key}.png": key, **{f"{key}.{suffix}": text for suffix, text in told.items()}}
    shard(root / "0.tar", files)
    assert list(labels_of(read(root)[0]).values()) == expected


def test_numbers_are_places_among_the_classes(root: Path) -> None:
    shard(root / "0.tar", {"a.jpg": b"a", "a.cls": "0", "b.jpg": b"b", "b.cls": "2"})
    reading, _ = read(root, classes=("cat", "dog", "cow"))
    assert labels_of(reading) == {"a": ("cat",), "b": ("cow",)}


def test_compressed_shards_are_unpacked(root: Path) -> None:
    plain = shard(root / "train/0.tar", {"a.jpg": b"one", "a.cls": "0", "b.jpg": b"two", "b.cls": "1"})
    (root / "train/1.tar.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    reading, folder = read(root)
    assert reading.unpacked
    assert [read_regular(folder / record.path, 99) for record in reading.images] == [b"one", b"two"]


def test_a_key_in_two_shards_is_two_images(root: Path) -> None:
    for name in ("0.tar", "1.tar"):
        shard(root / name, {"a.jpg": name, "a.cls": "0", "a.seg.png": b"a mask"})
    reading, _ = read(root)
    assert [record.image_id for record in reading.images] == ["0.tar/a", "1.tar/a"]
    assert read_regular(root / reading.images[1].path, 99) == b"1.tar"


def test_what_is_no_sample_is_listed(root: Path) -> None:
    path = shard(
        root / "0.tar",
        {
            "a.jpg": b"a",
            "a.cls": "0",
            "b.cls": "1",
            "c.jpg": b"c",
            "d.jpg": b"d",
            "d.png": b"e",
            "d.cls": "0",
            "e.jpg": b"e",
            "e.json": "{",
            "f.jpg": b"f",
            "f.cls": b"\xff",
            ".hidden": b"g",
        },
    )
    with tarfile.open(path, "a") as tar:
        link = tarfile.TarInfo("g.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        info, data = entry("g.cls", "0")
        tar.addfile(info, io.BytesIO(data))
    reading, _ = read(root)
    assert [record.image_id for record in reading.images] == ["a"]
    reasons = {item.image_id: item.reason.partition(": ")[2].partition(": ")[2] for item in reading.rejected}
    assert reasons == {
        "b": "no picture in its sample",
        "c": "no labels (null); an image of none of the classes has empty ones",
        "d": "two pictures in one sample",
        "e": "e.json: not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        "f": "f.cls: not UTF-8 text: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        "g": "g.jpg is a link, or a file with holes",
    }


def test_names_that_lead_out_of_a_shard_lead_nowhere(root: Path) -> None:
    shard(root / "0.tar", {"../../up.jpg": b"a", "../../up.cls": "0", "/etc/b.jpg": b"b", "/etc/b.cls": "1"})
    before = sorted(root.parent.rglob("*"))
    reading, folder = read(root)
    assert sorted(path for path in root.parent.rglob("*") if path != folder) == before
    assert all(record.path.startswith("0.tar#") for record in reading.images)
    assert [read_regular(root / record.path, 9) for record in reading.images] == [b"a", b"b"]


def test_a_shard_that_is_cut_off_is_said_or_refused(root: Path) -> None:
    files = {f"{n}.{suffix}": text for n in range(9) for suffix, text in (("jpg", "j"), ("cls", "0"))}
    path = shard(root / "0.tar", files)
    whole = path.read_bytes()
    for size in (12 * 512, 12 * 512 + 100):  # between two members, and within a header
        path.write_bytes(whole[:size])
        reading, _ = read(root)
        assert len(reading.images) == 3
        assert "0.tar has no mark of its end, so that it may be cut off" in reading.notes[0]
    for content in (whole[: 11 * 512], whole[: 13 * 512], b"no tar" * 200):  # within a text and a picture
        path.write_bytes(content)
        with pytest.raises(DatasetError, match=r"0.tar: damaged, or no tar file: "):
            read(root)
    path.unlink()
    with pytest.raises(DatasetError, match=r"no .tar file in it; see dataset.root"):
        read(root)


def test_a_pipe_with_the_name_of_a_shard_is_not_passed_over(root: Path) -> None:
    shard(root / "train-0.tar", {"1.jpg": b"1", "1.cls": "cat"})
    os.mkfifo(root / "train-1.tar")
    with pytest.raises(DatasetError, match=r"train-1\.tar: a pipe, where a file should be"):
        read(root)
