import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.prepare import main
from stages.run import run
from wsdkd import project
from wsdkd.data.annotations import read_objects
from wsdkd.data.tables import read_classes, read_images
from wsdkd.datasets.audit.count import facts_of
from wsdkd.datasets.audit.refuse import refuse_unusable
from wsdkd.datasets.audit.summary import summary
from wsdkd.datasets.params import VocDataset
from wsdkd.datasets.prepare import prepare
from wsdkd.datasets.reading.rejections import DatasetError, Rejection, write_rejected

BOX = (1, 1, 10, 20)
IDS = [f"{number:02d}" for number in range(20)]

Write = Callable[..., None]


@pytest.fixture
def root(tmp_path: Path, voc_image: Write, voc_sets: Write) -> Path:
    for image_id in IDS:
        voc_image(image_id, ("cat" if int(image_id) % 2 else "dog", 0, BOX))
    voc_sets(IDS[:16], IDS[16:])
    return tmp_path


def params(**changes: Any) -> VocDataset:
    return VocDataset(format="voc", root="r", **{"validation_fraction": 0.3, **changes})


def use(root: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    # The stage's own folder: the dataset is its root, params.yaml says so.
    section = {"format": "voc", "root": ".", "validation_fraction": 0.3, **changes}
    (root / "params.yaml").write_text(yaml.safe_dump({"dataset": section}))
    monkeypatch.chdir(root)


def read_rejected() -> list[dict[str, str]]:
    with project.REJECTED.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_validation_images_come_from_train(root: Path) -> None:
    prepared = prepare(root, params(), workers=1)
    splits = {row.image_id: row.split for row in prepared.images}
    assert {splits[image_id] for image_id in IDS[:16]} == {"train", "val"}
    assert {splits[image_id] for image_id in IDS[16:]} == {"test"}


def test_the_stage_writes_four_files(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(root, monkeypatch)
    monkeypatch.setenv("WSDKD_WORKERS", "1")
    main()
    assert read_classes(project.CLASSES) == ["cat", "dog"]
    assert [row.image_id for row in read_images(project.IMAGES)] == IDS
    assert len(read_objects(project.OBJECTS)) == 20
    assert read_rejected() == []
    assert "20 images" in capsys.readouterr().out


def test_too_many_rejected_images_fail_the_stage_after_listing_them(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for image_id in IDS[:7]:
        (root / "JPEGImages" / f"{image_id}.jpg").write_text("no picture")
    use(root, monkeypatch, max_rejected=6)
    monkeypatch.setenv("WSDKD_WORKERS", "1")
    with pytest.raises(SystemExit, match="1"):
        run(main, "prepare")
    message = capsys.readouterr().err
    line = message.splitlines()[-1]
    assert line.startswith(
        "error: 7 images cannot be used, more than dataset.max_rejected: 6; 7 x the file is no "
    )
    assert "(JPEGImages/00.jpg: not an image" in line
    assert line.endswith("data/prepared/rejected.csv lists all with the reason")
    assert "Traceback" not in message
    assert [row["image_id"] for row in read_rejected()] == IDS[:7]
    assert not project.IMAGES.exists()


def test_as_many_as_allowed_do_not(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "JPEGImages" / "03.jpg").unlink()
    use(root, monkeypatch, max_rejected=1)
    monkeypatch.setenv("WSDKD_WORKERS", "1")
    main()
    assert [row.image_id for row in read_images(project.IMAGES)] == [i for i in IDS if i != "03"]
    assert read_rejected() == [
        {
            "kind": "image",
            "image_id": "03",
            "path": "JPEGImages/03.jpg",
            "reason": "cannot be read: No such file or directory",
            "cause": "missing",
        }
    ]


def test_a_rejected_object_does_not_count_as_an_image(root: Path, voc_image: Write) -> None:
    voc_image("00", ("dog", 0, (90, 90, 95, 95)))
    prepared = prepare(root, params(), workers=1)
    assert [(item.kind, item.image_id) for item in prepared.rejected] == [("object", "00")]
    assert len(prepared.images) == 20
    refuse_unusable(prepared, params(), "rejected.csv")
    assert summary(facts_of(prepared), "rejected.csv")[0].endswith("rejected: 0 images, 1 object")


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("train", "no image in split train; label some images as such$"),
        ("val", "no image in split val; raise dataset.validation_fraction or change dataset.split_seed"),
        ("test", "no image in split test; name one, or raise dataset.test_fraction where"),
    ],
)
def test_an_empty_split_is_refused(split: str, message: str, root: Path) -> None:
    prepared = prepare(root, params(), workers=1)
    rest = tuple(row for row in prepared.images if row.split != split)
    with pytest.raises(DatasetError, match=message):
        refuse_unusable(replace(prepared, images=rest), params(), "rejected.csv")


def test_a_changed_box_changes_the_objects_alone(
    root: Path, voc_image: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(root, monkeypatch)
    monkeypatch.setenv("WSDKD_WORKERS", "1")
    files = (project.CLASSES, project.IMAGES, project.OBJECTS, project.REJECTED)
    main()
    before = {path: path.read_bytes() for path in files}
    main()
    assert {path: path.read_bytes() for path in files} == before
    voc_image("00", ("dog", 0, (1, 1, 11, 20)))
    main()
    assert [path for path in files if path.read_bytes() != before[path]] == [project.OBJECTS]


def test_reasons_with_commas_quotes_and_broken_names_are_csv(tmp_path: Path) -> None:
    path = tmp_path / "rejected.csv"
    write_rejected(path, [Rejection("image", 'a "b"', "c,\n\udcff.jpg", "label 'x' is not a class")])
    with path.open(newline="", encoding="utf-8") as file:
        head, row = csv.reader(file)
    assert head == ["kind", "image_id", "path", "reason", "cause"]
    assert row == ["image", 'a "b"', "c,\n\\udcff.jpg", "label 'x' is not a class", "annotation"]
