from pathlib import Path

import pytest

from stages.photographs import fetch_photographs
from wsdkd.data.tables import ImageRow, write_images
from wsdkd.ground.errors import UserError
from wsdkd.ground.reading import stretch_of
from wsdkd.project import IMAGES, PHOTOGRAPHS

ROWS = [
    ImageRow(f"{folder}/{name}", f"{folder}/{name}.jpg", 8, 8, "train", (), (), "0" * 64)
    for folder in ("train", "val")
    for name in ("a", "b")
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No repository of DVC, so that nothing can be pulled."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("dataset: {format: coco, root: photos, draw: []}\n")
    for row in ROWS:
        (tmp_path / "photos" / row.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / row.path).touch()
    write_images(IMAGES, ROWS)
    return tmp_path


def test_photographs_that_are_here_are_left_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fetch_photographs([ROWS[:2], ROWS[2:]])
    assert capsys.readouterr().out == ""
    assert project.is_dir()


@pytest.mark.parametrize(
    ("draw", "remedy"), [("[]", "params.yaml, dataset.root"), ("[scenes]", "dvc repro draw_scenes@scenes")]
)
def test_a_folder_that_cannot_be_fetched_is_named(project: Path, draw: str, remedy: str) -> None:
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("[]", draw))
    (project / "photos/val/a.jpg").unlink()
    with pytest.raises(
        UserError, match=r"^photos/val/a\.jpg: this photograph is missing.*dvc pull photos"
    ) as told:
        fetch_photographs([ROWS[:2], ROWS[2:]])
    assert remedy in str(told.value)


def test_each_shard_is_looked_for_where_photographs_were_unpacked(project: Path) -> None:
    rows = [
        ImageRow(str(n), stretch_of(f"{n % 2}.tar", 512 * n, 4), 8, 8, "train", (), (), "0" * 64)
        for n in range(4)
    ]
    write_images(IMAGES, rows, PHOTOGRAPHS)
    (project / PHOTOGRAPHS).mkdir()
    for name in ("0.tar", "1.tar"):
        (project / PHOTOGRAPHS / name).touch()
    fetch_photographs([rows])
    (project / PHOTOGRAPHS / "1.tar").unlink()
    with pytest.raises(UserError, match=r"^data/prepared/photographs/1.tar: this photograph is missing"):
        fetch_photographs([rows])
