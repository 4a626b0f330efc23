"""``wsdkd predict`` on small pictures, whole and damaged ones, by a network that tells their colours."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy.special import logit
from typer.testing import CliRunner

from tests.cli.predict.predicting import PICTURES, run
from tests.serving.small_project import keep_counts
from tests.training.small_world import CLASSES
from wsdkd.cli.main import app
from wsdkd.cli.promoted import SOURCES
from wsdkd.evaluation.operating_point import operating_point
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.ground.errors import UserError
from wsdkd.serving.consider import consider
from wsdkd.serving.provenance import Code
from wsdkd.serving.store import Store
from wsdkd.settings.sections import read_params

ROOT = Path(__file__).parents[3]
CODE = Code(commit=None, dirty=(), run=None)


def test_json_of_a_mixed_folder(mixed: Path, model: str) -> None:
    result = run(mixed, "--model", model, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    names = ["a red one.png", "green, so to say.png", "deep er/blau \u00e4.png"]
    assert [Path(each["path"]).relative_to(mixed).as_posix() for each in found] == names
    assert [each["labels"] for each in found] == [["red"], ["green"], ["blue"]]
    for each, colour in zip(found, CLASSES, strict=True):
        assert list(each["scores"]) == CLASSES
        assert each["scores"][colour] > 0.5 > max(each["scores"][name] for name in CLASSES if name != colour)
    for told in (
        f"{mixed}/cut short.png: cannot be decoded",
        f"{mixed}/empty.jpg: an empty file",
        "2 files in folders passed over as no pictures: 1 .db, 1 .txt",
        "5 pictures, 2 unreadable, ",
    ):
        assert told in result.stderr


def test_csv(mixed: Path, model: str) -> None:
    result = run(mixed, "--model", model, "--csv", "--threshold", "0")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert list(rows[0]) == ["path", "labels", *CLASSES]
    assert [row["path"] for row in rows][1] == f"{mixed}/green, so to say.png"
    for row in rows:
        labels = row["labels"].split(";")
        assert sorted(labels) == sorted(CLASSES)
        assert [float(row[name]) for name in labels] == sorted(
            (float(row[name]) for name in CLASSES), reverse=True
        )


def test_table(made: Path, model: str) -> None:
    result = run(made / "pictures", "--model", model)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines() if ".png" in line]
    assert [line[0] for line in lines] == [f"{made}/pictures/{number}.png" for number in range(PICTURES)]
    assert [line[1] for line in lines] == CLASSES * 2
    assert result.stdout.split()[:2] == ["picture", "labels"]
    starts = [line.index(word) for line in result.stdout.splitlines() for word in CLASSES if word in line]
    assert len(set(starts)) == 1


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--top", "2"], 2),
        (["--top", "9"], 3),
        (["--top", "2", "--threshold", "0.5"], 1),
        (["--threshold", "1"], 0),
    ],
)
def test_how_many_labels(made: Path, model: str, options: list[str], count: int) -> None:
    found = json.loads(run(made / "pictures", "--model", model, "--json", *options).stdout)
    assert {len(each["labels"]) for each in found} == {count}


def test_models_by_name(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    picture, good = "pictures/0.png", ["pictures/0.png", "red"]
    for model, labels in (("promoted", good), ("models/promoted", good), ("models/good", good)):
        found = json.loads(run(picture, "--model", model, "--json").stdout)
        assert [found[0]["path"], *found[0]["labels"]] == labels
    assert json.loads(run(picture, "--model", "student", "--json").stdout)[0]["labels"] != ["red"]
    with pytest.raises(UserError, match=r"models/baseline/model\.json: no such file"):
        run(picture, "--model", "baseline")


def test_what_is_refused_at_once(tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=r"models/promoted: no such folder, and .* is no project's; go to one"
    ):
        run("a.png")
    (tmp_path / "dvc.yaml").touch()
    with pytest.raises(UserError, match="no student is promoted yet"):
        run("a.png")
    (tmp_path / "dvc.yaml").unlink()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match="no pictures found"):
        run(tmp_path, "--model", model)
    for options in (["--json", "--csv"], ["--to", "out.csv", "--csv"]):
        with pytest.raises(UserError, match="exclude one another"):
            run("a.png", "--model", model, *options)
    with pytest.raises(UserError, match=r"--to out\.txt: expected a name that ends in \.csv or \.json"):
        run("a.png", "--model", model, "--to", "out.txt")


@pytest.mark.parametrize(("folder", "what"), [("nonsense", "no such folder"), ("empty", "holds no student")])
def test_no_student_is_no_reason_to_pull(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    with pytest.raises(UserError) as said:
        run("a.png", "--model", folder)
    assert str(said.value).startswith(f"{folder}: {what}; expected promoted, student, baseline, or a folder")
    assert "dvc" not in str(said.value)


def test_a_lost_ledger_is_told_where_the_folder_is_named(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "models/promoted", tmp_path / "promoted")
    (tmp_path / "promoted/promoted.json").unlink()
    with pytest.raises(UserError, match="wsdkd promoted rebuild"):
        run("a.png", "--model", tmp_path / "promoted")


def test_the_threshold_is_the_students(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "project"
    shutil.copytree(made, root)
    monkeypatch.chdir(root)
    params = read_params(root / "params.yaml")
    params["evaluation"]["threshold"] = 0.01
    YAML().dump(params, root / "params.yaml")
    result = run("pictures/0.png", "--model", "student", "--json")
    assert len(json.loads(result.stdout)[0]["labels"]) > 1
    assert f"labels scored above 0.01 (evaluation.threshold of {root}/params.yaml)" in result.stderr
    # A promoted one keeps its own, whatever the project says later.
    found = consider(root / "models/bad", Store(root / "models/promoted"), SOURCES, CODE, force=True)
    assert found.decision == "promoted"
    params["evaluation"]["threshold"] = 0.9
    YAML().dump(params, root / "params.yaml")
    assert "labels scored above 0.01 (as it was promoted with)" in run("pictures/0.png", "--json").stderr
    asked = run("pictures/0.png", "--threshold", "0.3", "--json").stderr
    assert "labels scored above 0.3\n" in asked
    assert "labels scored" not in run("pictures/0.png", "--top", "2", "--json").stderr
    # A student needs no project, nor one that is in order.
    (root / "params.yaml").write_text("{")
    alone = run("pictures/0.png", "--model", "models/good", "--json").stderr
    assert f"labels scored above 0.5 (the usual one, as {root}/params.yaml cannot be read" in alone
    (root / "params.yaml").unlink()
    alone = run("pictures/0.png", "--model", "models/good", "--json").stderr
    assert "labels scored above 0.5 (as no project says otherwise)" in alone


def test_thresholds_are_those_that_validation_images_chose(made: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(made, root)
    counts = keep_counts(root / "models/good")
    raw = json.loads(run(made / "pictures", "--model", made / "models/good", "--json").stdout)
    result = run(root / "pictures", "--model", root / "models/good", "--json")
    assert "labels scored above thresholds chosen for F1 on 60 validation images\n" in result.stderr
    point = operating_point(counts, len(CLASSES), EvaluationParams())
    for each, before in zip(json.loads(result.stdout), raw, strict=True):
        logits = logit(np.array(list(before["scores"].values())))
        expected = 1 / (1 + np.exp(-logits / point.calibration.temperature))
        np.testing.assert_allclose(list(each["scores"].values()), expected, atol=1e-3)
        given = {name for name, yes in zip(CLASSES, expected > point.thresholds, strict=True) if yes}
        assert set(each["labels"]) == given
    # A wish of the project's, which a promoted student takes with it.
    params = read_params(root / "params.yaml")
    params["evaluation"]["operating_point"] |= {"aim": "recall", "wanted": 0.9}
    YAML().dump(params, root / "params.yaml")
    shutil.rmtree(root / "models/promoted")
    with chdir(root):
        consider(root / "models/good", Store(root / "models/promoted"), SOURCES, CODE)
        params["evaluation"]["operating_point"] = None
        YAML().dump(params, root / "params.yaml")
        told = run("pictures/0.png", "--json").stderr
        assert "labels scored above thresholds chosen for recall 0.9 on 60 validation images" in told
        told = run("pictures/0.png", "--model", "models/good", "--json").stderr
        assert f"labels scored above 0.5 (evaluation.threshold of {root}/params.yaml)" in told


@pytest.mark.parametrize("end", ["\n", "\0"])
def test_paths_on_standard_input(made: Path, mixed: Path, model: str, end: str) -> None:
    names = [mixed / "a red one.png", made / "pictures/1.png"]
    words = ["predict", "-", str(made / "pictures/2.png"), "--model", model, "--json"]
    result = CliRunner().invoke(app, words, input=end.join(map(str, names)) + end)
    assert result.exit_code == 0
    assert [each["labels"] for each in json.loads(result.stdout)] == [["red"], ["green"], ["blue"]]
    assert "3 pictures, 0 unreadable, " in result.stderr


def test_nothing_readable_has_no_table(mixed: Path, model: str) -> None:
    (mixed / "Thumbs.db").unlink()
    shutil.rmtree(mixed / "deep er")
    for path in mixed.glob("*.png"):
        path.write_text("no picture")
    result = run(mixed, "--model", model)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "1 file in folders passed over as no pictures: 1 .txt" in result.stderr
    assert "4 pictures, 4 unreadable, " in result.stderr


def test_a_path_that_does_not_exist_is_named_and_the_others_labelled(made: Path, model: str) -> None:
    result = run("gone.png", made / "pictures/1.png", "--model", model, "--json")
    assert result.exit_code == 1
    assert [each["labels"] for each in json.loads(result.stdout)] == [["green"]]
    assert "gone.png: cannot be read: No such file or directory" in result.stderr


def test_needs_nothing_but_the_student(made: Path, tmp_path: Path) -> None:
    # A process of its own in an empty folder, with a name in it that is no UTF-8.
    odd = os.fsencode(tmp_path) + b"/\xff.png"
    with open(odd, "wb") as file:  # noqa: PTH123, a path cannot be written so
        file.write((made / "pictures/2.png").read_bytes())
    code = "from wsdkd.cli.main import main; main()"
    command = [sys.executable, "-c", code, "predict", ".", "--model", str(made / "models/promoted"), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert [each["labels"] for each in json.loads(done.stdout)] == [["blue"]]
    assert "1/1" in done.stderr
    assert done.stderr.count("0/1") == 1  # a log is not filled with bars
    assert [path.name for path in tmp_path.iterdir()] == ["\udcff.png"]
