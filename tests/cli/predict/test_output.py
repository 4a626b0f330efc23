"""The forms in which ``wsdkd predict`` gives its labels: files, rows, links, pictures."""

import csv
import io
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from tests.cli.predict.predicting import run
from tests.serving.small_project import save_student
from tests.training.small_world import CLASSES, STUDENT
from wsdkd.ground.errors import UserError
from wsdkd.serving import where
from wsdkd.student.network import Student


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_a_file_holds_what_is_printed(mixed: Path, model: str, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out.{ending}"
    result = run(mixed, "--model", model, "--to", path)
    assert (result.exit_code, result.stdout) == (1, "")
    expected = json.loads(run(mixed, "--model", model, "--json").stdout)
    if ending == "parquet":
        table = pq.read_table(path).to_pylist()
        assert [row["labels"] for row in table] == [each["labels"] for each in expected]
        for row, each in zip(table, expected, strict=True):
            assert row["path"] == each["path"]
            assert {name: row[name] for name in CLASSES} == pytest.approx(each["scores"], abs=1e-6)
    else:
        printed = run(mixed, "--model", model, f"--{ending}").stdout
        assert path.read_bytes().decode() == printed
    assert sorted(each.name for each in tmp_path.iterdir()) == ["my pictures", path.name]


def test_a_file_is_whole_or_as_it_was(made: Path, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("of before")
    broken = tmp_path / "broken"
    network = Student(STUDENT, len(CLASSES))
    torch.nn.init.constant_(network.classifier.bias, float("nan"))
    save_student(broken, network)
    with pytest.raises(UserError, match="not finite"):
        run(made / "pictures", "--model", broken, "--to", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "of before"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["broken", "out.csv"]


def test_a_row_a_label(mixed: Path, model: str, tmp_path: Path) -> None:
    result = run(mixed, "--model", model, "--csv", "--by-label", "--top", "2")
    rows = list(csv.reader(io.StringIO(result.stdout)))
    assert rows[0] == ["path", "label", "score"]
    expected = json.loads(run(mixed, "--model", model, "--json", "--top", "2").stdout)
    assert [tuple(row[:2]) for row in rows[1:]] == [
        (each["path"], label) for each in expected for label in each["labels"]
    ]
    assert [float(row[2]) for row in rows[1:]] == [
        each["scores"][label] for each in expected for label in each["labels"]
    ]
    path = tmp_path / "rows.csv"
    run(mixed, "--model", model, "--to", path, "--by-label", "--top", "2")
    assert path.read_bytes().decode() == result.stdout
    with pytest.raises(UserError, match="--by-label is a form of CSV"):
        run(mixed, "--model", model, "--json", "--by-label")


def test_pictures_are_linked_into_folders_by_label(
    made: Path, mixed: Path, model: str, tmp_path: Path
) -> None:
    sorted_to = tmp_path / "sorted"
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(made / "pictures/0.png", other / "a red one.png")
    run(mixed, other, "--model", model, "--link-to", sorted_to)
    links = {path.relative_to(sorted_to).as_posix(): path.resolve() for path in sorted_to.rglob("*.png")}
    assert links == {
        "red/a red one.png": (mixed / "a red one.png").resolve(),
        "red/a red one-2.png": (other / "a red one.png").resolve(),
        "green/green, so to say.png": (mixed / "green, so to say.png").resolve(),
        "blue/blau \u00e4.png": (mixed / "deep er/blau \u00e4.png").resolve(),
    }
    with pytest.raises(UserError, match=r"--link-to .*sorted: there is something already"):
        run(mixed, "--model", model, "--link-to", sorted_to)
    run(mixed, "--model", model, "--threshold", "1", "--link-to", tmp_path / "none")
    assert [path.name for path in (tmp_path / "none").iterdir()] == ["(no label)"]


def test_memory_for_a_picture_is_bounded(made: Path, model: str) -> None:
    result = run(made / "pictures/0.png", "--model", model, "--memory", "0.001")
    assert result.exit_code == 0
    Image.new("RGB", (900, 900)).save(made / "large.png")
    result = run(made / "large.png", "--model", model, "--memory", "0.001")
    assert result.exit_code == 1
    assert "large.png: " in result.stderr
    assert "more than the limit of 1,000,000" in result.stderr


def test_a_name_that_is_no_utf_8_comes_back_by_printf(made: Path, model: str, tmp_path: Path) -> None:
    names = [b"\xff.png", b"a\\n\xe4.png", "\u00e4\\n.png".encode()]
    for name in names:
        shutil.copy(made / "pictures/0.png", os.fsencode(tmp_path) + b"/" + name)
    result = run(tmp_path, "--model", model, "--csv", "--by-label")
    told = [row["path"] for row in csv.DictReader(io.StringIO(result.stdout))]
    assert f"{tmp_path}/\u00e4\\n.png" in told  # as it is: only odd names are written otherwise
    for text in told:
        command = ["printf", "%b", text] if "\u00e4" not in text else ["printf", "%s", text]
        path = subprocess.run(command, capture_output=True, check=True).stdout
        assert os.path.isfile(path)  # noqa: PTH113, no UTF-8
    assert len(told) == 3


def test_pictures_show_where_their_labels_are(
    made: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def left_half(_: object, pictures: torch.Tensor, places: list[list[int]]) -> list[np.ndarray]:
        asked.append((pictures.shape[0], *places))
        return [np.repeat([[[1.0, 1.0, 0.0, 0.0]]], len(places[0]), axis=0)]

    monkeypatch.setattr(where, "class_heat", left_half)
    seen, pictures = tmp_path / "seen", tmp_path / "pictures"
    shutil.copytree(made / "pictures", pictures)
    (pictures / "notes.png").write_text("no picture")
    result = run(pictures, "--model", model, "--top", "2", "--where", seen, "--json")
    assert "7 pictures, 1 unreadable" in result.stderr
    labels = [each["labels"] for each in json.loads(result.stdout)]
    assert asked == [(1, [CLASSES.index(name) for name in names]) for names in labels]
    assert sorted(path.name for path in seen.iterdir()) == [f"{place:06d} {place}.jpg" for place in range(6)]
    for path in seen.iterdir():
        sheet = Image.open(path)
        assert sheet.width == 3 * where.SIDE  # the picture, and once more for each of two labels
        panel = np.asarray(sheet)[: sheet.height - where.CAPTION, where.SIDE : 2 * where.SIDE].astype(int)
        redder = panel[:, :, 0] - panel[:, :, 2]
        assert np.median(redder[:, : where.SIDE // 3]) > 50
        assert abs(np.median(redder[:, -where.SIDE // 3 :])) < 5
        # A white box around the hot half, but for what JPEG makes of it.
        white = panel.min(axis=2) > 150
        for edge in (white[1], white[-2], white[:, 1].T, white[:, where.SIDE // 2 - 1].T):
            assert edge[: where.SIDE // 2].mean() > 0.9
        assert not white[:, where.SIDE // 2 + 4 :].any()
    run(pictures / "0.png", "--model", model, "--threshold", "1", "--where", tmp_path / "none")
    assert list((tmp_path / "none").iterdir()) == []
