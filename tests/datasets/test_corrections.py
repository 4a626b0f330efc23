"""Labels that people corrected, applied by ``prepare``."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.prepare import main
from wsdkd import project
from wsdkd.data.annotations import read_objects
from wsdkd.data.tables import ImageRow, read_classes, read_images
from wsdkd.datasets.corrections import Correction, corrected, read_corrections, write_corrections
from wsdkd.datasets.params import VocDataset
from wsdkd.datasets.prepare import prepare
from wsdkd.ground.errors import UserError

HEAD = "image,class,label,proposed,decision\n"
ROW = ImageRow("a", "a.jpg", 8, 8, "train", (0, 2), (1,), "d")
CLASSES = ["cat", "cup", "dog"]


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    def write(rows: str) -> Path:
        path = tmp_path / "corrections.csv"
        path.write_text(HEAD + rows, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("rows", "labels", "ignored"),
    [
        ("a,cat,present,absent,accepted\n", (2,), (1,)),
        ("a,cup,uncertain,present,accepted\n", (0, 1, 2), ()),
        ("a,dog,present,uncertain,accepted\n", (0,), (1, 2)),
        ("a,cup,uncertain,absent,accepted\n", (0, 2), ()),
        ("a,cat,present,absent,refused\n", (0, 2), (1,)),
        ("a,cat,absent,present,accepted\n", (0, 2), (1,)),  # is so already
        ("a,cat,present,absent,accepted\n" * 2, (2,), (1,)),
    ],
)
def test_an_accepted_row_sets_one_class_of_one_image(
    file: Callable[[str], Path], rows: str, labels: tuple[int, ...], ignored: tuple[int, ...]
) -> None:
    other = replace(ROW, image_id="b")
    after = corrected([ROW, other], CLASSES, {"a", "b"}, file(rows))
    assert after.images == [replace(ROW, labels=labels, ignored=ignored), other]
    withheld = replace(ROW, split="unlabelled", labels=(), ignored=(0, 1, 2))
    assert corrected([withheld], CLASSES, {"a"}, file(rows)).images == [withheld]
    assert after.removed == {("a", label) for label in {0, 2} - {*labels}}


def test_where_nothing_is_known_nothing_is_corrected(file: Callable[[str], Path]) -> None:
    hidden = replace(ROW, split="unlabelled", labels=(), ignored=(0, 1, 2))
    after = corrected([hidden], CLASSES, {"a"}, file("a,cat,uncertain,present,accepted\n"))
    assert after.images == [hidden]


def test_it_says_what_was_changed(file: Callable[[str], Path]) -> None:
    rows = "a,cat,present,absent,accepted\na,cup,uncertain,present,accepted\na,dog,present,absent,refused\n"
    path = file(rows)
    said = corrected([ROW], CLASSES, {"a"}, path).said
    assert said == f"{path}: 1 label added, 1 taken away, 0 made uncertain, in 1 image; 1 proposal refused"


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("x,cat,present,absent,accepted\n", "row 2: image: the dataset has no image 'x'"),
        ("a,cat,present,absent,accepted\na,cow,absent,present,refused\n", "row 3: class: .* no class 'cow'"),
        ("a,cat,present,gone,accepted\n", "row 2: proposed: expected present or absent or uncertain, found"),
        ("a,cat,present,absent,yes\n", "row 2: decision: expected accepted or refused, found 'yes'"),
        ("a,cat,,absent,accepted\n", "row 2: label: this cell is empty"),
        (
            "a,cat,present,absent\n",
            r"row 2: expected 5 cells \(image,class,label,proposed,decision\), found 4",
        ),
        (
            "a,cat,present,absent,accepted\na,cat,present,absent,refused\n",
            "row 3: decision: class 'cat' of image a is absent .refused. here and absent .accepted. in",
        ),
        ('a,"cat,present,absent,accepted\n', "row 2: not CSV: "),
    ],
)
def test_a_bad_row_is_refused_in_one_line_by_its_place(
    file: Callable[[str], Path], rows: str, told: str
) -> None:
    path = file(rows)
    with pytest.raises(UserError, match=f"^{re.escape(str(path))}: {told}") as caught:
        corrected([ROW], CLASSES, {"a"}, path)
    assert "\n" not in str(caught.value)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,labels\na.jpg,cat\n")
    with pytest.raises(UserError, match="row 1: expected the columns image,class,"):
        read_corrections(tmp_path / "labels.csv")
    with pytest.raises(UserError, match="no such file; wsdkd labels makes such files"):
        read_corrections(tmp_path / "none.csv")


def test_what_is_written_is_read_again_whatever_names_hold(tmp_path: Path) -> None:
    odd = [
        Correction('b,"1', "päper\nclip\u2028s", "absent", "present", "refused"),
        Correction("a", "cat; dog", "present", "uncertain", "accepted"),
    ]
    write_corrections(tmp_path / "c.csv", odd)
    assert read_corrections(tmp_path / "c.csv") == odd[::-1]


Write = Callable[..., None]


@pytest.fixture
def root(tmp_path: Path, voc_image: Write, voc_sets: Write) -> Path:
    ids = [f"{number:02d}" for number in range(12)]
    for image_id in ids:
        voc_image(image_id, ("cat" if int(image_id) % 2 else "dog", 0, (1, 1, 10, 20)))
    voc_sets(ids[:8], ids[8:])
    return tmp_path


def test_the_stage_applies_them_and_leaves_splits_and_other_boxes_as_they_are(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setenv("WSDKD_WORKERS", "1")
    before = prepare(root, VocDataset(format="voc", root="."), workers=1)
    project.CORRECTIONS.mkdir(parents=True)
    rows = "00,dog,present,absent,accepted\n00,cat,absent,present,accepted\n09,dog,absent,present,accepted\n"
    (project.CORRECTIONS / "mine.csv").write_text(HEAD + rows)
    section: dict[str, Any] = {"format": "voc", "root": ".", "corrections": "inputs/corrections/mine.csv"}
    (root / "params.yaml").write_text(yaml.safe_dump({"dataset": section}))
    main()
    assert "mine.csv: 2 labels added, 1 taken away, 0 made uncertain, in 2 images" in capsys.readouterr().out
    assert read_classes(project.CLASSES) == ["cat", "dog"]
    after = list(read_images(project.IMAGES))
    assert [row.split for row in after] == [row.split for row in before.images]
    changed = {row.image_id: row.labels for row, old in zip(after, before.images, strict=True) if row != old}
    assert changed == {"00": (0,), "09": (0, 1)}
    assert {row.image_id for row in before.objects} - {
        row.image_id for row in read_objects(project.OBJECTS)
    } == {"00"}

    section["corrections"] = "mine.csv"
    (root / "params.yaml").write_text(yaml.safe_dump({"dataset": section}))
    with pytest.raises(
        UserError, match=r"dataset.corrections: expected a file below inputs/corrections, which"
    ):
        main()
