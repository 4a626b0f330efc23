"""``wsdkd labels``: from labels in doubt to corrections that prepare reads."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

from tests.serving.small_project import make_project, use_as_student
from tests.training.small_world import CLASSES
from wsdkd import project
from wsdkd.cli import labels as command
from wsdkd.cli.main import app
from wsdkd.data.tables import ImageRow, read_images, write_images
from wsdkd.datasets.corrections import Correction, read_corrections, write_corrections
from wsdkd.doubts.folds import write_scores
from wsdkd.ground.errors import UserError
from wsdkd.settings.sections import read_params

PAGE = Path("reports/labels.html")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["labels", *arguments], catch_exceptions=False)


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[ImageRow]:
    """Images of a project whose student knows the truth: 5 lacks a label, and 7 has one too many."""
    monkeypatch.chdir(tmp_path)
    rows = make_project(tmp_path)
    use_as_student(tmp_path, "good")
    params = read_params()
    params["dataset"] = {"format": "table", "root": "pictures", "draw": [], "listed": {}}
    YAML().dump(params, tmp_path / "params.yaml")
    spoiled = [
        replace(row, labels={"5": (), "7": (0, 1)}.get(row.image_id, row.labels))
        for row in read_images(project.IMAGES)
    ]
    assert next(row for row in rows if row.image_id == "7").labels == (1,)
    write_images(project.IMAGES, spoiled)
    return spoiled


@pytest.mark.usefixtures("rows")
def test_what_was_spoiled_is_on_the_page_and_taken_into_the_project(tmp_path: Path) -> None:
    said = run().stdout.splitlines()
    assert said[-2:] == [
        "reports/labels.html: 2 of 2 labels in doubt (val 2)",
        "open it, decide, download the decisions, then: wsdkd labels take FOLDER/corrections.csv",
    ]
    assert said[0].startswith("the training split is left out: ")
    assert said[1].startswith("no regions are shown: ")
    text = PAGE.read_text()
    assert 'data-image="5" data-class="blue" data-label="absent" data-proposed="present"' in text
    assert 'data-image="7" data-class="red" data-label="present" data-proposed="absent"' in text

    decided = [
        Correction("5", "blue", "absent", "present", "accepted"),
        Correction("7", "red", "present", "absent", "refused"),
    ]
    write_corrections(tmp_path / "decided.csv", decided[:1])
    assert run("take", "decided.csv").output.splitlines() == [
        "inputs/corrections/corrections.csv: 1 accepted, 0 refused, 1 in all",
        "params.yaml: dataset.corrections is inputs/corrections/corrections.csv now",
        "next: dvc repro",
    ]
    write_corrections(tmp_path / "decided.csv", decided[1:])
    assert run("take", "decided.csv").output.splitlines() == [
        "inputs/corrections/corrections.csv: 0 accepted, 1 refused, 2 in all",
        "next: dvc repro",
    ]
    assert read_corrections(command.NEW) == decided
    assert read_params()["dataset"]["corrections"] == command.NEW.as_posix()
    assert "0 of 0 labels in doubt" in run().output  # both were decided


@pytest.mark.usefixtures("rows")
def test_decisions_on_what_the_dataset_lacks_are_refused(tmp_path: Path) -> None:
    write_corrections(tmp_path / "decided.csv", [Correction("5", "cow", "absent", "present", "accepted")])
    with pytest.raises(UserError, match=r"^decided.csv: row 2: class: the dataset has no class 'cow'"):
        run("take", "decided.csv")
    assert not command.NEW.exists()


def test_training_images_are_doubted_by_what_the_stage_wrote(
    rows: list[ImageRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    train = [replace(row, split="train") for row in rows]
    write_images(project.IMAGES, train)
    scores = np.array([[0.9 if k == int(row.image_id) % 3 else 0.1 for k in range(3)] for row in train])

    class Done:
        returncode = 0

    def repro(arguments: list[str], check: bool) -> Done:
        asked.append((arguments[1:], check))
        write_scores(project.FOLD_SCORES, read_images(project.IMAGES, "train"), scores.astype("f4"), CLASSES)
        return Done()

    monkeypatch.setattr(command.subprocess, "run", repro)
    said = run("--folds", "3", "--most", "1").stdout.splitlines()
    assert asked == [(["-m", "dvc", "repro", "score_folds@3"], False)]
    assert said[0] == "params.yaml: doubts.folds is [3] now"
    assert said[-2] == "reports/labels.html: 1 of 2 labels in doubt (train 1)"
    assert read_params()["doubts"]["folds"] == [3]
    # Without --folds, the same scores, until labels change.
    assert "1 of 2 labels in doubt (train 1)" in run("--most", "1").output
    write_images(project.IMAGES, [replace(row, labels=()) for row in train])
    with pytest.raises(UserError, match=r"data/folds/scores\.parquet: not of the images and labels that"):
        run()


@pytest.mark.usefixtures("rows")
def test_a_stage_that_fails_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failed:
        returncode = 255

    monkeypatch.setattr(command.subprocess, "run", lambda *_, **__: Failed())
    with pytest.raises(
        UserError, match=r"^dvc repro score_folds@2 ended with status 255; what went wrong stands above"
    ):
        run("--folds", "2")
    assert not PAGE.exists()


def test_outside_of_a_project_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="not a project's folder"):
        run()
    with pytest.raises(UserError, match="not a project's folder"):
        run("take", "x.csv")
